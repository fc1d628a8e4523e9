"""The rounds so far: what each asked for, and what the next training found on it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.text import ago, count, lines, plain

if TYPE_CHECKING:
    from core.learning.ledger import Outcome, Record


def history_dialog(records: Sequence[Record], outcomes: Sequence[Outcome]) -> Dialog:
    """The rounds, the newest first."""
    found = {outcome.model_version: outcome for outcome in outcomes}
    parts: list[Content | str] = []
    for record in reversed(records):
        when = ago(record.published, time.time())
        parts.append(Content.assemble(plain(record.model_version, "bold"), "  ", plain(when)))
        picks = count(len(record.picks), "image")
        parts.append(plain(f"  order {record.order}, {picks} asked for", "$muted"))
        outcome = found.get(record.model_version)
        if outcome is not None:
            parts += [plain(f"  {words}") for words in _came_of(outcome)]
        parts.append("")
    if not records:
        parts = [plain("No round was published from this workspace yet.")]
    text = lines(parts[:-1] if records else parts)
    return Dialog("Rounds", text, copied=text.plain if records else "")


def _came_of(outcome: Outcome) -> list[str]:
    labeled = count(outcome.labeled, "image") if outcome.labeled else "none"
    words = [f"{labeled} of them labeled when the next model was trained"]
    if outcome.ordered:
        words.append(f"mean loss {outcome.ordered_loss:.3f} on {outcome.ordered:,} picked in order")
    if outcome.random:
        words.append(f"mean loss {outcome.random_loss:.3f} on {outcome.random:,} drawn at random")
    return words
