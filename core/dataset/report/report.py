"""The health report: what is wrong with a dataset, before it is trained on.

It reads the same annotations by the same rule as an export, and looks at them from all sides:
classes, people, time, agreement, files, and images that look alike. It writes nothing: `write`
does, as a page, as text or as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.dataset.class_names import ClassNames
from core.dataset.dataset import gather
from core.dataset.options import RULES, Rule
from core.dataset.reading.batch import LeftOut
from core.dataset.report.near_duplicates import NearDuplicates, find_near_duplicates
from core.dataset.report.statistics import Answer, Person, Statistics, agreement, together
from core.dataset.source import Named, Source
from core.errors import ConfigurationError
from core.images import Tag, is_inside, tag_of
from core.progress import Progress, Work
from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class Differing:
    """An image on which people differ: who said what, the oldest first."""

    tag: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class ClassAgreement:
    """Krippendorff's alpha of a class; None where nothing can be told."""

    name: str
    alpha: float | None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Everything the report shows.

    `classes` is class -> images, in config order, those without an image too; `together` are pairs
    of classes with how many images have both; `days` is day -> annotations. `alike` of
    `several` images with more than one annotation have the same classes from everybody.
    `without_file` are labeled images whose file is gone; `without_label` are files that nobody
    labeled, or None where the image folder cannot be looked into (then the former is unknown too).
    `classes_of` and `images_of` are by tag: classes, and the image's path with the id of the
    annotation that counts (below 0 for one without).
    """

    source: str
    rule: Rule
    images: int
    annotations: int
    skipped: int
    empty: int
    deleted: int
    unchecked: int
    missing: int
    unreadable: tuple[LeftOut, ...]
    classes: dict[str, int]
    together: tuple[tuple[str, str, int], ...]
    days: dict[str, int]
    people: tuple[Person, ...]
    several: int
    alike: int
    alpha: tuple[ClassAgreement, ...]
    differing: tuple[Differing, ...]
    without_file: tuple[str, ...]
    without_label: tuple[str, ...] | None
    near_duplicates: NearDuplicates
    classes_of: dict[str, tuple[str, ...]]
    images_of: dict[str, tuple[str, int]]

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        content = asdict(self)
        content["unreadable"] = [f"{one.name}: {one.reason}" for one in self.unreadable]
        del content["classes_of"], content["images_of"], content["near_duplicates"]
        content["look_alikes"] = self.near_duplicates.as_json()
        return content


def make_report(
    workspace: Workspace, source: Source | Named = "storage", *, rule: Rule | None = None
) -> Work[HealthReport]:
    """Look at the annotations of `source` from all sides. Raises what `gather` raises."""
    statistics = Statistics()
    out = workspace.annotations.dataset
    dataset = yield from gather(workspace, source, rule, out=out, on_records=statistics.add)
    decision, classes, paths = dataset.decision, dataset.classes(), dataset.paths()
    on_disk = yield from _on_disk(workspace)
    folder = workspace.images.path
    without_file, without_label = _held_against(on_disk, paths, folder)
    gone = set(without_file)
    # In a bucket there is no picture to look at.
    there = {} if workspace.images.bucket is not None else paths
    files = {t: folder / p for t, p in there.items() if t not in gone and is_inside(p)}
    near_duplicates = yield from find_near_duplicates(classes, files)
    several = statistics.several()
    agreed = agreement(several)
    return HealthReport(
        source=dataset.source,
        rule=dataset.rule,
        images=len(decision.tags),
        annotations=decision.annotations,
        skipped=decision.skipped,
        empty=dataset.empty,
        deleted=decision.deleted,
        unchecked=dataset.unchecked,
        missing=len(decision.missing),
        unreadable=dataset.unreadable,
        classes=dataset.class_counts(),
        together=together((dataset.names[labels], n) for labels, n in dataset.held.items()),
        days=statistics.days(),
        people=tuple(statistics.people()),
        several=agreed.images,
        alike=agreed.alike,
        alpha=_alphas(agreed.alpha, dataset.names),
        differing=_differing(several, dataset.names, workspace.images.tag),
        without_file=without_file,
        without_label=without_label,
        near_duplicates=near_duplicates,
        classes_of=classes,
        images_of={
            tag: (path, annotation)
            for (tag, path), annotation in zip(paths.items(), decision.chosen, strict=True)
        },
    )


def problems(report: HealthReport) -> list[str]:
    """What should be looked at first, a line each; none where all is well."""
    unused = sum(not images for images in report.classes.values())
    found = [
        ("Files that cannot be read, and are not in the dataset", len(report.unreadable)),
        ("Labeled images whose file is gone", len(report.without_file)),
        ("Annotations in Label Studio that the folder has not", report.missing),
        ("Annotations in the folder that are gone from Label Studio", report.deleted),
        ("Annotations that were not looked up in Label Studio", report.unchecked),
        (f"Images on which people differ ({RULES[report.rule]})", len(report.differing)),
        ("Pairs of images that look alike and differ", len(report.near_duplicates.pairs)),
        ("Classes of the labeling config that no image has", unused),
    ]
    return [f"{what}: {count:,}" for what, count in found if count]


def _alphas(
    alpha: Mapping[tuple[str, str], float | None], names: ClassNames
) -> tuple[ClassAgreement, ...]:
    """By class, in config order."""
    rank = {pair: number for number, pair in enumerate(names.by_pair)}
    ordered = sorted(alpha, key=lambda pair: (rank.get(pair, len(rank)), pair))
    return tuple(ClassAgreement(names.of_pair(pair), alpha[pair]) for pair in ordered)


def _differing(
    several: Mapping[str, Sequence[Answer]], names: ClassNames, tag_rule: Tag
) -> tuple[Differing, ...]:
    """The images of `several` (image -> its answers) on which people differ."""
    return tuple(
        Differing(
            tag_of(image, tag_rule),
            tuple((one.person, tuple(map(names.of_pair, one.labels))) for one in answers),
        )
        for image, answers in sorted(several.items())
        if len({one.labels for one in answers}) > 1
    )


def _on_disk(workspace: Workspace) -> Work[frozenset[str] | None]:
    """The images of the image folder; None where it cannot be looked into."""
    from core.tasks.kept_manifest import look_at_images

    try:
        manifest = yield from look_at_images(workspace)
    except ConfigurationError as error:
        yield Progress("scan", note=error.message)
        return None
    return frozenset(manifest.paths)


def _held_against(
    on_disk: frozenset[str] | None, paths: dict[str, str], folder: Path
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The tags of labeled images without a file, and the files that nobody labeled."""
    if on_disk is None:
        return (), None
    gone = [
        tag
        for tag, path in paths.items()
        if path not in on_disk and is_inside(path) and not _exists(folder / path)
    ]
    return tuple(sorted(gone)), tuple(sorted(on_disk.difference(paths.values())))


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:
        return False
