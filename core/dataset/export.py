"""The export: from annotations to a dataset one can train on.

The one way in for the app and the command line. It reads a source, lets the rule decide, writes the
dataset at once or not at all, and says what was left out and why. Where there is nothing to write,
the dataset that is there stays. It opens no connection: what Label Studio knows is handed in.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from core.dataset.controls import Controls, read_controls
from core.dataset.formats import find_format
from core.dataset.interpreting import Unreadable
from core.dataset.material import Material
from core.dataset.naming import ClassNames
from core.dataset.readers import FolderReader, read_tasks
from core.dataset.records import Interpreter, Labels
from core.dataset.rules import RULE_WORDS, Decision, Rule, Tally
from core.dataset.writers import sha256, sidecar_path, write_sidecar
from core.errors import ConfigurationError, LabelpilotError
from core.labeling_config import read_labeling_config
from core.progress import Progress, Work
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.dataset.region_book import RegionBook
    from core.dataset.split import Part, Split


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
class Details:
    """What the counts of an export stand for.

    `left_out` are images and regions that the format has no place for; `annotations` counts those
    that went in, `deleted` those that are gone from Label Studio, and `unchecked` those that may be
    gone; `missing` are the ids of annotations that Label Studio has and the folder has not;
    `unused` are classes of the labeling config that no image has; `empty` counts the images without
    any class.
    """

    rule: Rule
    source: str
    unreadable: tuple[Unreadable, ...] = ()
    left_out: tuple[Unreadable, ...] = ()
    conflicts: tuple[str, ...] = ()
    missing: tuple[int, ...] = ()
    unused: tuple[str, ...] = ()
    annotations: int = 0
    deleted: int = 0
    unchecked: int = 0
    empty: int = 0


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export did, or would do.

    `path` is the dataset, or None where nothing was written; `images` is the number of tags;
    `classes` is class -> number of images, in config order; `skipped` counts skipped annotations,
    `unreadable` the files left out, `conflicts` the images whose annotations differ.
    """

    path: Path | None
    images: int
    classes: dict[str, int]
    skipped: int
    unreadable: int
    conflicts: int
    seconds: float
    details: Details = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "path": None if self.path is None else str(self.path),
            "images": self.images,
            "classes": self.classes,
            "skipped": self.skipped,
            "unreadable": self.unreadable,
            "conflicts": self.conflicts,
            "seconds": round(self.seconds, 3),
        }


def export_dataset(
    workspace: Workspace,
    source: AnnotationSource,
    *,
    out: Path | None = None,
    format: str = "json",
    rule: Rule = "latest",
    label_config: str | None = None,
    split: Split | None = None,
) -> Work[ExportResult]:
    """Write the dataset that `source` holds to `out` (None: where the workspace says).

    `format` is one of `formats.FORMATS`; `label_config` is the project's labeling config (None: the
    workspace's file, if it is there). With a `split`, the parts are kept beside the workspace's
    dataset, the same for every format. Files that cannot be read are left out and named in the
    result; the rest is written.

    Raises ConfigurationError for an unknown format or rule, a missing folder, a broken labeling
    config or two images with one tag; LabelpilotError where there is no annotation, the rule
    refuses, or the disk does. The dataset that was there stays then.
    """
    began = time.monotonic()
    chosen = find_format(format)
    if chosen.holds_regions and rule not in ("latest", "refuse"):
        raise ConfigurationError(
            f"The format {format} holds regions, and those of several people cannot be merged.",
            next_step="Choose the rule latest, or refuse.",
        )
    path = chosen.path(workspace) if out is None else out
    regions = None
    if chosen.holds_regions:
        from core.dataset.region_book import RegionBook

        regions = RegionBook()
    gathered = yield from _gather(workspace, source, rule, label_config, path, regions)
    images = len(gathered.decision.tags)
    yield Progress("write", 0, images)
    material = Material(
        decision=gathered.decision,
        names=gathered.names,
        image_folder=workspace.images.path,
        parts={} if split is None else _parts(workspace, gathered, split),
        regions=regions,
    )
    left_out = chosen.write(path, material)
    if split is not None:
        from core.dataset.split import split_path, write_parts

        write_parts(split_path(workspace.annotations.dataset), material.parts)
    if regions is not None:
        counts = regions.left_out.items()
        left_out += [Unreadable(f"{count:,} regions", reason) for reason, count in counts]
    result = gathered.result(path, began, left_out)
    write_sidecar(path, _facts(result, gathered.names, format, sha256(path)))
    yield Progress("write", images, images)
    return replace(result, seconds=time.monotonic() - began)


def preview(
    workspace: Workspace,
    source: AnnotationSource,
    *,
    rule: Rule = "latest",
    label_config: str | None = None,
) -> Work[ExportResult]:
    """What `export_dataset` would write, without writing it. `path` is None in the result."""
    began = time.monotonic()
    gathered = yield from _gather(
        workspace, source, rule, label_config, workspace.annotations.dataset, None
    )
    return gathered.result(None, began, [])


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Everything that is to be written."""

    decision: Decision
    held: Counter[Labels]
    names: ClassNames
    unreadable: tuple[Unreadable, ...]
    rule: Rule
    source: str
    checked: bool

    def result(self, path: Path | None, began: float, left_out: list[Unreadable]) -> ExportResult:
        """The result of an export to `path` that began at the monotonic time `began`."""
        decision = self.decision
        counts: Counter[str] = Counter()
        for labels, images in self.held.items():
            for name in self.names[labels]:
                counts[name] += images
        return ExportResult(
            path=path,
            images=len(decision.tags),
            classes={name: counts[name] for name in self.names.all if counts[name]},
            skipped=decision.skipped,
            unreadable=len(self.unreadable),
            conflicts=len(decision.conflicts),
            seconds=time.monotonic() - began,
            details=Details(
                rule=self.rule,
                source=self.source,
                unreadable=self.unreadable,
                left_out=tuple(left_out),
                conflicts=decision.conflicts,
                missing=decision.missing,
                unused=tuple(name for name in self.names.all if not counts[name]),
                annotations=decision.annotations,
                deleted=decision.deleted,
                unchecked=0 if self.checked else decision.annotations + decision.skipped,
                empty=self.held[()],
            ),
        )


def _gather(
    workspace: Workspace,
    source: AnnotationSource,
    rule: Rule,
    label_config: str | None,
    path: Path,
    regions: RegionBook | None,
) -> Work[_Gathered]:
    if rule not in RULE_WORDS:
        raise ConfigurationError(
            f"The rule {rule!r} is not known.", next_step=f"Known: {', '.join(RULE_WORDS)}."
        )
    controls = _controls(workspace, label_config)
    if isinstance(source, FolderSource):
        name = workspace.relative(source.path)
        batches = _folder_reader(workspace, source.path, controls, path, regions).batches()
        tally = Tally(source.live)
    else:
        name = "Label Studio's API"
        interpreter = Interpreter(controls, workspace.images.path)
        batches = read_tasks(source.tasks, interpreter, total=source.total, regions=regions)
        tally = Tally()
    unreadable: list[Unreadable] = []
    yield Progress("read")
    for batch in batches:
        tally.add(batch.records)
        unreadable.extend(batch.unreadable)
        yield Progress("read", batch.done, batch.total)
    if not len(tally):
        raise _nothing(name, tally.skipped, unreadable)
    decision = tally.decide(rule, workspace.images.tag)
    held = Counter(decision.labels.values())
    unreadable.sort(key=lambda left_out: left_out.name)
    return _Gathered(
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
    controls: Controls,
    dataset: Path,
    regions: RegionBook | None,
) -> FolderReader:
    """Reads `folder`, but for the dataset that may lie in it."""
    ours = (dataset, sidecar_path(dataset), dataset.with_name(f"{dataset.stem}.split.json"))
    cache = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return FolderReader(
        folder=folder,
        images=workspace.images.path,
        controls=controls,
        ignored=frozenset(file.name for file in ours if file.parent == folder),
        cache=workspace.make_folder() / "cache" / f"annotations-{cache}",
        regions=regions,
    )


def _parts(workspace: Workspace, gathered: _Gathered, split: Split) -> dict[str, Part]:
    """Tag -> part: those that were written before, and the split of what has come since."""
    from core.dataset.split import read_parts, split_images, split_path

    decision = gathered.decision
    images = dict(zip(decision.labels, decision.images, strict=True))
    classes = {tag: gathered.names[labels] for tag, labels in decision.labels.items()}
    kept = read_parts(split_path(workspace.annotations.dataset))
    return {**kept, **split_images(classes, split.groups(images), split, kept)}


def _controls(workspace: Workspace, label_config: str | None) -> Controls:
    if label_config is None:
        file = workspace.project.label_config
        if not file.exists():
            return Controls()
        label_config = read_labeling_config(file).text
    return read_controls(label_config)


def _nothing(source: str, skipped: int, unreadable: list[Unreadable]) -> LabelpilotError:
    causes = []
    if skipped:
        causes.append(f"{skipped:,} annotations were skipped, and say nothing.")
    if unreadable:
        first = min(unreadable, key=lambda left_out: left_out.name)
        causes.append(f"{len(unreadable):,} cannot be read; {first.name}: {first.reason}.")
    return LabelpilotError(
        f"There is no annotation in {source}; nothing was written.",
        cause=" ".join(causes),
        next_step="Label some images first: `labelpilot open` gives the link. "
        "Annotations that were imported reach a target storage only when it is synced.",
    )


def _facts(
    result: ExportResult, names: ClassNames, format: str, digest: str | None
) -> dict[str, Any]:
    """What the file beside the dataset says."""
    details = result.details
    return {
        "format": format,
        "images": result.images,
        "annotations": details.annotations,
        "skipped": result.skipped,
        "conflicts": result.conflicts,
        "unreadable": [f"{one.name}: {one.reason}" for one in details.unreadable],
        "left_out": [f"{one.name}: {one.reason}" for one in details.left_out],
        "deleted": details.deleted,
        "unchecked": details.unchecked,
        "missing": len(details.missing),
        "empty": details.empty,
        "rule": details.rule,
        "rule_in_words": RULE_WORDS[details.rule],
        "source": details.source,
        "class_order": list(names.all),
        "classes": result.classes,
        "sha256": digest,
    }
