"""The kinds of long work that the app starts: what each gives, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from core.dataset.conflicts import Conflict
    from core.dataset.export import ExportResult
    from core.dataset.report.report import HealthReport
    from core.labeling.session import LabelSession
    from core.labeling.shares import Share
    from core.learning.builtin.embedder import Embedded
    from core.learning.measuring.comparison import Curves
    from core.learning.measuring.forecast import Forecast
    from core.learning.measuring.suspects import Suspect
    from core.learning.rounds.planning import RoundPlan
    from core.learning.rounds.publishing import RoundResult
    from core.learning.suggesting.helping import Help
    from core.tasks.duplicates import RepairPlan, RepairResult
    from core.tasks.proof import SyncResult
    from core.tasks.tidy import TidyPlan, TidyResult

Result = TypeVar("Result")
# Jobs of one group would get into each other's way.
Group = Literal["project", "dataset", "round", "orders", "versions", "labeling", "again"]


@dataclass(frozen=True, slots=True)
class JobKind(Generic[Result]):
    """A kind of job, and by its type what such a job gives.

    `when_left` says what becomes of it when the app is left. One that is `automatic` is begun by
    its screen and not by a key: it is ended without a question, and its failure is no news
    elsewhere. One that `runs_hooks` may take a while to end.
    """

    name: str
    group: Group
    when_left: str
    automatic: bool = False
    runs_hooks: bool = False


_GOES_ON = "What is made stays; the next start shows how far it is, and goes on from there."

SETUP: JobKind[object] = JobKind("setup", "project", _GOES_ON)
SERVER: JobKind[object] = JobKind(
    "server", "project", "A server that is not up yet is ended; the next start can start it."
)
ANNOTATE: JobKind[int] = JobKind(
    "annotate", "project", "Labels that are made stay; doing it again makes the others."
)
SYNC: JobKind[SyncResult] = JobKind(
    "sync", "project", f"Label Studio goes on with what it was asked. {_GOES_ON}"
)
REPAIR_PLAN: JobKind[RepairPlan] = JobKind("repair plan", "project", "Looking changes nothing.")
REPAIR: JobKind[RepairResult] = JobKind(
    "repair", "project", "Tasks that are removed stay so; repairing again removes the others."
)
TIDY_PLAN: JobKind[TidyPlan] = JobKind("tidy plan", "project", "Looking changes nothing.")
TIDY: JobKind[TidyResult] = JobKind(
    "tidy", "project", "Tasks that are removed stay so; tidying again removes the others."
)
PREVIEW: JobKind[ExportResult] = JobKind(
    "preview", "dataset", "Looking changes nothing.", automatic=True
)
EXPORT: JobKind[ExportResult] = JobKind("export", "dataset", "The dataset stays as it was before.")
REWRITE: JobKind[None] = JobKind(
    "rewrite", "dataset", "Label Studio goes on writing to the folder."
)
CONFLICTS: JobKind[tuple[Conflict, ...]] = JobKind(
    "conflicts", "dataset", "Looking changes nothing."
)
REPORT: JobKind[HealthReport] = JobKind("report", "dataset", "No page is written.")
PLAN: JobKind[RoundPlan] = JobKind(
    "plan", "round", "Your hooks are ended; nothing was published.", runs_hooks=True
)
PUBLISH: JobKind[RoundResult] = JobKind(
    "publish", "round", "Scores that are written stay; publishing again completes them."
)
SHARE: JobKind[tuple[Share, ...]] = JobKind(
    "share", "round", "Shares that are dealt stay so; sharing again completes them."
)
EMBED: JobKind[Embedded] = JobKind(
    "embed", "round", "What is made stays; the next time goes on from there."
)
UNDO: JobKind[int] = JobKind(
    "undo", "round", "Scores that are taken back stay so; doing it again completes it."
)
REPLAY: JobKind[Curves] = JobKind(
    "replay", "round", "Comparing begins again; nothing is changed by it.", runs_hooks=True
)
MEASURE: JobKind[Curves | None] = JobKind(
    "measure", "orders", "What was measured before stays.", automatic=True
)
SUSPECTS: JobKind[list[Suspect]] = JobKind(
    "suspects", "round", "Looking changes nothing.", runs_hooks=True
)
FORECAST: JobKind[Forecast] = JobKind(
    "forecast", "round", "Looking changes nothing.", runs_hooks=True
)
VERSIONS: JobKind[dict[str, int]] = JobKind(
    "versions", "versions", "Looking changes nothing.", automatic=True
)
HELP: JobKind[Help] = JobKind("help", "labeling", "Suggestions are made anew.", automatic=True)
AGAIN: JobKind[LabelSession] = JobKind("again", "again", "Looking changes nothing.", automatic=True)
