"""Labels that Label Studio does not take, as where a task is gone: in a file that people can read.

They stay in the outbox, and are sent once more whenever somebody begins to label. The file is in
the form of Label Studio's JSON export, so that `labelpilot restore` reads it too.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from core.files import write_at_once
from core.labeling.outbox import Label
from core.own_files import refuse_links
from core.words import count
from core.workspace.settings import Workspace


def write_not_taken(workspace: Workspace, image_key: str, labels: Sequence[Label]) -> None:
    """Have the file hold these labels; where there are none, there is no file.

    Raises LabelpilotError where the disk refuses; it is then as it was.
    """
    file = workspace.state.not_taken
    if not labels:
        refuse_links(file).unlink(missing_ok=True)
        return
    tasks = [
        {
            "why": label.why,
            "tag": label.tag,
            "id": label.task,
            "data": {image_key: label.url},
            "annotations": [label.body],
        }
        for label in labels
    ]
    write_at_once(file, orjson.dumps(tasks, option=orjson.OPT_INDENT_2), mode=0o600)


def sentence_of(workspace: Workspace, labels: Sequence[Label]) -> str:
    """What to say of labels that were not taken; the last says why."""
    file = workspace.relative(workspace.state.not_taken)
    they = f"{count(len(labels), 'label')} {'was' if len(labels) == 1 else 'were'} not taken"
    return f"{they}; {file} has what was said. {labels[-1].why}"
