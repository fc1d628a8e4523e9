"""The scores of a model version in Label Studio, and what it suggests: each task's own, once.

Predictions are not idempotent on the server (sent twice, they are there twice), so what is there is
read before anything is sent, again after every doubtful answer, and once more at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson

from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.models import Prediction
from core.studio.waiting import Patience

# With the server's memory-saving flag a refused list of more than 500 leaves its first part there.
BATCH = 500
READ_SECONDS = 300.0
# Failures to reach the server before it is given up.
ATTEMPTS = 5
BAD_REQUEST = 400
# Removing one prediction takes as long as removing so many with their version, and writing them.
SINGLE_COST = 8

# Task id -> what its prediction suggests, as Label Studio's results.
Results: TypeAlias = Mapping[int, Sequence[Mapping[str, Any]]]
# Task id -> the predictions that it has.
_Existing: TypeAlias = Mapping[int, list[Prediction]]


@dataclass(frozen=True, slots=True)
class Scores:
    """How many predictions came to be, and how many earlier ones were changed or removed."""

    created: int
    replaced: int


def put_scores(
    client: StudioClient,
    project_id: int,
    model_version: str,
    wanted: Mapping[int, float],
    note: Callable[[Mapping[int, Prediction]], None] | None = None,
    results: Results = MappingProxyType({}),
) -> Work[Scores]:
    """Make `wanted` (task id -> score) the predictions of a model version, each once, those that
    `results` has with what they suggest.

    What was there is handed to `note` before anything is changed, by task. What differs is sent,
    and looked at again until nothing differs; after a pass without a mishap the count is proof
    enough. Raises LabelpilotError where the server does not show what it took, StudioRefused, and
    StudioUnreachable where it stays away.
    """
    writer = _Writer(client, project_id, model_version, wanted, results)
    yield Progress("compare", 0, len(wanted))
    existing = writer.existing()
    stale, missing = writer.difference(existing)
    if note is not None:
        note({task_id: found[0] for task_id, found in existing.items()})
    patience, sent = Patience(client.url, ATTEMPTS), -1
    while stale or missing:
        if len(stale) + len(missing) == sent:
            raise LabelpilotError(
                "Label Studio took the scores but does not show all of them.",
                cause=f"{len(missing):,} of {len(wanted):,} are missing.",
                next_step="Look at its log, and run the round again.",
            )
        try:
            if stale:
                yield from writer.remove(existing, stale)
            elif (yield from writer.send(missing)):
                sent = len(missing)
                if client.model_versions(project_id).get(model_version) == len(wanted):
                    break
            existing = writer.existing()
        except StudioUnreachable as error:
            yield from patience.wait(error, Progress("scores", 0, len(wanted)))
            existing = writer.existing()
        except StudioRefused as error:
            if writer.singly or error.status != BAD_REQUEST:
                raise
            writer.singly = True
            existing = writer.existing()
        stale, missing = writer.difference(existing)
    return Scores(writer.created, writer.replaced)


def said(result: Sequence[Mapping[str, Any]]) -> frozenset[bytes]:
    """What a prediction suggests, in a form to compare."""
    parts = ([item.get(key) for key in ("from_name", "type", "value")] for item in result)
    return frozenset(orjson.dumps(part, option=orjson.OPT_SORT_KEYS) for part in parts)


@dataclass(slots=True)
class _Writer:
    """What is written, and what has come of it so far. `singly`: each score by itself.

    New scores go in bulk. A Label Studio without the memory-saving flag takes no score above 1 in
    bulk (it answers 201, and creates nothing), but each by itself: slower, and the highest come
    first.
    """

    client: StudioClient
    project_id: int
    model_version: str
    wanted: Mapping[int, float]
    results: Results
    created: int = 0
    replaced: int = 0
    singly: bool = False

    def existing(self) -> _Existing:
        """The predictions that the model version has now."""
        found: dict[int, list[Prediction]] = defaultdict(list)
        if self.model_version in self.client.model_versions(self.project_id):
            predictions = self.client.predictions(self.project_id, self.model_version)
            for prediction in predictions:
                found[prediction.task].append(prediction)
        return found

    def difference(self, existing: _Existing) -> tuple[list[int], list[int]]:
        """(ids of predictions that must go, tasks that need one). Of equal ones one stays."""
        stale: list[int] = []
        right: set[int] = set()
        for task_id, found in existing.items():
            suggested = said(self.results.get(task_id, ()))
            for one in found:
                is_right = one.score == self.wanted.get(task_id) and said(one.result) == suggested
                if is_right and task_id not in right:
                    right.add(task_id)
                else:
                    stale.append(one.id)
        return stale, [task_id for task_id in self.wanted if task_id not in right]

    def send(self, missing: list[int]) -> Work[bool]:
        """Send the scores of these tasks; whether the server took them all."""
        size = 1 if self.singly else BATCH
        for start in range(0, len(missing), size):
            yield Progress("scores", len(self.wanted) - len(missing) + start, len(self.wanted))
            batch = [self._prediction(task_id) for task_id in missing[start : start + size]]
            if self.singly:
                self.client.create_prediction(self.project_id, batch[0])
                taken = 1
            else:
                taken = self.client.import_predictions(self.project_id, batch, READ_SECONDS)
            self.created += taken
            if taken < len(batch):
                note = "this server takes these scores one by one only"
                yield Progress("scores", 0, len(self.wanted), note)
                self.singly = True
                return False
        return True

    def remove(self, existing: _Existing, stale: list[int]) -> Work[None]:
        """Remove the predictions `stale`, or the whole version where that is quicker."""
        count = sum(len(found) for found in existing.values())
        yield Progress("replace", 0, len(stale), f"replacing {len(stale):,} earlier scores")
        if len(stale) * SINGLE_COST > count:
            self.client.delete_model_version(self.project_id, self.model_version)
        else:
            for number, prediction_id in enumerate(stale, start=1):
                self.client.delete_prediction(prediction_id)
                yield Progress("replace", number, len(stale))
        self.replaced += len(stale)

    def _prediction(self, task_id: int) -> dict[str, object]:
        return {
            "task": task_id,
            "score": self.wanted[task_id],
            "model_version": self.model_version,
            "result": list(self.results.get(task_id, ())),
        }
