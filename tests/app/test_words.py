"""Words: text from outside is harmless, numbers and durations are as people say them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.learning.rounds.options import next_version
from tests.app.doubles import until
from tui.links import link_from_here, open_page, opener
from tui.text import bar, cell, duration, harmless, plain, rate, shortened, wrapped
from tui.widgets.histogram import histogram


@pytest.mark.parametrize("text", ["[/b] weird", "[red]", "[@click=app.quit]x[/]", "{x}", "\\[a]"])
def test_brackets_stay_brackets(text: str) -> None:
    assert plain(text).plain == text
    assert plain(text).spans == []
    assert cell(text).plain == text
    assert cell(text).spans == []


def test_what_could_steer_a_terminal_is_taken_out() -> None:
    assert harmless("a\x1b[31mb\x07\u202ec") == "a\ufffd[31mb\ufffd\ufffdc"
    assert harmless("name\udce9").encode() == b"name?"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "under a second"),
        (24.4, "24 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (4800, "1 h 20 min"),
        (3600, "1 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_rates_below_one_a_second_are_told_a_minute() -> None:
    assert rate(3900.4) == "3,900 a second"
    assert rate(0.5) == "30.0 a minute"


def test_a_bar_fills_its_share_and_never_more() -> None:
    assert bar(0.5, 10) == "█████"
    assert bar(2.0, 4) == "████"
    assert bar(0.0, 4) == ""


def test_a_path_is_cut_at_its_front() -> None:
    assert shortened("/a/very/long/path/file.png", 12) == "…th/file.png"


def test_a_histogram_shows_one_value_beside_many() -> None:
    bars, median, greatest = histogram([0.0] * 99 + [8.0], 4)
    assert bars == "█  ▁"
    assert (median, greatest) == (0.0, 8.0)


def test_a_histogram_of_equal_values_is_one_bar() -> None:
    assert histogram([1.0, 1.0], 3)[0].strip() == "█"


@pytest.mark.parametrize(
    ("known", "expected"), [([], "model_v1"), (["model_v9", "model_v10", "x"], "model_v11")]
)
def test_the_next_version_is_one_more_than_the_highest(known: list[str], expected: str) -> None:
    assert next_version(known) == expected


def test_only_a_link_to_this_machine_is_rewritten_in_a_codespace() -> None:
    inside = {"CODESPACE_NAME": "n", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "d.dev"}
    assert link_from_here("http://127.0.0.1:8081/a?b=1", inside) == "https://n-8081.d.dev/a?b=1"
    assert link_from_here("http://studio.example:8081/a", inside) == "http://studio.example:8081/a"
    assert link_from_here("http://127.0.0.1:8081/a", {}) == "http://127.0.0.1:8081/a"


def test_without_a_desktop_no_text_browser_takes_the_terminal() -> None:
    assert opener({}, "linux") is None
    assert opener({"BROWSER": "/bin/true"}, "linux") == ["/bin/true"]


def test_a_page_is_opened_where_the_users_browser_is_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part\nmv {opened}.part {opened}\n')
    browser.chmod(0o755)
    page = tmp_path / "a report.html"
    for name in ("CODESPACE_NAME", "SSH_CONNECTION", "REMOTE_CONTAINERS", "VSCODE_IPC_HOOK_CLI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BROWSER", str(browser))
    assert open_page(page)
    until(opened.exists)
    assert opened.read_text() == page.as_uri()
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert not open_page(page)


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("short", ["short"]),
        ("one two three four", ["one two", "  three", "  four"]),
        ("abcdefghijklmno", ["abcdefgh", "  ijklmn", "  o"]),
    ],
)
def test_long_lines_are_broken_at_spaces(line: str, rows: list[str]) -> None:
    assert wrapped(line, 8) == rows
