"""Where people differ: who said what, and a key that settles it or takes that back."""

from __future__ import annotations

import json

import pytest
from textual.widgets import DataTable

from core.dataset.conflicts import Answer, Conflict
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend
from tests.app.toys import IMAGES, annotation


@pytest.fixture
def differing(ready: FakeBackend) -> FakeBackend:
    """Two people differ on one image."""
    other = annotation(50, IMAGES[1], ["dog"])
    (ready.workspace.annotations.path / "50").write_text(json.dumps(other))
    answers = (
        Answer(2, "anna@example.com", ("[/red]", "cat & co"), 1.0, ground_truth=False),
        Answer(50, "", (), 2.0, ground_truth=False),
    )
    ready.differing = (Conflict("img_000", IMAGES[1], 7, answers),)
    return ready


async def test_a_key_settles_a_conflict_and_takes_that_back(
    differing: FakeBackend, walk: Walker
) -> None:
    async with walk(differing, size=(110, 40)) as app:
        await app.press("4")
        assert "labelers differ: img_000" in app.text
        assert "s conflicts" in app.footer
        await app.press("tab")
        assert "enter open" in app.footer
        await app.press("s")
        assert "1 image on which people differ, 1 not settled" in app.text
        assert "anna@example.com" in app.text
        assert "[/red], cat & co" in app.text
        assert " none " in app.text
        await app.press("j", "enter")
        assert "0 not settled" in app.text
        row = next(line for line in app.text.splitlines() if " none " in line)
        assert "right" in row
        # The rule that was there takes no ground truth.
        assert app.toasts[-1].startswith("The rule is ground-truth from now on")
        assert 'rule = "ground-truth"' in differing.workspace.file.read_text()
        await app.press("enter")
        assert "1 not settled" in app.text
        assert differing.calls.count("settle") == 2
        await app.press("escape")
        assert "marked as ground truth wins" in app.text


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_no_column_is_out_of_sight(
    differing: FakeBackend, walk: Walker, size: tuple[int, int]
) -> None:
    answers = tuple(
        Answer(number, "labelpilot@localhost", (str(number),), 1.0, ground_truth=False)
        for number in (2, 50)
    )
    differing.differing = (Conflict("img_000", IMAGES[1], 7, answers),)
    async with walk(differing, size=size) as app:
        await app.press("4", "s")
        table = app.app.screen.query_one(DataTable)
        assert table.virtual_size.width <= table.size.width
        assert " img_000 " in app.text


async def test_a_tab_of_what_is_not_settled_can_be_made_from_there(
    differing: FakeBackend, walk: Walker
) -> None:
    async with walk(differing) as app:
        await app.press("4", "s", "p")
        assert "Label in the browser" in app.text
        await app.press("escape", "escape")
        assert "labelers differ" in app.text


async def test_without_a_conflict_the_key_says_so(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("4", "s")
        # Pressed before the folder is read, it waits for that, and says so.
        assert app.toasts[-1:] == ["There is no image on which people differ."]
