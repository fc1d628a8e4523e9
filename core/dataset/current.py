"""The labels as they are now, for what learns from them.

A dataset that was exported some time ago lacks what was labeled since; so the annotations
themselves are read, of which only what has changed costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from zlib import crc32

from core.dataset.dataset import gather
from core.dataset.formats.dataset_json import read_dataset
from core.dataset.reading.batch import Columns
from core.dataset.source import ASKING, open_source
from core.errors import LabelpilotError
from core.images import tag_of
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.workspace.settings import Workspace


def current_labels(
    workspace: Workspace,
    on_records: Callable[[Columns], None] | None = None,
    project: OpenProject | None = None,
) -> Work[Mapping[str, Sequence[str]] | None]:
    """Tag -> classes, by the annotations and the workspace's rule.

    Where no annotation can be read, those of the dataset that was exported last, and a progress
    event says so; None where there is none either. `on_records` gets the annotations as they come;
    Label Studio is asked by way of `project`, where that is open already. Raises ConfigurationError
    where the dataset is damaged.
    """
    out = workspace.annotations.dataset
    try:
        yield Progress("ask", note=ASKING)
        with open_source(workspace, "storage", project) as source:
            dataset = yield from gather(workspace, source, None, out=out, on_records=on_records)
    except LabelpilotError as error:
        exported = read_dataset(out)
        if exported is not None:
            note = f"{error.in_short} The labels are those of {workspace.relative(out)}."
            yield Progress("read", note=note)
        return exported
    return dataset.classes()


def labels_by_age(workspace: Workspace) -> Work[tuple[Mapping[str, Sequence[str]] | None, bool]]:
    """As `current_labels`, the image labeled first coming first, and whether that is known.

    Equal times fall by chance, the same each time. Raises what `current_labels` raises.
    """
    first: dict[str, float] = {}

    def note(records: Columns) -> None:
        for image, moment in zip(records.images, records.moments, strict=True):
            tag = tag_of(image, workspace.images.tag)
            first[tag] = min(moment, first.get(tag, moment))

    classes = yield from current_labels(workspace, note)
    if classes is None or not classes.keys() <= first.keys():
        return classes, False
    ages = {tag: (first[tag], crc32(tag.encode("utf-8", "surrogatepass"))) for tag in classes}
    return {tag: classes[tag] for tag in sorted(classes, key=ages.__getitem__)}, True
