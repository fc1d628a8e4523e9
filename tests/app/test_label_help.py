"""What helps whoever labels in the terminal: suggestions, and labels that are looked at again."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.dataset.conflicts import Answer, Conflict
from core.errors import ConfigurationError
from core.labeling.groups import GroupCost, GroupSizes
from core.labeling.suggestions import Precision, Suggestions
from core.learning.measuring.suspects import Suspect
from core.learning.rounds.ledger import RoundRecord, save_record
from core.learning.suggesting.helping import Help
from core.tasks.tags import TaggedTask
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend, help_of
from tests.app.label_doubles import Asks, MemorySession, config_of, given, opened, seen
from tests.app.toys import IMAGES, annotation
from tui.widgets.picture import Picture

SEVERAL = config_of("cat", "dog")
ONE = config_of("cat", "dog", choice="single-radio")
MEASURED = Precision(0.8, 212, 200, 212, 200)


def suggesting(*rows: tuple[float, float], one: bool = False) -> Suggestions:
    """Chances of cat and dog for `photo_0` and those after it."""
    tags = {f"photo_{number}": number for number in range(len(rows))}
    exclusive = (np.array([0, 1]),) if one else ()
    choices = (("labels", "cat"), ("labels", "dog"))
    return Suggestions(MEASURED, choices, tags, np.array(rows), exclusive)


async def test_suggestions_come_ticked_with_their_chances_and_are_submitted_by_a_key_only(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(SEVERAL)
    ready.help = help_of(suggesting((0.99, 0.01), (0.93, 0.31), (0.2, 0.9)))
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("3")
        await seen(app, "photo_0")
        assert "Suggestions are being made …" in app.text
        ready.hold.set()
        await app.until(lambda: "Suggestions accepted as they are: 94 % of 212." in app.text)
        # The image that is looked at already gets no tick under the hand.
        assert "☑" not in app.text
        # Nothing is submitted only by a second key that is no first one held down.
        assert "space twice: no answer" in app.text
        await app.strike("space")
        assert "Nothing is chosen. Once more submits the image without an answer." in app.text
        await app.strike("9", "space")
        await seen(app, "photo_1")
        assert "1 ☑ cat .93   2 ☐ dog .31" in app.text
        # What the person says counts.
        await app.strike("1", "2", "space")
        await seen(app, "photo_2")
        assert "1 ☐ cat .20   2 ☑ dog .90" in app.text
        await app.strike("z")
        await seen(app, "photo_1")
        assert "1 ☐ cat   2 ☑ dog" in app.text
        await app.strike("space")
        await seen(app, "photo_2")
        # One that is held down would not go on.
        await app.strike("9", "space")
    assert given(session) == [(1, ()), (2, ("dog",)), (3, ("dog",))]


async def test_an_image_that_was_labeled_with_nothing_is_given_back_with_nothing(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    asks(SEVERAL)
    ready.help = help_of(suggesting((0.99, 0.01), (0.99, 0.01), (0.99, 0.01)))
    async with walk(ready) as app:
        await app.strike("3")
        await seen(app, "photo_0")
        await app.until(lambda: "94 % of 212" in app.text)
        await app.strike("space")
        await seen(app, "photo_1")
        await app.strike("1", "space")
        await seen(app, "photo_2")
        await app.strike("z")
        await seen(app, "photo_1")
        assert "☑" not in app.text


async def test_of_one_answer_alone_space_takes_what_is_suggested_and_a_key_takes_its_own(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(ONE, ("red", "lime", "blue", "white"))
    ready.help = help_of(suggesting(*[(0.95, 0.05)] * 4, one=True))
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("3")
        await seen(app, "photo_0")
        # Nothing is ticked yet, and nothing is submitted.
        await app.strike("space")
        ready.hold.set()
        await app.until(lambda: "94 % of 212" in app.text)
        await app.strike("2")
        for number, key in enumerate(("space", "2", "1"), start=1):
            await seen(app, f"photo_{number}")
            assert "1 ● cat .95" in app.text
            await app.strike(key)
        await app.until(lambda: "Nothing is left to be labeled" in app.text)
    expected = ["dog", "cat", "dog", "cat"]
    assert [answers for _, answers in given(session)] == [(name,) for name in expected]


async def test_a_tick_that_has_no_room_is_not_made(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    names = [f"a class with a long name, the {number}." for number in range(30)]
    asks(config_of(*names))
    found = suggesting((0.99, 0.99))
    ready.help = help_of(replace(found, choices=(("labels", names[0]), ("labels", names[29]))))
    async with walk(ready, size=(60, 20)) as app:
        screen = await opened(app)
        assert screen._given.answers == {}


@pytest.mark.parametrize("there_are", ["no embeddings", "too few labels"])
async def test_why_nothing_is_suggested_is_said(
    ready: FakeBackend, walk: Walker, asks: Asks, there_are: str
) -> None:
    asks(SEVERAL)
    if there_are == "no embeddings":
        ready.fail["help_labeling"] = ConfigurationError("There are [no] embeddings yet.")
        why = "No suggestions. There are [no] embeddings yet."
    else:
        why = "No suggestions yet: they need 50 labels, and 7"
    async with walk(ready) as app:
        await opened(app)
        await app.until(lambda: why in app.text)
        assert app.toasts == []
        await app.strike("1", "space")
        await seen(app, "photo_1")
        if ready.fail:
            # What was lacking is asked for anew whenever one comes back.
            ready.fail.clear()
            ready.help = help_of(suggesting(*[(0.99, 0.01)] * 3))
            await app.press("escape", "3")
            await app.until(lambda: "94 % of 212" in app.text)


def again(session: MemorySession) -> MemorySession:
    """Of the images that a session asks of, the first is the person's own cat, and the second was
    labeled by somebody else."""
    own, other = (replace(one, task_id=one.task_id + 100) for one in session.items[:2])
    own = replace(own, annotation=7, suggestion={"labels": ("cat",)}, note="You: cat; [b]: dog.")
    other = replace(other, note="anna: cat; ben: none")
    return MemorySession(session.config, [own, other])


async def test_conflicts_are_labeled_again_and_escape_leads_back_to_the_stream(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    stream = asks(SEVERAL)
    ready.again = doubted = again(stream)
    answers = (Answer(2, "anna", ("cat",), 1.0, False), Answer(50, "", (), 2.0, False))
    ready.differing = (Conflict("img_000", IMAGES[1], 7, answers),)
    (ready.workspace.annotations.path / "50").write_text(
        json.dumps(annotation(50, IMAGES[1], ["dog"]))
    )
    async with walk(ready) as app:
        await opened(app)
        await app.press("escape", "4")
        await app.press("s")
        await app.press("l")
        assert "label_again 1" in ready.calls
        await seen(app, "photo_0")
        assert " photo_0  data/images/sub/photo_0.png  40x30" in app.text
        assert "You: cat; [b]: dog." in app.text
        assert "Labels to look at again   2 left" in app.text
        assert "space keep" in app.footer
        assert "1 ☑ cat   2 ☐ dog" in app.text
        await app.strike("1", "2")
        assert "space change" in app.footer
        await app.strike("space")
        await seen(app, "photo_1")
        assert "☑" not in app.text
        await app.strike("x")
        await app.until(lambda: "Nothing is left to be looked at again." in app.text)
        await app.press("escape")
        await seen(app, "photo_0")
        assert "Labels to look at again" not in app.text
        await app.until(lambda: doubted.closed)
        await app.strike("2", "space")
    assert given(doubted) == [(101, ("dog",))]
    assert doubted.skipped == [102]
    assert given(stream) == [(1, ("dog",))]


async def test_suspects_are_labeled_again_by_a_key(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    stream = asks(ONE)
    ready.again = doubted = again(stream)
    ready.suspected = [
        Suspect(f"img_00{number}", 4.0 - number, ("cat",), ("cat",), ("dog",)) for number in (0, 1)
    ]
    (ready.workspace.annotations.dataset).parent.mkdir(exist_ok=True)
    ready.workspace.annotations.dataset.write_text("{}")
    async with walk(ready, size=(60, 20)) as app:
        await app.press("5")
        await app.press("s")
        assert "2 labels are likely wrong." in app.text
        assert app.text.count("also dog?") + app.text.count("all say dog") >= 2
        await app.press("j", "space", "p")
        assert "Label in the browser" in app.text
        assert "suspects_page img_001" in ready.calls
        await app.press("escape", "space", "p", "escape")
        assert "suspects_page img_000 img_001" in ready.calls
        await app.press("k", "space", "l")
        assert "label_again 1" in ready.calls
        await seen(app, "photo_0")
        assert "You: cat; [b]: dog." in app.text
        await app.strike("space")
        await seen(app, "photo_1")
        await app.strike("escape")
        await seen(app, "photo_0")
    assert given(doubted) == [(101, ("cat",))]
    assert stream.sent == []


async def test_second_opinions_have_a_key_and_a_command(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    stream = asks(SEVERAL)
    ready.again = again(stream)
    async with walk(ready, section="label", second_opinions=True) as app:
        await seen(app, "photo_0")
        assert "Labels to look at again   2 left" in app.text
        await app.press("A")
        assert app.toasts == ["Some are looked at already: esc leads back first."]
        await app.press("escape")
        await app.until(lambda: "Labels to look at again" not in app.text)
        ready.again = again(stream)
        await app.press("A")
        await app.until(lambda: "Labels to look at again   2 left" in app.text)
    assert ready.calls.count("label_again 0") == 2


async def test_where_nothing_is_left_to_label_again_it_says_so(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    stream = asks(ONE)
    ready.again = none = MemorySession(stream.config, [])
    async with walk(ready) as app:
        app.app.label_again([])
        await app.until(lambda: app.toasts)
        await seen(app, "photo_0")
        assert app.toasts == ["Nothing of it can be labeled again by now."]
        await app.until(lambda: none.closed)


def alike(count: int) -> Help:
    """`photo_0` and those after it, each less like it than the one before; groups of up to 3."""
    tags = tuple(f"photo_{number}" for number in range(count))
    tasks = {
        tag: TaggedTask(Path(), tag, number, labeled=False)
        for number, tag in enumerate(tags, start=1)
    }
    angles = np.arange(count) / 10
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    sizes = GroupSizes((GroupCost(3, 200, 6),), chosen=3)
    rows = {tag: row for row, tag in enumerate(tags)}
    return Help(Suggestions(Precision(why="None.")), sizes, tasks, tags, rows, vectors)


async def test_look_alikes_are_labeled_together_but_for_those_that_are_taken_out(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(SEVERAL, ("red", "lime", "blue", "white"))
    ready.help = alike(4)
    async with walk(ready) as app:
        await app.press("3")
        await seen(app, "photo_0")
        await app.strike("g")
        await app.until(lambda: "3 of 3 marked" in app.text)
        assert "groups of up to 3: 2 % more wrong labels if nobody looks" in app.text
        assert "photo_3" not in app.text
        pictures = list(app.app.screen.query(Picture))
        await app.until(lambda: all(one.is_seen for one in pictures))
        await app.strike("space")
        assert "There is no answer yet." in app.text
        await app.strike("right", "enter", "2")
        assert "2 of 3 marked" in app.text
        assert "2 ☑ dog" in app.text
        # One whose picture is not there yet is not labeled unseen.
        pictures[2]._is_image = False
        await app.strike("space")
        assert "photo_2 is not shown" in app.text
        pictures[2]._is_image = True
        await app.strike("space")
        await seen(app, "photo_1")
        assert session.groups == [[1, 3]]
        assert given(session) == [(1, ("dog",)), (3, ("dog",))]
        await app.until(lambda: session.beside == [])


async def test_a_group_that_is_left_labels_nothing_and_is_let_go(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(ONE)
    ready.help = alike(3)
    async with walk(ready) as app:
        await app.press("3")
        await seen(app, "photo_0")
        await app.strike("g")
        await app.until(lambda: "3 of 3 marked" in app.text)
        assert session.beside == [2, 3]
        await app.strike("1", "escape")
        await app.until(lambda: session.beside == [])
    assert session.sent == []


async def test_where_groups_do_not_pay_the_key_says_so(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(ONE)
    session.advice = "Two people get the same images here."
    async with walk(ready) as app:
        await app.press("3")
        await seen(app, "photo_0")
        assert session.advice in app.text
        await app.strike("g")
        await app.until(lambda: app.toasts)
        assert app.toasts[0].startswith("Too few labels to tell what groups cost")
    assert session.sent == []


async def test_once_another_order_is_published_its_images_come_and_not_those_fetched_before(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog"), ("red", "lime", "blue", "white"))
    session.next_order = session.items[2:]
    async with walk(ready) as app:
        await opened(app)
        await app.strike("7")
        assert "7 is no answer's key" in app.text
        await app.press("escape", "5", "enter", "p", "3")
        await seen(app, "photo_2")
        assert "is no answer's key" not in app.text
        await app.press("escape", "3")
        assert " photo_2 " in app.text


async def test_the_order_that_another_process_publishes_follows_the_image_in_front(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog"), ("red", "lime", "blue", "white"))
    session.next_order = session.items[3:]
    async with walk(ready) as app:
        await opened(app)
        await app.strike("2")
        record = RoundRecord("v2", "margin", 1.0, project_id=1, picks=(), losses={})
        save_record(ready.workspace, record)
        app.app.check()
        await app.until(lambda: len(session.items) == 2)
        assert "2 ☑ dog" in app.text
        await app.strike("space")
        await seen(app, "photo_3")
    assert given(session) == [(1, ("dog",))]
