"""The tabs that labelpilot keeps in the Data Manager: what each shows, how it is known as ours, and
what somebody changed in it.

A tab's title is anybody's to choose, so it proves nothing. Ours carries a mark among its columns'
widths, which the page keeps as they are whatever a person changes in the tab. The mark's name says
which tab it is; its number is a checksum of what was written, so that a change shows without a note
of ours beside it.

A tab must only hold what the page itself can show: a filter of an operator that the page does not
know (`in_list`, which the API takes) breaks the Data Manager of the whole project.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.studio.listings import column_filter
from core.studio.models import View
from core.studio.project import OpenProject

# Begins the name of a mark. The launcher's patches know our tabs by it too.
MARK = "labelpilot "
# Begins the name of a tab with somebody's share of the order; the launcher knows it too.
SHARE = "share of "
BY_SCORE = "-tasks:predictions_score"
# What is to be labeled still, also by a second person: a task is completed once it has as many
# people's annotations as it asks for.
UNFINISHED = column_filter("completed_at", "empty", "Datetime", True)
# The Data Manager shows every column that a tab does not hide.
_HIDDEN = frozenset(
    f"tasks:{column}"
    for column in (
        "inner_id completed_at total_predictions cancelled_annotations ground_truth "
        "annotations_results annotations_ids annotators avg_lead_time comment_authors "
        "comment_count draft_exists file_upload last_comment_updated_at predictions_results "
        "predictions_model_versions reviewed reviewers reviews_accepted reviews_rejected "
        "storage_filename unresolved_comment_count updated_at updated_by created_at allow_skip"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Tab:
    """What a tab is to show. `name` stands in its mark; `display` is column -> type, where a column
    is shown as another type than its own."""

    name: str
    title: str
    filters: Sequence[Mapping[str, object]] = (UNFINISHED,)
    display: Mapping[str, str] = field(default_factory=dict)


def of_tasks(name: str, title: str, ids: Iterable[int], *, unfinished: bool = True) -> Tab:
    """A tab of the tasks `ids`."""
    # The page has no list of numbers for a filter; it has patterns, for what is shown as text.
    only = column_filter("id", "regex", "String", pattern_of(ids))
    filters = (UNFINISHED, only) if unfinished else (only,)
    return Tab(name, title, filters, {"tasks:id": "String"})


def tasks_of(view: View) -> set[int]:
    """The ids that a tab made by `of_tasks` names; none where somebody broke its pattern."""
    items = (view.data.get("filters") or {}).get("items") or []
    patterns = (item.get("value") for item in items if item.get("filter") == "filter:tasks:id")
    return set().union(*(_ids_in(str(pattern)) for pattern in patterns))


def find_tabs(opened: OpenProject) -> dict[str, View]:
    """Name -> tab, for those of the project's tabs that are ours; of copies, the first."""
    found: dict[str, View] = {}
    for view in sorted(opened.client.views(opened.id), key=lambda view: view.id):
        for name in _marks(view):
            found.setdefault(name, view)
    return found


def save_tab(opened: OpenProject, tab: Tab, view: View | None) -> View:
    """Make the tab, or set right the one that is there."""
    # The page forgets that a column is hidden which it does not know.
    data = shown(tab, _HIDDEN & opened.client.columns(opened.id))
    data["columnsWidth"] = mark(tab, data)
    return opened.client.save_view(opened.id, data, None if view is None else view.id)


def shown(tab: Tab, hidden: Iterable[str]) -> dict[str, Any]:
    """A tab's data, without its mark."""
    columns = sorted(hidden)
    return {
        "title": tab.title,
        "type": "list",
        "target": "tasks",
        "ordering": [BY_SCORE],
        "filters": {"conjunction": "and", "items": [dict(one) for one in tab.filters]},
        "hiddenColumns": {"explore": columns, "labeling": columns},
        "columnsDisplayType": dict(tab.display),
    }


def mark(tab: Tab, data: Mapping[str, Any]) -> dict[str, int]:
    """The mark of a tab with this data, as a width of a column that there is not."""
    return {f"{MARK}{tab.name}": _checksum(data)}


def changed_parts(view: View) -> tuple[str, ...]:
    """What somebody changed in one of our tabs since it was written, in words; () for nothing."""
    data = view.data
    if _checksum(data) in _marks(view).values():
        return ()
    # A mark is for the whole; each part that is not to blame is put aside.
    parts = {"order": data.get("ordering") != [BY_SCORE]}
    hidden = data.get("hiddenColumns") or {}
    filters = data.get("filters") or {}
    parts["filters"] = filters.get("conjunction") != "and" or not _is_ours(filters.get("items"))
    parts["columns"] = not hidden.get("explore") or hidden["explore"] != hidden.get("labeling")
    return tuple(name for name, changed in parts.items() if changed) or ("filters or columns",)


def _is_ours(items: Any) -> bool:
    """Whether filters are those of a tab of ours, for whatever tasks."""
    plain = _plain(items or [])
    only = [item for item in plain if item[:2] == ["filter:tasks:id", "regex"]]
    others = [item for item in plain if item not in only]
    return len(only) <= 1 and others == _plain([UNFINISHED])


def _marks(view: View) -> dict[str, Any]:
    """The names of our marks on a tab, each with its checksum."""
    widths = view.data.get("columnsWidth")
    if not isinstance(widths, dict):
        return {}
    return {key.removeprefix(MARK): value for key, value in widths.items() if key.startswith(MARK)}


def _checksum(data: Mapping[str, Any]) -> int:
    """A number for what a tab shows, the same before and after the page has saved it."""
    filters, hidden = data.get("filters") or {}, data.get("hiddenColumns") or {}
    content = [
        data.get("type"),
        list(data.get("ordering") or []),
        filters.get("conjunction"),
        _plain(filters.get("items") or []),
        [sorted(hidden.get(place) or []) for place in ("explore", "labeling")],
    ]
    return zlib.crc32(orjson.dumps(content))


def _plain(items: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    return [[item.get(key) for key in ("filter", "operator", "value")] for item in items]


def pattern_of(ids: Iterable[int]) -> str:
    """A regular expression for just these numbers.

    Beginnings that several share stand in it once: matched with each of 100,000 tasks, a plain list
    of a thousand numbers would take a minute.
    """
    tree: dict[str, Any] = {}
    for number in sorted(ids):
        node = tree
        for digit in f"{number}$":
            node = node.setdefault(digit, {})
    return f"^{_branches(tree)}" if tree else "^$"


def _branches(node: Mapping[str, Any]) -> str:
    parts = [digit + (_branches(below) if below else "") for digit, below in node.items()]
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


def _ids_in(pattern: str) -> set[int]:
    """The numbers that a pattern of `pattern_of` names."""
    found, begun, prefixes = set[int](), "", list[str]()
    for character in pattern.removeprefix("^"):
        if character.isdecimal():
            begun += character
        elif character == "(":
            prefixes.append(begun)
        elif character == "|" and prefixes:
            begun = prefixes[-1]
        elif character == ")" and prefixes:
            prefixes.pop()
        elif character == "$" and begun:
            found.add(int(begun))
        else:
            return set()
    return found if pattern_of(found) == pattern else set()
