"""The two labeling configs that name the classes: the project's, and the workspace's file.

Annotations that name a class which the project does not offer are shown without it, and saved
without it. So the project offers both names while anything has the old one.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from core.dataset.classes.config_text import renamed, widened
from core.dataset.classes.journal import ClassChange
from core.dataset.classes.renaming import Renaming
from core.errors import ConfigurationError, LabelpilotError
from core.files import read_at_most, write_at_once
from core.labeling_config import MAX_BYTES, parse_labeling_config, same_text
from core.studio.identity import remember
from core.studio.project import OpenProject
from core.workspace.consents import may_write
from core.workspace.settings import Workspace

Make = Callable[[str, Renaming], str]


def as_it_was(text: str, renaming: Renaming) -> str:
    """The text without any change."""
    return text


def widen_project_config(opened: OpenProject, change: ClassChange, end: Make) -> None:
    """Have the project offer the old names and the new ones, unless it has what `end` makes
    already: then it was cut off after that."""
    now = opened.client.project(opened.id).label_config
    if not same_text(now, end(change.server_config, change.renaming)):
        put_project_config(opened, change, widened)


def put_project_config(opened: OpenProject, change: ClassChange, make: Make) -> None:
    """Give the project the labeling config that `make` makes of the one before the change.

    Of one that somebody else changed since, it is made anew. Raises ConfigurationError where that
    cannot be, as when something is taken back.
    """
    client = opened.client
    now = client.project(opened.id).label_config
    base = _base(now, change.server_config, change, "The project's labeling config")
    text = make(base, change.renaming)
    if not same_text(now, text):
        client.update_project(opened.id, {"label_config": text})


def put_file_config(opened: OpenProject, change: ClassChange, make: Make) -> None:
    """The same for the workspace's file."""
    workspace, file = opened.workspace, opened.workspace.project.label_config
    now = read_file_config(workspace)
    if now is None or change.file_config is None:
        return
    text = make(_base(now, change.file_config, change, str(file)), change.renaming)
    if text != now:
        may_write(workspace, file)
        content = text.encode()
        write_at_once(file, codecs.BOM_UTF8 + content if _has_mark(workspace) else content)
    project = opened.client.project(opened.id)
    if same_text(project.label_config, text):
        remember(workspace, project, config=project.label_config)


def read_file_config(workspace: Workspace) -> str | None:
    """The text of the workspace's labeling config; None where it cannot be read as one."""
    try:
        content = _content(workspace).decode("utf-8-sig")
        return parse_labeling_config(content).text
    except (LabelpilotError, UnicodeDecodeError):
        return None


def _content(workspace: Workspace) -> bytes:
    return read_at_most(workspace.project.label_config, MAX_BYTES, "The labeling config")


def _has_mark(workspace: Workspace) -> bool:
    return _content(workspace).startswith(codecs.BOM_UTF8)


def _base(now: str, before: str, change: ClassChange, name: str) -> str:
    """What is to be changed: the text before the change, if `now` it is one of its stages."""
    stages = (before, widened(before, change.renaming), renamed(before, change.renaming))
    if any(same_text(now, one) for one in stages):
        return before
    if change.stage != "leaving":
        return now
    raise ConfigurationError(
        f"{name} was changed since, so it cannot be taken back to what it was.",
        next_step="Take back that change, or rename the class to what it was called.",
    )
