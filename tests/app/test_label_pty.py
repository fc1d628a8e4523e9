"""Labeling in a real terminal: for which image a key counts, and the codes that pictures are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.app.terminal import Terminal
from tests.app.toys import make_workspace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are of Unix")

QUESTION, ANSWER = b"\x1b[6n", b"\x1b[5;5R"


def labeling(folder: Path, **extra: str) -> Terminal:
    """The app on images of the digits 1, 2, 3 and so on."""
    workspace = make_workspace(folder)
    for number in range(1, 7):
        image = Image.new("RGB", (160, 120), ("red", "lime", "blue")[number % 3])
        image.save(workspace.images.path / f"digit_{number}.png")
    return Terminal(folder, "tests.app.labeling", str(folder), extra=extra)


class Answering:
    """The terminal's own answers, given when the test says so."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._given = 0

    def give(self, image: str) -> None:
        """Answer what was asked once `image` was painted."""
        self._terminal.read_until(image)
        while self._terminal.output.count(QUESTION) <= self._given:
            self._terminal._read(0.1)
        self._given += 1
        self._terminal.send(ANSWER)


def test_keys_of_a_burst_go_to_the_image_that_was_seen_when_they_were_pressed(
    tmp_path: Path,
) -> None:
    terminal = labeling(tmp_path / "toys")
    answers = Answering(terminal)
    try:
        answers.give("digit_1.png")
        # All in one read: what comes after the first was pressed while the first image was seen.
        terminal.send(b"1991")
        terminal.read_until("3 keys came before this image was seen")
        # The second image is painted, but not yet on the screen of whoever sits far away.
        terminal.read_until("digit_2.png")
        terminal.send(b"9")
        terminal.read_until("4 keys came before this image was seen")
        answers.give("digit_2.png")
        terminal.send(b"2")
        for number in range(3, 7):
            answers.give(f"digit_{number}.png")
            terminal.send(str(number).encode())
        terminal.read_until("Nothing is left to be labeled")
        terminal.send(b"q")
        assert terminal.read_to_the_end() == 0
    finally:
        terminal.close()
    sent = (tmp_path / "toys/sent.txt").read_text().splitlines()
    assert sent == [f"digit_{number} {number}" for number in range(1, 7)]


@pytest.mark.parametrize(
    ("extra", "answer", "code"),
    [
        (
            {"TERM": "xterm-kitty"},
            b"\x1b_Gi=1;OK\x1b\\\x1b[6;20;10t\x1b[?62;c",
            rb"\x1b_Ga=T,U=1,q=2,f=100,i=\d+,c=\d+,r=\d+,m=1;\x1b\\",
        ),
        (
            {"TERM_PROGRAM": "vscode"},
            b"\x1b[6;20;10t\x1b[?62;4;9;22c",
            rb"\x1b\[\d+;\d+H\x1b\]1337;File=inline=1;size=\d+;width=\d+;height=\d+;[^:]*:[^\x07]*\x07",
        ),
        (
            {"TERM": "foot"},
            b"\x1b[6;20;10t\x1b[?62;4;22c",
            rb'\x1b\[\d+;\d+H\x1bP0;1q"1;1;\d+;\d+#',
        ),
    ],
    ids=["kitty", "vscode", "foot"],
)
def test_a_terminal_that_shows_pixels_is_given_its_own_codes(
    tmp_path: Path, extra: dict[str, str], answer: bytes, code: bytes
) -> None:
    terminal = labeling(tmp_path / "toys", **extra)
    try:
        while b"\x1b[c" not in terminal.output:
            terminal._read(0.1)
        terminal.send(answer)
        Answering(terminal).give("160x120")
        while not re.search(code, terminal.output):
            terminal._read(0.1)
        while "digit_2.png" not in terminal.text:
            # A key does not count before the whole picture is there.
            terminal.send(b"1")
            terminal._read(0.5)
        terminal.send(b"q")
        assert terminal.read_to_the_end() == 0
        assert terminal.attributes[:4] == terminal.before[:4]
    finally:
        terminal.close()
    # What kitty was given it is told to forget.
    forgotten = len(re.findall(rb"\x1b_Ga=d,d=I,q=2,i=\d+\x1b\\", terminal.output))
    assert (forgotten > 0) == ("kitty" in extra.get("TERM", ""))
