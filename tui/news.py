"""What the app makes of a job's end: a line in the journal, and a toast where nobody looks."""

from __future__ import annotations

from typing import Any

from tui.dialogs.dialog import mistake, sentence
from tui.host import Host
from tui.job_kinds import PUBLISH, SYNC, UNDO, VERSIONS
from tui.jobs import Job
from tui.keys import MAIN


def tell_end(host: Host, job: Job[Any], *, shown: bool) -> None:
    """Tell that `job` has ended. Where its section is `shown`, that tells how."""
    # What nobody asked for is told as a note.
    margin = "  " if job.kind.automatic else ""
    text = f"{job.title}: {job.outcome}. {_in_words(job.result)}".strip()
    host.journal.write(f"{margin}{text}")
    for _, note in job.notes:
        host.journal.write(f"  {note}")
    if job.error is not None:
        host.journal.write(mistake(job.error))
        if not job.kind.automatic and not shown:
            host.say(f"{sentence(job.error)} Press {MAIN} in its section for more.", "error")
    elif job.outcome == "done" and job.kind is SYNC and not shown:
        host.say(f"{job.result}.")
    if job.kind in (PUBLISH, UNDO):
        # What is published has changed: it is asked for again when it is looked at.
        host.jobs.forget(VERSIONS)
    if not job.kind.automatic:
        host.check()


def _in_words(result: object) -> str:
    """What a result says of itself; nothing for one that is only data."""
    return str(result) if type(result).__str__ is not object.__str__ else ""
