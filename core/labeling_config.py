"""Labeling configs: what a project's XML asks of people, read once and with care.

The XML comes from a file or a server: it is capped in size and read with defusedxml, before
anything else reads it. Label Studio itself is the judge of whether a config is valid; this module
answers what labelpilot must know of it: which key of a task's data holds which image, which control
is about which image, which answers belong to a region and not to the image, and in which order the
classes stand.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigurationError
from core.files import read_at_most

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 1_000_000
# Nobody nests tags so deep, and reading each control's classes takes time with the depth.
MAX_DEPTH = 100
# Where a task was made before the project had a labeling config, Label Studio names its key so.
UNDEFINED_KEY = "$undefined$"

# Controls whose answers name the class of a region, by the type of the results they write: a class
# that the image shows.
REGION_CLASSES = frozenset(
    "rectanglelabels polygonlabels brushlabels keypointlabels ellipselabels bitmasklabels "
    "vectorlabels labels".split()
)
# Those, and the ones whose answers are classes of the whole image.
_CLASSIFYING = REGION_CLASSES | frozenset(("choices", "taxonomy", "rating", "pairwise"))
_DATA_KEY = re.compile(r"\$(\w+)$")
# What stands between the parts of a nested class's name.
SEPARATOR = "/"
# A rating has this many stars where the config does not say.
_STARS = 5


@dataclass(frozen=True, slots=True)
class Control:
    """A control tag: what people answer with.

    `type` is the type of the results that it writes, as `choices`; `to_names` are the tags that it
    is about; `classes` are the answers that it offers, in config order, and `paths` says what each
    lies in; `per_region`: they are said of a region, not of the image. A class inside another is
    named by the path to it, with `separator` between its parts.
    """

    name: str
    type: str
    to_names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    per_region: bool = False
    separator: str = SEPARATOR
    paths: tuple[tuple[str, ...], ...] = ()

    def class_name(self, parts: str | list[str]) -> str:
        """The name of a class that an annotation holds, alone or as the path to it."""
        return parts if isinstance(parts, str) else self.separator.join(parts)


@dataclass(frozen=True, slots=True)
class ImageTag:
    """An `<Image>` tag. `key` is the key of the task's data; `several`: it holds a list."""

    name: str
    key: str
    several: bool = False


@dataclass(frozen=True, slots=True)
class LabelingConfig:
    """A labeling config: its controls and its `<Image>` tags by name, in its order.

    `image_key` is the task data's key of the first image, `data_keys` are all that a
    task must have. All are empty where there is no config:
    readers then go by what each annotation says of itself.
    """

    text: str = ""
    image_key: str = ""
    controls: Mapping[str, Control] = field(default_factory=dict)
    images: Mapping[str, ImageTag] = field(default_factory=dict)
    data_keys: tuple[str, ...] = ()

    @property
    def more_data(self) -> tuple[str, ...]:
        """The keys that a task must have beside its image's."""
        return tuple(key for key in self.data_keys if key != self.image_key)

    @property
    def labels(self) -> tuple[str, ...]:
        """All classes, of regions too, in config order, each once."""
        offered = (name for control in self.controls.values() for name in control.classes)
        return tuple(dict.fromkeys(offered))

    def classes(self) -> tuple[tuple[str, str], ...]:
        """Every (control, class) that can be said of an image, in config order."""
        return tuple(
            (control.name, name)
            for control in self.classifying()
            if not control.per_region
            for name in control.classes
        )

    def labeled_images(self) -> tuple[ImageTag, ...]:
        """The images that a class is said of; all of them where no control names one."""
        targets = {name for control in self.classifying() for name in control.to_names}
        images = tuple(image for image in self.images.values() if image.name in targets)
        return images or tuple(self.images.values())

    def holds(self, former: LabelingConfig) -> bool:
        """Whether all that could be answered with `former` can be answered with this one too."""
        return self.image_key == former.image_key and all(
            (new := self.controls.get(name)) is not None
            and (new.type, new.to_names, new.per_region) == (old.type, old.to_names, old.per_region)
            and frozenset(new.classes) >= frozenset(old.classes)
            for name, old in former.controls.items()
        )

    def classifying(self) -> tuple[Control, ...]:
        """The controls whose answers are classes."""
        return tuple(one for one in self.controls.values() if one.type in _CLASSIFYING)


def refuse_more_data(config: LabelingConfig) -> None:
    """Raise ConfigurationError where a task must hold more than the image that we can give it."""
    if config.more_data:
        keys = ", ".join(f"${key}" for key in config.more_data)
        raise ConfigurationError(
            f"The labeling config wants more of a task than its image: {keys}.",
            cause="Label Studio takes no task that lacks it, and labelpilot makes tasks of images.",
            next_step="Take the tags with these values out of the config, or import such tasks "
            "into the project yourself.",
        )


def read_labeling_config(path: Path) -> LabelingConfig:
    """Read the labeling config in the file `path`. Raises ConfigurationError."""
    content = read_at_most(
        path,
        MAX_BYTES,
        "The labeling config",
        next_step="Write one there, or name another under [project] in labelpilot.toml.",
    )
    try:
        return parse_labeling_config(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise ConfigurationError(f"The labeling config {path} is not UTF-8 text.") from None


def fingerprint(text: str) -> str:
    """A hash of a labeling config's text: the same whatever its line ends and outer spaces."""
    return hashlib.sha256("\n".join(text.strip().splitlines()).encode()).hexdigest()


def same_text(one: str, other: str) -> bool:
    """Whether two labeling configs are the same text."""
    return fingerprint(one) == fingerprint(other)


def text_diff(former: str, new: str) -> str:
    """The lines by which two labeling configs differ, marked with - and +."""
    lines = difflib.unified_diff(
        former.strip().splitlines(), new.strip().splitlines(), "the project's", "the file's", n=1
    )
    return "\n".join(line.rstrip() for line in lines)


def parse_labeling_config(text: str, name: str = "the labeling config") -> LabelingConfig:
    """The labeling config that `text` holds.

    Raises ConfigurationError, calling it `name`, where it is too large, not XML, declares entities,
    shows no image, or has no control tag, so that nothing could be submitted.
    """
    root = read_xml(text, name)
    controls: dict[str, Control] = {}
    images: dict[str, ImageTag] = {}
    image_key = ""
    data_keys: dict[str, None] = {}
    for element in root.iter():
        # Label Studio's own rule for what a task must hold.
        if element.get("name") and (found := _DATA_KEY.match(element.get("value", ""))):
            data_keys[found[1]] = None
        tag = element.get("name", "")
        if tag and element.get("toName"):
            # Label Studio's own rule: a control names what it is for.
            controls[tag] = _control(tag, element)
        elif _type(element) == "image":
            several = element.get("valueList", "")
            value = several or element.get("value", "")
            if value.startswith("$"):
                image_key = image_key or value[1:]
            if tag:
                images[tag] = ImageTag(tag, value.removeprefix("$"), bool(several))
    if not controls:
        raise ConfigurationError(
            f"{name} has no control tag, so nobody could submit an annotation.",
            next_step='Add one with `name` and `toName`, such as <Choices name="labels" '
            'toName="image" choice="multiple">.',
        )
    if not image_key:
        raise ConfigurationError(
            f"{name} shows no image.",
            next_step='Add one, such as <Image name="image" value="$image"/>.',
        )
    return LabelingConfig(text, image_key, controls, images, tuple(data_keys))


def read_xml(text: str, name: str) -> Element:
    """The tags of a labeling config.

    Raises ConfigurationError, calling it `name`, where it is too large, not XML, or declares
    entities.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if len(text) > MAX_BYTES:
        raise ConfigurationError(
            f"{name} has {len(text):,} characters; at most {MAX_BYTES:,} are read."
        )
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ConfigurationError(
            f"{name} is not a usable XML file.", cause=f"{type(error).__name__}: {error}"
        ) from None
    if _is_deeper(root, MAX_DEPTH):
        raise ConfigurationError(f"{name} nests tags more than {MAX_DEPTH} deep.")
    return root


def _is_deeper(root: Element, most: int) -> bool:
    """Whether tags are nested more than `most` deep, without recursion."""
    level = [root]
    for _ in range(most):
        level = [child for element in level for child in element]
    return bool(level)


def _type(element: Element) -> str:
    return str(element.tag).lower()


def _control(name: str, element: Element) -> Control:
    paths = tuple(dict.fromkeys(_paths(element)))
    separator = _separator(paths)
    return Control(
        name=name,
        type=_type(element),
        to_names=tuple(part.strip() for part in element.get("toName", "").split(",")),
        classes=tuple(map(separator.join, paths)),
        per_region=element.get("perRegion", "").lower() == "true",
        separator=separator,
        paths=paths,
    )


def _separator(paths: Collection[tuple[str, ...]]) -> str:
    """What stands between the parts of a class's name, so that no two of `paths` share one."""
    separator = SEPARATOR
    while len(set(map(separator.join, paths))) < len(set(paths)):
        separator = other_separator(separator)
    return separator


def other_separator(separator: str) -> str:
    """What stands between the parts where `separator` does not tell two classes apart."""
    return f" {'>' * len(separator)} "


def _paths(element: Element) -> list[tuple[str, ...]]:
    """The classes that a control offers, each as the path to it, in config order."""
    if _type(element) == "rating":
        stars = element.get("maxRating", "")
        count = int(stars) if re.fullmatch(r"\d{1,3}", stars) else _STARS
        return [(str(number),) for number in range(1, count + 1)]
    if _type(element) == "pairwise":
        return [(element.get("leftClass", "left"),), (element.get("rightClass", "right"),)]
    return _nested(element, ())


def _nested(element: Element, above: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The classes below `element`, each as the path to it."""
    found: list[tuple[str, ...]] = []
    for child in element:
        # The alias, where there is one, is what the annotation holds.
        value = child.get("alias") or child.get("value", "")
        value = value if _type(child) in ("choice", "label") else ""
        path = (*above, value) if value else above
        if value:
            found.append(path)
        found.extend(_nested(child, path))
    return found
