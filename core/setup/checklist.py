"""The checklist: look at every step of the set-up, do one, or do all that need no answer.

Nothing is done before the workspace's own files have passed `preflight`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from core.errors import LabelpilotError
from core.labeling_config import read_labeling_config
from core.progress import Progress, Work
from core.setup.context import NeedsYes, Setup, Step, StepId, StepState
from core.setup.steps import STEPS
from core.studio.environment import document_root
from core.studio.identity import remember
from core.tasks.kept_manifest import look_at_images
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

# One set-up at a time: the name of its lock.
LOCK = "setup"
_BY_ID = {step.id: step for step in STEPS}


@dataclass(frozen=True, slots=True)
class Report:
    """What a probe found. `detail` is a sentence for people, and may hold text from outside.

    `diff` is what doing the step would change of what somebody else may want: it needs a yes.
    """

    id: StepId
    state: StepState
    detail: str
    diff: str = ""

    def as_json(self) -> dict[str, object]:
        shown: dict[str, object] = {"id": self.id, "state": self.state, "detail": self.detail}
        return shown | ({"diff": self.diff} if self.diff else {})


@dataclass(frozen=True, slots=True)
class SetupResult:
    """The steps as they stand after a set-up, and the numbers of what it made."""

    steps: tuple[Report, ...]
    project_id: int | None
    source_storage_id: int | None
    target_storage_id: int | None

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot setup --json` prints."""
        return {
            "steps": [step.as_json() for step in self.steps],
            "project_id": self.project_id,
            "source_storage_id": self.source_storage_id,
            "target_storage_id": self.target_storage_id,
        }


def preflight(workspace: Workspace) -> Work[None]:
    """Check the workspace's own files before anything is changed.

    Raises ConfigurationError for an image folder, pattern, labeling config or document root that
    could not work.
    """
    read_labeling_config(workspace.project.label_config)
    if workspace.owns_server:
        document_root(workspace)
    if workspace.images.bucket is None:
        yield from look_at_images(workspace)


def probe_steps(workspace: Workspace) -> Iterator[Report]:
    """Look at every step in order. Raises nothing: what cannot be seen is `wrong` or `waiting`.

    Where a look takes long, the step's reports before the last say how far it has come.
    """
    setup = Setup(workspace)
    seen: dict[StepId, StepState] = {}
    try:
        for step in STEPS:
            report = yield from _probe(setup, step, seen)
            seen[step.id] = report.state
            yield report
    finally:
        setup.forget()


def apply_step(
    workspace: Workspace, step_id: StepId, *, replace_config: bool = False
) -> Work[Report]:
    """Do one step and look at it again.

    Raises LabelpilotError where it cannot be done, Busy while another labelpilot sets this
    workspace up, and NeedsYes where it would write over what somebody else may want.
    """
    setup = Setup(workspace, replace_config)
    with only_one(workspace, LOCK):
        try:
            step = _BY_ID[step_id]
            yield from step.apply(setup)
            setup.forget()
            report = yield from _looked_at(setup, step)
            if step.needs not in (None, "server"):
                setup.remember()
            return report
        finally:
            setup.forget()


def set_up(
    workspace: Workspace, skip: Iterable[StepId] = (), *, replace_config: bool = False
) -> Work[SetupResult]:
    """Do every step that is not done, in order, and stop at the first that cannot be.

    A step that would write over what somebody else may want is left as it is, and told. Raises
    ConfigurationError before anything is changed where the workspace's own files do not fit, Busy
    while another labelpilot sets this workspace up, and what a step raises; what was done until
    then stays.
    """
    skipped = frozenset(skip)
    yield from preflight(workspace)
    setup = Setup(workspace, replace_config)
    reports: list[Report] = []
    with only_one(workspace, LOCK):
        try:
            for number, step in enumerate(STEPS):
                if step.id in skipped:
                    reports.append(Report(step.id, "skipped", "as asked"))
                    continue
                yield Progress(step.id, number, len(STEPS))
                report = yield from _looked_at(setup, step)
                if report.state != "done":
                    report = yield from _done(setup, step)
                reports.append(report)
                if step.id == "project" and setup.project is not None:
                    # Before it is filled: an empty one of the title is taken for ours.
                    remember(workspace, setup.project)
                note = f"{step.title}: {report.state}, {report.detail}"
                yield Progress(step.id, number + 1, len(STEPS), note)
            setup.remember()
            return _result(setup, reports)
        finally:
            setup.forget()


def _done(setup: Setup, step: Step) -> Work[Report]:
    """Do a step, if it needs no yes, and look at it again."""
    with contextlib.suppress(NeedsYes):
        yield from step.apply(setup)
    setup.forget()
    return (yield from _looked_at(setup, step))


def _looked_at(setup: Setup, step: Step) -> Work[Report]:
    found = step.probe(setup)
    if isinstance(found, Generator):
        found = yield from found
    return Report(step.id, *found)


def _result(setup: Setup, reports: list[Report]) -> SetupResult:
    project = setup.project
    if project is None:
        return SetupResult(tuple(reports), None, None, None)
    source, target = setup.sources.here, setup.targets.here
    return SetupResult(
        tuple(reports),
        project.id,
        source.id if source else None,
        target.id if target else None,
    )


def _probe(
    setup: Setup, step: Step, seen: dict[StepId, StepState]
) -> Generator[Report, None, Report]:
    if step.needs is not None and seen.get(step.needs) not in ("done", "part"):
        return Report(step.id, "waiting", f"comes after {_BY_ID[step.needs].title.lower()}")
    looking = _looked_at(setup, step)
    try:
        while True:
            event = next(looking)
            if event.total is not None and event.done < event.total:
                how_far = f"looking at the tasks: {event.done:,} of {event.total:,}"
                yield Report(step.id, "waiting", how_far)
    except StopIteration as ended:
        report: Report = ended.value
        return report
    except LabelpilotError as error:
        return Report(step.id, "wrong", " ".join(str(error).splitlines()))
