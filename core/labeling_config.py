"""Labeling configs: what a project's XML asks of people, read with care.

The XML comes from a file or a server: it is capped in size and read with defusedxml, before
anything else reads it. Label Studio itself is the judge of whether a config is valid; this module
answers what labelpilot must know before it asks: the data key of the image, and the control tags
with their labels in the order of the config.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from core.errors import ConfigurationError
from core.files import read_at_most

MAX_BYTES = 1_000_000
# Nobody nests tags so deep, and reading each control's labels takes time with the depth.
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Control:
    """A control tag: what people press. `labels` are in the order of the config."""

    name: str
    type: str
    to_name: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelingConfig:
    """A labeling config. `image_key` is the task data's key of the first image."""

    text: str
    image_key: str
    controls: tuple[Control, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in the order of the config, each once."""
        return tuple(dict.fromkeys(label for control in self.controls for label in control.labels))


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


def parse_labeling_config(text: str, name: str = "the labeling config") -> LabelingConfig:
    """The labeling config that `text` holds.

    Raises ConfigurationError, calling it `name`, where it is too large, not XML, declares entities,
    shows no image, or has no control tag, so that nothing could be submitted.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(text) > MAX_BYTES:
        raise ConfigurationError(
            f"{name} has {len(text):,} characters; at most {MAX_BYTES:,} are read."
        )
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ConfigurationError(
            f"{name} is not a usable XML file.", cause=f"{type(error).__name__}: {error}"
        ) from None
    if _is_deeper(root, MAX_DEPTH):
        raise ConfigurationError(f"{name} nests tags more than {MAX_DEPTH} deep.")
    elements = list(root.iter())
    controls = tuple(_control(element) for element in elements if _is_control(element))
    if not controls:
        raise ConfigurationError(
            f"{name} has no control tag, so nobody could submit an annotation.",
            next_step='Add one with `name` and `toName`, such as <Choices name="labels" '
            'toName="image" choice="multiple">.',
        )
    key = next((key for element in elements if (key := _image_key(element))), None)
    if key is None:
        raise ConfigurationError(
            f"{name} shows no image.",
            next_step='Add one, such as <Image name="image" value="$image"/>.',
        )
    return LabelingConfig(text, key, controls)


def _is_deeper(root: Element, most: int) -> bool:
    """Whether tags are nested more than `most` deep, without recursion."""
    level = [root]
    for _ in range(most):
        level = [child for element in level for child in element]
    return bool(level)


def _is_control(element: Element) -> bool:
    # Label Studio's own rule: a control names what it is for.
    return bool(element.get("name")) and bool(element.get("toName"))


def _control(element: Element) -> Control:
    labels = tuple(
        value
        for child in element.iter()
        if child is not element and (value := child.get("alias") or child.get("value"))
    )
    to_name = tuple(part.strip() for part in element.get("toName", "").split(","))
    return Control(element.get("name", ""), element.tag, to_name, labels)


def _image_key(element: Element) -> str | None:
    if element.tag != "Image":
        return None
    value = element.get("value") or element.get("valueList") or ""
    return value[1:] if value.startswith("$") else None
