"""What a change of classes replaces, noted before it is replaced: so it goes on where it was cut
off, and can be taken back.

Each change is a folder below `.labelpilot/classes`, numbered: what is asked for and how far it is,
the labeling configs as they were, and a line for each annotation, draft, prediction and file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from core.dataset.classes.renaming import Renaming, read_renaming
from core.dataset.dataset import sidecar_path
from core.errors import LabelpilotError
from core.files import write_at_once
from core.own_files import make_own, open_own, read_own, refuse_links
from core.studio.models import RemoteProject
from core.workspace.settings import Workspace

# How far a change is: begun, done, being taken back, taken back.
Stage = Literal["begun", "done", "leaving", "left"]
# Of what a line speaks: by Label Studio's own words, or the name of a file.
Key = tuple[str, "int | str"]

_RECORD = "change.json"
_NOTES = {"begun": "noted.jsonl", "leaving": "noted-again.jsonl"}
# What is kept of the dataset, whatever it is called.
DATASET, SIDECAR = "dataset.json", "dataset.meta.json"


@dataclass(frozen=True, slots=True)
class Noted:
    """What something said before a change, in its results; `kind` and `id` say what, and `task` is
    its task, or 0 of a file."""

    kind: str
    id: int | str
    task: int
    before: list[Any]

    @property
    def key(self) -> Key:
        return (self.kind, self.id)


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One change. `asked` is what somebody asked for, in their words (old -> new); `project` is its
    number and when the server made it; `server_config` and
    `file_config` are the labeling configs as they were (None: there is no such file); `files`
    counts the label files that held an old name; `images` counts those of the dataset that have
    another name since, and `written` is the hash of that dataset."""

    folder: Path
    asked: tuple[tuple[str, str], ...]
    renaming: Renaming
    stage: Stage
    project: tuple[int, str]
    server_config: str
    file_config: str | None
    files: int
    images: int = 0
    written: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it was cut off on its way, there or back."""
        return self.stage in ("begun", "leaving")

    def kept(self, name: str) -> bytes:
        """What a file beside it held before: the dataset, or what says how that was made; empty
        where there was none."""
        try:
            return read_own(self.folder / name)
        except FileNotFoundError:
            return b""

    def note(self, notes: Iterable[Noted]) -> None:
        """Write down what is about to be replaced. Raises LabelpilotError if the disk refuses."""
        try:
            with open_own(self.folder / _NOTES[self.stage], "ab") as file:
                # After a line that was cut off a new one begins.
                file.write("".join(f"\n{json.dumps(asdict(note))}" for note in notes).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LabelpilotError(
                "What stands there could not be noted, so nothing more was changed.",
                cause=error.strerror or str(error),
                next_step="Make room, and run it again: it goes on from there.",
            ) from None

    def notes(self, stage: Stage = "begun") -> Iterator[Noted]:
        """What was noted on the way there, or back; of what was noted twice, the first holds."""
        seen = set[Key]()
        try:
            lines = read_own(self.folder / _NOTES[stage]).splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                noted = Noted(**json.loads(line))
            except (ValueError, TypeError):
                continue
            if noted.key not in seen:
                seen.add(noted.key)
                yield noted

    def save(self) -> ClassChange:
        """Write its record, and return it."""
        content = {
            "asked": self.asked,
            "renaming": self.renaming.as_json(),
            "stage": self.stage,
            "project": self.project,
            "server_config": self.server_config,
            "file_config": self.file_config,
            "files": self.files,
            "images": self.images,
            "written": self.written,
        }
        write_at_once(self.folder / _RECORD, orjson.dumps(content), mode=0o600)
        return self

    def at(self, stage: Stage) -> ClassChange:
        """The same at another stage, which is written down."""
        return self if stage == self.stage else replace(self, stage=stage).save()


def last_change(workspace: Workspace, project: RemoteProject) -> ClassChange | None:
    """The last change of the project's classes that was not taken back; None without one."""
    for number in sorted(_numbers(workspace), reverse=True):
        change = _read(_folder(workspace, number))
        ours = change is not None and change.project == (project.id, project.created)
        if change is not None and ours and change.stage != "left":
            return change
    return None


def begin_change(
    workspace: Workspace,
    project: RemoteProject,
    asked: Sequence[tuple[str, str]],
    renaming: Renaming,
    *,
    file_config: str | None,
    files: int,
) -> ClassChange:
    """Write down a new change, of which nothing is done yet."""
    workspace.state.make()
    folder = make_own(_folder(workspace, max(_numbers(workspace), default=0) + 1))
    dataset = workspace.annotations.dataset
    for name, file in ((DATASET, dataset), (SIDECAR, sidecar_path(dataset))):
        if file.is_file():
            write_at_once(folder / name, file.read_bytes(), mode=0o600)
    return ClassChange(
        folder,
        tuple(asked),
        renaming,
        "begun",
        (project.id, project.created),
        project.label_config,
        file_config,
        files,
    ).save()


def _numbers(workspace: Workspace) -> list[int]:
    folders = workspace.state.classes.glob("*")
    return [int(one.name) for one in folders if re.fullmatch(r"\d{4,9}", one.name)]


def _folder(workspace: Workspace, number: int) -> Path:
    return refuse_links(workspace.state.classes / f"{number:04d}")


def _read(folder: Path) -> ClassChange | None:
    """The change in a folder. Raises LabelpilotError for a damaged one; None where one was cut off
    before it had changed anything."""
    try:
        stored = orjson.loads(read_own(folder / _RECORD))
        number, created = stored.pop("project")
        renaming = read_renaming(stored.pop("renaming"))
        asked = tuple((old, new) for old, new in stored.pop("asked"))
        return ClassChange(folder, asked, renaming, project=(int(number), str(created)), **stored)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LabelpilotError(
            f"The record of a change of classes in {folder} cannot be read.", cause=str(error)
        ) from None
