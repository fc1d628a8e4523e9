"""`.labelpilot/` in a workspace that somebody else wrote, or where another user can write: what was
put there is neither followed nor believed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.dataset.classes.journal import Noted, begin_change
from core.dataset.classes.renaming import Renaming
from core.dataset.reading.cache import Cache
from core.errors import ConfigurationError, LabelpilotError
from core.learning.hooks.run import run_hooks
from core.learning.hooks.vector_files import open_vectors
from core.learning.rounds.ledger import load_records, round_folder
from core.own_files import FOLDER_NAME
from core.progress import finish
from core.secrets.credentials import agree_to_file, find_secret, store_secret
from core.setup.doctor import examine
from core.studio.models import read_project
from core.studio.process import read_record
from core.studio.server import log_tail
from core.studio.starting import start_server
from core.tasks.journal import OpenImport, read_journal, write_journal
from core.workspace import trust
from core.workspace.locks import only_one
from core.workspace.settings import Studio, Workspace, find_workspace, load_workspace
from core.workspace.state import State
from core.workspace.trust import NotTrusted, agree, consent_to
from tests.security.strangers import NOBODY, TOKEN, needs_root, stranger
from tui.clipboard import keep_copy
from tui.journal import Journal

PRIVATE = "the user's own file"


def journal(workspace: Workspace) -> None:
    one = Journal()
    one.file = workspace.state.logs / "labelpilot.log"
    one.write("a line")


def lock(workspace: Workspace) -> None:
    with only_one(workspace, "server"):
        pass


def secret(workspace: Workspace) -> None:
    agree_to_file(workspace)
    store_secret(workspace, "token", TOKEN)


def hooks(workspace: Workspace) -> None:
    workspace.learning.hooks.write_text("get_embeddings = lambda: {'1': [1.0]}")
    agree(trust.Consent(str(workspace.root), "made here"))
    finish(run_hooks(workspace, workspace.state.rounds / "one"))


def kept(workspace: Workspace) -> None:
    writer = Cache(workspace.state.cache / "a", b"").writer()
    writer.keep()


def renamed(workspace: Workspace) -> None:
    (workspace.root / "dataset.json").write_text("{}")
    renaming, project = Renaming("kind", {("a",): ("b",)}), read_project({"id": 1})
    asked = [("a", "b")]
    change = begin_change(workspace, project, asked, renaming, file_config=None, files=0)
    change.note([Noted("annotations", 1, 1, [])])


# What labelpilot opens there -> how it comes to open it.
OPENED: dict[str, Callable[[Workspace], object]] = {
    "": lambda workspace: workspace.state.make(),
    ".gitignore": lambda workspace: workspace.state.make(),
    "logs": journal,
    "logs/labelpilot.log": journal,
    "logs/label-studio.log": lambda workspace: finish(start_server(workspace)),
    "logs/copied.txt": lambda workspace: keep_copy("a text", workspace),
    "locks": lock,
    "locks/server.lock": lock,
    "locks/server.holder": lock,
    "locks/import-1.json": lambda workspace: write_journal(
        workspace.state.locks / "import-1.json", OpenImport(0, 0, 0.0, doubtful=False)
    ),
    "server/labelpilot-credentials.json": secret,
    "server/.env": lambda workspace: finish(start_server(workspace)),
    "server/media/deep/picture.png": lambda workspace: finish(start_server(workspace)),
    "rounds": hooks,
    "rounds/one": hooks,
    "rounds/one/hooks.log": hooks,
    "rounds/one/result.json": hooks,
    "rounds/one/embeddings.npy": hooks,
    "rounds/one/unit.npy": hooks,
    "cache": kept,
    "classes": renamed,
    "classes/0001/change.json": renamed,
    "classes/0001/noted.jsonl": renamed,
}


@pytest.mark.parametrize("name", OPENED)
def test_no_link_in_it_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither one to a file nor one to a folder, or to where there is nothing yet."""
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nhooks = "hooks.py"\n')
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text(PRIVATE)
    before = sorted(outside.rglob("*"))
    # As one who has agreed to all, so that nothing but the link is in the way.
    monkeypatch.setenv(trust.VARIABLE, str(root))
    for target in (outside / "file", outside, outside / "nothing"):
        place = root / FOLDER_NAME / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.symlink_to(target)
        with contextlib.suppress(LabelpilotError):
            OPENED[name](load_workspace(root))
        assert (outside / "file").read_text() == PRIVATE
        assert sorted(outside.rglob("*")) == before
        if place.is_symlink():
            place.unlink()


def test_what_a_link_in_it_leads_to_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = load_workspace(stranger(tmp_path / "repo", monkeypatch))
    outside = tmp_path / "outside"
    outside.write_text(PRIVATE)
    np.save(tmp_path / "outside.npy", np.ones((1, 1)))
    state = workspace.state
    for place in (
        state.logs / "label-studio.log",
        state.server / "labelpilot-server.json",
        state.server / "labelpilot-credentials.json",
        state.locks / "import-1.json",
        state.rounds / "one" / "round.json",
    ):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.symlink_to(outside)
    (state.rounds / "one" / "unit.npy").symlink_to(tmp_path / "outside.npy")
    for read in (
        lambda: log_tail(state.logs / "label-studio.log"),
        lambda: find_secret(workspace, "password"),
        lambda: read_journal(state.locks / "import-1.json"),
        lambda: open_vectors(state.rounds / "one" / "unit.npy"),
        lambda: read_record(workspace),
    ):
        with pytest.raises(ConfigurationError, match="is a link"):
            read()
    assert load_records(workspace) == []


def test_a_server_folder_that_came_with_the_workspace_is_not_started_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch)
    server = State(root).server
    server.mkdir(mode=0o700, parents=True)
    (server / "label_studio.sqlite3").write_text("with an account of somebody else's")
    (server / "made-here").write_text("0" * 32)
    workspace = load_workspace(root)
    with pytest.raises(NotTrusted, match="which were not made here"):
        finish(start_server(workspace))
    # That the workspace file was made here says nothing of what lay beside it.
    agree(consent_to(root, "made here"))
    with pytest.raises(NotTrusted):
        finish(start_server(workspace))
    assert not (server / ".env").exists()
    agree(consent_to(root, "server", str(server)))
    (server / ".env").write_text("SECRET_KEY=abc\nDEBUG=true\n")
    with pytest.raises(ConfigurationError, match="would set DEBUG for Label Studio"):
        finish(start_server(workspace))


def test_a_server_folder_that_was_made_here_is_known_where_it_is_moved_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch)
    server = State(root).make_server()
    (server / "label_studio.sqlite3").touch()
    root.rename(tmp_path / "moved")
    assert State(tmp_path / "moved").server_is_ours()
    (tmp_path / "config" / "labelpilot" / "trust.json").unlink()
    assert not State(tmp_path / "moved").server_is_ours()


def test_what_others_could_read_in_it_is_made_its_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch)
    (root / FOLDER_NAME).mkdir(mode=0o755)
    assert State(root).make().stat().st_mode & 0o777 == 0o700


def test_git_takes_nothing_of_it_whatever_came_with_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch)
    (root / FOLDER_NAME).mkdir()
    (root / FOLDER_NAME / ".gitignore").write_text("!*\n")
    for word in (["init", "-q"], ["add", "-A"]):
        secret(load_workspace(root))
        subprocess.run(["git", *word], cwd=root, check=True)
    taken = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True).stdout
    assert b"labelpilot.toml" in taken
    assert b"credentials" not in taken


# Another user of this machine


@needs_root
@pytest.mark.parametrize("whose", ["labelpilot.toml", ""])
def test_a_workspace_of_another_user_is_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    root = stranger(tmp_path / "shared", monkeypatch)
    os.chown(root / whose, NOBODY, NOBODY)
    below = root / "mine" / "deep"
    below.mkdir(parents=True)
    found = find_workspace(below)
    assert found == root
    with pytest.raises(NotTrusted, match="although it belongs to nobody"):
        load_workspace(found)
    (finding,) = [finding for finding in examine(root) if finding.name == "workspace"]
    assert finding.state == "wrong"
    monkeypatch.setenv(trust.VARIABLE, str(tmp_path))
    assert load_workspace(found).root == root


@needs_root
def test_a_state_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "shared", monkeypatch)
    (root / FOLDER_NAME).mkdir()
    os.chown(root / FOLDER_NAME, NOBODY, NOBODY)
    workspace = load_workspace(root)
    for write in (lock, secret, lambda one: round_folder(one, "v")):
        with pytest.raises(NotTrusted):
            write(Workspace(workspace.root, Studio("https://studio.example")))
    assert not any((root / FOLDER_NAME).iterdir())


@needs_root
def test_with_sudo_the_files_of_who_called_it_are_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch)
    for path in (root, root / "labelpilot.toml"):
        os.chown(path, NOBODY, NOBODY)
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert load_workspace(root).root == root
