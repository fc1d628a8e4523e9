"""How agreement is asked for, at a terminal and in a sentence, and kept: in a record of the user's
alone, which can be looked at and forgotten."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from core.errors import ConfigurationError, LabelpilotError
from core.workspace import trust
from core.workspace.consents import wanted
from core.workspace.settings import load_workspace
from core.workspace.trust import agree, consent_to
from tests.security.strangers import stranger
from tests.studio.command import LABELPILOT
from tui.commands.exit_codes import ExitCode


def command(root: Path, *arguments: str, typed: str | None = None) -> tuple[int, str]:
    """The exit code of a command of labelpilot's and what it said; at a terminal of its own where
    something is `typed`."""
    read, write = os.openpty() if typed is not None else os.pipe()
    process = subprocess.Popen(
        [LABELPILOT, *arguments, "--workspace", str(root)],
        stdin=write if typed is not None else subprocess.DEVNULL,
        stdout=write,
        stderr=write,
        start_new_session=True,
    )
    os.close(write)
    said = b""
    try:
        while part := os.read(read, 4096):
            said += part
            if typed is not None and said.rstrip().endswith(b":"):
                os.write(read, f"{typed}\n".encode())
                typed = ""
    except OSError:  # the terminal of a process that has ended
        pass
    os.close(read)
    return process.wait(timeout=60), said.decode().replace("\r\n", "\n")


def test_a_command_asks_at_a_terminal_and_goes_on_and_refuses_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nhooks = "../hooks.py"\n')
    code, said = command(root, "hooks")
    assert (code, said.count("\n")) == (ExitCode.USAGE, 3)
    assert f"wants to write to {tmp_path}/hooks.py, which is outside of its folder." in said
    assert f"{trust.VARIABLE}={root}" in said
    code, said = command(root, "hooks", typed="no")
    assert code == ExitCode.USAGE
    assert not (tmp_path / "hooks.py").exists()
    code, said = command(root, "hooks", typed="yes")
    assert code == ExitCode.DONE, said
    assert "wants to write" in said
    assert (tmp_path / "hooks.py").exists()


def test_no_name_in_the_question_adds_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = "../\\u001b[2Kx\\n\\nAll is well."
    root = stranger(tmp_path / "repo", monkeypatch, f'[learning]\nhooks = "{named}"\n')
    code, said = command(root, "hooks", typed="no")
    asked = [line for line in said.splitlines() if "wants to write" in line]
    assert code == ExitCode.USAGE
    assert len(asked) == 2
    assert all("All is well." in line for line in asked)
    assert "\x1b" not in said


def test_trust_shows_asks_and_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = '[studio]\nurl = "https://studio.example"\n[annotations]\ndataset = "../out.json"\n'
    root = stranger(tmp_path / "repo", monkeypatch, settings)
    code, said = command(root, "trust", "--json")
    shown = json.loads(said)
    assert (code, shown["agreed"]) == (ExitCode.PARTLY, [])
    assert [one["kind"] for one in shown["wanted"]] == ["token", "write"]
    code, said = command(root, "trust", "--yes", "--json")
    shown = json.loads(said)
    assert (code, shown["wanted"]) == (ExitCode.DONE, [])
    token = {"workspace": str(root), "kind": "token", "to": "https://studio.example"}
    assert token in shown["agreed"]
    assert wanted(load_workspace(root)) == []
    code, said = command(root, "trust", "--forget")
    assert (code, said) == (ExitCode.DONE, "You have agreed to nothing yet.\n")
    assert len(wanted(load_workspace(root))) == 2


def test_a_record_that_others_can_write_to_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nscheduler = "tls://a:1"\n')
    agree(consent_to(root, "scheduler", "tls://a:1"))
    record = tmp_path / "config" / "labelpilot" / "trust.json"
    assert record.stat().st_mode & 0o777 == 0o600
    assert wanted(load_workspace(root)) == []
    record.chmod(0o622)
    with pytest.raises(ConfigurationError, match="others can write to it"):
        wanted(load_workspace(root))
    record.chmod(0o600)
    record.write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        wanted(load_workspace(root))


def test_without_a_home_folder_no_record_is_taken_from_the_folder_worked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stranger(tmp_path / "repo", monkeypatch, '[learning]\nscheduler = "tls://a:1"\n')
    agree(consent_to(root, "scheduler", "tls://a:1"))
    (root / "config").symlink_to(tmp_path / "config")
    monkeypatch.chdir(root)
    monkeypatch.setattr(trust, "_file", lambda: Path("config/labelpilot/trust.json"))
    assert wanted(load_workspace(root))
    with pytest.raises(LabelpilotError, match="cannot be kept"):
        agree(consent_to(root, "run", "x"))
