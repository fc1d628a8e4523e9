"""A few seconds of each fuzzer: what it finds in hours is mended, and stays so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.bursts import differences, sequences
from tests.fuzz.events import events, saved, trace
from tests.fuzz.readers import fuzz

ROOT = Path(__file__).parents[2]
SEED = "short"


@pytest.mark.parametrize(("fuzzer", "count"), [("app", 100), ("terminal", 60)])
def test_no_event_ends_the_app_but_those_that_are_meant_to(
    fuzzer: str, count: int, tmp_path: Path
) -> None:
    command = f"-m tests.fuzz.{fuzzer} --seed {SEED} --events {count} --traces".split()
    done = subprocess.run(
        [sys.executable, *command, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert os.listdir(tmp_path) == []


# One form stands for the others, which take keys in the same way.
@pytest.mark.parametrize(
    ("form", "count"),
    [
        ("keyring", 4),
        pytest.param("new workspace", 3, marks=pytest.mark.long),
        pytest.param("settings", 2, marks=pytest.mark.long),
    ],
)
async def test_keys_typed_at_once_end_as_those_typed_slowly(
    form: str, count: int, tmp_path: Path
) -> None:
    assert await differences(form, sequences(SEED, count), tmp_path) == []


def test_whatever_is_in_a_file_or_an_answer_is_read_or_refused_in_words(tmp_path: Path) -> None:
    told = fuzz(SEED, 1000, tmp_path)
    assert told.found == []
    assert told.cases == 1000


def test_the_same_seed_gives_the_same_events_and_a_trace_gives_them_again(tmp_path: Path) -> None:
    stream, again = events(SEED, ["a", "b"]), events(SEED, ["a", "b"])
    given = [next(stream) for _ in range(500)]
    assert given == [next(again) for _ in range(500)]
    (tmp_path / "trace.jsonl").write_text("".join(map(saved, given)))
    assert list(trace(tmp_path / "trace.jsonl")) == given
