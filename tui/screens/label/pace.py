"""The lines around labeling: how much of the round is labeled, how fast, what is on its way, and
what is to be said where no key has just been answered."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from textual.content import Content

from tui.text import plain

if TYPE_CHECKING:
    from core.labeling.session import LabelSession
    from core.learning.rounds.following import RoundLabels

# From the labels of so long a time it is told how many a minute, and from so many at least.
RATE_SECONDS = 300.0
FEWEST = 3


class Pace:
    """How many labels a minute were submitted lately."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=500)

    def add(self) -> None:
        """One more was submitted."""
        self._moments.append(time.monotonic())

    def remove(self) -> None:
        """The last one was taken back."""
        if self._moments:
            self._moments.pop()

    @property
    def words(self) -> str:
        """` (9 a minute)`; empty where it cannot be said yet."""
        now = time.monotonic()
        while self._moments and now - self._moments[0] > RATE_SECONDS:
            self._moments.popleft()
        if len(self._moments) < FEWEST:
            return ""
        per_minute = (len(self._moments) - 1) * 60 / max(1.0, now - self._moments[0])
        return f" ({per_minute:,.0f} a minute)"


def state_line(
    labels: RoundLabels | None,
    session: LabelSession | None,
    pace: Pace,
    width: int,
    again: int | None = None,
) -> Content:
    """The round and what was done at the left, and at the right what has not arrived yet; `again`:
    so many are left of those whose labels are looked at again."""
    parts = []
    if again is not None:
        parts += [plain("Labels to look at again", "bold"), plain(f"{again:,} left")]
    elif labels is not None and labels.asked:
        parts.append(plain(f"Round {labels.model_version}", "bold"))
        parts.append(plain(f"{len(labels.labeled):,} of {labels.asked:,} labeled"))
    if session is not None:
        parts.append(plain(f"you {session.done_by_me:,}{pace.words}"))
    left = Content("   ").join(parts)
    way = session.on_their_way if session is not None else 0
    right = plain(f"{way:,} on their way", "$text-warning") if way else Content("")
    gap = " " * max(2, width - left.cell_length - right.cell_length - 2)
    return Content("").join([plain(" "), left, plain(gap), right])


def remark(session: LabelSession, note: str, opener: str, helping: str) -> tuple[str, str]:
    """The `note` of the image in front, else what goes wrong, else at the beginning what several
    people must do, else what cannot be labeled here (`opener` opens the browser), else what is to
    be said of the `helping` suggestions; and its style."""
    if note:
        return note, "$text-warning"
    if session.failed:
        return session.failed[0], "$text-error"
    if session.advice and not session.done_by_me:
        return session.advice, "$text-warning"
    unanswerable = " ".join(session.questionnaire.unanswerable)
    return f"{unanswerable} {opener}: in the browser." if unanswerable else helping, "$muted"
