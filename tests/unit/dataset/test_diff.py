"""What changed between two datasets, and whether one is what its annotations say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core.dataset.diff import Labeled, check_dataset, difference
from core.dataset.export import ExportResult
from core.errors import ConfigurationError
from core.progress import finish
from core.workspace.settings import Workspace, save_workspace
from tui.cli import cli
from tui.commands.choices import ORIGIN

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder that is no workspace; gives its exit code and its answer."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, dict[str, Any]]:
        done = CliRunner().invoke(cli, [*words, "--json"])
        return done.exit_code, json.loads(done.stdout) if done.stdout else {}

    return command


def test_a_diff_says_what_was_added_removed_and_changed(tmp_path: Path, run: Run) -> None:
    old = {"same": ["a", "b"], "gone": ["a"], "other": ["a"]}
    new = {"same": ["b", "a"], "new": [], "other": ["a", "c"]}
    (tmp_path / "old.json").write_text(json.dumps(old))
    (tmp_path / "new.json").write_text(json.dumps(new))
    code, found = run("diff", "old.json", "new.json")
    assert code == 4
    assert (found["added"], found["removed"], found["changed"]) == (1, 1, 1)
    assert found["classes"] == {"a": {"old": 3, "new": 2}, "c": {"old": 0, "new": 1}}
    assert found["images"]["other"] == {"old": ["a"], "new": ["a", "c"]}
    assert found["images"]["new"] == {"old": None, "new": []}
    code, found = run("diff", "old.json", "old.json")
    assert (code, found["added"], found["removed"], found["changed"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("content", [None, "{", '{"a": 1}', "[1]"])
def test_what_is_no_dataset_is_refused(tmp_path: Path, run: Run, content: str | None) -> None:
    (tmp_path / "old.json").write_text("{}")
    if content is not None:
        (tmp_path / "new.json").write_text(content)
    code, found = run("diff", "old.json", "new.json")
    assert code in (1, 2) and not found.get("images")


def test_annotations_are_compared_with_who_made_them(
    write: Write, annotation: Build, workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    save_workspace(tmp_path, {"images": {"path": "ds"}, "annotations": {"path": "annotations"}})
    write(annotation(1, "ds/a.png", ["N"]), annotation(2, "ds/b.png", ["N"]))
    tasks = [{"id": 1, "data": {"image": "/data/local-files/?d=ds/a.png"}}]
    other = {"id": 9, "email": "c@d.co"}
    tasks[0]["annotations"] = [annotation(1, classes=["indoor"], completed_by=other)]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    code, found = run("diff", "annotations", "export.json")
    assert code == 4
    assert (found["removed"], found["changed"]) == (1, 1)
    assert found["people"] == {"a@b.co": {"old": 2, "new": 0}, "c@d.co": {"old": 0, "new": 1}}
    # An export may name people by their numbers, which tell nothing of addresses.
    tasks[0]["annotations"][0]["completed_by"] = 1
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    assert run("diff", "annotations", "export.json")[1]["people"] == {}


def test_a_check_says_what_an_export_would_change_and_writes_nothing(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    export()
    dataset = workspace.annotations.dataset
    assert not finish(check_dataset(workspace, "storage", dataset))
    before = dataset.read_bytes()
    write(annotation(1, "ds/a.png", ["indoor"], second=9), annotation(2, "ds/b.png", []))
    found = finish(check_dataset(workspace, "storage", dataset))
    assert (dict(found.changed), dict(found.added)) == ({"a": (["N"], ("indoor",))}, {"b": ()})
    assert dataset.read_bytes() == before
    dataset.unlink()
    assert len(finish(check_dataset(workspace, "storage", dataset)).added) == 2
    assert not dataset.exists()


def test_the_words_name_each_change() -> None:
    found = str(difference(Labeled({"a": ["x"], "b": []}), Labeled({"a": ["y"], "c": ["x", "y"]})))
    assert found.splitlines()[:3] == ["+ c: x, y", "- b: none", "  a: x -> y"]
    assert found.endswith("1 added, 1 removed, 1 changed")


@pytest.mark.parametrize("named", ["gone.json", "./gone", "gone/"])
def test_a_source_that_is_not_there_is_told_from_a_wrong_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ORIGIN.convert(named, None, None) == tmp_path / named
    with pytest.raises(ConfigurationError, match="origin 'stroage'") as raised:
        ORIGIN.convert("stroage", None, None)
    assert "storage" in raised.value.next_step
