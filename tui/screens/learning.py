"""Active learning: what would be asked for next and why, before anything is published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import DataTable, Static

from tui.backend import RoundSettings
from tui.jobs import Job, JobKind
from tui.keys import Key, Place, bindings
from tui.screens.asked import AskedDialog
from tui.screens.dialogs import Dialog, sentence
from tui.screens.round_form import RoundForm
from tui.screens.section import Section
from tui.widgets.filter import Filter
from tui.widgets.histogram import histogram
from tui.widgets.lists import KeyedLog, KeyedTable
from tui.widgets.picture import Picture, can_show
from tui.widgets.said import Said
from tui.widgets.work import WorkPanel
from tui.words import cell, clock, count, duration, harmless, lines, plain

if TYPE_CHECKING:
    from core.learning.publishing import RoundResult
    from core.learning.round import RoundPlan

# Rows of the plan that are shown: a table of more is slow, and nobody reads them.
MOST_ROWS = 1000
NUMBER_WIDTH = 4
FIGURE_WIDTH = 8
# Pictures stand beside the plan where there is room for both.
PICTURE_WIDTH = 34
WIDE_SCREEN = 112


class LearningScreen(Section):
    """A round: its settings, the hooks as they run, the plan, the published order."""

    PLACE: ClassVar[Place] = "learning"
    JOBS: ClassVar[tuple[JobKind, ...]] = ("undo", "publish", "plan", "versions")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("learning")]

    settings: RoundSettings | None = None
    _plan_soon = False
    # The plan's rows that the table shows, in its order.
    _rows: Sequence[int] = ()
    _tabled: RoundPlan | None = None
    _logged: tuple[Job | None, int] = (None, 0)

    def body(self) -> ComposeResult:
        yield Said(id="round")
        yield Said(id="found")
        yield WorkPanel(notes=0)
        yield KeyedLog(max_lines=2000)
        with Horizontal(id="plan"):
            yield KeyedTable(cursor_type="row", zebra_stripes=False)
            with Vertical(id="beside"):
                yield Picture(id="asked")
                yield Static(plain("is like", "$muted"))
                yield Picture(id="train")
        yield Filter()

    def on_mount(self) -> None:
        self._make_columns()

    def on_resize(self) -> None:
        if self._columns != self._wanted_columns or self._wide != self._shows_pictures:
            self._tabled = None
            self._make_columns()
        self.show()

    _columns: tuple[str, ...] = ()
    _wide = False

    @property
    def _wanted_columns(self) -> tuple[str, ...]:
        if self.size.width < 76:
            return ("image", "score", "because of")
        return ("image", "score", "because of", "its loss", "alike")

    def _make_columns(self) -> None:
        table = self.query_one(KeyedTable)
        table.clear(columns=True)
        self._columns, self._wide = self._wanted_columns, self._shows_pictures
        table.add_column("", width=NUMBER_WIDTH)
        numbers = len(self._columns) - 2
        # Each column has a cell of padding on both sides; the last cell is the scroll bar's.
        fixed = (NUMBER_WIDTH + 2) + numbers * (FIGURE_WIDTH + 2) + 2 * 2
        room = self.size.width - 5 - (PICTURE_WIDTH + 2 if self._shows_pictures else 0)
        wide = max(8, (room - fixed) // 2)
        for name in self._columns:
            if name in ("image", "because of"):
                table.add_column(cell(name), width=wide)
            else:
                table.add_column(cell(name, justify="right"), width=FIGURE_WIDTH)

    # What is shown

    def show(self) -> None:
        job, plan = self.job, self.plan
        if self.is_current and self.pilot.jobs.last("versions") is None:
            self._ask_versions()
        running = job is not None and job.running
        if self._plan_soon and self._default() is not None:
            self._start_plan()
        self.query_one("#round", Said).say(self._round(plan))
        self.query_one(WorkPanel).show(job if running else None)
        failed_hooks = self.failure is not None and self.failure.kind == "plan"
        log, table = self.query_one(KeyedLog), self.query_one(KeyedTable)
        log.display = bool(job and job.kind == "plan" and (running or failed_hooks))
        table.display = plan is not None and not log.display
        self.query_one("#plan").display = table.display
        self.query_one("#beside").display = self._shows_pictures
        if log.display:
            self._log(job)
        # A table without rows would swallow enter.
        self.keep_focus(table)
        if plan is not None and plan is not self._tabled and table.display:
            self._tabulate(plan)
        self.query_one("#found", Said).say(self._found(plan))

    def _round(self, plan: RoundPlan | None) -> list[Content | str]:
        settings = self.settings or self._default()
        if settings is None:
            return [plain("Looking …", "$muted")]
        parts = [Content.assemble(("model version ", "$muted"), plain(settings.model_version))]
        parts.append(Content.assemble(("order ", "$muted"), plain(settings.order)))
        workspace = self.workspace
        neighbours = settings.neighbours or (workspace.learning.neighbours if workspace else 0)
        parts.append(Content.assemble(("neighbours ", "$muted"), f"{neighbours:,}"))
        if settings.worst:
            parts.append(Content.assemble(("worst ", "$muted"), f"{settings.worst:,}"))
        shown: list[Content | str] = [Content("    ").join(parts)]
        # On a small screen the images matter more than how they were found.
        if plan is not None and self.size.height >= 22:
            shown += self._facts(plan)
        return shown

    def _facts(self, plan: RoundPlan) -> list[Content | str]:
        search = f"{plan.engine} search, " if plan.engine else ""
        sides = f"{plan.queries:,} asking x {plan.candidates:,} unlabeled"
        recall = f", recall {plan.recall:.2f}" if plan.engine else ""
        facts = [plain(f"{search}{sides}, {duration(plan.seconds)}{recall}", "$muted")]
        if len(plan.losses):
            bars, median, worst = histogram(plan.losses, 20)
            facts.append(
                Content.assemble(
                    ("losses of the train set  ", "$muted"),
                    (bars, "$primary"),
                    (f"  median {median:.2f}, worst {worst:.2f}", "$muted"),
                )
            )
        return [*facts]

    def _found(self, plan: RoundPlan | None) -> list[Content | str]:
        workspace, failure, job = self.workspace, self.failure, self.job
        if workspace is None:
            return ["There is no workspace yet: e in Setup makes one."]
        if failure is not None and failure.error is not None:
            hint = plain("enter tells the whole, r tries again", "$muted")
            return [plain(sentence(failure.error), "bold $text-error"), hint]
        published = self.published
        settings = self.settings or self._default()
        same = plain(f"same as: {settings.command}" if settings else "", "$muted")
        if published is not None:
            done = f"Published: {count(published.scored, 'image')} scored as "
            done += f"{published.model_version}. b opens them in this order."
            return [plain(done, "bold $text-success"), same]
        if plan is not None:
            shown = min(len(plan.asked), MOST_ROWS)
            words = f"{count(len(plan.asked), 'image')} would be asked for"
            words += f", the first {shown:,} shown" if shown < len(plan.asked) else ""
            return [plain(f"{words}. p publishes them; nothing is written yet."), same]
        if job is not None and job.running:
            return [same]
        return [*self._before(), "", same]

    def _before(self) -> list[Content | str]:
        workspace = self.workspace
        assert workspace is not None
        hooks = workspace.learning.hooks
        name = workspace.relative(hooks)
        parts: list[Content | str] = []
        if hooks.is_file():
            parts.append(plain(f"Your hooks: {name}, run by {workspace.hooks_python}"))
            parts.append("enter runs them, finds what to label next, and shows it first.")
        else:
            parts.append(plain(f"There is no hooks file {name} yet.", "$text-warning"))
            parts.append("It gives get_embeddings(), get_loss_trainset() and get_tags_labeled();")
            parts.append("Setup's e names another.")
        versions = self.versions
        if versions:
            parts += ["", plain("Published before", "bold")]
            parts += [plain(f"  {v}: {count(n, 'score')}") for v, n in list(versions.items())[-5:]]
        return parts

    def _log(self, job: Job | None) -> None:
        log = self.query_one(KeyedLog)
        before, noted = self._logged
        if job is None:
            return
        if job is not before:
            log.clear()
            noted = 0
        new = job.noted - noted
        if new > 0:
            kept = list(job.notes)[-new:]
            log.write_lines([f"{clock(moment)}  {harmless(note)}" for moment, note in kept])
        self._logged = (job, noted + new)

    def _tabulate(self, plan: RoundPlan) -> None:
        self._tabled = plan
        table = self.query_one(KeyedTable)
        table.clear()
        needle = self.query_one(Filter).needle
        self._rows = _matching(plan, needle) if needle else list(range(len(plan.asked)))
        for row in self._rows[:MOST_ROWS]:
            asked, number = plan.asked[row], row + 1
            known = {
                "image": cell(asked.tag),
                "score": cell(f"{asked.score:.2f}", justify="right"),
                "because of": cell(asked.train_tag or plan.order),
                "its loss": cell(_number(asked.train_loss), justify="right"),
                "alike": cell(_number(asked.similarity), justify="right"),
            }
            cells = [cell(f"{number:,}", "dim", "right"), *(known[name] for name in self._columns)]
            table.add_row(*cells, key=str(number))
        if not self.query_one(Filter).has_focus:
            table.focus()

    # What is known

    @property
    def plan(self) -> RoundPlan | None:
        """The plan that stands, whether published or not."""
        job = self.pilot.jobs.last("plan")
        return cast("RoundPlan | None", job.result) if job is not None else None

    @property
    def published(self) -> RoundResult | None:
        """What was published of this plan."""
        plan, publish = self.pilot.jobs.last("plan"), self.pilot.jobs.last("publish")
        if publish is None or publish.outcome != "done" or plan is None:
            return None
        return publish.result if publish.began > plan.began else None

    @property
    def versions(self) -> dict[str, int] | None:
        """Model version -> number of scores, as last seen."""
        job = self.pilot.jobs.last("versions")
        return cast("dict[str, int] | None", job.result) if job is not None else None

    def _default(self) -> RoundSettings | None:
        job = self.pilot.jobs.last("versions")
        if job is None or job.running:
            return None
        return RoundSettings(next_version(self.versions or {}))

    @property
    def job(self) -> Job | None:
        # Where the versions could not be read (no server yet), a round says so when it is begun.
        job = super().job
        return None if job is not None and job.kind == "versions" else job

    # What the keys do

    def why_not(self, action: str) -> str | None:
        if (reason := super().why_not(action)) is not None:
            return reason
        busy = self.pilot.jobs.in_the_way("plan")
        if action in ("plan", "publish", "edit", "undo", "look") and busy is not None:
            return f"{busy.title} is running."
        if action == "publish":
            if self.plan is None:
                return "There is no plan yet: enter makes one."
            if self.published is not None:
                return "This plan is published already."
        if action == "filter" and self._tabled is None:
            return "There is no plan to search in yet."
        if action == "undo" and not self.versions:
            return "No model version is published."
        if action == "label" and self.pilot.seen.state("project") != "done":
            return "There is no project to label in yet."
        return None

    def face(self, key: Key) -> str:
        if key.action == "plan" and self.failure is None and self.plan is not None:
            return "why"
        if key.action == "look" and self.plan is not None:
            return "plan anew"
        return super().face(key)

    @property
    def _shows_pictures(self) -> bool:
        return self.size.width >= WIDE_SCREEN and can_show()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        plan = self.plan
        if plan is None or not self._shows_pictures or event.cursor_row >= len(self._rows):
            return
        asked = plan.asked[self._rows[event.cursor_row]]
        self.query_one("#asked", Picture).show(asked.path)
        self.query_one("#train", Picture).show(asked.train_path)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_plan()

    def action_plan(self) -> None:
        if self.told_why() or self.refused("plan"):
            return
        plan, row, workspace = self.plan, self.query_one(KeyedTable).cursor_row, self.workspace
        if plan is not None and row < len(self._rows) and workspace is not None:
            number = self._rows[row]
            self.pilot.push_screen(AskedDialog(plan.asked[number], number, workspace))
            return
        self._start_plan()

    def _start_plan(self) -> None:
        settings, workspace = self.settings or self._default(), self.workspace
        # While the published versions are being looked at, the plan waits for a name of its own.
        self._plan_soon = settings is None
        if settings is None or workspace is None:
            return
        self.settings = settings
        begin = partial(self.backend.plan, workspace, settings)
        self.pilot.jobs.start("plan", "Planning the round", settings.command, begin)

    def action_filter(self) -> None:
        if not self.refused("filter"):
            self.query_one(Filter).open()

    def on_input_changed(self, event: Filter.Changed) -> None:
        event.stop()
        if self.plan is not None:
            self._tabulate(self.plan)

    def on_filter_closed(self) -> None:
        self.query_one(KeyedTable).focus()

    def action_look(self) -> None:
        if self.refused("look"):
            return
        again = self.failure is not None or self.plan is not None
        self.forget_failures()
        if again:
            self._start_plan()
        else:
            self._ask_versions()

    def _ask_versions(self) -> None:
        workspace = self.workspace
        if workspace is not None and self.pilot.jobs.in_the_way("versions") is None:
            begin = partial(self.backend.versions, workspace)
            self.pilot.jobs.start("versions", "Looking at model versions", "", begin)

    def action_publish(self) -> None:
        if self.refused("publish"):
            return
        plan, workspace, settings = self.plan, self.workspace, self.settings
        assert plan is not None and workspace is not None and settings is not None
        begin = partial(self.backend.publish, workspace, plan)
        self.pilot.jobs.start("publish", "Publishing", settings.command, begin)

    def action_edit(self) -> None:
        workspace = self.workspace
        if self.refused("edit") or workspace is None:
            return
        settings = self.settings or self._default() or RoundSettings("model_v1")
        self.pilot.push_screen(RoundForm(settings, workspace), self._edited)

    def _edited(self, settings: RoundSettings | None) -> None:
        if settings is None or settings == self.settings:
            return
        self.settings = settings
        # A plan that was made with other settings is not what these say.
        self.forget_failures()
        self.pilot.jobs.forget("plan")
        self._tabled = None
        self.show()

    def action_undo(self) -> None:
        if self.refused("undo"):
            return
        published = self.published
        version = published.model_version if published else list(self.versions or {})[-1]
        number = (self.versions or {}).get(version, 0)
        question = Dialog(
            "Take a model version back?",
            lines(
                [
                    plain(f"{version}: {count(number, 'score')} would be removed."),
                    "Annotations stay as they are; planning again brings the scores back.",
                ]
            ),
            yes="take it back",
            no="leave it",
        )
        self.pilot.push_screen(question, partial(self._undo, version))

    def _undo(self, version: str, agreed: bool | None) -> None:
        workspace = self.workspace
        if not agreed or workspace is None:
            return
        self.pilot.jobs.forget("publish")
        begin = partial(self.backend.remove_version, workspace, version)
        self.pilot.jobs.start("undo", "Taking the scores back", "", begin)


def _matching(plan: RoundPlan, needle: str) -> list[int]:
    """The rows whose image or train image holds `needle`."""
    return [
        row
        for row, asked in enumerate(plan.asked)
        if needle in asked.tag.lower() or needle in (asked.train_tag or "").lower()
    ]


def next_version(known: Iterable[str]) -> str:
    """A name for the next model version: one more than the highest `model_v` number."""
    numbers = [int(m.group(1)) for name in known if (m := re.fullmatch(r"model_v(\d{1,6})", name))]
    return f"model_v{max(numbers, default=0) + 1}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
