"""For which image a key was pressed: the one that was seen then.

Keys wait in the terminal while a picture is made, and the terminal is late itself: what is typed
into a slow line belongs to the picture that stood there, not to the one that comes meanwhile. So
after each picture the terminal is asked where its cursor is. Its answer comes in one stream with
the keys: what was pressed before the picture was there lies before the answer, and does not count
for it. Of a terminal that never answers, the moment of painting stands for that.

A key that is held down repeats itself faster than anybody presses it; so it never goes on to the
next image.
"""

from __future__ import annotations

from dataclasses import dataclass

# The code that asks the terminal where its cursor is.
QUESTION = "\x1b[6n"
# An answer that has not come by then does not come.
PATIENCE_SECONDS = 2.0
# Terminals repeat a held key each 25 to 40 ms; fingers take three times as long.
HELD_SECONDS = 0.05


@dataclass(slots=True)
class Sight:
    """What of the image in front is seen since when. Times are those of Textual's events."""

    _since: float | None = None
    _painted: float | None = None
    _asked: int = 0
    _answered: int = 0
    # How many answers there must be before the image in front is seen.
    _awaited: int = 0
    _last: tuple[str, float] = ("", 0.0)
    # Whether the last key is one that repeats itself.
    is_held: bool = False
    # Whether the last key counted for an image that is not in front any more.
    _gone_on: bool = False

    def begin(self) -> None:
        """Another image comes to the front."""
        self._since = self._painted = None
        self._gone_on = True

    def paint(self, now: float) -> None:
        """The image in front was painted, and the terminal is asked."""
        self._asked += 1
        self._painted, self._awaited = now, self._asked
        if not self._answered:
            self._since = now

    def answer(self, moment: float) -> None:
        """The terminal has answered once more."""
        self._answered = min(self._answered + 1, self._asked)
        if self._painted is not None and self._answered >= self._awaited:
            self._since = moment if self._since is None else self._since

    def counts(self, key: str, moment: float) -> bool:
        """Whether a key that was pressed at `moment` is meant for the image in front."""
        last, self._last = self._last, (key, moment)
        self.is_held = last[0] == key and moment - last[1] < HELD_SECONDS
        if self._gone_on and self.is_held:
            return False
        if self._painted is not None and moment - self._painted > PATIENCE_SECONDS:
            self._since = self._painted if self._since is None else self._since
        if self._since is None or moment < self._since:
            return False
        self._gone_on = False
        return True

    @property
    def is_painted(self) -> bool:
        """Whether the image in front was painted already."""
        return self._painted is not None

    @property
    def since(self) -> float | None:
        """Since when the image in front is seen."""
        return self._since
