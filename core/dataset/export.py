"""The export: from annotations to a dataset one can train on.

The one way in for the app and the command line. It reads a source, lets the rule decide, writes the
dataset at once or not at all, and says what was left out and why. Where there is nothing to write,
the dataset that is there stays. It opens no connection: what Label Studio knows is handed in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.dataset.class_names import ClassNames
from core.dataset.content import Material
from core.dataset.formats.dataset_json import split_path, write_sidecar
from core.dataset.formats.format import find_format
from core.dataset.gathering import (
    WRITE_ANEW,
    AnnotationSource,
    FolderSource,
    Gathered,
    TaskSource,
    gather,
)
from core.dataset.options import RULES, FormatName, Rule
from core.dataset.reading.batch import Unreadable
from core.errors import ConfigurationError
from core.files import sha256_of
from core.progress import Progress, Work
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    from core.dataset.split import Part, Split

__all__ = [
    "AnnotationSource",
    "Details",
    "ExportResult",
    "FolderSource",
    "TaskSource",
    "export_dataset",
    "preview",
]


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

    def differences(self) -> list[str]:
        """What the target storage's folder lacks and has too much, in sentences."""
        said, details = [], self.details
        if details.missing:
            said.append(
                f"Label Studio has {len(details.missing):,} annotations that {details.source} has "
                f"not. {WRITE_ANEW}"
            )
        if details.deleted:
            said.append(
                f"Left out: {details.deleted:,} annotations in {details.source} that are gone from "
                "Label Studio."
            )
        return said

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
    format: FormatName = "json",
    rule: Rule = "latest",
    label_config: str | None = None,
    split: Split | None = None,
) -> Work[ExportResult]:
    """Write the dataset that `source` holds to `out` (None: where the workspace says).

    `format` is one of `options.FORMATS`; `label_config` is the project's labeling config (None: the
    workspace's file, if it is there). With a `split`, the parts are kept beside the workspace's
    dataset, the same for every format. Files that cannot be read are left out and named in the
    result; the rest is written.

    Raises ConfigurationError for an unknown format or rule, a missing folder, a broken labeling
    config or two images with one tag; LabelpilotError where there is no annotation, the rule
    refuses, or the disk does. The dataset that was there stays then.
    """
    began = time.monotonic()
    chosen = find_format(format)
    if chosen.holds_regions and rule in ("union", "majority"):
        raise ConfigurationError(
            f"The format {format} holds regions, and those of several people cannot be merged.",
            next_step="Choose the rule latest, ground-truth or refuse.",
        )
    path = chosen.path(workspace) if out is None else out
    regions = None
    if chosen.holds_regions:
        from core.dataset.reading.region_book import RegionBook

        regions = RegionBook()
    gathered = yield from gather(
        workspace, source, rule, label_config, dataset=path, regions=regions
    )
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
        from core.dataset.split import write_parts

        write_parts(split_path(workspace.annotations.dataset), material.parts)
    if regions is not None:
        counts = regions.left_out.items()
        left_out += [Unreadable(f"{count:,} regions", reason) for reason, count in counts]
    result = _result(gathered, path, began, left_out)
    # A format may be a folder, or several files.
    digest = sha256_of(path) if path.is_file() else None
    write_sidecar(path, _facts(result, gathered.names, format, digest))
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
    dataset = workspace.annotations.dataset
    gathered = yield from gather(workspace, source, rule, label_config, dataset=dataset)
    return _result(gathered, None, began)


def _result(
    gathered: Gathered, path: Path | None, began: float, left_out: Iterable[Unreadable] = ()
) -> ExportResult:
    """The result of an export to `path` that began at the monotonic time `began`."""
    decision, classes = gathered.decision, gathered.classes()
    return ExportResult(
        path=path,
        images=len(decision.tags),
        classes={name: images for name, images in classes.items() if images},
        skipped=decision.skipped,
        unreadable=len(gathered.unreadable),
        conflicts=len(decision.conflicts),
        seconds=time.monotonic() - began,
        details=Details(
            rule=gathered.rule,
            source=gathered.source,
            unreadable=gathered.unreadable,
            left_out=tuple(left_out),
            conflicts=decision.conflicts,
            missing=decision.missing,
            unused=tuple(name for name, images in classes.items() if not images),
            annotations=decision.annotations,
            deleted=decision.deleted,
            unchecked=0 if gathered.checked else decision.annotations + decision.skipped,
            empty=gathered.held[()],
        ),
    )


def _parts(workspace: Workspace, gathered: Gathered, split: Split) -> dict[str, Part]:
    """Tag -> part: those that were written before, and the split of what has come since."""
    from core.dataset.split import read_parts, split_images

    decision = gathered.decision
    images = dict(zip(decision.labels, decision.images, strict=True))
    classes = {tag: gathered.names[labels] for tag, labels in decision.labels.items()}
    kept = read_parts(split_path(workspace.annotations.dataset))
    return {**kept, **split_images(classes, split.groups(images), split, kept)}


def _facts(
    result: ExportResult, names: ClassNames, format: FormatName, digest: str | None
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
        "rule_in_words": RULES[details.rule],
        "source": details.source,
        "class_order": list(names.all),
        "classes": result.classes,
        "sha256": digest,
    }
