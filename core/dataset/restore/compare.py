"""Which of the annotations that were found a project has already, lacks, or has otherwise.

Nothing here reads or writes. An annotation is known by the number and the moment that its server
gave it, or by what it says: by whom, of which image, the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.dataset.restore.found import Found
from core.studio.models import Annotation


@dataclass(slots=True)
class Comparison:
    """What is to be done with annotations that were found.

    `live` are on this server under the number that they were found with; `equal` are there under
    another, each with that; `missing` are not there, each with its task; `conflicts` are of images
    that have other labels.
    """

    live: list[Found] = field(default_factory=list)
    equal: list[tuple[Found, int]] = field(default_factory=list)
    missing: list[tuple[int, Found]] = field(default_factory=list)
    conflicts: list[Found] = field(default_factory=list)

    def add(
        self, task: int, found: Sequence[Found], there: Iterable[Annotation], keeps_times: bool
    ) -> None:
        """Take in all that was `found` of one task, which has the annotations `there`.

        Where the server gives the time of now to what comes back (not `keeps_times`), nothing is
        put after a label that is there: it would count as the latest.
        """
        left = list(there)
        unmatched: list[Found] = []
        for one in sorted(found, key=lambda one: one.age):
            same = next((a for a in left if (a.id, a.created) == (one.number, one.created)), None)
            if same is not None:
                left.remove(same)
                self.live.append(one)
            else:
                unmatched.append(one)
        lacking: list[Found] = []
        for one in unmatched:
            alike = next((a for a in left if _says_the_same(one, a)), None)
            if alike is None:
                lacking.append(one)
            else:
                self.equal.append((one, alike.id))
                # A dataset has one label where the project may have several people's.
                if not one.tag:
                    left.remove(alike)
        for one in lacking:
            contrary = [a for a in left if not keeps_times or _same_person(one, a)]
            if contrary:
                self.conflicts.append(one)
            else:
                self.missing.append((task, one))


def _same_person(found: Found, there: Annotation) -> bool:
    return not found.person or not there.person or found.person == there.person


def _says_the_same(found: Found, there: Annotation) -> bool:
    if found.cancelled != there.cancelled or not _same_person(found, there):
        return False
    if found.tag:
        return _classes(found.result) == _classes(there.result)
    return _answers(found.result) == _answers(there.result)


def _answers(result: Sequence[dict[str, Any]]) -> list[bytes]:
    """What results say, whatever they are called and whatever they came from."""
    return sorted(
        orjson.dumps(
            {key: value for key, value in one.items() if key not in ("id", "origin")},
            option=orjson.OPT_SORT_KEYS,
        )
        for one in result
    )


def _classes(result: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    return {
        (str(one.get("from_name")), str(name))
        for one in result
        if one.get("type") == "choices"
        for name in (one.get("value") or {}).get("choices") or ()
    }
