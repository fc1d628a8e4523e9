"""Our own server's account: made at the first start, and labelpilot's.

Its password is made up, stored, and shown to people who sign in with it in the browser. It never
stands on a command line.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

from core.errors import ConfigurationError, LabelpilotError, StudioRefused
from core.own_files import make_own, open_own, read_own
from core.processes import end, lives, start
from core.progress import Progress, Work
from core.secrets.credentials import Secret, Source, find_secret, store_secret, stored_secret
from core.studio.door import door
from core.studio.environment import prepare_data, server_environment
from core.studio.http import http_client
from core.studio.process import FIRST_PORT, launch
from core.studio.server import EMAIL, account_marker, database, log_tail
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    import httpx

# Of Label Studio's own command, which loads all of it first.
RESET_SECONDS = 120.0
PATIENCE = 2.0
RESET = "Make a new one: `labelpilot server password --reset`."


def sign_in_with(workspace: Workspace) -> tuple[str, str] | None:
    """The e-mail address and password of our own server's account; None where they are not ours.

    The one place that hands the password out: people sign in with it in the browser.
    """
    password = find_secret(workspace, "password") if workspace.owns_server else None
    return None if password is None else (EMAIL, password.value)


def can_sign_in(workspace: Workspace) -> bool:
    """Whether our own server accepts the stored password. Raises StudioUnreachable if it is off."""
    from core.studio.lean_httpx import httpx

    url, confirm = door(workspace)
    password = find_secret(workspace, "password")
    if password is None:
        return False
    try:
        with http_client(url, confirm=confirm) as client:
            sign_in(client, password.value)
    except (httpx.HTTPError, StudioRefused):
        return False
    return True


def ensure_account(workspace: Workspace) -> Work[None]:
    """Make sure that labelpilot can sign in to our own server, which has to run.

    A password that was lost, or is not accepted, is replaced by a new one. Raises as
    `reset_password` does.
    """
    yield Progress("account")
    if not can_sign_in(workspace):
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
    log = make_own(workspace.state.logs) / "reset-password.log"
    prepare_data(workspace)
    environment = server_environment(workspace, FIRST_PORT, os.environ)
    with open_own(log, "w+b") as output:
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
    told = read_own(log).decode("utf-8", "replace")
    if "Password successfully changed" in told:
        return True
    if f"User with username {EMAIL} not found" in told:
        # The next start makes it.
        account_marker(workspace).unlink(missing_ok=True)
        next_step = "Restart it: `labelpilot server stop`, then `labelpilot setup`."
    else:
        next_step = f"The full log is in {log}; try again."
    raise LabelpilotError(
        f"Label Studio did not change the password of {EMAIL}.",
        cause="\n".join(log_tail(log)[-3:]),
        next_step=next_step,
    )


def sign_in(client: httpx.Client, password: str) -> None:
    """Sign `client` in to our own server. Raises StudioRefused, and whatever httpx raises."""
    # As one of its own pages does: it takes no changes from others.
    client.headers["Origin"] = str(client.base_url).rstrip("/")
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
