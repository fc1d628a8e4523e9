"""What the last replay of the user's labels found, kept, so that the order that pays on them is
known without waiting.

With it is kept what it was computed from: how many labels there were, whose embeddings, and some
of the labels themselves. It is believed while these are as they were, and made anew when there are
twice as many labels.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from core.errors import LabelpilotError
from core.files import write_at_once
from core.learning.measuring.comparison import Curves
from core.learning.measuring.measures import Measures
from core.learning.rounds.options import FEWEST_MEASURED, ORDERS
from core.own_files import make_own, read_own
from core.workspace.settings import Workspace

SAMPLE = 100
# Labels may be corrected; where more of them are others, it is another labeling.
AS_THEY_WERE = 0.9

Labels = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class KeptReplay:
    """What a replay found when there were so many `labels`, `sample` among them (tag -> classes),
    with embeddings of `embeddings_of`."""

    labels: int
    embeddings_of: str
    sample: Labels
    curves: Curves

    def holds(self, labels: Labels) -> bool:
        """Whether the labels that it was computed from are still what they were."""
        same = sum(sorted(labels.get(tag, ())) == sorted(was) for tag, was in self.sample.items())
        return same >= AS_THEY_WERE * len(self.sample)


def keep_replay(workspace: Workspace, curves: Curves, labels: Labels, embeddings_of: str) -> None:
    """Keep what a replay of `labels` (tag -> classes) found. Where it cannot be, it is not."""
    step = max(len(labels) // SAMPLE, 1)
    sample = {tag: list(labels[tag]) for tag in list(labels)[::step][:SAMPLE]}
    measured = {order: found.round(5).tolist() for order, found in curves.measured.items()}
    content = {
        "labels": len(labels),
        "embeddings_of": embeddings_of,
        "sample": sample,
        "images": curves.images,
        "single": curves.single,
        "budgets": curves.budgets,
        "measured": measured,
    }
    with suppress(OSError):
        workspace.state.make()
        make_own(workspace.state.cache)
        write_at_once(workspace.state.replay, json.dumps(content).encode(), mode=0o600)


def kept_replay(workspace: Workspace) -> KeptReplay | None:
    """What was kept; None where there is none, or it is not of this labelpilot's orders."""
    try:
        content = json.loads(read_own(workspace.state.replay))
        measured = {name: np.array(found, float) for name, found in content["measured"].items()}
        budgets = tuple(map(int, content["budgets"]))
        shape = (len(measured["random"]), len(budgets), len(Measures._fields))
        if measured.keys() != ORDERS.keys() or {one.shape for one in measured.values()} != {shape}:
            return None
        sample = {str(tag): list(map(str, some)) for tag, some in content["sample"].items()}
        curves = Curves(budgets, measured, bool(content["single"]), int(content["images"]))
        return KeptReplay(int(content["labels"]), str(content["embeddings_of"]), sample, curves)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, LabelpilotError):
        return None


def measured_on(workspace: Workspace, labels: Labels | None, embeddings_of: str) -> Curves | None:
    """What was measured on these very labels and embeddings; None where nothing that holds was."""
    kept = kept_replay(workspace)
    if kept is None or labels is None or kept.embeddings_of != embeddings_of:
        return None
    return kept.curves if kept.holds(labels) else None


def forget_replay(workspace: Workspace) -> None:
    """Throw away what was kept."""
    with suppress(OSError):
        workspace.state.replay.unlink(missing_ok=True)


def is_due(kept: KeptReplay | None, labels: int) -> bool:
    """Whether a replay would tell more than what is kept, with so many labels."""
    return labels >= max(FEWEST_MEASURED, 0 if kept is None else 2 * kept.labels)
