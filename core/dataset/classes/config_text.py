"""A labeling config's text with other names in it: all else stays as somebody wrote it, comments,
order and hotkeys too.

The text is a labeling config that was read already, so it is well-formed and declares nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.dataset.classes.renaming import Parts, Renaming

_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    r"|<(?P<end>/?)(?P<tag>[^\s/>!?]+)(?P<rest>(?:[^\"'>]|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s=\"'/]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')")
_HOTKEY = re.compile(r"\s+hotkey\s*=\s*(\"[^\"]*\"|'[^']*')")
# Attributes of other tags that name classes, with commas between.
_CONDITIONS = ("whenChoiceValue", "whenLabelValue")


@dataclass(frozen=True, slots=True)
class Offered:
    """A class in the text: from `start` to `end` with all that lies in it, its own tag to
    `tag_end`."""

    parts: Parts
    start: int
    tag_end: int
    end: int


def offered(text: str, control: str) -> list[Offered]:
    """The classes that a control offers, in the text's order."""
    found: list[Offered] = []
    # Of each open tag: whether it is a class, the class that it is or lies in (None: of another
    # control), and where it begins.
    stack: list[tuple[bool, Parts | None, int, int]] = []
    for token in _TOKEN.finditer(text):
        if not token["tag"]:
            continue
        if not token["end"]:
            values, above = _values(token["rest"]), stack[-1][1] if stack else None
            name = "" if above is None else _class_name(token["tag"], values)
            if above is None and values.get("toName") and values.get("name") == control:
                above = ()
            parts = (*above, name) if above is not None and name else above
            stack.append((bool(name), parts, token.start(), token.end()))
        if token["end"] or token["rest"].endswith("/"):
            is_class, parts, start, tag_end = stack.pop()
            if is_class and parts is not None:
                found.append(Offered(parts, start, tag_end, token.end()))
    return sorted(found, key=lambda one: one.start)


def renamed(text: str, renaming: Renaming) -> str:
    """The text with the new names and without the old ones."""
    there = offered(text, renaming.control)
    taken = {one.parts for one in there if one.parts not in renaming.names}
    edits = list(_conditions(text, renaming, keep=False))
    for one in there:
        new = renaming.names.get(one.parts)
        if new is None:
            continue
        if new in taken:
            edits.append((_line_start(text, one), one.end, ""))
        else:
            taken.add(new)
            tag = text[one.start : one.tag_end]
            edits.append((one.start, one.tag_end, _named(tag, new[-1])))
    return _edited(text, edits)


def widened(text: str, renaming: Renaming) -> str:
    """The text with the new names beside the old ones."""
    there = offered(text, renaming.control)
    edits = list(_conditions(text, renaming, keep=True))
    known = {one.parts for one in there}
    for one in there:
        new = renaming.names.get(one.parts)
        if new is None or new in known:
            continue
        known.add(new)
        tag, rest = text[one.start : one.tag_end], text[one.tag_end : one.end]
        # A key of the keyboard is one class's.
        copy = _HOTKEY.sub("", _named(tag, new[-1]) + rest)
        edits.append((one.end, one.end, text[_line_start(text, one) : one.start] + copy))
    return _edited(text, edits)


def names_conditions(text: str, renaming: Renaming) -> bool:
    """Whether another tag is shown or hidden by one of the old names."""
    return any(True for _ in _conditions(text, renaming, keep=True))


def _conditions(text: str, renaming: Renaming, *, keep: bool) -> Iterator[tuple[int, int, str]]:
    """The edits of the tags that are shown where a class was chosen."""
    names = {old[-1]: new[-1] for old, new in renaming.names.items()}
    for token in _TOKEN.finditer(text):
        if not token["tag"] or token["end"]:
            continue
        if _values(token["rest"]).get("whenTagName", renaming.control) != renaming.control:
            continue
        for attribute in _ATTRIBUTE.finditer(token["rest"]):
            if attribute[1] not in _CONDITIONS:
                continue
            listed = _plain(attribute[3]).split(",")
            new = [name for one in listed for name in _with_new(one, names, keep)]
            if new != listed:
                start = token.start("rest") + attribute.start(3)
                words = _quoted(",".join(dict.fromkeys(new)), attribute[3][0])
                yield start, start + len(attribute[3]), words


def _with_new(name: str, names: dict[str, str], keep: bool) -> Iterator[str]:
    if keep or name not in names:
        yield name
    if name in names:
        yield names[name]


def _named(tag: str, name: str) -> str:
    """A class's own tag with another name: the alias where there is one, as annotations hold it."""
    key = "alias" if _values(tag).get("alias") else "value"

    def put(attribute: re.Match[str]) -> str:
        if attribute[1] != key:
            return attribute[0]
        return attribute[1] + attribute[2] + _quoted(name, attribute[3][0])

    return _ATTRIBUTE.sub(put, tag)


def _class_name(tag: str, values: dict[str, str]) -> str:
    named = tag.lower() in ("choice", "label")
    return (values.get("alias") or values.get("value", "")) if named else ""


def _values(tag: str) -> dict[str, str]:
    return {one[1]: _plain(one[3]) for one in _ATTRIBUTE.finditer(tag)}


def _plain(quoted: str) -> str:
    return html.unescape(re.sub(r"[\t\r\n]", " ", quoted[1:-1]))


def _quoted(text: str, quote: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return quote + escaped.replace(quote, "&quot;" if quote == '"' else "&apos;") + quote


def _line_start(text: str, one: Offered) -> int:
    """Where what stands before a tag begins, if that is only space and the end of a line."""
    before = len(text[: one.start].rstrip(" \t"))
    if before and text[before - 1] == "\n":
        return before - (2 if text[:before].endswith("\r\n") else 1)
    return one.start


def _edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    for start, end, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[end:]
    return text
