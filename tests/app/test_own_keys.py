"""`keys.toml`: keys, the theme and commands of the user's own, and what is said of mistakes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.test_pty import Terminal
from tests.app.toys import make_workspace
from tui.keys import DEFAULTS
from tui.own_keys import OwnKeys, read_keys

KNOWN = {key.id: key.key for key in DEFAULTS}


def read(text: str) -> OwnKeys:
    return read_keys(text, KNOWN)


def said(text: str) -> str:
    """The one problem of a file."""
    (problem,) = read(text).problems
    return f"{problem.message} {problem.next_step}".strip()


def test_keys_and_commands_are_taken_as_they_are_written() -> None:
    own = read(
        'theme = "nord"\n[keys]\nsetup.do_all = "A"\n"logs.copy" = ["y", "Y"]\n'
        '[commands]\nT = { run = "make", title = "Train", token = true }\n"?" = "x"\n'
        '[keys.everywhere]\nhelp = "H"\n'
    )
    assert own.keys == {"setup.do_all": "A", "logs.copy": "y,Y", "everywhere.help": "H"}
    assert [(one.key, one.run, one.title, one.token) for one in own.commands] == [
        ("T", "make", "Train", True),
        ("question_mark", "x", "x", False),
    ]
    assert own.theme == "nord"
    assert own.problems == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[kyes]\n", "keys.toml, line 1: `kyes` is not known. Did you mean `keys`?"),
        (
            '[keys]\n\nsetup.doall = "x"\n',
            "keys.toml, line 3: `setup.doall` in [keys] is not known. Did you mean `setup.do_all`?",
        ),
        (
            '[keys]\nsetup.do_all = "cntrl+r"\n',
            "keys.toml, line 2: `setup.do_all` cannot be 'cntrl+r', which is no key, but perhaps "
            "`ctrl+r`.",
        ),
        (
            "[keys]\nsetup.do_all = 5\n",
            "keys.toml, line 2: `setup.do_all` must be a key in quotes, or several in brackets, "
            "not 5.",
        ),
        (
            '[keys]\nsetup.do_all = "e"\n',
            "keys.toml, line 2: `setup.do_all` cannot be 'e', which is the key of setup.edit "
            "there.",
        ),
        (
            '[keys]\nsetup.do_all = "ctrl+c"\n',
            "keys.toml, line 2: `setup.do_all` cannot be 'ctrl+c', which always leaves.",
        ),
        (
            '[commands]\nq = "make"\n',
            "keys.toml, line 2: `q` is the key of everywhere.leave, which can be changed under "
            "[keys].",
        ),
        (
            "[commands]\nT = { run = 5 }\n",
            'keys.toml, line 2: `T` must say what it runs, as in { run = "python train.py", '
            'title = "Train" }.',
        ),
        (
            '[commands]\nT = { run = "x", tilte = "y" }\n',
            "keys.toml, line 2: `T` has `tilte`; known are run, title and token.",
        ),
        ("theme = 5\n", "keys.toml, line 1: `theme` must be text in quotes, not 5."),
        ("keys = 5\n", "keys.toml, line 1: `keys` must be a section, as in `[keys]`."),
        ("[keys\n", "keys.toml cannot be read, so all keys are as they were."),
    ],
)
def test_a_mistake_is_one_sentence_with_the_line_and_the_nearest_name(
    text: str, sentence: str
) -> None:
    assert said(text) == sentence


def test_what_is_wrong_is_left_out_and_the_rest_is_taken() -> None:
    own = read('[keys]\nsetup.edit = "x"\nsetup.nothing = "y"\n[commands]\nT = 5\nU = "make"\n')
    assert own.keys == {"setup.edit": "x"}
    assert [one.key for one in own.commands] == ["U"]
    assert len(own.problems) == 2


def test_two_keys_may_change_places() -> None:
    own = read('[keys]\nsetup.edit = "a"\nsetup.do_all = "e"\n')
    assert own.keys == {"setup.edit": "a", "setup.do_all": "e"}
    assert own.problems == []


@given(
    st.dictionaries(
        st.sampled_from([*KNOWN, "setup.x"]),
        st.sampled_from([*"abeq1?: ", "esc", "", "ctrl+", "enter"]) | st.just(["a", "b"]),
    ),
    st.text(max_size=30),
)
def test_whatever_is_in_the_file_no_place_has_a_key_with_two_meanings(
    keys: dict[str, object], rest: str
) -> None:
    text = "[keys]\n" + "\n".join(f'"{name}" = {value!r}' for name, value in keys.items())
    read(rest)
    own = read(text)
    for place in ("setup", "sync", "export", "learning"):
        names = [name for name in KNOWN if name.startswith((f"{place}.", "everywhere.", "list."))]
        pressed = [part for n in names for part in own.keys.get(n, KNOWN[n]).split(",")]
        assert len(pressed) == len(set(pressed))


KEYS = """
theme = "textual-ansii"
[keys]
setup.do_all = "A"
setup.server = "b"
[commands]
T = { run = "env > told; read WORD; echo got $WORD; exit 3", title = "Train" }
K = { run = "echo $$ > number; exec sleep 1000", title = "Sleep" }
"""


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    config = tmp_path / "config"
    (config / "labelpilot").mkdir(parents=True)
    (config / "labelpilot" / "keys.toml").write_text(KEYS)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "a secret of the user's")
    one = Terminal(make_workspace(tmp_path / "toys").root)
    try:
        one.read_until("Label Studio is not running")
        yield one
    finally:
        one.close()


def test_the_users_keys_are_shown_and_their_command_gets_the_terminal(
    terminal: Terminal, tmp_path: Path
) -> None:
    """One app for all of it: what is shown, what a command is told, and its end."""
    terminal.read_until("keys.toml, line 2: there is no theme")
    terminal.read_until("cannot be 'b', which is the key")
    terminal.read_until("A do all")
    terminal.send(b"?")
    terminal.read_until("one, A does all that need no answer")
    terminal.send(b"\x1b")
    terminal.output = b""
    terminal.read_until("same as: labelpilot server start")
    terminal.send(b"T")
    terminal.read_until("$ env > told")
    terminal.send(b"this\n")
    terminal.read_until("got this")
    terminal.read_until("It ended with exit code 3.")
    terminal.send(b"\n")
    terminal.read_until("Train ended with exit code 3.")
    toys = tmp_path / "toys"
    told = dict(line.split("=", 1) for line in (toys / "told").read_text().splitlines())
    assert told["LABELPILOT_WORKSPACE"] == str(toys)
    assert told["LABELPILOT_DATASET"] == str(toys / "data" / "dataset.json")
    assert told["LABELPILOT_TITLE"] == "Toys"
    assert "LABEL_STUDIO_API_KEY" not in told
    assert not [name for name, value in told.items() if "secret of" in value]
    terminal.send(b"q")
    assert terminal.read_to_the_end() == 0


def test_a_command_ends_with_an_app_that_is_killed(terminal: Terminal, tmp_path: Path) -> None:
    terminal.send(b"K")
    terminal.read_until("$ echo")
    number = tmp_path / "toys" / "number"
    deadline = time.monotonic() + 20
    while not (number.exists() and number.read_text().strip()):
        assert time.monotonic() < deadline
        os.sched_yield()
    process = psutil.Process(int(number.read_text()))
    terminal.process.send_signal(signal.SIGKILL)
    process.wait(20)


def test_a_workspace_brings_no_command(tmp_path: Path) -> None:
    """Only the user's own folder is looked into."""
    from tui import own_keys

    root = make_workspace(tmp_path / "toys").root
    (root / "keys.toml").write_text(KEYS)
    before = Path.cwd()
    os.chdir(root)
    try:
        assert own_keys.own_keys(KNOWN) == OwnKeys()
    finally:
        os.chdir(before)
