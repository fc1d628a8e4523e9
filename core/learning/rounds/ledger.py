"""The ledger of rounds: what each asked for and why, what it replaced, and what came of it.

A round is one folder below `.labelpilot/rounds`, and its runs are numbered. Before a run writes
anything, what stands is noted; when its scores are published, its record is written. So an undo
knows what was there before, also of a run that was cut off, which has a note and no record. And the
next round can tell whether the images that were asked for were harder than ones drawn at random.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import orjson

from core.errors import LabelpilotError
from core.files import write_at_once
from core.own_files import read_own, refuse_links
from core.studio.models import Prediction, RemoteProject
from core.workspace.settings import Workspace

RECORD = "round.json"
NOTE = "before-{}.json"


@dataclass(frozen=True, slots=True)
class Pick:
    """An unlabeled image that a round asks for, and the train image because of which.

    `similarity` is a cosine, `rank` how near the image is to the train image (1 is the nearest);
    they and the `train_` fields are None for an order in which no train image claims anything, and
    for the images drawn at random, which `control` marks.
    """

    tag: str
    task_id: int
    score: float
    train_tag: str | None = None
    train_loss: float | None = None
    similarity: float | None = None
    rank: int | None = None
    control: bool = False


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """A published round. `published` is in seconds since 1970; `losses` is tag -> train loss; `run`
    is the number of the model version's run, 0 where it has no note; `second_opinions` are the
    tasks of it that two people are asked."""

    model_version: str
    order: str
    published: float
    project_id: int
    picks: tuple[Pick, ...]
    losses: Mapping[str, float]
    run: int = 0
    second_opinions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """What stood before the run number `run` of a model version: its scores (task id -> score) and
    what it suggested (task id -> results), the model version that the project showed (None where
    nothing was noted), and the record of the run before."""

    run: int
    scores: Mapping[int, float]
    shown: str | None = None
    record: RoundRecord | None = None
    results: Mapping[int, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoundOutcome:
    """What the next round's training found on the images that a round had asked for.

    Mean losses, of `ordered` images and of `random` ones (the control picks), with their standard
    errors; NaN where there are too few.
    """

    model_version: str
    order: str
    asked: int
    labeled: int
    ordered: int
    ordered_loss: float
    ordered_error: float
    random: int
    random_loss: float
    random_error: float


def round_folder(workspace: Workspace, model_version: str) -> Path:
    """The folder of a round. A model version is any text, so its name is made safe and unique."""
    digest = hashlib.sha256(model_version.encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", model_version)[:40]
    workspace.state.make()
    return refuse_links(workspace.state.rounds / f"{name}-{digest}")


def save_record(workspace: Workspace, record: RoundRecord) -> None:
    """Write a round's record: the run that was noted has come to its end.

    Raises LabelpilotError where the disk refuses.
    """
    number = _last_run(workspace, record.model_version)
    if _note(workspace, record.model_version, number + 1).exists():
        number += 1
    _write(workspace, replace(record, run=number))


def _write(workspace: Workspace, record: RoundRecord) -> None:
    file = round_folder(workspace, record.model_version) / RECORD
    write_at_once(file, orjson.dumps(asdict(record)))


def load_records(workspace: Workspace) -> list[RoundRecord]:
    """Every round that was published from this workspace, the oldest first.

    A record that cannot be read is passed over: the ledger is a help, and no round depends on it.
    """
    files = sorted(workspace.state.rounds.glob(f"*/{RECORD}"))
    found = [record for record in map(_read, files) if record is not None]
    return sorted(found, key=lambda record: record.published)


def rounds_stamp(workspace: Workspace) -> tuple[tuple[str, int], ...]:
    """What changes whenever a round is published or taken back, by whichever process."""
    found = []
    for file in sorted(workspace.state.rounds.glob(f"*/{RECORD}")):
        # One may be taken back at this very moment.
        with contextlib.suppress(OSError):
            found.append((file.parent.name, file.stat().st_mtime_ns))
    return tuple(found)


def find_record(workspace: Workspace, model_version: str) -> RoundRecord | None:
    """The record of a model version, or None."""
    return _read(round_folder(workspace, model_version) / RECORD)


def last_round(workspace: Workspace, project_id: int) -> RoundRecord | None:
    """The round of a project that was published last, or None."""
    records = load_records(workspace)
    return next((r for r in reversed(records) if r.project_id == project_id), None)


def asked_by_order(workspace: Workspace) -> set[str]:
    """The tags of the images that a round asked for in its order: what else is labeled was drawn at
    random, before the first round or as the control group of one."""
    last = {pick.tag: pick.control for one in load_records(workspace) for pick in one.picks}
    return {tag for tag, control in last.items() if not control}


def _last_run(workspace: Workspace, model_version: str) -> int:
    """The number of the last run that came to its end."""
    record = find_record(workspace, model_version)
    return record.run if record else 0


def _note(workspace: Workspace, model_version: str, run: int) -> Path:
    return round_folder(workspace, model_version) / NOTE.format(run)


def note_before(
    workspace: Workspace,
    model_version: str,
    project: RemoteProject,
    there: Mapping[int, Prediction],
) -> None:
    """Note, for an undo, what a run is about to replace in a project: see `Before`.

    What a run that was cut off had noted stays: the scores that it left are neither old nor new.
    """
    record = find_record(workspace, model_version)
    note = _note(workspace, model_version, (record.run if record else 0) + 1)
    if _before(note, project) is None:
        content = {
            "project": [project.id, project.created],
            "shown": project.model_version,
            "scores": {str(task): one.score for task, one in there.items()},
            "results": {str(task): one.result for task, one in there.items() if one.result},
            "record": asdict(record) if record else None,
        }
        write_at_once(note, orjson.dumps(content))


def before_last_run(workspace: Workspace, model_version: str, project: RemoteProject) -> Before:
    """What stood before the last run of a model version in a project, cut off or not; nothing, if
    it has no note. Raises LabelpilotError for a damaged one."""
    last = _last_run(workspace, model_version)
    for run in (last + 1, last):
        before = _before(_note(workspace, model_version, run), project)
        if before is not None:
            return replace(before, run=run)
    return Before(last, {})


def _before(note: Path, project: RemoteProject) -> Before | None:
    """What a note says; None where there is none, or it is of another project, whose numbers are
    those of other tasks. Raises LabelpilotError for a damaged one."""
    try:
        stored = orjson.loads(read_own(note))
        if stored["project"] != [project.id, project.created]:
            return None
        scores = {int(task_id): float(score) for task_id, score in stored["scores"].items()}
        record = _record(stored["record"]) if stored["record"] else None
        results = {int(task): list(one) for task, one in stored.get("results", {}).items()}
        return Before(0, scores, str(stored["shown"]), record, results)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LabelpilotError(f"{note} cannot be read.", cause=str(error)) from None


def forget_last_run(workspace: Workspace, model_version: str, before: Before) -> None:
    """Forget the last run of a model version, which was taken back to what stood before it.

    Cut off anywhere, it leaves what makes the next undo take the same back once more. Where there
    were no scores before, nothing is kept of the model version.
    """
    folder = round_folder(workspace, model_version)
    if before.scores and before.record is not None:
        _write(workspace, before.record)
    elif before.scores:
        (folder / RECORD).unlink(missing_ok=True)
    if before.scores:
        _note(workspace, model_version, before.run).unlink(missing_ok=True)
        return
    for note in folder.glob(NOTE.format("*")):
        note.unlink(missing_ok=True)
    (folder / RECORD).unlink(missing_ok=True)


def history(workspace: Workspace) -> tuple[list[RoundRecord], list[RoundOutcome]]:
    """Every round that was published from this workspace, the oldest first, and what came of it."""
    records = load_records(workspace)
    return records, outcomes(records)


def outcomes(records: Sequence[RoundRecord]) -> list[RoundOutcome]:
    """What came of each round, by the losses that the round after it brought. Pure."""
    found = []
    for record, following in itertools.pairwise(records):
        known = [pick for pick in record.picks if pick.tag in following.losses]
        ordered = [following.losses[pick.tag] for pick in known if not pick.control]
        random = [following.losses[pick.tag] for pick in known if pick.control]
        found.append(
            RoundOutcome(
                record.model_version,
                record.order,
                len(record.picks),
                len(known),
                len(ordered),
                *_mean_and_error(ordered),
                len(random),
                *_mean_and_error(random),
            )
        )
    return found


def _mean_and_error(losses: Iterable[float]) -> tuple[float, float]:
    values = list(losses)
    if not values:
        return math.nan, math.nan
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def _read(file: Path) -> RoundRecord | None:
    """The record in a file, or None where there is none that can be read."""
    try:
        return _record(orjson.loads(read_own(file)))
    except (LabelpilotError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _record(stored: Any) -> RoundRecord:
    known = {field.name for field in fields(RoundRecord)}
    content = {name: value for name, value in stored.items() if name in known}
    content["picks"] = tuple(Pick(**pick) for pick in stored["picks"])
    content["second_opinions"] = tuple(content.get("second_opinions", ()))
    return RoundRecord(**content)
