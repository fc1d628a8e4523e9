"""Drift: labels that Label Studio has and that lie in no file of the annotation folder.

It writes a file when a label is submitted, and only then: not for imported labels, and not for one
that was submitted while the folder was away. Looking at all of them takes long, so what is counted
here is what a cheap look can tell: how many labels and how many files there are, and whether the
labels that changed last have theirs. A target sync writes what is missing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from core.studio.project import OpenProject

# The labels that changed last, of which each is looked for.
SAMPLE = 200
_is_label = re.compile(r"\d+").fullmatch
_is_task = re.compile(r"\d+\.json").fullmatch


def unwritten(opened: OpenProject) -> int:
    """At least so many labels of the project, skips too, lie in no file of the folder.

    Raises what the client raises, and OSError where the folder cannot be listed.
    """
    counted = opened.client.answer_count(opened.id)
    if not counted:
        return 0
    folder = opened.workspace.annotations.path
    files, by_task = _files(folder)
    lacking = sum(
        not (folder / str(number)).exists()
        for task, numbers in opened.client.latest_answers(opened.id, SAMPLE)
        if not (folder / f"{task}.json").exists()
        for number in numbers
    )
    # A file of a task holds several labels: their number proves nothing.
    return lacking if by_task else max(lacking, counted - files)


def _files(folder: Path) -> tuple[int, bool]:
    """How many files hold a label each, and whether there are files of whole tasks."""
    labels, by_task = 0, False
    with os.scandir(folder) as entries:
        for entry in entries:
            labels += _is_label(entry.name) is not None
            by_task = by_task or _is_task(entry.name) is not None
    return labels, by_task
