"""What an error shows: a sentence, a cause, a next step, and neither secrets nor control codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import masking
from core.errors import ConfigurationError, LabelpilotError, StudioRefused
from core.masking import MASK, crash_report, fit_to_paste, keep_secret, printable, redact
from tui.commands.exit_codes import ExitCode, exit_code

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.s3cr3t-Signature_x"
LEGACY = "0123456789abcdef0123456789abcdef01234567"
# Of the shape of a token, and no test's: what is met as one is masked wherever it stands.
HASHED = "fedcba9876543210fedcba9876543210fedcba98"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"detail: {JWT} refused", JWT),
        (JWT.rsplit(".", 1)[0], JWT.rsplit(".", 1)[0]),
        (f"Authorization: Token {LEGACY}", LEGACY),
        (f'{{"token":"{LEGACY}"}}', LEGACY),
        (f"GET /api/tasks?token={LEGACY}&page=1", LEGACY),
        (f"The token is {LEGACY}.", LEGACY),
        ("headers: {'authorization': 'Bearer abcdefgh12345678'}", "abcdefgh12345678"),
        ("LABEL_STUDIO_PASSWORD=hunter2!", "hunter2!"),
        ('{"email": "a@b", "password": "hunter2!"}', "hunter2!"),
        ("Cookie: sessionid=abc123def; csrftoken=xyz789", "abc123def"),
        ("Cookie: sessionid=abc123def; csrftoken=xyz789", "xyz789"),
        ("https://anna:hunter2@studio.example.org/x", "hunter2"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Invalid token header. No credentials provided.",
        "Token is invalid or already blacklisted.",
        "Authentication credentials were not provided.",
        f"data/images/{HASHED}.png is no image",
        f"{HASHED}.png -> /etc/hostname",
        "the password is wrong",
        "12,345 of 20,000 images",
        "https://studio.example.org/projects/3/data?tab=1&labeling=1",
    ],
)
def test_plain_words_and_file_names_are_left_alone(text: str) -> None:
    assert redact(text) == text


def test_a_secret_that_was_met_is_masked_whatever_its_shape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(masking, "known_secrets", set())
    assert redact("an odd-secret 1!") == "an odd-secret 1!"
    keep_secret("odd-secret 1!")
    assert redact("an odd-secret 1!") == f"an {MASK}"
    error = LabelpilotError("It is odd-secret 1!", cause="odd-secret 1!", next_step="no")
    assert "odd-secret" not in str(error)


@given(st.text())
def test_nothing_printable_steers_a_terminal(text: str) -> None:
    shown = printable(text)
    assert all(character == "\n" or not _steers(character) for character in shown)
    shown.encode()


def _steers(character: str) -> bool:
    number = ord(character)
    return (
        number < 32
        or 127 <= number < 160
        or 0x202A <= number <= 0x202E
        or 0x2066 <= number <= 0x2069
        or character in "\u061c\u200e\u200f\ufeff"
        or 0xD800 <= number < 0xE000
    )


def test_letters_of_any_script_and_joined_emoji_stay() -> None:
    text = (
        "\u00fcn\u00ef \u753b\u50cf \u062a\u0647\u0627\u200c \U0001f469\u200d\U0001f52c\nnext line"
    )
    assert printable(text) == text


def test_names_from_outside_cannot_steer_through_an_error() -> None:
    name = "\x1b]0;owned\x07\x1b[31mred\u202egnp.exe"
    error = ConfigurationError(f"No {name}.", cause=name, next_step=f"Remove {name}.")
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)
    assert "red" in str(error)


def test_an_error_is_a_sentence_a_cause_and_a_next_step() -> None:
    error = StudioRefused("It said no.", cause="status 403", next_step="Ask again.", status=403)
    assert str(error) == "It said no.\nstatus 403\nAsk again."
    assert exit_code(error) == ExitCode.UNREACHABLE
    assert error.status == 403


def test_a_pasted_text_does_not_tell_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    text = "/home/anna/proj and /home/annabel, /home/anna"
    assert fit_to_paste(text) == "~/proj and /home/annabel, ~"
    monkeypatch.setenv("HOME", "/")
    assert fit_to_paste("/usr/bin") == "/usr/bin"


def test_a_crash_report_has_neither_locals_nor_secrets() -> None:
    def crash() -> None:
        local_secret = "a-local-" + "value"
        token = JWT
        raise RuntimeError(f"refused {token} {len(local_secret)}")

    try:
        crash()
    except RuntimeError as error:
        report = crash_report(error)
    assert report.startswith("Traceback (most recent call last):")
    assert report.endswith(f"RuntimeError: refused {MASK} 13")
    assert "a-local-value" not in report
