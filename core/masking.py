"""What may be shown: secrets masked, and text from outside made harmless to a terminal.

Every word that labelpilot did not write itself (a server's answer, a file's name, a log's line) is
data. Before it reaches a terminal it goes through `printable`, and where it may hold a secret
through `redact`; a text that people paste into a bug report goes through `fit_to_paste`.
"""

from __future__ import annotations

import os
import re
import traceback

MASK = "•••"
# A shorter value would mask half of every text, and is no secret that labelpilot makes or takes.
SHORTEST_SECRET = 8

# What this process has met.
known_secrets: set[str] = set()

# Personal tokens are JWTs: base64url parts, the first of which is a JSON object and so begins with
# "eyJ"; Label Studio lists them without their signature. Legacy ones are 40 hex digits, as is many
# an image's name: next to a path's or a file name's characters they are left alone.
_SECRETS = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]+)?"
    r"|(?<![\w/.-])[0-9a-f]{40}(?![\w/-]|\.\w)"
    r"|(?i:(?<=token )|(?<=bearer )|(?<=basic ))(?=[^\s\"']*[0-9])[\w.~+/=-]{16,}"
    r"|(?<=[?&]token=)[\w.~-]+"
    r"|(?<=://)[^\s/@\"']+(?=@)"
)
_NAMED = re.compile(
    r"(?i)((?:password|passwd|secret_key|api_key|sessionid|csrftoken)[\"']?\s*[:=]\s*[\"']?)"
    r"[^\s\"',;&]{3,}"
)

# Control characters but the line's end, those that turn the direction of the text around them,
# those that are not seen (Unicode's tags among them), and halves of surrogate pairs.
_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def keep_secret(value: str) -> None:
    """Have `redact` mask `value` from now on, whatever its shape."""
    if len(value) >= SHORTEST_SECRET:
        known_secrets.add(value)


def mask_known(text: str) -> str:
    """`text` with the secrets that this process has met replaced by dots.

    For labelpilot's own sentences: the names in them may look like a token and be none.
    """
    for value in known_secrets:
        text = text.replace(value, MASK)
    return text


def redact(text: str) -> str:
    """`text` with every known secret, and all that has the shape of one, replaced by dots."""
    return _NAMED.sub(rf"\1{MASK}", _SECRETS.sub(MASK, mask_known(text)))


def printable(text: object) -> str:
    """`text` without what could steer a terminal or turn its order; lines stay lines."""
    shown = str(text).replace("\r\n", "\n").replace("\t", " ")
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", shown)


def fit_to_paste(text: str) -> str:
    """`text` for a bug report: no secrets, no control characters, the home folder as `~`."""
    home = os.path.expanduser("~")
    if home not in ("/", "~"):
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
    return printable(redact(text))


def crash_report(error: BaseException) -> str:
    """The traceback of a mistake of ours, without local variables and fit to paste."""
    return fit_to_paste("".join(traceback.format_exception(error))).rstrip()
