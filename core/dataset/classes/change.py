"""Classes called otherwise, everywhere at once: in the project's labeling config, its annotations,
drafts and predictions, in the workspace's labeling config, label files and dataset.

The project offers both names first, then everything is changed, then it offers the new one alone.
What is replaced is noted before. Cut off anywhere, the same asked again goes on; and it can be
taken back, which can be cut off and goes on too.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.dataset.classes.config_text import offered, renamed, widened
from core.dataset.classes.configs import (
    as_it_was,
    put_file_config,
    put_project_config,
    read_file_config,
    widen_project_config,
)
from core.dataset.classes.files import renamed_dataset
from core.dataset.classes.journal import DATASET, SIDECAR, ClassChange, begin_change
from core.dataset.classes.plan import ClassPlan, Counts, noted_counts
from core.dataset.classes.sweep import Sweep, sweep_files, sweep_server
from core.dataset.dataset import sidecar_path
from core.dataset.results import refuse_begun_changes
from core.files import sha256_of, write_at_once
from core.labeling_config import parse_labeling_config
from core.progress import Work
from core.studio.project import OpenProject
from core.words import count
from core.workspace.consents import may_write
from core.workspace.locks import only_one
from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class ClassResult:
    """What a change did, and what it proved.

    `counts` is what was changed. `holding` annotations have one of the new names now; none has an
    old one, as nothing on the server has. `lost` of those that were changed are gone since, or were
    changed by somebody. `images` are those of the dataset that are called otherwise.
    """

    counts: Counts
    images: int
    holding: int
    lost: int
    back: bool
    remarks: tuple[str, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return asdict(self.counts) | {
            "images": self.images,
            "holding": self.holding,
            "lost": self.lost,
            "changed": True,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        done = "taken back in" if self.back else "changed in"
        images = f"{count(self.images, 'image')} of the dataset"
        text = f"{done} {self.counts.in_words(images)}"
        if not self.back:
            text += f"; the old name is in none, the new one in {count(self.holding, 'annotation')}"
        return f"{text[0].upper()}{text[1:]}, {self.seconds:.1f} s"


def change_classes(opened: OpenProject, plan: ClassPlan) -> Work[ClassResult]:
    """Do what a plan says, and prove it.

    Raises ConfigurationError where it cannot be done, Busy where another labelpilot does the same,
    PartlyDone where somebody goes on submitting the old name, and what Label Studio refuses.
    """
    began = time.monotonic()
    workspace, client = opened.workspace, opened.client
    may_write(workspace, workspace.annotations.path)
    may_write(workspace, workspace.annotations.dataset)
    may_write(workspace, workspace.project.label_config)
    with only_one(workspace, "classes"):
        many = client.changes_many(opened.id)
        if not many:
            refuse_begun_changes(opened)
        change = plan.begun or begin_change(
            workspace,
            client.project(opened.id),
            plan.asked,
            plan.renaming,
            file_config=read_file_config(workspace),
            files=plan.counts.files,
        )
        if plan.back:
            change = change.at("leaving")
        known = frozenset(one.parts for one in offered(change.server_config, plan.renaming.control))
        sweep = Sweep(change, known)
        widen_project_config(opened, change, as_it_was if plan.back else renamed)
        if change.renaming.is_circular:
            # The server writes the files of its own annotations anew, in which the new names would
            # be taken for old ones afterwards.
            yield from sweep_files(workspace, sweep)
        yield from sweep_server(opened, sweep, many=many)
        # What somebody has named since has to stay, where nothing stood for it before.
        last = renamed if not plan.back else widened if sweep.stray else as_it_was
        put_project_config(opened, change, last)
        # Once more, for whoever submitted meanwhile.
        yield from sweep_server(opened, sweep, many=many)
        if not change.renaming.is_circular:
            yield from sweep_files(workspace, sweep)
        put_file_config(opened, change, last)
        change, remarks = _put_dataset(workspace, change)
        change = change.at("left" if plan.back else "done")
        counts = noted_counts(change)
        noted = {int(one.id) for one in change.notes() if one.kind == "annotations"}
    if plan.back and sweep.stray:
        names = ", ".join(sorted(" ".join(parts) for parts in sweep.stray))
        remarks.append(f"Annotations made since are called {names}, and stay so.")
    return ClassResult(
        counts=counts,
        images=change.images,
        holding=len(sweep.holding),
        lost=0 if plan.back else len(noted - sweep.holding),
        back=plan.back,
        remarks=tuple(remarks),
        seconds=time.monotonic() - began,
    )


def _put_dataset(workspace: Workspace, change: ClassChange) -> tuple[ClassChange, list[str]]:
    """Change the dataset, or take that back; returns what is noted of it, and remarks."""
    dataset, kept = workspace.annotations.dataset, change.kept(DATASET)
    if not dataset.is_file():
        return change, []
    is_old, is_new = dataset.read_bytes() == kept, sha256_of(dataset) == change.written
    anew = f"{workspace.relative(dataset)} was written since: `labelpilot export` writes it again."
    if change.stage == "leaving":
        if is_new:
            write_at_once(dataset, kept)
            if facts := change.kept(SIDECAR):
                write_at_once(sidecar_path(dataset), facts)
        return change, [] if is_new or is_old else [anew]
    if is_new or (change.renaming.is_circular and not is_old):
        return change, [] if is_new else [anew]
    before = parse_labeling_config(change.server_config)
    after = parse_labeling_config(renamed(change.server_config, change.renaming))
    new = renamed_dataset(dataset, before, after, change.renaming)
    if not new.images:
        return change, []
    noted = replace(change, images=new.images, written=new.facts["sha256"] if is_old else "")
    if noted != change:
        noted.save()
    new.write(dataset)
    return noted, []
