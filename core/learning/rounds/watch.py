"""The loop left to itself: when enough labels are new, train, and publish the next round.

How far it is lies in `.labelpilot/watch.json`: what is about to be done, noted before the training,
and that it is done. So one that is stopped anywhere goes on from there, under the same model
version, and no round is published twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import orjson

from core.dataset.export import export_dataset
from core.errors import LabelpilotError, StudioUnreachable
from core.files import write_at_once
from core.learning.measuring.forecast import Forecast
from core.learning.measuring.retrospect import forecast_workspace
from core.learning.rounds.ledger import find_record, last_round
from core.learning.rounds.options import OrderName, RoundOptions, next_version
from core.learning.rounds.planning import plan_round
from core.learning.rounds.publishing import RoundResult, publish_round, published_versions
from core.learning.rounds.training import check_command, train
from core.own_files import read_own
from core.progress import Progress, Work
from core.studio.project import OpenProject, open_project
from core.studio.waiting import pause
from core.words import count
from core.workspace.consents import may_run_hooks
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

LOOK_SECONDS = 5.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What is asked of the loop: after how many new labels which command trains, and how images are
    chosen then. With `once` it ends after a round; `until_gain` ends it, in points, see `Forecast`.
    """

    after: int
    command: tuple[str, ...]
    order: OrderName
    random_share: float
    until_gain: float | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class WatchedRound:
    """A round of the loop: of `labels`, `new` came since the one before, and `images` are in the
    dataset that it trained on. The loop has `ended` where the `forecast` is low enough. Where the
    round failed, `error` says why."""

    model_version: str
    labels: int
    new: int
    images: int = 0
    training_seconds: float = 0.0
    scored: int = 0
    view_url: str = ""
    forecast: Forecast | None = None
    ended: bool = False
    error: str = ""

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot watch --json` prints for each round."""
        shown = asdict(self) | {"training_seconds": round(self.training_seconds, 3)}
        shown["forecast"] = None if self.forecast is None else self.forecast.as_json()
        return shown

    def __str__(self) -> str:
        begun = f"{self.model_version}: {count(self.new, 'new label')}, {self.labels:,} in all"
        if self.error:
            return f"{begun}; {self.error}"
        return (
            f"{begun}; trained on {count(self.images, 'image')} in {self.training_seconds:,.0f} s, "
            f"{count(self.scored, 'image')} scored"
            + (f"; {self.forecast.in_short}" if self.forecast else "")
        )


@dataclass(frozen=True, slots=True)
class _State:
    """The last round of the loop in a project: begun at `labels`, when the one before it had begun
    at `before`; `done` once it came to its end."""

    project: list[object]
    model_version: str = ""
    before: int = 0
    labels: int = 0
    done: bool = True


def watching(workspace: Workspace, options: WatchOptions) -> AbstractContextManager[None]:
    """Hold the loop of a workspace: there is one at a time.

    Raises ConfigurationError where the command is none, NotTrusted where nobody has agreed to the
    hooks that each round runs, and Busy where another holds it.
    """
    check_command(options.command)
    if workspace.learning.hooks.is_file():
        may_run_hooks(workspace)
    return only_one(workspace, "watch")


def watched_round(workspace: Workspace, options: WatchOptions) -> Work[WatchedRound]:
    """Wait until enough labels are new, then train and publish a round.

    A server that is away is waited for. What fails in a round is told in what is returned, and the
    next one is due after as many labels again; raised with `once`, and due at once. Raises
    StudioRefused and ConfigurationError where the labels cannot be counted.
    """
    state = yield from _when_it_answers(workspace, partial(_enough_labels, after=options.after))
    _write(workspace, state)
    found = WatchedRound(state.model_version, state.labels, state.labels - state.before)
    try:
        found = yield from _round(workspace, options, found)
    except LabelpilotError as error:
        if options.once:
            raise
        found = replace(found, error=error.in_short)
    _write(workspace, replace(state, done=True))
    return found


def _round(workspace: Workspace, options: WatchOptions, found: WatchedRound) -> Work[WatchedRound]:
    exported = yield from _without_notes(export_dataset(workspace))
    seconds = yield from train(workspace, options.command)
    # Trained anew, the model says something else: what it said before is not used.
    asked = RoundOptions(
        found.model_version, options.order, random_share=options.random_share, fresh=True
    )

    def publish(opened: OpenProject) -> Work[RoundResult]:
        plan = yield from plan_round(opened, asked)
        return (yield from publish_round(opened, plan))

    result = yield from _when_it_answers(workspace, publish)
    forecast = None
    if options.until_gain is not None:
        forecast = yield from _without_notes(forecast_workspace(workspace))
    return replace(
        found,
        images=exported.images,
        training_seconds=seconds,
        scored=result.scored,
        view_url=result.view_url,
        forecast=forecast,
        ended=forecast is not None and forecast.stays_below(options.until_gain or 0.0),
    )


def _enough_labels(opened: OpenProject, after: int) -> Work[_State]:
    """Wait for `after` new labels; the round that they make due."""
    state = _last_state(opened)
    before = state.labels
    while True:
        labels = opened.client.label_count(opened.id)
        # Labels that were deleted are no reason to wait for them twice.
        before = min(before, labels)
        if labels - before >= after:
            break
        yield from pause(LOOK_SECONDS, Progress("labels", labels - before, after))
    # One that was cut off may have left scores of its version: it is completed under its name.
    version = next_version(published_versions(opened)) if state.done else state.model_version
    return _State(state.project, version, before, labels, done=False)


def _last_state(opened: OpenProject) -> _State:
    """How far the loop is in the project: `labels` is how many the last round knew of.

    Where the loop is new, that is how many images the last published round was trained on.
    """
    project = [opened.id, opened.remote.created]
    try:
        state = _State(**orjson.loads(read_own(_file(opened.workspace))))
    except (OSError, ValueError, TypeError):
        state = None
    if state is None or state.project != project:
        record = last_round(opened.workspace, opened.id)
        return _State(project, labels=len(record.losses) if record else 0)
    if state.done or find_record(opened.workspace, state.model_version) is not None:
        return replace(state, done=True)
    return replace(state, labels=state.before)


def _write(workspace: Workspace, state: _State) -> None:
    workspace.state.make()
    write_at_once(_file(workspace), orjson.dumps(asdict(state)))


def _file(workspace: Workspace) -> Path:
    return workspace.state.folder / "watch.json"


def _when_it_answers(
    workspace: Workspace, work: Callable[[OpenProject], Work[Result]]
) -> Work[Result]:
    """Do `work`, from its start each time that Label Studio went away meanwhile."""
    told = ""
    while True:
        try:
            with open_project(workspace) as opened:
                return (yield from _without_notes(work(opened)))
        except StudioUnreachable as error:
            note = f"{error.in_short} Waiting for it."
            yield from pause(LOOK_SECONDS, Progress("away", note="" if note == told else note))
            told = note


def _without_notes(work: Work[Result]) -> Work[Result]:
    """`work` without what it has to say on the way: a round is told in one line, at its end."""
    with closing(work):
        while True:
            try:
                event = next(work)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            yield replace(event, note="")
