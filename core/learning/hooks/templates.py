"""A hooks file to start from, for those who have none yet."""

from __future__ import annotations

import os

from core.errors import ConfigurationError
from core.files import write_at_once
from core.workspace.consents import may_write
from core.workspace.settings import Workspace

TEMPLATE = '''\
"""What labelpilot asks your model: embeddings, losses, and which images are labeled.

labelpilot runs this file in your own Python, from the workspace's folder, and calls the functions
below. {tag}
"""

import json
from pathlib import Path

IMAGES = Path({images!r})
DATASET = Path({dataset!r})


def get_embeddings():
    """A vector for every image, labeled or not: tag -> list, numpy array or tensor.

    Take the output of your model's last layer but one. For very many images, return
    (tags, array), or the path of an .npz file with the arrays `tags` and `embeddings`.
    """
    raise NotImplementedError("get_embeddings() is yours to complete")


def get_loss_trainset():
    """The loss of every train image: tag -> number. Losses out of fold tell more than train losses.

    With PyTorch: `criterion = torch.nn.BCEWithLogitsLoss(reduction="none")`, then the mean over the
    classes of each image.
    """
    raise NotImplementedError("get_loss_trainset() is yours to complete")


def get_tags_labeled():
    """The tags of all labeled images: those of dataset.json, which `labelpilot export` writes.

    Leave this function out, and labelpilot asks Label Studio.
    """
    return list(json.loads(DATASET.read_text(encoding="utf-8"))) if DATASET.exists() else []


# Optional: class probabilities of the unlabeled images, tag -> one number for each class. The
# orders herding, margin and entropy use them; without, a linear model on the embeddings stands in.
#
# def get_probabilities():
#     ...
'''


TAG_WORDS = {
    "stem": 'A tag is an image file\'s name without its ending: "img_0001" for img_0001.png.',
    "path": 'A tag is an image file\'s path in that folder: "day/img_0001.png".',
}


def write_hooks_file(workspace: Workspace) -> None:
    """Write a hooks file with the functions to complete where the workspace names one.

    Raises ConfigurationError where there is a file already, which is left as it is.
    """
    file = workspace.learning.hooks
    if os.path.exists(file):
        raise ConfigurationError(
            f"{workspace.relative(file)} is there already; it was not touched.",
            next_step="Move it away first, or name another as `hooks` under [learning].",
        )
    may_write(workspace, file)
    text = TEMPLATE.format(
        images=workspace.relative(workspace.images.path),
        dataset=workspace.relative(workspace.annotations.dataset),
        tag=TAG_WORDS[workspace.images.tag],
    )
    write_at_once(file, text.encode())
