"""How much of the project and of its last round is labeled, and by whom, while people label.

Asked again and again, so asked cheaply: one number says whether there is anything new, and only
then are the tasks listed that changed since: at first, those since the round began, or since this
day did. What the number does not bear out is read anew.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice

from core.dataset.formats.dataset_json import read_dataset
from core.errors import LabelpilotError
from core.learning.rounds.ledger import RoundRecord, last_round, rounds_stamp
from core.studio.models import Label
from core.studio.people import midnight
from core.studio.project import OpenProject, connect, require_project
from core.workspace.settings import Workspace

# Not more often than this.
PATIENCE = 2.0
# How far a server's clock may be from ours: labels from so long before the round are looked at too.
CLOCKS_APART = 600.0
# Counting the labeled images costs with the size of the project: after so many times what it took,
# it may be done again.
COUNTING_PATIENCE = 20.0
# Of more tasks that were labeled today outside of a round, as by a restore, it is not told by whom.
MOST_TODAY = 5_000


@dataclass(frozen=True, slots=True)
class RoundLabels:
    """The state of a round: of `asked` images, who labeled which (task id -> e-mail addresses).

    `labels` counts every label of the project, of whatever round; of its `tasks`, so many `images`
    have one. `today` says who labeled how many since midnight, the busiest first. `because` tells
    of each image that is asked for because of a train image (task id -> that one's tag, and
    classes). Without a round, `model_version` is empty.
    """

    model_version: str = ""
    asked: int = 0
    labels: int = 0
    labeled: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    tasks: int = 0
    images: int = 0
    today: tuple[tuple[str, int], ...] = ()
    because: Mapping[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def by_person(self) -> list[tuple[str, int]]:
        """Who labeled how many of the round's images, the busiest first."""
        return Counter(who for people in self.labeled.values() for who in people).most_common()


class RoundWatch:
    """Follows the last round of a workspace. Every look raises what a question to Label Studio
    raises; after that, close it."""

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        self.workspace = workspace
        self._clock = clock
        self._looked = -PATIENCE
        client = connect(workspace)
        self._opened = OpenProject(workspace, client, require_project(client, workspace))
        self._emails: dict[int, str] = {}
        self._stamp: object = None
        self._record: RoundRecord | None = None
        self._because: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._found: dict[int, tuple[Label, ...]] = {}
        self._changed = ""
        self._many = False
        # (How many labels there were when the labeled images were counted, from when on they may be
        # counted again, how many images.)
        self._counted = (-1, 0.0, 0)
        self._last = RoundLabels()

    def close(self) -> None:
        self._opened.client.close()

    def look(self) -> RoundLabels:
        """What there is now; what there was, where it was asked for less than two seconds ago."""
        if self._clock() - self._looked < PATIENCE:
            return self._last
        self._looked = self._clock()
        self._follow_last_round()
        tasks, count = self._opened.client.counts(self._opened.id)
        if count != self._last.labels:
            since = self._changed
            new = self._take_in(since)
            if since and new != count - self._last.labels:
                # A label was deleted, or changed hands: all is read anew.
                self._found, self._changed = {}, ""
                self._take_in("")
        self._last = self._state(tasks, count)
        return self._last

    def _follow_last_round(self) -> None:
        stamp = rounds_stamp(self.workspace)
        if stamp != self._stamp:
            self._stamp, self._record = stamp, last_round(self.workspace, self._opened.id)
            self._found, self._changed, self._many, self._last = {}, "", False, RoundLabels()
            self._because = _reasons(self.workspace, self._record)

    def _take_in(self, since: str) -> int:
        """Take in the labels of tasks that changed, and return how many are new."""
        if self._many:
            return 0
        opened, new = self._opened, 0
        found = opened.client.labels(opened.id, since=since or self._begun())
        for task in islice(found, None if self._record else MOST_TODAY):
            new += len(task.labels) - len(self._found.get(task.task_id, ()))
            self._found[task.task_id] = task.labels
            self._changed = max(self._changed, task.changed)
        self._many = self._record is None and len(self._found) >= MOST_TODAY
        return new

    def _begun(self) -> str:
        """When the round was published or this day began, whichever is earlier, as Label Studio
        writes times."""
        if self._record is None:
            return midnight()
        moment = datetime.fromtimestamp(self._record.published - CLOCKS_APART, timezone.utc)
        return min(f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z", midnight())

    def _images(self, count: int) -> int:
        """How many images are labeled, where there are `count` labels."""
        labels, again, images = self._counted
        began = self._clock()
        if count != labels and began >= again:
            images = self._opened.client.labeled_count(self._opened.id) if count else 0
            ended = self._clock()
            self._counted = (count, ended + COUNTING_PATIENCE * (ended - began), images)
        return images

    def _today(self) -> tuple[tuple[str, int], ...]:
        begun = midnight()
        labels = [one for of in self._found.values() for one in of if one.at >= begun]
        done = Counter(self._email(one.account) for one in labels)
        return () if self._many else tuple(done.most_common())

    def _state(self, tasks: int, count: int) -> RoundLabels:
        record, images, today = self._record, self._images(count), self._today()
        if record is None:
            return RoundLabels(labels=count, tasks=tasks, images=images, today=today)
        asked = {pick.task_id for pick in record.picks}
        labeled = {
            task_id: tuple(self._email(label.account) for label in labels)
            for task_id, labels in self._found.items()
            if task_id in asked
        }
        version = record.model_version
        return RoundLabels(version, len(asked), count, labeled, tasks, images, today, self._because)

    def _email(self, account: int) -> str:
        if account not in self._emails:
            self._emails = {one.id: one.email for one in self._opened.client.accounts()}
        return self._emails.setdefault(account, f"account {account}")


def _reasons(
    workspace: Workspace, record: RoundRecord | None
) -> dict[int, tuple[str, tuple[str, ...]]]:
    """Task id -> the train image because of which it is asked for, with the classes that it had
    when the dataset was exported last."""
    known = None
    with contextlib.suppress(LabelpilotError):
        known = read_dataset(workspace.annotations.dataset)
    return {
        pick.task_id: (pick.train_tag, tuple((known or {}).get(pick.train_tag, ())))
        for pick in (record.picks if record is not None else ())
        if pick.train_tag is not None
    }
