"""A workspace of real files for the app's tests: images, a labeling config, and annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.workspace.settings import Workspace, save_workspace

WEIRD = "[b] weird [red].png"
LABELS = ("[/red]", "dog", "cat & co")
IMAGES = [WEIRD, *(f"img_{number:03}.png" for number in range(11))]


def make_workspace(root: Path, *, annotated: int = 0) -> Workspace:
    """A workspace with twelve images, of which the first `annotated` have an annotation."""
    images = root / "data/images"
    images.mkdir(parents=True)
    for name in IMAGES:
        (images / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    (images / "notes.txt").write_text("not an image")
    config = root / "labeling/project_config.xml"
    config.parent.mkdir()
    choices = "".join(f'<Choice value="{label.replace("&", "&amp;")}"/>' for label in LABELS)
    config.write_text(
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="labels" toName="image" choice="multiple">{choices}</Choices></View>'
    )
    (root / "labeling/active_learning.py").write_text("# the user's own\n")
    annotations = root / "data/annotations"
    annotations.mkdir()
    for number, name in enumerate(IMAGES[:annotated], start=1):
        label = LABELS[0] if number % 3 else LABELS[1]
        (annotations / str(number)).write_text(json.dumps(annotation(number, name, [label])))
    settings = {"images": {"path": "data/images", "pattern": ".*png"}, "project": {"title": "Toys"}}
    return save_workspace(root, settings)


def annotation(number: int, image: str, labels: list[str]) -> dict[str, Any]:
    """An annotation as Label Studio writes it into a target storage."""
    choices = {"from_name": "labels", "to_name": "image", "type": "choices"}
    return {
        "id": number,
        "result": [{**choices, "id": f"r{number}", "value": {"choices": labels}}],
        "task": {"id": number, "data": {"image": f"/data/local-files/?d=images/{image}"}},
        "was_cancelled": False,
        "updated_at": f"2026-01-01T00:00:{number:02}Z",
    }
