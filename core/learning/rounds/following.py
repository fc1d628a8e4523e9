"""How much of the last round is labeled, and by whom, while people label.

Asked again and again, so asked cheaply: one number says whether there is anything new, and only
then are the tasks listed that changed since. What it does not bear out is read anew.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from core.learning.rounds.ledger import RoundRecord, last_round, rounds_stamp
from core.studio.models import Label
from core.studio.project import OpenProject, connect, require_project
from core.workspace.settings import Workspace

# Not more often than this.
PATIENCE = 2.0
# How far a server's clock may be from ours: labels from so long before the round are looked at too.
CLOCKS_APART = 600.0


@dataclass(frozen=True, slots=True)
class RoundLabels:
    """The state of a round: of `asked` images, who labeled which (task id -> e-mail addresses).

    `labels` counts every label of the project, of whatever round. Without a round, `model_version`
    is empty.
    """

    model_version: str = ""
    asked: int = 0
    labels: int = 0
    labeled: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

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
        self._found: dict[int, tuple[Label, ...]] = {}
        self._changed = ""
        self._last = RoundLabels()

    def close(self) -> None:
        self._opened.client.close()

    def look(self) -> RoundLabels:
        """What there is now; what there was, where it was asked for less than two seconds ago."""
        if self._clock() - self._looked < PATIENCE:
            return self._last
        self._looked = self._clock()
        self._follow_last_round()
        count = self._opened.client.label_count(self._opened.id)
        if count != self._last.labels and self._record is not None:
            since = self._changed
            new = self._take_in(since)
            if since and new != count - self._last.labels:
                # A label was deleted, or changed hands: all is read anew.
                self._found, self._changed = {}, ""
                self._take_in("")
        self._last = self._state(count)
        return self._last

    def _follow_last_round(self) -> None:
        stamp = rounds_stamp(self.workspace)
        if stamp != self._stamp:
            self._stamp, self._record = stamp, last_round(self.workspace, self._opened.id)
            self._found, self._changed, self._last = {}, "", RoundLabels()

    def _take_in(self, since: str) -> int:
        """Take in the labels of tasks that changed, and return how many are new."""
        opened, new = self._opened, 0
        for task in opened.client.labels(opened.id, since=since or self._begun()):
            new += len(task.labels) - len(self._found.get(task.task_id, ()))
            self._found[task.task_id] = task.labels
            self._changed = max(self._changed, task.changed)
        return new

    def _begun(self) -> str:
        """When the round was published, as Label Studio writes times: before, none was labeled."""
        moment = self._record.published - CLOCKS_APART if self._record else 0.0
        return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z"

    def _state(self, count: int) -> RoundLabels:
        record = self._record
        if record is None:
            return RoundLabels(labels=count)
        asked = {pick.task_id for pick in record.picks}
        labeled = {
            task_id: tuple(self._email(label.account) for label in labels)
            for task_id, labels in self._found.items()
            if task_id in asked
        }
        return RoundLabels(record.model_version, len(asked), count, labeled)

    def _email(self, account: int) -> str:
        if account not in self._emails:
            self._emails = {one.id: one.email for one in self._opened.client.accounts()}
        return self._emails.setdefault(account, f"account {account}")
