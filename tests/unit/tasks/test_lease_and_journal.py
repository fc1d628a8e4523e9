"""What is written down so that two syncs, or two runs of one, do not get in each other's way."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.journal import OpenImport, close_journal, read_journal, write_journal
from core.tasks.lease import Signature, join, split
from core.tasks.limits import LATE_SECONDS

WORDS = st.text(max_size=40).map(lambda text: text.rstrip("\n"))


@given(words=WORDS, who=st.text(max_size=40), beat=st.integers(0, 10**6))
def test_a_signature_leaves_the_descriptions_own_words(words: str, who: str, beat: int) -> None:
    signature = Signature("0123", who.encode("utf-8", "replace").decode(), beat)
    assert split(join(words, signature)) == (words, signature)


@pytest.mark.parametrize(
    "text", ["", "plain words", "labelpilot sync: by hand", 'labelpilot sync: {"id": 1}']
)
def test_words_that_only_look_like_a_signature_are_words(text: str) -> None:
    assert split(text) == (text, None)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"after": 1}', b"\xff"])
def test_a_broken_journal_is_no_journal(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "journal.json"
    assert read_journal(file) is None
    file.write_bytes(content)
    assert read_journal(file) is None
    close_journal(file)


@pytest.mark.parametrize(
    ("doubtful", "age", "stays"),
    [(False, 0, False), (True, 1, True), (True, LATE_SECONDS + 1, False), (True, -500, False)],
)
def test_a_journal_is_kept_while_something_may_still_land(
    tmp_path: Path, doubtful: bool, age: float, stays: bool
) -> None:
    file = tmp_path / "journal.json"
    entry = OpenImport(after=3, newest=5, sent=time.time() - age, doubtful=doubtful)
    write_journal(file, entry)
    assert read_journal(file) == entry
    close_journal(file)
    assert file.exists() == stays
