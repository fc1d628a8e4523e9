from __future__ import annotations

import threading

import pytest

from core.errors import StudioRefused
from core.studio.long_request import LongRequest, Silence


def test_a_request_goes_on_while_others_look() -> None:
    let_go = threading.Event()
    request = LongRequest(let_go.wait)
    assert not request.ended(within=0.01)
    assert request.error is None
    let_go.set()
    assert request.ended(within=5.0)
    assert request.error is None


def test_what_a_request_failed_with_is_told_and_a_mistake_of_ours_is_raised() -> None:
    refused = StudioRefused("No.")

    def fail(error: Exception) -> None:
        raise error

    request = LongRequest(lambda: fail(refused))
    assert request.ended(within=5.0)
    assert request.error is refused
    request = LongRequest(lambda: fail(TypeError("ours")))
    assert request.ended(within=5.0)
    with pytest.raises(TypeError, match="ours"):
        _ = request.error


def test_silence_begins_anew_with_each_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    silence = Silence()
    assert silence.seconds("queued") == 0.0
    now[0] += 5
    assert silence.seconds("queued") == 5.0
    assert silence.seconds("in_progress") == 0.0
    now[0] += 2
    assert silence.seconds("in_progress") == 2.0
