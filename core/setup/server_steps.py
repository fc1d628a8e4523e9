"""The first steps of the set-up: a server, somebody who may use it, and a token for it."""

from __future__ import annotations

import contextlib

from core.errors import StudioRefused, StudioUnreachable
from core.progress import Progress, Work
from core.secrets.credentials import described_token, find_secret
from core.secrets.keyrings import KeyringLocked
from core.setup.context import Found, Setup, Step
from core.studio.account import can_sign_in, ensure_account
from core.studio.environment import document_root
from core.studio.patches import closed_patches
from core.studio.server import EMAIL
from core.studio.starting import start_server
from core.studio.tokens import make_token
from core.workspace.consents import may_send_token


def _probe_server(setup: Setup) -> Found:
    workspace, status = setup.workspace, setup.server
    if status.running and not status.settings_current:
        return "part", "runs with other settings than the workspace's: restart it"
    if not status.running:
        if not workspace.owns_server:
            return "wrong", f"no Label Studio answers at {workspace.studio.url}"
        return "to do", "Label Studio is not running"
    version = f"Label Studio {status.version}"
    if not workspace.owns_server:
        return "done", f"{version} at {status.url}"
    root = workspace.relative(document_root(workspace))
    lacks = "".join(f". {closed.without}" for closed in closed_patches(workspace)).removesuffix(".")
    return "done", f"{version} at {status.url}, serves files below {root}{lacks}"


def _apply_server(setup: Setup) -> Work[None]:
    if not setup.workspace.owns_server:
        raise StudioUnreachable(
            f"No Label Studio answers at {setup.workspace.studio.url}.",
            next_step="Start it, or fix `url` under [studio] in labelpilot.toml.",
        )
    yield from start_server(setup.workspace)


SERVER = Step(
    id="server",
    title="Server",
    why="Label Studio shows the images and takes the labels. Ours listens on this machine only, "
    "serves the image folder, and goes on when labelpilot ends.",
    needs=None,
    probe=_probe_server,
    apply=_apply_server,
)


def _probe_account(setup: Setup) -> Found:
    if find_secret(setup.workspace, "token") is not None:
        with contextlib.suppress(StudioRefused):
            return "done", setup.client.whoami().email
    if not setup.workspace.owns_server:
        return "waiting", "known once there is a token that works"
    if can_sign_in(setup.workspace):
        return "done", EMAIL
    return "to do", "no account that labelpilot can sign in to"


def _apply_account(setup: Setup) -> Work[None]:
    # Our server makes its first account when it starts; a foreign one's is not ours to make.
    if setup.workspace.owns_server:
        yield from ensure_account(setup.workspace)
    else:
        may_send_token(setup.workspace)


ACCOUNT = Step(
    id="account",
    title="Account",
    why="Labels are kept with the account of whoever made them.",
    needs="server",
    probe=_probe_account,
    apply=_apply_account,
)


def _probe_token(setup: Setup) -> Found:
    try:
        token = find_secret(setup.workspace, "token")
    except KeyringLocked as error:
        return "wrong", str(error)
    if token is None:
        return "to do", "none stored"
    detail = described_token(token)
    try:
        setup.client.whoami()
    except StudioRefused as error:
        return "wrong", f"{detail}, which Label Studio refuses ({error.cause})"
    return "done", f"{detail}, works"


def _apply_token(setup: Setup) -> Work[None]:
    yield Progress("token")
    token = find_secret(setup.workspace, "token")
    if setup.workspace.owns_server and (token is None or token.source != "environment"):
        make_token(setup.workspace)
        return
    # Raises, and says what to do, where there is none or it is refused.
    setup.client.whoami()


TOKEN = Step(
    id="token",
    title="Token",
    why="labelpilot speaks to Label Studio with a token. It is kept in the system keyring where "
    "there is one, and never shown.",
    needs="server",
    probe=_probe_token,
    apply=_apply_token,
)
