from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from core.deadline import Call, Overdue, within


def test_what_a_call_returns_or_raises_is_the_callers() -> None:
    assert within(5.0, lambda: "an answer", "call") == "an answer"
    with pytest.raises(ZeroDivisionError):
        within(5.0, lambda: 1 / 0, "call")


def test_a_call_that_takes_too_long_goes_on_by_itself() -> None:
    let_go = threading.Event()
    with pytest.raises(Overdue) as error:
        within(0.01, let_go.wait, "call")
    assert not error.value.call.ended()
    let_go.set()
    assert error.value.call.ended(within=5.0)
    assert error.value.call.result() is True


def test_a_call_can_be_looked_at_while_it_goes_on() -> None:
    let_go = threading.Event()
    call = Call(let_go.wait, "call")
    assert not call.ended(within=0.01)
    let_go.set()
    assert call.ended(within=5.0) and call.result() is True


def test_a_call_that_never_ends_does_not_keep_the_process_alive() -> None:
    code = "import threading; from core.deadline import Call; Call(threading.Event().wait, 'call')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
