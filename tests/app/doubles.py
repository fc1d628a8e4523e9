"""A double for the app: a backend whose server is a plain object, over a workspace of real files.

What needs no server is real here: the workspace file, the image folder, the labeling config, the
annotations and the export, the forms. What needs one (the checklist's probes, the sync, the hooks
and the publishing) is played by `FakeBackend`; tests/studio walks the same screens against a real
Label Studio.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.dataset.conflicts import Conflict, have_ground_truths_count
from core.dataset.export import ExportResult, preview_dataset
from core.dataset.options import Rule
from core.errors import LabelpilotError
from core.labeling.groups import GroupSizes
from core.labeling.session import LabelSession
from core.labeling.shares import Share
from core.labeling.stream import LabelPage
from core.labeling.suggestions import Precision, Suggestions, too_few
from core.learning.measuring.comparison import Curves
from core.learning.measuring.suspects import Suspect
from core.learning.rounds.ledger import Pick
from core.learning.rounds.options import RoundOptions
from core.learning.rounds.planning import RoundPlan
from core.learning.rounds.publishing import RoundResult
from core.learning.suggesting.helping import Help
from core.progress import Progress, Work
from core.secrets.credentials import Source
from core.setup.checklist import Report, SetupResult
from core.setup.context import StepId, StepState
from core.setup.steps import STEPS
from core.studio.server import ServerStatus
from core.tasks.duplicates import RepairPlan, RepairResult
from core.tasks.options import Mode
from core.tasks.proof import SyncResult
from core.tasks.scan import scan_images
from core.tasks.tidy import TidyPlan, TidyResult
from core.workspace.settings import Workspace
from tests.app.label_doubles import MemorySession, config_of
from tests.app.toys import IMAGES, LABELS, WEIRD
from tui.backend import Backend


@dataclass
class FakeBackend(Backend):
    """The server's side. `fail` maps the name of a call to the error it raises; `hold` keeps long
    work going until it is set; a sync tells of `trouble`; the folder is `lacking` annotations."""

    workspace: Workspace
    running: bool = False
    done: set[StepId] = field(default_factory=set)
    tasks: int = 0
    doubled: int = 0
    gone: int = 0
    config_diff: str = ""
    trouble: str = ""
    lacking: tuple[int, ...] = ()
    differing: tuple[Conflict, ...] = ()
    token: Source | None = None
    no_keyring: bool = False
    example: bool = False
    published: dict[str, int] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    hold: threading.Event | None = None
    measured: Curves | None = None
    session: LabelSession | None = None
    again: LabelSession | None = None
    help: Help | None = None
    suspected: list[Suspect] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def everything(self) -> None:
        """As after a whole set-up."""
        self.running, self.token, self.tasks = True, "file", len(IMAGES)
        self.done = {step.id for step in STEPS}

    def called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fail:
            raise self.fail[name]

    def status(self, workspace: Workspace) -> ServerStatus:
        url = "http://127.0.0.1:8080" if self.running else None
        if not workspace.owns_server:
            return ServerStatus(self.running, workspace.studio.url, version="1.23.2")
        return ServerStatus(self.running, url, 4711 if self.running else None, "1.23.2")

    def probe(self, workspace: Workspace) -> Iterator[Report]:
        for step in STEPS:
            yield self.step_report(step.id)

    def step_report(self, step_id: StepId) -> Report:
        if step_id == "server":
            state: StepState = "done" if self.running else "to do"
            return Report(step_id, state, "serves files below data")
        if not self.running:
            return Report(step_id, "waiting", "comes after server")
        if step_id == "images":
            whole = self.tasks == len(IMAGES) and not self.doubled
            state = "done" if whole else "part" if self.tasks else "to do"
            words = f", {self.doubled} duplicates" if self.doubled else ""
            words += f", {self.gone} tasks without their image" if self.gone else ""
            return Report(step_id, state, f"{self.tasks} of {len(IMAGES)} images are tasks{words}")
        if step_id == "labeling-config":
            if self.config_diff:
                return Report(step_id, "part", "the project has another one", self.config_diff)
            words = f"labels: {', '.join(LABELS)}"
            return Report(step_id, "done" if step_id in self.done else "to do", words)
        return Report(step_id, "done" if step_id in self.done else "to do", f"the {step_id}")

    def work(self, name: str, total: int) -> Work[None]:
        """Report `total` pieces of work; wait for `hold` after the first, if it is set."""
        try:
            for number in range(total):
                yield Progress(name, number, total)
                while self.hold is not None and not self.hold.wait(0.01):
                    yield Progress(name, number, total, f"at {number}")
        except GeneratorExit:
            self.closed.append(name)
            raise

    def apply(
        self, workspace: Workspace, step_id: StepId, *, replace_config: bool = False
    ) -> Work[Report]:
        self.called(f"apply {step_id}{' replacing' if replace_config else ''}")
        self.config_diff = "" if replace_config else self.config_diff
        yield from self.work(step_id, 1)
        self._apply(step_id)
        return self.step_report(step_id)

    def _apply(self, step_id: StepId) -> None:
        self.done.add(step_id)
        if step_id == "server":
            self.running = True
        if step_id == "token":
            self.token = "file"
        if step_id == "images":
            self.tasks = len(IMAGES)

    def set_up(
        self,
        workspace: Workspace,
        skip: Iterable[StepId] = (),
        *,
        replace_config: bool = False,
    ) -> Work[SetupResult]:
        self.called("set_up")
        for number, step in enumerate(STEPS):
            yield Progress(step.id, number, len(STEPS))
            self.called(f"set_up {step.id}")
            yield from self.work(step.id, 1)
            self._apply(step.id)
            yield Progress(step.id, number + 1, len(STEPS), f"{step.title}: done")
        return SetupResult(tuple(map(self.step_report, [step.id for step in STEPS])), 1, 1, 1)

    def is_example(self, workspace: Workspace) -> bool:
        return self.example

    def annotate_example(self, workspace: Workspace, number: int) -> Work[int]:
        self.called(f"annotate {number}")
        yield from self.work("annotations", number)
        return number

    def stop_server(self, workspace: Workspace) -> Work[bool]:
        self.called("stop_server")
        yield Progress("server")
        self.running = False
        return True

    def preview(self, workspace: Workspace, rule: Rule | None = None) -> Work[ExportResult]:
        """The real one; Label Studio is played to have the annotations that are `lacking`."""
        result = yield from preview_dataset(workspace, rule=rule)
        return replace(result, missing=self.lacking)

    def rewrite(self, workspace: Workspace) -> Work[None]:
        self.called("rewrite")
        yield from self.work("rewrite", len(self.lacking))
        self.lacking = ()

    def token_source(self, workspace: Workspace) -> Source | None:
        return self.token

    def needs_choice(self, workspace: Workspace) -> bool:
        return self.no_keyring

    def sign_in(self, workspace: Workspace) -> tuple[str, str] | None:
        return "labelpilot@localhost", "a [secret] word"

    def store_token(self, workspace: Workspace, token: str) -> Work[Source]:
        self.called("store_token")
        yield Progress("token")
        self.token = "session"
        self.done.add("token")
        return "session"

    def sync(
        self, workspace: Workspace, mode: Mode | None = None, *, full: bool = False
    ) -> Work[SyncResult]:
        self.called("full sync" if full else "sync")
        manifest = yield from scan_images(workspace.images)
        total = manifest.count
        yield Progress("import", 0, total, f"{total} images found; {WEIRD}")
        if self.trouble:
            yield Progress("import", 0, total, self.trouble, retries=2)
        yield from self.work("import", total)
        before, self.tasks = self.tasks, total
        doubled, made = self.doubled, total - before
        return SyncResult("bulk", total, made, before, doubled, self.gone, 1, 3.0, not doubled)

    def plan_repair(self, workspace: Workspace) -> Work[RepairPlan]:
        self.called("plan_repair")
        yield from self.work("look", 2)
        ids = tuple(range(self.doubled))
        return RepairPlan(1, self.tasks + len(ids), len(ids), ids, 0, False, (WEIRD,))

    def repair(self, workspace: Workspace, plan: RepairPlan) -> Work[RepairResult]:
        self.called("repair")
        yield from self.work("remove", len(plan.remove))
        self.doubled -= len(plan.remove)
        return RepairResult(len(plan.remove), self.doubled, plan.tasks, self.tasks, 7, 7, 1.0)

    def plan_tidy(self, workspace: Workspace) -> Work[TidyPlan]:
        self.called("plan_tidy")
        yield from self.work("look", 2)
        return TidyPlan(1, self.tasks, self.gone, 1, 0, tuple(range(1, self.gone)), (WEIRD,))

    def tidy(self, workspace: Workspace, plan: TidyPlan) -> Work[TidyResult]:
        self.called("tidy")
        yield from self.work("remove", len(plan.remove))
        removed, self.gone = len(plan.remove), 0
        return TidyResult(plan.gone, 1, removed, plan.tasks, plan.tasks - removed, 7, 7, 1.0)

    def plan(self, workspace: Workspace, settings: RoundOptions) -> Work[RoundPlan]:
        self.called(f"plan {settings.command}")
        yield Progress("hooks", 0, note="[bold]loading[/] the model")
        yield from self.work("hooks", 3)
        images = workspace.images.path
        picks = tuple(Pick(Path(name).stem, n, 4.0 - n / 10) for n, name in enumerate(IMAGES[:8]))
        paths = {Path(name).stem: images / name for name in IMAGES}
        if settings.order != "random":
            train = Path(IMAGES[-1]).stem
            picks = tuple(
                replace(pick, train_tag=train, train_loss=4.0, similarity=0.9) for pick in picks
            )
        losses = np.array([0.1, 0.1, 0.2, 4.0])
        version, order = settings.model_version, settings.order
        return RoundPlan(version, order, "exact", "small", 1.0, 4, 8, losses, picks, paths, 2.1)

    def publish(self, workspace: Workspace, plan: RoundPlan) -> Work[RoundResult]:
        self.called("publish")
        yield from self.work("scores", len(plan.picks))
        number = len(plan.picks)
        self.published[plan.model_version] = number
        page = "http://127.0.0.1:8080/projects/1/data?tab=2&labeling=1"
        return RoundResult(
            plan.model_version, plan.order, "exact", 1.0, 4, 8, number, number, 0, page, 2.5
        )

    def measure_orders(self, workspace: Workspace) -> Work[Curves | None]:
        self.called("measure")
        yield from self.work("measure", 1)
        return self.measured

    def replay(self, workspace: Workspace) -> Work[Curves]:
        self.called("replay")
        yield from self.work("replay", 4)
        return self.curves(40)

    def curves(self, images: int) -> Curves:
        """Herding pays by 17.5 points of accuracy."""
        random = np.array([[0.40, 0.60, 0.70], [0.42, 0.62, 0.72]])
        better = random + np.array([0.0, 0.15, 0.20])
        found = {"random": random, "herding": better, "margin": random[::-1]}
        measured = {name: np.stack([of] * 4, axis=2) for name, of in found.items()}
        return Curves((4, 8, 12), measured, images=images)

    def versions(self, workspace: Workspace) -> Work[dict[str, int]]:
        self.called("versions")
        yield Progress("versions")
        return dict(self.published)

    def remove_version(self, workspace: Workspace, model_version: str) -> Work[int]:
        self.called(f"remove {model_version}")
        yield Progress("remove")
        return self.published.pop(model_version)

    def invite(self, workspace: Workspace) -> Work[str]:
        self.called("invite")
        yield Progress("invitation")
        return "http://127.0.0.1:8080/user/signup/?token=[b]invited"

    def share(self, workspace: Workspace, people: Sequence[str]) -> Work[tuple[Share, ...]]:
        self.called(f"share {' '.join(people)}")
        yield from self.work("share", len(people))
        page = "http://127.0.0.1:8080/projects/1/data?labeling=1&tab="
        return tuple(Share(name, 4, f"{page}{n}") for n, name in enumerate(people, start=3))

    def conflicts(self, workspace: Workspace) -> Work[tuple[Conflict, ...]]:
        yield Progress("read")
        return self.differing

    def settle(
        self, workspace: Workspace, annotation: int, right: bool, of: Conflict | None = None
    ) -> Work[tuple[Conflict, str]]:
        """Mark the answer; what is said of the rule is core's own."""
        self.called("settle")
        yield Progress("settle")
        assert of is not None
        marked = (replace(a, ground_truth=right and a.annotation == annotation) for a in of.answers)
        after = replace(of, answers=tuple(marked))
        return after, have_ground_truths_count(workspace) if right else ""

    def label_session(self, workspace: Workspace) -> LabelSession:
        self.called("label_session")
        return self.session or MemorySession(config_of("cat", "dog"), [])

    def suspects(self, workspace: Workspace) -> Work[list[Suspect]]:
        """Those that are `suspected`; where none are said to be, those that there are."""
        if not self.suspected:
            return (yield from super().suspects(workspace))
        yield Progress("suspects")
        return self.suspected

    def label_again(
        self, workspace: Workspace, doubts: Sequence[Suspect] | Sequence[Conflict] | None = None
    ) -> Work[LabelSession]:
        """The session that is `again`, whatever is doubted."""
        self.called(f"label_again {len(doubts or ())}")
        yield Progress("labels")
        assert self.again is not None
        return self.again

    def help_labeling(self, workspace: Workspace) -> Work[Help]:
        self.called("help_labeling")
        yield from self.work("help", 1)
        return self.help or help_of(Suggestions(Precision(why=too_few(7))))

    def task_page(self, workspace: Workspace, task_id: int) -> Work[LabelPage]:
        self.called(f"task_page {task_id}")
        yield Progress("link")
        return LabelPage(f"http://127.0.0.1:8080/projects/1/data?task={task_id}")

    def conflicts_page(self, workspace: Workspace) -> Work[LabelPage]:
        return self.label_page(workspace)

    def suspects_page(self, workspace: Workspace, found: Sequence[Suspect]) -> Work[LabelPage]:
        self.called(f"suspects_page {' '.join(one.tag for one in found)}")
        return self.label_page(workspace)

    def label_page(self, workspace: Workspace, person: str = "") -> Work[LabelPage]:
        self.called("label_page")
        yield Progress("link")
        return LabelPage("http://127.0.0.1:8080/projects/1/data?labeling=1")


def help_of(suggestions: Suggestions) -> Help:
    """These suggestions, and nothing that finds look-alikes."""
    return Help(suggestions, GroupSizes(), {}, (), {}, np.empty((0, 0), np.float32))


def refusal() -> LabelpilotError:
    """An error in which everything is in brackets, as a server or a file name may have it."""
    return LabelpilotError(
        "Label Studio [said] no to [/b].",
        cause="detail: [red]bad[/red] [link=x] \x1b[31mred",
        next_step="Mend [it], and try again.",
    )


def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait, in a thread that is not the app's, until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.005)
