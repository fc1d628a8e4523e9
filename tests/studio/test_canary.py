"""A secret is found where it is stored, and nowhere else: not after the whole journey, not after
what failed or crashed, not on a screen that is exported, not on a command line at any time."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.secrets.credentials import credentials_file, find_secret
from core.studio.process import LAUNCHER
from core.workspace.settings import load_workspace
from tests.app.test_pty import Terminal
from tests.studio.command import run_anew
from tests.studio.conftest import Demo
from tui.app import LabelpilotApp

REFUSED = "c0ffee" * 6 + "c0ff"
ROOT = Path(__file__).resolve().parents[2]
CRASHING = "tests.studio.crashing"


@pytest.fixture(scope="module")
def secrets(demo: Demo) -> dict[str, bytes]:
    """What must not be found. Label Studio's database holds a personal token without its signature,
    so it is the signature that is looked for."""
    found = {"refused": REFUSED.encode()}
    for name in ("token", "password"):
        secret = find_secret(load_workspace(demo.folder), name)
        assert secret is not None
        assert secret.source == "file"
        found[name] = secret.value.rsplit(".", 1)[-1].encode()
    return found


def places(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `folder`, and every process's command line."""
    for path in folder.rglob("*"):
        if path.is_file() and path != credentials_file(load_workspace(folder)):
            # SQLite's own files come and go.
            with contextlib.suppress(FileNotFoundError):
                yield str(path), path.read_bytes()
    yield from command_lines()


def command_lines() -> Iterator[tuple[str, bytes]]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            yield f"process {process.pid}", "\0".join(process.cmdline()).encode()


@contextlib.contextmanager
def watched() -> Iterator[set[bytes]]:
    """Every command line that there is meanwhile."""
    seen: set[bytes] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            seen.update(line for _, line in command_lines())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_the_secrets_are_where_they_are_stored(demo: Demo, secrets: dict[str, bytes]) -> None:
    stored = credentials_file(load_workspace(demo.folder)).read_bytes()
    assert secrets["token"] in stored
    assert secrets["password"] in stored


def test_they_are_in_no_file_and_on_no_command_line(demo: Demo, secrets: dict[str, bytes]) -> None:
    looked_at = dict(places(demo.folder))
    assert any(name.endswith("label_studio.sqlite3") for name in looked_at)
    assert any(name.endswith("label-studio.log") for name in looked_at)
    assert any(str(LAUNCHER).encode() in line for line in looked_at.values())
    assert {
        (name, secret)
        for name, text in looked_at.items()
        for secret in secrets
        if secrets[secret] in text
    } == set()


def test_no_command_prints_them_and_none_that_fails(demo: Demo, secrets: dict[str, bytes]) -> None:
    file = demo.folder / "labelpilot.toml"
    original = file.read_text()

    with watched() as lines:
        done = [
            demo.run(*command.split())
            for command in ("doctor", "doctor --json", "token show", "server status")
        ]
        done.append(run_anew("server", "logs", "--workspace", str(demo.folder)))
        done.append(demo.run("sync", LABEL_STUDIO_API_KEY=REFUSED))
        done.append(demo.run("token", "show", "--json"))
        file.write_text(original.replace(".*png", "matches nothing"))
        try:
            done.append(demo.run("sync"))
        finally:
            file.write_text(original)
    assert [one.code for one in done[-3:]] == [3, 0, 2]
    printed = "".join(one.out + one.err for one in done).encode()
    assert [name for name in secrets if secrets[name] in printed] == []
    assert [n for n, text in places(demo.folder) if secrets["refused"] in text] == []
    # Nor does a command line while they work.
    assert any(b"server\0logs" in line for line in lines)
    assert [line for line in lines for secret in secrets.values() if secret in line] == []


def test_a_crash_of_a_command_shows_what_and_where_and_no_secret(
    demo: Demo, secrets: dict[str, bytes]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", CRASHING, "sync", "--json", "--workspace", str(demo.folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"in fail" in done.stderr
    assert (
        "ZeroDivisionError: a mistake with {'Authorization': 'Token •••'}" in done.stderr.decode()
    )
    assert [name for name in secrets if secrets[name] in done.stderr] == []


def test_a_crash_of_the_app_shows_what_and_where_and_no_secret(
    demo: Demo, secrets: dict[str, bytes]
) -> None:
    terminal = Terminal(demo.folder, CRASHING, "--workspace", str(demo.folder))
    try:
        terminal.read_until("All is set up")
        terminal.send(b"?")
        assert terminal.read_to_the_end() == 1
    finally:
        terminal.close()
    told = terminal.text
    assert "labelpilot made a mistake" in told
    assert "in fail" in told
    assert "ZeroDivisionError: a mistake" in told
    log = (load_workspace(demo.folder).state.logs / "labelpilot.log").read_bytes()
    assert b"ZeroDivisionError: a mistake" in log
    assert [n for n in secrets for text in (terminal.output, log) if secrets[n] in text] == []


async def test_no_screen_that_is_exported_shows_them(demo: Demo, secrets: dict[str, bytes]) -> None:
    app = LabelpilotApp(demo.folder, poll_seconds=0)
    shown = []
    async with app.run_test(size=(120, 40)) as pilot:
        for key in ("1", "2", "3", "4", "5", "L"):
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
            shown.append(app.export_screenshot())
    svg = "".join(shown)
    assert "labelpilot" in svg
    assert [name for name in secrets if secrets[name].decode() in svg] == []
