"""Changes of what annotations, drafts and predictions say, on any Label Studio.

labelpilot's own server changes many at once, and nothing else of them. Another one sets an
annotation's time to now, which counts where the one changed last does: there, those of a task that
were changed later are saved again after it, so that their order stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from core.errors import ConfigurationError
from core.studio.client.results import Change
from core.studio.project import OpenProject
from core.words import count

# As many are changed by one request.
AT_ONCE = 500


def change_results(opened: OpenProject, changes: Sequence[Change], *, many: bool) -> int:
    """Make those of `changes`, all of one kind, that are still as they were; returns how many.

    `many` says whether the server changes many at once.
    """
    if not changes:
        return 0
    if many:
        return len(opened.client.change_many(opened.id, changes))
    if changes[0].kind == "annotations":
        by_task = groupby(sorted(changes, key=lambda one: one.task), lambda one: one.task)
        return sum(_change_task(opened, task, list(ones)) for task, ones in by_task)
    for change in changes:
        opened.client.change_one(change)
    return len(changes)


def refuse_begun_changes(opened: OpenProject) -> None:
    """Raise ConfigurationError where somebody has begun to change an annotation, on a server that
    would throw that away with a change of ours."""
    client, begun = opened.client, 0
    for task in sorted(client.drafted_tasks(opened.id)):
        begun += sum(1 for draft in client.drafts(task) if draft.get("annotation"))
    if begun:
        raise ConfigurationError(
            f"Somebody has begun to change {count(begun, 'annotation')}, and this Label Studio "
            "would throw that away.",
            next_step="Have it submitted or discarded in the browser, then do this again.",
        )


def _change_task(opened: OpenProject, task: int, changes: Iterable[Change]) -> int:
    """Change annotations of one task, one by one."""
    client, wanted, done = opened.client, {one.id: one for one in changes}, 0
    there = client.annotations_of(opened.id, task)
    for item in sorted(there, key=lambda one: (str(one.get("updated_at")), one["id"])):
        change = wanted.get(item["id"])
        if change is not None and all(item.get(key) == was for key, was in change.was.items()):
            client.change_annotation(item["id"], change.now)
            done += 1
        elif done:
            client.change_annotation(item["id"], {"result": item.get("result") or []})
    return done
