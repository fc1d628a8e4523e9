"""The labels as they are now, for what learns from them.

A dataset that was exported some time ago lacks what was labeled since; so the annotations
themselves are read, of which only what has changed costs anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.dataset.dataset import gather
from core.dataset.formats.dataset_json import read_dataset
from core.errors import LabelpilotError
from core.progress import Progress, Work
from core.workspace.settings import Workspace


def current_labels(workspace: Workspace) -> Work[Mapping[str, Sequence[str]] | None]:
    """Tag -> classes, by the annotations and the workspace's rule.

    Where no annotation can be read, those of the dataset that was exported last, and a progress
    event says so; None where there is none either. Raises ConfigurationError where that is damaged.
    """
    try:
        dataset = yield from gather(workspace, "storage", None, out=workspace.annotations.dataset)
    except LabelpilotError as error:
        exported = read_dataset(workspace.annotations.dataset)
        name = workspace.relative(workspace.annotations.dataset)
        if exported is not None:
            yield Progress("read", note=f"{error.in_short} The labels are those of {name}.")
        return exported
    return dataset.classes()
