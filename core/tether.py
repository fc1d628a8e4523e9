"""Has a program end with whoever started it: `python tether.py PIPE PROGRAM [ARGUMENT...]`.

Run as a script, it becomes the program. When the other end of PIPE, the number of an open file,
closes, as it does however its holder ends, the program and its whole group are killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main(pipe: int, *command: str) -> int:
    take_terminal()
    end_with(pipe)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
    return 127


def take_terminal() -> None:
    """Have the keys that are pressed in the terminal come here, where there is one."""
    if os.isatty(0):
        # Who is not yet in the foreground would be stopped for asking.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.setpgid(0, 0)
        # It may be the terminal of another session.
        with contextlib.suppress(OSError):
            os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)


def end_with(pipe: int) -> None:
    """End this process and its whole group when the other end of `pipe` closes.

    A process of its own waits for that, since the program may hold its interpreter for long; it is
    no child of the program's, so that it never waits for it.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os.close(pipe)
        return
    if os.fork():
        os._exit(0)
    os.closerange(0, pipe)
    os.read(pipe, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
