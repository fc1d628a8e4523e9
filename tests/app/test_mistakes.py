"""Mistakes of our own end the app in words, and never show what variables held."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.doubles import FakeBackend
from tui.app import LabelpilotApp


class Careless(LabelpilotApp):
    """An app with a key that fails while a secret is at hand; keeps what it tells at its end."""

    CSS_PATH = "../../screens.css"
    told = ""

    def action_help(self) -> None:
        token = "s3cret-" * 3
        raise ZeroDivisionError(f"of {len(token)} [letters]")

    def panic(self, *renderables: Any) -> None:
        self.told = "\n".join(str(renderable) for renderable in renderables)
        super().panic(*renderables)


async def test_a_crash_tells_what_and_where_and_no_secret(backend: FakeBackend) -> None:
    app = Careless(backend.workspace.root, backend, poll_seconds=0)
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await pilot.press("question_mark")
    assert "ZeroDivisionError: of 21 [letters]" in app.told
    assert "in action_help" in app.told
    assert "s3cret" not in app.told
    assert any("ZeroDivisionError" in line for line in app.journal.lines)
