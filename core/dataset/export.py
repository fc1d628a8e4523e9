"""The export: from annotations to a dataset one can train on.

The one way in for the app and the command line. It reads a source, lets the rule decide, writes the
dataset at once or not at all, and says what was left out and why. Where there is nothing to write,
the dataset that is there stays.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.dataset.dataset import WRITE_ANEW, Dataset, gather, sidecar_path, split_path
from core.dataset.formats.dataset_json import write_sidecar
from core.dataset.formats.format import Format, find_format
from core.dataset.lost_images import lost_images
from core.dataset.options import RULES, FormatName, Rule
from core.dataset.reading.batch import LeftOut
from core.dataset.source import Named, Source
from core.errors import ConfigurationError
from core.files import refuse_other_than, sha256_of
from core.progress import Progress, Work
from core.words import count
from core.workspace.consents import may_write, may_write_as_named
from core.workspace.settings import Workspace
from core.workspace.toml_lines import FILE_NAME

if TYPE_CHECKING:
    from core.dataset.split import Part, Split


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export did, or would do.

    `path` is the dataset, or None where nothing was written; `images` is the number of its images;
    `classes` is class -> number of images, in config order, and `unused` are the classes of the
    labeling config that no image has; `empty` counts the images without any class.

    `annotations` counts those that went in, `skipped` those that were skipped, `deleted` those that
    are gone from Label Studio, and `unchecked` those that may be gone; `missing` are the ids of
    annotations that Label Studio has and `source` has not. `conflicts` are the tags of images whose
    annotations differ. `unreadable` are files that could not be read, and `left_out` images and
    regions that the format has no place for; `gone` are the paths of images that have no file any
    more, which a format that names files leaves out. `notes` are sentences on what is not as it was
    asked for.
    """

    path: Path | None
    images: int
    classes: dict[str, int]
    unused: tuple[str, ...]
    empty: int
    annotations: int
    skipped: int
    deleted: int
    unchecked: int
    missing: tuple[int, ...] = field(repr=False)
    conflicts: tuple[str, ...] = field(repr=False)
    unreadable: tuple[LeftOut, ...] = field(repr=False)
    left_out: tuple[LeftOut, ...] = field(repr=False)
    rule: Rule
    source: str
    seconds: float
    gone: tuple[str, ...] = field(default=(), repr=False)
    leaves_gone_out: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all that was labeled is in it, as far as that is known."""
        return not (self.unreadable or self.missing or self.gone)

    def differences(self) -> list[str]:
        """What is not as one would think, in sentences."""
        sentences = list(self.notes)
        if self.gone:
            shown = ", ".join(self.gone[:3]) + (" ..." if len(self.gone) > 3 else "")
            place = "are left out" if self.leaves_gone_out else "stay in the dataset"
            sentences.append(
                f"{len(self.gone):,} labeled images have no file any more, and {place}: {shown}. "
                "Bring them back, or remove their tasks."
            )
        if self.missing:
            sentences.append(
                f"Label Studio has {count(len(self.missing), 'annotation')} that {self.source} has "
                f"not. {WRITE_ANEW}"
            )
        if self.deleted:
            sentences.append(
                f"Left out as gone from Label Studio: {count(self.deleted, 'annotation')} in "
                f"{self.source}."
            )
        return sentences

    def as_json(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "path": None if self.path is None else str(self.path),
            "images": self.images,
            "classes": self.classes,
            "skipped": self.skipped,
            "unreadable": len(self.unreadable),
            "conflicts": len(self.conflicts),
            "seconds": round(self.seconds, 3),
            "left_out": len(self.left_out),
            "gone": len(self.gone),
        }


def export_dataset(
    workspace: Workspace,
    source: Source | Named = "storage",
    *,
    out: Path | None = None,
    format: FormatName = "json",
    rule: Rule | None = None,
    split: Split | None = None,
    rewrite: bool = False,
) -> Work[ExportResult]:
    """Write the dataset that `source` holds to `out` (None: where the workspace says).

    `format` is one of `options.FORMATS`; a `rule` of None is the workspace's. With a `split`, the
    parts are kept beside the workspace's dataset, the same for every format. With `rewrite`, Label
    Studio writes its folder anew first. Files that cannot be read are left out and named in the
    result; the rest is written.

    Raises ConfigurationError for an unknown format, and LabelpilotError where the disk refuses;
    what `gather` raises; and, with `rewrite`, what `open_project` and `rewrite_folder` raise. The
    dataset that was there stays then.
    """
    if rewrite:
        if source != "storage":
            raise ConfigurationError(
                "Only the target storage's folder can be written again.",
                next_step="Leave out `--rewrite`: from the API, nothing is missing.",
            )
        from core.dataset.target_sync import rewrite_folder
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            yield from rewrite_folder(opened)
    began = time.monotonic()
    chosen = find_format(format)
    rule = rule or workspace.annotations.rule
    if chosen.holds_regions and rule in ("union", "majority"):
        raise ConfigurationError(
            f"The format {format} holds regions, and those of several people cannot be merged.",
            next_step="Choose the rule latest, ground-truth or refuse.",
        )
    path = chosen.path(workspace) if out is None else _usable(workspace, out, chosen.is_folder)
    if out is None:
        may_write(workspace, path)
    for file in _files(workspace, path, split):
        # What lies in the folder of a file that may be written needs no consent of its own.
        if file == path or file.parent != path.parent or file.is_symlink():
            may_write_as_named(workspace, file)
    regions = None
    if chosen.holds_regions:
        from core.dataset.reading.regions import RegionBook

        regions = RegionBook()
    dataset = yield from gather(workspace, source, rule, out=path, regions=regions)
    if split is not None:
        dataset = replace(dataset, parts=_parts(workspace, dataset, split))
    dataset = _looked_for(dataset, chosen)
    images = len(dataset.decision.tags)
    yield Progress("write", 0, images)
    left_out = chosen.write(path, dataset)
    if split is not None:
        from core.dataset.split import write_parts

        write_parts(split_path(workspace.annotations.dataset), dataset.parts)
    if regions is not None:
        counts = regions.left_out.items()
        left_out += [LeftOut(f"{count:,} regions", reason) for reason, count in counts]
    result = _result(dataset, path, began, left_out)
    if chosen.names_files:
        result = replace(result, images=images - len(result.gone), leaves_gone_out=True)
    if split is not None:
        result = replace(result, notes=result.notes + _lacking_parts(dataset, split))
    write_sidecar(path, _facts(result, dataset, format))
    yield Progress("write", images, images)
    return replace(result, seconds=time.monotonic() - began)


def preview_dataset(
    workspace: Workspace, source: Source | Named = "storage", *, rule: Rule | None = None
) -> Work[ExportResult]:
    """What `export_dataset` would write, without writing it. `path` is None in the result."""
    began = time.monotonic()
    dataset = yield from gather(workspace, source, rule, out=workspace.annotations.dataset)
    return _result(_looked_for(dataset, find_format("json")), None, began, [])


def _looked_for(dataset: Dataset, format: Format) -> Dataset:
    """`dataset`, knowing which of its images have no file any more.

    Where none has one they lie elsewhere, unless the format can do nothing without them.
    """
    lost = lost_images(dataset.image_folder, dataset.decision.images)
    if len(lost) < len(dataset.decision.images) or format.needs_files:
        return replace(dataset, gone=lost)
    return replace(dataset, elsewhere=True)


def _result(
    dataset: Dataset, path: Path | None, began: float, left_out: list[LeftOut]
) -> ExportResult:
    """The result of an export to `path` that began at the monotonic time `began`."""
    decision, counts = dataset.decision, dataset.class_counts()
    return ExportResult(
        path=path,
        images=len(decision.tags),
        classes={name: images for name, images in counts.items() if images},
        unused=tuple(name for name, images in counts.items() if not images),
        empty=dataset.empty,
        annotations=decision.annotations,
        skipped=decision.skipped,
        deleted=decision.deleted,
        unchecked=dataset.unchecked,
        missing=decision.missing,
        conflicts=decision.conflicts,
        unreadable=dataset.unreadable,
        left_out=tuple(left_out),
        rule=dataset.rule,
        source=dataset.source,
        seconds=time.monotonic() - began,
        gone=tuple(sorted(dataset.gone)),
        notes=(f"No labeled image has a file in {dataset.image_folder}.",)
        if dataset.elsewhere
        else (),
    )


def _files(workspace: Workspace, path: Path, split: Split | None) -> list[Path]:
    """What an export to `path` writes there and beside it."""
    files = [path, sidecar_path(path)]
    if split is not None:
        from core.dataset.formats.coco import part_path
        from core.dataset.split import PARTS

        files.append(split_path(workspace.annotations.dataset))
        files += [part_path(path, part) for part in PARTS]
    return files


def _usable(workspace: Workspace, out: Path, is_folder: bool) -> Path:
    """`out`, if a dataset can be put there. Raises ConfigurationError where it cannot."""
    refuse_other_than(out, "folder" if is_folder else "file")
    ours = (workspace.root / FILE_NAME, workspace.project.label_config, workspace.learning.hooks)
    if os.path.realpath(out) in map(os.path.realpath, ours):
        raise ConfigurationError(
            f"{out} is a file of the workspace's own, which an export would replace.",
            next_step="Name another file with `--out`.",
        )
    return out


def _lacking_parts(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """What to say of a part that got no image."""
    held = {dataset.parts[tag] for tag in dataset.decision.tags}
    groups = len(set(split.groups(dataset.paths()).values()))
    images = count(len(dataset.decision.tags), "image")
    why = f"the pattern for groups puts all {images} into one group"
    few = f"there are {groups:,} to share out; label more, or choose another share"
    words = {"train": "training", "validation": "validation"}
    return tuple(
        f"No image is for {words[part]}: {why if split.group and groups == 1 else few}."
        for part in words
        if part not in held
    )


def _parts(workspace: Workspace, dataset: Dataset, split: Split) -> dict[str, Part]:
    """Tag -> part: those that were written before, and the split of what has come since."""
    from core.dataset.split import read_parts, split_images

    kept = read_parts(split_path(workspace.annotations.dataset))
    groups = split.groups(dataset.paths())
    return {**kept, **split_images(dataset.classes(), groups, split, kept)}


def _facts(result: ExportResult, dataset: Dataset, format: FormatName) -> dict[str, Any]:
    """What the file beside the dataset says."""
    path = result.path
    # A format may be a folder, or several files.
    digest = sha256_of(path) if path is not None and os.path.isfile(path) else None
    return {
        "format": format,
        "images": result.images,
        "annotations": result.annotations,
        "skipped": result.skipped,
        "conflicts": len(result.conflicts),
        "unreadable": [f"{one.name}: {one.reason}" for one in result.unreadable],
        "left_out": [f"{one.name}: {one.reason}" for one in result.left_out],
        "gone": list(result.gone),
        "deleted": result.deleted,
        "unchecked": result.unchecked,
        "missing": len(result.missing),
        "empty": result.empty,
        "rule": result.rule,
        "rule_in_words": RULES[result.rule],
        "source": result.source,
        "class_order": list(dataset.names.all),
        "classes": result.classes,
        "sha256": digest,
    }
