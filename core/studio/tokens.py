"""Tokens of any server: made, tried, stored, replaced and revoked.

A token is tried before it is stored, and revoked before it is forgotten. The requests are few, and
sent before there is a token or about it, so they are not the client's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import ConfigurationError, LabelpilotError, StudioRefused, StudioUnreachable
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
from core.studio.account import RESET, sign_in
from core.studio.client import StudioClient
from core.studio.door import door, secret_client
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Where a token was removed, and whether its server takes it no more; if not, why."""

    removed: tuple[Source, ...]
    revoked: bool
    reason: str

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot token forget --json` prints."""
        return {"removed": self.removed, "revoked": self.revoked, "reason": self.reason}


def make_token(workspace: Workspace) -> Source:
    """Sign in to our own server, make a personal access token, store it, and say where it is.

    Label Studio shows a personal token once and allows one at a time: one that was lost is revoked
    and replaced. Raises StudioRefused where the password is not accepted.
    """
    password = find_secret(workspace, "password")
    if password is None:
        raise LabelpilotError(
            "The password of our own Label Studio is not stored any more.", next_step=RESET
        )
    with _answers("the token was made"), secret_client(workspace) as client:
        sign_in(client, password.value)
        token = _new_token(client)
    return store_secret(workspace, "token", token)


def store_tried_token(workspace: Workspace, token: str) -> Work[Source]:
    """Store a token that the workspace's server takes, and say where it is.

    Raises ConfigurationError for what cannot be a token, StudioRefused for one that is not taken,
    StudioUnreachable where it cannot be tried, and KeyringLocked; nothing is stored then.
    """
    token = clean_token(token)
    yield Progress("token")
    url, confirm = door(workspace)
    with contextlib.closing(StudioClient(url, token, confirm)) as client:
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
    with _answers("the token was replaced"), secret_client(workspace) as client:
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
            _revoke(workspace, token.value)
        except LabelpilotError as error:
            reason = error.in_short
    removed = tuple(forget_secret(workspace, "token"))
    return Forgotten(removed, revoked=token is not None and not reason, reason=reason)


def _revoke(workspace: Workspace, token: str) -> None:
    with _answers("the token was revoked"), secret_client(workspace) as client:
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


@contextlib.contextmanager
def _answers(what: str) -> Iterator[None]:
    from core.studio.lean_httpx import httpx

    try:
        yield
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise StudioUnreachable(
            f"Label Studio did not answer while {what}.",
            cause=f"{type(error).__name__}: {error}",
            next_step="Check that it is running, and try again.",
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
