"""A token goes to the server that the workspace names, and to no other."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from core.errors import LabelpilotError, StudioRefused
from core.secrets.credentials import store_secret
from core.studio.client import StudioClient
from core.studio.tokens import forget_token, rotate_token
from core.workspace.settings import Studio, Workspace

LEGACY = "0123456789abcdef0123456789abcdef01234567"


def personal(seconds: int = 1000) -> str:
    """A personal token that ends in so many seconds."""
    parts = ({"alg": "HS256"}, {"token_type": "refresh", "exp": int(time.time()) + seconds})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join(part.rstrip("=") for part in [*encoded, "c2lnbmF0dXJl"])


@contextlib.contextmanager
def server(
    status: int, headers: dict[str, str], content: bytes = b""
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers everything alike, and what it was sent."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            received.append(bytes(self.headers) + self.path.encode() + body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 (the names that http.server calls)

        def log_message(self, *arguments: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", received
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_with_a_token(status: int) -> None:
    with (
        server(200, {}) as (other, received),
        server(status, {"location": other}) as (url, sent),
        contextlib.closing(StudioClient(url, LEGACY)) as client,
    ):
        with pytest.raises(StudioRefused, match="redirects to another address") as raised:
            client.whoami()
        with pytest.raises(StudioRefused):
            client.create_project("Minifigures")
    assert len(sent) == 2
    assert received == []
    assert other in raised.value.cause


def test_no_redirect_is_followed_where_a_personal_token_is_renewed() -> None:
    token = personal()
    with (
        server(200, {}) as (other, received),
        server(307, {"location": other}) as (url, sent),
        contextlib.closing(StudioClient(url, token)) as client,
        pytest.raises(LabelpilotError) as raised,
    ):
        client.create_project("Minifigures")
    assert sent
    assert received == []
    assert token not in str(raised.value)


def test_no_redirect_is_followed_where_a_token_is_rotated_or_forgotten(tmp_path: Path) -> None:
    with server(200, {}) as (other, received), server(307, {"location": other}) as (url, sent):
        workspace = Workspace(tmp_path, Studio(url))
        store_secret(workspace, "token", personal())
        with pytest.raises(StudioRefused):
            rotate_token(workspace)
        done = forget_token(workspace)
    assert len(sent) == 2
    assert received == []
    assert not done.revoked
    assert done.removed == ("session",)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with server(200, {}) as (proxy, received), server(401, {}) as (url, sent):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        with (
            contextlib.closing(StudioClient(url, LEGACY)) as client,
            pytest.raises(StudioRefused, match="does not accept the token"),
        ):
            client.whoami()
    assert sent
    assert received == []
