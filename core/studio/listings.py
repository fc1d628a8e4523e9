"""Listings of Label Studio's that come in pages, and the Data Manager's filters for them.

A listing is whole or an error: fewer items than the server says it has, the same page again, or a
body of something else is never taken for an answer. It has an end too: of a server that says it has
so many, no more are taken than a project can gain while it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from core.studio.expected import expect, expect_items, expect_number
from core.studio.transport import NoAnswer, Transport

# Measured at 100,000 tasks: larger pages are no faster and take the server's memory.
TASK_PAGE = 2000
# Full tasks with their annotations are a hundred times larger.
ANNOTATED_PAGE = 200
# Items that a listing may have more than twice of what it had at first.
GAINED = 10_000


def listed(transport: Transport, path: str, params: Mapping[str, object]) -> list[Any]:
    """The items of a listing that comes at once, in either shape that Label Studio gives it."""
    body = transport.get(path, params)
    return expect_items(body if isinstance(body, list) else expect(body, "results")["results"])


def pages(
    transport: Transport, path: str, params: Mapping[str, object], page_size: int
) -> Iterator[list[Any]]:
    """The pages of a listing that says whether there is a `next` one.

    Raises NoAnswer where it has no end.
    """
    page, end = 1, _End()
    while True:
        numbers = {"page": page, "page_size": page_size}
        body = expect(transport.get(path, {**params, **numbers}), "results")
        found = expect_items(body["results"])
        end.seen(found, expect_number(body.get("count") or 0))
        yield found
        if not body.get("next"):
            return
        page += 1


def tasks_page(
    transport: Transport, params: Mapping[str, object], page_size: int
) -> tuple[list[Any], int, int]:
    """The tasks of one page, how many the listing has, and how many annotations they have."""
    body = expect(transport.get("api/tasks/", {**params, "page_size": page_size}), "tasks", "total")
    tasks, annotations = expect_items(body["tasks"]), body.get("total_annotations")
    return tasks, expect_number(body["total"]), expect_number(annotations or 0)


def tasks_by_id(
    transport: Transport,
    params: Mapping[str, object],
    after: int,
    page_size: int,
    last: int | None = None,
) -> Iterator[Any]:
    """The tasks with an id above `after`, up to `last`, by rising id.

    Each page begins after the last id of the one before: tasks that are deleted meanwhile make
    none be passed over. Raises NoAnswer if the server gives fewer than it says it has, or no end.
    """
    end = _End()
    while True:
        page = query(*id_filters(after, last), ordering=["tasks:id"])
        found, total, _ = tasks_page(transport, {**params, **page}, page_size)
        if found and int(found[0]["id"]) <= after:
            raise NoAnswer(
                "Label Studio lists the same tasks again.",
                cause=f"Asked for those after {after}, it began with {found[0]['id']}.",
            )
        end.seen(found, total)
        yield from found
        if len(found) >= total:
            return
        if not found:
            raise NoAnswer(
                "Label Studio listed fewer tasks than it says it has.",
                cause=f"{total} more should come after number {after}.",
            )
        after = int(found[-1]["id"])


def task_pages(
    transport: Transport, params: Mapping[str, object], page_size: int
) -> Iterator[list[Any]]:
    """The pages of a listing of tasks in the order that `params` ask for.

    Raises NoAnswer if the server gives fewer tasks than it says it has, or no end.
    """
    seen, page, end = 0, 1, _End()
    while True:
        tasks, total, _ = tasks_page(transport, {**params, "page": page}, page_size)
        seen += len(tasks)
        end.seen(tasks, total)
        yield tasks
        if seen >= total:
            return
        if not tasks:
            raise NoAnswer(
                "Label Studio listed fewer tasks than it says it has.",
                cause=f"{seen:,} of {total:,} came.",
                next_step="Tasks were deleted meanwhile, or its database is broken; try again.",
            )
        page += 1


class _End:
    """Sees to it that a listing ends: by what the server said at first that it has."""

    def __init__(self) -> None:
        self._most: int | None = None
        self._number = 0
        self._last: object = None

    def seen(self, page: Sequence[Any], total: int) -> None:
        """Take note of a page of a listing of `total` items. Raises NoAnswer where it goes on."""
        if self._most is None:
            # Others may be at work meanwhile.
            self._most = 2 * max(total, len(page)) + GAINED
        self._number += len(page)
        again = bool(page) and page[0] == self._last
        self._last = page[0] if page else None
        if again or self._number > self._most:
            what = "the same again" if again else f"{self._number:,} of {self._most:,} at most"
            raise NoAnswer(
                "Label Studio's list does not end.",
                cause=f"It gave {what}.",
                next_step="Look at `url` under [studio] in labelpilot.toml; is it Label Studio?",
            )


def column_filter(column: str, operator: str, kind: str, value: object) -> dict[str, object]:
    """One filter of the Data Manager on a task's column."""
    return {
        "filter": f"filter:tasks:{column}",
        "operator": operator,
        "type": kind,
        "value": value,
    }


def id_filters(after: int, last: int | None = None) -> list[dict[str, object]]:
    """The filters for the tasks with an id above `after`, up to `last`."""
    above = column_filter("id", "greater", "Number", after)
    return [above] if last is None else [above, column_filter("id", "less", "Number", last + 1)]


def query(
    *filters: dict[str, object], ordering: Sequence[str] = (), conjunction: str = "and"
) -> dict[str, object]:
    """The parameter that filters and orders a listing of tasks.

    The Data Manager takes the same as the body of a GET, which a proxy may drop.
    """
    content = {
        "filters": {"conjunction": conjunction, "items": list(filters)},
        "ordering": list(ordering),
    }
    return {"query": orjson.dumps(content).decode()}


def answered(ordering: Sequence[str] = ()) -> dict[str, object]:
    """The parameter for the tasks that somebody has submitted or skipped."""
    submitted = column_filter("total_annotations", "greater", "Number", 0)
    skipped = column_filter("cancelled_annotations", "greater", "Number", 0)
    return query(submitted, skipped, conjunction="or", ordering=ordering)


def lean(project_id: int) -> dict[str, object]:
    """The parameters of a listing of tasks with no more than `Task` holds."""
    return {
        "project": project_id,
        "include": "id,data,total_annotations",
        "resolve_uri": "false",
    }


def whole(project_id: int) -> dict[str, object]:
    """The parameters of a listing of tasks as they are, with their annotations."""
    return {"project": project_id, "fields": "all", "resolve_uri": "false"}
