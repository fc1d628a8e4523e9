"""The controls and the images of a labeling config, as far as annotations are read by them.

A labeling config tells which key of a task's data holds which image, which control is about which
image, which choices belong to a region and not to the image, and in which order the classes stand.
Whether it is usable at all, `core.labeling_config` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.labeling_config import parse_labeling_config

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Where a task was made before the project had a labeling config, Label Studio names its key so.
UNDEFINED_KEY = "$undefined$"

# Tag (in lower case) -> the type of the results it writes.
_CONTROLS = {
    "choices": "choices",
    "taxonomy": "taxonomy",
    "rating": "rating",
    "pairwise": "pairwise",
    "labels": "labels",
    "rectanglelabels": "rectanglelabels",
    "polygonlabels": "polygonlabels",
    "brushlabels": "brushlabels",
    "keypointlabels": "keypointlabels",
    "ellipselabels": "ellipselabels",
    "bitmasklabels": "bitmasklabels",
    "vectorlabels": "vectorlabels",
}
# A rating has this many stars where the config does not say.
_STARS = 5


@dataclass(frozen=True, slots=True)
class Control:
    """A tag that people answer with. `classes` are the answers it offers, in config order."""

    name: str
    type: str
    to_names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    per_region: bool = False


@dataclass(frozen=True, slots=True)
class ImageTag:
    """An `<Image>` tag. `key` is the key of the task's data; `several`: it holds a list."""

    name: str
    key: str
    several: bool = False


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls and the `<Image>` tags of a labeling config, by name, in its order.

    Without a config both are empty, and readers go by what each annotation says of itself.
    """

    controls: Mapping[str, Control] = field(default_factory=dict)
    images: Mapping[str, ImageTag] = field(default_factory=dict)

    def classes(self) -> tuple[tuple[str, str], ...]:
        """Every (control, class) that can be said of an image, in config order."""
        return tuple(
            (control.name, name)
            for control in self.controls.values()
            if not control.per_region
            for name in control.classes
        )

    def labeled_images(self) -> tuple[ImageTag, ...]:
        """The images that a control is about; all of them where no control names one."""
        targets = {name for control in self.controls.values() for name in control.to_names}
        images = tuple(image for image in self.images.values() if image.name in targets)
        return images or tuple(self.images.values())


def read_controls(text: str) -> Controls:
    """The controls of the labeling config `text`.

    Raises ConfigurationError as `core.labeling_config.parse_labeling_config` does.
    """
    from defusedxml.ElementTree import fromstring

    # The checks are made there: what comes back is XML that declares nothing and shows an image.
    root = fromstring(parse_labeling_config(text).text, forbid_dtd=True)
    controls: dict[str, Control] = {}
    images: dict[str, ImageTag] = {}
    for element in root.iter():
        tag, name = str(element.tag).lower(), element.get("name", "")
        if tag == "image" and name:
            several = element.get("valueList", "")
            key = several or element.get("value", "")
            images[name] = ImageTag(name, key.removeprefix("$"), bool(several))
        elif tag in _CONTROLS and name:
            controls[name] = Control(
                name=name,
                type=_CONTROLS[tag],
                to_names=tuple(part.strip() for part in element.get("toName", "").split(",")),
                classes=_classes(tag, element),
                per_region=element.get("perRegion", "").lower() == "true",
            )
    return Controls(controls, images)


def _classes(tag: str, element: Element) -> tuple[str, ...]:
    if tag == "rating":
        stars = element.get("maxRating", "")
        count = int(stars) if re.fullmatch(r"\d{1,3}", stars) else _STARS
        return tuple(str(number) for number in range(1, count + 1))
    if tag == "pairwise":
        return (element.get("leftClass", "left"), element.get("rightClass", "right"))
    return tuple(dict.fromkeys(_nested(element, "")))


def _nested(element: Element, above: str) -> list[str]:
    """The classes below `element`; one inside another is named by its path."""
    found: list[str] = []
    for child in element:
        is_class = str(child.tag).lower() in ("choice", "label")
        # The alias, where there is one, is what the annotation holds.
        value = (child.get("alias") or child.get("value", "")) if is_class else ""
        path = f"{above}/{value}" if above and value else value or above
        if value:
            found.append(path)
        found.extend(_nested(child, path))
    return found
