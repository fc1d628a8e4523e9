"""What one comes back to once all is set up: how much is labeled, what to do next, what is where.

Everything on it is known already, or kept: nothing is listed to be shown here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Grid
from textual.content import Content

from tui.host import Host, host_of
from tui.next_step import next_steps
from tui.text import ago, plain
from tui.widgets.gauge import Gauge
from tui.widgets.lists import KeyedText
from tui.widgets.live_text import LiveText
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from core.learning.rounds.following import RoundLabels
    from core.workspace.settings import Workspace
    from tui.state import WorkspaceState

# Lines of the log that are looked at.
MOST_LINES = 100
# On a screen of less height, so many lines of each panel are shown.
LOW_SCREEN = 24
FEW_LINES = {"labels": 3, "next": 4, "dataset": 1, "images": 1, "lately": 0}
# So many people are named; the others are counted.
MOST_PEOPLE = 4


class Dashboard(KeyedText):
    """The panels. They scroll where they are more than the screen shows."""

    def compose(self) -> ComposeResult:
        with Grid():
            yield Panel("Labels", Gauge(id="labeled"), LiveText(id="labels"), id="labels-panel")
            yield Panel("Next", LiveText(id="next"))
            yield Panel("Dataset", LiveText(id="dataset"))
            yield Panel("Images", LiveText(id="images"))
            yield Panel("Lately", LiveText(id="lately"), id="lately-panel")

    def show(self, workspace: Workspace) -> None:
        """Show what the app knows now."""
        host = host_of(self)
        state = host.state
        labels = state.labels
        done = (labels.images, labels.tasks) if labels is not None else (0, 0)
        self.query_one("#labeled", Gauge).show(*done)
        low = self.app.size.height < LOW_SCREEN
        for name, parts in {
            "labels": _labels(labels),
            "next": _next(state),
            "dataset": _dataset(state, workspace),
            "images": _images(state),
            "lately": _lately(host),
        }.items():
            # On a small screen each panel says the first things that it has to say.
            self.query_one(f"#{name}", LiveText).show(parts[: FEW_LINES[name]] if low else parts)


def _labels(labels: RoundLabels | None) -> list[Content | str]:
    if labels is None:
        return [plain("Counting the labels …", "$muted")]
    if not labels.labels:
        return ["No image is labeled yet."]
    parts: list[Content | str] = [plain(f"{labels.images:,} of {labels.tasks:,} images labeled")]
    if labels.today:
        parts.append(Content.assemble(("today  ", "$muted"), plain(_people(labels.today))))
    else:
        parts.append(plain("none of them today", "$muted"))
    if labels.asked:
        done = len(labels.labeled)
        style = "$text-success" if done >= labels.asked else ""
        text = plain(f"{done:,} of {labels.asked:,} labeled", style)
        version = plain(f"  {labels.model_version}", "$muted")
        parts.append(Content.assemble(("round  ", "$muted"), text, version))
    return parts


def _people(done: Sequence[tuple[str, int]]) -> str:
    named = [f"{email.partition('@')[0]} {number:,}" for email, number in done[:MOST_PEOPLE]]
    if others := sum(number for _, number in done[MOST_PEOPLE:]):
        named.append(f"others {others:,}")
    return "   ".join(named)


def _next(state: WorkspaceState) -> list[Content | str]:
    steps = next_steps(state)
    if not steps:
        return [plain("Looking …", "$muted")]
    first, *others = steps
    shown: list[Content | str] = [
        Content.assemble((f"{first.key:<3}", "bold $primary"), plain(first.words, "bold"))
    ]
    for one in others:
        shown.append(Content.assemble((f"{one.key:<3}", "$primary"), plain(one.words)))
    return shown


def _dataset(state: WorkspaceState, workspace: Workspace) -> list[Content | str]:
    standing = state.standing
    if standing is None:
        return [plain("Looking …", "$muted")]
    name = plain(workspace.relative(workspace.annotations.dataset), "$muted")
    if standing.exported is None:
        return ["not written yet", name]
    written = f"written {ago(standing.exported, time.time())}"
    if standing.newer:
        return [plain(f"{written}; newer labels", "$text-warning"), name]
    return [plain(f"{written}; nothing newer", "$text-success"), name]


def _images(state: WorkspaceState) -> list[Content | str]:
    report = state.reports.get("images")
    synced = state.standing.synced if state.standing is not None else None
    parts: list[Content | str] = [plain(report.detail if report else "", "$text-success")]
    if synced is not None:
        parts.append(f"last sync {ago(synced, time.time())}")
    return parts


def _lately(host: Host) -> list[Content | str]:
    """What labelpilot did, the latest first."""
    # What was noted on the way is indented.
    every = (line.partition("  ")[::2] for line in (*host.journal.former, *host.journal.lines))
    lines = [(moment, text) for moment, text in every if text == text.lstrip()][-MOST_LINES:]
    if not lines:
        return [plain("Nothing was done here yet.", "$muted")]
    shown: list[Content | str] = []
    today = time.strftime("%Y-%m-%d ")
    for moment, text in reversed(lines):
        when = moment.removeprefix(today)
        shown.append(Content.assemble((f"{when}  ", "$muted"), plain(text)))
    return shown
