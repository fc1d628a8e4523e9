"""What the labels at hand say: of the orders, and of themselves.

Embeddings and losses are those that a round would be planned from: of the workspace's hooks as
their last run left them, unless something that they read has changed, or of what stands in. Labels
are those of the annotations as they are now. A replay can take both from other files. Nothing is
written to Label Studio, and no label is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.dataset.current import current_labels, labels_by_age
from core.dataset.formats.dataset_json import read_dataset
from core.errors import ConfigurationError
from core.learning.builtin.head import MOST_ROWS
from core.learning.builtin.losses import out_of_fold
from core.learning.hooks.vector_files import TaggedVectors, load_vectors
from core.learning.inputs.embeddings import unit_vectors
from core.learning.inputs.gathering import Inputs, gather, last_run_folder
from core.learning.inputs.pool import labels_of
from core.learning.measuring.comparison import Curves
from core.learning.measuring.forecast import Forecast, forecast
from core.learning.measuring.kept_replay import keep_replay
from core.learning.measuring.replay import Plan, replay
from core.learning.measuring.suspects import Suspect, suspects
from core.learning.rounds.ledger import asked_by_order
from core.progress import Progress, Work
from core.workspace.settings import Workspace


def replay_workspace(workspace: Workspace, plan: Plan | None = None) -> Work[Curves]:
    """Replay labeling under every order, on the workspace's own labels, and keep what comes of it.

    Raises what `gather` raises, and ConfigurationError where there is no dataset, or too few
    labels in it.
    """
    classes = yield from _classes(workspace)
    inputs = yield from _inputs(workspace, classes)
    curves = yield from replay(inputs.embeddings, classes, plan=plan)
    keep_replay(workspace, curves, classes, inputs.embeddings_of)
    return curves


def replay_files(embeddings: Path, labels: Path) -> Work[Curves]:
    """Replay labeling under every order on the images that are in both files.

    Raises ConfigurationError and LabelpilotError for files that cannot be used.
    """
    classes = read_dataset(labels)
    if classes is None:
        raise ConfigurationError(f"{labels} does not exist.")
    with tempfile.TemporaryDirectory() as folder:
        vectors = load_vectors(embeddings, Path(folder) / "embeddings.npy", "--embeddings")
        return (yield from replay(vectors, classes))


def suspect_labels(workspace: Workspace) -> Work[list[Suspect]]:
    """The workspace's labels that are likely wrong, the highest loss first. Raises as above."""
    classes = yield from _classes(workspace)
    inputs = yield from _inputs(workspace, classes)
    embeddings, given = inputs.embeddings, inputs.hooks.losses
    # Only what is labeled is compared, and only that is read.
    rows = [row for row, tag in enumerate(embeddings.tags) if tag in classes]
    if not rows:
        return []
    tags: Sequence[str] = [embeddings.tags[row] for row in rows]
    vectors = yield from unit_vectors(TaggedVectors(tags, embeddings.vectors[rows]))
    labels = labels_of(tags, classes)
    learned = inputs.run.learned_from.intersection(tags)
    if learned:
        note = (
            f"The training behind the embeddings has seen {len(learned):,} of these labels: "
            "a wrong one that it learned by heart is not suspected."
        )
        yield Progress("suspects", note=note)
    if given is None:
        losses = yield from out_of_fold(vectors, labels, np.random.default_rng(0))
    else:
        losses = np.array([given.get(tag, np.nan) for tag in tags])
    found = yield from suspects(tags, vectors, losses, labels)
    # With the classes as the dataset has them, in its own order.
    return [replace(suspect, classes=tuple(classes[suspect.tag])) for suspect in found]


def forecast_workspace(workspace: Workspace) -> Work[Forecast]:
    """What the workspace's next labels would bring. Raises as above, and as `forecast` does."""
    classes, dated = yield from labels_by_age(workspace)
    classes = _labeled(workspace, classes)
    inputs = yield from _inputs(workspace, classes)
    embeddings, learned = inputs.embeddings, inputs.run.learned_from
    row_of = {tag: row for row, tag in enumerate(embeddings.tags)}
    random = np.random.default_rng(0)
    tags = [tag for tag in classes if tag in row_of]
    if not dated:
        tags = [tags[position] for position in random.permutation(len(tags))]
    # Of the unlabeled images some say enough, and no more is read.
    others = np.array([row for tag, row in row_of.items() if tag not in classes], np.int64)
    if len(others) > MOST_ROWS:
        others = random.choice(others, MOST_ROWS, replace=False)
    rows = np.concatenate([[row_of[tag] for tag in tags], np.sort(others)]).astype(np.int64)
    named = [embeddings.tags[row] for row in rows]
    vectors = yield from unit_vectors(TaggedVectors(named, embeddings.vectors[rows]))
    asked = asked_by_order(workspace)
    drawn = np.array([tag not in asked for tag in tags], np.bool_)
    found = yield from forecast(vectors, labels_of(named, classes), drawn, random)
    return replace(found, learned=len(learned.intersection(tags)))


def _classes(workspace: Workspace) -> Work[Mapping[str, Sequence[str]]]:
    return _labeled(workspace, (yield from current_labels(workspace)))


def _labeled(
    workspace: Workspace, classes: Mapping[str, Sequence[str]] | None
) -> Mapping[str, Sequence[str]]:
    if classes is None:
        folder = workspace.relative(workspace.annotations.path)
        raise ConfigurationError(
            f"There is no annotation in {folder} and no dataset yet.",
            cause="They say what the images are labeled as.",
            next_step="Label some images first: `labelpilot open` gives the link.",
        )
    return classes


def _inputs(workspace: Workspace, images: Collection[str]) -> Work[Inputs]:
    """What a round would be planned from, with the tags spelled as `images` are."""
    inputs = yield from gather(workspace, last_run_folder(workspace), reuse=True)
    return replace(inputs, hooks=inputs.hooks.spelled_as(images))
