"""How the screens look, held against pictures of them: sizes, light and dark, and no colour at all.

After a wanted change: `pytest tests/app/test_pictures.py --snapshot-update`, and look at what came.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.learning.measuring import label_efficiency
from tests.app.conftest import Walk
from tests.app.doubles import FakeBackend
from tui.app import LabelpilotApp
from tui.keys import SECTIONS

# Name -> the keys that lead there.
PLACES: dict[str, tuple[str, ...]] = {
    "setup": ("1",),
    "sync": ("2",),
    "label": ("3",),
    "export": ("4",),
    "learning": ("5", "enter"),
    "settings": ("e",),
    "help": ("question_mark",),
    "why": ("5", "enter", "enter"),
    "orders": ("4", "enter", "5", "o"),
}
SIZES = {"80x24": (80, 24), "60x20": (60, 20), "120x40": (120, 40)}

Compare = Callable[..., bool]


def looks(
    compare: Compare,
    backend: FakeBackend,
    keys: tuple[str, ...],
    size: tuple[int, int],
    theme: str = "",
) -> bool:
    """Whether the place that `keys` lead to looks as in its picture."""
    app = LabelpilotApp(backend.workspace.root, backend, poll_seconds=0)
    if theme:
        app.theme = theme

    async def walk(pilot: Pilot[None]) -> None:
        one = Walk(app, pilot)
        await one.settled()
        for key in keys:
            await one.press(key)
        for field in app.screen.query("Input"):
            field.cursor_blink = False  # type: ignore[attr-defined]
        await one.settled()

    return compare(app, terminal_size=size, run_before=walk)


@pytest.fixture(autouse=True)
def _figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The pictures stay when the orders are measured anew."""
    file = tmp_path / "label_efficiency.json"
    file.write_text('{"random": 280, "labels": {"nearest-loss": {"digits": null}}}')
    monkeypatch.setattr(label_efficiency, "FILE", file)


@pytest.fixture
def half(ready: FakeBackend) -> FakeBackend:
    """Set up, with half of the images synced."""
    ready.tasks = 5
    return ready


@pytest.mark.parametrize(
    ("place", "size"),
    [
        pytest.param(place, size, id=f"{place}-{size}")
        for place in PLACES
        for size in SIZES
        # A window looks the same at any size that it fits in.
        if place in SECTIONS or size == "80x24"
    ],
)
def test_each_place_at_each_size(
    snap_compare: Compare, half: FakeBackend, place: str, size: str
) -> None:
    assert looks(snap_compare, half, PLACES[place], SIZES[size])


@pytest.mark.parametrize("place", SECTIONS)
def test_each_section_in_light(snap_compare: Compare, half: FakeBackend, place: str) -> None:
    assert looks(snap_compare, half, PLACES[place], (80, 24), "labelpilot-light")


@pytest.mark.parametrize("place", SECTIONS)
def test_each_section_without_colour(
    snap_compare: Compare, half: FakeBackend, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert looks(snap_compare, half, PLACES[place], (80, 24))


def test_a_first_start(snap_compare: Compare, backend: FakeBackend) -> None:
    assert looks(snap_compare, backend, (), (80, 24))


def test_an_error_told_whole(snap_compare: Compare, backend: FakeBackend) -> None:
    from tests.app.doubles import refusal

    backend.fail["apply server"] = refusal()
    assert looks(snap_compare, backend, ("enter", "enter"), (80, 24))


def test_there_is_a_picture_of_each_section_for_the_readme() -> None:
    pictures = Path(__file__).parents[2] / "tui" / "pictures"
    assert {f"{name}.svg" for name in SECTIONS} <= {path.name for path in pictures.iterdir()}
