"""From annotations to records: what one annotation says of one image.

The one place that knows which key of a task holds the image, and which results are classes of it.
Files and the API both end here, in the same records. A record knows nothing of other annotations of
the same image: `rules` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import UNSET

from core.dataset.reading.schema import (
    CLASS_KEYS,
    Annotation,
    Document,
    Named,
    NotReadable,
    Person,
    Result,
    Task,
    Value,
)
from core.images import ImagePaths, is_image_url
from core.labeling_config import REGION_CLASSES, SEPARATOR, UNDEFINED_KEY, LabelingConfig

# (control, class) pairs, in config order.
Labels = tuple[tuple[str, str], ...]

# Those, and the shapes that `labels` give a class to.
_REGIONS = REGION_CLASSES | frozenset(
    "rectangle polygon brush keypoint ellipse bitmask vector".split()
)
# Results of these types are about the image, unless they share a region's id.
_ANSWERS = frozenset(("choices", "taxonomy", "rating", "pairwise"))
# Stands before each part of a class that the labeling config does not offer, where a slash between
# the parts would not tell it from others.
_PART = "\x1f"
_AMBIGUOUS = "several images, and no labeling config that tells which one is meant"
# More sets of classes than this are not remembered: they would hardly be met again.
_MOST_REMEMBERED = 100_000


class Record(NamedTuple):
    """One annotation of one image.

    `image` is its path relative to the image folder; `annotation` is its number, below 0 where it
    has none (the same each time, and no other's); `moment` is the time of the last change, in
    seconds since 1970; `person` is an e-mail address, or an account's number, or empty. Equal
    `labels` are one object.
    """

    image: str
    annotation: int
    labels: Labels
    cancelled: bool
    ground_truth: bool
    moment: float
    person: str


# A record without its name: what a hundred thousand are made as, in a third of the time.
Row = tuple[str, int, Labels, bool, bool, float, str]


class Interpreter:
    """Makes records of what Label Studio wrote, by the project's labeling config.

    `images` is the image folder. Labels and people that were seen are remembered, so that equal
    ones are one object.
    """

    def __init__(self, config: LabelingConfig, images: Path) -> None:
        self._controls = {control.name: control for control in config.classifying()}
        self._images = config.labeled_images()
        self._image_paths = ImagePaths(images)
        self._rank = {pair: number for number, pair in enumerate(config.classes())}
        self._control_rank = {name: number for number, name in enumerate(self._controls)}
        self._labels: dict[Labels, Labels] = {(): ()}
        # Most projects show one image in a task. Where one does, these controls speak of it.
        only = self._images[0] if len(self._images) == 1 and not self._images[0].several else None
        self._only_key = only.key if only is not None else ""
        self._plain_controls = {
            control.name: control.type
            for control in self._controls.values()
            if only is not None
            and control.to_names == (only.name,)
            and not control.per_region
            and control.type not in ("rating", "pairwise")
        }
        self._offered = {
            (control.name, path): name
            for control in self._controls.values()
            for name, path in zip(control.classes, control.paths, strict=True)
        }
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._labels_by_answers: dict[object, Labels] = {}
        self._people: dict[str, str] = {}

    def document(self, document: Document) -> list[Row]:
        """The records of a file in either shape. Raises NotReadable where it has neither."""
        task = document.task
        if document.annotations is not UNSET:
            return self.task(Task(document.id, document.data, document.annotations))
        if not isinstance(document.result, list):
            raise NotReadable("no annotation of Label Studio")
        if not isinstance(task, Task):
            raise NotReadable("an annotation without its task")
        return self._rows(document, task.data or {})

    def task(self, task: Task) -> list[Row]:
        """The records of a task with its annotations. Raises NotReadable without them."""
        if task.annotations is UNSET:
            raise NotReadable("a task without its annotations")
        data = task.data or {}
        return [row for annotation in task.annotations for row in self._rows(annotation, data)]

    def _rows(self, annotation: Annotation, data: dict[str, Any]) -> list[Row]:
        results, by, at = annotation.result, annotation.completed_by, annotation.updated_at
        if not isinstance(results, list):
            raise NotReadable("an annotation without its result")
        number = -1 if annotation.id is None else annotation.id
        truth = annotation.ground_truth is True
        moment = at.timestamp() if at is not None else 0.0
        person = (by.email or str(by.id or "")) if isinstance(by, Person) else str(by or "")
        person = self._people.setdefault(person, person)
        cancelled = annotation.was_cancelled is True
        if cancelled:
            # What was clicked before it was skipped is still there, and was not meant.
            results = []
        # Most annotations are of one image, and say what another has said before.
        answers, url = self._plain_answers(results), data.get(self._only_key)
        try:
            labels = self._labels_by_answers.get(answers)
        except TypeError:
            # Choices inside choices are lists.
            answers = labels = None
        if labels is not None and isinstance(url, str):
            return [(self._path(url), number, labels, cancelled, truth, moment, person)]
        rows: list[Row] = [
            (image, number, self._shared(pairs), cancelled, truth, moment, person)
            for image, pairs in self._labels_by_image(results, data).items()
        ]
        if answers is not None and len(rows) == 1:
            if len(self._labels_by_answers) > _MOST_REMEMBERED:
                self._labels_by_answers.clear()
            self._labels_by_answers[answers] = rows[0][2]
        return rows

    def regions(
        self, annotation: Annotation, data: dict[str, Any]
    ) -> Iterator[tuple[str, Result, list[str]]]:
        """Each region of `annotation`, with its image and its classes, which may be none."""
        shown, results = self._shown(data), annotation.result or ()
        # A shape's class can stand in a result of its own, which has the shape's id and its place.
        named = {result.id for result in results if result.type in REGION_CLASSES}
        for result in results:
            if result.value is None or result.type not in _REGIONS:
                continue
            if result.type in REGION_CLASSES or result.id is None or result.id not in named:
                names = self._names(result, result.value) if result.type in REGION_CLASSES else ()
                for image in self._targets(result, shown):
                    yield image, result, list(names or ())

    def _plain_answers(self, results: list[Result]) -> tuple[object, ...] | None:
        """What `results` say, in their own order; None where that takes a closer look."""
        if len(results) == 1:
            return self._plain_answer(results[0])
        answers = [self._plain_answer(result) for result in results]
        return None if None in answers else tuple(answers)

    def _plain_answer(self, result: Result) -> tuple[object, ...] | None:
        """The control and the classes of one result; None where that takes a closer look."""
        name, kind, value = result.from_name, result.type, result.value
        if self._plain_controls.get(name) != kind or value is None or result.item_index is not None:
            return None
        names = getattr(value, kind)
        if names is None or (value.x is not None and kind in _ANSWERS):
            return None
        return (name, *names)

    def _labels_by_image(
        self, results: list[Result], data: dict[str, Any]
    ) -> dict[str, list[tuple[str, str]]]:
        """Image -> the classes that the results give it, for every image that was shown."""
        shown = self._shown(data)
        regions = {result.id for result in results if result.type in _REGIONS} - {None, ""}
        found: dict[str, list[tuple[str, str]]] = {}
        if len(shown) == 1 or self._images or not results:
            found = {image: [] for images in shown.values() for image in images}
        for result in results:
            classes = self._classes(result, regions)
            if classes is None:
                continue
            for image in self._targets(result, shown):
                found.setdefault(image, []).extend((result.from_name, name) for name in classes)
        if not found:
            raise NotReadable(_AMBIGUOUS)
        return found

    def _shown(self, data: dict[str, Any]) -> dict[str, list[str]]:
        """Name of an image tag (or, without a config, key of the data) -> its images."""
        shown: dict[str, list[str]] = {}
        for tag in self._images:
            if images := self._paths(data.get(tag.key)):
                shown[tag.name] = images
        if shown:
            return shown
        # No config, or another one than the task was made for: the data tells.
        keys = [key for key, value in data.items() if key == UNDEFINED_KEY or _is_image(value)]
        if not keys and len(data) == 1:
            keys = list(data)
        shown = {key: images for key in keys if (images := self._paths(data[key]))}
        if not shown:
            raise NotReadable("a task without an image")
        if self._images:
            if len(shown) > 1:
                raise NotReadable("a task whose images are not the labeling config's")
            return {self._images[0].name: next(iter(shown.values()))}
        return shown

    def _targets(self, result: Result, shown: dict[str, list[str]]) -> list[str]:
        """The images that a result is about; none where it is about something else."""
        names = [name.strip() for name in result.to_name.split(",")]
        control = self._controls.get(result.from_name)
        if control is not None and not any(name in shown for name in names):
            names = list(control.to_names)
        found = [shown[name] for name in names if name in shown]
        if not found and control is None:
            if len(shown) > 1:
                raise NotReadable(_AMBIGUOUS)
            found = list(shown.values())
        index = result.item_index
        if index is None:
            return [image for images in found for image in images]
        if any(not 0 <= index < len(images) for images in found):
            raise NotReadable(f"an answer about image number {index}, which its task has not")
        return [images[index] for images in found]

    def _classes(self, result: Result, regions: set[str | int | None]) -> list[str] | None:
        """The classes that a result gives to its image; None where it gives none."""
        kind, value = result.type, result.value
        if not kind or kind != kind.lower():
            raise NotReadable("an answer that does not say of which type it is")
        if value is None:
            return None
        if kind in REGION_CLASSES:
            return self._names(result, value)
        if kind not in _ANSWERS or value.x is not None:
            return None
        control = self._controls.get(result.from_name)
        if control.per_region if control is not None else result.id in regions:
            return None
        if kind == "rating":
            return None if value.rating is None else [f"{value.rating:g}"]
        if kind == "pairwise":
            return None if value.selected is None else [value.selected]
        return self._names(result, value)

    def _names(self, result: Result, value: Value) -> list[str] | None:
        """The names of the classes in a result's `value`."""
        found: Named | None = getattr(value, result.type)
        if found is None:
            if any(getattr(value, key) is not None for key in CLASS_KEYS):
                raise NotReadable("an answer of another type than it says")
            return None
        # What is empty names no class.
        return [name for one in found if (name := self._name(result.from_name, one))]

    def _name(self, control: str, said: str | list[str]) -> str:
        """The name of a class as the config has it; of another, what `path_of` reads."""
        path = (said,) if isinstance(said, str) else tuple(said)
        if (known := self._offered.get((control, path))) is not None:
            return known
        name = SEPARATOR.join(path)
        if name.count(SEPARATOR) < len(path) and (control, name) not in self._rank:
            return name
        return "".join(_PART + part for part in path)

    def _paths(self, value: Any) -> list[str]:
        """The images in one value of a task's data: a URL, or a list of them."""
        values = value if isinstance(value, list) else [value]
        return [self._path(item) for item in values if isinstance(item, str) and item]

    def _path(self, url: str) -> str:
        try:
            return self._image_paths(url)
        except ValueError as error:
            raise NotReadable(str(error)) from None

    def _shared(self, pairs: list[tuple[str, str]]) -> Labels:
        """`pairs` in config order, each once, as the one object for them."""
        key = tuple(pairs)
        try:
            return self._labels[key]
        except KeyError:
            pass
        for control, name in key:
            _refuse_half_characters(control + name)
        known, unknown = len(self._rank), len(self._control_rank)
        ordered = sorted(
            dict.fromkeys(self._pairs.setdefault(pair, pair) for pair in key),
            key=lambda pair: (
                self._rank.get(pair, known),
                self._control_rank.get(pair[0], unknown),
                pair,
            ),
        )
        if len(self._labels) > _MOST_REMEMBERED:
            self._labels.clear()
        labels = tuple(ordered)
        return self._labels.setdefault(key, self._labels.setdefault(labels, labels))


def path_of(name: str) -> tuple[str, ...]:
    """The path to a class that no labeling config offers, by its name in a record."""
    return tuple(name[1:].split(_PART) if name.startswith(_PART) else name.split(SEPARATOR))


def _is_image(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(item, str) and is_image_url(item) for item in values)


def _refuse_half_characters(text: str) -> None:
    """Raise NotReadable for `text` that no file could hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotReadable("text that is not valid Unicode") from None
