"""Our tabs: the pattern that names their tasks, and the mark that says what was changed in them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.labeling import tabs
from core.labeling.stream import ORDER
from core.labeling.tabs import changed_parts, mark, of_tasks, pattern_of, shown, tasks_of
from core.studio import process
from core.studio.models import View

HIDDEN = ("tasks:created_at",)
IDS = st.sets(st.integers(1, 3_000), max_size=60)


def saved(ids: set[int]) -> dict[str, Any]:
    """A tab's data as Label Studio has it once it was written."""
    tab = of_tasks("share of anna", "Anna", ids)
    data = shown(tab, HIDDEN)
    return data | {"columnsWidth": mark(tab, data)}


@given(IDS)
def test_a_pattern_fits_just_its_numbers(ids: set[int]) -> None:
    pattern = re.compile(pattern_of(ids))
    assert {number for number in range(3_100) if pattern.search(str(number))} == ids


@given(IDS)
def test_a_tab_tells_which_tasks_it_was_made_for(ids: set[int]) -> None:
    assert tasks_of(View(1, saved(ids))) == ids


def test_a_pattern_of_many_numbers_is_matched_digit_by_digit() -> None:
    ids = set(range(1, 100_000, 7))
    assert len(pattern_of(ids)) < sum(len(str(number)) for number in ids)


def test_what_the_page_adds_when_it_saves_a_tab_is_no_change() -> None:
    data = saved({3, 5})
    items = [{**item, "child_filter": None, "type": "String"} for item in data["filters"]["items"]]
    again = {**data, "gridWidth": 4, "filters": {**data["filters"], "items": items}}
    assert changed_parts(View(1, again)) == ()


def test_each_part_that_somebody_changed_is_named() -> None:
    data = saved({3, 5})
    no_filter = {"conjunction": "and", "items": []}
    assert changed_parts(View(1, data | {"ordering": ["tasks:id"]})) == ("order",)
    assert changed_parts(View(1, data | {"filters": no_filter})) == ("filters",)
    wider = {"explore": [], "labeling": []}
    assert changed_parts(View(1, data | {"hiddenColumns": wider})) == ("columns",)
    either = data["filters"] | {"conjunction": "or"}
    assert changed_parts(View(1, data | {"filters": either})) == ("filters",)


def test_a_tab_whose_pattern_somebody_broke_names_no_task() -> None:
    data = saved({3, 5})
    data["filters"]["items"][1]["value"] = "^(3|5"
    assert tasks_of(View(1, data)) == set()
    assert changed_parts(View(1, data))


def test_the_launcher_knows_our_tabs_as_they_are_marked() -> None:
    # It cannot import us: where it runs, `core` is Label Studio's.
    tree = ast.parse((Path(process.__file__).parent / "launcher/stream.py").read_text())
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert constants["MARK"] == tabs.MARK
    assert constants["ORDER"] == ORDER.name
    assert constants["SHARE"] == tabs.SHARE
