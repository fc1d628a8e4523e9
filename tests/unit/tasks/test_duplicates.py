"""Of several tasks of one image, the right ones stay."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.studio.models import TaskDetail
from core.tasks.duplicates import Duplicates, find_duplicates

FOLDER = Path("/work/data/images")


def task(
    number: int, name: str = "a.png", *, touched: bool = False, linked: bool = False
) -> TaskDetail:
    return TaskDetail(number, f"/data/local-files/?d=images/{name}", touched, linked)


def duplicates(*tasks: TaskDetail, after: int = 0) -> Duplicates:
    return find_duplicates(tasks, FOLDER, after)


def test_the_oldest_of_several_untouched_tasks_stays() -> None:
    assert duplicates(task(1), task(2), task(3)).remove == (2, 3)


def test_the_one_that_a_storage_made_stays_before_the_oldest() -> None:
    assert duplicates(task(1), task(2, linked=True)).remove == (1,)


def test_the_one_that_somebody_worked_on_stays_before_all() -> None:
    assert duplicates(task(1), task(2, linked=True), task(3, touched=True)).remove == (1, 2)


def test_all_that_somebody_worked_on_stay() -> None:
    found = duplicates(task(1, touched=True), task(2), task(3, touched=True))
    assert (found.remove, found.kept) == ((2,), 1)


def test_an_image_with_one_task_is_left_alone() -> None:
    assert duplicates(task(1), task(2, "b.png")) == Duplicates(0, (), 0, False, ())


def test_tasks_of_other_places_are_left_alone() -> None:
    elsewhere = [TaskDetail(number, "/data/upload/a.png", False, False) for number in (1, 2)]
    assert duplicates(*elsewhere).remove == ()


def test_older_tasks_than_an_import_are_not_its_duplicates() -> None:
    assert duplicates(task(1), task(2), task(8), task(9), after=5).remove == (8, 9)
    assert duplicates(task(8), task(9), after=5).remove == (9,)


def test_it_tells_where_the_own_sync_would_double_again() -> None:
    assert duplicates(task(1, touched=True), task(2, linked=True)).unlinked
    assert not duplicates(task(1), task(2, linked=True)).unlinked


TASKS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=12).map(
    lambda drawn: [
        task(number, f"{name}.png", touched=touched, linked=linked)
        for number, (name, touched, linked) in enumerate(drawn, start=1)
    ]
)


@given(tasks=TASKS, after=st.integers(0, 12))
def test_no_touched_task_and_no_image_is_ever_lost(tasks: list[TaskDetail], after: int) -> None:
    found = duplicates(*tasks, after=after)
    gone = set(found.remove)
    left: dict[str, list[TaskDetail]] = defaultdict(list)
    for one in tasks:
        if one.id not in gone:
            left[one.image].append(one)
    assert not any(one.touched and one.id in gone for one in tasks)
    assert {one.image for one in tasks} == left.keys()
    assert all(number > after for number in gone)
    if after == 0:
        assert all(
            len(copies) == 1 or all(one.touched for one in copies) for copies in left.values()
        )
