"""The questions in a labeling config, and what of it cannot be answered without the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from core.labeling.questionnaire import (
    Answer,
    Choice,
    Condition,
    Kind,
    Question,
    Questionnaire,
    Stored,
)
from core.labeling_config import LabelingConfig, read_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_KINDS = frozenset(("choices", "taxonomy", "rating", "number"))
# What Label Studio hides by its own conditions; of others it looks at what they stand in alone.
_HIDEABLE = frozenset(("view", "choices", "taxonomy"))
# Controls without which an annotation is whole, unless they are required.
_ASIDE = frozenset(("textarea", "datetime"))
_STARS = 5.0
_MARKUP = re.compile(r"<[^>]*>")


def read_questions(config: LabelingConfig) -> Questionnaire:
    """The questions of a labeling config, in its order."""
    reading = _Reading(config)
    reading.walk(read_xml(config.text, "the labeling config"), ())
    return Questionnaire(tuple(reading.questions), tuple(reading.unanswerable), reading.complete)


class _Reading:
    """One walk through a config's tags."""

    def __init__(self, config: LabelingConfig) -> None:
        self.questions: list[Question] = []
        self.unanswerable: list[str] = []
        self.complete = True
        self._images = config.images
        # The heading that no question stands below yet.
        self._heading = ""
        if len(config.images) > 1 or any(image.several for image in config.images.values()):
            self._leave_out("A task has several images, of which one is shown here.")

    def walk(self, element: Element, around: tuple[Condition, ...]) -> None:
        """Take in `element` and what is in it; `around` is when what it stands in is shown."""
        kind = _kind(element)
        if kind in _HIDEABLE and (own := _condition(element)) is not None:
            around = (*around, own)
        if kind == "header" and not element.get("value", "").startswith("$"):
            self._heading = element.get("value", "").strip()
        if element.get("name") and element.get("toName"):
            self._take_in(kind, element, around)
            self._heading = ""
            return
        if element.get("name") and kind != "image" and element.get("value", "").startswith("$"):
            self._leave_out(f"{element.get('name')} ({element.tag}) is not shown here.")
        for child in element:
            self.walk(child, around)

    def _take_in(self, kind: str, element: Element, around: tuple[Condition, ...]) -> None:
        name, is_required = element.get("name", ""), _is_true(element, "required")
        why = self._why_not(kind, element)
        if why:
            self._leave_out(
                f"{self._heading or name} ({element.tag}): {why}",
                is_needed=is_required or kind not in _ASIDE,
            )
            return
        choices = tuple(_choices(element, kind))
        is_taxonomy, stored = kind == "taxonomy", {one.stored for one in choices if one.open}
        self.questions.append(
            Question(
                name=name,
                to_name=element.get("toName", "").strip(),
                kind=cast(Kind, kind),
                title=self._heading or name,
                choices=choices,
                several=is_taxonomy or element.get("choice") == "multiple",
                most=int(_number(element, "maxUsages") or 0) if is_taxonomy else 0,
                required=is_required,
                required_message=element.get("requiredMessage", ""),
                conditions=around,
                minimum=1.0 if kind == "rating" else _number(element, "min"),
                maximum=(_number(element, "maxRating") or _STARS)
                if kind == "rating"
                else _number(element, "max"),
                step=_number(element, "step") if kind == "number" else None,
                hotkey=element.get("hotkey", ""),
                default=_default(element, kind, stored),
            )
        )

    def _why_not(self, kind: str, element: Element) -> str:
        """Why a control cannot be answered here, as the end of a sentence; empty where it can."""
        if _is_true(element, "perRegion") or _is_true(element, "labeling"):
            return "what is drawn is drawn in the browser."
        if _is_true(element, "perItem"):
            return "it is asked of each of several images, in the browser."
        if kind not in _KINDS:
            return "it is answered in the browser."
        if element.get("toName", "").strip() not in self._images:
            return "it is not about the image."
        values = (child.get("value", "") for child in element.iter())
        if element.get("apiUrl") or any(value.startswith("$") for value in values):
            return "its answers are another in each task, and are not read here."
        return ""

    def _leave_out(self, why: str, *, is_needed: bool = True) -> None:
        self.unanswerable.append(why)
        self.complete = self.complete and not is_needed


def _choices(element: Element, kind: str) -> Iterator[Choice]:
    """What can be chosen, in the order of the config, each once."""
    if kind == "taxonomy":
        return _nested(element, (), (), holders_open=not _is_true(element, "leafsOnly"))
    if _is_true(element, "allowNested"):
        return _nested(element, (), (), holders_open=False)
    return _flat(element, set())


def _flat(element: Element, known: set[Stored]) -> Iterator[Choice]:
    """The choices below `element` that lie in no other."""
    for child in element:
        if _kind(child) != "choice":
            yield from _flat(child, known)
        elif (stored := _stored(child)) and stored not in known:
            known.add(stored)
            yield Choice(stored, (_shown(child),), child.get("hotkey", ""), child.get("hint", ""))


def _nested(
    element: Element, stored: tuple[str, ...], path: tuple[str, ...], *, holders_open: bool
) -> Iterator[Choice]:
    """The choices below `element`, each before what lies in it, by the paths to them."""
    known = set()
    for child in element:
        if _kind(child) != "choice":
            yield from _nested(child, stored, path, holders_open=holders_open)
            continue
        name = _stored(child)
        if not name or name in known:
            continue
        known.add(name)
        inner, words = (*stored, name), (*path, _shown(child))
        inside = list(_nested(child, inner, words, holders_open=holders_open))
        is_open = holders_open or not inside
        yield Choice(inner, words, child.get("hotkey", ""), child.get("hint", ""), is_open)
        yield from inside


def _stored(choice: Element) -> str:
    # The alias, where there is one, is what the annotation holds.
    return choice.get("alias", "") or choice.get("value", "")


def _shown(choice: Element) -> str:
    plain = _MARKUP.sub("", choice.get("html", "")).strip()
    return plain or choice.get("value", "") or _stored(choice)


def _default(element: Element, kind: str, stored: set[Stored]) -> tuple[Answer, ...]:
    if kind == "number":
        number = _number(element, "defaultValue")
        return () if number is None else (number,)
    if kind == "rating":
        return ()
    # By the last of its path: two that are called the same in other places are told by both.
    selected = {_stored(one) for one in element.iter() if _is_true(one, "selected")}
    found = (one for one in _choices(element, kind) if one.open and one.stored in stored)
    ends = (
        (one.stored, one.stored if isinstance(one.stored, str) else one.stored[-1]) for one in found
    )
    return tuple(one for one, end in ends if end in selected)


def _condition(element: Element) -> Condition | None:
    """When an element is shown, where it says so itself."""
    when, names = element.get("visibleWhen", ""), element.get("whenChoiceValue", "")
    if when in ("choice-selected", "choice-unselected"):
        about = element.get("whenTagName", "")
        # Without a tag, Label Studio looks at no name either.
        return Condition(when, about, tuple(names.split(",")) if about and names else ())
    if when in ("region-selected", "no-region-selected"):
        return Condition(when)
    return Condition("any-choice", "", (names,)) if names and not when else None


def _number(element: Element, name: str) -> float | None:
    try:
        return float(element.get(name, ""))
    except ValueError:
        return None


def _is_true(element: Element, name: str) -> bool:
    return element.get(name, "").strip().lower() == "true"


def _kind(element: Element) -> str:
    return str(element.tag).lower()
