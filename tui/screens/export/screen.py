"""Export: what would be written, before it is written; then the dataset."""

from __future__ import annotations

import shlex
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from tui.dialogs.dialog import Dialog, sentence
from tui.jobs import Job, JobKind
from tui.keys import Key, Place, bindings
from tui.screens.export.report import report_dialog
from tui.screens.section import Section
from tui.text import ago, count, lines, plain, some
from tui.widgets.class_chart import ClassChart
from tui.widgets.job_panel import WorkPanel
from tui.widgets.lists import KeyedText
from tui.widgets.live_text import Said

if TYPE_CHECKING:
    from core.dataset.export import ExportResult
    from core.dataset.options import Rule
    from core.dataset.report.report import Report

# In the folder that git ignores, as it names people.
REPORT_PAGE = "report.html"


class ExportScreen(Section):
    """The preview of an export, and its result."""

    PLACE: ClassVar[Place] = "export"
    JOBS: ClassVar[tuple[JobKind, ...]] = ("export", "rewrite", "report", "preview")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("export")]

    rule: Rule = "latest"
    _left = True

    def body(self) -> ComposeResult:
        yield WorkPanel(notes=2)
        yield Said(id="counts")
        with KeyedText(id="chart"):
            yield ClassChart()
        yield Said(id="found")

    def on_screen_suspend(self) -> None:
        self._left = self.pilot.current_mode != self.PLACE

    def on_screen_resume(self) -> None:
        # A window over this section has changed nothing.
        if not self._left:
            return
        if self.job is None or self.job.outcome in ("done", "stopped"):
            self._look()

    def show(self) -> None:
        job = self.job
        running = job is not None and job.running
        self.query_one(WorkPanel).show(job if running else None)
        if job is None and self.is_current and self.workspace is not None:
            self._look()
        result = self.preview
        self.query_one(ClassChart).show(result.classes if result else {})
        chart = self.query_one("#chart")
        chart.display = bool(result and result.classes)
        self.keep_focus(chart)
        self.query_one("#counts", Said).say([self._counts(result)])
        self.query_one("#found", Said).say(self._found(result))

    @property
    def preview(self) -> ExportResult | None:
        """What would be written, as last seen."""
        job = self.pilot.jobs.last("preview")
        return cast("ExportResult | None", job.result) if job is not None else None

    @property
    def written(self) -> Job | None:
        """The export of this preview, if it was done."""
        preview, export = self.pilot.jobs.last("preview"), self.pilot.jobs.last("export")
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
            shown.append(plain(f"{word} {number:,}", "$text-warning" if number else "$muted"))
        return Content("     ").join(shown)

    def _found(self, result: ExportResult | None) -> list[Content | str]:
        workspace, failure = self.workspace, self.failure
        if workspace is None:
            return [self.no_workspace]
        job = self.job
        command = job.command if job is not None and job.running else self._command
        same = plain(f"same as: {command}", "$muted")
        if failure is not None and failure.error is not None:
            hint = plain("enter tells the whole, r looks again", "$muted")
            # That there is nothing to export yet is no mishap.
            style = "bold" if failure.kind == "preview" else "bold $text-error"
            advice = plain(getattr(failure.error, "next_step", ""))
            return [plain(sentence(failure.error), style), advice, "", hint, same]
        if result is None:
            return [plain("Reading the annotations …", "$muted")]
        written = self.written
        if written is not None:
            path = workspace.relative(workspace.annotations.dataset)
            words = f"Written: {path}, {count(written.result.images, 'tag')}."
            return [plain(words, "bold $text-success"), same]
        parts = [self._target(result)]
        if result.conflicts:
            parts.append(self._conflicts(result))
        if result.unreadable:
            first = result.unreadable[0]
            words = f"left out: {first.name}: {first.reason} (d shows all)"
            parts.append(plain(words, "$text-warning"))
        if missing := result.missing:
            words = f"Label Studio has {count(len(missing), 'annotation')} that the folder lacks"
            parts.append(plain(f"{words}: w has it write them", "$text-warning"))
        if result.unused:
            words = f"on no image: {some(result.unused, 6)}"
            parts.append(plain(words, "$muted"))
        return [*parts, same]

    def _target(self, result: ExportResult) -> Content:
        workspace = self.workspace
        assert workspace is not None
        path = workspace.annotations.dataset
        words = f"to {workspace.relative(path)}: {count(result.images, 'tag')}"
        try:
            words += f"; last written {ago(path.stat().st_mtime, time.time())}"
        except OSError:
            words += "; not written yet"
        return plain(words)

    def _conflicts(self, result: ExportResult) -> Content:
        from core.dataset.options import RULES

        words = f"labelers differ: {some(result.conflicts, 3)}; {RULES[self.rule]} (c)"
        return plain(words, "$text-warning")

    @property
    def _command(self) -> str:
        return "labelpilot export" + ("" if self.rule == "latest" else f" --rule {self.rule}")

    def _look(self) -> None:
        workspace = self.workspace
        if workspace is None or self.pilot.jobs.in_the_way("preview") is not None:
            return
        begin = partial(self.backend.preview, workspace, self.rule)
        self.pilot.jobs.start("preview", "Reading the annotations", self._command, begin)

    def why_not(self, action: str) -> str | None:
        if (reason := super().why_not(action)) is not None:
            return reason
        if self.failure is not None and action == "write":
            return None
        if action == "label" and self.pilot.seen.state("project") != "done":
            return "There is no project to label in yet."
        if action in ("write", "rule", "report", "details") and self.preview is None:
            error = None if self.failure is None else self.failure.error
            return "The annotations are not read yet." if error is None else sentence(error)
        busy = self.pilot.jobs.in_the_way("export")
        if action in ("write", "rule", "look", "report", "rewrite") and busy is not None:
            return f"{busy.title} is running."
        if action == "rewrite":
            return self._why_not_rewrite()
        return None

    def _why_not_rewrite(self) -> str | None:
        if self.pilot.seen.state("target-storage") != "done":
            return "The project has no target storage that could write the folder."
        error = None if self.failure is None else self.failure.error
        if error is None:
            lacks = self.preview is not None and bool(self.preview.missing)
        else:
            lacks = "--rewrite" in getattr(error, "next_step", "")
        return None if lacks else "The folder is not known to lack any annotation."

    def face(self, key: Key) -> str:
        if key.action == "write" and self.failure is None and self.written is not None:
            return "write again"
        return super().face(key)

    def action_write(self) -> None:
        if self.told_why() or self.refused("write"):
            return
        workspace = self.workspace
        assert workspace is not None
        begin = partial(self.backend.export, workspace, self.rule)
        self.pilot.jobs.start("export", "Writing the dataset", self._command, begin)

    def action_look(self) -> None:
        if not self.refused("look"):
            self.forget_failures()
            self._look()

    def action_rewrite(self) -> None:
        workspace = self.workspace
        if self.refused("rewrite") or workspace is None:
            return
        self.forget_failures()
        begin = partial(self.backend.rewrite, workspace)
        command = f"{self._command} --rewrite"
        job = self.pilot.jobs.start("rewrite", "Writing the folder anew", command, begin)
        self.await_result(job, lambda _: self._look())

    def action_rule(self) -> None:
        if self.refused("rule"):
            return
        from core.dataset.options import RULES

        rules = list(RULES)
        self.rule = rules[(rules.index(self.rule) + 1) % len(rules)]
        self.forget_failures()
        self._look()

    def action_report(self) -> None:
        workspace = self.workspace
        if self.refused("report") or workspace is None:
            return
        page = workspace.folder / REPORT_PAGE
        rule = "" if self.rule == "latest" else f" --rule {self.rule}"
        command = f"labelpilot report{rule} --out {shlex.quote(workspace.relative(page))}"
        begin = partial(self.backend.report, workspace, self.rule, page)
        job = self.pilot.jobs.start("report", "Looking at the dataset", command, begin)
        self.await_result(job, partial(self._show_report, page, command))

    def _show_report(self, page: Path, command: str, found: Report) -> None:
        from tui.links import open_page

        assert self.workspace is not None
        shown = self.workspace.relative(page)
        self.pilot.push_screen(report_dialog(found, shown, command, open_page(page)))

    def action_details(self) -> None:
        if self.refused("details"):
            return
        result = self.preview
        assert result is not None
        parts: list[Content | str] = [
            f"{count(result.annotations, 'annotation')} counted, from {result.source}",
            f"{result.empty:,} of the images are labeled as having none of the classes",
        ]
        if result.unchecked:
            parts.append(f"{result.unchecked:,} not held against Label Studio: some may be deleted")
        for title, names in (
            ("Labelers differ", list(result.conflicts)),
            ("Unreadable", [f"{one.name}: {one.reason}" for one in result.unreadable]),
        ):
            parts += ["", plain(f"{title} ({len(names):,})", "bold")]
            parts += [plain(f"  {name}") for name in names[:500]]
        text = lines(parts)
        self.pilot.push_screen(Dialog("What was left out", text, copied=text.plain))
