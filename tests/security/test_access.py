"""A personal token is traded for access, and whatever answers instead is said for what it is."""

from __future__ import annotations

import contextlib

import pytest

from core.errors import LabelpilotError
from core.studio.client import StudioClient
from tests.security.test_redirects import personal, server


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>Welcome</html>", "is not Label Studio, or is broken"),
        (200, b'{"access": 3}', "is not Label Studio, or is broken"),
        (200, b"[]", "is not Label Studio, or is broken"),
        (403, b'{"detail": "no"}', "does not accept the token"),
        (500, b'{"detail": "no"}', "gave no access token"),
    ],
)
def test_what_gives_no_access_is_said(status: int, body: bytes, said: str) -> None:
    token = personal()
    with (
        server(status, {}, body) as (url, sent),
        contextlib.closing(StudioClient(url, token)) as client,
        pytest.raises(LabelpilotError, match=said) as raised,
    ):
        client.create_project("Minifigures")
    assert len(sent) == 1
    assert token not in str(raised.value)


def test_a_token_that_has_ended_is_not_sent() -> None:
    with (
        server(200, {}) as (url, sent),
        contextlib.closing(StudioClient(url, personal(-10))) as client,
        pytest.raises(LabelpilotError, match="does not accept the token") as raised,
    ):
        client.whoami()
    assert not sent
    assert "has expired" in str(raised.value)


@pytest.mark.parametrize("token", ["a.b.c", "a..c", "f" * 40, "a.Mw.c"])
def test_what_says_nothing_of_itself_is_sent_as_it_is(token: str) -> None:
    with (
        server(401, {}) as (url, sent),
        contextlib.closing(StudioClient(url, token)) as client,
        pytest.raises(LabelpilotError, match="does not accept the token"),
    ):
        client.whoami()
    assert len(sent) == 1
