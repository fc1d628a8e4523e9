"""The first round: which images to label where none is labeled yet.

The first labels teach more where they cover the images than where they are drawn at random
(tests/benchmarks/label_efficiency.py says how much). To cover them needs embeddings and nothing
else; it is herding without labels, and is published and taken back as any round.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core.learning.rounds.ledger import last_round
from core.learning.rounds.options import RoundOptions
from core.progress import Work
from core.studio.project import OpenProject
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    from core.learning.rounds.publishing import RoundResult

MODEL_VERSION = "coverage"


def has_embeddings(workspace: Workspace) -> bool:
    """Whether there are embeddings to choose by: a hooks file, or those that labelpilot made."""
    if os.path.isfile(workspace.learning.hooks):
        return True
    # Numerical libraries cost a second, and most looks at the checklist need none.
    from core.learning.builtin.embedder import FOLDER

    return any((workspace.state.cache / FOLDER).glob("*/embeddings.npy"))


def why_no_first_round(opened: OpenProject) -> str:
    """Why no first images are to be chosen by coverage; empty where they can be."""
    if last_round(opened.workspace, opened.id) is not None:
        return "a round is published, and its order counts"
    if not opened.remote.tasks:
        return "at random until the images are tasks: `labelpilot sync`, then this step again"
    if not has_embeddings(opened.workspace):
        return "at random, as there are no embeddings: `labelpilot embed` makes them"
    if opened.client.annotation_count(opened.id):
        return "at random, as images are labeled already; `labelpilot active-learning` goes on"
    return ""


def publish_first_round(opened: OpenProject) -> Work[RoundResult]:
    """Choose the first images by coverage, and publish them. Raises as a round does."""
    from core.learning.rounds.planning import plan_round
    from core.learning.rounds.publishing import publish_round

    options = RoundOptions(MODEL_VERSION, order="herding")
    plan = yield from plan_round(opened, options)
    return (yield from publish_round(opened, plan))
