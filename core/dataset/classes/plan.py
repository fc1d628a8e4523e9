"""What a change of classes would do, seen before it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import asdict, dataclass
from typing import Any

from core.dataset.classes.files import label_files
from core.dataset.classes.journal import ClassChange, last_change
from core.dataset.classes.renaming import Parts, Renaming, classes_in
from core.dataset.classes.wish import Wish, class_names, understood
from core.errors import ConfigurationError
from core.labeling_config import LabelingConfig, parse_labeling_config
from core.progress import Progress, Work
from core.studio.client.results import KINDS
from core.studio.project import OpenProject
from core.words import count


@dataclass(frozen=True, slots=True)
class Counts:
    """How many `annotations`, of how many `tasks`, drafts, predictions and label `files`."""

    tasks: int = 0
    annotations: int = 0
    files: int = 0
    drafts: int = 0
    predictions: int = 0

    def in_words(self, last: str = "") -> str:
        """All of them in words, and what comes `last`."""
        parts = [
            f"{count(self.annotations, 'annotation')} of {count(self.tasks, 'task')}",
            count(self.drafts, "draft"),
            count(self.predictions, "prediction"),
            count(self.files, "label file"),
            last,
        ]
        *others, final = filter(None, parts)
        return f"{', '.join(others)} and {final}"


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """What a change of classes would do, or taking the last one `back`.

    `asked` are (old, new) names as somebody gave them; `counts` is what names an old one. `begun`
    is the change that was cut off and goes on, or is taken back.
    """

    asked: tuple[tuple[str, str], ...]
    renaming: Renaming
    counts: Counts
    begun: ClassChange | None = None
    back: bool = False
    to_do: bool = True

    def as_json(self) -> dict[str, Any]:
        """The object that it prints with `--json` where it only shows what it would do."""
        return asdict(self.counts) | {"changed": False}

    def __str__(self) -> str:
        names = ", ".join(f"{old!r} to {new!r}" for old, new in self.asked)
        counts = self.counts.in_words()
        if not self.to_do:
            return f"{names} is done already, and nothing has an old name."
        if self.back:
            return f"The change of {names} would be taken back, in {counts}."
        began = " It was cut off, and goes on from there." if self.begun else ""
        return (
            f"{names}, of the control tag {self.renaming.control!r}: {counts} name "
            f"{'them' if len(self.asked) > 1 else 'it'}, and the labeling config.{began}"
        )


def list_classes(opened: OpenProject) -> Work[list[tuple[str, str, int]]]:
    """(control tag, class, number of annotations that name it), in the labeling config's order;
    those that only annotations name come last."""
    config, counts = _config(opened), Counter[tuple[str, Parts]]()
    many = opened.client.changes_many(opened.id)
    yield Progress("annotations")
    for _, _, result in opened.client.results(opened.id, "annotations", at_once=many):
        counts.update(set(classes_in(result)))
    pairs = [
        (control.name, parts)
        for control in config.controls.values()
        for parts in class_names(config, control).values()
    ]
    pairs += sorted(pair for pair in counts.keys() - set(pairs) if pair[0] in config.controls)
    return [
        (name, config.controls[name].class_name(list(parts)), counts[name, parts])
        for name, parts in pairs
    ]


def plan_change(opened: OpenProject, wish: Wish) -> Work[ClassPlan]:
    """Look what a wish would change; nothing is changed.

    Raises ConfigurationError for a wish that cannot be met, and where another change was cut off.
    """
    last = last_change(opened.workspace, opened.remote)
    many = opened.client.changes_many(opened.id)
    if last is not None and last.is_open:
        ours = last.asked == wish.pairs and wish.control in ("", last.renaming.control)
        if last.stage == "leaving" or not ours:
            names = ", ".join(f"{old!r} to {new!r}" for old, new in last.asked)
            raise ConfigurationError(
                f"A change of classes was cut off ({names}).",
                next_step="Run the same again, and it goes on; or take it back: "
                "`labelpilot classes undo`.",
            )
        renaming = last.renaming
    else:
        config = _config(opened)
        try:
            renaming = understood(wish, config)
        except ConfigurationError:
            # A class that the config has no more, and that a page of before submitted.
            held = yield from _held(opened, many)
            if last is not None and last.asked == wish.pairs and not last.renaming.is_circular:
                wanted = {(last.renaming.control, parts) for parts in last.renaming.names}
                if not wanted & held:
                    return ClassPlan(wish.pairs, last.renaming, Counts(), to_do=False)
            renaming = understood(wish, config, held)
    begun = last if last is not None and last.is_open else None
    return (yield from _counted(opened, wish.pairs, renaming, begun, many))


def plan_undo(opened: OpenProject) -> Work[ClassPlan]:
    """Look what the last change of classes was; nothing is changed.

    Raises ConfigurationError where there is none to take back.
    """
    yield Progress("look")
    last = last_change(opened.workspace, opened.remote)
    if last is None:
        raise ConfigurationError("No change of classes is known here that could be taken back.")
    return ClassPlan(last.asked, last.renaming, noted_counts(last), last, back=True)


def noted_counts(change: ClassChange) -> Counts:
    """How much was noted before it was changed."""
    kinds, tasks = Counter[str](), set[int]()
    for one in change.notes():
        kinds[one.kind] += 1
        tasks.update([one.task] if one.kind == "annotations" else [])
    return _counts(tasks, kinds, change.files)


def _counts(tasks: Set[int], kinds: Counter[str], files: int) -> Counts:
    return Counts(len(tasks), kinds["annotations"], files, kinds["drafts"], kinds["predictions"])


def _config(opened: OpenProject) -> LabelingConfig:
    return parse_labeling_config(opened.remote.label_config, "the project's labeling config")


def _held(opened: OpenProject, many: bool) -> Work[Set[tuple[str, Parts]]]:
    """(control, class) of all that anything on the server names."""
    found = set[tuple[str, Parts]]()
    for kind in KINDS:
        yield Progress(kind)
        for _, _, result in opened.client.results(opened.id, kind, at_once=many):
            found.update(classes_in(result))
    return found


def _counted(
    opened: OpenProject,
    asked: tuple[tuple[str, str], ...],
    renaming: Renaming,
    begun: ClassChange | None,
    many: bool,
) -> Work[ClassPlan]:
    """The plan of a change, with what is there to be changed still."""
    counts, tasks = Counter[str](), set[int]()
    for kind in KINDS:
        yield Progress(kind)
        for _, task, result in opened.client.results(opened.id, kind, at_once=many):
            if renaming.result(result) is not result:
                counts[kind] += 1
                tasks.update([task] if kind == "annotations" else [])
    yield Progress("files")
    files = sum(
        any(renaming.result(one) is not one for one in file.results)
        for file in label_files(opened.workspace, renaming.names)
    )
    return ClassPlan(asked, renaming, _counts(tasks, counts, files), begun)
