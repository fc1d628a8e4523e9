"""Requests to Label Studio, and its answers as values or as sentences.

Of the SDK only what keeps a token is used: importing its client takes seconds, it sends again what
creates too, and its typed resources drop fields and reject the bodies of other server versions. So
bodies are read as plain JSON here and checked where they are used, and only a GET is tried again.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import orjson

from core.deadline import Overdue, within
from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.masking import redact
from core.studio.access import Access, NoAccess
from core.studio.http import http_client

if TYPE_CHECKING:
    import httpx

# Seconds. Long work that the server does inside a request (a native sync) sets its own.
CONNECT_SECONDS = 10.0
# Within which an answer must be here whole: a link that trickles is as good as none.
READ_SECONDS = 60.0
GET_ATTEMPTS = 4
# A server or proxy that asks to be left alone for longer than this is taken to refuse.
LONGEST_WAIT = 120.0


class NoAnswer(StudioUnreachable):
    """A request was sent and no whole answer came: whether it took effect is not known."""


class Unbearable(NoAnswer):
    """An answer came that cannot be taken: too large, or packed in a way that was not asked for."""


class Broken(StudioRefused, NoAnswer):
    """A 5xx: an answer, but one that leaves open whether the request took effect."""


class Postponed(StudioRefused):
    """A 429: the request took no effect, and may be sent again after `wait` seconds."""

    def __init__(self, message: str, *, cause: str, next_step: str, wait: float) -> None:
        super().__init__(message, cause=cause, next_step=next_step, status=429)
        self.wait = wait


class Transport:
    """Sends requests to one Label Studio with one token. Safe to use from several threads.

    Nothing is sent before the first request; httpx is imported then. `confirm` is asked about
    each connection: see `core.studio.door`.
    """

    def __init__(self, url: str, token: str, confirm: Callable[[], None] | None = None) -> None:
        self.url = url
        self.access = Access(token)
        self._confirm = confirm
        self._connected: httpx.Client | None = None
        self._lock = threading.Lock()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON that `path` answers with; tried again where the failure may pass.

        Raises StudioRefused, StudioUnreachable.
        """
        return self.ask("GET", path, params=params)

    def ask(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """As `get`, with a method of one's own: for what changes nothing, whatever its method."""
        failed: StudioRefused | StudioUnreachable | None = None
        try:
            return self.send(method, path, params=params, body=body)
        except (Postponed, NoAnswer) as error:
            failed = error
        # Loaded only where it is needed: that takes as long as several requests.
        import stamina
        import stamina.instrumentation

        # What is tried again is told as progress; a line of stamina's own would break the screen.
        stamina.instrumentation.set_on_retry_hooks(())
        for attempt in stamina.retry_context(
            on=_wait_before_next,
            attempts=GET_ATTEMPTS,
            timeout=None,
            wait_initial=0.2,
            wait_max=3.0,
        ):
            with attempt:
                if attempt.num == 1:
                    raise failed
                return self.send(method, path, params=params, body=body)
        raise AssertionError("unreachable")

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        read_seconds: float | None = READ_SECONDS,
    ) -> Any:
        """Send one request once and return its JSON (None for an empty answer).

        `body` is sent as JSON; bytes are sent as they are. The whole answer must be here within
        `read_seconds`; None waits for ever. Raises StudioRefused for an answer that says no
        (Postponed for one that says later), NoAnswer where none came whole, and StudioUnreachable
        where nothing could be sent.
        """
        answer = self._exchange(method, path, params, body, read_seconds)
        if answer.status_code == 401 and self.access.renew():
            # A 401 did nothing, so sending again is safe; the access token may have run out.
            answer = self._exchange(method, path, params, body, read_seconds)
        return _checked(answer, method, path)

    def close(self) -> None:
        """Give the connections back."""
        if self._connected is not None:
            self._connected.close()

    @property
    def client(self) -> httpx.Client:
        """The connections."""
        with self._lock:
            if self._connected is None:
                with _sentences(self.url):
                    self._connected = http_client(self.url, READ_SECONDS, self._confirm)
                # Who sends a token has no session: a server of ours takes a change that comes
                # with one from its own pages only, and so the renewal of an access token.
                self._connected.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
            return self._connected

    def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
        read_seconds: float | None,
    ) -> httpx.Response:
        from core.studio.lean_httpx import httpx

        content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        client = self.client

        def request() -> httpx.Response:
            proof = self.access.header(client, self.url)
            return client.request(
                method,
                f"{self.url}/{path.lstrip('/')}",
                params=params,
                content=content,
                headers={"Content-Type": "application/json", "Authorization": proof},
                timeout=httpx.Timeout(CONNECT_SECONDS, read=read_seconds, write=READ_SECONDS),
            )

        with _sentences(self.url):
            if read_seconds is None:
                return request()
            # httpx bounds each read and not their sum. A little longer than a single read may
            # take, whose own timeout frees the connection.
            return within(read_seconds + 1.0, request, "request")


@contextlib.contextmanager
def _sentences(url: str) -> Iterator[None]:
    """Turn what httpx and a token's trade raise into our errors."""
    from core.studio.lean_httpx import httpx

    try:
        yield
    except NoAccess as error:
        # Before the request itself was sent.
        detail = _detail(error.body)
        if error.status in (401, 403):
            raise _bad_token(error.status, detail) from None
        raise StudioUnreachable(
            "Label Studio gave no access token.", cause=f"status {error.status}: {detail}"
        ) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
        raise StudioUnreachable(
            f"No Label Studio answers at {url}.",
            cause=str(error),
            next_step="Start it, or fix `url` under [studio] in labelpilot.toml.",
        ) from None
    except httpx.DecodingError as error:
        raise Unbearable(
            f"What answers at {url} does not answer as Label Studio does.",
            cause=str(error),
            next_step="Look at `url` under [studio] in labelpilot.toml, and at any proxy between.",
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, Overdue) as error:
        raise NoAnswer(
            f"Label Studio at {url} did not answer in full.",
            cause=f"{type(error).__name__}: {error}",
            next_step="Check that it is still running, and try again.",
        ) from None
    except ValueError as error:
        # The answer to a token's refresh, whatever a proxy sent.
        raise NoAnswer(
            f"What answers at {url} is not Label Studio, or is broken.",
            cause=f"It gave no access token for the token ({type(error).__name__}).",
            next_step="Look at `url` under [studio] in labelpilot.toml, and at any proxy between.",
        ) from None


def _checked(answer: httpx.Response, method: str, path: str) -> Any:
    status = answer.status_code
    if status in (204, 205) or (200 <= status < 300 and not answer.content):
        return None
    if 200 <= status < 300:
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            raise NoAnswer(
                f"The answer to {method} {path} is not what Label Studio sends.",
                cause=_plain(answer.text),
                next_step="Look at any proxy between here and Label Studio.",
            ) from None
    if 300 <= status < 400:
        raise StudioRefused(
            "Label Studio redirects to another address, and a token is not sent after it.",
            cause=f"status {status}, to {answer.headers.get('location', 'an unnamed place')}",
            next_step="Set `url` under [studio] in labelpilot.toml to that address.",
            status=status,
        )
    detail = _plain(answer.text)
    with contextlib.suppress(orjson.JSONDecodeError):
        detail = _detail(orjson.loads(answer.content)) or detail
    if status == 401:
        raise _bad_token(status, detail)
    if status == 429 and (wait := _retry_after(answer.headers)) <= LONGEST_WAIT:
        raise Postponed(
            f"Label Studio, or a proxy before it, is too busy for {method} {path}.",
            cause=f"status {status}: {detail}",
            next_step=f"Try again in {wait:.0f} seconds.",
            wait=wait,
        )
    if status >= 500:
        raise Broken(
            f"Label Studio, or a proxy before it, failed on {method} {path}.",
            cause=f"status {status}: {detail}",
            next_step="Try again; if it stays, look at the server's log.",
            status=status,
        )
    raise StudioRefused(
        f"Label Studio refused {method} {path}.", cause=f"status {status}: {detail}", status=status
    )


def _wait_before_next(error: Exception) -> bool | float:
    """Whether a GET is worth sending again after `error`, or after how many seconds."""
    if isinstance(error, Postponed):
        return error.wait
    return isinstance(error, NoAnswer) and not isinstance(error, Unbearable)


def _retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that a `Retry-After` header asks for; 1 where there is none that can be read."""
    value = headers.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(1.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 1.0


def _bad_token(status: int, detail: str) -> LabelpilotError:
    return StudioRefused(
        "Label Studio does not accept the token.",
        cause=f"status {status}: {detail}",
        next_step="Get one from its Account & Settings page, and store it: "
        "`labelpilot token set` (or set LABEL_STUDIO_API_KEY).",
        status=status,
    )


def _detail(body: Any) -> str:
    """What Label Studio says is wrong: its validation errors, else its `detail`."""
    if not isinstance(body, dict):
        return _plain(str(body))
    errors = body.get("validation_errors")
    if isinstance(errors, dict):
        parts = [text for value in errors.values() for text in _texts(value)]
    elif errors:
        parts = list(_texts(errors))
    else:
        parts = list(_texts(body.get("detail") or body.get("message") or ""))
    return _plain("; ".join(parts))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif value:
        yield str(value)


def _plain(text: str) -> str:
    """`text` from a server as one short line: no markup of a page, no secrets, no control codes."""
    text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]+>", " ", text[:20_000])
    text = "".join(character if character.isprintable() else " " for character in text)
    return redact(" ".join(text.split()))[:400]
