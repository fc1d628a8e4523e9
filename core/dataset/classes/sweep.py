"""All that names a class, changed until nothing is left: on the server, and in label files.

What is about to change is noted first. Whoever labels meanwhile, on a page that was opened before,
still submits the old name: so the server's list is gone through again until it holds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.dataset.classes.files import label_files
from core.dataset.classes.journal import ClassChange, Key, Noted
from core.dataset.classes.renaming import Parts, classes_in
from core.dataset.results import AT_ONCE, change_results
from core.errors import PartlyDone
from core.progress import Progress, Work
from core.studio.client.results import KINDS, Change, Kind
from core.studio.project import OpenProject
from core.workspace.settings import Workspace

# Somebody who submits the old name again and again is waited for no longer.
MOST_PASSES = 10
FILE = "file"


@dataclass(slots=True)
class Sweep:
    """One way through everything, there or back, by what `change` says.

    `known` are the classes that the control offered before. `holding` are the annotations that
    have one of the new names, and `stray` the names that somebody gave since and nothing stood for
    before, as they were when the server was gone through last.
    """

    change: ClassChange
    known: frozenset[Parts]
    holding: set[int] = field(default_factory=set)
    stray: set[Parts] = field(default_factory=set)
    _before: dict[Key, Any] = field(default_factory=dict)
    _former: dict[Key, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        going_back = self.change.stage == "leaving"
        if going_back:
            self._former = {one.key: one.before for one in self.change.notes()}
        if going_back or self.change.renaming.is_circular:
            # What is changed once already would be changed back.
            self._before = {one.key: one.before for one in self.change.notes(self.change.stage)}

    def wanted(self, key: Key, number: int, result: Any) -> Any:
        """What a result is to be: the same object where it may stay. It is the one with that
        `number` of what `key` names, which a file can have several of."""
        renaming = self.change.renaming
        if key in self._before and self._before[key][number : number + 1] != [result]:
            return result
        if self.change.stage != "leaving":
            return renaming.result(result)
        for former in self._former.get(key, ())[number : number + 1]:
            if renaming.result(former) == result:
                return former
        return renaming.back(self.known).result(result)

    def note(self, notes: Iterable[Noted]) -> None:
        notes = list(notes)
        self.change.note(notes)
        if self._before or self.change.renaming.is_circular or self.change.stage == "leaving":
            for one in notes:
                self._before.setdefault(one.key, one.before)


def sweep_server(opened: OpenProject, sweep: Sweep, *, many: bool) -> Work[None]:
    """Change everything on the server, until a whole listing holds nothing to change.

    Raises PartlyDone where there is always more.
    """
    for _ in range(MOST_PASSES):
        if not (yield from _pass(opened, sweep, many)):
            return
    raise PartlyDone(
        "Somebody goes on submitting the old name.",
        cause="A page that was opened before shows it still.",
        next_step="Reload all open pages of the project, and run this again.",
    )


def sweep_files(workspace: Workspace, sweep: Sweep) -> Work[int]:
    """Change the label files that hold a name still; returns how many."""
    yield Progress("files")
    done, names = 0, sweep.change.renaming.names
    for file in label_files(workspace, {*names, *names.values()}):
        key: Key = (FILE, file.path.name)
        new = [sweep.wanted(key, number, one) for number, one in enumerate(file.results)]
        if all(now is was for now, was in zip(new, file.results, strict=True)):
            continue
        sweep.note([Noted(FILE, file.path.name, 0, file.results)])
        file.write(new)
        done += 1
        yield Progress("files", done, None)
    return done


def _pass(opened: OpenProject, sweep: Sweep, many: bool) -> Work[int]:
    """Go through everything once; returns how much was to be changed."""
    met = 0
    sweep.holding, sweep.stray = set(), set()
    for kind in KINDS:
        yield Progress(kind)
        for changes in _changes(opened, sweep, kind, many):
            notes = [Noted(one.kind, one.id, one.task, [one.was["result"]]) for one in changes]
            sweep.note(notes)
            change_results(opened, changes, many=many)
            met += len(changes)
            yield Progress(kind, met, None)
    return met


def _changes(opened: OpenProject, sweep: Sweep, kind: Kind, many: bool) -> Iterator[list[Change]]:
    """What is to be changed of a kind, some at a time."""
    control, new = sweep.change.renaming.control, {*sweep.change.renaming.names.values()}
    found: list[Change] = []
    for number, task, result in opened.client.results(opened.id, kind, at_once=many):
        wanted = sweep.wanted((kind, number), 0, result)
        named = {parts for name, parts in classes_in(wanted) if name == control}
        given = {one for one in new if any(parts[: len(one)] == one for parts in named)}
        sweep.stray |= given - sweep.known
        if kind == "annotations" and given:
            sweep.holding.add(number)
        if wanted is not result:
            found.append(Change(kind, number, task, {"result": result}, {"result": wanted}))
        if len(found) == AT_ONCE:
            yield found
            found = []
    if found:
        yield found
