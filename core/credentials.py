"""Where the token lives, and the password of our own server's account.

Looked for in this order: the environment variable `LABEL_STUDIO_API_KEY`, the system keyring, and,
for our own server where there is no keyring, a file of mode 0600 inside the server's data folder of
mode 0700, beside the SECRET_KEY that is worth as much. Another server's token is never written to a
file: without a keyring it is kept for this session. A value is never printed or logged; people are
told its source and kind.

Only keyrings that ask nothing on the terminal are used, and every call to one is bounded in time.
A call that runs out of time means that the keyring is locked: never that the token is not there,
and never that it may go to a file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson

from core.errors import ConfigurationError, LabelpilotError
from core.files import write_at_once
from core.workspace import Workspace

VARIABLE = "LABEL_STUDIO_API_KEY"
SERVICE = "labelpilot"
# Seconds that a keyring may take. A locked one with nobody at its window never answers.
KEYRING_SECONDS = 5.0

Source = Literal["environment", "keyring", "file", "session"]
Kind = Literal["personal", "legacy", "unknown"]
Name = Literal["token", "email", "password"]
Value = TypeVar("Value")

SOURCE_WORDS: dict[Source, str] = {
    "environment": f"environment variable {VARIABLE}",
    "keyring": "system keyring",
    "file": "file beside our server's SECRET_KEY (there is no keyring here)",
    "session": "this session only (there is no keyring here)",
}

_session: dict[tuple[str, Name], str] = {}


class KeyringLocked(LabelpilotError):
    """There is a keyring, and it is locked or does not answer."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and where it was found. Its value never shows in a repr."""

    value: str = field(repr=False)
    source: Source


def token_kind(token: str) -> Kind:
    """The kind of a token, by its shape: a personal one is a JWT, a legacy one 40 hex digits."""
    if token.count(".") == 2:
        return "personal"
    if len(token) == 40 and all(character in "0123456789abcdef" for character in token):
        return "legacy"
    return "unknown"


def clean_token(text: str) -> str:
    """A token as pasted, without the white space around it.

    Raises ConfigurationError where it cannot be one.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            "That is not a token: a token is one word of letters, digits, dots and dashes.",
            next_step="Copy it from Label Studio: Account & Settings, Access Token.",
        )
    return token


def find_secret(workspace: Workspace, name: Name) -> Secret | None:
    """The secret `name` of the workspace's server, or None. Raises KeyringLocked."""
    if name == "token" and (value := os.environ.get(VARIABLE, "").strip()):
        return Secret(clean_token(value), "environment")
    realm = _realm(workspace)
    if (realm, name) in _session:
        return Secret(_session[realm, name], "session")
    # The file first: where it exists, there was no keyring when the server was made.
    if workspace.owns_server and (stored := _read_file(workspace).get(name, "")):
        return Secret(stored, "file")
    kept = _keyring_value(realm, name)
    return Secret(kept, "keyring") if kept else None


def store_secret(workspace: Workspace, name: Name, value: str) -> Source:
    """Store a secret in the best place there is, read it back, and return where it went.

    The keyring; else, for our own server, the file in its data folder; else this session. Raises
    KeyringLocked where there is a keyring that does not open, and writes nothing then.
    """
    realm = _realm(workspace)
    backend = _backend()
    if backend is not None:
        entry = f"{realm} {name}"
        _bounded(lambda: backend.set_password(SERVICE, entry, value))
        if _keyring_value(realm, name) == value:
            return "keyring"
        raise KeyringLocked(
            "The system keyring took the secret but did not give it back.",
            next_step="Unlock it, or set LABEL_STUDIO_API_KEY, and try again.",
        )
    if workspace.owns_server:
        _write_file(workspace, _read_file(workspace) | {name: value})
        return "file"
    _session[realm, name] = value
    return "session"


def forget_secret(workspace: Workspace, name: Name) -> list[Source]:
    """Remove a secret from every place that is ours to change; return those where it was."""
    realm, removed = _realm(workspace), list[Source]()
    if _session.pop((realm, name), None) is not None:
        removed.append("session")
    stored = _read_file(workspace) if workspace.owns_server else {}
    if stored.pop(name, None) is not None:
        _write_file(workspace, stored)
        removed.append("file")
    backend = _backend()
    if backend is not None and _keyring_value(realm, name):
        entry = f"{realm} {name}"
        _bounded(lambda: backend.delete_password(SERVICE, entry))
        removed.append("keyring")
    return removed


def keyring_state() -> str:
    """One sentence on the system keyring, for people."""
    backend = _backend()
    if backend is None:
        return "none that is safe to use here"
    try:
        _refuse_locked(backend)
    except KeyringLocked as error:
        return f"{backend.name}: {error.message}"
    return str(backend.name)


def _realm(workspace: Workspace) -> str:
    """What a secret belongs to: a server's URL, or the data folder of our own (its port moves)."""
    return workspace.studio.url or str(workspace.server_folder)


def _credentials_file(workspace: Workspace) -> Path:
    return workspace.server_folder / "labelpilot-credentials.json"


def _read_file(workspace: Workspace) -> dict[Name, str]:
    try:
        stored = orjson.loads(_credentials_file(workspace).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigurationError(
            f"{_credentials_file(workspace)} cannot be read.", cause=str(error)
        ) from None
    return stored if isinstance(stored, dict) else {}


def _write_file(workspace: Workspace, stored: dict[Name, str]) -> None:
    workspace.make_folder()
    workspace.server_folder.mkdir(mode=0o700, exist_ok=True)
    workspace.server_folder.chmod(0o700)
    write_at_once(_credentials_file(workspace), orjson.dumps(stored), mode=0o600)


_SAFE_BACKENDS = (
    "keyring.backends.SecretService",
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.macOS",
    "keyring.backends.Windows",
)


def _backend() -> Any | None:
    """The system's keyring if it is one that asks nothing on the terminal, else None."""
    import keyring
    import keyring.backends.chainer

    def choose() -> Any:
        chosen = keyring.get_keyring()
        if isinstance(chosen, keyring.backends.chainer.ChainerBackend):
            return list(chosen.backends)
        return [chosen]

    for backend in _bounded(choose):
        if type(backend).__module__.startswith(_SAFE_BACKENDS):
            return backend
    return None


def _keyring_value(realm: str, name: Name) -> str | None:
    backend = _backend()
    if backend is None:
        return None
    _refuse_locked(backend)
    value: str | None = _bounded(lambda: backend.get_password(SERVICE, f"{realm} {name}"))
    return value


def _refuse_locked(backend: Any) -> None:
    """Raise KeyringLocked for a locked Secret Service, without anything being asked."""
    if type(backend).__module__ != "keyring.backends.SecretService":
        return

    def locked() -> bool:
        import secretstorage

        with secretstorage.dbus_init() as bus:
            return bool(secretstorage.Collection(bus).is_locked())

    if _bounded(locked):
        raise _locked("It is locked.")


def _locked(cause: str) -> KeyringLocked:
    return KeyringLocked(
        "The system keyring is locked.",
        cause=cause,
        next_step=f"Unlock it, or set {VARIABLE}, and try again.",
    )


def _bounded(call: Callable[[], Value]) -> Value:
    """The result of `call`, made in a thread of its own; KeyringLocked if it fails or hangs."""
    outcome: list[Value] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as error:  # backends raise whatever their library does
            failure.append(error)

    # A daemon, so that a keyring that never answers does not keep the process alive.
    thread = threading.Thread(target=run, daemon=True, name="keyring")
    thread.start()
    thread.join(KEYRING_SECONDS)
    if failure:
        raise _locked(f"{type(failure[0]).__name__}: {failure[0]}")
    if not outcome:
        raise _locked(f"It did not answer for {KEYRING_SECONDS:.0f} seconds.")
    return outcome[0]
