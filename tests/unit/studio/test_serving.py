"""What our Label Studio may serve: told by a file's content, and by where it really lies."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image, features

from core.studio.environment import server_environment
from core.studio.process import LAUNCHER
from core.workspace.settings import Annotations, Images, Workspace

NAMES = "LABELPILOT_SERVED", "LABELPILOT_PRIVATE"


@pytest.fixture(scope="module")
def serving() -> ModuleType:
    """The launcher's file, loaded as the launcher does."""
    name = "labelpilot_launcher_of_this_test"
    spec = importlib.util.spec_from_file_location(
        name, LAUNCHER / "__init__.py", submodule_search_locations=[str(LAUNCHER)]
    )
    assert spec is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{name}.serving")


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("png", "image/png"),
        ("jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        ("webp", "image/webp"),
        ("bmp", "image/bmp"),
        ("tiff", "image/tiff"),
        ("ico", "image/x-icon"),
        ("jp2", "image/jp2"),
        ("avif", "image/avif"),
    ],
)
def test_images_are_known_by_their_content(
    serving: ModuleType, tmp_path: Path, suffix: str, kind: str
) -> None:
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    Image.new("RGB", (20, 20)).save(tmp_path / f"image.{suffix}")
    (tmp_path / f"image.{suffix}").rename(tmp_path / "page.html")
    assert serving._image_type(str(tmp_path / "page.html")) == kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by -->\n<svg width="1">', "image/svg+xml"),
        (b"<!DOCTYPE svg PUBLIC 'a' 'b'><svg>", "image/svg+xml"),
        (b"<!-- <svg> --><html><svg></html>", None),
        (b"<svgish>", None),
        (b"BMW is a secret", None),
        (b"", None),
        (b"GIF89", None),
    ],
)
def test_a_text_is_an_image_only_where_it_begins_as_a_drawing(
    serving: ModuleType, tmp_path: Path, content: bytes, kind: str | None
) -> None:
    (tmp_path / "image.png").write_bytes(content)
    assert serving._image_type(str(tmp_path / "image.png")) == kind


def test_what_is_no_file_is_no_image(serving: ModuleType, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path, tmp_path / "pipe.png", tmp_path / "gone.png", Path("/dev/zero")):
        assert serving._image_type(str(path)) is None


def served(
    serving: ModuleType, monkeypatch: pytest.MonkeyPatch, workspace: Workspace, *paths: Path
) -> list[bool]:
    environment = server_environment(workspace, 8080, {})
    for name in NAMES:
        monkeypatch.setenv(name, environment[name])
    return list(map(serving._served(), map(str, paths)))


def test_only_the_image_folder_is_served_and_links_only_where_they_are_allowed(
    serving: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    images, annotations = tmp_path / "data" / "images", tmp_path / "data" / "annotations"
    images.mkdir(parents=True)
    (images / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (images / "ours.png").symlink_to(tmp_path / ".labelpilot" / "a.png")
    paths = [images / "one.png", images / "link.png", images / "ours.png", annotations / "1.png"]
    for follow, expected in (
        (False, [True, False, False, False]),
        (True, [True, True] + [False] * 2),
    ):
        workspace = Workspace(
            root=tmp_path,
            images=Images(images, follow_links=follow),
            annotations=Annotations(annotations, tmp_path / "dataset.json"),
        )
        assert served(serving, monkeypatch, workspace, *paths) == expected


def test_the_image_folder_may_hold_the_workspace_or_lie_among_the_annotations(
    serving: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    around = Workspace(
        root=root, images=Images(root), annotations=Annotations(root / "labels", root / "d.json")
    )
    hidden = root / ".labelpilot" / "server" / "a.png"
    assert served(serving, monkeypatch, around, root / "1.png", hidden) == [True, False]
    among = Workspace(
        root=root, images=Images(root / "data" / "images"), annotations=Annotations(root / "data")
    )
    assert served(serving, monkeypatch, among, root / "data" / "images" / "1.png") == [True]
    assert json.loads(os.environ[NAMES[1]]) == [str(root / ".labelpilot")]
