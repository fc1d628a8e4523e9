"""The form for what the workspace says: its settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from textual.content import Content
from textual.widgets import Checkbox, Input

from core.errors import LabelpilotError
from core.workspace.settings import Workspace
from tui.backend import Backend
from tui.dialogs.form import Field, Form, whole_number
from tui.screens.setup.image_count import PAUSE_SECONDS, Newest, matching
from tui.screens.setup.new_workspace import images_at, label_names
from tui.text import plain
from tui.widgets.path_suggester import PathSuggester

# Field -> (section, key) of labelpilot.toml.
PLACES: dict[str, tuple[str, str]] = {
    "path": ("images", "path"),
    "pattern": ("images", "pattern"),
    "recursive": ("images", "recursive"),
    "title": ("project", "title"),
    "label_config": ("project", "label_config"),
    "annotations": ("annotations", "path"),
    "dataset": ("annotations", "dataset"),
    "url": ("studio", "url"),
    "hooks": ("learning", "hooks"),
    "python": ("learning", "python"),
    "neighbours": ("learning", "neighbours"),
}


class SettingsForm(Form[bool]):
    """Changes labelpilot.toml; only what was changed is written."""

    def __init__(self, root: Path, workspace: Workspace | None, backend: Backend) -> None:
        self._root = root
        self._backend = backend
        self._before = _values(workspace or Workspace(root))
        value = self._before
        folders, files = PathSuggester(root, files=False), PathSuggester(root, files=True)
        fields = [
            Field("path", "Images", value["path"], "a folder, or s3://…", suggester=folders),
            Field("pattern", "Pattern", value["pattern"]),
            Field("recursive", "Subfolders too", value["recursive"]),
            Field("title", "Project", value["title"]),
            Field("label_config", "Labeling config", value["label_config"], suggester=files),
            Field("annotations", "Annotations", value["annotations"], suggester=folders),
            Field("dataset", "Dataset", value["dataset"], suggester=files),
            Field("url", "Label Studio", value["url"], "labelpilot's own; or http://…"),
            Field("hooks", "Hooks", value["hooks"], suggester=files),
            Field("python", "Python for hooks", value["python"], "found by itself"),
            Field("neighbours", "Neighbours", value["neighbours"]),
        ]
        super().__init__("Settings", fields)
        self._count = Newest[Content](self, "image count", partial(self.hint, "path"))

    def on_mount(self) -> None:
        self._check_config()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id in ("path", "pattern"):
            self.set_timer(PAUSE_SECONDS, self._count_images)
        elif event.input.id == "label_config":
            self._check_config()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        self._count_images()

    def _count_images(self) -> None:
        recursive = bool(self.values["recursive"])
        path, pattern = self.text("path"), self.text("pattern")
        self._count.ask(matching(self._root, path, pattern, recursive))

    def _check_config(self) -> None:
        from core.labeling_config import read_labeling_config

        try:
            config = read_labeling_config(
                self._root / os.path.expanduser(self.text("label_config"))
            )
        except LabelpilotError as error:
            self.hint("label_config", plain(f"{error.message} {error.cause}", "$text-warning"))
        else:
            self.hint("label_config", label_names(config.labels).stylize("$text-success"))

    def accept(self, values: Mapping[str, str | bool]) -> bool:
        changes: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if value == self._before[name]:
                continue
            section, key = PLACES[name]
            if name == "path":
                changes.setdefault("images", {}).update(images_at(str(value)))
                continue
            changes.setdefault(section, {})[key] = _typed(name, value)
        if changes:
            self._backend.save(self._root, changes)
        return bool(changes)


def _typed(name: str, value: str | bool) -> Any:
    if name == "neighbours":
        return whole_number(str(value), "Neighbours")
    # An empty field means that the file does not say, and the default holds.
    return value if value != "" else None


def _values(workspace: Workspace) -> dict[str, str | bool]:
    relative = workspace.relative
    return {
        "path": workspace.images.url or relative(workspace.images.path),
        "pattern": workspace.images.pattern,
        "recursive": workspace.images.recursive,
        "title": workspace.project.title,
        "label_config": relative(workspace.project.label_config),
        "annotations": relative(workspace.annotations.path),
        "dataset": relative(workspace.annotations.dataset),
        "url": workspace.studio.url or "",
        "hooks": relative(workspace.learning.hooks),
        "python": relative(Path(workspace.learning.python)) if workspace.learning.python else "",
        "neighbours": str(workspace.learning.neighbours),
    }
