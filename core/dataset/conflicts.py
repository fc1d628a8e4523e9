"""The images on which people differ: who said what, which answer is right, and a tab of the open
ones.

A conflict is settled by a ground truth: Label Studio's own mark of the annotation that is right,
which the rule "ground-truth" takes. What was marked before is noted, so that it can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from core.dataset.dataset import gather
from core.dataset.options import RULES, SETTLING
from core.dataset.reading.batch import Columns
from core.dataset.reading.records import Record
from core.dataset.results import change_results
from core.dataset.source import TaskSource
from core.errors import ConfigurationError, LabelpilotError
from core.files import write_at_once
from core.images import ImagePaths, tag_of
from core.labeling.stream import LabelPage, tasks_page
from core.labeling.tabs import find_tabs, of_tasks
from core.own_files import read_own
from core.progress import Progress, Work
from core.studio.client.results import Change
from core.studio.models import read_task
from core.studio.project import OpenProject
from core.workspace.settings import Workspace, save_workspace

NAME = "conflicts"
HOW = (
    "Open each, and keep one answer: delete the other, or mark the right one as ground truth, "
    'which counts with the rule "ground-truth".'
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said of an image; `at` is when it was changed last, in seconds since 1970."""

    annotation: int
    person: str
    classes: tuple[str, ...]
    at: float
    ground_truth: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """An image on which people differ: its task, its path in the image folder, and its answers, the
    oldest first."""

    tag: str
    path: str
    task: int
    answers: tuple[Answer, ...]

    @property
    def settled(self) -> Answer | None:
        """The answer that a ground truth makes the right one, if those that are marked agree."""
        marked = [one for one in self.answers if one.ground_truth]
        return marked[-1] if len({frozenset(one.classes) for one in marked}) == 1 else None

    def as_json(self) -> dict[str, Any]:
        """What the command line prints of it."""
        settled = self.settled
        return asdict(self) | {"settled": None if settled is None else settled.annotation}

    def __str__(self) -> str:
        said = "; ".join(
            f"{one.person or 'somebody'}: {', '.join(one.classes) or 'none'} ({one.annotation}"
            f"{', ground truth' if one.ground_truth else ''})"
            for one in self.answers
        )
        return f"{self.tag}: {said}"


def find_conflicts(opened: OpenProject) -> Work[tuple[Conflict, ...]]:
    """The images on which people differ, settled ones too, by their tags."""
    workspace, project = opened.workspace, opened.remote
    yield Progress("read", note="asking Label Studio for the images that have several answers")
    tasks = list(opened.client.tasks_with_several(opened.id))
    if not tasks:
        return ()
    records: dict[str, list[Record]] = {}

    def keep(columns: Columns) -> None:
        for record in columns:
            if not record.cancelled:
                records.setdefault(tag_of(record.image, rule), []).append(record)

    path_of, rule = ImagePaths(workspace.images.path), workspace.images.tag
    source = TaskSource(tasks, len(tasks), project.label_config)
    out = workspace.annotations.dataset
    dataset = yield from gather(workspace, source, "latest", out=out, on_records=keep)
    people = {str(account.id): account.email for account in opened.client.accounts()}
    found = [read_task(task, project.image_key) for task in tasks]
    by_tag = {tag_of(path_of(one.image), rule): one.id for one in found}
    paths = dataset.paths()
    return tuple(
        Conflict(
            tag,
            paths[tag],
            by_tag[tag],
            tuple(
                Answer(
                    one.annotation,
                    people.get(one.person, one.person),
                    tuple(dataset.names.of_pair(pair) for pair in one.labels),
                    one.moment,
                    one.ground_truth,
                )
                for one in sorted(records[tag], key=lambda one: (one.moment, one.annotation))
            ),
        )
        for tag in dataset.decision.conflicts
        if tag in by_tag
    )


def conflict_of(found: Iterable[Conflict], annotation: int) -> Conflict:
    """The conflict that has an annotation. Raises ConfigurationError where none has."""
    for one in found:
        if any(answer.annotation == annotation for answer in one.answers):
            return one
    raise ConfigurationError(
        f"No image on which people differ has an annotation with the number {annotation}.",
        next_step="`labelpilot conflicts` lists them.",
    )


def settle(opened: OpenProject, conflict: Conflict, annotation: int) -> Conflict:
    """Have an answer be the image's only ground truth; returns the conflict as it is then.

    Raises LabelpilotError where it was changed meanwhile.
    """
    before = [one.annotation for one in conflict.answers if one.ground_truth]
    noted = _noted(opened)
    # Of one that is settled otherwise by now, what was marked at first is what comes back.
    noted.setdefault(conflict.task, before)
    _note(opened, noted)
    return _mark(opened, conflict, {annotation})


def unsettle(opened: OpenProject, conflict: Conflict) -> Conflict:
    """Mark what was marked before it was settled, which may be nothing; returns it as it is then.

    Raises LabelpilotError where it was changed meanwhile.
    """
    noted = _noted(opened)
    after = _mark(opened, conflict, set(noted.pop(conflict.task, ())))
    _note(opened, noted)
    return after


def judge(
    opened: OpenProject, annotation: int, right: bool, of: Conflict | None = None
) -> Work[tuple[Conflict, str]]:
    """Have an answer be the right one, or take that back; the conflict as it is then, and what to
    say of the rule. It is looked for where it is not known `of` which conflict it is.

    Raises ConfigurationError where there is none, and what `settle` raises.
    """
    yield Progress("settle")
    conflict = of or conflict_of((yield from find_conflicts(opened)), annotation)
    if not right:
        return unsettle(opened, conflict), ""
    after = settle(opened, conflict, annotation)
    workspace = opened.workspace
    try:
        return after, have_ground_truths_count(workspace)
    except LabelpilotError as error:
        return after, f"The rule stays {workspace.annotations.rule}. {error.message}"


def have_ground_truths_count(workspace: Workspace) -> str:
    """Have the workspace's rule take ground truths where it says as much without any, and say so;
    or say that it takes none. Empty where it takes them already."""
    rule = workspace.annotations.rule
    if rule in SETTLING:
        return ""
    if rule == "latest":
        save_workspace(workspace.root, {"annotations": {"rule": "ground-truth"}})
        return f"The rule is ground-truth from now on: {RULES['ground-truth']}."
    return f"The rule {rule} counts every answer; a ground truth counts with ground-truth."


def publish_conflicts(opened: OpenProject) -> Work[LabelPage]:
    """Make a tab of what is not settled, or set it right, and return its page.

    Raises LabelpilotError where there is nothing to settle; the tab goes then.
    """
    found = yield from find_conflicts(opened)
    ids = [one.task for one in found if one.settled is None]
    if not ids:
        if (view := find_tabs(opened).get(NAME)) is not None:
            opened.client.delete_view(opened.id, view.id)
        raise LabelpilotError(
            "There is no image on which people differ"
            + (" that is not settled." if found else "."),
            next_step="To have images asked of two people, set `overlap` under [labeling].",
        )
    tab = of_tasks(NAME, "Conflicts", ids, unfinished=False)
    return tasks_page(opened, tab, f"Images on which people differ: {len(ids):,}. {HOW}")


def _mark(opened: OpenProject, conflict: Conflict, marked: set[int]) -> Conflict:
    """Have these annotations of an image, and no others, be ground truths."""
    changes = [
        Change(
            "annotations",
            one.annotation,
            conflict.task,
            {"ground_truth": one.ground_truth},
            {"ground_truth": one.annotation in marked},
        )
        for one in conflict.answers
        if one.ground_truth != (one.annotation in marked)
    ]
    # Another server unmarks the others itself, so that the one to be marked comes last.
    changes.sort(key=lambda one: bool(one.now["ground_truth"]))
    many = opened.client.changes_many(opened.id)
    if change_results(opened, changes, many=many) < len(changes):
        raise LabelpilotError(
            f"The answers on {conflict.tag} were changed meanwhile.",
            next_step="Look again, and settle it then.",
        )
    answers = (replace(one, ground_truth=one.annotation in marked) for one in conflict.answers)
    return replace(conflict, answers=tuple(answers))


def _noted(opened: OpenProject) -> dict[int, list[int]]:
    """Task -> its ground truths before it was settled here."""
    try:
        stored = orjson.loads(read_own(opened.workspace.state.settled))
        if stored["project"] != [opened.id, opened.remote.created]:
            return {}
        return {int(task): [int(one) for one in ids] for task, ids in stored["before"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _note(opened: OpenProject, noted: dict[int, list[int]]) -> None:
    content = {
        "project": [opened.id, opened.remote.created],
        "before": {str(task): list(ids) for task, ids in noted.items()},
    }
    opened.workspace.state.make()
    write_at_once(opened.workspace.state.settled, orjson.dumps(content), mode=0o600)
