"""The logs: labelpilot's own and its server's, following their end."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from core.masking import redact
from tui.actions import Action
from tui.host import host_of
from tui.keys import bindings
from tui.text import harmless, plain, shortened
from tui.widgets.filter import Filter
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedLog

FOLLOW_SECONDS = 0.5
TAIL_BYTES = 200_000
NOTHING = "Nothing yet."


class LogsScreen(ModalScreen[None]):
    """One log at a time; tab changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("logs")]
    AUTO_FOCUS = "KeyedLog"

    def __init__(self) -> None:
        super().__init__()
        self._server = False
        self._shown: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="window large"):
            yield Static(classes="title")
            yield KeyedLog(max_lines=5000)
            yield Filter()
            yield KeyBar("logs", more=False)

    def on_mount(self) -> None:
        self._read()
        self.set_interval(FOLLOW_SECONDS, self._read)

    def actions(self) -> dict[str, Action]:
        return {
            "other": Action(self.action_other),
            "filter": Action(self.action_filter),
            "copy": Action(self.action_copy),
            "cancel": Action(self.action_cancel),
        }

    def _lines(self) -> tuple[str, list[str]]:
        workspace = host_of(self).state.workspace
        if not self._server:
            file = host_of(self).journal.file
            return f"labelpilot  {file or ''}", list(host_of(self).journal.lines) or [NOTHING]
        if workspace is None:
            return "The server's log", ["There is no workspace yet."]
        if not workspace.owns_server:
            return "The server's log", [
                "It is not labelpilot's own: its log is kept where it runs."
            ]
        from core.studio.server import log_file, log_tail

        log = log_file(workspace)
        found = log_tail(log, size=TAIL_BYTES)
        return f"Label Studio  {log}", found or [NOTHING]

    def _read(self) -> None:
        title, found = self._lines()
        width = max(20, self.size.width - 10)
        self.query_one(".title", Static).update(plain(shortened(title, width)))
        needle = self.query_one(Filter).needle
        found = [line for line in found if needle in line.lower()]
        if found == self._shown:
            return
        log = self.query_one(KeyedLog)
        # Where lines were only added, only those are written: the place one reads at stays.
        known = len(self._shown)
        new = found[known:] if found[:known] == self._shown and known else found
        if new is found:
            log.empty()
        log.add([harmless(redact(line)) for line in new])
        self._shown = found

    def action_other(self) -> None:
        self._server = not self._server
        self._shown = []
        self._read()

    def action_filter(self) -> None:
        self.query_one(Filter).open()

    def on_input_changed(self, event: Filter.Changed) -> None:
        event.stop()
        self._read()

    def on_filter_closed(self) -> None:
        self.query_one(KeyedLog).focus()

    def action_copy(self) -> None:
        host_of(self).copy_out(redact("\n".join(self._shown)))

    def action_cancel(self) -> None:
        self.dismiss()
