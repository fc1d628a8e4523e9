"""A dataset, decided from annotations, before anything of it is written.

What an export and a report have in common: a source is read, the rule decides, and what was left
out is kept with its reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.dataset.class_names import ClassNames
from core.dataset.options import RULES, Rule
from core.dataset.reading.batch import Batch, Columns, LeftOut
from core.dataset.reading.reader import FolderReader, read_file, read_tasks
from core.dataset.reading.records import Interpreter, Labels
from core.dataset.rules import Decision, Tally
from core.dataset.source import (
    ASKING,
    FileSource,
    FolderSource,
    Named,
    Source,
    TaskSource,
    open_source,
)
from core.errors import LabelpilotError
from core.labeling_config import LabelingConfig, parse_labeling_config, read_labeling_config
from core.names import known_name
from core.progress import Progress, Work
from core.words import count
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    from core.dataset.reading.regions import Region, RegionBook
    from core.dataset.split import Part

# Why an image is left out in which regions were drawn, and none that could be written.
NO_BACKGROUND = "regions were drawn in it and none can be written, so it is no empty image"
WRITE_ANEW = "Have Label Studio write the folder again: `labelpilot export --rewrite`."


@dataclass(frozen=True, slots=True)
class DatasetImage:
    """One image of a dataset. `path` is relative to the image folder; `part` may be None.

    `annotation` is the id of the annotation that won (below 0 for one without).
    """

    tag: str
    path: str
    classes: tuple[str, ...]
    part: Part | None
    annotation: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A decided dataset.

    `held` counts the images that have the same labels, and `names` says what those are called;
    `source` says where the annotations came from, and `checked` whether they are known to be in
    Label Studio still. `parts` is tag -> part, and empty where the dataset is not split; `regions`
    are None where nobody asked for them. `gone` are the paths of images that have no file any more,
    as far as that was asked; `elsewhere` says that none has one in the image folder.
    """

    decision: Decision
    names: ClassNames
    held: Counter[Labels]
    unreadable: tuple[LeftOut, ...]
    rule: Rule
    source: str
    checked: bool
    image_folder: Path
    regions: RegionBook | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    elsewhere: bool = False

    @property
    def empty(self) -> int:
        """How many images have none of the classes."""
        return self.held[()]

    @property
    def unchecked(self) -> int:
        """How many annotations may be gone from Label Studio."""
        return 0 if self.checked else self.decision.annotations + self.decision.skipped

    def class_counts(self) -> dict[str, int]:
        """Class -> number of images, in config order; 0 for those that no image has."""
        counts = dict.fromkeys(self.names.all, 0)
        for labels, images in self.held.items():
            for name in self.names[labels]:
                counts[name] += images
        return counts

    def classes(self) -> dict[str, tuple[str, ...]]:
        """Tag -> its classes, sorted by tag."""
        labels = self.decision.labels
        return {tag: self.names[labels[tag]] for tag in self.decision.tags}

    def paths(self) -> dict[str, str]:
        """Tag -> the image's path relative to the image folder, in no order."""
        return dict(zip(self.decision.labels, self.decision.images, strict=True))

    def images(self) -> Iterator[DatasetImage]:
        """Every image that is not gone, sorted by tag."""
        decision = self.decision
        rows = {tag: row for row, tag in enumerate(decision.labels)}
        for tag in decision.tags:
            path, annotation = decision.images[rows[tag]], decision.chosen[rows[tag]]
            if path in self.gone:
                continue
            classes = self.names[decision.labels[tag]]
            yield DatasetImage(tag, path, classes, self.parts.get(tag), annotation)

    def image_classes(self, image: DatasetImage) -> list[str]:
        """The classes of `image` as a whole, which no region of it has to show."""
        of_regions = set(self.names.of_regions)
        return [name for name in image.classes if name not in of_regions]

    def is_incomplete(self, image: DatasetImage) -> bool:
        """Whether regions were drawn in `image` that have no class or no form in pixels."""
        return self.regions is not None and (image.annotation, image.path) in self.regions.lacking

    def regions_of(self, image: DatasetImage) -> list[tuple[str, Region]]:
        """The regions of `image`, each with the name of its class."""
        if self.regions is None:
            return []
        return [
            (self.names.by_pair[region.control, region.name], region)
            for region in self.regions.of(image.annotation, image.path)
        ]


def sidecar_path(dataset: Path) -> Path:
    """The file beside `dataset` that says how it was made: `dataset.meta.json`.

    Another format's has its own: `dataset.csv.meta.json`.
    """
    name = dataset.stem if dataset.suffix == ".json" else dataset.name
    return dataset.with_name(f"{name}.meta.json")


def split_path(dataset: Path) -> Path:
    """The file beside `dataset` that keeps which image is in which part: `dataset.split.json`."""
    return dataset.with_name(f"{dataset.stem}.split.json")


def gather(
    workspace: Workspace,
    source: Source | Named,
    rule: Rule | None,
    *,
    out: Path,
    regions: RegionBook | None = None,
    on_records: Callable[[Columns], None] | None = None,
) -> Work[Dataset]:
    """Read `source`, which is opened where only its name is given, and let `rule` decide.

    A rule of None is the workspace's own.

    `out` is where the dataset lies or will lie: where that is the annotations folder, it is not
    read. Regions are added to `regions`, and `on_records` gets all records that count as they come.

    Raises ConfigurationError for an unknown rule, a missing folder, a broken labeling config or two
    images with one tag; LabelpilotError where there is no annotation or the rule refuses; and, of a
    source that is opened here, what `open_source` raises.
    """
    rule = known_name("rule", rule or workspace.annotations.rule, RULES)
    if isinstance(source, (str, Path)):
        if isinstance(source, str):
            yield Progress("ask", note=ASKING)
        with open_source(workspace, source) as opened:
            return (
                yield from gather(
                    workspace, opened, rule, out=out, regions=regions, on_records=on_records
                )
            )
    config = _config(workspace, None if isinstance(source, FileSource) else source.label_config)
    interpreter = Interpreter(config, workspace.images.path)
    tally = Tally(source.live if isinstance(source, FolderSource) else None)
    batches: Generator[Batch, None, None]
    if isinstance(source, FolderSource):
        if source.note:
            yield Progress("ask", note=source.note)
        name = workspace.relative(source.path)
        batches = _folder_reader(workspace, source.path, config, out, regions).batches()
    elif isinstance(source, FileSource):
        name = workspace.relative(source.path)
        batches = read_file(source.path, interpreter, regions)
    else:
        name = "Label Studio's API"
        batches = read_tasks(source.tasks, interpreter, total=source.total, regions=regions)
    unreadable: list[LeftOut] = []
    yield Progress("read")
    with contextlib.closing(batches):
        for batch in batches:
            live = tally.add(batch.records)
            if on_records is not None:
                on_records(live)
            unreadable.extend(batch.unreadable)
            yield Progress("read", batch.done, batch.total)
    unreadable.sort(key=lambda left_out: left_out.name)
    if not len(tally):
        raise _nothing(name, isinstance(source, FileSource), tally, unreadable)
    folder = workspace.images.path
    decision = tally.decide(
        rule, workspace.images.tag, lambda path: os.path.lexists(os.path.join(folder, path))
    )
    held = Counter(decision.labels.values())
    return Dataset(
        decision=decision,
        names=ClassNames(config, held, regions.pairs if regions is not None else frozenset()),
        held=held,
        unreadable=tuple(unreadable),
        rule=rule,
        source=name,
        checked=isinstance(source, TaskSource)
        or (isinstance(source, FolderSource) and source.live is not None),
        image_folder=workspace.images.path,
        regions=regions,
    )


def _folder_reader(
    workspace: Workspace,
    folder: Path,
    config: LabelingConfig,
    out: Path,
    regions: RegionBook | None,
) -> FolderReader:
    """Reads `folder`, but for the dataset that may lie in it."""
    ours = (out, sidecar_path(out), split_path(out))
    if os.path.isdir(folder):
        # Without the folder nothing is kept, and all is read again the next time.
        with contextlib.suppress(LabelpilotError):
            workspace.state.make()
    return FolderReader(
        folder=folder,
        images=workspace.images.path,
        config=config,
        cache=workspace.state.cache / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16],
        ignored=frozenset(file.name for file in ours if file.parent == folder),
        regions=regions,
    )


def _config(workspace: Workspace, label_config: str | None) -> LabelingConfig:
    if label_config is not None:
        return parse_labeling_config(label_config)
    file = workspace.project.label_config
    return read_labeling_config(file) if os.path.exists(file) else LabelingConfig()


def _nothing(
    source: str, is_file: bool, tally: Tally, unreadable: list[LeftOut]
) -> LabelpilotError:
    causes = []
    if tally.missing:
        causes.append(f"Label Studio has {count(tally.missing, 'annotation')} more than lie there.")
    if tally.skipped:
        causes.append(f"{count(tally.skipped, 'image')} skipped, and so without a label.")
    if unreadable:
        first = unreadable[0]
        causes.append(f"{len(unreadable):,} cannot be read; {first.name}: {first.reason}.")
    if is_file:
        next_step = "Name an export of Label Studio's, as JSON, that holds annotations."
    elif tally.missing or unreadable:
        next_step = WRITE_ANEW
    else:
        next_step = "Label some images first: `labelpilot open` gives the link."
    return LabelpilotError(
        f"There is no annotation in {source}; nothing was written.",
        cause=" ".join(causes),
        next_step=next_step,
    )
