"""Threads that nobody has to wait for at the end.

asyncio's own wait for what they do, and Python waits for them once more: a server that takes a
request and says nothing would keep the process for as long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class LooseThreads(ThreadPoolExecutor):
    """Runs each call in a thread of its own that ends with the process at the latest."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # handed on to whoever asks for the result
                future.set_exception(error)

        threading.Thread(target=run, daemon=True, name="question").start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing."""
