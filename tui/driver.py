"""A terminal driver that survives mouse reports in the old encoding.

After a reconnect (a reload of VS Code, a tmux attach) a terminal may report the mouse in the old,
byte-wise form. Past column 95 its bytes are no UTF-8, and Textual 8.2.8 ends with a
UnicodeDecodeError (Textualize/textual#6668). Here such bytes are replaced, and what comes of them
is no key. Versions other than the one that was looked at are left as they are.
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver

BROKEN = "8.2.8"


def lenient(driver: type[Driver]) -> type[Driver]:
    """`driver`, with a decoder that replaces what it cannot decode."""
    module = sys.modules[driver.__module__]
    if version("textual") != BROKEN or not hasattr(module, "getincrementaldecoder"):
        return driver

    def decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
        strict = codecs.getincrementaldecoder(encoding)
        return lambda: strict(errors="replace")

    # The name that the driver's reading loop looks up when it starts.
    module.getincrementaldecoder = decoder  # type: ignore[attr-defined]
    return driver
