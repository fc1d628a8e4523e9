"""Sharing the order out among people: who they are, and the link of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from core.labeling.shares import people_of
from tui.dialogs.dialog import Dialog
from tui.dialogs.form import Field, Form
from tui.job_kinds import SHARE
from tui.links import link_from_here
from tui.text import count, lines, plain

if TYPE_CHECKING:
    from core.labeling.shares import Share
    from tui.screens.section import Section

TEXT = (
    "Each person gets a tab and a link of their own, so that nobody gets another's image. "
    "Sharing again moves only images that nobody has begun."
)


class ShareForm(Form[tuple[str, ...]]):
    """Asks who shares the order. Without anybody, everybody labels in one order."""

    def __init__(self, people: str) -> None:
        field = Field("people", "People", people, "how many, or e-mail addresses with commas")
        super().__init__("Share the order", [field], TEXT, accept="share")

    def accept(self, values: Mapping[str, str | bool]) -> tuple[str, ...]:
        text = str(values["people"])
        return people_of(text) if text else ()


class Sharing:
    """Shares a section\'s published order out, and shows the links."""

    def __init__(self, section: Section) -> None:
        self._section = section
        self._people = ""

    def ask(self) -> None:
        """Ask who is to have a share."""
        self._section.app.push_screen(ShareForm(self._people), self._share)

    def _share(self, people: tuple[str, ...] | None) -> None:
        section, workspace = self._section, self._section.workspace
        if people is None or workspace is None:
            return
        self._people = ",".join(people)
        command = f"labelpilot people share {' '.join(people) or '--end'}"
        begin = partial(section.backend.share, workspace, people)
        job = section.start(SHARE, "Sharing the order", command, begin)
        section.await_result(job, self._show)

    def _show(self, shares: Sequence[Share]) -> None:
        parts: list[Content | str] = []
        for share in shares:
            url = link_from_here(share.url, os.environ)
            images = count(share.images, "image")
            parts += [Content.assemble(plain(share.person, "bold"), "  ", images), plain(url), ""]
        none = "No image is left to be shared." if self._people else "All label in one order."
        text = lines(parts[:-1] or [none])
        dialog = Dialog("Shares of the order", text, copied=text.plain if shares else "")
        self._section.app.push_screen(dialog)
