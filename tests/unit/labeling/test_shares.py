"""How an order is dealt out: whose an image is, and that nobody gets another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.labeling.overlap import FIRST, drawn
from core.labeling.shares import dealt, people_of

PEOPLE = ("anna", "ben", "cleo")
ORDERS = st.lists(st.integers(1, 500), max_size=40, unique=True)


@given(ORDERS)
def test_each_image_is_one_persons_and_each_person_has_every_nth(order: list[int]) -> None:
    parts = dealt(order, PEOPLE, {}, set())
    assert parts == {name: set(order[turn::3]) for turn, name in enumerate(PEOPLE)}


@given(ORDERS, st.data())
def test_dealing_again_leaves_what_is_begun_with_whoever_has_it(
    order: list[int], data: st.DataObject
) -> None:
    former = dealt(order, PEOPLE, {}, set())
    begun = {name: {t for t in ids if data.draw(st.booleans())} for name, ids in former.items()}
    parts = dealt(order, PEOPLE[:2], begun, set())
    assert all(begun[name] <= parts[name] for name in PEOPLE)
    assert parts["cleo"] == begun["cleo"]
    assert sorted(t for ids in parts.values() for t in ids) == sorted(order)


@given(ORDERS)
def test_what_is_asked_of_two_people_is_in_two_shares(order: list[int]) -> None:
    twice = set(order[::4])
    parts = dealt(order, PEOPLE, {}, twice)
    for task_id in order:
        having = sum(task_id in ids for ids in parts.values())
        assert having == (2 if task_id in twice else 1)
    assert dealt(order, PEOPLE[:1], {}, twice) == {"anna": set(order)}


def test_people_are_a_number_or_their_names() -> None:
    assert people_of("3") == ("1", "2", "3")
    assert people_of(" anna@x.org, ben@x.org,anna@x.org") == ("anna@x.org", "ben@x.org")


@pytest.mark.parametrize("text", ["", " , ", "0", "21", "9" * 30, "\x1b[31m", "a" * 101])
def test_what_names_no_people_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        people_of(text)


def test_a_round_asks_the_same_images_twice_each_time_and_another_round_others() -> None:
    tasks = list(range(1, 5_001))
    first = drawn("v1", tasks, 0.1)
    assert first == drawn("v1", tasks, 0.1)
    assert first != drawn("v2", tasks, 0.1)
    assert max(first) <= FIRST
    assert 60 <= len(first) <= 140
    assert drawn("v1", tasks, 0.0) == ()
    assert len(drawn("v1", tasks, 1.0)) == FIRST
