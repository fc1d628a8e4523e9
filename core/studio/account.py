"""Accounts and tokens: our own server's first account, and the tokens of any server.

Our own server's account is labelpilot's: it is made at the first start, its password is made up,
stored, and shown to people who sign in with it in the browser. A password never stands on a command
line, and a token is revoked before it is forgotten.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from core.errors import ConfigurationError, LabelpilotError, StudioRefused, StudioUnreachable
from core.processes import end, lives, start
from core.progress import Progress, Work
from core.secrets.credentials import (
    VARIABLE,
    Secret,
    Source,
    clean_token,
    find_secret,
    forget_secret,
    store_secret,
    stored_secret,
    token_kind,
)
from core.studio.client import StudioClient
from core.studio.environment import server_environment
from core.studio.http import http_client
from core.studio.process import FIRST_PORT, launch
from core.studio.server import EMAIL, account_marker, database, log_tail, server_url
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    import httpx

# Of Label Studio's own command, which loads all of it first.
RESET_SECONDS = 120.0
PATIENCE = 2.0
RESET = "Make a new one: `labelpilot server password --reset`."


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Where a token was removed, and whether its server takes it no more; if not, why."""

    removed: tuple[Source, ...]
    revoked: bool
    reason: str

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot token forget --json` prints."""
        return {"removed": self.removed, "revoked": self.revoked, "reason": self.reason}


# The account and its password


def sign_in_with(workspace: Workspace) -> tuple[str, str] | None:
    """The e-mail address and password of our own server's account; None where they are not ours.

    The one place that hands the password out: people sign in with it in the browser.
    """
    password = find_secret(workspace, "password") if workspace.owns_server else None
    return None if password is None else (EMAIL, password.value)


def can_sign_in(workspace: Workspace, url: str) -> bool:
    """Whether our own server accepts the stored password."""
    import httpx

    password = find_secret(workspace, "password")
    if password is None:
        return False
    try:
        with http_client(url) as client:
            _sign_in(client, password.value)
    except (httpx.HTTPError, StudioRefused):
        return False
    return True


def ensure_account(workspace: Workspace) -> Work[None]:
    """Make sure that labelpilot can sign in to our own server, which has to run.

    A password that was lost, or is not accepted, is replaced by a new one. Raises as
    `reset_password` does.
    """
    yield Progress("account")
    if not can_sign_in(workspace, server_url(workspace)):
        yield from reset_password(workspace)


def reset_password(workspace: Workspace) -> Work[Source]:
    """Give our own server's account a new password, store it, and say where it is.

    The server may run meanwhile; browsers that are signed in have to sign in again. Raises
    ConfigurationError for another's server, KeyringLocked where the password cannot be stored, and
    LabelpilotError, the old password still in force, where Label Studio does not change it.
    """
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The passwords of {workspace.studio.url} are not labelpilot's to change.",
            next_step="Change yours there.",
        )
    if workspace.studio.database is None and not database(workspace).exists():
        raise ConfigurationError(
            "Our own Label Studio has no account yet.", next_step="Run `labelpilot setup`."
        )
    former: Secret | None = None
    with only_one(workspace, "server"):
        with contextlib.suppress(LabelpilotError):
            former = stored_secret(workspace, "password")
        password = secrets.token_urlsafe(18)
        # First, so that nothing is changed where it cannot be stored.
        source = store_secret(workspace, "password", password)
        changed = False
        try:
            changed = yield from _set_password(workspace, password)
        finally:
            if not changed and former is not None:
                store_secret(workspace, "password", former.value)
    return source


def _set_password(workspace: Workspace, password: str) -> Work[bool]:
    """Have Label Studio's own command set the password, which it reads from standard input where
    it has no terminal."""
    workspace.state.logs.mkdir(mode=0o700, exist_ok=True)
    log = workspace.state.logs / "reset-password.log"
    environment = server_environment(workspace, FIRST_PORT, os.environ)
    with open(os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "r+b") as output:
        process = start(
            launch(workspace, "reset_password", "--username", EMAIL),
            cwd=workspace.state.server,
            environment=environment,
            stdin=subprocess.PIPE,
            stdout=output,
        )
        try:
            with process.stdin as pipe, contextlib.suppress(BrokenPipeError):
                pipe.write(f"{password}\n".encode())
            began = time.monotonic()
            while lives(process) and time.monotonic() - began < RESET_SECONDS:
                yield Progress("password", int(time.monotonic() - began))
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(0.25)
        finally:
            end(process, PATIENCE)
    told = log.read_text(encoding="utf-8", errors="replace")
    if "Password successfully changed" in told:
        return True
    if f"User with username {EMAIL} not found" in told:
        # The next start makes it.
        account_marker(workspace).unlink(missing_ok=True)
        next_step = "Start it anew: `labelpilot server stop`, then `labelpilot setup`."
    else:
        next_step = f"Its whole story is in {log}; try again."
    raise LabelpilotError(
        f"Label Studio did not change the password of {EMAIL}.",
        cause="\n".join(log_tail(log)[-3:]),
        next_step=next_step,
    )


# Tokens


def make_token(workspace: Workspace, url: str) -> Source:
    """Sign in to our own server, make a personal access token, store it, and say where it is.

    Label Studio shows a personal token once and allows one at a time: one that was lost is revoked
    and replaced. Raises StudioRefused where the password is not accepted.
    """
    password = find_secret(workspace, "password")
    if password is None:
        raise LabelpilotError(
            "The password of our own Label Studio is not stored any more.", next_step=RESET
        )
    with _answers("the token was made"), http_client(url) as client:
        _sign_in(client, password.value)
        token = _new_token(client)
    return store_secret(workspace, "token", token)


def store_tried_token(workspace: Workspace, token: str) -> Work[Source]:
    """Store a token that the workspace's server takes, and say where it is.

    Raises ConfigurationError for what cannot be a token, StudioRefused for one that is not taken,
    StudioUnreachable where it cannot be tried, and KeyringLocked; nothing is stored then.
    """
    token = clean_token(token)
    yield Progress("token")
    with contextlib.closing(StudioClient(server_url(workspace), token)) as client:
        client.whoami()
    return store_secret(workspace, "token", token)


def rotate_token(workspace: Workspace) -> Source:
    """Replace the stored personal token by a new one, on the server and here.

    Raises ConfigurationError where there is none that can be replaced, StudioRefused where the
    server does not take the old one.
    """
    token = _changeable_token(workspace)
    if token_kind(token.value) != "personal":
        raise ConfigurationError(
            "Only a personal token can be replaced from here.",
            next_step="Reset a legacy token on Label Studio's Account & Settings page, and store "
            "the new one: `labelpilot token set`.",
        )
    # Tried with the old one, so that the new one is not lost between the server and here.
    store_secret(workspace, "token", token.value)
    with _answers("the token was replaced"), http_client(server_url(workspace)) as client:
        access = _taken(client.post("/api/token/refresh/", json={"refresh": token.value}))
        answer = client.post(
            "/api/token/rotate/",
            json={"refresh": token.value},
            headers={"Authorization": f"Bearer {access['access']}"},
        )
        new = str(_taken(answer)["refresh"])
    return store_secret(workspace, "token", new)


def forget_token(workspace: Workspace) -> Forgotten:
    """Revoke the stored token on its server, and remove it from where it is stored here.

    It is removed here also where the server cannot be asked. A token in the environment is left
    alone: it is not labelpilot's. Raises KeyringLocked.
    """
    token = stored_secret(workspace, "token")
    reason = "" if token else "There was none stored."
    if token is not None:
        try:
            _revoke(server_url(workspace), token.value)
        except LabelpilotError as error:
            reason = " ".join(part for part in (error.message, error.cause) if part)
    removed = tuple(forget_secret(workspace, "token"))
    return Forgotten(removed, revoked=token is not None and not reason, reason=reason)


def _revoke(url: str, token: str) -> None:
    with _answers("the token was revoked"), http_client(url) as client:
        if token_kind(token) == "personal":
            answer = client.post("/api/token/blacklist/", json={"refresh": token})
            if answer.status_code != 404:  # it is revoked already
                _taken(answer)
            return
        # The only way to end a legacy token: the server makes another, which nobody is told.
        headers = {"Authorization": f"Token {token}"}
        answer = client.post("/api/current-user/reset-token/", headers=headers)
        if answer.status_code != 401:  # it is not valid any more
            _taken(answer)


def _changeable_token(workspace: Workspace) -> Secret:
    token = find_secret(workspace, "token")
    if token is None:
        raise ConfigurationError(
            "There is no token stored.", next_step="Store one: `labelpilot token set`."
        )
    if token.source == "environment":
        raise ConfigurationError(
            f"The token comes from {VARIABLE}, which labelpilot cannot change.",
            next_step="Change it where it is set.",
        )
    return token


# Requests: few, and before there is a token or about it, so not the client's.


@contextlib.contextmanager
def _answers(what: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise StudioUnreachable(
            f"Label Studio did not answer while {what}.",
            cause=f"{type(error).__name__}: {error}",
            next_step="Look whether it is running, and try again.",
        ) from None


def _taken(answer: httpx.Response) -> dict[str, object]:
    """The JSON of an answer that says yes."""
    if not answer.is_success:
        raise StudioRefused(
            "Label Studio does not accept the token.",
            cause=f"status {answer.status_code}: {answer.text[:200]}",
            next_step="Store another: `labelpilot token set`.",
            status=answer.status_code,
        )
    return dict(answer.json()) if answer.content else {}


def _sign_in(client: httpx.Client, password: str) -> None:
    client.get("/user/login/").raise_for_status()
    answer = client.post(
        "/user/login/",
        data={
            "email": EMAIL,
            "password": password,
            "csrfmiddlewaretoken": client.cookies.get("csrftoken") or "",
        },
    )
    if answer.status_code != 302:
        raise StudioRefused(
            f"Our own Label Studio does not accept the stored password of {EMAIL}.",
            next_step=RESET,
            status=answer.status_code,
        )


def _new_token(client: httpx.Client) -> str:
    headers = {"X-CSRFToken": client.cookies.get("csrftoken") or ""}
    answer = client.post("/api/token/", headers=headers)
    if answer.status_code == 409:
        for token in client.get("/api/token/").raise_for_status().json():
            client.post(
                "/api/token/blacklist/", json={"refresh": token["token"]}, headers=headers
            ).raise_for_status()
        answer = client.post("/api/token/", headers=headers)
    answer.raise_for_status()
    return str(answer.json()["token"])
