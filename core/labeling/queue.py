"""Who labels which image next, in the order of the label stream.

labelpilot's own server tells, and holds the images that are fetched ahead, so that nobody else gets
them. Another one does not say what others have open: there, the order is read as its tab shows it,
and two people who label at once can get the same image unless each has a share.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from core.labeling.fallback import SHARES
from core.labeling.outbox import Outbox
from core.labeling.stream import ORDER
from core.labeling.tabs import SHARE, UNFINISHED, find_tabs
from core.studio.client.projects import SAMPLINGS
from core.studio.listings import column_filter
from core.studio.models import Account, Task
from core.studio.project import OpenProject

# As long as nothing is heard of a labelpilot, its images stay its own, for others of the workspace.
CLAIMED_SECONDS = 180.0
# So often a page is drawn at random for one image.
_DRAWS = 5
_ORDERINGS = {
    SAMPLINGS["sequential"]: ["tasks:id"],
    SAMPLINGS["uncertainty"]: ["tasks:predictions_score"],
}


def next_tasks(
    opened: OpenProject,
    account: Account,
    outbox: Outbox,
    session: str,
    tasks: Sequence[int],
    more: int,
) -> list[Task]:
    """Those of `tasks` that are still to be labeled by `account`, and `more` that come next."""
    client = opened.client
    held = client.hold(opened.id, opened.remote.image_key, session, tasks, more)
    return _listed(opened, account, outbox, tasks, more) if held is None else held


def advice(opened: OpenProject, account: Account, session: str) -> str:
    """What several people must do here to get different images, if they must; before anything is
    held."""
    if opened.client.hold(opened.id, opened.remote.image_key, session, (), 0) is not None:
        return ""
    return "" if f"{SHARE}{account.email}" in find_tabs(opened) else SHARES


def give_back(opened: OpenProject, outbox: Outbox, session: str) -> None:
    """Let others have what was held."""
    outbox.claim((), 0)
    opened.client.hold(opened.id, opened.remote.image_key, session, (), 0)


def _listed(
    opened: OpenProject, account: Account, outbox: Outbox, tasks: Sequence[int], more: int
) -> list[Task]:
    """As `next_tasks`, from a server that only lists tasks."""
    client, key = opened.client, opened.remote.image_key
    found: list[Task] = []
    if tasks:
        among = column_filter("id", "in_list", "List", list(tasks))
        shown = {"filters": {"items": [UNFINISHED, among]}}
        found = client.to_label(opened.id, key, account.id, shown, len(tasks))[0]
        # A filter that the server does not understand is ignored without a word.
        by_id = {task.id: task for task in found if task.id in tasks}
        found = [by_id[number] for number in tasks if number in by_id]
    claimed = outbox.claim([task.id for task in found], CLAIMED_SECONDS)
    found = [task for task in found if task.id in claimed]
    known, wanted = set(tasks), len(found) + more
    # Twice: what is labeled between two pages moves the others from one to the other.
    for pages in (_pages(opened, account, len(tasks) + more) for _ in range(2)):
        while len(found) < wanted and (page := pages()):
            new = [task for task in page if task.id not in known][: wanted - len(found)]
            known.update(task.id for task in new)
            claimed = outbox.claim([task.id for task in (*found, *new)], CLAIMED_SECONDS)
            found += [task for task in new if task.id in claimed]
    return found


def _pages(opened: OpenProject, account: Account, count: int) -> Callable[[], list[Task]]:
    """What gives the tasks that come next, some at each call; none at the end."""
    client, key, numbers = opened.client, opened.remote.image_key, iter(range(1, 10**6))
    tabs = find_tabs(opened)
    view = tabs.get(f"{SHARE}{account.email}") or tabs.get(ORDER.name)
    ordering = _ORDERINGS.get(opened.remote.sampling)
    shown = {"filters": {"items": [UNFINISHED]}, "ordering": ordering or []}
    if view is not None:
        shown = dict(view.data)

    def page(number: int, size: int) -> tuple[list[Task], int]:
        return client.to_label(opened.id, key, account.id, shown, size, number)

    def in_order() -> list[Task]:
        return page(next(numbers), count)[0]

    def at_random() -> list[Task]:
        total = page(1, 1)[1]
        if total <= count * _DRAWS:
            found = in_order()
            return random.sample(found, len(found))
        drawn = random.sample(range(1, total + 1), count)
        return [task for number in drawn for task in page(number, 1)[0]]

    return in_order if ordering or view is not None else at_random
