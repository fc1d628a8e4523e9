"""Every key of the app, in one place: what it does, where, and in what words.

The bindings, the line of keys at the bottom, the help and the palette are all made from `KEYS`, so
that they cannot tell different stories: `DEFAULTS`, whose table is in `labelpilot help keys`, as
the user's own `keys.toml` changes them. Plain letters, digits, enter and escape only: VS Code and
tmux keep most others for themselves. It knows no screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from textual.binding import Binding

from core.errors import ConfigurationError
from tui.own_keys import character_of, is_changeable, own_keys, theme_problem

Place = Literal[
    "everywhere",
    "setup",
    "sync",
    "label",
    "group",
    "export",
    "conflicts",
    "learning",
    "suspects",
    "list",
    "form",
    "dialog",
    "logs",
]

# Around the name in `section('sync')`.
_QUOTED = "(')"

# In each section the key for what comes next, or for the whole of a failure.
MAIN = "enter"

# What changes something, by `Key.id`: off where labelpilot was started for looking only.
CHANGING = frozenset(
    f"{place}.{action}"
    for place, actions in {
        "setup": "do do_all annotate edit server token",
        "sync": "sync full retry",
        "label": "answer submit skip take_back find group again",
        "export": "write rewrite rule report",
        "conflicts": "settle again publish",
        "learning": "plan embed publish share edit undo",
        "suspects": "again publish",
    }.items()
    for action in actions.split()
)

PLACE_TITLES: dict[Place, str] = {
    "everywhere": "Everywhere",
    "setup": "Setup",
    "sync": "Sync",
    "label": "Label",
    "group": "Look-alikes",
    "export": "Export",
    "conflicts": "Conflicts",
    "learning": "Active learning",
    "suspects": "Suspects",
    "list": "In lists and texts",
    "form": "In forms",
    "dialog": "In questions and messages",
    "logs": "Logs",
}


SECTIONS: tuple[Place, ...] = ("setup", "sync", "label", "export", "learning")
# Where a screen's table of actions says what a key does; elsewhere it is Textual's own action.
WITH_ACTIONS: tuple[Place, ...] = (*SECTIONS, "group", "conflicts", "suspects", "dialog")


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `short` is what the line of keys says (empty: it is not shown there), `what` what
    the help says. `action` is its name in the screen's table of actions, or else Textual's."""

    place: Place
    key: str
    action: str
    short: str
    what: str

    @property
    def id(self) -> str:
        """A name that stays when the key is changed: by it `keys.toml` knows the key."""
        name = self.action.removeprefix("app.").replace("command_palette", "palette")
        return f"{self.place}.{name.removeprefix('section').strip(_QUOTED)}"

    @property
    def face(self) -> str:
        """The key as people read it."""
        parts = self.key.split(",")
        return "/".join("esc" if part == "escape" else character_of(part) for part in parts)

    @property
    def binding(self) -> str:
        """Textual's name of what it runs."""
        return f"act('{self.action}')" if self.place in WITH_ACTIONS else self.action


DEFAULTS: tuple[Key, ...] = (
    Key("setup", MAIN, "do", "do it", "Do the chosen step, or read why it failed"),
    Key("setup", "a", "do_all", "do all", "Do every step that needs no answer"),
    Key(
        "setup",
        "d",
        "annotate",
        "label 100 digits",
        "In the example: label 100 digits as they are known",
    ),
    Key("setup", "escape", "stop", "stop", "Stop what is running"),
    Key("setup", "b", "label", "label", "Open the page for labeling, or show its link"),
    Key("setup", "e", "edit", "edit", "Change the workspace's settings"),
    Key("setup", "i", "invite", "invite", "Show the link with which a colleague signs up"),
    Key("setup", "r", "refresh", "look again", "Look at every step again"),
    Key("setup", "s", "server", "server", "Start our Label Studio, or stop it"),
    Key("setup", "t", "token", "token", "Store the access token, or choose where it is kept"),
    Key("sync", MAIN, "sync", "sync", "Make a task of each image, or read why it failed"),
    Key("sync", "f", "full", "full", "Sync with every image listed again, whatever is known"),
    Key("sync", "r", "retry", "retry", "Go on from where the last sync stopped"),
    Key("sync", "escape", "stop", "stop waiting", "Stop waiting for the sync"),
    Key("sync", "d", "repair", "doubled", "See images that are several tasks, and fix that"),
    Key("sync", "t", "tidy", "gone", "See tasks whose image is gone, and remove the unlabeled"),
    Key("sync", "b", "label", "label", "Open the page for labeling, or show its link"),
    Key("label", "1-9", "answer", "", "Give the answer that the key stands beside, or not"),
    Key("label", "space,enter", "submit", "submit", "Submit the label, and go on"),
    Key("label", "x", "skip", "skip", "Skip the image"),
    Key("label", "z", "take_back", "undo", "Take the last label or skip back"),
    Key("label", "slash", "find", "find", "Give an answer by a part of its words"),
    Key("label", "g", "group", "alike", "Label the images that look alike together"),
    Key("label", "o", "open", "browser", "Open this image in the browser"),
    Key("label", "A", "again", "", "Give second opinions, where rounds ask for them"),
    Key("label", "escape", "close", "back", "Back to the section before"),
    Key("group", "left", "left", "", "To the image before"),
    Key("group", "right", "right", "", "To the next image"),
    Key("group", "up", "up", "", "Up"),
    Key("group", "down", "down", "", "Down"),
    Key("group", MAIN, "mark", "unmark", "Take the image out, or in again"),
    Key("group", "space", "submit", "label the marked", "Label the marked ones with the answers"),
    Key("group", "escape", "close", "back", "Back to one image at a time"),
    Key("export", MAIN, "write", "write", "Write the dataset, or read why that failed"),
    Key("export", "w", "rewrite", "fill folder", "Have Label Studio write what the folder lacks"),
    Key("export", "c", "rule", "rule", "Change what counts where labelers disagree"),
    Key("export", "r", "refresh", "look again", "Read the annotations again"),
    Key("export", "d", "details", "left out", "See every file that was left out, and conflicts"),
    Key(
        "export",
        "s",
        "conflicts",
        "conflicts",
        "See where people differ, and settle it",
    ),
    Key("export", "h", "report", "report", "Write the state of the dataset as a page, and open it"),
    Key("export", "b", "label", "label", "Open the page for labeling, or show its link"),
    Key("export", "escape", "stop", "stop", "Stop reading"),
    Key("conflicts", MAIN, "settle", "it is right", "Have this answer count, or take that back"),
    Key(
        "conflicts", "l", "again", "label again", "Look at those not settled, and label them again"
    ),
    Key("conflicts", "p", "publish", "as a tab", "Make a tab of what is not settled, and open it"),
    Key("conflicts", "c", "copy", "copy", "Copy who said what"),
    Key("conflicts", "escape,q", "close", "close", "Back to the export"),
    Key("learning", MAIN, "plan", "plan", "Run the hooks and choose images; publishes nothing"),
    Key("learning", "m", "embed", "", "Make embeddings of all images, without a model"),
    Key("learning", "p", "publish", "publish", "Publish the plan to Label Studio"),
    Key("learning", "b", "label", "label", "Open the page that shows the images in this order"),
    Key("learning", "i", "share", "share", "Share the order among people, and see their links"),
    Key("learning", "e", "edit", "edit", "Change model version, order and neighbours"),
    Key("learning", "o", "orders", "orders", "See which order pays, replayed on your labels"),
    Key("learning", "s", "suspects", "suspects", "See labels that are likely wrong"),
    Key("learning", "f", "forecast", "", "See what the next 100 labels would bring"),
    Key("learning", "u", "undo", "undo", "Take a published model version back"),
    Key("learning", "r", "refresh", "look again", "Look again, and forget a failure"),
    Key("learning", "h", "history", "history", "See the rounds so far, and what came of them"),
    Key("learning", "slash", "filter", "filter", "Show only images that hold a text"),
    Key("learning", "escape", "stop", "stop", "Stop the hooks or the search"),
    Key("suspects", "space", "mark", "mark", "Mark the label, or not"),
    Key("suspects", "l", "again", "label again", "Label those that are marked again, or all"),
    Key("suspects", "p", "publish", "as a tab", "Make a tab of those marked, or all, and open it"),
    Key("suspects", "c", "copy", "copy", "Copy their tags"),
    Key("suspects", "enter,y", "accept", "close", "Close"),
    Key("suspects", "escape,n", "cancel", "close", "Close"),
    Key("everywhere", "1", "section('setup')", "", "Setup: the steps from nothing to labeling"),
    Key("everywhere", "2", "section('sync')", "", "Sync: images to tasks"),
    Key("everywhere", "3", "section('label')", "", "Label: one image after the other"),
    Key("everywhere", "4", "section('export')", "", "Export: annotations to dataset.json"),
    Key("everywhere", "5", "section('learning')", "", "Active learning: what to label next"),
    Key("everywhere", "L", "logs", "logs", "Logs: ours and the server's"),
    Key("everywhere", "colon", "command_palette", "more", "Everything that can be done now"),
    Key("everywhere", "y", "copy_twin", "", "Copy the command that does the same"),
    Key("everywhere", "question_mark", "help", "help", "This help"),
    Key("everywhere", "q", "leave", "", "Leave; the server keeps running"),
    Key("list", "j,down", "cursor_down", "", "Down"),
    Key("list", "k,up", "cursor_up", "", "Up"),
    Key("list", "g,home", "first", "", "To the first"),
    Key("list", "G,end", "last", "", "To the last"),
    Key("form", "enter", "accept", "save", "Accept the form"),
    Key("form", "escape", "cancel", "cancel", "Leave the form; nothing is changed"),
    Key("form", "right", "", "", "Take the path that is suggested"),
    Key("form", "down", "app.focus_next", "", "To the next field (tab too)"),
    Key("form", "up", "app.focus_previous", "", "To the field before"),
    Key("dialog", "enter,y", "accept", "yes", "Yes, or close"),
    Key("dialog", "escape,n", "cancel", "no", "No, or close"),
    Key("dialog", "c", "copy", "copy", "Copy the text"),
    Key("dialog", "p", "reveal", "show password", "Show or hide the password to sign in with"),
    Key("logs", "tab", "other", "other log", "Ours, or the server's"),
    Key("logs", "slash", "filter", "filter", "Show only lines that hold a text"),
    Key("logs", "c", "copy", "copy", "Copy the log"),
    Key("logs", "escape,q,L", "cancel", "close", "Close"),
)


OWN = own_keys({key.id: key.key for key in DEFAULTS})
KEYS: tuple[Key, ...] = (
    *(replace(key, key=OWN.keys.get(key.id, key.key)) for key in DEFAULTS),
    *(
        Key("everywhere", one.key, f"command({number})", one.title, f"Run {one.run}")
        for number, one in enumerate(OWN.commands)
    ),
)


def keys_of(*places: Place) -> Iterator[Key]:
    """The keys of `places`, in the registry's order."""
    return (key for key in KEYS if key.place in places)


def key_of(place: Place, action: str) -> str:
    """The key of an action, as prose names it."""
    return next(key.face.split("/")[0] or "/" for key in keys_of(place) if key.action == action)


def raw_key(id: str) -> str:
    """The key of this `Key.id`, as Textual names it."""
    return next(key.key for key in KEYS if key.id == id)


def own_problems(themes: Iterable[str]) -> list[ConfigurationError]:
    """What of the user's `keys.toml` was left out, where there are these themes."""
    theme = [] if OWN.theme in ("", *themes) else [theme_problem(OWN, list(themes))]
    return [*OWN.problems, *theme]


def section_key(section: Place) -> str:
    """The key that leads to a section, as prose names it."""
    return key_of("everywhere", f"section('{section}')")


def bindings(*places: Place) -> list[Binding]:
    """Textual's bindings for the keys of `places`. The line of keys is ours, so none is shown."""
    return [
        Binding(key.key, key.binding, key.short or key.what, show=False, tooltip=key.what)
        for key in keys_of(*places)
        # The palette is bound by Textual, and completing a path by the field itself.
        if key.action not in ("command_palette", "")
    ]


def markdown_table() -> str:
    """The table of keys in `tui/help/keys.md`."""
    lines = ["| where | key | does | in `keys.toml` |", "|---|---|---|---|"]
    for place, title in PLACE_TITLES.items():
        for key in (key for key in DEFAULTS if key.place == place):
            face = " ".join(f"`{part}`" for part in key.face.split("/") if part) or "`/`"
            name = f"`{key.id}`" if is_changeable(key.id) else ""
            lines.append(f"| {title} | {face} | {key.what} | {name} |")
    return "\n".join(lines) + "\n"
