"""A small TCP proxy that breaks the requests it is told to break, in the way it is told to.

It reads one HTTP request from each connection, so that it knows what passes through, and hands it
on byte by byte. What it does to the client's connection is what broken networks and proxies do.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BYTES = 65536


@dataclass
class Fault:
    """Breaks requests whose first line `pattern` matches: `times` of them after the first `skip`.

    `act` gets the exchange and does to it what it likes.
    """

    pattern: str
    act: Callable[[Exchange], None]
    skip: int = 0
    times: int = 1
    struck: int = 0

    def strikes(self, first_line: str) -> bool:
        if not re.match(self.pattern, first_line):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.struck += 1
        return self.struck <= self.times


@dataclass
class Exchange:
    """One request on its way from a client to the server and back."""

    client: socket.socket
    request: bytes
    server: tuple[str, int]
    closing: threading.Event

    def forward(self) -> bytes:
        """Send the request to the server and return its whole answer."""
        with socket.create_connection(self.server, timeout=120) as upstream:
            upstream.sendall(self.request)
            parts = []
            while part := upstream.recv(BYTES):
                parts.append(part)
        return b"".join(parts)

    def answer(self, status: str, body: str, *headers: str) -> None:
        """Answer the client in the server's place."""
        content = body.encode()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
        lines += ["Connection: close", "", ""]
        self.client.sendall("\r\n".join(lines).encode() + content)

    def drop(self) -> None:
        """Reset the client's connection."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()


@dataclass
class Proxy:
    """A running proxy before one server. `faults` may be changed at any time."""

    server: tuple[str, int]
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __enter__(self) -> Proxy:
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            request = _read_request(client)
            if not request:
                return
            first_line = request.partition(b"\r\n")[0].decode()
            with self._lock:
                self.seen.append(first_line)
                fault = next((f for f in self.faults if f.strikes(first_line)), None)
            exchange = Exchange(client, request, self.server, self._closing)
            if fault is None:
                client.sendall(exchange.forward())
            else:
                fault.act(exchange)


def before(url: str) -> Proxy:
    """A proxy before the server at `url`."""
    parts = urlsplit(url)
    return Proxy((str(parts.hostname), int(parts.port or 80)))


def _read_request(client: socket.socket) -> bytes:
    """One whole request, told to close its connection so that its answer ends with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(BYTES)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    while length and len(body) < int(length.group(1)):
        body += client.recv(BYTES)
    head = re.sub(rb"(?im)^(connection|accept-encoding):.*\r\n", b"", head + b"\r\n")
    return head + b"Connection: close\r\n\r\n" + body


# What can be done to an exchange. Each says whether the server gets the request.


def drop_before(exchange: Exchange) -> None:
    """Reset the connection; the server gets nothing."""
    exchange.drop()


def drop_after(exchange: Exchange) -> None:
    """Reset the connection when the server has answered."""
    exchange.forward()
    exchange.drop()


def drop_at_once(exchange: Exchange) -> None:
    """Reset the connection while the server begins to work."""
    threading.Thread(target=exchange.forward, daemon=True).start()
    exchange.drop()


def bad_gateway(exchange: Exchange) -> None:
    """502; the server gets nothing."""
    exchange.answer("502 Bad Gateway", "")


def too_many_requests(exchange: Exchange) -> None:
    """429 with Retry-After; the server gets nothing."""
    exchange.answer("429 Too Many Requests", "", "Retry-After: 2")


def too_large(exchange: Exchange) -> None:
    """413 for what is larger than a proxy takes."""
    if len(exchange.request) > 20_000:
        exchange.answer("413 Request Entity Too Large", "<h1>413</h1>")
    else:
        exchange.client.sendall(exchange.forward())


def unauthorized(exchange: Exchange) -> None:
    """401, as for a token that is no longer accepted."""
    exchange.answer("401 Unauthorized", '{"detail": "Token is blacklisted"}')


def html_500(exchange: Exchange) -> None:
    """A page in place of JSON, as status 500; the server did its work."""
    exchange.forward()
    exchange.answer(
        "500 Internal Server Error",
        "<html><style>h1 {}</style><h1>Server Error (500)</h1></html>",
        "Content-Type: text/html",
    )


def html_200(exchange: Exchange) -> None:
    """A login page in place of JSON, as status 200; the server gets nothing."""
    exchange.answer("200 OK", "<html><h1>Please sign in</h1></html>", "Content-Type: text/html")


def other_json(exchange: Exchange) -> None:
    """JSON of something else than Label Studio, as status 200; the server gets nothing."""
    exchange.answer("200 OK", '{"status": "ok"}', "Content-Type: application/json")


def truncated(exchange: Exchange) -> None:
    """Half of the answer's body, then the end of the connection."""
    head, _, body = exchange.forward().partition(b"\r\n\r\n")
    exchange.client.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])


def one_byte_a_second(exchange: Exchange) -> None:
    """The answer, one byte a second."""
    for byte in exchange.forward():
        exchange.client.sendall(bytes([byte]))
        if exchange.closing.wait(1.0):
            return


def hang_before(exchange: Exchange) -> None:
    """No answer ever; the server gets nothing."""
    exchange.closing.wait(300)


def hang_after(exchange: Exchange) -> None:
    """No answer ever; the server did its work."""
    exchange.forward()
    exchange.closing.wait(300)


def gateway_timeout(exchange: Exchange) -> None:
    """504 while the server works on."""
    threading.Thread(target=exchange.forward, daemon=True).start()
    exchange.answer("504 Gateway Time-out", "<html><h1>504</h1></html>")


def delivered_late(seconds: float) -> Callable[[Exchange], None]:
    """504 at once; the server gets the request `seconds` later."""

    def act(exchange: Exchange) -> None:
        def deliver() -> None:
            time.sleep(seconds)
            with contextlib.suppress(OSError):
                exchange.forward()

        threading.Thread(target=deliver, daemon=True).start()
        exchange.answer("504 Gateway Time-out", "<html><h1>504</h1></html>")

    return act
