"""The rounds that were published: which they are, what came of them, and taking one back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from core.errors import LabelpilotError
from tui.asking import ask
from tui.dialogs.dialog import Dialog, error_dialog
from tui.dialogs.table import Column, TableDialog, more_words
from tui.job_kinds import PLAN, PUBLISH, UNDO, VERSIONS
from tui.text import ago, count, lines, plain

if TYPE_CHECKING:
    from core.learning.rounds.ledger import RoundOutcome, RoundRecord
    from core.learning.rounds.publishing import RoundResult
    from core.workspace.settings import Workspace
    from tui.backend import Backend
    from tui.screens.section import Section


class PublishedRounds:
    """Shows a section's published rounds, and takes them back."""

    def __init__(self, section: Section) -> None:
        self._section = section

    @property
    def versions(self) -> dict[str, int]:
        """Model version -> number of scores, as last seen; empty while that is not known."""
        return self._section.host.jobs.result(VERSIONS) or {}

    @property
    def of_this_plan(self) -> RoundResult | None:
        """What was published of the plan that stands."""
        jobs = self._section.host.jobs
        plan, publish = jobs.last(PLAN), jobs.last(PUBLISH)
        if plan is None or publish is None or publish.began <= plan.began:
            return None
        return publish.result

    def read_versions(self) -> None:
        """Ask Label Studio which model versions have scores."""
        section, workspace = self._section, self._section.workspace
        if workspace is not None and not section.busy(VERSIONS):
            begin = partial(section.backend.versions, workspace)
            section.start(VERSIONS, "Looking at model versions", "", begin)

    def show_history(self) -> None:
        """Show the rounds so far, and what came of them."""
        section, workspace = self._section, self._section.workspace
        if workspace is not None:
            # In a thread: a round's record holds each image that it asked for.
            ask(
                section,
                "history",
                partial(_history, section.backend, workspace),
                section.app.push_screen,
                lambda error: section.app.push_screen(error_dialog(error)),
            )

    def ask_to_undo(self) -> None:
        """Ask whether the version of this plan, or else the last one, is to be taken back."""
        published = self.of_this_plan
        version = published.model_version if published else list(self.versions)[-1]
        number = self.versions.get(version, 0)
        text = lines(
            [
                plain(f"{version}: {count(number, 'score')}, as its last run left them."),
                "Scores that this run had replaced come back. Annotations stay as they are.",
            ]
        )
        question = Dialog("Take a model version back?", text, yes="take it back", no="leave it")
        self._section.app.push_screen(question, partial(self._undo, version))

    def _undo(self, version: str, agreed: bool | None) -> None:
        section, workspace = self._section, self._section.workspace
        if agreed and workspace is not None:
            section.host.jobs.forget(PUBLISH)
            begin = partial(section.backend.remove_version, workspace, version)
            command = f"labelpilot rounds --undo {version}"
            section.start(UNDO, "Taking the scores back", command, begin)


def _history(backend: Backend, workspace: Workspace) -> Dialog:
    labeled: dict[str, int] = {}
    # Without Label Studio, what is on the disk is told all the same.
    with contextlib.suppress(LabelpilotError):
        labeled = backend.labeled_of_rounds(workspace)
    return history_dialog(*backend.history(workspace), labeled)


COLUMNS = (
    Column("round"),
    Column("published", 13),
    Column("order", 14),
    Column("asked for", 9, right=True),
    Column("labeled", 7, right=True),
)


def history_dialog(
    records: Sequence[RoundRecord],
    outcomes: Sequence[RoundOutcome],
    labeled: Mapping[str, int],
) -> Dialog:
    """The rounds, the newest first; `labeled` is how many images of each are labeled now."""
    if not records:
        return Dialog("Rounds", plain("No round was published from this workspace yet."))
    found = {outcome.model_version: outcome for outcome in outcomes}
    newest = list(reversed(records))
    told = [_about(one, found.get(one.model_version), labeled) for one in newest]
    rows = [
        (
            one.model_version,
            ago(one.published, time.time()),
            one.order,
            f"{len(one.picks):,}",
            f"{labeled[one.model_version]:,}" if one.model_version in labeled else "",
        )
        for one in newest
    ]
    copied = "\n\n".join(lines(parts).plain for parts in told)
    words = f"{count(len(records), 'round')} published from this workspace.{more_words(len(rows))}"
    return TableDialog("Rounds", words, COLUMNS, rows, told.__getitem__, copied=copied)


def _about(
    record: RoundRecord, outcome: RoundOutcome | None, labeled: Mapping[str, int]
) -> list[Content | str]:
    parts: list[Content | str] = [
        plain(record.model_version, "bold"),
        plain(f"order {record.order}, {count(len(record.picks), 'image')} asked for", "$muted"),
    ]
    if record.model_version in labeled:
        done = labeled[record.model_version]
        parts.append(plain(f"{done:,} of {len(record.picks):,} labeled"))
    return [*parts, *(_came_of(outcome) if outcome is not None else [])]


def _came_of(outcome: RoundOutcome) -> list[str]:
    labeled = count(outcome.labeled, "image") if outcome.labeled else "none"
    sentences = [f"{labeled} of them labeled when the next model was trained"]
    if outcome.ordered:
        sentences.append(
            f"mean loss {outcome.ordered_loss:.3f} on {outcome.ordered:,} picked in order"
        )
    if outcome.random:
        sentences.append(
            f"mean loss {outcome.random_loss:.3f} on {outcome.random:,} drawn at random"
        )
    return sentences
