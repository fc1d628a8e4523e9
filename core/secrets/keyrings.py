"""The system keyring, spoken to so that it can neither hang nor ask anything on the terminal.

Only keyrings that ask in a window of their own are used; one that is locked is not even asked, and
every call is bounded in time. A call that runs out of time, or fails, means that the keyring is
locked: never that a secret is not there, and never that it may go anywhere else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.deadline import Call, Overdue, within
from core.errors import ConfigurationError, LabelpilotError

if TYPE_CHECKING:
    import psutil

SERVICE = "labelpilot"
# Seconds that a keyring may take. A locked one with nobody at its window never answers.
SECONDS = 5.0
BUS = "DBUS_SESSION_BUS_ADDRESS"

_MISSING = "gnome-keyring and dbus are not both installed."

Value = TypeVar("Value")

_SAFE_BACKENDS = (
    "keyring.backends.SecretService",
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.macOS",
    "keyring.backends.Windows",
)
# The call that has run out of time and has not ended since.
_hanging: Call[Any] | None = None
# The session of `start_keyring`: it ends when the pipe to it is closed.
_own_session: psutil.Popen | None = None


class KeyringLocked(LabelpilotError):
    """There is a keyring, and it is locked or does not answer."""


def has_keyring() -> bool:
    """Whether there is a keyring that asks nothing on the terminal. Raises KeyringLocked."""
    return _backend() is not None


def read_secret(entry: str) -> str | None:
    """What the keyring has under `entry`; None also where there is none. Raises KeyringLocked."""
    backend = _backend()
    if backend is None:
        return None
    _refuse_locked(backend)
    value: str | None = _bounded(lambda: backend.get_password(SERVICE, entry))
    return value


def write_secret(entry: str, value: str) -> None:
    """Store `value` under `entry`, and read it back.

    Raises KeyringLocked where the keyring does not take it, or does not give it back.
    """
    backend = _backend()
    if backend is None:
        raise KeyringLocked("There is no system keyring here.")
    _refuse_locked(backend)
    _bounded(lambda: backend.set_password(SERVICE, entry, value))
    if _bounded(lambda: backend.get_password(SERVICE, entry)) != value:
        raise _refused("It took a secret and did not give it back.")


def erase_secret(entry: str) -> bool:
    """Remove `entry` from the keyring; False if it was not there. Raises KeyringLocked."""
    if read_secret(entry) is None:
        return False
    backend = _backend()
    assert backend is not None
    _bounded(lambda: backend.delete_password(SERVICE, entry))
    return True


def keyring_name() -> str | None:
    """What the keyring calls itself; None where there is none. Raises KeyringLocked."""
    backend = _backend()
    if backend is None:
        return None
    _refuse_locked(backend)
    return str(backend.name)


def why_not_start() -> str:
    """Why `start_keyring` cannot do its work here, as a sentence; empty where it can."""
    if not all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon"))):
        return _MISSING
    if BUS in os.environ:
        return f"{BUS} is set: there is a D-Bus session already."
    return ""


def is_new_keyring() -> bool:
    """Whether `start_keyring` would make a keyring, so that its password is a new one."""
    data = Path(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"))
    return not (data / "keyrings" / "login.keyring").exists()


def start_keyring(password: str) -> None:
    """Start GNOME's keyring in a D-Bus session of its own, opened with `password`.

    For machines without a desktop. What is stored stays, encrypted, in the user's own folder; the
    keyring is made if there is none yet. The session ends with this process, however that ends.
    Raises KeyringLocked for a wrong password, ConfigurationError where `why_not_start` says why.
    """
    global _own_session
    import keyring
    import keyring.core

    if reason := why_not_start():
        raise ConfigurationError(
            "A keyring cannot be started here.",
            cause=reason,
            next_step="Install them (on Debian and Ubuntu: apt-get install gnome-keyring dbus)."
            if reason == _MISSING
            else "Use the keyring of that session, and open it there.",
        )
    former = keyring.get_keyring()
    session = _bus_session()
    try:
        _unlock(session, password)
        # Which keyrings there are is looked for once a process only.
        keyring.set_keyring(keyring.core.load_keyring(f"{_SAFE_BACKENDS[0]}.Keyring"))
        # The daemon's exit code is 0 for a wrong password too.
        _refuse_locked(keyring.get_keyring())
    except (LabelpilotError, OSError, subprocess.SubprocessError) as error:
        os.environ.pop(BUS, None)
        session.communicate()
        keyring.set_keyring(former)
        if isinstance(error, LabelpilotError):
            raise
        raise _refused(f"GNOME's keyring did not start: {error}") from None
    _own_session = session


def _bus_session() -> psutil.Popen:
    """A D-Bus session that says its address, and ends when the pipe to it is closed."""
    from core.processes import start

    # `cat` ends when the pipe from this process does, and the session with it.
    return start(
        ["dbus-run-session", "--", "sh", "-c", f'echo "${BUS}"; exec cat >/dev/null'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _unlock(session: psutil.Popen, password: str) -> None:
    """Have this process work in `session`, with GNOME's keyring opened there, or made."""
    from core.processes import end, start

    os.environ[BUS] = session.stdout.readline().decode().strip()
    daemon = start(
        ["gnome-keyring-daemon", "--unlock", "--components=secrets"], stdin=subprocess.PIPE
    )
    try:
        daemon.communicate(password.encode(), timeout=SECONDS)
    except subprocess.TimeoutExpired:
        end(daemon, 0)
        raise
    _bounded(_wait_for_service)


def _wait_for_service() -> None:
    """Wait until the daemon has taken its name: a call before would have the bus start another one,
    which knows no password."""
    import secretstorage
    from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
    from jeepney.io.blocking import Proxy  # type: ignore[import-untyped]
    from secretstorage.util import BUS_NAME

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        names = Proxy(message_bus, bus)
        while not names.NameHasOwner(BUS_NAME)[0]:
            time.sleep(0.01)


def _backend() -> Any | None:
    """The system's keyring if it is one that asks nothing on the terminal, else None."""
    import keyring
    import keyring.backends.chainer

    # What it says of broken settings would be written over the screen.
    logging.getLogger("keyring").addHandler(logging.NullHandler())

    def choose() -> list[Any]:
        chosen = keyring.get_keyring()
        if isinstance(chosen, keyring.backends.chainer.ChainerBackend):
            return list(chosen.backends)
        return [chosen]

    for backend in _bounded(choose):
        if type(backend).__module__.startswith(_SAFE_BACKENDS):
            return backend
    return None


def _refuse_locked(backend: Any) -> None:
    """Raise KeyringLocked for a locked Secret Service, without anything being asked."""
    if type(backend).__module__ != _SAFE_BACKENDS[0]:
        return

    def fault() -> str:
        import secretstorage
        from secretstorage.collection import DEFAULT_COLLECTION

        path = getattr(backend, "preferred_collection", DEFAULT_COLLECTION)
        with contextlib.closing(secretstorage.dbus_init()) as bus:
            try:
                locked = secretstorage.Collection(bus, path).is_locked()
            except secretstorage.ItemNotFoundException:
                return "It has no keyring in it yet, and would ask for the password of a new one."
        return "Its password has not been given in this session." if locked else ""

    if found := _bounded(fault):
        raise _refused(found)


def _refused(cause: str) -> KeyringLocked:
    return KeyringLocked(
        "The system keyring is locked, or does not work.",
        cause=cause,
        next_step="Unlock it and try again; or set LABEL_STUDIO_API_KEY; or have this workspace "
        "keep its secrets in a file: `labelpilot token allow-file`.",
    )


def _bounded(call: Callable[[], Value]) -> Value:
    """The result of `call`; KeyringLocked if it fails or hangs, or an earlier one still does."""
    global _hanging
    if _hanging is not None and not _hanging.ended():
        raise _refused("It has not answered an earlier question yet.")
    try:
        return within(SECONDS, call, "keyring")
    except Overdue as error:
        _hanging = error.call
        raise _refused(f"It did not answer for {SECONDS:.0f} seconds.") from None
    except Exception as error:  # backends raise whatever their library does
        raise _refused(f"{type(error).__name__}: {error}") from None
