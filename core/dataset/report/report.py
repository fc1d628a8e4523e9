"""The health report: what is wrong with a dataset, before it is trained on.

It reads the same annotations by the same rule as an export, and looks at them from all sides:
classes, people, time, agreement, files, and images that look alike. It writes nothing; the faces
`report_text` and `report_html` show it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.dataset.gathering import AnnotationSource, Gathered, gather
from core.dataset.options import RULES, Rule
from core.dataset.reading.batch import Unreadable
from core.dataset.report.near_duplicates import Found, by_picture
from core.dataset.report.statistics import Agreement, Person, Statistics, agreement, together
from core.errors import ConfigurationError
from core.images import is_inside, tag_of
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
class Report:
    """Everything the report shows.

    `classes` is class -> images, in config order, those without an image too; `together` are pairs
    of classes with how many images have both; `days` is day -> annotations. `alike` of
    `several` images with more than one annotation have the same classes from everybody.
    `without_file` are labeled images whose file is gone; `without_label` are files that nobody
    labeled, or None where the image folder cannot be looked into (then the former is unknown too).
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
    unreadable: tuple[Unreadable, ...]
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
    look_alikes: Found
    classes_of: dict[str, tuple[str, ...]]

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        content = asdict(self)
        content["unreadable"] = [f"{one.name}: {one.reason}" for one in self.unreadable]
        del content["classes_of"]
        return content


def make_report(
    workspace: Workspace,
    source: AnnotationSource,
    *,
    rule: Rule = "latest",
    label_config: str | None = None,
) -> Work[Report]:
    """Look at the annotations of `source` from all sides.

    Raises as `core.dataset.export.export_dataset` does.
    """
    statistics = Statistics()
    dataset = workspace.annotations.dataset
    gathered = yield from gather(
        workspace, source, rule, label_config, dataset=dataset, statistics=statistics
    )
    decision, names = gathered.decision, gathered.names
    classes_of = {tag: names[decision.labels[tag]] for tag in decision.tags}
    paths = dict(zip(decision.labels, decision.images, strict=True))
    on_disk = yield from _on_disk(workspace)
    without_file, without_label = _held_against(on_disk, paths, workspace.images.path)
    gone = set(without_file)
    folder = workspace.images.path
    files = {t: folder / p for t, p in paths.items() if t not in gone and is_inside(p)}
    look_alikes = yield from by_picture(classes_of, files)
    several = statistics.several()
    agreed = agreement(several)
    tag_rule = workspace.images.tag
    return Report(
        source=gathered.source,
        rule=rule,
        images=len(decision.tags),
        annotations=decision.annotations,
        skipped=decision.skipped,
        empty=gathered.held[()],
        deleted=decision.deleted,
        unchecked=0 if gathered.checked else decision.annotations + decision.skipped,
        missing=len(decision.missing),
        unreadable=gathered.unreadable,
        classes=gathered.classes(),
        together=tuple(
            (first, second, images)
            for (first, second), images in together(
                (names[labels], images) for labels, images in gathered.held.items()
            ).items()
        ),
        days=statistics.days(),
        people=tuple(statistics.people()),
        several=len(several),
        alike=agreed.alike if agreed is not None else 0,
        alpha=_alphas(agreed, gathered),
        differing=tuple(
            Differing(
                tag_of(image, tag_rule),
                tuple((a.person, _names(a.labels, gathered)) for a in several[image]),
            )
            for image in sorted(several)
            if len({answer.labels for answer in several[image]}) > 1
        ),
        without_file=without_file,
        without_label=without_label,
        look_alikes=look_alikes,
        classes_of=classes_of,
    )


def problems(report: Report) -> list[str]:
    """What should be looked at first, a line each; none where all is well."""
    unused = sum(not images for images in report.classes.values())
    found = [
        ("Files that cannot be read, and are not in the dataset", len(report.unreadable)),
        ("Labeled images whose file is gone", len(report.without_file)),
        ("Annotations in Label Studio that the folder has not", report.missing),
        ("Annotations in the folder that are gone from Label Studio", report.deleted),
        ("Annotations that were not looked up in Label Studio", report.unchecked),
        (f"Images on which people differ ({RULES[report.rule]})", len(report.differing)),
        ("Pairs of images that look alike and differ", len(report.look_alikes.pairs)),
        ("Classes of the labeling config that no image has", unused),
    ]
    return [f"{what}: {count:,}" for what, count in found if count]


def _names(labels: Iterable[tuple[str, str]], gathered: Gathered) -> tuple[str, ...]:
    """Names of labels that may have lost against others, and so are not in the dataset."""
    known = gathered.names.by_pair
    return tuple(known.get(pair, pair[1]) for pair in labels)


def _alphas(agreed: Agreement | None, gathered: Gathered) -> tuple[ClassAgreement, ...]:
    if agreed is None:
        return ()
    known = gathered.names.by_pair
    place = {pair: number for number, pair in enumerate(known)}
    ordered = sorted(agreed.alpha, key=lambda pair: (place.get(pair, len(place)), pair))
    return tuple(ClassAgreement(known.get(pair, pair[1]), agreed.alpha[pair]) for pair in ordered)


def _on_disk(workspace: Workspace) -> Work[frozenset[str] | None]:
    """The images of the image folder; None where it cannot be looked into."""
    from core.tasks.manifest import scan_images

    try:
        manifest = yield from scan_images(workspace.images)
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
