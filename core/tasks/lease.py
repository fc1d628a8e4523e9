"""One sync of a project at a time, across machines as far as can be known.

The labelpilots of one workspace keep apart by a lock of the operating system. Those of two machines
have nothing in common but the server, so whoever syncs signs the source storage: its description
then ends in who it is, since when, and a number that rises every few seconds. Another one reads
that, and tells. The signature of a process that died stays, and its number stands still.

Label Studio has no way to change a value only if it is still as it was read, so two that sign in
the same moment both believe it. That is why the signature is looked at again before the first write
and every few seconds: the one that signed first finds the other's and stops.
"""

from __future__ import annotations

import getpass
import os
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import orjson

from core.errors import LabelpilotError
from core.files import write_at_once
from core.own_files import read_own
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.models import Storage
from core.tasks import limits
from core.workspace.locks import Busy

_MARK = "labelpilot sync: "


@dataclass(frozen=True, slots=True)
class Signature:
    """Who syncs: a number drawn for this one sync, words for people, and the rising number."""

    id: str
    who: str
    beat: int


def split(description: str) -> tuple[str, Signature | None]:
    """A storage's description apart from the signature that it may end in."""
    text, found, rest = description.rpartition(_MARK)
    if found:
        try:
            return text.rstrip("\n"), Signature(**orjson.loads(rest))
        except (orjson.JSONDecodeError, TypeError):
            pass
    return description, None


def join(text: str, signature: Signature) -> str:
    """`text` with `signature` at its end, as `split` reads it."""
    return f"{text}\n{_MARK}{orjson.dumps(signature).decode()}"


class Lease:
    """The right to sync a project, until the block or the process ends."""

    def __init__(
        self, client: StudioClient, storage: Storage, text: str, signature: Signature
    ) -> None:
        self._client = client
        self._storage = storage
        self._text = text
        self._signature = signature
        self._renewed = time.monotonic()
        self._looked = 0.0

    def keep(self, *, write: bool = False) -> None:
        """Look that nobody else has signed meanwhile, and renew the signature when it is time.

        `write` renews it in any case: that it can be written says that the server takes writes.
        Raises Busy where another has signed.
        """
        if not write and time.monotonic() - self._looked < limits.SIGNATURE_SECONDS:
            return
        other = split(self._client.storage(self._storage).description)[1]
        if other is not None and other.id != self._signature.id:
            raise _busy(other)
        self._looked = time.monotonic()
        if write or time.monotonic() - self._renewed > limits.BEAT_SECONDS:
            mine = self._signature
            self._signature = Signature(mine.id, mine.who, mine.beat + 1)
            self._write(join(self._text, self._signature))
            self._renewed = time.monotonic()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        """Take the signature away, unless the server is still syncing for it.

        Raises nothing: a signature that stays is soon taken for dead.
        """
        try:
            storage = self._client.storage(self._storage)
            other = split(storage.description)[1]
            if not storage.running and other is not None and other.id == self._signature.id:
                self._write(self._text)
        except LabelpilotError:
            return

    def _write(self, description: str) -> None:
        self._client.update_storage(self._storage, {"description": description})


def take_lease(client: StudioClient, storage: Storage, record: Path) -> Work[Lease]:
    """Sign `storage` for this sync.

    `record` is a file of this workspace that remembers its last signature: whoever holds the
    workspace's own lock knows that the process behind that one is gone. Another's signature is
    watched until it moves or has stood still for a while. Raises Busy, naming who syncs.
    """
    text, other = split(storage.description)
    if other is not None and other.id != _read(record):
        text = yield from _watch(client, storage, other)
    signature = Signature(uuid.uuid4().hex, _myself(), 0)
    write_at_once(record, signature.id.encode())
    client.update_storage(storage, {"description": join(text, signature)})
    return Lease(client, storage, text, signature)


def _watch(client: StudioClient, storage: Storage, other: Signature) -> Work[str]:
    """The description's own words once `other` is known to be gone."""
    note = f"{other.who} is syncing this project, or was; looking which"
    began = time.monotonic()
    while time.monotonic() - began < limits.STALE_SECONDS:
        yield Progress("wait", int(time.monotonic() - began), int(limits.STALE_SECONDS), note)
        note = ""
        time.sleep(1.0)
        text, now = split(client.storage(storage).description)
        if now is None:
            return text
        if now != other:
            raise _busy(now)
    return text


def _busy(other: Signature) -> Busy:
    return Busy(
        "Another labelpilot is syncing this project.",
        cause=f"It is {other.who}.",
        next_step="Wait until it has ended, then sync again: what is done is found.",
    )


def _myself() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "somebody"
    return f"{name}@{socket.gethostname()}, process {os.getpid()}, since {time.strftime('%H:%M')}"


def _read(record: Path) -> str:
    try:
        return read_own(record).decode()
    except (OSError, UnicodeDecodeError):
        return ""
