"""Labeling in the terminal: what a key does to the image that is seen, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from textual import events

from core.labeling.questions import read_questions
from core.labeling_config import parse_labeling_config
from core.learning.rounds.following import RoundLabels
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend, refusal
from tests.app.label_doubles import Asks, config_of, given, opened, seen
from tui.screens.label.given import Given
from tui.widgets.drawing import UPPER_HALF
from tui.widgets.picture import Picture


async def test_several_answers_are_ticked_and_space_submits_and_goes_on(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog", "[red]"))
    async with walk(ready) as app:
        await opened(app)
        assert "photo_0  data/images/sub/photo_0.png  40x30" in app.text
        assert UPPER_HALF in app.text
        assert "1 ☐ cat   2 ☐ dog   3 ☐ [red]" in app.text
        app.app.watcher._polled(
            False, RoundLabels("v1", 8, because={1: ("[b]like", ("[red]", "dog"))})
        )
        await app.until(lambda: "photo_0.png  40x30  is like [b]like: [red], dog" in app.text)
        await app.strike("1", "3", "2", "2")
        assert "1 ☑ cat   2 ☐ dog   3 ☑ [red]" in app.text
        await app.strike("space")
        await seen(app, "photo_1")
        assert "☑" not in app.text
        await app.strike("2", "enter")
        await seen(app, "photo_2")
    assert given(session) == [(1, ("cat", "[red]")), (2, ("dog",))]
    assert all(0 < seconds < 60 for _, _, seconds in session.sent)
    assert session.closed


async def test_a_single_choice_submits_on_its_key_and_the_last_image_is_said_to_be_the_last(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog", choice="single-radio"), ("red", "lime"))
    async with walk(ready) as app:
        await opened(app)
        await app.strike("2")
        await seen(app, "photo_1")
        await app.strike("1")
        await app.until(lambda: "Nothing is left to be labeled" in app.text)
        # No image is in front: digits lead to the sections again.
        await app.press("1")
        assert app.app.current_mode == "setup"
    assert given(session) == [(1, ("dog",)), (2, ("cat",))]


async def test_undo_brings_the_image_back_with_the_answers_that_were_given(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog"))
    async with walk(ready) as app:
        await opened(app)
        await app.strike("2", "space")
        await seen(app, "photo_1")
        await app.strike("x")
        await seen(app, "photo_2")
        await app.strike("z")
        await seen(app, "photo_1")
        # One that is held down would not go on.
        await app.strike("9", "z")
        await seen(app, "photo_0")
        assert "2 ☑ dog" in app.text
        assert session.sent == []
        await app.strike("9", "z")
        assert "There is nothing to take back." in app.text


async def test_a_key_that_was_pressed_before_the_image_was_seen_does_not_count(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog", choice="single"))
    async with walk(ready) as app:
        await opened(app)
        # Three keys in one breath: the others were pressed while the first image was seen.
        for key in ("1", "2", "1"):
            app.app.post_message(events.Key(key, key))
        await app.until(lambda: "2 keys came before this image was seen" in app.text)
        await seen(app, "photo_1")
        await app.strike("2")
        await seen(app, "photo_2")
    assert given(session) == [(1, ("cat",)), (2, ("dog",))]


async def test_where_the_terminal_answers_a_key_counts_from_its_answer_on(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog", choice="single"))
    async with walk(ready) as app:
        screen = await opened(app)
        app.app.post_message(events.CursorPosition(0, 0))
        await app.taken_in()
        await app.strike("1")
        await app.until(lambda: " photo_1 " in app.text and screen._front._sight.is_painted)
        await app.strike("x")
        assert "A key came before this image was seen" in app.text
        app.app.post_message(events.CursorPosition(0, 0))
        await app.taken_in()
        await app.strike("2")
        await app.until(lambda: " photo_2 " in app.text)
    assert given(session) == [(1, ("cat",)), (2, ("dog",))]


async def test_the_terminal_is_asked_when_the_picture_was_painted_and_not_before(
    ready: FakeBackend, walk: Walker, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(config_of("cat", "dog", choice="single"))
    async with walk(ready) as app:
        await opened(app)
        picture, is_painted = app.app.screen.query_one(Picture), list[bool]()
        ask = app.app.ask_echo
        monkeypatch.setattr(
            app.app, "ask_echo", lambda: [is_painted.append(picture._is_painted), ask()]
        )
        # The lines around it are painted apart, and sooner.
        for number, key in ((1, "1"), (2, "2")):
            await app.strike(key)
            await seen(app, f"photo_{number}")
    assert is_painted == [True, True]


async def test_a_key_that_is_held_down_does_not_go_on_to_the_next_image(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of("cat", "dog", choice="single"))
    async with walk(ready) as app:
        screen = await opened(app)
        await app.strike("1")
        await seen(app, "photo_1")
        since = screen._front._sight.since
        assert since is not None
        last = screen._front._sight._last[1]
        for number in range(5):
            key = events.Key("1", "1")
            key.time = max(since, last) + 0.03 * number
            screen._front._sight._last = ("1", key.time - 0.03)
            app.app.post_message(key)
            await app.taken_in()
        assert " photo_1 " in app.text
    assert given(session) == [(1, ("cat",))]


def test_a_first_key_that_is_held_down_says_not_that_nothing_is_meant() -> None:
    questions, given = read_questions(parse_labeling_config(config_of("cat"))), Given()
    asked = [given.problem(questions, held=held) for held in (False, True, True, False)]
    assert [bool(words) for words in asked] == [True, True, True, False]


async def test_what_the_config_forbids_is_said_and_not_submitted(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    config = config_of("cat", "dog", more='<Rating name="stars" toName="image" required="true"/>')
    session = asks(config)
    async with walk(ready) as app:
        await opened(app)
        await app.strike("space")
        assert "stars: an answer is required." in app.text
        # A rating takes the digits; classes have letters then.
        assert "a ☐ cat" in app.text
        await app.strike("4", "a", "space")
        await seen(app, "photo_1")
    assert session.sent[0][1] == {"stars": (4,), "labels": ("cat",)}


async def test_a_number_is_typed_and_one_out_of_bounds_is_refused(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    config = config_of("cat", more='<Number name="count" toName="image" min="0" max="9"/>')
    session = asks(config)
    async with walk(ready) as app:
        await opened(app)
        await app.strike("1")
        await app.write("12")
        await app.strike("enter")
        assert "12 is more than 9" in app.text
        await app.strike("backspace", "backspace")
        await app.write("7")
        await app.strike("enter", "space")
        await seen(app, "photo_1")
    assert session.sent[0][1] == {"count": (7.0,)}


async def test_one_of_hundreds_of_classes_is_found_by_a_part_of_its_name(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    session = asks(config_of(*(f"class {number}" for number in range(300)), "tabby cat"))
    async with walk(ready) as app:
        await opened(app)
        assert "more: / and a part of the name" in app.text
        await app.strike("slash")
        await app.write("class 29")
        assert "> ☐ class 29" in app.text
        await app.strike("down", "enter", "slash")
        await app.write("TABBY")
        await app.strike("enter")
        assert "☑ tabby cat" in app.text
        await app.strike("space")
        await seen(app, "photo_1")
    assert given(session) == [(1, ("class 290", "tabby cat"))]


async def test_a_taxonomy_is_shown_by_its_paths(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    tree = (
        '<View><Image name="image" value="$image"/><Taxonomy name="labels" toName="image">'
        '<Choice value="animal"><Choice value="cat"/><Choice value="dog"/></Choice>'
        '<Choice value="car"/></Taxonomy></View>'
    )
    session = asks(tree)
    async with walk(ready) as app:
        await opened(app)
        assert "animal > cat" in app.text
        await app.strike("slash")
        await app.write("dog")
        await app.strike("enter", "space")
        await seen(app, "photo_1")
    assert given(session) == [(1, (("animal", "dog"),))]


async def test_the_keys_of_the_config_are_taken_where_this_screen_leaves_them_free(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    asks(
        '<View><Image name="image" value="$image"/><Choices name="labels" toName="image" '
        'choice="multiple"><Choice value="cat" hotkey="c"/><Choice value="xylophone" hotkey="x"/>'
        '<Choice value="dog"/></Choices></View>'
    )
    async with walk(ready) as app:
        await opened(app)
        assert "c ☐ cat   1 ☐ xylophone   2 ☐ dog" in app.text


async def test_a_question_that_is_hidden_is_asked_once_its_answer_is_given(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    more = (
        '<View visibleWhen="choice-selected" whenTagName="labels" whenChoiceValue="dog">'
        '<Choices name="breed" toName="image"><Choice value="beagle"/></Choices></View>'
    )
    session = asks(config_of("cat", "dog", more=more))
    async with walk(ready) as app:
        await opened(app)
        assert "beagle" not in app.text
        await app.strike("3")
        assert "breed is not asked here." in app.text
        await app.strike("2")
        assert "3 ○ beagle" in app.text
        await app.strike("3", "space")
        await seen(app, "photo_1")
    assert session.sent[0][1] == {"labels": ("dog",), "breed": ("beagle",)}


@pytest.mark.parametrize("how", ["gone", "empty", "cut off", "elsewhere", "no image"])
async def test_an_image_that_is_not_shown_is_labeled_only_once_it_was_opened_in_the_browser(
    ready: FakeBackend, walk: Walker, asks: Asks, how: str
) -> None:
    session = asks(config_of("cat", "dog", choice="single"))
    path = session.items[0].path
    assert path is not None
    break_image(path, how)
    if how == "elsewhere":
        from dataclasses import replace

        session.items[0] = replace(session.items[0], path=None, url="s3://bucket/[b].png")
    says = {
        "gone": "Its file is gone.",
        "empty": "Its file is empty.",
        "cut off": "Its file is cut off.",
        "elsewhere": "Its file is not on this machine.",
        "no image": "Its file cannot be read as an image.",
    }[how]
    async with walk(ready) as app:
        await opened(app)
        await app.until(lambda: says in app.text)
        await app.strike("1")
        assert "o opens it in the browser, x skips it." in app.text
        assert session.sent == []
        await app.press("o")
        assert "/projects/1/data?task=1" in app.text
        await app.strike("escape")
        await app.strike("1")
        await seen(app, "photo_1")
    assert given(session) == [(1, ("cat",))]


def break_image(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no image":
        path.write_text("not an image")
    elif how == "cut off":
        Image.effect_noise((300, 300), 90).convert("RGB").save(path)
        path.write_bytes(path.read_bytes()[:5000])


async def test_what_cannot_be_answered_here_is_said_with_the_way_to_the_browser(
    ready: FakeBackend, walk: Walker, asks: Asks
) -> None:
    more = '<RectangleLabels name="boxes" toName="image"><Label value="face"/></RectangleLabels>'
    session = asks(config_of("cat", "dog", more=more))
    async with walk(ready, size=(120, 30)) as app:
        await opened(app)
        assert "boxes (RectangleLabels)" in app.text
        await app.strike("1")
        assert "This cannot be labeled here: o opens it in the browser." in app.text
        await app.press("o")
        assert "/projects/1/data?task=1" in app.text
    assert session.sent == []


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (20, 5), (60, 20), (200, 60)])
async def test_it_is_painted_at_any_size_and_the_picture_follows(
    ready: FakeBackend, walk: Walker, asks: Asks, size: tuple[int, int]
) -> None:
    asks(config_of("cat", "dog"))
    async with walk(ready) as app:
        await opened(app)
        await app.pilot.resize_terminal(*size)
        await app.settled()
        await app.pilot.resize_terminal(100, 30)
        await app.until(lambda: app.text.count(UPPER_HALF) > 900)


async def test_without_colour_a_picture_is_drawn_in_shades(
    ready: FakeBackend, walk: Walker, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    asks(config_of("cat"), ("white", "black"))
    async with walk(ready) as app:
        await opened(app)
        await app.until(lambda: "█" * 20 in app.text)
        assert UPPER_HALF not in app.text


async def test_where_nothing_can_be_labeled_yet_it_says_why(
    backend: FakeBackend, walk: Walker
) -> None:
    async with walk(backend) as app:
        await app.press("3")
        assert "Label Studio is not running." in app.text
        assert "1, then a, starts it." in app.text
        backend.running = True
        app.app.check()
        await app.until(lambda: "There is no project to label in yet." in app.text)
        await app.press("escape")
        assert app.app.current_mode == "setup"


async def test_a_server_that_refuses_is_told_of(ready: FakeBackend, walk: Walker) -> None:
    ready.fail["label_session"] = refusal()
    async with walk(ready) as app:
        await app.press("3")
        await app.until(lambda: "Label Studio [said] no to [/b]." in app.text)
