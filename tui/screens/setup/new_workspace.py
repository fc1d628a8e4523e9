"""The two questions of a first start: where the images are, and which labels they get."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

from textual.content import Content
from textual.widgets import Input

from core.errors import ConfigurationError
from core.workspace.settings import IMAGE_PATTERN, Project
from tui.backend import Backend
from tui.dialogs.form import Field, Form
from tui.screens.setup.image_count import PAUSE_SECONDS, ImageCount
from tui.text import plain
from tui.widgets.path_suggester import PathSuggester

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
# Folders and files looked at for a first guess: it must not take longer than a blink.
MOST_FOLDERS = 300
MOST_FILES = 50
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
        fields = [
            Field(
                "path",
                "Images",
                image_folder(root),
                "a folder, or s3://…",
                suggester=PathSuggester(root, files=False),
            )
        ]
        text = "Where are your images?"
        if not os.path.exists(self._config):
            fields.append(Field("labels", "Labels", "", "cat, dog, red car"))
            text = "Where are your images, and which labels can they get? Several can go to one."
        super().__init__("A new workspace", fields, text, accept="make it")
        self._image_count = ImageCount(self, lambda text: self.hint("path", text))

    def on_mount(self) -> None:
        if os.path.exists(self._config):
            return
        self.hint("labels", plain("separated by commas; keep or change them later", "$muted"))
        if self.text("path"):
            # What could be guessed need not be typed: the question that is left comes first.
            self.query_one("#labels", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        empty = next((field for field in self.query(Input) if not field.value.strip()), None)
        place = event.value
        known = "://" in place or os.path.isdir(self._folder(place))
        answered = event.input.id != "path" or known
        if empty is not None and empty is not event.input and answered:
            # Enter goes to the question that is still open before it accepts.
            event.prevent_default()
            event.stop()
            empty.focus()

    def _folder(self, text: str) -> Path:
        return self._root / os.path.expanduser(text.strip())

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "path":
            self.set_timer(PAUSE_SECONDS, self._count_images)

    def _count_images(self) -> None:
        self._image_count.count(self._root, self.text("path"), IMAGE_PATTERN, False)

    def accept(self, values: Mapping[str, str | bool]) -> bool:
        labels = [part.strip() for part in str(values.get("labels", "")).split(",")]
        labels = list(dict.fromkeys(label for label in labels if label))
        place = str(values["path"]).strip()
        path = self._folder(place)
        if "://" not in place and (not place or not os.path.isdir(path)):
            raise ConfigurationError(f"There is no folder {place or '(nothing given)'}.")
        if not os.path.exists(self._config):
            if not labels:
                raise ConfigurationError("Name at least one label.")
            from core.files import write_at_once
            from core.workspace.consents import may_write
            from core.workspace.settings import Workspace

            may_write(Workspace(self._root), self._config)
            write_at_once(self._config, labeling_config(labels).encode())
        if "://" in place:
            self._backend.save(self._root, {"images": images_at(place)})
            return True
        # The annotations go beside the images: Label Studio serves the folder they share.
        beside = path.parent
        annotations = {
            "path": _written(self._root, beside / "annotations"),
            "dataset": _written(self._root, beside / "dataset.json"),
        }
        images = {"path": _written(self._root, path)}
        self._backend.save(self._root, {"images": images, "annotations": annotations})
        return True


def labeling_config(labels: list[str]) -> str:
    """A labeling config in which each image can get several of `labels`."""
    choices = "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in labels)
    return CONFIG.format(choices=choices)


def image_folder(root: Path) -> str:
    """The folder below `root` that holds images, for a first guess; empty where none is found."""
    best, most = "", 0
    for folder in _folders(root):
        found = 0
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found += entry.name.lower().endswith(IMAGE_ENDINGS)
                    if found >= MOST_FILES:
                        break
        except OSError:
            continue
        if found > most and folder != root:
            best, most = str(folder.relative_to(root)), found
        if most >= MOST_FILES:
            break
    return best


def _folders(root: Path) -> Iterator[Path]:
    """Folders below `root`, near ones first, without hidden ones and environments."""
    waiting, seen = [root], 0
    while waiting and seen < MOST_FOLDERS:
        folder = waiting.pop(0)
        seen += 1
        yield folder
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    hidden = entry.name.startswith(".") or entry.name in ("node_modules", "venv")
                    if not hidden and entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except OSError:
            continue


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
    return plain(f"{len(labels)} labels: {', '.join(labels[:8])}{' …' if len(labels) > 8 else ''}")
