"""Export: what would be written, before it is written; then the dataset."""

from __future__ import annotations

import contextlib
import shlex
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import OptionList

from core.dataset.options import RULES, Rule
from core.errors import LabelpilotError
from tui.actions import Action
from tui.dialogs.dialog import sentence
from tui.job_kinds import CONFLICTS, EXPORT, PREVIEW, REPORT, REWRITE, JobKind
from tui.jobs import Job
from tui.keys import Place, bindings
from tui.links import open_page
from tui.screens.export.conflicts import ConflictsScreen
from tui.screens.export.findings import Finding, FindingsList, findings
from tui.screens.export.report import details_dialog, report_dialog
from tui.screens.section import Section
from tui.text import ago, count, plain, same_as
from tui.widgets.class_chart import ClassChart
from tui.widgets.job_panel import JobPanel
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedText
from tui.widgets.live_text import LiveText
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.dataset.conflicts import Conflict
    from core.dataset.export import ExportResult

# On a narrower screen, what has nothing to say is not shown.
NARROW_SCREEN, WIDE_SCREEN = 76, 112
# In the folder that git ignores, as it names people.
REPORT_PAGE = "report.html"


class ExportScreen(Section):
    """The preview of an export, and its result."""

    PLACE: ClassVar[Place] = "export"
    JOBS: ClassVar[tuple[JobKind[Any], ...]] = (EXPORT, REWRITE, REPORT, CONFLICTS, PREVIEW)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("export")]

    _was_left = True

    def body(self) -> ComposeResult:
        yield JobPanel(notes=2)
        with Container(id="export-panels"):
            with Panel("Classes", id="classes-panel"):
                yield LiveText(id="counts")
                with KeyedText(id="chart"):
                    yield ClassChart()
            with Panel("To look at (tab)", id="findings-panel"):
                yield LiveText(id="nothing")
                yield FindingsList(id="findings")
        with Panel("Dataset"):
            yield LiveText(id="found")

    def on_screen_suspend(self) -> None:
        self._was_left = self.app.current_mode != self.PLACE

    def on_screen_resume(self) -> None:
        # A window over this section has changed nothing.
        if not self._was_left:
            return
        if self.job is None or self.job.outcome in ("done", "stopped"):
            self._read()

    def show(self) -> None:
        self.query_one(JobPanel).show(self.running_job)
        if self.job is None and self.is_current and self.workspace is not None:
            self._read()
        result = self.preview
        classes, images = (result.classes, result.images) if result else ({}, 0)
        self.query_one(ClassChart).show(classes, images)
        chart, found = self.query_one("#chart"), self.query_one(FindingsList)
        chart.display = bool(classes)
        self.query_one("#export-panels").display = result is not None
        found.show(findings(result) if result else ())
        found.display = found.option_count > 0
        nothing = self.query_one("#nothing", LiveText)
        nothing.display = not found.display
        nothing.show([plain("Nothing is left out, and nobody differs.", "$muted")])
        # Where they stand below each other, the classes have the room.
        self.query_one("#findings-panel").display = found.display or self.size.width >= WIDE_SCREEN
        self.keep_focus(chart)
        self.keep_focus(found)
        self.query_one("#counts", LiveText).show([self._counts(result)])
        self.query_one("#found", LiveText).show(self._found(result))

    @property
    def preview(self) -> ExportResult | None:
        """What would be written, as last seen."""
        return self.host.jobs.result(PREVIEW)

    @property
    def written(self) -> Job[ExportResult] | None:
        """The export of this preview, if it was done."""
        preview, export = self.host.jobs.last(PREVIEW), self.host.jobs.last(EXPORT)
        if export is None or export.outcome != "done" or preview is None:
            return None
        return export if (export.ended or 0) > preview.began else None

    def _counts(self, result: ExportResult | None) -> Content:
        if result is None:
            return Content("")
        shown = [plain(count(result.images, "image") + " labeled", "bold")]
        for word, number in (
            ("skipped", result.skipped),
            ("unreadable", len(result.unreadable)),
            ("conflicts", len(result.conflicts)),
        ):
            if number or self.size.width >= NARROW_SCREEN:
                shown.append(plain(f"{word} {number:,}", "$text-warning" if number else "$muted"))
        return Content("   ").join(shown)

    def _found(self, result: ExportResult | None) -> list[Content | str]:
        workspace, failure = self.workspace, self.failure
        if workspace is None:
            return [self.no_workspace]
        job = self.running_job
        command = job.command if job is not None else self._command
        same = same_as(command)
        if failure is not None and failure.error is not None:
            keys = f"{self.key('write')} shows the whole message, {self.key('refresh')} looks again"
            hint = plain(keys, "$muted")
            # That there is nothing to export yet is no mishap.
            style = "bold" if failure.kind is PREVIEW else "bold $text-error"
            error = failure.error
            advice = plain(error.next_step if isinstance(error, LabelpilotError) else "")
            return [plain(sentence(failure.error), style), advice, "", hint, same]
        if result is None:
            return [plain("Reading the annotations …", "$muted")]
        written = self.written
        if written is not None and written.result is not None:
            path = workspace.relative(workspace.annotations.dataset)
            text = f"Written: {path}, {count(written.result.images, 'tag')}."
            return [plain(text, "bold $text-success"), same]
        parts = [self._target(result)]
        if result.conflicts:
            rule = f"where labelers differ, {RULES[result.rule]} ({self.key('rule')} changes that)"
            parts.append(plain(rule))
        return [*parts, same]

    def _target(self, result: ExportResult) -> Content:
        workspace = self.workspace
        assert workspace is not None
        path = workspace.annotations.dataset
        text = f"to {workspace.relative(path)}: {count(result.images, 'tag')}"
        try:
            text += f"; last written {ago(path.stat().st_mtime, time.time())}"
        except OSError:
            text += "; not written yet"
        return plain(text)

    @property
    def _command(self) -> str:
        return "labelpilot export"

    def _read(self, rule: Rule | None = None) -> None:
        workspace = self.workspace
        if workspace is not None and not self.busy(PREVIEW):
            begin = partial(self.backend.preview, workspace, rule)
            self.start(PREVIEW, "Reading the annotations", self._command, begin)

    # What the keys do

    def actions(self) -> dict[str, Action]:
        off, busy = self.no_workspace, self.busy(EXPORT)
        unread = off or ("" if self.preview is not None else self._why_unread)
        word = "write again" if self.written is not None else ""
        write = Action(self._write, unread or busy, word)
        if (chosen := self._finding) is not None:
            write = Action(partial(self._open, chosen), unread or busy, "open")
        return {
            "write": self.unless_failed(write),
            "rewrite": Action(self._rewrite, off or busy or self._why_not_rewrite()),
            "rule": Action(self._next_rule, unread or busy),
            "refresh": Action(self._refresh, busy),
            "details": Action(self._show_details, unread),
            "conflicts": Action(self._show_conflicts, unread or busy or self._why_no_conflicts()),
            "report": Action(self._write_report, unread or busy),
            "label": self.label_action(),
            "stop": self.stop_action(),
        }

    @property
    def _finding(self) -> Finding | None:
        """What the cursor is on, where it is in the list of findings."""
        found = self.query_one(FindingsList)
        return found.chosen if found.has_focus else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_act("write")

    def on_descendant_focus(self) -> None:
        # What the key does depends on where the cursor is.
        self.query_one(KeyBar).refresh()

    def _open(self, finding: Finding) -> None:
        if finding.kind == "conflict":
            self._show_conflicts(finding.tag)
        elif finding.kind == "missing":
            self._rewrite()
        else:
            self._show_details()

    @property
    def _why_unread(self) -> str:
        error = None if self.failure is None else self.failure.error
        return "The annotations are not read yet." if error is None else sentence(error)

    def _why_not_rewrite(self) -> str:
        if self.state.step_state("target-storage") != "done":
            return "The project has no target storage that could write the folder."
        error = None if self.failure is None else self.failure.error
        if error is None:
            lacks = self.preview is not None and bool(self.preview.missing)
        else:
            lacks = isinstance(error, LabelpilotError) and "--rewrite" in error.next_step
        return "" if lacks else "The folder is not known to lack any annotation."

    def _write(self) -> None:
        if self.workspace is not None and self.preview is not None:
            # What is written is what was shown.
            begin = partial(self.backend.export, self.workspace, self.preview.rule)
            self.start(EXPORT, "Writing the dataset", self._command, begin)

    def _refresh(self) -> None:
        self.forget_failures()
        self._read()

    def _rewrite(self) -> None:
        if self.workspace is None:
            return
        self.forget_failures()
        begin = partial(self.backend.rewrite, self.workspace)
        job = self.start(REWRITE, "Writing the folder again", f"{self._command} --rewrite", begin)
        self.await_result(job, lambda _: self._read())

    def _next_rule(self) -> None:
        if self.workspace is None or self.preview is None:
            return
        rules = list(RULES)
        rule = rules[(rules.index(self.preview.rule) + 1) % len(rules)]
        try:
            self.backend.save(self.workspace.root, {"annotations": {"rule": rule}})
        except LabelpilotError as error:
            self.host.say(sentence(error), "error")
            return
        self.forget_failures()
        self._read(rule)
        self.host.check()

    def _write_report(self) -> None:
        workspace = self.workspace
        if workspace is None or self.preview is None:
            return
        page = workspace.state.folder / REPORT_PAGE
        shown = workspace.relative(page)
        command = f"labelpilot report --out {shlex.quote(shown)}"
        begin = partial(self.backend.report, workspace, self.preview.rule, page)
        job = self.start(REPORT, "Looking at the dataset", command, begin)
        self.await_result(
            job,
            lambda found: self.app.push_screen(
                report_dialog(found, shown, command, open_page(page))
            ),
        )

    def _why_no_conflicts(self) -> str:
        if self.preview is not None and self.preview.conflicts:
            return ""
        return "There is no image on which people differ."

    def _show_conflicts(self, tag: str = "") -> None:
        if self.workspace is None:
            return
        begin = partial(self.backend.conflicts, self.workspace)
        job = self.start(CONFLICTS, "Looking who differs", "labelpilot conflicts", begin)
        self.await_result(job, partial(self._open_conflicts, tag))

    def _open_conflicts(self, tag: str, found: Sequence[Conflict]) -> None:
        if found:
            screen = ConflictsScreen(found, tag)
            self.app.push_screen(screen, partial(self._conflicts_closed, screen))
        else:
            self.host.say("In Label Studio there is no image on which people differ.")

    def _conflicts_closed(self, screen: ConflictsScreen, changed: bool | None) -> None:
        self._settled(changed)
        if screen.again:
            self.host.label_again(screen.found)

    def _settled(self, changed: bool | None) -> None:
        if not changed or self.workspace is None:
            return
        # The rule may be another one by now, which the app has not seen yet.
        with contextlib.suppress(LabelpilotError):
            self._read(self.backend.load(self.workspace.root).annotations.rule)

    def _show_details(self) -> None:
        if self.preview is not None:
            self.app.push_screen(details_dialog(self.preview))
