"""Where there is no keyring: three choices in the app, none taken silently, with a real keyring.

Each test runs the app in a home folder and a process of its own, with a terminal on which nothing
may ask. The server is played; what is stored, and where, is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needs
from tests.security.keyring_machine import PASSWORD, ROOT, Machine

TOKEN = "0123456789abcdef0123456789abcdef01234567"
TITLE = "There is no system keyring here"
NEW_FORM = "A password for a new keyring."

pytestmark = needs("gnome-keyring-daemon", "dbus-run-session")

# Walks the app: each word that is given is a key, or a text to type, a token to paste, or `=` and
# words to wait for.
_WALK = """
import asyncio, json, os, sys, time
from pathlib import Path
from textual import events
from core.secrets.credentials import store_secret
from core.progress import Progress
from tests.app.doubles import FakeBackend
from tests.app.toys import make_workspace
from tui.app import LabelpilotApp
from tui.backend import Backend

class Storing(FakeBackend):
    token_source = Backend.token_source
    needs_choice = Backend.needs_choice

    def store_token(self, workspace, token):
        yield Progress("token")
        return store_secret(workspace, "token", token)

root = Path("toys").resolve()
file = root / "labelpilot.toml"
if not file.exists():
    make_workspace(root)
if "OWN" not in os.environ and "studio" not in file.read_text():
    file.write_text(file.read_text() + '[studio]\\nurl = "https://studio.example"\\n')
from core.workspace.settings import load_workspace
backend = Storing(load_workspace(root), running=True)
app = LabelpilotApp(root, backend, poll_seconds=0)

def text():
    strips = app.screen._compositor.render_strips()
    return "\\n".join(strip.text.rstrip() for strip in strips) + "\\n" + "\\n".join(
        toast.message for toast in app._notifications)

async def walk():
    async with app.run_test(size=(100, 34), notifications=True) as pilot:
        for word in sys.argv[1:]:
            if word[0] == "=":
                deadline = time.monotonic() + 20
                while word[1:] not in text():
                    assert time.monotonic() < deadline, (word, text())
                    await pilot.pause(0.02)
            elif len(word) == 1 or word in ("enter", "escape", "down", "tab", "backspace"):
                await pilot.press(word)
            elif len(word) == 40:
                app.post_message(events.Paste(word))
                await pilot.pause()
            else:
                for letter in word:
                    await pilot.press({" ": "space", "'": "apostrophe"}.get(letter, letter))
        shown = text()
    print(json.dumps({"shown": shown, "token": backend.token_source(backend.workspace),
                      "logged": list(app.journal.lines)}))
asyncio.run(walk())
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def walk(machine: Machine, *words: str) -> dict[str, Any]:
    machine.variables |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    (done,) = machine.run(_WALK, "=to do  Token", *words)
    assert PASSWORD not in str(done)
    assert TOKEN not in str(done)
    return done


def test_a_keyring_is_started_with_a_password_that_never_shows_and_keeps_the_token(
    machine: Machine,
) -> None:
    opened = ("t", f"={TITLE}", "enter", f"={NEW_FORM}")
    done = walk(
        machine,
        *opened,
        *(PASSWORD, "tab", "something else", "enter", "=The two passwords are not the same."),
        *(*["backspace"] * 14, PASSWORD, "enter", "=Personal Access Token", TOKEN, "enter"),
        "=token keyring",
    )
    assert done["token"] == "keyring"
    assert TOKEN.encode() not in machine.files()
    assert PASSWORD.encode() not in machine.files()
    # The next time the password is asked once, a wrong one is said to be so, and no token is asked.
    again = walk(
        machine,
        *("t", f"={TITLE}", "enter", "=The keyring's password.", "wrong", "enter"),
        *("=The system keyring is locked", "enter", "t", f"={TITLE}", "enter"),
        *("=The keyring's password.", PASSWORD, "enter", "=The keyring is open, and holds"),
        "=token keyring",
    )
    assert again["token"] == "keyring"


def test_nothing_is_stored_where_nothing_is_chosen(machine: Machine) -> None:
    done = walk(
        machine,
        "t",
        f"={TITLE}",
        "escape",
        "t",
        f"={TITLE}",
        "down",
        "enter",
        "=read -rs LABEL_STUDIO_API_KEY",
        "enter",
    )
    assert done["token"] is None
    assert not list(machine.folder.rglob("credentials.json"))


def test_a_file_takes_a_typed_yes(machine: Machine) -> None:
    done = walk(
        machine,
        "t",
        f"={TITLE}",
        "G",
        "enter",
        "=Type yes",
        "y",
        "enter",
        "=it takes a yes, in full",
        "es",
        "enter",
        "=Personal Access Token",
        TOKEN,
        "enter",
        "=token file",
    )
    assert done["token"] == "file"
    (file,) = machine.folder.rglob("credentials.json")
    assert file.stat().st_mode & 0o777 == 0o600


def test_for_this_session_it_is_kept_nowhere(machine: Machine) -> None:
    done = walk(
        machine,
        "t",
        f"={TITLE}",
        "down",
        "down",
        "enter",
        "=Personal Access Token",
        TOKEN,
        "enter",
        "=token session",
    )
    assert done["token"] == "session"
    assert TOKEN.encode() not in machine.files()


def test_the_keyring_that_holds_what_our_own_server_needs_is_opened_again(machine: Machine) -> None:
    toys = "Workspace(Path('toys').resolve())"
    machine.act("unlocked", f"store_secret({toys}, 'token', {TOKEN!r})")
    machine.variables["OWN"] = "1"
    done = walk(
        machine,
        *("t", f"={TITLE}", "enter", "=The keyring's password.", PASSWORD, "enter"),
        *("=The keyring is open, and holds", "=token keyring"),
    )
    assert done["token"] == "keyring"


@pytest.mark.parametrize("codespace", ["", "fluffy-disco"])
def test_the_command_names_the_same_choices_and_stores_nothing(
    tmp_path: Path, codespace: str
) -> None:
    (tmp_path / "labelpilot.toml").write_text('[studio]\nurl = "https://studio.example"\n')
    variables = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "CODESPACE_NAME": codespace}
    done = subprocess.run(
        [sys.executable, "-m", "tui", "token", "set", "--workspace", str(tmp_path)],
        cwd=ROOT,
        env=variables,
        input=TOKEN,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was stored" in done.stderr
    asked = "Settings, Codespaces, New secret" if codespace else "read -rs LABEL_STUDIO_API_KEY"
    for words in ("gnome-keyring-daemon --unlock", asked, "token allow-file"):
        assert words in done.stderr
    assert not (tmp_path / ".labelpilot").exists()
