"""The account of our own server, and tokens: shown, replaced, revoked, and never lost."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from core.errors import ConfigurationError, LabelpilotError, StudioRefused
from core.progress import finish
from core.secrets.credentials import find_secret, forget_secret, store_secret, stored_secret
from core.studio.account import can_sign_in, ensure_account, reset_password, sign_in_with
from core.studio.client import StudioClient
from core.studio.project import connect
from core.studio.tokens import forget_token, make_token, rotate_token, store_tried_token
from core.workspace.settings import Studio, Workspace
from tests.security.conftest import Served


@pytest.fixture(autouse=True)
def with_a_token(served: Served) -> Iterator[None]:
    """Each test begins and ends with an account and a token that work."""
    kept = find_secret(served.workspace, "token")
    if kept is None or not is_taken(served, kept.value):
        finish(ensure_account(served.workspace))
        make_token(served.workspace)
    yield


def token(served: Served) -> str:
    found = find_secret(served.workspace, "token")
    assert found is not None
    return found.value


def is_taken(served: Served, value: str) -> bool:
    with contextlib.closing(StudioClient(served.url, value)) as client:
        try:
            return client.whoami().email == "labelpilot@localhost"
        except StudioRefused as error:
            assert error.status in (401, 403)
            return False


def command_lines() -> str:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += process.cmdline()
    return "\n".join(found)


# The password


def test_the_password_that_is_shown_is_the_one_that_works(served: Served) -> None:
    shown = served.run("server", "password")
    assert (shown["email"], shown["password"]) == sign_in_with(served.workspace)
    assert can_sign_in(served.workspace)


def test_a_new_password_works_while_the_server_runs_and_the_old_one_no_more(served: Served) -> None:
    workspace = served.workspace
    old, seen = sign_in_with(workspace), ""
    process = served.begin("server", "password", "--reset")
    while process.poll() is None:
        seen += command_lines()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)  # looking costs the machine more than the reset does
    assert process.returncode == 0, process.communicate()
    new = sign_in_with(workspace)
    assert old is not None
    assert new is not None
    assert new[1] != old[1]
    assert "reset_password" in seen
    assert new[1] not in seen
    assert can_sign_in(workspace)
    store_secret(workspace, "password", old[1])
    assert not can_sign_in(workspace)
    store_secret(workspace, "password", new[1])
    assert is_taken(served, token(served))


def test_a_lost_password_is_replaced(served: Served) -> None:
    forget_secret(served.workspace, "password")
    assert not can_sign_in(served.workspace)
    finish(ensure_account(served.workspace))
    assert can_sign_in(served.workspace)


def test_a_reset_that_is_cancelled_leaves_the_old_password(served: Served) -> None:
    old = sign_in_with(served.workspace)
    work = reset_password(served.workspace)
    next(work)
    work.close()
    assert sign_in_with(served.workspace) == old
    assert can_sign_in(served.workspace)


def test_there_is_nothing_to_reset_before_the_first_start_or_on_anothers_server(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigurationError, match="has no account yet"):
        finish(reset_password(Workspace(tmp_path)))
    with pytest.raises(ConfigurationError, match="not labelpilot's to change"):
        finish(reset_password(Workspace(tmp_path, Studio("https://studio.example"))))
    assert not (tmp_path / ".labelpilot").exists()


# Tokens


def test_a_token_that_was_lost_is_revoked_and_replaced(served: Served) -> None:
    lost = token(served)
    forget_secret(served.workspace, "token")
    make_token(served.workspace)
    assert token(served) != lost
    assert is_taken(served, token(served))
    assert not is_taken(served, lost)


def test_a_rotated_token_takes_the_old_ones_place_here_and_there(served: Served) -> None:
    old = token(served)
    assert rotate_token(served.workspace) == "file"
    assert token(served) != old
    assert is_taken(served, token(served))
    assert not is_taken(served, old)


def test_a_token_that_its_server_refuses_is_not_rotated(served: Served) -> None:
    rotate_token(served.workspace)
    revoked = token(served)
    rotate_token(served.workspace)
    store_secret(served.workspace, "token", revoked)
    with pytest.raises(StudioRefused, match="does not accept the token") as raised:
        rotate_token(served.workspace)
    assert revoked not in str(raised.value)
    assert token(served) == revoked


def test_a_forgotten_token_is_revoked_there_and_removed_here(served: Served) -> None:
    forgotten = token(served)
    done = forget_token(served.workspace)
    assert (done.removed, done.revoked) == (("file",), True)
    assert find_secret(served.workspace, "token") is None
    assert not is_taken(served, forgotten)
    again = forget_token(served.workspace)
    assert (again.removed, again.revoked) == ((), False)


def test_a_forgotten_legacy_token_is_revoked_too(served: Served) -> None:
    with contextlib.closing(connect(served.workspace)) as client:
        client.transport.send("POST", "api/jwt/settings", body={"legacy_api_tokens_enabled": True})
        legacy = str(client.transport.get("api/current-user/token")["token"])
    personal = token(served)
    assert is_taken(served, legacy)
    store_secret(served.workspace, "token", legacy)
    assert forget_token(served.workspace).revoked
    assert not is_taken(served, legacy)
    assert is_taken(served, personal)


def test_a_token_is_tried_before_it_is_stored(served: Served) -> None:
    kept = token(served)
    with pytest.raises(StudioRefused, match="does not accept the token"):
        finish(store_tried_token(served.workspace, "f" * 40))
    assert token(served) == kept
    assert finish(store_tried_token(served.workspace, f" {kept}\n")) == "file"
    assert token(served) == kept


def test_a_token_is_forgotten_here_also_where_its_server_cannot_be_asked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Studio("http://127.0.0.1:1"))
    store_secret(workspace, "token", "f" * 40)
    done = forget_token(workspace)
    assert done.removed == ("session",)
    assert not done.revoked
    assert "did not answer" in done.reason
    assert stored_secret(workspace, "token") is None


def test_a_token_of_the_environment_is_not_labelpilots_to_change(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = token(served)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", kept)
    forget_secret(served.workspace, "token")
    with pytest.raises(ConfigurationError, match="LABEL_STUDIO_API_KEY"):
        rotate_token(served.workspace)
    assert forget_token(served.workspace).removed == ()
    assert is_taken(served, kept)


def test_a_personal_token_is_renewed_before_its_access_ends_and_once_on_a_401(
    served: Served,
) -> None:
    sent: list[str] = []

    def note(request: httpx.Request) -> None:
        sent.append(request.url.path)

    with contextlib.closing(connect(served.workspace)) as client:
        transport = client.transport
        client.whoami()
        transport.client.event_hooks["request"].append(note)
        client.whoami()
        assert sent == ["/api/current-user/whoami"]

        sent.clear()  # an access token that has run out: renewed before anything is sent
        tokens = transport.access._wrapper._tokens_client
        tokens._set_access_token(_ended(tokens._access_token))
        client.whoami()
        assert sent == ["/api/token/refresh/", "/api/current-user/whoami"]

        sent.clear()  # one that the server does not take: renewed once, and sent again
        tokens._set_access_token(tokens._access_token[:-4] + "AAAA")
        client.whoami()
        assert sent == [
            "/api/current-user/whoami",
            "/api/token/refresh/",
            "/api/current-user/whoami",
        ]

        sent.clear()  # a personal token that was revoked: no second try
        rotate_token(served.workspace)
        tokens._set_access_token(tokens._access_token[:-4] + "AAAA")
        with pytest.raises(StudioRefused, match="does not accept the token"):
            client.whoami()
        assert sent == ["/api/current-user/whoami", "/api/token/refresh/"]


def _ended(access: str) -> str:
    import jwt

    claims = jwt.decode(access, options={"verify_signature": False})
    return jwt.encode(claims | {"exp": 1}, "a key that is long enough for the algorithm")


def test_a_server_that_does_not_run_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(LabelpilotError, match="is not running"):
        finish(ensure_account(Workspace(tmp_path)))
