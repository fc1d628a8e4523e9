"""The last step of the set-up: the label stream shows what was published last."""

from __future__ import annotations

from core.learning.rounds.ledger import last_round
from core.learning.rounds.upkeep import mend_round, round_changes
from core.progress import Work
from core.setup.context import Setup, Step, StepState


def _probe_stream(setup: Setup) -> tuple[StepState, str]:
    record = last_round(setup.workspace, setup.opened.id)
    if record is None:
        return "done", "no round is published; images come as the sampling says"
    changed = round_changes(setup.opened)
    if changed:
        return "part", "; ".join(changed)
    return "done", f"in the order of {record.model_version}"


def _apply_stream(setup: Setup) -> Work[None]:
    yield from mend_round(setup.opened)


STREAM = Step(
    id="stream",
    title="Label stream",
    why="What is labeled next is what the last round asks for, whoever changed the tab or the "
    "project's model version meanwhile.",
    needs="project",
    probe=_probe_stream,
    apply=_apply_stream,
)
