"""The example workspace: 1,797 real handwritten digits, a labeling config and a hooks file.

The digits are scikit-learn's (Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI
1998: 8 x 8 pixels, 17 grey levels), written as PNG files. Their classes are known, which lets the
journey be walked without a person: `core.setup.known_classes` submits them in a labeler's place.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.dataset.export import ExportResult, export_dataset
from core.dataset.source import FolderSource
from core.errors import ConfigurationError
from core.extras import install_extra
from core.files import write_at_once
from core.learning.rounds.options import RoundOptions
from core.learning.rounds.planning import plan_round
from core.learning.rounds.publishing import RoundResult, publish_round
from core.own_files import refuse_links_below
from core.progress import Progress, Work
from core.setup.checklist import set_up
from core.setup.known_classes import CLASSES_FILE, annotate
from core.studio.project import open_project
from core.studio.server import server_url
from core.tasks.proof import SyncResult
from core.tasks.sync import find_images, sync_images
from core.words import count
from core.workspace.settings import Workspace, load_workspace, save_workspace
from core.workspace.toml_lines import FILE_NAME

FOLDER = "labelpilot-demo"
ANNOTATIONS = 200
MODEL_VERSION = "model_v1"
SCALE = 8

LABEL_CONFIG = """\
<View>
  <Image name="image" value="$image"/>
  <Choices name="digit" toName="image" choice="multiple" showInline="true">
{choices}
  </Choices>
</View>
"""

HOOKS = '''\
"""The three functions that labelpilot asks for, with a small real classifier.

Its hidden layer is the embedding of an image, its cross-entropy on the train set the loss.
"""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.neural_network import MLPClassifier

DATA = Path(__file__).resolve().parent.parent / "data"


@lru_cache(maxsize=None)
def images():
    """Tag -> pixels, for every image."""
    found = {}
    for path in sorted((DATA / "images").glob("*.png")):
        grey = Image.open(path).convert("L").resize((8, 8), Image.Resampling.BOX)
        found[path.stem] = np.asarray(grey, float).ravel() / 255
    return found


@lru_cache(maxsize=None)
def labels():
    """Tag -> class, for every labeled image with one class."""
    dataset = json.loads((DATA / "dataset.json").read_text())
    return {tag: classes[0] for tag, classes in dataset.items() if len(classes) == 1}


@lru_cache(maxsize=None)
def model():
    """The classifier, trained on the labeled images."""
    tags = sorted(labels())
    print(f"training on {len(tags)} labeled images", flush=True)
    classifier = MLPClassifier((32,), activation="tanh", max_iter=1000, random_state=0)
    classifier.fit([images()[tag] for tag in tags], [labels()[tag] for tag in tags])
    print(f"trained: {classifier.n_iter_} iterations, loss {classifier.loss_:.3f}", flush=True)
    return classifier


def get_embeddings():
    """Tag -> vector: the activations of the hidden layer."""
    pixels = np.array(list(images().values()))
    hidden = np.tanh(pixels @ model().coefs_[0] + model().intercepts_[0])
    return dict(zip(images(), hidden))


def get_loss_trainset():
    """Tag -> loss: the cross-entropy of each labeled image."""
    tags = sorted(labels())
    probabilities = model().predict_proba([images()[tag] for tag in tags])
    columns = {name: number for number, name in enumerate(model().classes_)}
    return {
        tag: float(-np.log(max(row[columns[labels()[tag]]], 1e-12)))
        for tag, row in zip(tags, probabilities)
    }


def get_tags_labeled():
    """The tags of the labeled images."""
    return set(labels())


if __name__ == "__main__":
    losses = list(get_loss_trainset().values())
    print(f"{len(get_embeddings())} embeddings, mean train loss {np.mean(losses):.3f}")
'''


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the walk without a person did."""

    workspace: Path
    server_url: str
    project_id: int
    sync: SyncResult
    annotations: int
    dataset: ExportResult
    learning: RoundResult
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot demo --auto --json` prints."""
        return {
            "workspace": str(self.workspace),
            "server_url": self.server_url,
            "project_id": self.project_id,
            "tasks": self.sync.existing + self.sync.created,
            "images": self.sync.images,
            "duplicates": self.sync.duplicates,
            "annotations": self.annotations,
            "dataset": self.dataset.as_json(),
            "learning": self.learning.as_json(),
            "seconds": round(self.seconds, 3),
        }


def make_demo(folder: Path) -> Work[Workspace]:
    """Make the example workspace in `folder`, or find the one that is there.

    What is there already is left as it is. Raises ConfigurationError where scikit-learn is missing
    or the folder holds something else.
    """
    folder = Path(os.path.expanduser(folder)).resolve()
    if (folder / FILE_NAME).exists():
        workspace = load_workspace(folder)
        if not (folder / CLASSES_FILE).exists():
            raise ConfigurationError(
                f"{folder} holds a workspace that is not the example.",
                next_step="Name another folder: `labelpilot demo --dir DIR`.",
            )
        if workspace.learning.python and not Path(workspace.learning.python).exists():
            return save_workspace(folder, {"learning": {"python": sys.executable}})
        return workspace
    if folder.exists() and any(folder.iterdir()) and not (folder / CLASSES_FILE).exists():
        raise ConfigurationError(
            f"{folder} is not empty, and holds no example of labelpilot's.",
            next_step="Name another folder: `labelpilot demo --dir DIR`.",
        )
    refuse_links_below(folder)
    pixels, classes = _digits()
    names = [f"digit_{number:04d}" for number in range(len(pixels))]
    total = len(names)
    # First, so that a folder that was left half made is known for the example and completed.
    known = {name: [str(digit)] for name, digit in zip(names, classes, strict=True)}
    write_at_once(folder / CLASSES_FILE, orjson.dumps(known))
    (folder / "data" / "images").mkdir(parents=True, exist_ok=True)
    for number, (name, grey) in enumerate(zip(names, pixels, strict=True)):
        _write_png(folder / "data" / "images" / f"{name}.png", grey)
        if number % 100 == 0:
            yield Progress("images", number, total)
    yield Progress("images", total, total, f"{count(total, 'digit')} written as PNG files")
    choices = "\n".join(f'    <Choice value="{digit}"/>' for digit in range(10))
    write_at_once(
        folder / "labeling" / "project_config.xml", LABEL_CONFIG.format(choices=choices).encode()
    )
    write_at_once(folder / "labeling" / "active_learning.py", HOOKS.encode())
    return save_workspace(
        folder,
        {
            "images": {"path": "data/images", "pattern": ".*png"},
            "project": {"title": "Digits", "label_config": "labeling/project_config.xml"},
            "annotations": {"path": "data/annotations", "dataset": "data/dataset.json"},
            "learning": {"hooks": "labeling/active_learning.py", "python": sys.executable},
        },
    )


def walk_demo(workspace: Workspace) -> Work[DemoResult]:
    """The whole journey without a screen: set-up, sync, annotations, export, active learning."""
    began = time.monotonic()
    yield from set_up(workspace)
    with open_project(workspace) as opened:
        synced = yield from sync_images(opened, (yield from find_images(workspace)))
        annotations = yield from annotate(opened, ANNOTATIONS)
        dataset = yield from export_dataset(workspace, FolderSource(workspace.annotations.path))
        plan = yield from plan_round(opened, RoundOptions(MODEL_VERSION))
        learning = yield from publish_round(opened, plan)
    return DemoResult(
        workspace=workspace.root,
        server_url=server_url(workspace),
        project_id=opened.id,
        sync=synced,
        annotations=annotations,
        dataset=dataset,
        learning=learning,
        seconds=time.monotonic() - began,
    )


def _digits() -> tuple[Any, Any]:
    """The digits' pixels (1797, 8, 8), 0 to 16, and their classes (1797,)."""
    try:
        import PIL.Image  # noqa: F401
        from sklearn.datasets import load_digits
    except ImportError:
        raise ConfigurationError(
            "The example needs scikit-learn and Pillow, which are not both installed.",
            next_step=f"Install it with `{install_extra('demo')}`.",
        ) from None
    digits = load_digits()
    return digits.images, digits.target


def _write_png(path: Path, grey: Any) -> None:
    """Write `grey` (8, 8), 0 to 16, as a PNG of SCALE times that size."""
    from PIL import Image

    size = (grey.shape[1] * SCALE, grey.shape[0] * SCALE)
    levels = (grey * (255 / 16)).astype("uint8")
    Image.fromarray(levels).resize(size, Image.Resampling.NEAREST).save(path)
