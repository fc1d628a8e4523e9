"""Where secrets are looked for, where they go, and what never happens to them.

Here there is no keyring; tests/security has the same with real ones.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from core import masking
from core.errors import ConfigurationError
from core.masking import redact
from core.secrets import credentials
from core.secrets.credentials import (
    VARIABLE,
    Secret,
    agree_to_file,
    clean_token,
    credentials_file,
    find_secret,
    forget_secret,
    store_secret,
    token_kind,
)
from core.workspace.settings import Studio, Workspace

PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"
LEGACY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(credentials, "session_secrets", {})
    monkeypatch.setattr(masking, "known_secrets", set())


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A workspace with its own server."""
    return Workspace(tmp_path)


@pytest.fixture
def foreign(tmp_path: Path) -> Workspace:
    """A workspace on another's server."""
    return Workspace(tmp_path, Studio("https://studio.example"))


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("token", "kind"),
    [(PERSONAL, "personal"), (LEGACY, "legacy"), (LEGACY.upper(), "unknown"), ("abc", "unknown")],
)
def test_a_tokens_kind_is_told_by_its_shape(token: str, kind: str) -> None:
    assert token_kind(token) == kind


def test_a_pasted_token_loses_the_white_space_around_it() -> None:
    assert clean_token(f"  {LEGACY}\r\n") == LEGACY


@pytest.mark.parametrize("text", ["", "  ", "two words", "tökén", "a\x1b[31m", "a\nb"])
def test_what_cannot_be_a_token_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        clean_token(text)
    assert not text.strip() or text not in str(raised.value)


def test_the_environment_comes_first(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    store_secret(own, "token", PERSONAL)
    monkeypatch.setenv(VARIABLE, f" {LEGACY} ")
    assert find_secret(own, "token") == Secret(LEGACY, "environment")
    monkeypatch.setenv(VARIABLE, "  ")
    assert find_secret(own, "token") == Secret(PERSONAL, "file")


def test_a_variable_that_holds_no_token_is_named(
    own: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "two words")
    with pytest.raises(ConfigurationError, match=VARIABLE):
        find_secret(own, "token")


def test_the_environment_holds_no_password(own: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, LEGACY)
    assert find_secret(own, "password") is None


def test_our_own_servers_secrets_lie_in_a_private_file_where_there_is_no_keyring(
    own: Workspace,
) -> None:
    assert store_secret(own, "password", "correct horse") == "file"
    assert store_secret(own, "token", PERSONAL) == "file"
    file = credentials_file(own)
    assert file.parent == own.state.server
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert find_secret(own, "password") == Secret("correct horse", "file")
    assert find_secret(own, "token") == Secret(PERSONAL, "file")


def test_another_servers_token_goes_to_no_file_unasked(foreign: Workspace, tmp_path: Path) -> None:
    assert store_secret(foreign, "token", LEGACY) == "session"
    assert find_secret(foreign, "token") == Secret(LEGACY, "session")
    assert LEGACY.encode() not in everything_below(tmp_path)


def test_another_servers_token_goes_to_a_private_file_once_that_is_agreed(
    foreign: Workspace,
) -> None:
    store_secret(foreign, "token", PERSONAL)
    file = agree_to_file(foreign)
    assert store_secret(foreign, "token", LEGACY) == "file"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert find_secret(foreign, "token") == Secret(LEGACY, "file")
    assert forget_secret(foreign, "token") == ["file"]
    assert store_secret(foreign, "token", LEGACY) == "file"


def test_a_token_in_a_file_is_for_the_server_that_it_was_stored_for(
    foreign: Workspace, tmp_path: Path
) -> None:
    agree_to_file(foreign)
    store_secret(foreign, "token", LEGACY)
    other = Workspace(tmp_path, Studio("https://evil.example"))
    assert find_secret(other, "token") is None
    assert find_secret(Workspace(tmp_path), "token") is None


def test_a_forgotten_token_is_nowhere(own: Workspace, tmp_path: Path) -> None:
    store_secret(own, "password", "correct horse")
    store_secret(own, "token", PERSONAL)
    assert forget_secret(own, "token") == ["file"]
    assert find_secret(own, "token") is None
    assert PERSONAL.encode() not in everything_below(tmp_path)
    assert find_secret(own, "password") == Secret("correct horse", "file")
    assert forget_secret(own, "token") == []


def test_a_value_shows_in_no_repr_and_is_masked_from_then_on(own: Workspace) -> None:
    store_secret(own, "password", "a-password-of-no-shape")
    found = find_secret(own, "password")
    assert "a-password" not in repr(found)
    assert "a-password" not in redact("it is a-password-of-no-shape")


@pytest.mark.parametrize("content", ["{", "[]", '"x"', json.dumps({"server": 3}), "x" * 200_000])
def test_a_broken_file_is_a_sentence_or_holds_nothing(own: Workspace, content: str) -> None:
    file = credentials_file(own)
    file.parent.mkdir(parents=True)
    file.write_text(content)
    try:
        assert find_secret(own, "token") is None
    except ConfigurationError as error:
        assert str(file) in str(error)
