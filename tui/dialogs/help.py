"""The help: the keys that apply here first, then all others, and how labelpilot works."""

from __future__ import annotations

from textwrap import wrap

from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.keys import PLACE_TITLES, Place, key_of, keys_of
from tui.text import lines, plain

KEY_WIDTH = 14
WIDTH = 69
ABOUT: dict[Place, str] = {
    "setup": f"Each line is a step from nothing to labeling. {key_of('setup', 'do')} does the "
    f"chosen one, {key_of('setup', 'do_all')} does all that need no answer.",
    "sync": "Label Studio needs one task for each image. A sync makes those that are missing and "
    "proves that none is there twice.",
    "label": "An answer's key stands beside it. A key that is pressed before an image is seen does "
    "not count for it. Each label is on the disk at once, and is sent behind the screen.",
    "export": "What is labeled becomes dataset.json: tag to list of classes. Nothing is written "
    f"before you press {key_of('export', 'write')}.",
    "learning": "Your hooks tell what the model finds hard; the images most like those are asked "
    f"for first. Nothing is published before you press {key_of('learning', 'publish')}.",
}


class HelpDialog(Dialog):
    """The help as seen from `place`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        super().__init__("Help", help_text(place, WIDTH))

    def fitted(self, width: int) -> Content:
        return help_text(self._place, width)


def help_text(place: Place, width: int) -> Content:
    """The help as seen from `place`, in lines of at most `width` cells."""
    parts: list[Content | str] = [ABOUT.get(place, ""), ""]
    order: list[Place] = [place, "everywhere", "list", "form", "dialog", "logs"]
    order += [other for other in PLACE_TITLES if other not in order]
    for one in order:
        parts.append(Content.styled(PLACE_TITLES[one], "bold $primary"))
        for key in keys_of(one):
            face = key.face.replace("/", " ").strip() or "/"
            first, *rest = wrap(key.what, max(20, width - KEY_WIDTH))
            parts.append(Content.styled(f"  {face:<{KEY_WIDTH - 2}}", "bold") + plain(first))
            parts += [" " * KEY_WIDTH + row for row in rest]
        parts.append("")
    parts.append(Content.styled("Beyond this screen", "bold $primary"))
    parts.append(
        f"{key_of('everywhere', 'copy_twin')} copies the command that does the same as a screen. "
        "`labelpilot help` lists what is told at length, such as your own keys and commands."
    )
    return lines(parts)
