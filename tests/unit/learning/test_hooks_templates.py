"""Who has no hooks file gets one to complete."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.learning.hooks.run import run_hooks
from core.learning.hooks.templates import write_hooks_file
from core.progress import finish
from core.workspace.settings import Workspace, load_workspace, parse_workspace
from tests.studio.command import run


def workspace(root: Path) -> Workspace:
    return parse_workspace(f'[learning]\npython = "{sys.executable}"', root)


def test_the_template_runs_as_it_is_and_leaves_all_to_what_stands_in(tmp_path: Path) -> None:
    ready = workspace(tmp_path)
    write_hooks_file(ready)
    hooks = finish(run_hooks(ready, tmp_path / "round"))
    assert (hooks.embeddings, hooks.losses, hooks.labeled) == (None, None, frozenset())


def test_once_completed_it_works_and_reads_the_labeled_tags_from_the_dataset(
    tmp_path: Path,
) -> None:
    ready = workspace(tmp_path)
    write_hooks_file(ready)
    ready.annotations.dataset.parent.mkdir(parents=True)
    ready.annotations.dataset.write_text('{"a": ["cat"]}')
    text = ready.learning.hooks.read_text()
    for name, result in (("get_embeddings", "{'a': [1]}"), ("get_loss_trainset", "{'a': 1}")):
        message = f'raise NotImplementedError("{name}() is yours to complete")'
        assert message in text
        text = text.replace(message, f"return {result}")
    ready.learning.hooks.write_text(text)
    hooks = finish(run_hooks(ready, tmp_path / "round"))
    assert hooks.labeled == {"a"}


@pytest.mark.parametrize(("rule", "example"), [("stem", '"img_0001"'), ("path", '/img_0001.png"')])
def test_it_says_what_a_tag_is_in_this_workspace(tmp_path: Path, rule: str, example: str) -> None:
    ready = parse_workspace(f'[images]\ntag = "{rule}"', tmp_path)
    write_hooks_file(ready)
    assert example in ready.learning.hooks.read_text()


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    ready = workspace(tmp_path)
    ready.learning.hooks.parent.mkdir()
    ready.learning.hooks.write_text("mine")
    with pytest.raises(ConfigurationError, match="there already"):
        write_hooks_file(ready)
    assert ready.learning.hooks.read_text() == "mine"


def test_a_command_writes_it_and_the_missing_file_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "labelpilot.toml").write_text("")
    with pytest.raises(ConfigurationError, match="does not exist") as caught:
        finish(run_hooks(load_workspace(tmp_path), tmp_path / "round"))
    assert "labelpilot hooks" in caught.value.next_step
    done = run("hooks", "--json", "--workspace", str(tmp_path))
    assert done.json == {"hooks": "labeling/active_learning.py"}
    assert "def get_embeddings()" in (tmp_path / "labeling/active_learning.py").read_text()
    assert run("hooks", "--workspace", str(tmp_path)).code == 2
