"""Hooks files to start from: the manual's, to complete, and one for each library that brings a
trained network, which runs as it is.

What a template leaves out, labelpilot's own stands in for. `files` needs no Python at all: it names
what a training run writes in `labelpilot.toml`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from core.errors import ConfigurationError
from core.files import write_at_once
from core.workspace.consents import may_write
from core.workspace.settings import Workspace, save_workspace

Template = Literal["manual", "timm", "torchvision", "open-clip", "keras", "sklearn", "files"]
TEMPLATES: Mapping[Template, str] = {
    "manual": "the three functions, to complete",
    "timm": "embeddings by a network of timm's",
    "torchvision": "embeddings by a network of torchvision's",
    "open-clip": "embeddings by a CLIP of open_clip's",
    "keras": "embeddings by a network of Keras's",
    "sklearn": "embeddings and losses by scikit-learn, of the pixels",
    "files": "files that your training writes, named in labelpilot.toml",
}
RESULTS = {"embeddings": "results/embeddings.npz", "losses": "results/losses.csv"}

MANUAL = '''\
"""What labelpilot asks your model: embeddings, losses, and which images are labeled.

labelpilot runs this file in your own Python, from the workspace's folder, and calls the functions
below. {tag}
A function that is left as it is, or left out, labelpilot stands in for.
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

HEAD = '''\
"""What labelpilot asks your model: {asked}.

labelpilot runs this file in your own Python, from the workspace's folder.
{tag}
"""

{imports}

IMAGES = Path({images!r})
PATTERN = {pattern!r}
FILES = sorted(path for path in IMAGES.{listing}("*") if re.match(PATTERN, path.name))
{constants}

def tag_of(path):
    return {tag_code}
'''

OF_PIXELS = """

def read(path):
    with Image.open(path) as image:
        return {read}
"""

EMBEDDINGS = '''

def get_embeddings():
    """A vector for every image, labeled or not: the network's last layer but one."""
    vectors = {{}}
    for start in range(0, len(FILES), BATCH):
        some = FILES[start : start + BATCH]
        batch = {batch}
        vectors.update(zip(map(tag_of, some), {vectors}))
    return vectors


# Losses are left to labelpilot: a linear model on these embeddings guesses each label that it was
# not fitted on. Once you train a model of your own, let it speak, by tag -> loss:
#
# def get_loss_trainset():
#     ...
'''

OF_TORCH = OF_PIXELS.format(read='image.convert("RGB")') + EMBEDDINGS.format(
    batch="torch.stack([TRANSFORM(read(path)) for path in some])",
    vectors="MODEL(batch).numpy()",
)

TIMM = """\
MODEL = timm.create_model("resnet18.a1_in1k", pretrained=True, num_classes=0).eval()
TRANSFORM = timm.data.create_transform(**timm.data.resolve_model_data_config(MODEL))
torch.set_grad_enabled(False)
"""
TORCHVISION = """\
WEIGHTS = ResNet18_Weights.DEFAULT
MODEL = resnet18(weights=WEIGHTS).eval()
MODEL.fc = torch.nn.Identity()
TRANSFORM = WEIGHTS.transforms()
torch.set_grad_enabled(False)
"""
OPEN_CLIP = """\
CLIP, _, TRANSFORM = open_clip.create_model_and_transforms("ViT-B-32", pretrained="openai")
MODEL = CLIP.visual.eval()
torch.set_grad_enabled(False)
"""
KERAS = """\
MODEL = MobileNetV2(weights="imagenet", include_top=False, pooling="avg")
"""
OF_KERAS = OF_PIXELS.format(
    read='np.asarray(image.convert("RGB").resize((224, 224)), np.float32)'
) + EMBEDDINGS.format(
    batch="preprocess_input(np.stack([read(path) for path in some]))",
    vectors="MODEL.predict(batch, verbose=0)",
)

OF_SKLEARN = (
    OF_PIXELS.format(read='np.asarray(image.convert("RGB").resize((32, 32)), np.float32).ravel()')
    + '''

def get_embeddings():
    """A vector for every image, labeled or not: what its pixels have in common with others'."""
    pixels = np.stack([read(path) for path in FILES])
    vectors = PCA(min(64, *pixels.shape), random_state=0).fit_transform(pixels)
    return dict(zip(map(tag_of, FILES), vectors))


def get_loss_trainset():
    """The loss of every image in dataset.json, by a forest that has not seen it."""
    labels = json.loads(DATASET.read_text(encoding="utf-8")) if DATASET.exists() else {}
    files = [path for path in FILES if tag_of(path) in labels]
    if len(files) < 2:
        return {}
    classes = MultiLabelBinarizer().fit_transform([labels[tag_of(path)] for path in files])
    pixels = np.stack([read(path) for path in files])
    guessed = cross_val_predict(RandomForestRegressor(random_state=0), pixels, classes, cv=2)
    right = np.where(classes, guessed.reshape(classes.shape), 1 - guessed.reshape(classes.shape))
    losses = -np.log(np.clip(right, 0.01, 1)).mean(axis=1)
    return dict(zip(map(tag_of, files), losses))
'''
)

STANDARD = "import re\nfrom pathlib import Path\n\n"
# Of each: what it answers, its imports, its constants, its functions.
RUNNING: Mapping[Template, tuple[str, str, str, str]] = {
    "timm": (
        "embeddings, by timm's networks",
        STANDARD + "import timm\nimport torch\nfrom PIL import Image",
        TIMM,
        OF_TORCH,
    ),
    "torchvision": (
        "embeddings, by torchvision's networks",
        STANDARD + "import torch\nfrom PIL import Image\n"
        "from torchvision.models import ResNet18_Weights, resnet18",
        TORCHVISION,
        OF_TORCH,
    ),
    "open-clip": (
        "embeddings, by open_clip's networks",
        STANDARD + "import open_clip\nimport torch\nfrom PIL import Image",
        OPEN_CLIP,
        OF_TORCH,
    ),
    "keras": (
        "embeddings, by Keras's networks",
        STANDARD + "import numpy as np\n"
        "from keras.applications.mobilenet_v2 import MobileNetV2, preprocess_input\n"
        "from PIL import Image",
        KERAS,
        OF_KERAS,
    ),
    "sklearn": (
        "embeddings and losses, by scikit-learn",
        "import json\n" + STANDARD + "import numpy as np\nfrom PIL import Image\n"
        "from sklearn.decomposition import PCA\n"
        "from sklearn.ensemble import RandomForestRegressor\n"
        "from sklearn.model_selection import cross_val_predict\n"
        "from sklearn.preprocessing import MultiLabelBinarizer",
        "DATASET = Path({dataset!r})\n",
        OF_SKLEARN,
    ),
}
TAG_WORDS = {
    "stem": 'A tag is an image file\'s name without its ending: "img_0001" for img_0001.png.',
    "path": 'A tag is an image file\'s path in that folder: "day/img_0001.png".',
}
TAG_CODE = {"stem": "path.stem", "path": "path.relative_to(IMAGES).as_posix()"}


def write_template(workspace: Workspace, template: Template = "manual") -> str:
    """Write the hooks file of a template where the workspace names one, or, for `files`, what it
    names into `labelpilot.toml`; returns the name of what was written.

    Raises ConfigurationError where there is a file already, which is left as it is.
    """
    file = workspace.learning.hooks
    if os.path.exists(file):
        raise ConfigurationError(
            f"{workspace.relative(file)} is there already; it was not touched.",
            next_step="Move it away first, or name another as `hooks` under [learning].",
        )
    if template == "files":
        named = {name for name in RESULTS if getattr(workspace.learning, name) is not None}
        new = {name: path for name, path in RESULTS.items() if name not in named}
        save_workspace(workspace.root, {"learning": new})
        return workspace.relative(workspace.file)
    may_write(workspace, file)
    write_at_once(file, _text(workspace, template).encode())
    return workspace.relative(file)


def _text(workspace: Workspace, template: Template) -> str:
    images, rule = workspace.images, workspace.images.tag
    words = {
        "images": workspace.relative(images.path),
        "dataset": workspace.relative(workspace.annotations.dataset),
        "tag": TAG_WORDS[rule],
    }
    if template == "manual":
        return MANUAL.format(**words)
    asked, imports, constants, functions = RUNNING[template]
    head = HEAD.format(
        **words,
        asked=asked,
        imports=imports,
        constants=("BATCH = 32\n" if "BATCH" in functions else "") + constants.format(**words),
        pattern=images.pattern,
        listing="rglob" if images.recursive else "glob",
        tag_code=TAG_CODE[rule],
    )
    return head + functions
