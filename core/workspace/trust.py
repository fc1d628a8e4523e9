"""What this machine's user has agreed to: kept in their own configuration folder, never in a
workspace, which may have come from somebody else.

A workspace is trusted where labelpilot made it here, or where `LABELPILOT_TRUST` names it or a
folder above it (folders as in PATH). For any other, each thing that could harm its user is asked
once: a `Consent`. What is asked for is told in `core.workspace.consents`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shlex
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from core.errors import ConfigurationError, LabelpilotError
from core.files import read_at_most, user_folder, write_at_once
from core.masking import printable

VARIABLE = "LABELPILOT_TRUST"
MAX_BYTES = 10_000_000

Kind = Literal[
    "made here",
    "token",
    "database",
    "run",
    "network",
    "scheduler",
    "scheduler in clear",
    "write",
    "server",
    "bucket",
    "owner",
    "file",
]
# What a workspace wants to do, by kind; `{to}` is to whom, or where.
WANTS: dict[Kind, str] = {
    "made here": "do what others are asked about, as labelpilot made it here",
    "token": "send your token to {to}",
    "database": "keep its labels at the database {to}, which is sent your PostgreSQL password",
    "run": "run {to}",
    "network": "load the network {to}, which is read by native code",
    "scheduler": "work with the dask scheduler at {to}, whose answers can run code here",
    "scheduler in clear": "work with the dask scheduler at {to} without encryption, so that "
    "whoever is on the way there can read the embeddings, and run code here",
    "write": "write to {to}, which is outside of its folder",
    "server": "start Label Studio on the data in {to}, which were not made here",
    "bucket": "have Label Studio read {to} with your credentials for it",
    "owner": "be obeyed, although it belongs to {to}",
    "file": "keep its secrets in a file that is not encrypted",
}
# What a workspace may that labelpilot made here: the rest could still come from somebody else.
_MADE_HERE: tuple[Kind, ...] = (
    "token",
    "database",
    "run",
    "network",
    "scheduler",
    "write",
    "bucket",
)


@dataclass(frozen=True, slots=True)
class Consent:
    """One thing that a user agrees to, or is asked to: `root` is the workspace's folder."""

    root: str
    kind: Kind
    to: str = ""

    def __str__(self) -> str:
        return f"The workspace {_on_a_line(self.root)} wants to {self._what}."

    @property
    def granted(self) -> str:
        """The sentence once it is agreed to."""
        return f"The workspace {_on_a_line(self.root)} may {self._what}."

    @property
    def _what(self) -> str:
        return WANTS[self.kind].format(to=_on_a_line(self.to))

    def as_json(self) -> dict[str, str]:
        return {"workspace": self.root, "kind": self.kind, "to": self.to}


def _on_a_line(text: str) -> str:
    """A name from outside, such that it can add no sentence of its own."""
    return printable(text).replace("\n", "\N{REPLACEMENT CHARACTER}")


class NotTrusted(ConfigurationError):
    """A workspace wants something that its user has not agreed to: `consent`."""

    def __init__(self, consent: Consent) -> None:
        root = shlex.quote(consent.root)
        super().__init__(
            str(consent),
            cause="Nobody has agreed to that on this machine.",
            next_step=f"Look at what it is, then agree: `labelpilot trust --workspace {root}`; "
            f"scripts set {VARIABLE}={root}.",
        )
        self.consent = consent


@dataclass(frozen=True, slots=True)
class _Record:
    """What is kept. `mark` is a number drawn once, by which data that were made here are known."""

    mark: str = ""
    agreed: frozenset[Consent] = field(default_factory=frozenset)


def consent_to(root: Path, kind: Kind, to: str = "") -> Consent:
    """The consent for the workspace in `root`, by the name that its folder really has."""
    return Consent(os.path.realpath(root), kind, to)


def is_noted(consent: Consent) -> bool:
    """Whether the user has agreed to just this; that the workspace is trusted does not count."""
    return consent in _read().agreed


def is_agreed(consent: Consent) -> bool:
    """Whether the user has agreed to this, or trusts the workspace."""
    if _is_named(Path(consent.root)):
        return True
    agreed = _read().agreed
    made_here = consent.kind in _MADE_HERE and Consent(consent.root, "made here") in agreed
    return made_here or consent in agreed


def require(consent: Consent) -> None:
    """Raise NotTrusted where the user has not agreed."""
    if not is_agreed(consent):
        raise NotTrusted(consent)


def agree(consent: Consent) -> None:
    """Keep that the user has agreed. Raises LabelpilotError where that cannot be kept."""
    with _changing() as record:
        _write(replace(record, agreed=record.agreed | {consent}))


def trust_made_here(root: Path) -> None:
    """Keep that labelpilot made the workspace in `root`.

    Where that cannot be kept, the workspace is one that somebody else could have made.
    """
    if not _is_named(root):
        with contextlib.suppress(LabelpilotError):
            agree(consent_to(root, "made here"))


def agreed() -> list[Consent]:
    """All that was agreed to."""
    return sorted(_read().agreed, key=lambda one: (one.root, one.kind, one.to))


def forget(root: Path) -> list[Consent]:
    """Take back what was agreed to for the workspace in `root`, and return it."""
    real = os.path.realpath(root)
    with _changing() as record:
        gone = [one for one in sorted(record.agreed, key=str) if one.root == real]
        if gone:
            _write(replace(record, agreed=record.agreed.difference(gone)))
    return gone


def is_own_mark(mark: str) -> bool:
    """Whether data so marked were made by this user's labelpilot."""
    return bool(mark) and mark == _read().mark


def own_mark() -> str:
    """The mark for data that labelpilot makes here. Raises LabelpilotError if none can be kept."""
    if known := _read().mark:
        return known
    with _changing() as record:
        mark = record.mark or secrets.token_hex(16)
        _write(replace(record, mark=mark))
    return mark


def refuse_others(path: Path, root: Path) -> None:
    """Raise NotTrusted where `path`, of the workspace in `root`, belongs to another user."""
    with contextlib.suppress(FileNotFoundError):
        owner = os.stat(path).st_uid
        if owner not in _own_ids():
            require(consent_to(root, "owner", _name(owner)))


def _own_ids() -> set[int]:
    """The users whose files are ours: with sudo, also the one who called it."""
    own = os.geteuid()
    caller = os.environ.get("SUDO_UID", "") if own == 0 else ""
    return {own, int(caller)} if caller.isdecimal() else {own}


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _is_named(root: Path) -> bool:
    """Whether the variable names the workspace in `root`, or a folder above it."""
    real = Path(os.path.realpath(root))
    folders = os.environ.get(VARIABLE, "").split(os.pathsep)
    return any(
        real.is_relative_to(os.path.realpath(os.path.expanduser(folder)))
        for folder in folders
        if folder
    )


def _file() -> Path:
    return user_folder() / "trust.json"


def _read() -> _Record:
    file = _file()
    if not file.is_absolute():
        return _Record()
    try:
        status = os.stat(file)
    except OSError:
        return _Record()
    if status.st_uid not in _own_ids() or stat.S_IMODE(status.st_mode) & 0o022:
        raise ConfigurationError(
            f"{file} says what you have agreed to, and others can write to it.",
            next_step=f"Look at it, then make it yours alone (`chmod 600`), or set {VARIABLE}.",
        )
    import orjson

    try:
        content = orjson.loads(read_at_most(file, MAX_BYTES, "What you have agreed to,"))
        given = (Consent(one["root"], one["kind"], one["to"]) for one in content["agreed"])
        return _Record(str(content["mark"]), frozenset(one for one in given if one.kind in WANTS))
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError(
            f"{file} says what you have agreed to, and cannot be read.",
            next_step="Remove it; what is needed is asked again.",
        ) from None


def _write(record: _Record) -> None:
    import orjson

    agreed = [asdict(one) for one in sorted(record.agreed, key=str)]
    content = {"mark": record.mark, "agreed": agreed}
    write_at_once(_file(), orjson.dumps(content, option=orjson.OPT_INDENT_2), mode=0o600)


@contextlib.contextmanager
def _changing() -> Iterator[_Record]:
    """The record, which no other labelpilot changes in the block."""
    import filelock

    file = _file()
    try:
        # Without a home folder it would lie in the folder that is worked in.
        if not file.is_absolute():
            raise OSError("There is no home folder")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = filelock.FileLock(file.with_suffix(".lock"))
        lock.acquire(timeout=10)
    except (OSError, NotImplementedError) as error:
        raise LabelpilotError(
            f"What you agree to cannot be kept in {file}.",
            cause=str(error),
            next_step=f"Fix the folder's rights, or set {VARIABLE} to the workspace's folder.",
        ) from None
    try:
        yield _read()
    finally:
        lock.release()
