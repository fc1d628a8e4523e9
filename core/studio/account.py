"""The first account of our own server, and a personal access token for it, without a browser."""

from __future__ import annotations

from core.credentials import Source, find_secret, forget_secret, store_secret
from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.studio.server import EMAIL, is_loopback
from core.workspace import Workspace


def make_token(workspace: Workspace, url: str) -> Source:
    """Sign in to our own server, make a personal access token, store it, and say where it is.

    Label Studio shows a personal token once and allows one at a time: one that was lost is revoked
    and replaced. Raises StudioRefused where the password is not accepted.
    """
    import httpx

    password = find_secret(workspace, "password")
    if password is None:
        raise LabelpilotError(
            "The password of our own Label Studio is not stored any more.",
            next_step="Set LABEL_STUDIO_API_KEY to a token of an account there.",
        )
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=not is_loopback(url)) as client:
            _sign_in(client, password.value)
            token = _new_token(client)
    except (httpx.HTTPError, ValueError) as error:
        raise StudioUnreachable(
            "Label Studio did not answer while the token was made.",
            cause=f"{type(error).__name__}: {error}",
            next_step="Look at `labelpilot server logs`, and try again.",
        ) from None
    forget_secret(workspace, "token")
    source = store_secret(workspace, "token", token)
    (workspace.server_folder / "account-made").touch()
    return source


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
        with httpx.Client(base_url=url, timeout=30, trust_env=not is_loopback(url)) as client:
            _sign_in(client, password.value)
    except (httpx.HTTPError, StudioRefused):
        return False
    return True


def _sign_in(client, password: str) -> None:  # type: ignore[no-untyped-def]
    client.get("/user/login/").raise_for_status()
    answer = client.post(
        "/user/login/",
        data={
            "email": EMAIL,
            "password": password,
            "csrfmiddlewaretoken": client.cookies.get("csrftoken", ""),
        },
    )
    if answer.status_code != 302:
        raise StudioRefused(
            f"Our own Label Studio does not accept the stored password of {EMAIL}.",
            next_step="Set LABEL_STUDIO_API_KEY to a token of an account there.",
            status=answer.status_code,
        )


def _new_token(client) -> str:  # type: ignore[no-untyped-def]
    headers = {"X-CSRFToken": client.cookies.get("csrftoken", "")}
    answer = client.post("/api/token/", headers=headers)
    if answer.status_code == 409:
        for token in client.get("/api/token/").raise_for_status().json():
            client.post(
                "/api/token/blacklist/", json={"refresh": token["token"]}, headers=headers
            ).raise_for_status()
        answer = client.post("/api/token/", headers=headers)
    answer.raise_for_status()
    return str(answer.json()["token"])
