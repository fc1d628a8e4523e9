"""What the labels at hand say: of the orders, and of themselves.

Embeddings and losses are those of the workspace's hooks, as their last run left them unless
something that they read has changed; labels are those of dataset.json. Nothing is written to Label
Studio, and no label is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ConfigurationError
from core.learning.embeddings import unit_vectors
from core.learning.hooks.cache import RESULT
from core.learning.hooks.run import Hooks, run_hooks
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.ledger import round_folder
from core.learning.orders import labels_of
from core.learning.planning import read_classes
from core.learning.replay import Curves, replay_curves
from core.learning.suspects import suspects
from core.progress import Work
from core.workspace.settings import Workspace

# Where hooks leave what they gave, if no round has been planned yet.
NO_ROUND = "hindsight"


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """An image whose label is likely wrong: `classes` are its own, `loss` its train loss.

    `unsupported` of them no neighbour has; `expected` are classes that all neighbours have.
    """

    tag: str
    loss: float
    classes: tuple[str, ...]
    unsupported: tuple[str, ...]
    expected: tuple[str, ...]

    @property
    def said(self) -> str:
        """The label, and what the neighbours say."""
        said = []
        if self.expected:
            said.append(f"all say {', '.join(self.expected)}")
        if self.unsupported:
            said.append(f"none says {', '.join(self.unsupported)}")
        return f"{', '.join(self.classes) or 'no class'}: {', '.join(said)}"


def replay_workspace(workspace: Workspace) -> Work[Curves]:
    """Replay labeling under every order, on the workspace's own labels.

    Raises what `run_hooks` raises, and ConfigurationError where there is no dataset, or too few
    labels in it.
    """
    classes = _classes(workspace)
    hooks = yield from _hooks(workspace)
    return (yield from replay_curves(hooks.embeddings, classes))


def suspect_labels(workspace: Workspace) -> Work[list[SuspectLabel]]:
    """The workspace's labels that are likely wrong, the highest loss first. Raises as above."""
    classes = _classes(workspace)
    hooks = yield from _hooks(workspace)
    # Only what is labeled is compared, and only that is read.
    rows = [row for row, tag in enumerate(hooks.embeddings.tags) if tag in classes]
    if not rows:
        return []
    tags: Sequence[str] = [hooks.embeddings.tags[row] for row in rows]
    vectors = yield from unit_vectors(TaggedVectors(tags, hooks.embeddings.vectors[rows]))
    losses = np.array([hooks.losses.get(tag, np.nan) for tag in tags])
    found = yield from suspects(vectors, losses, labels_of(tags, classes))
    return [
        SuspectLabel(
            tags[one.row], one.loss, tuple(classes[tags[one.row]]), one.unsupported, one.expected
        )
        for one in found
    ]


def _classes(workspace: Workspace) -> Mapping[str, Sequence[str]]:
    classes = read_classes(workspace.annotations.dataset)
    if classes is None:
        raise ConfigurationError(
            f"There is no {workspace.relative(workspace.annotations.dataset)} yet.",
            cause="It says what the images are labeled as.",
            next_step="Write it: `labelpilot export`.",
        )
    return classes


def _hooks(workspace: Workspace) -> Work[Hooks]:
    folder = _last_run(workspace) or round_folder(workspace, NO_ROUND)
    return (yield from run_hooks(workspace, folder, reuse=True))


def _last_run(workspace: Workspace) -> Path | None:
    """The folder in which the hooks ran last."""
    results = workspace.rounds.glob(f"*/{RESULT}")
    last = max(results, key=lambda file: file.stat().st_mtime_ns, default=None)
    return None if last is None else last.parent
