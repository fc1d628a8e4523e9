"""The command line by itself: its choices, its help and its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import orjson
import pytest
from click.testing import CliRunner

from core.errors import (
    ConfigurationError,
    LabelpilotError,
    PartlyDone,
    StudioRefused,
    StudioUnreachable,
)
from core.learning.rounds.options import MOST_RANDOM, RoundOptions
from core.progress import finish
from core.workspace.locks import Busy
from core.workspace.settings import parse_workspace
from tui.backend import Backend
from tui.cli import cli
from tui.commands.choices import Choice
from tui.commands.exit_codes import ExitCode, exit_code
from tui.commands.help import topics


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        yield command


ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
COMMANDS = list(commands(cli))
CHOICES = [
    (command, option)
    for command in COMMANDS
    for option in command.params
    if isinstance(option.type, Choice)
]


def shown(command: click.Command) -> str:
    return command.get_help(click.Context(command, info_name=command.name))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.callback.__name__)
def test_the_help_of_a_command_ends_with_an_example_of_it(command: click.Command) -> None:
    *_, last = shown(command).splitlines()
    assert last.startswith("  Example: labelpilot ")
    words = last.split()[2:]
    named: click.Command = cli
    while isinstance(named, click.Group) and named is not command:
        named = named.commands[words.pop(0)]
    assert named is command


@pytest.mark.parametrize(
    ("command", "option"), CHOICES, ids=[f"{c.name} {o.opts[-1]}" for c, o in CHOICES]
)
def test_a_choice_shows_its_names_and_refuses_another_one(
    command: click.Command, option: click.Option
) -> None:
    kind = option.type
    assert isinstance(kind, Choice)
    help_text = shown(command)
    for name, words in kind.load().items():
        assert f"\n  {name} " in help_text
        assert words
        assert kind.convert(name, option, None) == name
    first = kind.first()
    with pytest.raises(ConfigurationError) as caught:
        kind.convert(f"{first}x", option, None)
    assert caught.value.message.endswith(f" '{first}x' is not known.")
    assert caught.value.next_step.startswith(f"Did you mean `{first}`? Known: {first}, ")
    context = click.Context(command)
    assert [item.value for item in kind.shell_complete(context, option, str(first))] == [first]


def test_what_a_round_takes_unasked_is_what_the_command_takes() -> None:
    command = cli.commands["active-learning"]
    given = command.make_context("active-learning", ["--model-version", "v"]).params
    del given["root"], given["as_json"], given["people"]
    assert RoundOptions(**given) == RoundOptions("v")
    (share,) = (option.type for option in command.params if option.name == "random_share")
    assert isinstance(share, click.FloatRange)
    assert share.max == MOST_RANDOM


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LabelpilotError("no"), 1),
        (Busy("no"), 1),
        (RuntimeError("a mistake"), 1),
        (ConfigurationError("no"), 2),
        (click.UsageError("no"), 2),
        (StudioUnreachable("no"), 3),
        (StudioRefused("no"), 3),
        (PartlyDone("no"), 4),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_an_error_ends_with_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_the_readme_names_every_command_and_every_exit_code() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    shown = "\n".join(line.split(" | ")[0] for line in lines if line.startswith("| `labelpilot "))
    for name, command in cli.commands.items():
        assert f"`labelpilot {name}" in shown
        for part in command.commands if isinstance(command, click.Group) else ():
            assert re.search(rf"`labelpilot {name} .*\b{part}\b", shown), part
    (line,) = (line for line in lines if "Exit codes:" in line)
    codes = line.partition("Exit codes:")[2]
    assert [int(number) for number in re.findall(r"\d+", codes)] == [*ExitCode]


def test_the_readme_leads_to_each_topic_by_its_title() -> None:
    readme = README.read_text(encoding="utf-8")
    for name, title in topics().items():
        assert f"- [`{name}`](tui/help/{name}.md): {title}\n" in readme
    for path in re.findall(r"\]\(([\w./-]+)\)", readme):
        assert (ROOT / path).exists(), path


def test_help_tells_the_same_text_as_the_file_and_names_what_there_is() -> None:
    ran = CliRunner()
    for name, title in topics().items():
        told = ran.invoke(cli, ["help", name])
        assert told.output == (ROOT / f"tui/help/{name}.md").read_text(encoding="utf-8")
        assert f"{name} " in ran.invoke(cli, ["help"]).output
        assert title


def test_an_unknown_name_ends_with_one_sentence_as_json_where_that_is_asked(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "export", "--rule", "lates", "--json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE
    error = orjson.loads(done.stdout)["error"]
    assert error["exit_code"] == ExitCode.USAGE
    assert f"{error['message']}\n{error['next_step']}\n" == done.stderr.decode()
    assert error["next_step"].startswith("Did you mean `latest`?")
    assert not list(tmp_path.iterdir())


def test_a_token_that_cannot_be_tried_is_not_stored(tmp_path: Path) -> None:
    (tmp_path / "labelpilot.toml").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "tui", "token", "set"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        input=b"f" * 40,
        capture_output=True,
        check=False,
    )
    assert done.returncode == ExitCode.UNREACHABLE
    assert done.stderr.startswith(b"Label Studio is not running.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["labelpilot.toml"]


def test_a_sync_tells_what_is_wrong_with_the_folder_before_it_needs_a_server(
    tmp_path: Path,
) -> None:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "images" / "notes.txt").write_text("no image")
    workspace = parse_workspace('[project]\ntitle = "Toys"\n', tmp_path)
    with pytest.raises(ConfigurationError, match="matches the pattern"):
        finish(Backend().sync(workspace))
