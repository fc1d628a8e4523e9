"""A terminal driver that survives what Textual 8.2.8 does not.

After a reconnect (a reload of VS Code, a tmux attach) a terminal may report the mouse in the old,
byte-wise form. Past column 95 its bytes are no UTF-8, and Textual ends with a UnicodeDecodeError
(Textualize/textual#6668). Here such bytes are replaced, and what comes of them is no key.

A terminal may also go away without a signal (a connection that broke). Textual then reads the end
of its input over and over, at the cost of a whole core (Textualize/textual#6690), and its event
loop waits for ever for a thread that can write no more, so that no signal ends it. Here the app is
told, and what is still written is dropped.

A report that is not as Textual expects it (a key's event type beside its modifiers, a window of no
size) ends the thread that reads, and no key is heard any more. Here it is passed over.

A process that was stopped (SIGSTOP) and goes on gets a second thread that reads, of which one stays
to the end and after it, and the terminal as it was then is taken for the one to be restored. Here
what runs is ended first. Versions other than the one that was looked at are left as they are.
"""

from __future__ import annotations

import codecs
import contextlib
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import IO, TYPE_CHECKING, Any, cast

from textual._parser import ParseError, Parser
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.message import Message

if TYPE_CHECKING:
    from textual.drivers._writer_thread import WriterThread

BROKEN = "8.2.8"


def lenient(driver: type[Driver], gone: Callable[[], object]) -> type[Driver]:
    """`driver`, with a decoder that replaces what it cannot decode; `gone` is called in the event
    loop when the terminal is no more."""
    module = cast(Any, sys.modules[driver.__module__])
    if version("textual") != BROKEN or not hasattr(module, "getincrementaldecoder"):
        return driver

    def decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
        strict = codecs.getincrementaldecoder(encoding)
        return lambda: cast(codecs.IncrementalDecoder, _Input(strict(errors="replace")))

    def writer(file: IO[str]) -> WriterThread:
        from textual.drivers._writer_thread import WriterThread

        return WriterThread(cast("IO[str]", _Output(file)))

    # The names that the driver looks up when it starts.
    module.getincrementaldecoder = decoder
    module.WriterThread = writer
    module.XTermParser = InputParser

    class Lenient(driver):  # type: ignore[misc, valid-type]
        def run_input_thread(self) -> None:
            try:
                super().run_input_thread()
            except (EOFError, OSError):
                self._app.call_later(gone)

        _goes_on = _going_on = False

        def _sigcont_application(self, *_: object) -> None:
            # Stopped again before it goes on, it does so once more and not in the middle of that.
            self._goes_on = True
            if self._going_on:
                return
            self._going_on = True
            while self._goes_on:
                self._goes_on = False
                thread = self._key_thread
                if self._auto_restart and thread is not None and thread.is_alive():
                    self.suspend_application_mode()
                    self._must_signal_resume = True
                super()._sigcont_application()
            self._going_on = False

    return Lenient


class InputParser(XTermParser):
    """Makes events of what the terminal sends, and passes over what it cannot read."""

    def feed(self, data: str) -> Iterable[Message]:
        try:
            yield from super().feed(data)
        except ParseError:
            raise
        except Exception:
            # What came with it is lost too: where the next report begins is not known.
            Parser.__init__(self)


class _Input:
    """Decodes what the terminal sends. A read of nothing is the end: there is no more terminal."""

    def __init__(self, inner: codecs.IncrementalDecoder) -> None:
        self._inner = inner

    def decode(self, data: bytes, final: bool = False) -> str:
        if not data:
            raise EOFError
        return self._inner.decode(data, final)


class _Output:
    """The terminal as a file that takes everything, also when it is no more."""

    def __init__(self, inner: IO[str]) -> None:
        self._inner = inner

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._inner.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._inner.flush()

    def fileno(self) -> int:
        return self._inner.fileno()
