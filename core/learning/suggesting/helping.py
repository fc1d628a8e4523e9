"""What helps somebody who labels: suggestions, and look-alikes of an image.

Both are made from what lies there: embeddings of the last training, and the labels as they are now.
Nothing of the user's is run, so that it can be made beside the labeling, and made again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.dataset.current import current_labels
from core.labeling.groups import SIZES, GroupSizes, group_costs
from core.labeling.questions import read_questions
from core.labeling.suggestions import Suggestions
from core.labeling_config import parse_labeling_config
from core.learning.inputs.embeddings import kept_unit_vectors
from core.learning.inputs.gathering import trainings
from core.learning.search.exact import Floats, Indices
from core.learning.search.neighbours import find_neighbours
from core.learning.suggesting.guesses import suggest
from core.progress import Work
from core.studio.project import OpenProject
from core.tasks.tags import TaggedTask, tasks_by_tag

# To judge the sizes of groups, the neighbours of so many labeled images are looked up at most.
MOST_JUDGED = 2_000


@dataclass(frozen=True, slots=True)
class Help:
    """Suggestions, and what finds look-alikes among the images of the project's `tasks` (by tag).

    `sizes` says how many of them may be labeled together.
    """

    suggestions: Suggestions
    sizes: GroupSizes
    tasks: Mapping[str, TaggedTask] = field(repr=False)
    tags: Sequence[str] = field(repr=False)
    rows: Mapping[str, int] = field(repr=False)
    vectors: Floats = field(repr=False)

    def look_alikes(
        self, tag: str, count: int, without: Collection[str] = ()
    ) -> Work[list[TaggedTask]]:
        """The tasks whose images are nearest to that of `tag`, the nearest first, but for those
        that are labeled, and those `without`. None where it has no embedding."""
        row = self.rows.get(tag)
        if row is None or count < 1:
            return []
        left_out = {tag, *without}
        allowed = np.array(
            [
                (task := self.tasks.get(one)) is not None
                and not task.labeled
                and one not in left_out
                for one in self.tags
            ],
            np.bool_,
        )
        if not allowed.any():
            return []
        query = np.asarray(self.vectors[row : row + 1])
        found = yield from find_neighbours(query, self.vectors, count, "exact", allowed=allowed)
        return [self.tasks[self.tags[near]] for near in found.indices[0].tolist()]


def help_labeling(opened: OpenProject) -> Work[Help]:
    """Make suggestions for the images that are not labeled, and ready what finds look-alikes.

    Raises ConfigurationError where there is no task, or are no embeddings, and what the reading of
    labels and embeddings raises.
    """
    workspace = opened.workspace
    runs = yield from trainings(workspace)
    tasks = yield from tasks_by_tag(opened)
    classes = (yield from current_labels(workspace)) or {}
    candidates = [tag for tag, task in tasks.items() if not task.labeled]
    config = parse_labeling_config(opened.remote.label_config)
    questions, cache = read_questions(config), workspace.state.cache
    suggestions = yield from suggest(classes, candidates, config, questions, runs, cache)
    newest = runs[0].spelled_as(tasks)
    assert newest.embeddings is not None
    tags = newest.embeddings.tags
    vectors = yield from kept_unit_vectors(newest.embeddings, cache)
    rows = {tag: row for row, tag in enumerate(tags) if tag in tasks}
    labeled = {tag: frozenset(names) for tag, names in classes.items() if tag in rows}
    unseen = [tag for tag in labeled if tag not in newest.learned_from]
    costs = yield from judge_groups(vectors, rows, labeled, unseen)
    sizes = replace(costs, chosen=workspace.labeling.group_size)
    return Help(suggestions, sizes, tasks, tags, rows, vectors)


def judge_groups(
    vectors: Floats,
    rows: Mapping[str, int],
    labeled: Mapping[str, Collection[str]],
    unseen: Collection[str],
) -> Work[GroupSizes]:
    """What groups of each size cost, by the images in `labeled` (tag -> classes), among those in
    `rows` (tag -> row of `vectors`).

    Those that the embeddings were taught from lie nearer together than others: so groups are judged
    around those that they have not seen, `unseen`.
    """
    number: dict[frozenset[str], int] = {}
    labels = np.full(len(vectors), -1, np.int64)
    for tag, names in labeled.items():
        labels[rows[tag]] = number.setdefault(frozenset(names), len(number))
    first: Indices = np.array(sorted(rows[tag] for tag in unseen), np.int64)
    if len(first) > MOST_JUDGED:
        first = np.sort(np.random.default_rng(0).choice(first, MOST_JUDGED, replace=False))
    if not len(first):
        return GroupSizes()
    allowed = np.zeros(len(vectors), np.bool_)
    allowed[list(rows.values())] = True
    queries = np.asarray(vectors[first])
    found = yield from find_neighbours(queries, vectors, SIZES[-1], "exact", allowed=allowed)
    # The image itself is the nearest, unless others have the very same vector.
    others = found.indices != first[:, None]
    others[others.all(axis=1), -1] = False
    near = found.indices[others].reshape(len(first), -1)
    likeness = found.similarities[others].reshape(len(first), -1)
    return group_costs(near, likeness, labels[first], labels)
