"""Labeling: the image to be labeled now, those after it, and the labels on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.labeling.questionnaire import Answers, Questionnaire
from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class LabelItem:
    """An image to be labeled.

    `path` is its file, where it lies on this machine; `url` is its address as its task holds it.
    `annotation` is the number of the annotation that is to be changed, where it is labeled again;
    `suggestion` are the answers that are ticked at first; `note` is a sentence on why it is shown.
    """

    task_id: int
    tag: str
    path: Path | None
    url: str
    annotation: int | None = None
    suggestion: Answers | None = None
    note: str = ""


class LabelSession:
    """What a face asks and tells while somebody labels. No call waits for the network.

    `questionnaire` is what the project asks of each image.
    """

    questionnaire: Questionnaire

    def __init__(self, workspace: Workspace, again: Sequence[LabelItem] = ()) -> None:
        """`again`: label these images, and not those of the label stream."""
        raise NotImplementedError

    def ahead(self, count: int) -> Sequence[LabelItem]:
        """The image to be labeled now, then those after it; fewer where they are not known yet."""
        raise NotImplementedError

    @property
    def at_end(self) -> bool:
        """Whether there is no image left to be labeled."""
        raise NotImplementedError

    def submit(self, item: LabelItem, answers: Answers, lead_time: float) -> None:
        """Label an image: the label is on the disk when this returns, and is sent behind it."""
        raise NotImplementedError

    def skip(self, item: LabelItem, lead_time: float = 0.0) -> None:
        """Skip an image as Label Studio's page does."""
        raise NotImplementedError

    def take_back(self) -> LabelItem | None:
        """Take the last label or skip back, also one of a former session; None where there is none.

        Its image is the one to be labeled now.
        """
        raise NotImplementedError

    @property
    def on_their_way(self) -> int:
        """How many labels are on the disk and not known to have arrived."""
        raise NotImplementedError

    @property
    def done_by_me(self) -> int:
        """How many images were labeled in this session."""
        raise NotImplementedError

    @property
    def failed(self) -> tuple[str, ...]:
        """What went wrong, in sentences: a label that was refused, a server that is gone."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back the images that are held; labels on their way stay on the disk."""
        raise NotImplementedError
