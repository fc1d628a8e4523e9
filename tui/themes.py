"""The app's own two themes: calm, one accent. Textual's others can be chosen too.

What was chosen is kept for the next start, in a file of the user's own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from textual.color import Color
from textual.theme import Theme

from core.files import user_folder

# How far secondary text goes from the text's colour towards the ground's: far enough to step back,
# near enough to be read (4.5 to 1 and more in both themes).
_MUTED = 0.38

THEMES = (
    Theme(
        name="labelpilot-dark",
        primary="#6cb6d9",
        secondary="#6cb6d9",
        accent="#6cb6d9",
        success="#8cc08c",
        warning="#e0b860",
        error="#e58a7b",
        foreground="#d5dade",
        background="#15191c",
        surface="#1b2024",
        panel="#262d32",
        dark=True,
    ),
    Theme(
        name="labelpilot-light",
        primary="#1d6a94",
        secondary="#1d6a94",
        accent="#1d6a94",
        success="#2c7a45",
        warning="#8a6100",
        error="#b0382a",
        foreground="#23282c",
        background="#fbfaf7",
        surface="#f3f1ec",
        panel="#e4e1d9",
        dark=False,
    ),
)


def muted(ansi: bool, variables: Mapping[str, str]) -> str:
    """The colour of secondary text in a theme with these variables."""
    if ansi:
        return "ansi_bright_black"
    text, ground = Color.parse(variables["foreground"]), Color.parse(variables["background"])
    return text.blend(ground, _MUTED).hex


def _kept() -> Path:
    return user_folder() / "theme"


def remembered() -> str:
    """The name of the theme that was chosen last; empty if there is none, or it cannot be read."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return _kept().read_text(encoding="utf-8").strip()
    return ""


def remember(name: str) -> None:
    """Keep the name of a theme. Where that cannot be, the next start has the usual one."""
    with contextlib.suppress(OSError, RuntimeError):
        _kept().parent.mkdir(parents=True, exist_ok=True)
        _kept().write_text(f"{name}\n", encoding="utf-8")
