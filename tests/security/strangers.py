"""What the tests of trust share: a workspace that somebody else wrote, servers that write down what
they are sent, and another user of this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from core.secrets.credentials import VARIABLE
from core.workspace import trust

TOKEN = "0123456789abcdef0123456789abcdef01234567"
# Debian's; any number that is not ours would do.
NOBODY = 65534
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="a"/></Choices></View>"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


def stranger(root: Path, monkeypatch: pytest.MonkeyPatch, settings: str = "") -> Path:
    """A workspace in `root` that its user has not agreed to anything for."""
    monkeypatch.delenv(trust.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root.parent / "config"))
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv(VARIABLE, TOKEN)
    (root / "data" / "images").mkdir(parents=True)
    (root / "data" / "images" / "1.png").write_bytes(b"an image")
    (root / "config.xml").write_text(CONFIG)
    (root / "labelpilot.toml").write_text(f'[project]\nlabel_config = "config.xml"\n{settings}')
    return root


@dataclass
class Listener:
    """A server that answers as a Label Studio would, and what it was sent."""

    port: int
    received: list[bytes] = field(default_factory=list)

    @property
    def elsewhere(self) -> str:
        """Its address, as one that is not known to be this machine's."""
        return f"http://0.0.0.0:{self.port}"

    def heard(self, secret: str) -> bool:
        return any(secret.encode() in request for request in self.received)


@contextlib.contextmanager
def listener(port: int = 0) -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            heard.received.append(bytes(self.headers) + self.path.encode() + body)
            content = b'{"id": 1, "email": "a@b.c", "release": "1.23.2", "results": []}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 (the names that http.server calls)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Handler)
    heard = Listener(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Listens as a Label Studio does, answers 200 to all, and prints each request that it was sent.
PROGRAM = """
import os, socket, sys
if sys.argv[1] != "-":
    os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("127.0.0.1", int(sys.argv[2])))
listening.listen()
print("up", listening.getsockname()[1], flush=True)
while True:
    connection, _ = listening.accept()
    while request := connection.recv(65536):
        print(repr(request), flush=True)
        content = b'{"id": 1, "email": "a@b.c"}'
        head = b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(content)
        connection.sendall(head + content)
"""


@contextlib.contextmanager
def program(
    launcher: Path, data: Path, user: str = "-", port: int = 0
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process whose command line is that of our server on `data`, run as `user` where one is
    named; and the port that it listens on."""
    launcher.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "-B", str(launcher), user, str(port), "--data-dir", str(data)],
        cwd="/",
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().split()[1])
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def silent() -> Iterator[tuple[int, list[bool]]]:
    """A port, and whether anybody has connected to it."""
    connected: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening.getsockname()[1], connected
        with contextlib.suppress(BlockingIOError):
            listening.accept()[0].close()
            connected.append(True)
