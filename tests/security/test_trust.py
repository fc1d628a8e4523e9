"""A workspace that somebody else wrote: what it may do before its user has agreed, which is to be
looked at; and that each thing is asked once, in a sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from core.dataset.export import export_dataset
from core.dataset.report.write import write_report
from core.dataset.split import Split
from core.errors import ConfigurationError
from core.learning.builtin.embedder import embed
from core.learning.hooks.run import run_hooks
from core.learning.hooks.templates import write_template
from core.learning.rounds.options import RoundOptions
from core.learning.rounds.planning import plan_round
from core.progress import finish
from core.secrets.credentials import find_secret, has_agreed, store_secret
from core.setup.context import Setup
from core.setup.doctor import examine
from core.setup.storage_steps import TARGET_STORAGE
from core.studio.project import OpenProject, connect
from core.studio.starting import start_server
from core.studio.tokens import store_tried_token
from core.workspace import trust
from core.workspace.consents import wanted
from core.workspace.settings import load_workspace, save_workspace
from core.workspace.trust import NotTrusted, agree, consent_to
from tests.app.toys import annotation
from tests.security.strangers import TOKEN, Listener, listener, silent, stranger
from tui.backend import Backend

HOOKS = """
from pathlib import Path
Path("ran").touch()
get_embeddings = lambda: {"1": [1.0, 2.0]}
get_loss_trainset = lambda: {}
"""


def refusal(work: Any) -> NotTrusted:
    with pytest.raises(NotTrusted) as caught:
        finish(work)
    return caught.value


def elsewhere(heard: Listener) -> str:
    return f'[studio]\nurl = "{heard.elsewhere}"\nallow_http = true\n'


# A token


def test_no_token_is_sent_to_another_machine_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as heard:
        root = stranger(tmp_path / "repo", monkeypatch, elsewhere(heard))
        workspace = load_workspace(root)
        found = {finding.name: finding for finding in examine(root)}
        assert "wants to send your token" in found["set-up: account"].detail
        error = refusal(Backend().label_page(workspace))
        refusal(store_tried_token(workspace, TOKEN))
        assert heard.elsewhere in error.message
        assert f"{trust.VARIABLE}={root}" in error.next_step
        assert "`labelpilot trust" in error.next_step
        assert heard.received
        assert not heard.heard(TOKEN)
        agree(error.consent)
        connect(workspace).whoami()
        assert heard.heard(TOKEN)


def test_a_consent_is_for_one_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as one, listener() as other:
        root = stranger(tmp_path / "repo", monkeypatch, elsewhere(one))
        agree(consent_to(root, "token", one.elsewhere))
        connect(load_workspace(root)).whoami()
        save_workspace(root, {"studio": {"url": other.elsewhere}})
        with pytest.raises(NotTrusted):
            connect(load_workspace(root))
        assert one.heard(TOKEN)
        assert not other.received


@pytest.mark.parametrize(
    ("server", "url", "is_sent"),
    [
        ("", "https://studio.example", True),
        ("https://studio.example/", "https://STUDIO.example:443", True),
        ("https://studio.example", "https://studio.example.evil.example", False),
        ("https://studio.example", "http://studio.example", False),
        ("https://studio.example", None, False),
        ("http://localhost:8080", None, True),
    ],
)
def test_the_variables_token_is_for_the_server_that_is_named_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, url: str | None, is_sent: bool
) -> None:
    settings = "" if url is None else f'[studio]\nurl = "{url}"\nallow_http = true\n'
    root = stranger(tmp_path / "repo", monkeypatch, settings)
    monkeypatch.setenv("LABEL_STUDIO_URL", server)
    found = find_secret(load_workspace(root), "token")
    assert (found is not None) is is_sent


def test_who_names_the_server_beside_the_token_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as heard:
        root = stranger(tmp_path / "repo", monkeypatch, elsewhere(heard))
        monkeypatch.setenv("LABEL_STUDIO_URL", heard.elsewhere)
        connect(load_workspace(root)).whoami()


def test_a_file_in_the_repository_agrees_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://studio.example"
    root = stranger(tmp_path / "repo", monkeypatch, f'[studio]\nurl = "{url}"\n')
    monkeypatch.setattr("core.secrets.credentials.session_secrets", {})
    (root / ".labelpilot").mkdir()
    planted = root / ".labelpilot" / "credentials.json"
    planted.write_text(json.dumps({"server": url, "agreed": True}))
    workspace = load_workspace(root)
    assert not has_agreed(workspace)
    assert store_secret(workspace, "token", TOKEN) == "session"
    assert not planted.exists() or TOKEN not in planted.read_text()


def test_no_database_of_another_machine_is_sent_a_password_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgresql://postgres@db.example/labels"
    root = stranger(tmp_path / "repo", monkeypatch, f'[studio]\ndatabase = "{address}"\n')
    assert address in refusal(start_server(load_workspace(root))).message
    assert not (root / ".labelpilot" / "logs").exists()
    save_workspace(root, {"studio": {"database": "postgresql://postgres@127.0.0.1/labels"}})
    assert wanted(load_workspace(root)) == []


def test_no_bucket_is_read_with_your_credentials_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[images]\nurl = "s3://bucket/a"\n')
    assert "s3://bucket/a" in refusal(start_server(load_workspace(root))).message
    assert not (root / ".labelpilot" / "logs").exists()


# Code


def test_a_hooks_file_is_run_once_its_user_has_agreed_and_again_asked_for_where_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nhooks = "hooks.py"\n')
    (root / "hooks.py").write_text(HOOKS)
    workspace = load_workspace(root)
    folder = workspace.state.rounds / "one"
    error = refusal(run_hooks(workspace, folder))
    assert str(root / "hooks.py") in error.message
    assert not (root / "ran").exists()
    agree(error.consent)
    finish(run_hooks(workspace, folder))
    assert (root / "ran").exists()
    (root / "hooks.py").rename(tmp_path / "other.py")
    (root / "hooks.py").symlink_to(tmp_path / "other.py")
    assert str(tmp_path / "other.py") in refusal(run_hooks(workspace, folder)).message
    python = save_workspace(root, {"learning": {"python": "bin/python"}})
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to(sys.executable)
    assert str(root / "bin" / "python") in refusal(run_hooks(python, folder)).message


def test_no_scheduler_is_reached_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent() as (port, connected):
        address = f"tcp://127.0.0.1:{port}"
        root = stranger(tmp_path / "repo", monkeypatch, f'[learning]\nscheduler = "{address}"\n')
        opened: Any = OpenProject(load_workspace(root), None, None)  # type: ignore[arg-type]
        assert address in refusal(plan_round(opened, RoundOptions("v"))).message
    assert not connected


def test_no_scheduler_of_another_machine_is_reached_in_clear_unasked_though_made_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(trust.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def wants(address: str) -> list[str]:
        root = tmp_path / address[-1]
        root.mkdir()
        made = save_workspace(root, {"learning": {"scheduler": address}})
        return [one.kind for one in wanted(made)]

    assert wants("tls://10.0.0.1:1") == []
    assert wants("tcp://127.0.0.1:2") == []
    assert wants("tcp://10.0.0.1:3") == ["scheduler in clear"]


# Writing


def test_a_network_is_loaded_once_its_user_has_agreed_and_again_asked_for_where_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nmodel = "network.onnx"\n')
    (root / "network.onnx").write_text("whatever it is, it is not looked at")
    workspace = load_workspace(root)
    with pytest.raises(NotTrusted) as caught:
        finish(embed(workspace))
    assert caught.value.consent.to == str(root / "network.onnx")
    trust.agree(caught.value.consent)
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        finish(embed(workspace))
    (root / "network.onnx").unlink()
    (root / "network.onnx").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotTrusted):
        finish(embed(workspace))


@pytest.mark.parametrize("how", ["named", "a link to the file", "a link to the folder"])
def test_nothing_is_written_outside_of_the_folder_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    outside = tmp_path / "home" / "settings"
    outside.parent.mkdir()
    outside.write_text("the user's own")
    named = str(outside) if how == "named" else "out/settings"
    settings = f'[annotations]\ndataset = "{named}"\n'
    root = stranger(tmp_path / "repo", monkeypatch, settings)
    if how == "a link to the file":
        (root / "out").mkdir()
        (root / "out" / "settings").symlink_to(outside)
    elif how == "a link to the folder":
        (root / "out").symlink_to(outside.parent)
    (root / "data" / "annotations").mkdir()
    choice = json.dumps(annotation(1, "1.png", ["a"])).replace('"labels"', '"kind"')
    (root / "data" / "annotations" / "1").write_text(choice)
    workspace = load_workspace(root)
    error = refusal(export_dataset(workspace))
    assert str(outside) in error.message
    assert outside.read_text() == "the user's own"
    agree(error.consent)
    finish(export_dataset(workspace))
    assert json.loads(outside.read_text()) == {"1": ["a"]}


@pytest.mark.parametrize(
    "name", ["dataset.meta.json", "dataset.split.json", "dataset.csv", "r.html"]
)
def test_no_link_beside_a_dataset_is_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also where the user names the file: the link is somebody else's."""
    outside = tmp_path / "settings"
    outside.write_text("the user's own")
    root = stranger(tmp_path / "repo", monkeypatch)
    (root / "data" / "annotations").mkdir()
    choice = json.dumps(annotation(1, "1.png", ["a"])).replace('"labels"', '"kind"')
    (root / "data" / "annotations" / "1").write_text(choice)
    link = root / "data" / name
    link.symlink_to(outside)
    workspace = load_workspace(root)
    works = {
        "dataset.csv": export_dataset(workspace, out=link, format="csv"),
        "r.html": write_report(workspace, link),
    }
    refusal(works.get(name, export_dataset(workspace, split=Split(0.5))))
    assert outside.read_text() == "the user's own"


def test_label_studio_is_given_no_folder_outside_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[annotations]\npath = "../autostart"\n')
    refusal(TARGET_STORAGE.apply(Setup(load_workspace(root))))
    assert not (tmp_path / "autostart").exists()


def test_no_hooks_file_is_written_outside_before_that_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nhooks = "../sitecustomize.py"\n')
    with pytest.raises(NotTrusted):
        write_template(load_workspace(root))
    assert not (tmp_path / "sitecustomize.py").exists()


# Asking


def test_work_in_ones_own_folder_is_never_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[studio]\nurl = "http://127.0.0.1:8080"\n')
    assert wanted(load_workspace(root)) == []


def test_a_workspace_that_labelpilot_made_here_is_asked_about_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch)
    (root / "labelpilot.toml").unlink()
    changes = {
        "studio": {"url": "https://studio.example"},
        "annotations": {"dataset": "../out.json"},
        "learning": {"hooks": "labelpilot.toml"},
    }
    workspace = save_workspace(root, changes)
    assert wanted(workspace) == []
    trust.forget(root)
    assert {one.kind for one in wanted(workspace)} == {"token", "write", "run"}
    save_workspace(root, {"project": {"title": "That it is saved again says nothing"}})
    assert wanted(workspace)


@pytest.mark.parametrize(
    ("value", "named"),
    [("{root}", True), ("/nowhere:{root}/..", True), ("{root}o:", False), (":", False)],
)
def test_a_script_names_folders_whose_workspaces_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, named: bool
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nhooks = "config.xml"\n')
    monkeypatch.chdir(root)
    monkeypatch.setenv(trust.VARIABLE, value.format(root=root))
    assert (wanted(load_workspace(root)) == []) is named
