"""The ledger of rounds: what each asked for and why, what it replaced, and what came of it.

A round is one folder below `.labelpilot/rounds`. Its record is written when its scores are
published, so that an undo knows what was there before, and so that the next round can tell whether
the images that were asked for were harder than ones drawn at random.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from core.errors import LabelpilotError
from core.files import write_at_once
from core.workspace.settings import Workspace

RECORD = "round.json"
FORMER_RECORD = "former-round.json"
REPLACED = "replaced.json"
REPLACING = "replacing.json"


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
    """A published round. `published` is in seconds since 1970; `losses` is tag -> train loss."""

    model_version: str
    order: str
    published: float
    project_id: int
    former_version: str
    picks: tuple[Pick, ...]
    losses: Mapping[str, float]


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
    return workspace.state.rounds / f"{name}-{digest}"


def save_record(workspace: Workspace, record: RoundRecord) -> None:
    """Write a round's record. Raises LabelpilotError where the disk refuses."""
    file = round_folder(workspace, record.model_version) / RECORD
    write_at_once(file, orjson.dumps(asdict(record)))


def load_records(workspace: Workspace) -> list[RoundRecord]:
    """Every round that was published from this workspace, the oldest first.

    A record that cannot be read is passed over: the ledger is a help, and no round depends on it.
    """
    found = []
    for file in sorted(workspace.state.rounds.glob(f"*/{RECORD}")):
        try:
            found.append(_record(orjson.loads(file.read_bytes())))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return sorted(found, key=lambda record: record.published)


def find_record(workspace: Workspace, model_version: str) -> RoundRecord | None:
    """The record of a model version, or None."""
    records = load_records(workspace)
    return next((r for r in reversed(records) if r.model_version == model_version), None)


def keep_replaced(workspace: Workspace, model_version: str, scores: Mapping[int, float]) -> None:
    """Keep the scores (task id -> score) that a run is about to replace, for an undo.

    What a run that was cut off had kept stays: the scores that it left are neither old nor new.
    """
    file = round_folder(workspace, model_version) / REPLACING
    if file.exists():
        return
    content = {str(task_id): score for task_id, score in scores.items()}
    write_at_once(file, orjson.dumps(content))


def settle_replaced(workspace: Workspace, model_version: str) -> None:
    """Say that the run has come to its end: what it kept is what an undo brings back.

    The record of the run before is kept with it: call this before `save_record`.
    """
    folder = round_folder(workspace, model_version)
    if (folder / REPLACING).exists():
        (folder / REPLACING).replace(folder / REPLACED)
        if (folder / RECORD).exists():
            (folder / RECORD).replace(folder / FORMER_RECORD)


def take_replaced(workspace: Workspace, model_version: str) -> dict[int, float]:
    """The scores that the last run of a model version replaced; {} where it replaced none.

    Raises LabelpilotError for a damaged file.
    """
    file = round_folder(workspace, model_version) / REPLACED
    try:
        stored = orjson.loads(file.read_bytes())
        return {int(task_id): float(score) for task_id, score in stored.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise LabelpilotError(f"{file} cannot be read.", cause=str(error)) from None


def forget_round(workspace: Workspace, model_version: str, *, replaced_only: bool) -> None:
    """Forget a round that was taken back: all of it, or only its last run (`replaced_only`)."""
    folder = round_folder(workspace, model_version)
    (folder / REPLACED).unlink(missing_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    if replaced_only and (folder / FORMER_RECORD).exists():
        (folder / FORMER_RECORD).replace(folder / RECORD)
    (folder / FORMER_RECORD).unlink(missing_ok=True)


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


def _record(stored: Any) -> RoundRecord:
    return RoundRecord(**{**stored, "picks": tuple(Pick(**pick) for pick in stored["picks"])})
