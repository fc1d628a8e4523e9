"""The doctor: what is wrong and the fix for each, fit for others' eyes."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import masking
from core.secrets.credentials import credentials_file, store_secret
from core.setup import doctor
from core.setup.doctor import Finding, examine
from core.workspace.settings import Workspace

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="cat"/></Choices></View>"""
TOKEN = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in the home folder in which nothing is wrong."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    monkeypatch.setattr(masking, "known_secrets", set())
    folder = tmp_path / "project"
    (folder / "data" / "images").mkdir(parents=True)
    (folder / "data" / "images" / "one.png").write_bytes(b"an image")
    (folder / "labeling").mkdir()
    (folder / "labeling" / "project_config.xml").write_text(CONFIG)
    (folder / "labeling" / "active_learning.py").touch()
    (folder / "labelpilot.toml").touch()
    return folder


def look(root: Path) -> dict[str, Finding]:
    found = examine(root)
    assert len({finding.name for finding in found}) == len(found)
    return {finding.name: finding for finding in found}


def test_where_nothing_is_wrong_nothing_is_said_to_be(root: Path) -> None:
    found = look(root)
    assert [one for one in found.values() if one.state == "wrong"] == []
    assert found["images"].detail.startswith("1 in ~/project/data/images")
    assert found["labeling config"].detail == "1 control tag, labels: cat"
    assert found["served folder"].detail == "~/project/data"
    assert found["set-up: server"].fix == "labelpilot server start"
    assert found["set-up: project"].fix == ""


def test_it_changes_nothing(root: Path) -> None:
    before = sorted(root.rglob("*"))
    look(root)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "name", "words", "fix"),
    [
        ("[imagez]", "workspace", "`imagez` is not known", "Did you mean `images`?"),
        ("[images]\npath = 'nowhere'", "images", "nowhere does not exist", "fix `path`"),
        ("[images]\npattern = 'x'", "images", "matches the pattern 'x'", "pattern"),
        ("[project]\nlabel_config = 'x.xml'", "labeling config", "cannot be read", "[project]"),
        ("[learning]\npython = '/no/python'", "hooks", "is no program", "fix `python`"),
        ("[learning]\nhooks = 'x.py'", "hooks", "x.py does not exist", "[learning]"),
        (
            "[studio]\nurl = 'http://127.0.0.1:1'",
            "set-up: server",
            "no Label Studio answers",
            "fix `url`",
        ),
        (
            "[studio]\nurl = 'http://studio.example'\nallow_http = true",
            "encryption",
            "without encryption",
            "https://",
        ),
        (
            "[images]\npath = '.'\n[annotations]\npath = '../x'",
            "served folder",
            "would serve all of it",
            "data/images",
        ),
        (
            "[images]\npath = 'data/images'\n[annotations]\npath = 'out'",
            "served folder",
            "own folder, with the server's database, lies in it",
            "one folder",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_fix(
    root: Path, content: str, name: str, words: str, fix: str
) -> None:
    (root / "labelpilot.toml").write_text(content)
    found = look(root)[name]
    assert found.state != "ok"
    assert words in found.detail
    assert fix in found.fix


def test_a_token_is_told_by_source_and_kind_and_never_shown(root: Path) -> None:
    store_secret(Workspace(root), "token", TOKEN)
    found = look(root)
    assert found["token"].detail.startswith("legacy token from the 0600 file")
    assert TOKEN not in str(list(found.values()))


def test_a_variable_with_the_token_is_named_and_not_shown(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    monkeypatch.setenv("LABEL_STUDIO_PASSWORD", "hunter2hunter2")
    found = look(root)
    assert found["token variable"].detail == "LABEL_STUDIO_API_KEY is set"
    assert "not passed on" in found["Label Studio's variables"].detail
    assert TOKEN not in str(list(found.values()))
    assert "hunter2" not in str(list(found.values()))


def test_a_folder_that_others_can_read_is_wrong(root: Path) -> None:
    store_secret(Workspace(root), "token", TOKEN)
    assert look(root)["private files"].state == "ok"
    credentials_file(Workspace(root)).parent.chmod(0o755)
    found = look(root)["private files"]
    assert found.state == "wrong"
    assert found.fix == "chmod -R go= ~/project/.labelpilot/server"


def test_nothing_in_it_tells_who_wrote_it_or_steers_a_terminal(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "\x1b]0;owned\x07\u202egnp"
    (root / "labelpilot.toml").write_text(f"[images]\npath = '{name[-4:]}'\n")
    monkeypatch.setenv("TERM", name)

    def account(workspace: Workspace) -> object:
        yield Finding("account", "ok", f"anna.smith@example.com in {root} {TOKEN}")

    monkeypatch.setattr(doctor, "OF_A_WORKSPACE", (*doctor.OF_A_WORKSPACE, account))
    text = str([one.as_json() for one in examine(root)])
    assert "a…@example.com in ~/project •••" in text
    assert "anna" not in text
    assert not any(one in text for one in ("\x1b", "\x07", "\u202e", "\\x1b", str(root)))


def test_a_mistake_of_ours_in_one_look_does_not_hide_the_others(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(workspace: Workspace) -> object:
        raise ZeroDivisionError(TOKEN)

    monkeypatch.setattr(doctor, "OF_A_WORKSPACE", (broken, *doctor.OF_A_WORKSPACE))
    found = look(root)
    assert found["broken"].detail == "labelpilot could not look: ZeroDivisionError: •••"
    assert "images" in found
