"""A sync at a glance: its phases, what it counts, and how fast it goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from textual.content import Content

from tui.job_kinds import SYNC
from tui.text import plain, rate, spinner
from tui.widgets.histogram import sparkline

if TYPE_CHECKING:
    from core.setup.checklist import Report
    from core.tasks.proof import SyncResult
    from tui.jobs import Job

# Phase -> the stages of work in it.
PHASES: dict[str, tuple[str, ...]] = {
    "scan": ("scan",),
    "look": ("look", "wait", "tasks", "moves"),
    "import": ("import", "sync"),
    "prove": ("proof", "remove"),
}
NAMES = ("images", "tasks", "missing", "doubled", "gone")
CELL = 12
# What the report of the step says of images and tasks: it has words only.
_COUNTED = {
    "tasks": re.compile(r"([\d,]+) of [\d,]+ images are tasks"),
    "images": re.compile(r"of ([\d,]+) images"),
    "doubled": re.compile(r"([\d,]+) duplicate"),
    "gone": re.compile(r"([\d,]+) tasks? without their image"),
}


def phases(job: Job[Any] | None) -> list[Content | str]:
    """The phases of a sync in a row, the one that runs lit; none where nothing was synced."""
    if job is None or job.kind is not SYNC:
        return []
    stage = job.progress.stage
    at = next((n for n, stages in enumerate(PHASES.values()) if stage in stages), -1)
    at = len(PHASES) if job.outcome == "done" else at
    shown = []
    for number, name in enumerate(PHASES):
        if number < at:
            shown.append(Content.styled(f"✓ {name}", "$text-success"))
        elif number == at and job.running:
            shown.append(Content.styled(f"{spinner()} {name}", "bold $primary"))
        elif number == at:
            shown.append(Content.styled(f"✗ {name}", "$text-warning"))
        else:
            shown.append(Content.styled(f"· {name}", "$muted"))
    return [Content("    ").join(shown)]


def counters(job: Job[Any] | None, report: Report | None) -> list[Content | str]:
    """What is counted, each number above its name; what is not known yet is left out."""
    known = _of_job(job) or _of_report(report)
    shown = [(name, known[name]) for name in NAMES if name in known]
    if not shown:
        return []
    numbers = [(f"{number:<{CELL},}", _style(name, number)) for name, number in shown]
    names = [(f"{name:<{CELL}}", "$muted") for name, _ in shown]
    return [Content.assemble(*numbers), Content.assemble(*names)]


def share(job: Job[Any] | None, report: Report | None) -> tuple[int, int]:
    """How many of the images are tasks; (0, 0) where that is not known."""
    known = _of_job(job) or _of_report(report)
    return known.get("tasks", 0), known.get("images", 0)


def _style(name: str, number: int) -> str:
    if name in ("images", "tasks"):
        return "bold"
    return "bold $text-warning" if number else "$muted"


def _of_job(job: Job[Any] | None) -> dict[str, int]:
    if job is None:
        return {}
    result: SyncResult | None = job.given(SYNC)
    if result is not None:
        tasks = result.created + result.existing
        return {
            "images": result.images,
            "tasks": tasks,
            "missing": result.images - tasks,
            "doubled": result.duplicates,
            "gone": result.missing_files,
        }
    progress = job.progress
    if job.kind is SYNC and progress.stage == "import" and progress.total:
        total, done = progress.total, min(progress.done, progress.total)
        return {"missing": total - done, "tasks": done} if job.running else {}
    return {}


def _of_report(report: Report | None) -> dict[str, int]:
    """What the last look at the step found."""
    text = report.detail if report is not None else ""
    found = {name: pattern.search(text) for name, pattern in _COUNTED.items()}
    known = {name: int(one[1].replace(",", "")) for name, one in found.items() if one}
    if not {"images", "tasks"} <= known.keys():
        return {}
    missing = known["images"] - known["tasks"]
    return {"missing": missing, "doubled": 0, "gone": 0, **known}


def pace(job: Job[Any] | None, width: int) -> list[Content | str]:
    """How many a second, over the time that the phase has taken so far."""
    if job is None or not job.running or len(job.pace) < 2:
        return []
    words = rate(job.pace[-1])
    line = sparkline(list(job.pace)[-max(8, width - len(words) - 2) :])
    return [Content.assemble((line, "$primary"), plain(f"  {words}", "$muted"))]
