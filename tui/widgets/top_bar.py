"""The two lines on top of each section: where you stand, and the four sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.content import Content
from textual.widget import Widget

from tui.jobs import START_COMMAND, Job
from tui.text import harmless, plain

if TYPE_CHECKING:
    from tui.app import LabelpilotApp

SECTIONS = {"setup": "Setup", "sync": "Sync", "export": "Export", "learning": "Active learning"}


class TopBar(Widget):
    """Program, project, running work, server and token; below them the sections."""

    def on_mount(self) -> None:
        self._app.changed.subscribe(self, lambda _: self.refresh())

    @property
    def _app(self) -> LabelpilotApp:
        return cast("LabelpilotApp", self.app)

    def render(self) -> Content:
        return Content("\n").join([self._status(self.size.width), self._sections()])

    def _status(self, width: int) -> Content:
        seen = self._app.seen
        name = Content.assemble((" labelpilot", "bold $primary"))
        project = harmless(seen.workspace.project.title) if seen.workspace else seen.root.name
        # What matters most stands last and is the last to go where there is little room.
        parts = [*map(self._job, self._app.jobs.running), self._token(), self._server()]
        room = width - name.cell_length - 3
        while parts and sum(part.cell_length + 3 for part in parts) > room:
            parts.pop(0)
        used = sum(part.cell_length + 3 for part in parts)
        title = plain(f"  {project}").truncate(max(0, room - used), ellipsis=True)
        gap = max(1, width - name.cell_length - title.cell_length - used + 2)
        return Content("").join([name, title, Content(" " * gap), Content("   ").join(parts)])

    def _job(self, job: Job) -> Content:
        progress = job.progress
        share = f" {progress.done * 100 // progress.total} %" if progress.total else ""
        return plain(f"{job.title.lower()}{share}", "$primary")

    def _server(self) -> Content:
        server = self._app.seen.server
        if server is None:
            return Content.styled("server …", "$muted")
        where = harmless(server.url or "").removeprefix("http://127.0.0.1")
        if server.running:
            return Content.assemble(("server running ", "$text-success"), (where, "$muted"))
        words = "server does not answer" if server.pid else "server stopped"
        if self._starts():
            words = "server starting …"
        return Content.styled(words, "$text-warning")

    def _starts(self) -> bool:
        """Whether a job of ours is starting the server now."""
        jobs = self._app.jobs.running
        return any(
            job.command == START_COMMAND or (job.kind == "setup" and job.progress.stage == "server")
            for job in jobs
        )

    def _token(self) -> Content:
        token = self._app.seen.token
        words = f"token {token}" if token else "no token"
        return plain(words if self._app.seen.workspace else "", "$muted")

    def _sections(self) -> Content:
        current = self._app.current_mode
        parts = []
        for number, (mode, title) in enumerate(SECTIONS.items(), start=1):
            style = "bold $background on $primary" if mode == current else "$muted"
            parts.append(Content.styled(f" {number} {title} ", style))
        return Content(" ") + Content(" ").join(parts)

    def on_click(self, event: events.Click) -> None:
        """The sections can be clicked; nothing depends on it."""
        if event.y != 1:
            return
        start = 1
        for number, (mode, title) in enumerate(SECTIONS.items(), start=1):
            end = start + len(f" {number} {title} ")
            if start <= event.x < end:
                self._app.action_section(mode)
            start = end + 1
