"""Labels that a project lacks, brought back from files: the files are the truth, a server is not.

On labelpilot's own Label Studio a label comes back as it was, with its number and its times, and
its file stays what it is. Elsewhere Label Studio gives a new number and the time of now, so labels
come back in the order of their times, and what was there before them is set aside first. Run twice,
or cut off and run again, the end is the same: each time it is looked which labels are there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.dataset.reading.batch import LeftOut
from core.dataset.restore.former import set_others_aside, settle
from core.dataset.restore.found import Found
from core.dataset.restore.lacking import find_lacking, tag_of_found
from core.errors import LabelpilotError, PartlyDone, StudioUnreachable
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.words import count
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

AT_ONCE = 2000
ANSWER_SECONDS = 600.0
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_NO_TASK = "its image is no task of the project"


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restoration did.

    `found` counts the labels of the files, `equal` those that the project had already; `conflicts`
    are the tags of images that have other labels in the project, which are left as they are;
    `people` counts whose labels came back; `unreadable` are files and labels that were left out.
    """

    found: int
    restored: int
    equal: int
    conflicts: tuple[str, ...]
    unreadable: tuple[LeftOut, ...]
    people: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "found": self.found,
            "restored": self.restored,
            "equal": self.equal,
            "conflicts": len(self.conflicts),
            "unreadable": len(self.unreadable),
            "people": self.people,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        return (
            f"{self.restored:,} of {self.found:,} labels restored, "
            f"of {count(self.people, 'person', 'people')}; "
            f"{self.equal:,} were there already, {count(len(self.conflicts), 'conflict')}, "
            f"{len(self.unreadable):,} unreadable, {self.seconds:.1f} s"
        )


def restore_labels(opened: OpenProject, sources: Sequence[Path] = ()) -> Work[RestoreResult]:
    """Bring the labels in `sources` back that the project lacks.

    `sources` are folders and files as `find_labels` reads them; without any it is the workspace's
    annotation folder. Nothing in the project is changed or taken away. Raises ConfigurationError
    for a source that holds no labels, Busy where another labelpilot restores, PartlyDone where
    Label Studio stays away on the way, and StudioRefused and StudioUnreachable.
    """
    began = time.monotonic()
    with only_one(opened.workspace, "restore"):
        lacking = yield from find_lacking(opened, sources)
        comparison = lacking.comparison
        missing = comparison.missing
        missing.sort(key=lambda pair: pair[1].age)
        moved = {} if lacking.at_once else set_others_aside(opened.workspace, lacking)
        ids = yield from _sent(opened, missing, lacking.at_once)
        yield from _proven(opened, ids, lacking.at_once)
        settle(opened.workspace, lacking, ids, moved)
    tags = {tag_of_found(opened, one) for one in comparison.conflicts}
    unplaced = [LeftOut(one.tag or one.path.name, _NO_TASK) for one in lacking.unplaced]
    live = len(comparison.live)
    return RestoreResult(
        found=lacking.found + live,
        restored=len(ids),
        equal=len(comparison.equal) + live,
        conflicts=tuple(sorted(tags)),
        unreadable=tuple(lacking.unreadable + unplaced),
        people=len({one.person for _, one in missing}),
        seconds=time.monotonic() - began,
    )


def _sent(
    opened: OpenProject, missing: Sequence[tuple[int, Found]], at_once: bool
) -> Work[list[int]]:
    """Bring `missing` back, in their order; returns their numbers."""
    ids: list[int] = []
    total = len(missing)
    if not total:
        return ids
    accounts = _accounts(opened, [one.person for _, one in missing])
    size = AT_ONCE if at_once else 1
    yield Progress("restore", 0, total)
    try:
        for start in range(0, total, size):
            batch = missing[start : start + size]
            if at_once:
                items = [_whole(task, one, opened.workspace) for task, one in batch]
                ids += opened.client.take_labels_back(opened.id, items, ANSWER_SECONDS)
            else:
                ((task, one),) = batch
                ids.append(opened.client.annotate(task, one.result, _fields(one, accounts)))
            yield Progress("restore", len(ids), total)
    except StudioUnreachable as error:
        if not ids:
            raise
        raise PartlyDone(
            f"{len(ids):,} of {total:,} labels were restored; then Label Studio stopped answering.",
            cause=error.in_short,
            next_step="Check that it is running, and restore again: it goes on from there.",
        ) from None
    return ids


def _accounts(opened: OpenProject, people: Iterable[str]) -> dict[str, int]:
    """E-mail address -> account, made where the server is ours and it has none."""
    client = opened.client
    known = {account.email.lower(): account.id for account in client.accounts()}
    if opened.workspace.owns_server:
        for email in dict.fromkeys(people):
            if email not in known and _EMAIL.fullmatch(email):
                known[email] = client.make_account(email).id
    return known


def _whole(task: int, one: Found, workspace: Workspace) -> dict[str, Any]:
    """A label as our own server takes it back."""
    return {
        "task": task,
        "id": one.number,
        # It lies under this number in the folder already, and need not be written again.
        "filed": one.path == workspace.annotations.path / str(one.number),
        "result": one.result,
        "email": one.person,
        "was_cancelled": one.cancelled,
        "ground_truth": one.ground_truth,
        "lead_time": one.lead_time,
        "created_at": one.created.isoformat(),
        "updated_at": one.updated.isoformat(),
    }


def _fields(one: Found, accounts: dict[str, int]) -> dict[str, Any]:
    """The fields of a label that comes back as a new annotation."""
    fields: dict[str, Any] = {
        "was_cancelled": one.cancelled,
        "ground_truth": one.ground_truth,
        "lead_time": one.lead_time,
    }
    if one.number is not None:
        fields["import_id"] = one.number
    if one.person in accounts:
        fields["completed_by"] = accounts[one.person]
    return fields


def _proven(opened: OpenProject, ids: Sequence[int], at_once: bool) -> Work[None]:
    """Look whether what was sent is there. Raises LabelpilotError where it is not."""
    if not ids:
        return
    yield Progress("prove", 0, len(ids))
    if at_once:
        listed = opened.client.annotations(opened.id, at_once=True, results=False)
        there = {annotation.id for annotation in listed}
    else:
        there = set(opened.client.annotation_ids(opened.id))
    if lost := set(ids) - there:
        raise LabelpilotError(
            f"{len(lost):,} of {len(ids):,} restored labels are not in Label Studio.",
            next_step="Restore again: it looks first which are there.",
        )
    yield Progress("prove", len(ids), len(ids))
