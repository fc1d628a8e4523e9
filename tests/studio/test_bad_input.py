"""What cannot work gives one sentence and a stated exit code, and changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.studio.client import StudioClient
from tests.studio.command import Ran, run
from tests.studio.conftest import Demo
from tests.studio.ports import free_port
from tests.studio.stock import Stock

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="a"/></Choices></View>"""


@pytest.fixture
def workspace(stock: Stock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace on the stock server that nothing was done with."""
    root = stock.root / tmp_path_factory.mktemp("bad").name
    (root / "images").mkdir(parents=True)
    (root / "images" / "one.png").write_bytes(b"an image")
    (root / "config.xml").write_text(CONFIG)
    write(root, stock.url)
    yield root
    shutil.rmtree(root)


def write(root: Path, url: str, images: str = "images", pattern: str = ".*png") -> None:
    (root / "labelpilot.toml").write_text(
        f'[studio]\nurl = "{url}"\n[images]\npath = "{images}"\npattern = "{pattern}"\n'
        f'[project]\ntitle = "{root.name}"\nlabel_config = "config.xml"\n'
        '[annotations]\npath = "annotations"\n'
    )


def setup(root: Path, token: str) -> Ran:
    return run("setup", "--workspace", str(root), LABEL_STUDIO_API_KEY=token)


def refused(done: Ran, code: int, stock: Stock, root: Path) -> None:
    """The command ended with `code` and a sentence, and there is no project of it."""
    assert done.code == code, done.err
    assert done.err.strip().splitlines()[-1].endswith((".", ")", "`", ">."))
    assert not StudioClient(stock.url, stock.legacy_token).find_projects(root.name)
    assert not (root / "annotations").exists()


def test_a_wrong_token(workspace: Path, stock: Stock) -> None:
    done = setup(workspace, "f" * 40)
    refused(done, 3, stock, workspace)
    assert "does not accept the token" in done.err


def test_no_token(workspace: Path, stock: Stock) -> None:
    done = run("setup", "--workspace", str(workspace))
    refused(done, 3, stock, workspace)
    assert "LABEL_STUDIO_API_KEY" in done.err


def test_no_server(workspace: Path, stock: Stock) -> None:
    write(workspace, f"http://127.0.0.1:{free_port()}")
    done = setup(workspace, stock.legacy_token)
    refused(done, 3, stock, workspace)
    assert "No Label Studio answers" in done.err


def test_a_missing_image_folder(workspace: Path, stock: Stock) -> None:
    write(workspace, stock.url, images="nowhere")
    done = setup(workspace, stock.legacy_token)
    refused(done, 2, stock, workspace)
    assert "nowhere does not exist" in done.err


def test_a_pattern_that_matches_nothing(workspace: Path, stock: Stock) -> None:
    write(workspace, stock.url, pattern="jpg$")
    done = setup(workspace, stock.legacy_token)
    refused(done, 2, stock, workspace)
    assert "matches the pattern 'jpg$'" in done.err


def test_a_labeling_config_without_a_control_tag(workspace: Path, stock: Stock) -> None:
    (workspace / "config.xml").write_text('<View><Image name="image" value="$image"/></View>')
    done = setup(workspace, stock.legacy_token)
    refused(done, 2, stock, workspace)
    assert "no control tag" in done.err


def test_a_labeling_config_that_label_studio_refuses(workspace: Path, stock: Stock) -> None:
    (workspace / "config.xml").write_text(CONFIG.replace('toName="image"', 'toName="other"'))
    done = setup(workspace, stock.legacy_token)
    assert done.code == 2, done.err
    assert "Label Studio does not take" in done.err


def test_a_folder_outside_the_servers_document_root(
    stock: Stock, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.png").write_bytes(b"an image")
    (tmp_path / "config.xml").write_text(CONFIG)
    write(tmp_path, stock.url)
    done = setup(tmp_path, stock.legacy_token)
    assert done.code == 2, done.err
    assert "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT" in done.err


def test_hooks_that_cannot_be_used_publish_nothing(demo: Demo) -> None:
    hooks = demo.folder / "labeling" / "active_learning.py"
    original = hooks.read_text()
    hooks.write_text(f"{original}\nraise ValueError('no [model] yet')\n")
    try:
        done = demo.run("active-learning", "--model-version", "broken")
    finally:
        hooks.write_text(original)
    assert done.code == 1, done.err
    assert "no [model] yet" in done.err
    assert "broken" not in demo.client().model_versions(demo.result["project_id"])


def test_a_half_written_label_file_is_named_and_left_out(demo: Demo) -> None:
    out = demo.folder / "partly.json"
    folder = demo.folder / "data" / "annotations"
    half = folder / "999999"
    whole = next(path for path in folder.iterdir()).read_bytes()
    half.write_bytes(whole[: len(whole) // 2])
    try:
        done = demo.run("export", "--json", "--out", str(out))
    finally:
        half.unlink()
    assert done.code == 4, done.err
    assert done.json["unreadable"] == 1
    assert done.json["images"] == 200
    assert "999999" in done.err


def test_an_own_server_refuses_a_wrong_token_from_the_environment(demo: Demo) -> None:
    done = demo.run("sync", LABEL_STUDIO_API_KEY="f" * 40)
    assert done.code == 3
    assert "does not accept the token" in done.err


def test_the_home_folder_is_never_served(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.png").write_bytes(b"an image")
    (tmp_path / "config.xml").write_text(CONFIG)
    (tmp_path / "labelpilot.toml").write_text(
        '[images]\npath = "images"\n[project]\nlabel_config = "config.xml"\n'
        '[annotations]\npath = "annotations"\n'
    )
    done = run("setup", "--workspace", str(tmp_path), HOME=str(tmp_path))
    assert done.code == 2, done.err
    assert "would serve all of it" in done.err
    assert os.listdir(tmp_path / "images") == ["one.png"]
    assert not (tmp_path / ".labelpilot" / "server").exists()
