"""Second opinions: a share of a round's images is asked of two people, so that one can tell how far
people agree.

Which images those are is drawn by chance, and the same each time for one round, so that publishing
it again changes nothing. Label Studio asks a task of as many people as its `overlap` says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from core.progress import Progress, Work
from core.studio.project import OpenProject

# Of a round, so many of the first images are drawn from: hardly anybody labels more before the next
# training, and each image that is asked twice costs a request.
FIRST = 1_000


def drawn(model_version: str, task_ids: Sequence[int], share: float) -> tuple[int, ...]:
    """Those of a round's tasks, in its order, that are to be asked of two people."""
    return tuple(t for t in task_ids[:FIRST] if _chance(model_version, t) < share)


def _chance(model_version: str, task_id: int) -> float:
    digest = hashlib.sha256(f"{model_version}\n{task_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def ask_twice(opened: OpenProject, wanted: Iterable[int], former: Iterable[int] = ()) -> Work[int]:
    """Ask the tasks `wanted` of two people and those of `former` that are not among them of one
    again; returns how many changed. Labels stay. What others asked of several people stays so.
    """
    client, wanted = opened.client, set(wanted)
    if not wanted and not former:
        return 0
    twice = client.asked_twice(opened.id)
    changes = [(task, 2) for task in sorted(wanted - twice)]
    changes += [(task, 1) for task in sorted((set(former) - wanted) & twice)]
    labeled: AbstractSet[int] = client.annotated_task_ids(opened.id) if changes else set()
    for number, (task, people) in enumerate(changes):
        yield Progress("second opinions", number, len(changes))
        client.ask_of(task, people, finished=people == 1 and task in labeled)
    return len(changes)
