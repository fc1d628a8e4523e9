"""The two lines on top of each section: where you stand, and the five sections."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.content import Content
from textual.widget import Widget

from core.read_only import is_read_only
from tui.host import host_of
from tui.job_kinds import SETUP
from tui.jobs import START_COMMAND, Job
from tui.keys import PLACE_TITLES, SECTIONS, Place, section_key
from tui.text import harmless, plain


class TopBar(Widget):
    """Program, project, running work, server and token; below them the sections."""

    def on_mount(self) -> None:
        host_of(self).changed.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        return Content("\n").join([self._status(self.size.width), self._sections()])

    def _status(self, width: int) -> Content:
        state = host_of(self).state
        name = Content.assemble((" labelpilot", "bold $primary"))
        project = harmless(state.workspace.project.title) if state.workspace else state.root.name
        # What matters most stands last and is the last to go where there is little room.
        jobs = map(self._job, host_of(self).jobs.running)
        parts = [*self._labels(), *jobs, self._token(), self._server()]
        if state.gone:
            parts.insert(0, Content.styled(state.gone, "$text-warning"))
        if is_read_only():
            parts.append(Content.styled("read-only", "bold $text-warning"))
        room = width - name.cell_length - 3
        while parts and sum(part.cell_length + 3 for part in parts) > room:
            parts.pop(0)
        used = sum(part.cell_length + 3 for part in parts)
        title = plain(f"  {project}").truncate(max(0, room + 2 - used), ellipsis=True)
        gap = max(1, width - name.cell_length - title.cell_length - used + 2)
        return Content("").join([name, title, Content(" " * gap), Content("   ").join(parts)])

    def _job(self, job: Job[Any]) -> Content:
        progress = job.progress
        share = f" {progress.done * 100 // progress.total} %" if progress.total else ""
        return plain(f"{job.title.lower()}{share}", "$primary")

    def _labels(self) -> list[Content]:
        """By whom the round's images are labeled, where several do, and how many are."""
        labels = host_of(self).state.labels
        if labels is None or not labels.asked:
            return []
        people = labels.by_person if len(labels.by_person) > 1 else []
        whose = ", ".join(f"{email.partition('@')[0]} {number:,}" for email, number in people)
        return [
            *([plain(whose, "$muted")] if whose else []),
            plain(f"{len(labels.labeled):,} of {labels.asked:,} labeled", "$text-success"),
        ]

    def _server(self) -> Content:
        server = host_of(self).state.server
        if server is None:
            return Content.styled("server …", "$muted")
        where = harmless(server.url or "").removeprefix("http://127.0.0.1")
        if server.running:
            return Content.assemble(("server running ", "$text-success"), (where, "$muted"))
        text = "server does not answer" if server.pid else "server stopped"
        if self._starts():
            text = "server starting …"
        return Content.styled(text, "$text-warning")

    def _starts(self) -> bool:
        """Whether a job of ours is starting the server now."""
        jobs = host_of(self).jobs.running
        return any(
            job.command == START_COMMAND or (job.kind is SETUP and job.progress.stage == "server")
            for job in jobs
        )

    def _token(self) -> Content:
        state = host_of(self).state
        unknown = "no token" if state.known else "token …"
        text = f"token {state.token}" if state.token else unknown
        return plain(text if host_of(self).state.workspace else "", "$muted")

    def _sections(self) -> Content:
        current = self.app.current_mode
        parts = []
        for section in SECTIONS:
            style = "bold $background on $primary" if section == current else "$muted"
            parts.append(Content.styled(_title(section), style))
        return Content(" ") + Content(" ").join(parts)

    async def on_click(self, event: events.Click) -> None:
        """The sections can be clicked; nothing depends on it."""
        if event.y != 1:
            return
        start = 1
        for section in SECTIONS:
            end = start + len(_title(section))
            if start <= event.x < end:
                await self.app.run_action(f"app.section('{section}')")
            start = end + 1


def _title(section: Place) -> str:
    return f" {section_key(section)} {PLACE_TITLES[section]} "
