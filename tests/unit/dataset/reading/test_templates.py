"""Every labeling config for images that Label Studio's template gallery has."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from core.dataset.reading.reader import read_tasks
from core.dataset.reading.records import Interpreter
from core.labeling_config import Control, ImageTag, LabelingConfig, parse_labeling_config


def templates() -> dict[str, str]:
    """Name -> config, of the templates that show an image; none where there is no Label Studio."""
    found = importlib.util.find_spec("label_studio")
    if found is None or found.origin is None:
        return {}
    folder = Path(found.origin).parent / "annotation_templates"
    configs = {file.parent.name: file.read_text() for file in folder.glob("*/*/config.xml")}
    for file in folder.glob("*/*/config.yml"):
        try:
            content = yaml.safe_load(file.read_text())
        except yaml.YAMLError:
            continue
        if isinstance(content, dict) and isinstance(content.get("config"), str):
            configs.setdefault(file.parent.name, content["config"])
    return {name: text for name, text in sorted(configs.items()) if re.search(r"<Image\b", text)}


TEMPLATES = templates()


@pytest.mark.skipif(not TEMPLATES, reason="Label Studio, whose templates these are, is not here")
def test_the_gallery_has_the_templates_that_were_known() -> None:
    assert {"image-classification", "keypoints", "optical-character-recognition"} <= set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_annotation_of_each_control_is_read(name: str) -> None:
    controls = parse_labeling_config(TEMPLATES[name])
    data = {tag.key: _data(tag) for tag in controls.images.values()}
    about_images = [c for c in controls.classifying() if set(c.to_names) & set(controls.images)]
    results = [_result(control) for control in about_images]
    task = {"id": 1, "data": data, "annotations": [{"id": 1, "result": results}]}
    (batch,) = read_tasks([task], Interpreter(controls, Path("/srv/images")))
    assert not batch.unreadable
    labeled = {record.image: {pair[0] for pair in record.labels} for record in batch.records}
    expected: dict[str, set[str]] = {}
    for control in about_images:
        for image in _targets(control, controls, data):
            expected.setdefault(image, set()).add(control.name)
    assert {image: found for image, found in labeled.items() if found} == expected


def _data(tag: ImageTag) -> Any:
    return [f"{tag.name}_0.png", f"{tag.name}_1.png"] if tag.several else f"{tag.name}.png"


def _targets(control: Control, controls: LabelingConfig, data: dict[str, Any]) -> list[str]:
    values = [data[controls.images[n].key] for n in control.to_names if n in controls.images]
    return [value[0] if isinstance(value, list) else value for value in values]


def _result(control: Control) -> dict[str, Any]:
    name = control.classes[0] if control.classes else "dynamic"
    value: dict[str, Any] = {control.type: [name]}
    if control.type == "rating":
        value = {"rating": 3}
    elif control.type.endswith("labels"):
        value = {**value, "x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0}
    return {
        "id": "r",
        "from_name": control.name,
        "to_name": ",".join(control.to_names),
        "type": control.type,
        "value": value,
        "item_index": 0,
    }
