"""What unlabeled images are likely labeled as, and how far that can be trusted.

The second is told by labels that nothing has learned from. A linear head is asked about labels that
it was not fitted on; but embeddings of a network that was trained on those labels give them away,
and so do its probabilities. So only images count that were labeled since a training; where these
are too few, what an earlier training gave is taken, since which more were labeled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dataset.class_names import ClassNames
from core.extras import install_extra
from core.labeling.questionnaire import Questionnaire
from core.labeling.suggestions import (
    FEWEST_LABELS,
    Choice,
    Precision,
    Suggestions,
    exclusive_choices,
    measure,
    too_few,
)
from core.labeling_config import LabelingConfig
from core.learning.builtin.head import fit_head, has_scikit_learn
from core.learning.hooks.run import Hooks
from core.learning.inputs.embeddings import kept_unit_vectors
from core.learning.inputs.pool import Labels, labels_of
from core.learning.measuring.label_history import LabelHistory
from core.learning.measuring.replay import one_thread
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

ROWS_AT_ONCE = 4096
NO_CLASSES = "Nothing is suggested: the labels have no class that the labeling config offers."


@dataclass(frozen=True, slots=True)
class _Known:
    """What one training gave: its images and their `labels`, of which those at the positions
    `unseen` taught it nothing. `columns` are those of the labels' matrix that can be ticked, and
    `choices` what each stands for."""

    hooks: Hooks
    tags: Sequence[str]
    labels: Labels
    unseen: Indices
    columns: Indices
    choices: tuple[Choice, ...]

    def measured(self, unseen: NDArray[np.floating]) -> Precision:
        """What suggestions are worth, by the probabilities (n, C) of the unseen labels."""
        given = self.labels.matrix[self.unseen][:, self.columns]
        return measure(unseen[:, self.columns], given, self.exclusive)

    @property
    def exclusive(self) -> tuple[Indices, ...]:
        return exclusive_choices(self.choices, self.labels.matrix[:, self.columns])


def suggest(
    classes: Mapping[str, Collection[str]],
    candidates: Collection[str],
    config: LabelingConfig,
    questions: Questionnaire,
    runs: Iterable[Hooks],
    cache: Path,
) -> Work[Suggestions]:
    """Suggestions for the images `candidates`, by the labels (tag -> classes) and what the user's
    trainings gave, the last one first. Vectors that are scaled for that stay in `cache`.

    Where nothing can be trusted, the precision says why, and nothing is suggested.
    """
    offered = _offered(config, questions)
    images = {*classes, *candidates}
    known = _least_seen((run.spelled_as(images) for run in runs), classes, offered)
    if known is None or len(known.unseen) < FEWEST_LABELS:
        count = 0 if known is None else len(known.unseen)
        return Suggestions(Precision(why=too_few(count, trained=known is not None)))
    if not len(known.columns):
        return Suggestions(Precision(why=NO_CLASSES))
    rows = [row for row, tag in enumerate(known.tags) if tag in images and tag not in classes]
    wanted = np.array(rows, np.int64)
    theirs = _by_hooks(known, wanted, list(offered))
    if theirs is not None:
        return theirs
    if not has_scikit_learn():
        return Suggestions(
            Precision(why=f"Nothing is suggested: that needs `{install_extra('learning')}`.")
        )
    return (yield from _by_head(known, wanted, cache))


def _least_seen(
    runs: Iterable[Hooks], classes: Mapping[str, Collection[str]], offered: Mapping[str, Choice]
) -> _Known | None:
    """The last training that has not seen enough labels, or else that which has seen fewest."""
    best: _Known | None = None
    for hooks in runs:
        assert hooks.embeddings is not None
        tags = hooks.embeddings.tags
        labels = labels_of(tags, classes)
        learned = hooks.learned_from
        unseen = [n for n, row in enumerate(labels.rows.tolist()) if tags[row] not in learned]
        columns = [n for n, name in enumerate(labels.classes) if name in offered]
        choices = tuple(offered[labels.classes[column]] for column in columns)
        found = _Known(
            hooks, tags, labels, np.array(unseen, np.int64), np.array(columns, np.int64), choices
        )
        if best is None or len(unseen) > len(best.unseen):
            best = found
        if len(unseen) >= FEWEST_LABELS:
            break
    return best


def _by_head(known: _Known, wanted: Indices, cache: Path) -> Work[Suggestions]:
    """By a linear head on the labels."""
    embeddings, labels = known.hooks.embeddings, known.labels
    assert embeddings is not None
    vectors: Floats = yield from kept_unit_vectors(embeddings, cache)
    random = np.random.default_rng(0)
    with one_thread():
        past = LabelHistory(vectors, labels, np.empty(0, np.int64), random)
        unseen = yield from past.out_of_fold(len(labels.rows), 1.0, known.unseen)
        precision = known.measured(unseen)
        head = None if precision.threshold is None else fit_head(vectors, labels, random)
        if head is None:
            return Suggestions(precision)
        found = np.empty((len(wanted), len(known.columns)), np.float32)
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            yield Progress("suggestions", start, len(wanted))
            some = slice(start, start + ROWS_AT_ONCE)
            found[some] = head.probabilities(vectors[wanted[some]])[:, known.columns]
    yield Progress("suggestions", len(wanted), len(wanted))
    return _suggestions(precision, known, wanted, found)


def _suggestions(
    precision: Precision, known: _Known, wanted: Indices, found: NDArray[np.floating]
) -> Suggestions:
    rows = {known.tags[row]: number for number, row in enumerate(wanted.tolist())}
    return Suggestions(precision, known.choices, rows, found, known.exclusive)


def _offered(config: LabelingConfig, questions: Questionnaire) -> Mapping[str, Choice]:
    """Name in the dataset -> question and answer, for all that can be ticked."""
    names = ClassNames(config, ()).by_pair
    found: dict[str, Choice] = {}
    for question in questions.questions:
        for answer in question.answers:
            control = config.controls[question.name]
            parts = list(answer) if isinstance(answer, tuple) else str(answer)
            pair = (question.name, control.class_name(parts))
            if pair in names:
                found[names[pair]] = (question.name, answer)
    return found


def _by_hooks(known: _Known, wanted: Indices, offered: list[str]) -> Suggestions | None:
    """By the user's own probabilities; None where there are none, or they cannot be trusted.

    Their columns are in the order of the labeling config, or in that of the alphabet, as
    scikit-learn has them: whichever fits the labels better that the model has not seen.
    """
    given, labels = known.hooks.probabilities, known.labels
    if given is None:
        return None
    row_of = {tag: row for row, tag in enumerate(given.tags)}
    at = np.array([row_of.get(tag, -1) for tag in known.tags], np.int64)
    unseen = known.unseen[at[labels.rows[known.unseen]] >= 0]
    wanted = wanted[at[wanted] >= 0]
    seen = replace(known, unseen=unseen)
    found: list[Suggestions] = []
    for names in (offered, sorted(offered), list(labels.classes)):
        if len(names) == given.vectors.shape[1] and set(labels.classes) <= set(names):
            order = [names.index(name) for name in labels.classes]
            precision = seen.measured(given.vectors[at[labels.rows[unseen]]][:, order])
            if precision.threshold is not None:
                theirs = given.vectors[at[wanted]][:, order][:, known.columns]
                found.append(_suggestions(precision, known, wanted, theirs))
    return max(found, key=lambda one: one.precision.right, default=None)
