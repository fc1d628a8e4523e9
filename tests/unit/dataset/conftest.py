"""Workspaces, annotations and real files for the tests of the dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.dataset.export import ExportResult, export_dataset
from core.dataset.source import FolderSource
from core.progress import finish
from core.workspace.settings import Annotations, Images, Project, Workspace

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <Choices name="single" toName="image"><Choice value="dog"/><Choice value="cat"/></Choices>
  <Choices name="multi" toName="image" choice="multiple">
    <Choice value="indoor"/><Choice value="night" alias="N"/><Choice value="blurry"/>
  </Choices>
  <Taxonomy name="tax" toName="image">
    <Choice value="Animal"><Choice value="Cat"><Choice value="Siamese"/></Choice></Choice>
    <Choice value="Plant"/>
  </Taxonomy>
  <Rating name="stars" toName="image" maxRating="5"/>
  <TextArea name="note" toName="image"/>
  <RectangleLabels name="box" toName="image">
    <Label value="car"/><Label value="bus"/>
  </RectangleLabels>
  <PolygonLabels name="poly" toName="image"><Label value="road"/></PolygonLabels>
  <BrushLabels name="brush" toName="image"><Label value="sky"/></BrushLabels>
  <KeyPointLabels name="kp" toName="image"><Label value="nose"/></KeyPointLabels>
  <EllipseLabels name="ell" toName="image"><Label value="wheel"/></EllipseLabels>
  <Choices name="colour" toName="image" perRegion="true"><Choice value="red"/></Choices>
</View>
"""

Build = Callable[..., dict[str, Any]]


@pytest.fixture
def samples() -> Path:
    """The folder of real files that Label Studio wrote."""
    if not SAMPLES.is_dir():
        pytest.skip(f"the real annotation files are not at {SAMPLES}")
    return SAMPLES


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with an annotations folder and a labeling config of every control."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "config.xml").write_text(CONFIG)
    return Workspace(
        root=tmp_path,
        images=Images(path=tmp_path / "ds"),
        project=Project(label_config=tmp_path / "config.xml"),
        annotations=Annotations(tmp_path / "annotations", tmp_path / "dataset.json"),
    )


def build_annotation(
    number: int = 1,
    image: str = "ds/img.png",
    classes: list[str] | None = None,
    *,
    second: int = 0,
    **fields: Any,
) -> dict[str, Any]:
    """An annotation as a target storage holds it: one answer of the control `multi`."""
    result = {
        "id": f"r{number}",
        "from_name": "multi",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": classes},
    }
    return {
        "id": number,
        "result": [] if classes is None else [result],
        "was_cancelled": False,
        "ground_truth": False,
        "updated_at": f"2026-11-24T06:35:{second:02d}.000001Z",
        "completed_by": {"id": 1, "email": "a@b.co"},
        "task": {"id": number, "data": {"image": f"/data/local-files/?d={image}"}},
        **fields,
    }


@pytest.fixture
def config() -> str:
    """The labeling config of the real files."""
    return CONFIG


@pytest.fixture
def annotation() -> Build:
    return build_annotation


@pytest.fixture
def write(workspace: Workspace) -> Callable[..., None]:
    """Writes annotations into the workspace's folder, each named by its id."""

    def write_all(*annotations: dict[str, Any]) -> None:
        for one in annotations:
            (workspace.annotations.path / str(one["id"])).write_text(json.dumps(one))

    return write_all


@pytest.fixture
def export(workspace: Workspace) -> Callable[..., ExportResult]:
    """Exports the workspace's folder to its dataset."""

    def run(**options: Any) -> ExportResult:
        live, label_config = options.pop("live", None), options.pop("label_config", None)
        source = FolderSource(workspace.annotations.path, live, label_config)
        return finish(export_dataset(workspace, source, **options))

    return run


@pytest.fixture
def dataset(workspace: Workspace) -> Callable[[], dict[str, list[str]]]:
    """Reads the workspace's dataset."""

    def read() -> dict[str, list[str]]:
        content: dict[str, list[str]] = json.loads(workspace.annotations.dataset.read_text())
        return content

    return read
