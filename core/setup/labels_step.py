"""The step on labels: those in the annotation folder that the project does not know."""

from __future__ import annotations

from core.dataset.restore.lacking import find_lacking
from core.dataset.restore.restore import restore_labels
from core.progress import Work, finish
from core.setup.context import Setup, Step, StepState
from core.words import count


def _probe_labels(setup: Setup) -> tuple[StepState, str]:
    lacking = finish(find_lacking(setup.opened))
    name = setup.workspace.relative(setup.workspace.annotations.path)
    missing, conflicts = len(lacking.comparison.missing), len(lacking.comparison.conflicts)
    if missing:
        return "to do", f"{count(missing, 'label')} in {name} not in the project"
    if conflicts:
        return "done", f"{count(conflicts, 'label')} in {name} unlike the project's; both are kept"
    return "done", f"the project has every label in {name}"


def _apply_labels(setup: Setup) -> Work[None]:
    yield from restore_labels(setup.opened)


LABELS = Step(
    id="labels",
    title="Labels",
    why="The files are the truth: what a former Label Studio wrote comes back into this one.",
    needs="images",
    probe=_probe_labels,
    apply=_apply_labels,
)
