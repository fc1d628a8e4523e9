"""The questions of a first start: where the images are, and which labels they get.

What can be found is found: the folder that holds the images, how many there are of each ending and
in how many folders, and what these folders are called. Nothing is accepted before it is counted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from textual.content import Content
from textual.events import DescendantBlur
from textual.widgets import Checkbox, Input

from core.errors import ConfigurationError
from core.setup.first_look import FirstLook, image_folder, look_into
from core.workspace.settings import Annotations, Images, Project, Workspace
from tui.backend import Backend
from tui.dialogs.form import Field, Form, Tick
from tui.screens.setup.image_count import PAUSE_SECONDS, Newest, asked_place
from tui.text import count, plain, some
from tui.widgets.path_suggester import PathSuggester

CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="labels" toName="image" choice="multiple" showInLine="true">
{choices}
  </Choices>
</View>
"""


class NewWorkspaceForm(Form[bool]):
    """Makes labelpilot.toml, and a labeling config where there is none."""

    def __init__(self, root: Path, backend: Backend) -> None:
        self._root = root
        self._backend = backend
        self._config = root / Project().label_config
        self._has_config = os.path.exists(self._config)
        folders = PathSuggester(root, files=False)
        fields = [
            Field("path", "Images", "", "a folder, or s3://…", suggester=folders),
            Field("recursive", "Subfolders too", False),
        ]
        text = "Where are your images?"
        if not self._has_config:
            fields.append(Field("labels", "Labels", "", "cat, dog, red car"))
            fields.append(Field("classes", "Folder names too", False))
            text = "Where are your images, and which labels can they get? An image can get several."
        super().__init__("A new workspace", fields, text, accept="make it")
        self._finding = Newest[Path | None](self, "image folder", self._found)
        self._counting = Newest[FirstLook](self, "image count", self._counted)
        self._is_finding = True
        self._accepts_soon = False
        # The field of the folder was left while that is being counted.
        self._was_left = False
        # Whether the switch is the user's by now, and what it was set to before that.
        self._switched = self._taken = False
        self._look: FirstLook | None = None

    def on_mount(self) -> None:
        self.hint("path", plain("looking for images …", "$muted"))
        self._finding.ask(image_folder(self._root))
        if not self._has_config:
            self.query_one("#row-classes").display = False
            self.hint("labels", plain("separated by commas; keep or change them later", "$muted"))

    @property
    def holds_keys(self) -> bool:
        """Whether what is being found or counted comes before the next key."""
        return self._is_finding or self._accepts_soon or self._was_left

    # The look

    def _found(self, folder: Path | None) -> None:
        """Take the folder that was found, unless one has been typed meanwhile."""
        self._is_finding = False
        if folder is None or self.text("path"):
            self._count_images()
            return
        field = self.query_one("#path", Input)
        with field.prevent(Input.Changed):
            field.value = _written(self._root, folder)
            field.cursor_position = len(field.value)
        self._count_images()
        if not self._has_config:
            # What could be found need not be typed: the question that is left comes first.
            self.query_one("#labels", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "path":
            self.set_timer(PAUSE_SECONDS, self._count_images)

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        if event.widget.id == "path":
            self._was_left = True
            self._count_images()

    def _count_images(self) -> None:
        place = self.text("path")
        said = asked_place(place)
        if not said and not os.path.isdir(self._folder(place)):
            said = plain("There is no such folder.", "$text-warning")
        if said:
            self._was_left = False
            self._take_subfolders(False)
            self._show(said)
        elif self._look is not None and self._is_counted:
            self._counted(self._look)
        else:
            self.hint("path", plain("counting …", "$muted"))
            self._counting.ask(look_into(self._folder(place)))

    @property
    def _is_counted(self) -> bool:
        """Whether it is known what lies in the folder that the form names."""
        folder = self._folder(self.text("path"))
        return self._look is not None and self._look.folder == folder

    def _counted(self, look: FirstLook) -> None:
        self._look = look
        if not self._is_counted:
            # Another one has been typed meanwhile, and is counted next.
            return
        self._was_left = False
        self._take_subfolders(look.count() > look.count(False))
        self._show(counted_words(look, self.query_one("#recursive", Tick).value))
        if self._accepts_soon:
            self._accepts_soon = False
            super().action_accept()

    def _take_subfolders(self, taken: bool) -> None:
        """Have the switch say what was found, until it is the user's."""
        switch = self.query_one("#recursive", Tick)
        # One that was pressed a moment ago says so by its value only.
        if not self._switched and switch.value == self._taken:
            self._taken = taken
            with switch.prevent(Checkbox.Changed):
                switch.value = taken

    def _show(self, words: Content) -> None:
        """Say what is in the folder, and offer what its folders are called."""
        self.hint("path", words)
        if self._has_config:
            return
        known = self._look.classes if self._look is not None and self._is_counted else {}
        self.query_one("#row-classes").display = bool(known)
        names = [f"{name} {number:,}" for name, number in known.items()]
        self.hint("classes", plain(some(names, 4), "$muted") if known else Content(""))

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        if event.checkbox.id == "recursive":
            self._switched = True
            if self._look is not None and self._is_counted:
                self._show(counted_words(self._look, event.value))

    # What is made of the answers

    def on_input_submitted(self, event: Input.Submitted) -> None:
        empty = next((field for field in self.query(Input) if not field.value.strip()), None)
        place = event.value
        known = "://" in place or os.path.isdir(self._folder(place))
        answered = event.input.id != "path" or known
        if empty is not None and empty is not event.input and answered and not self._takes_classes:
            # Enter goes to the question that is still open before it accepts.
            event.prevent_default()
            event.stop()
            empty.focus()

    @property
    def _takes_classes(self) -> bool:
        return not self._has_config and self.query_one("#classes", Tick).value

    def action_accept(self) -> None:
        place = self.text("path")
        # What was found empty is counted anew: files may have come.
        counted = self._is_counted and self._look is not None and self._look.count() > 0
        if "://" in place or counted or not os.path.isdir(self._folder(place)):
            super().action_accept()
        else:
            self._look, self._accepts_soon = None, True
            self._count_images()

    def accept(self, values: Mapping[str, str | bool]) -> bool:
        place, recursive = str(values["path"]).strip(), bool(values["recursive"])
        labels = self._labels(values)
        if "://" in place:
            changes: dict[str, dict[str, Any]] = {"images": images_at(place)}
        else:
            changes = self._in_a_folder(place, recursive)
        if not self._has_config:
            if not labels:
                raise ConfigurationError("Name at least one label.")
            from core.files import write_at_once
            from core.workspace.consents import may_write

            may_write(Workspace(self._root), self._config)
            write_at_once(self._config, labeling_config(labels).encode())
        self._backend.save(self._root, changes)
        return True

    def _labels(self, values: Mapping[str, str | bool]) -> list[str]:
        """What was typed, and the names of the folders where they are taken too."""
        labels = [part.strip() for part in str(values.get("labels", "")).split(",")]
        if values.get("classes") and self._look is not None:
            labels += self._look.classes
        return list(dict.fromkeys(label for label in labels if label))

    def _in_a_folder(self, place: str, recursive: bool) -> dict[str, dict[str, Any]]:
        """The settings for images in a folder; refused where none is there."""
        from core.studio.environment import document_root

        path = self._folder(place)
        if not place or not os.path.isdir(path):
            raise ConfigurationError(f"There is no folder {place or '(nothing given)'}.")
        look = self._look
        if look is not None and look.whole and not look.count(recursive):
            raise ConfigurationError(
                f"There is nothing to label in {place}: {counted_words(look, recursive).plain}.",
                next_step="Take its subfolders too."
                if look.count()
                else "Name the folder that holds the images: png, jpg, gif, bmp, webp or tif.",
            )
        if path == self._root and recursive:
            raise ConfigurationError(
                "The workspace's own folder cannot be taken with its subfolders, as labelpilot's "
                "lies in it.",
                next_step="Put the images into a folder of their own, and name that.",
            )
        # The annotations go beside the images: Label Studio serves the folder they share.
        beside = path if path == self._root else path.parent
        annotations, dataset = beside / "annotations", beside / "dataset.json"
        made = Workspace(self._root, images=Images(path), annotations=Annotations(annotations))
        document_root(made)
        images: dict[str, Any] = {"path": _written(self._root, path)}
        if recursive:
            images["recursive"] = True
        if look is not None and look.same_name(recursive):
            images["tag"] = "path"
        written = {"path": annotations, "dataset": dataset}
        return {
            "images": images,
            "annotations": {name: _written(self._root, file) for name, file in written.items()},
        }

    def _folder(self, text: str) -> Path:
        return Path(os.path.normpath(self._root / os.path.expanduser(text.strip())))


def counted_words(look: FirstLook, recursive: bool) -> Content:
    """How many images would be taken, of which endings and from how many folders."""
    number = look.count(recursive)
    # The most frequent first; of as many, by name.
    endings = sorted(look.endings(recursive).items(), key=lambda one: (-one[1], one[0]))
    folders, elsewhere = len(look.images), look.count() - number
    if not number:
        other = [f"{ending or 'without ending'} {n:,}" for ending, n in look.others.most_common()]
        text = f"no image, but {elsewhere:,} in subfolders" if elsewhere else "no image"
        if other and not elsewhere:
            text += f" among {count(look.others.total(), 'file')} ({some(other, 4)})"
        return plain(text if look.whole else f"{text}, as far as was looked", "$text-error")
    text = f"{count(number, 'image')}" if look.whole else f"more than {count(number, 'image')}"
    if recursive and folders > 1:
        text += f" in {folders:,} folders"
    text += f" ({some([f'{ending} {n:,}' for ending, n in endings], 5)})"
    if elsewhere:
        text += f"; {elsewhere:,} more in subfolders"
    if same := look.same_name(recursive):
        text += f"; several are called {same}, so each is known by its path"
    return plain(text, "$text-success")


def labeling_config(labels: list[str]) -> str:
    """A labeling config in which each image can get several of `labels`."""
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in labels)
    return CONFIG.format(choices=choices)


def _written(root: Path, path: Path) -> str:
    """`path` as it stands in the workspace file: relative where it lies inside."""
    normal = Path(os.path.normpath(path))
    return str(normal.relative_to(root)) if normal.is_relative_to(root) else str(normal)


def images_at(place: str) -> dict[str, str | None]:
    """What stands under [images] for images in a folder, or in the bucket that a URL names."""
    if "://" in place:
        return {"url": place, "path": None}
    return {"path": place or None, "url": None}


def label_names(labels: tuple[str, ...]) -> Content:
    """The labels of a config, for a hint."""
    return plain(f"{count(len(labels), 'label')}: {some(labels, 8)}" if labels else "no labels")
