"""Patterns from outside: matched as Python matches them, and never for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.patterns import Matcher, may_not_end
from core.workspace.settings import IMAGE_PATTERN

ENDLESS = (
    r"(\w+)*\.png$",
    r"(a|a)*$",
    r"(.*)*x",
    r"(?:\w|\d\d)+\.png",
    r"(?:(?:\w{1,9})+)+$",
    r"(a*)*b",
)


@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_pattern_that_never_ends_is_ended_and_said(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.patterns.SECONDS", 0.05)
    assert may_not_end(pattern)
    with (
        pytest.raises(ConfigurationError, match="takes too long") as raised,
        Matcher(pattern, "The pattern") as matcher,
    ):
        for name in ("a" * 60 + "!", "9" * 60 + "!", "\n" + "a" * 60):
            matcher.groups(name)
    assert raised.value.next_step


@pytest.mark.parametrize("pattern", [IMAGE_PATTERN, ".*png", r"img_\d+_v\d+\.jpe?g", r"[ab]{2,3}$"])
def test_a_usual_pattern_needs_no_process(pattern: str) -> None:
    assert not may_not_end(pattern)


@settings(max_examples=30)
@given(
    st.sampled_from([*ENDLESS, r"(\d+)-(x)?", r"(?P<p>.)(?P=p)", "", r".*\.(?i:png|jpg)$"]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
    | st.sampled_from(["a.png", "aa"]),
    st.sampled_from(["match", "search"]),
)
def test_it_matches_as_python_does(pattern: str, name: str, how: str) -> None:
    found = getattr(re.compile(pattern), how)(name)
    expected = None if found is None else [found[0], *found.groups()]
    with Matcher(pattern, "The pattern", how) as matcher:  # type: ignore[arg-type]
        assert matcher.groups(name) == expected
        assert bool(matcher.matches(name)) == (expected is not None)
