"""What a server sends without end has one here."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.errors import StudioUnreachable
from core.studio.client import StudioClient
from core.studio.http import MOST_BYTES, is_healthy

TOKEN = "0123456789abcdef0123456789abcdef01234567"
ASKED: dict[str, Callable[[StudioClient], Any]] = {
    "projects": lambda client: client.find_projects("Toys"),
    "tasks by id": lambda client: list(client.tasks(1, "image")),
    "tasks by page": lambda client: client.annotated_task_ids(1),
    "annotated tasks": lambda client: list(client.annotated_tasks(1)),
}


@contextlib.contextmanager
def server(answer: Callable[[int], Iterable[bytes]], encoding: str = "") -> Iterator[list[str]]:
    """A server that answers request number n with the parts `answer(n)`; yields its address, and
    after it the requests."""
    asked: list[str] = []
    number = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            if encoding:
                self.send_header("content-encoding", encoding)
            self.end_headers()
            with contextlib.suppress(OSError):
                for part in answer(next(number)):
                    self.wfile.write(part)

        def log_message(self, *arguments: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    asked.append(f"http://127.0.0.1:{listening.server_port}")
    try:
        yield asked
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def packed() -> Iterator[bytes]:
    """More than is taken, in a thousandth of its size."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for _ in range(MOST_BYTES // 2**24 + 1):
        yield packer.compress(bytes(2**24))
    yield packer.flush()


def test_an_answer_that_unpacks_to_more_than_is_taken_is_refused_once() -> None:
    with (
        server(lambda _: packed(), "gzip") as asked,
        pytest.raises(StudioUnreachable, match="does not answer as Label Studio does") as raised,
    ):
        StudioClient(asked[0], TOKEN).whoami()
    assert f"{MOST_BYTES:,}" in raised.value.cause
    assert len(asked) == 2


def test_an_answer_packed_twice_is_not_unpacked_at_all() -> None:
    twice = zlib.compress(zlib.compress(bytes(2**20)))
    with (
        server(lambda _: [twice], "deflate, deflate") as asked,
        pytest.raises(StudioUnreachable, match="does not answer as Label Studio does"),
    ):
        StudioClient(asked[0], TOKEN).whoami()


def test_a_question_before_any_token_takes_no_more_than_that_either() -> None:
    with server(lambda _: packed(), "gzip") as asked:
        assert not is_healthy(asked[0])


@pytest.mark.parametrize("kind", ["new ones", "the same"])
@pytest.mark.parametrize("question", ASKED)
def test_a_listing_that_never_ends_is_left(question: str, kind: str) -> None:
    def answer(number: int) -> list[bytes]:
        first = 1 if kind == "the same" else number * 2000 + 1
        items = [
            {
                "id": first + n,
                "title": "Toys",
                "data": {"image": str(first + n)},
                "total_annotations": 1,
                "annotations": [{"id": 1}],
            }
            for n in range(2000)
        ]
        total = 2000 + number * 2000 + 1
        whole = {"results": items, "next": "x", "count": total, "tasks": items, "total": total}
        return [json.dumps(whole).encode()]

    with server(answer) as asked, pytest.raises(StudioUnreachable):
        ASKED[question](StudioClient(asked[0], TOKEN))
    assert len(asked) < 20


def test_tasks_that_were_not_asked_for_are_refused() -> None:
    body = json.dumps({"tasks": [[5000, {"image": "a.png"}, 0]]}).encode()
    with server(lambda _: [body]) as asked, pytest.raises(StudioUnreachable, match="other tasks"):
        StudioClient(asked[0], TOKEN).tasks_of_ranges(1, "image", 64, [1])
