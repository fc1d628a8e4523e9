"""Where the token lives, and the password of our own server's account.

Looked for in this order: the environment variable `LABEL_STUDIO_API_KEY` (where `LABEL_STUDIO_URL`
is set, for that server alone), what was typed in this session, a file of mode 0600, the system
keyring. The file exists in two cases only: the user has agreed to it, which their own configuration
folder tells (`core.workspace.trust`); or the server is our own and there was no keyring, where it
lies inside the server's data folder of mode 0700, beside the SECRET_KEY that is worth as much, and
moves to the keyring as soon as there is one. Another server's token goes to no file unasked:
without a keyring it is kept for this session. A keyring that is locked or silent never leads to a
file.

A value is never printed or logged; people are told its source and kind.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import orjson

from core.errors import ConfigurationError
from core.files import read_at_most, write_at_once
from core.masking import keep_secret
from core.own_files import refuse_links
from core.read_only import is_read_only, refuse
from core.secrets.keyrings import (
    BUS,
    KeyringLocked,
    erase_secret,
    has_keyring,
    read_secret,
    write_secret,
)
from core.workspace.addresses import is_loopback, same_server
from core.workspace.consents import SERVER_VARIABLE
from core.workspace.settings import Workspace
from core.workspace.trust import Consent, agree, consent_to, is_noted

VARIABLE = "LABEL_STUDIO_API_KEY"
MAX_FILE_BYTES = 100_000

Source = Literal["environment", "keyring", "file", "session"]
Kind = Literal["personal", "legacy", "unknown"]
Name = Literal["token", "password"]
NAMES: tuple[Name, ...] = ("token", "password")

SOURCE_WORDS: dict[Source, str] = {
    "environment": f"environment variable {VARIABLE}",
    "keyring": "system keyring",
    "file": "0600 file in .labelpilot, which is not encrypted",
    "session": "this session only",
}

# What is kept in memory alone, by server.
session_secrets: dict[tuple[str, Name], str] = {}


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and where it was found. Its value never shows in a repr."""

    value: str = field(repr=False)
    source: Source


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the file holds: secrets, and the names of those that are in the keyring."""

    secrets: dict[Name, str] = field(default_factory=dict, repr=False)
    in_keyring: tuple[Name, ...] = ()


def token_kind(token: str) -> Kind:
    """The kind of a token, by its shape: a personal one is a JWT, a legacy one 40 hex digits."""
    if token.count(".") == 2:
        return "personal"
    if len(token) == 40 and all(character in "0123456789abcdef" for character in token):
        return "legacy"
    return "unknown"


def described_token(token: Secret) -> str:
    """What may be said of a token: its kind and where it comes from."""
    return f"{token_kind(token.value)} token from the {SOURCE_WORDS[token.source]}"


def clean_token(text: str, name: str = "That") -> str:
    """A token as pasted, without the white space around it.

    Raises ConfigurationError, calling it `name`, where it cannot be one.
    """
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"{name} is not a token: a token is one word of letters, digits, dots and dashes.",
            next_step="Copy it from Label Studio: Account & Settings, Access Token.",
        )
    return token


def find_secret(workspace: Workspace, name: Name) -> Secret | None:
    """The secret `name` of the workspace's server, or None. Raises KeyringLocked.

    What our own server's file holds is moved to the keyring where there is one that is open.
    """
    value = os.environ.get(VARIABLE, "").strip()
    if value and name == "token" and _is_for(workspace, os.environ.get(SERVER_VARIABLE, "")):
        keep_secret(value)
        return Secret(clean_token(value, f"The value of {VARIABLE}"), "environment")
    return stored_secret(workspace, name)


def stored_secret(workspace: Workspace, name: Name) -> Secret | None:
    """As `find_secret`, but for the environment: what is labelpilot's to change."""
    found = _stored(workspace, name)
    if found is not None:
        keep_secret(found.value)
    return found


def _stored(workspace: Workspace, name: Name) -> Secret | None:
    if typed := session_secrets.get((_realm(workspace), name)):
        return Secret(typed, "session")
    stored = _read_file(workspace)
    if value := stored.secrets.get(name, ""):
        stays = has_agreed(workspace) or is_read_only()
        moved = not stays and _move_to_keyring(workspace, stored)
        return Secret(value, "keyring" if moved else "file")
    if has_agreed(workspace):
        return None
    if name in stored.in_keyring and not has_keyring():
        raise KeyringLocked(
            f"The {name} is in the system keyring, which cannot be reached from here.",
            cause="It was stored in another session, such as a desktop's.",
            next_step="Open the keyring here (`labelpilot` does), or work in such a session, or "
            f"set {VARIABLE}, or have this workspace keep its secrets in a file: `labelpilot "
            "token allow-file`.",
        )
    kept = read_secret(_entry(workspace, name))
    return Secret(kept, "keyring") if kept else None


def store_secret(workspace: Workspace, name: Name, value: str) -> Source:
    """Store a secret, read it back, and return where it went.

    The file, if the user has agreed to it; else the keyring; where there is none, the file for our
    own server and this session for another's. Raises KeyringLocked where there is a keyring that
    does not take it, and stores nothing then.
    """
    refuse("Where secrets are kept")
    keep_secret(value)
    in_file = has_agreed(workspace)
    if not in_file and has_keyring():
        write_secret(_entry(workspace, name), value)
        _drop(workspace, name, in_keyring=True)
        return "keyring"
    _drop(workspace, name)
    if in_file or workspace.owns_server:
        left = _read_file(workspace)
        _write_file(workspace, replace(left, secrets=left.secrets | {name: value}))
        return "file"
    session_secrets[_realm(workspace), name] = value
    return "session"


def needs_choice(workspace: Workspace) -> bool:
    """Whether only people can say where a token is to go: no keyring is here, and they have not
    agreed to a file.

    For our own server that is so only where a keyring that cannot be reached from here holds what
    was stored before. Raises KeyringLocked where there is a keyring that does not answer.
    """
    if has_agreed(workspace) or has_keyring():
        return False
    return not workspace.owns_server or bool(_read_file(workspace).in_keyring)


def variable_advice(environ: Mapping[str, str]) -> str:
    """How to give labelpilot the token as an environment variable, here."""
    if environ.get("CODESPACE_NAME"):
        return (
            f"On github.com: Settings, Codespaces, New secret; name it {VARIABLE}, allow it for "
            "this repository, then stop and start the codespace."
        )
    return (
        f"In the shell, before labelpilot: `read -rs {VARIABLE} && export {VARIABLE}`, then paste "
        "the token and press enter; so it is in no history."
    )


def agree_to_file(workspace: Workspace) -> Path:
    """Have this workspace keep its secrets in a file of mode 0600, and return the file.

    Only after a typed yes, which is kept where no workspace can bring its own: they are not
    encrypted there. What a keyring holds stays in it.
    """
    agree(_agreement(workspace))
    return credentials_file(workspace)


def has_agreed(workspace: Workspace) -> bool:
    """Whether the user has agreed that this workspace keeps its secrets in a file."""
    return is_noted(_agreement(workspace))


def _agreement(workspace: Workspace) -> Consent:
    return consent_to(workspace.root, "file", workspace.studio.url or "")


def _is_for(workspace: Workspace, server: str) -> bool:
    """Whether the variable's token is for the workspace's server, if it is for `server`."""
    if not server:
        return True
    url = workspace.studio.url
    return is_loopback(server) if url is None else same_server(url, server)


def forget_secret(workspace: Workspace, name: Name) -> list[Source]:
    """Remove a secret from every place that is ours to change; return those where it was.

    Raises KeyringLocked, after the other places, where the keyring cannot be looked into.
    """
    refuse("Where secrets are kept")
    removed = _drop(workspace, name)
    try:
        if erase_secret(_entry(workspace, name)):
            removed.append("keyring")
    except KeyringLocked:
        # Whoever has agreed to the file has no keyring that opens.
        if not has_agreed(workspace):
            raise
    return removed


def _drop(workspace: Workspace, name: Name, *, in_keyring: bool = False) -> list[Source]:
    """Remove a secret from the session and the file, which are looked into before the keyring, and
    note in the file whether the keyring has it."""
    removed = list[Source]()
    if session_secrets.pop((_realm(workspace), name), None) is not None:
        removed.append("session")
    stored = _read_file(workspace)
    if name in stored.secrets:
        removed.append("file")
    secrets = {key: value for key, value in stored.secrets.items() if key != name}
    noted = tuple(key for key in NAMES if (in_keyring if key == name else key in stored.in_keyring))
    left = replace(stored, secrets=secrets, in_keyring=noted)
    if left != stored:
        _write_file(workspace, left)
    return removed


def _move_to_keyring(workspace: Workspace, stored: _Stored) -> bool:
    """Move everything that the file holds to the keyring; False where there is none that is open.

    Nothing leaves the file before all of it has been read back from the keyring.
    """
    if sys.platform == "linux" and BUS not in os.environ:
        return False
    with contextlib.suppress(KeyringLocked):
        if has_keyring():
            for name, value in stored.secrets.items():
                write_secret(_entry(workspace, name), value)
            noted = tuple(name for name in NAMES if name in (*stored.secrets, *stored.in_keyring))
            _write_file(workspace, _Stored(in_keyring=noted))
            return True
    return False


def _realm(workspace: Workspace) -> str:
    """What a secret belongs to: a server's URL, or the data folder of our own (its port moves)."""
    return workspace.studio.url or str(workspace.state.server)


def _entry(workspace: Workspace, name: Name) -> str:
    return f"{_realm(workspace)} {name}"


def credentials_file(workspace: Workspace) -> Path:
    """The file that holds secrets in the cases that this module names, and notes where they are."""
    if workspace.owns_server:
        return workspace.state.server / "labelpilot-credentials.json"
    return workspace.state.folder / "credentials.json"


def _read_file(workspace: Workspace) -> _Stored:
    file = credentials_file(workspace)
    if not os.path.lexists(file):
        return _Stored()
    try:
        content = orjson.loads(read_at_most(file, MAX_FILE_BYTES, "The file of secrets"))
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(
            f"{file} cannot be read.", cause=str(error), next_step="Remove it."
        ) from None
    # A token goes to the server that it was stored for, and to no other.
    if not isinstance(content, dict) or content.get("server") != workspace.studio.url:
        return _Stored()
    secrets = {name: str(content[name]) for name in NAMES if name in content}
    listed = content.get("in_keyring")
    noted = tuple(name for name in NAMES if isinstance(listed, list) and name in listed)
    return _Stored(secrets, noted)


def _write_file(workspace: Workspace, stored: _Stored) -> None:
    file = credentials_file(workspace)
    if stored == _Stored():
        refuse_links(file).unlink(missing_ok=True)
        return
    if workspace.owns_server:
        workspace.state.make_server().chmod(0o700)
    else:
        workspace.state.make()
    about = {"server": workspace.studio.url, "in_keyring": stored.in_keyring}
    write_at_once(file, orjson.dumps({**about, **stored.secrets}), mode=0o600)
