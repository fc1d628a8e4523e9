"""Keys: one registry behind the bindings, the line at the bottom, the help, the palette."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend
from tui.app import LabelpilotApp
from tui.keys import KEYS, SECTIONS, keys_of, markdown_table, section_key

ROOT = Path(__file__).parents[2]
# What VS Code, tmux and others keep for themselves.
EATEN = re.compile(r"ctrl\+|f\d+$|alt\+")


async def test_every_key_of_a_section_does_something(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        for section in SECTIONS:
            await app.press(section_key(section))
            assert set(app.section.actions()) == {key.action for key in keys_of(section)}


def test_every_key_that_works_everywhere_does_something() -> None:
    for key in keys_of("everywhere"):
        assert hasattr(LabelpilotApp, f"action_{key.action.split('(')[0]}"), key


def test_no_key_is_one_that_the_terminal_around_us_eats() -> None:
    assert not [key for key in KEYS if EATEN.match(key.key)]


def test_no_section_gives_one_key_two_meanings() -> None:
    for place in SECTIONS:
        keys = [part for key in keys_of(place, "everywhere") for part in key.key.split(",")]
        assert len(keys) == len(set(keys)), place
        moving = {part for key in keys_of("list") for part in key.key.split(",")}
        # There is no list where one labels.
        assert place == "label" or not moving & set(keys), place


def test_no_sentence_of_a_screen_types_a_key_itself() -> None:
    """A key that is changed in the table is changed in every sentence."""
    typed = re.compile(r"\benter\b|\bpress \w\b|\(\w\)$|(^|[:;,.] )[a-zA-Z0-9] (shows|has|makes) ")
    told = [
        f"{path.name}: {node.value}"
        for folder in ("screens", "dialogs")
        for path in (ROOT / "tui" / folder).rglob("*.py")
        for node in strings(ast.parse(path.read_text(encoding="utf-8")))
        if typed.search(node.value)
    ]
    assert told == []


def strings(tree: ast.Module) -> Iterator[Any]:
    """The strings of a module that are used for something, which its docstrings are not."""
    documentation = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    for node in ast.walk(tree):
        is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_string and node not in documentation:
            yield node


def test_the_help_on_keys_names_every_key() -> None:
    topic = ROOT / "tui/help/keys.md"
    assert markdown_table() in topic.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
async def test_help_is_never_cut_from_the_line_of_keys(
    ready: FakeBackend, walk: Walker, width: int
) -> None:
    async with walk(ready, size=(width, 24)) as app:
        for section in SECTIONS:
            await app.press(section_key(section))
            assert app.footer.rstrip().endswith(": more   ? help")
            assert len(app.footer) <= width


async def test_the_line_of_keys_shows_only_what_applies(backend: FakeBackend, walk: Walker) -> None:
    async with walk(backend, size=(120, 24)) as app:
        assert "esc stop" not in app.footer
        assert "b label" not in app.footer
        backend.hold = threading.Event()
        await app.strike("a")
        await app.until(lambda: "esc stop" in app.footer)
        assert "do all" not in app.footer


async def test_the_help_tells_every_key_and_its_section_first(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready, size=(100, 220)) as app:
        await app.press("4", "question_mark")
        assert app.text.index("Write the dataset") < app.text.index("Do every step")
        for key in KEYS:
            assert key.what in app.text, key
        assert re.search(r"/ +Show only lines that hold a text", app.text)
        await app.press("escape")
        assert "Do every step" not in app.text


async def test_the_palette_lists_what_applies_now(backend: FakeBackend, walk: Walker) -> None:
    async with walk(backend) as app:
        await app.strike("colon")
        await app.until(lambda: "Do all  (a)" in app.text)
        # What is sensible next stands first.
        assert app.text.index("Next: do every step") < app.text.index("Do all  (a)")
        titles = [command.title for command in app.app.get_system_commands(app.app.screen_stack[0])]
        assert "Label  (b)" not in titles
        assert "Go to Sync" in titles


async def test_y_copies_the_command_of_what_is_shown(
    backend: FakeBackend, walk: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = backend.workspace.root
    async with walk(backend, size=(120, 24)) as app:
        await app.press("y")
        assert app.app.clipboard == f"labelpilot server start --workspace {root}"
        monkeypatch.chdir(root / "data")
        await app.press("2", "y")
        assert app.app.clipboard == "labelpilot sync"
        await app.press("5", "y")
        assert app.app.clipboard.startswith("labelpilot active-learning --model-version ")
        assert (root / ".labelpilot/logs/copied.txt").read_text() == app.app.clipboard


async def test_vim_keys_move_in_lists(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("enter", "j", "j", "k")
        assert "╭─ Account ─" in app.text
        await app.press("G")
        assert "╭─ Label stream ─" in app.text
        await app.press("g")
        assert "╭─ Server ─" in app.text


async def test_letters_in_a_form_are_letters(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("e", "q", "1", "colon", "question_mark", "L")
        assert "data/imagesq1:?L" in app.text


async def test_q_leaves_at_once_and_asks_while_something_runs(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "0 of 12" in app.text)
        await app.strike("q")
        await app.until(lambda: "1 job running: images to tasks." in app.text)
        await app.strike("escape", "q", "enter")
        await app.until(lambda: app.app._exit)
        assert ready.closed == ["import"]
        assert app.app.return_code == 0


async def test_the_logs_follow_and_mask_secrets(ready: FakeBackend, walk: Walker) -> None:
    log = ready.workspace.state.logs / "label-studio.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"[/b] first line\nAuthorization: Token {'a' * 40}\n")
    async with walk(ready) as app:
        await app.press("2", "enter", "L")
        assert "Images to tasks: done." in app.text
        await app.press("tab")
        assert "[/b] first line" in app.text
        assert "a" * 40 not in app.text
        with open(log, "a") as file:
            file.write("and one more\n")
        await app.until(lambda: "and one more" in app.text)
        await app.press("L")
        assert "and one more" not in app.text


async def test_what_is_copied_is_kept_in_a_file_too(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("b", "c")
        assert app.app.clipboard.startswith("http://127.0.0.1:8080/projects/1")
        copied = ready.workspace.state.logs / "copied.txt"
        assert copied.read_text() == app.app.clipboard


def test_the_journal_is_masked_on_disk(tmp_path: Path) -> None:
    from tui.journal import Journal

    journal = Journal()
    journal.file = tmp_path / "logs" / "labelpilot.log"
    journal.write(f"Token {'b' * 40} was refused")
    assert "b" * 40 not in journal.file.read_text()


async def test_a_filter_keeps_the_log_lines_that_hold_a_text(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("2", "enter", "L", "slash")
        await app.write("images found")
        await app.settled()
        assert "images found" in app.text
        assert "done." not in app.text
        await app.press("escape")
        assert "Images to tasks: done." in app.text


async def test_up_and_down_go_round_in_a_form(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("e")
        fields = [field.id for field in app.app.screen.focus_chain]
        await app.press("up")
        assert app.app.focused is not None and app.app.focused.id == fields[-1]
        await app.press("down")
        assert app.app.focused is not None and app.app.focused.id == fields[0]


async def test_long_lines_of_a_log_are_wrapped_whatever_its_width(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready, size=(60, 20)) as app:
        await app.press("L")
        assert "Nothing yet." in app.text
        for number in range(3):
            app.app.journal.write(f"{number} {'word ' * 30}its end")
        await app.until(lambda: app.text.count("its end") == 3)
        await app.pilot.resize_terminal(100, 30)
        await app.until(lambda: app.text.count("its end") == 3)
        assert app.text.count("word word word word word word word word word word word word wo") >= 3


async def test_the_journal_holds_no_dumps_of_data(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("5", "enter")
        journal = "\n".join(app.app.journal.lines)
        assert "Planning the round: done." in journal
        assert "RoundPlan(" not in journal and "array(" not in journal


async def test_the_help_is_scrolled_and_its_lines_keep_their_column(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready, size=(60, 20)) as app:
        await app.press("5", "question_mark")
        lines = app.text.splitlines()
        row = next(n for n, line in enumerate(lines) if "Run the hooks" in line)
        assert lines[row].index("Run the hooks") == lines[row + 1].index("publishes nothing")
        assert "labelpilot help" not in app.text
        await app.press("G")
        assert "labelpilot help" in app.text
