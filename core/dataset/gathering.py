"""Gathering: from a source of annotations to a decided dataset, before anything is written.

What an export and a report have in common. No connection is opened: what Label Studio knows is
handed in.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from core.dataset.class_names import ClassNames
from core.dataset.formats.dataset_json import sidecar_path, split_path
from core.dataset.options import RULES, Rule
from core.dataset.reading.batch import Unreadable
from core.dataset.reading.reader import FolderReader, read_tasks
from core.dataset.reading.records import Interpreter, Labels
from core.dataset.rules import Decision, Tally
from core.errors import ConfigurationError, LabelpilotError
from core.labeling_config import LabelingConfig, parse_labeling_config, read_labeling_config
from core.progress import Progress, Work
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    from core.dataset.reading.region_book import RegionBook
    from core.dataset.report.statistics import Statistics


WRITE_ANEW = "Have Label Studio write the folder anew: `labelpilot export --rewrite`."


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A target storage's folder. `live` are the ids of the annotations that Label Studio has.

    The folder is no mirror of the database (the file of a deleted annotation stays); without `live`
    that goes unchecked, and is counted so.
    """

    path: Path
    live: Set[int] | None = None


@dataclass(frozen=True, slots=True)
class TaskSource:
    """Tasks with their annotations as the API returns them; `total` is how many will come."""

    tasks: Iterable[object]
    total: int | None = None


AnnotationSource: TypeAlias = "FolderSource | TaskSource"


@dataclass(frozen=True, slots=True)
class Gathered:
    """A decided dataset. `held` counts the images that have the same labels.

    `checked` says whether the annotations are known to be in Label Studio still.
    """

    decision: Decision
    held: Counter[Labels]
    names: ClassNames
    unreadable: tuple[Unreadable, ...]
    rule: Rule
    source: str
    checked: bool

    def classes(self) -> dict[str, int]:
        """Class -> number of images, in config order; 0 for those that no image has."""
        counts = dict.fromkeys(self.names.all, 0)
        for labels, images in self.held.items():
            for name in self.names[labels]:
                counts[name] += images
        return counts


def gather(
    workspace: Workspace,
    source: AnnotationSource,
    rule: Rule,
    label_config: str | None,
    *,
    dataset: Path,
    regions: RegionBook | None = None,
    statistics: Statistics | None = None,
) -> Work[Gathered]:
    """Read `source` and let `rule` decide.

    `dataset` is where the dataset lies or will lie: where that is the annotations folder, it is not
    read. What `regions` and `statistics` collect is added to them. Raises as `export_dataset` does.
    """
    if rule not in RULES:
        raise ConfigurationError(
            f"The rule {rule!r} is not known.", next_step=f"Known: {', '.join(RULES)}."
        )
    controls = _controls(workspace, label_config)
    if isinstance(source, FolderSource):
        name = workspace.relative(source.path)
        batches = _folder_reader(workspace, source.path, controls, dataset, regions).batches()
        tally = Tally(source.live)
    else:
        name = "Label Studio's API"
        interpreter = Interpreter(controls, workspace.images.path)
        batches = read_tasks(source.tasks, interpreter, total=source.total, regions=regions)
        tally = Tally()
    unreadable: list[Unreadable] = []
    yield Progress("read")
    with contextlib.closing(batches):
        for batch in batches:
            live = tally.add(batch.records)
            if statistics is not None:
                statistics.add(live)
            unreadable.extend(batch.unreadable)
            yield Progress("read", batch.done, batch.total)
    if not len(tally):
        raise _nothing(name, tally.skipped, unreadable, tally.missing)
    decision = tally.decide(rule, workspace.images.tag)
    held = Counter(decision.labels.values())
    unreadable.sort(key=lambda left_out: left_out.name)
    return Gathered(
        decision=decision,
        held=held,
        names=ClassNames(controls, held),
        unreadable=tuple(unreadable),
        rule=rule,
        source=name,
        checked=isinstance(source, TaskSource) or source.live is not None,
    )


def _folder_reader(
    workspace: Workspace,
    folder: Path,
    controls: LabelingConfig,
    dataset: Path,
    regions: RegionBook | None,
) -> FolderReader:
    """Reads `folder`, but for the dataset that may lie in it."""
    ours = (dataset, sidecar_path(dataset), split_path(dataset))
    cache = workspace.folder / "cache" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if folder.is_dir():
        # Without the folder nothing is kept, and all is read again the next time.
        with contextlib.suppress(LabelpilotError):
            workspace.make_folder()
    return FolderReader(
        folder=folder,
        images=workspace.images.path,
        controls=controls,
        cache=cache,
        ignored=frozenset(file.name for file in ours if file.parent == folder),
        regions=regions,
    )


def _controls(workspace: Workspace, label_config: str | None) -> LabelingConfig:
    if label_config is None:
        file = workspace.project.label_config
        if not file.exists():
            return LabelingConfig()
        return read_labeling_config(file)
    return parse_labeling_config(label_config)


def _nothing(
    source: str, skipped: int, unreadable: list[Unreadable], missing: int
) -> LabelpilotError:
    causes = []
    if missing:
        causes.append(f"Label Studio has {missing:,} annotations that are not there.")
    if skipped:
        causes.append(f"{skipped:,} annotations were skipped, and say nothing.")
    if unreadable:
        first = min(unreadable, key=lambda left_out: left_out.name)
        causes.append(f"{len(unreadable):,} cannot be read; {first.name}: {first.reason}.")
    label = "Label some images first: `labelpilot open` gives the link."
    return LabelpilotError(
        f"There is no annotation in {source}; nothing was written.",
        cause=" ".join(causes),
        next_step=WRITE_ANEW if missing else label,
    )
