"""`keys.toml`: keys and the theme as the user wants them, and commands of their own on a key.

It lies in the user's own configuration folder, so that no workspace can bring a command. What in it
cannot be used is told in a sentence each, and the app starts with the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.keys import _character_to_key

from core.errors import ConfigurationError
from core.files import read_at_most, user_folder
from core.names import nearest, shown_value
from core.workspace.toml_lines import place_of, unknown_name, wrong_value

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "keys.toml"
MAX_BYTES = 100_000
# Keys that are no character, as Textual names them.
NAMED = {
    *"enter escape space tab shift+tab backspace delete insert home end pageup pagedown".split(),
    *"up down left right".split(),
    *(f"f{number}" for number in range(1, 13)),
    *(f"{held}+{letter}" for held in ("ctrl", "alt") for letter in "abcdefghijklmnopqrstuvwxyz"),
}
# Ways out that always lead out.
_KEPT = {"ctrl+c", "ctrl+q"}
# Their keys belong to what one types, what moves in a list, and to the answers in their order.
_FIXED = ("list", "form", "label.answer")
# Windows over a section, in which the keys of everywhere are not heard.
_WINDOWS = ("conflicts", "dialog", "form", "logs")
_SECTIONS = ("theme", "keys", "commands")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of the user's own. Its key is Textual's name; `token`: it is given that."""

    key: str
    run: str
    title: str
    token: bool = False


@dataclass(slots=True)
class OwnKeys:
    """What `keys.toml` says, as far as it can be used. `keys` is a key's `Key.id` -> its keys, with
    commas between them; `problems` says what was left out."""

    keys: dict[str, str] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    theme: str = ""
    theme_place: str = FILE_NAME
    problems: list[ConfigurationError] = field(default_factory=list)


def own_keys(known: Mapping[str, str]) -> OwnKeys:
    """What the user's `keys.toml` says, if there is one; `known` is each `Key.id` and its keys."""
    file = user_folder() / FILE_NAME
    if not file.is_file():
        return OwnKeys()
    try:
        text = read_at_most(file, MAX_BYTES, "The file of your keys").decode("utf-8")
    except (ConfigurationError, UnicodeDecodeError) as error:
        return OwnKeys(problems=[_unreadable(error)])
    return read_keys(text, known)


def is_changeable(name: str) -> bool:
    """Whether the key of this `Key.id` may be another one."""
    return not name.startswith(_FIXED)


def read_keys(text: str, known: Mapping[str, str]) -> OwnKeys:
    """What `text`, the content of a `keys.toml`, says. Raises nothing: see `problems`."""
    found = OwnKeys()
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found.problems.append(_unreadable(error))
        return found
    for name in data:
        if name not in _SECTIONS:
            found.problems.append(unknown_name(text, None, name, list(_SECTIONS), FILE_NAME))
    for name in ("keys", "commands"):
        if not isinstance(data.get(name, {}), dict):
            what = f"`{name}` must be a section, as in `[{name}]`"
            found.problems.append(wrong_value(text, None, name, what, FILE_NAME))
            del data[name]
    theme = data.get("theme", "")
    if isinstance(theme, str):
        found.theme, found.theme_place = theme, place_of(text, None, "theme", FILE_NAME)
    else:
        what = f"`theme` must be text in quotes, not {shown_value(theme)}"
        found.problems.append(wrong_value(text, None, "theme", what, FILE_NAME))
    changeable = list(filter(is_changeable, known))
    for name, value in _flat(data.get("keys", {})):
        if name not in changeable:
            found.problems.append(unknown_name(text, "keys", name, changeable, FILE_NAME))
        elif fault := _fault(value):
            found.problems.append(wrong_value(text, "keys", name, f"`{name}` {fault}", FILE_NAME))
        else:
            found.keys[name] = ",".join(_named(part) for part in _listed(value))
    _leave_out_collisions(text, found, known)
    _take_commands(text, found, data.get("commands", {}), known)
    return found


def theme_problem(own: OwnKeys, known: list[str]) -> ConfigurationError:
    """The error for a theme that there is not."""
    near = nearest(own.theme, known)
    return ConfigurationError(
        f"{own.theme_place}: there is no theme {shown_value(own.theme)}.",
        next_step=f"Did you mean `{near}`?" if near else f"Known: {', '.join(sorted(known))}.",
    )


def _take_commands(
    text: str, found: OwnKeys, commands: dict[str, Any], known: Mapping[str, str]
) -> None:
    """Add the commands that can be used, on keys that are free in every section."""
    taken = {
        key: name
        for name, keys in _now(found, known)
        if not name.startswith(_WINDOWS)
        for key in keys.split(",")
    }
    for key, given in commands.items():
        values = {"run": given} if isinstance(given, str) else given
        fault = _fault(key) or _command_fault(values)
        if not fault and (other := taken.get(_named(key))):
            fault = f"is the key of {other}, which can be changed under [keys]"
        if fault:
            what = f"`{key}` {fault}"
            found.problems.append(wrong_value(text, "commands", key, what, FILE_NAME))
            continue
        taken[_named(key)] = f"the command {values['run']}"
        title, token = values.get("title") or values["run"], values.get("token") is True
        found.commands.append(Command(_named(key), values["run"], title, token))


def _leave_out_collisions(text: str, found: OwnKeys, known: Mapping[str, str]) -> None:
    """Take back what gives one key two meanings, until none has."""
    while collision := _collision(found, known):
        name, other, key = collision
        del found.keys[name]
        what = f"`{name}` cannot be {shown_value(key)}, which is the key of {other} there"
        found.problems.append(wrong_value(text, "keys", name, what, FILE_NAME))


def _collision(found: OwnKeys, known: Mapping[str, str]) -> tuple[str, str, str] | None:
    """(a changed key, another of the same name beside it, that name)."""
    now = [(name, keys.split(",")) for name, keys in _now(found, known)]
    for name in found.keys:
        for other, keys in now:
            if other != name and _meet(name, other):
                both = set(keys) & set(found.keys[name].split(","))
                if both:
                    return name, other, min(both)
    return None


def _now(found: OwnKeys, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, keys in known.items():
        yield name, found.keys.get(name, keys)


def _meet(name: str, other: str) -> bool:
    """Whether two keys can be pressed in one place."""
    places = {name.partition(".")[0], other.partition(".")[0]}
    if len(places) == 1:
        return True
    return "list" in places or ("everywhere" in places and not places.intersection(_WINDOWS))


def _flat(keys: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names with their point, whether it is written as TOML's or in quotes."""
    for name, value in keys.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", given) for inner, given in value.items())
        else:
            yield name, value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fault(value: Any) -> str:
    """Why a value cannot be a key, or several; empty where it can."""
    for part in _listed(value) or [None]:
        if not isinstance(part, str):
            return f"must be a key in quotes, or several in brackets, not {shown_value(part)}"
        if _named(part) in _KEPT:
            return f"cannot be {shown_value(part)}, which always leaves"
        if not _named(part):
            near = nearest(part.lower(), NAMED)
            hint = f", but perhaps `{near}`" if near else ""
            return f"cannot be {shown_value(part)}, which is no key{hint}"
    return ""


def _command_fault(values: Any) -> str:
    if not isinstance(values, dict) or not isinstance(values.get("run"), str):
        return 'must say what it runs, as in { run = "python train.py", title = "Train" }'
    for name, value in values.items():
        kind = {"run": str, "title": str, "token": bool}.get(name)
        if kind is None:
            return f"has `{name[:60]}`; known are run, title and token"
        if not isinstance(value, kind):
            words = "true or false" if kind is bool else "text in quotes"
            return f"has a `{name}` that is not {words}"
    return "" if values["run"].strip() else "has nothing to run"


def character_of(name: str) -> str:
    """The character of a key that Textual names by a word; the name, where it is no character."""
    return _CHARACTERS.get(name, name)


def _named(part: str) -> str:
    """A key as Textual names it; empty where there is none such."""
    if len(part) == 1 and part.isprintable():
        return _character_to_key(part)
    name = {"esc": "escape", "return": "enter"}.get(part.lower(), part.lower())
    return name if name in NAMED else ""


_CHARACTERS = {_character_to_key(one): one for one in map(chr, range(ord("!"), ord("~") + 1))}


def _unreadable(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"{FILE_NAME} cannot be read, so all keys are as they were.", cause=str(error)
    )
