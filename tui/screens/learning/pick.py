"""Why an image is asked for: the image, and the train image because of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from core.buckets import bucket_url
from tui.dialogs.dialog import Dialog
from tui.text import lines, plain
from tui.widgets.drawing import can_show
from tui.widgets.picture import Picture

if TYPE_CHECKING:
    from pathlib import Path

    from core.learning.rounds.ledger import Pick
    from core.learning.rounds.planning import RoundPlan
    from core.workspace.settings import Workspace


class PickDialog(Dialog):
    """Pick number `row` of the plan beside the image that it is like, with the figures below."""

    def __init__(self, plan: RoundPlan, row: int, workspace: Workspace) -> None:
        pick = plan.picks[row]
        self._path, self._train_path = paths_of(plan, pick)
        text = lines(_about(plan, row, workspace))
        in_bucket = workspace.images.bucket is not None
        self._shows = can_show() and not in_bucket
        copied = _named(workspace, self._path) if in_bucket else str(self._path)
        super().__init__(f"Why {pick.tag}", text, copied=copied)

    def above(self) -> ComposeResult:
        if self._shows:
            with Horizontal(id="pictures"):
                yield Picture(id="picked")
                yield Picture(id="train")

    def on_mount(self) -> None:
        if self._shows:
            self.query_one("#picked", Picture).show(self._path)
            self.query_one("#train", Picture).show(self._train_path)


def paths_of(plan: RoundPlan, pick: Pick) -> tuple[Path, Path | None]:
    """The files of a pick and of its train image; None where there is none, or it is no task."""
    return plan.paths[pick.tag], plan.paths.get(pick.train_tag or "")


def _named(workspace: Workspace, path: Path) -> str:
    """An image as people find it: by its path, or its URL in a bucket."""
    bucket = workspace.images.bucket
    if bucket is None:
        return workspace.relative(path)
    return bucket_url(bucket.type, bucket.name) + str(path.relative_to(workspace.images.path))


def _about(plan: RoundPlan, row: int, workspace: Workspace) -> list[Content | str]:
    pick = plan.picks[row]
    path, train_path = paths_of(plan, pick)
    parts: list[Content | str] = [
        Content.assemble(
            plain(pick.tag, "bold"), f"  number {row + 1:,} of the plan, score {pick.score:.4f}"
        ),
        plain(_named(workspace, path), "$muted"),
    ]
    if workspace.images.bucket is not None:
        parts.append(plain("It lies in a bucket: only Label Studio shows its picture.", "$muted"))
    if pick.train_tag is None:
        return [*parts, "This order asks no train image: the score alone says why."]
    alike = "" if pick.similarity is None else f" by {pick.similarity:.3f}"
    loss = "" if pick.train_loss is None else f", of loss {pick.train_loss:.4f}"
    parts.append(Content.assemble(f"alike{alike}: ", plain(pick.train_tag, "bold"), loss))
    if said := plan.labels.get(pick.train_tag):
        parts.append(Content.assemble("labeled: ", plain(", ".join(said), "bold")))
    if train_path is not None:
        parts.append(plain(_named(workspace, train_path), "$muted"))
    return parts
