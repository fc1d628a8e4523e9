"""A round of active learning, planned: which unlabeled images to ask for next, and why.

A plan is made before anything is written: the user's hooks run, their vectors are checked and
compared, and the images are put into an order. Publishing is another step.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError
from core.learning.embeddings import check_tags, unit_vectors
from core.learning.hooks import Hooks, run_hooks
from core.learning.neighbours import Engine, find_neighbours
from core.learning.orders import Claim, Order, nearest_loss
from core.learning.orders import worst as worst_rows
from core.progress import Progress, Work
from core.studio.lookup import connect, require_project
from core.tags import image_path, tag_of, tags_by_path
from core.tasks.manifest import scan_images
from core.tasks.sync import image_key
from core.workspace import Workspace

ORDERS = ("nearest-loss",)
CLAIMS: tuple[Claim, ...] = ("highest", "nearest", "lowest")
ENGINES: tuple[Engine, ...] = ("auto", "exact", "annoy")


@dataclass(frozen=True, slots=True)
class Asked:
    """An unlabeled image that is asked for, and the train image because of which.

    `similarity` is a cosine; the `train_` fields are None for an order in which no train image
    claims anything.
    """

    tag: str
    task_id: int
    path: Path
    score: float
    train_tag: str | None = None
    train_path: Path | None = None
    train_loss: float | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What a round would publish. `asked` is in the order of labeling, best first.

    `losses` (m,) are those of all train images; `queries` of them asked for neighbours among
    `candidates` unlabeled images.
    """

    model_version: str
    order: str
    engine: str
    reason: str
    recall: float
    queries: int
    candidates: int
    losses: NDArray[np.float64] = field(repr=False)
    asked: tuple[Asked, ...] = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class _Image:
    """An image that is a task. `labeled`: it has an annotation in Label Studio."""

    path: Path
    task_id: int
    labeled: bool


def plan_round(
    workspace: Workspace,
    model_version: str,
    *,
    order: str = "nearest-loss",
    claim: str = "highest",
    neighbours: int | None = None,
    worst: int | None = None,
    engine: str = "auto",
) -> Work[RoundPlan]:
    """Run the hooks and put the unlabeled images into an order. Nothing is written to the server.

    Every train image that has a loss asks for its `neighbours` (None: the workspace's number)
    nearest unlabeled images; with `worst` M only the M of the highest loss do. Raises
    ConfigurationError for options or a workspace that do not fit, LabelpilotError where the hooks
    fail or what they return does not fit the images, StudioRefused and StudioUnreachable.
    """
    began = time.monotonic()
    k = workspace.learning.neighbours if neighbours is None else neighbours
    _check_options(model_version, order, claim, engine, k, worst)
    images = yield from _images(workspace)
    folder = round_folder(workspace, model_version)
    hooks = yield from run_hooks(workspace, folder)
    tags, losses = hooks.embeddings.tags, hooks.losses
    known = set(images) | (yield from _image_tags(workspace))
    check_tags(tags, known, losses, hooks.labeled or ())
    vectors = yield from unit_vectors(hooks.embeddings, folder / "unit.npy")
    allowed = np.array([_is_candidate(tag, images, hooks) for tag in tags], np.bool_)
    row = {tag: number for number, tag in enumerate(tags)}
    train_tags = np.array(list(losses), np.object_)
    train_losses = np.array(list(losses.values()), np.float64)
    asking = worst_rows(train_losses, worst)
    queries = np.asarray(vectors[[row[tag] for tag in train_tags[asking]]], np.float32)
    found = yield from find_neighbours(queries, vectors, k, _engine(engine), allowed=allowed)
    ordered = nearest_loss(train_losses[asking], found, _claim(claim))
    return RoundPlan(
        model_version=model_version,
        order=ordered.name,
        engine=found.engine,
        reason=found.reason,
        recall=found.recall,
        queries=len(asking),
        candidates=int(np.count_nonzero(allowed)),
        losses=train_losses,
        asked=_asked(ordered, images, tags, list(train_tags[asking])),
        seconds=time.monotonic() - began,
    )


def round_folder(workspace: Workspace, model_version: str) -> Path:
    """The folder of a round. A model version is any text, so its name is made safe and unique."""
    digest = hashlib.sha256(model_version.encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", model_version)[:40]
    workspace.make_folder()
    return workspace.rounds / f"{name}-{digest}"


def _check_options(
    model_version: str, order: str, claim: str, engine: str, k: int, worst: int | None
) -> None:
    if not model_version.strip() or not model_version.isprintable():
        raise ConfigurationError(
            "A model version needs a name of visible characters.",
            next_step="Give one, such as `--model-version model_v1`.",
        )
    for what, given, known in (
        ("order", order, ORDERS),
        ("claim", claim, CLAIMS),
        ("engine", engine, ENGINES),
    ):
        if given not in known:
            raise ConfigurationError(
                f"The {what} {given!r} is not known.", next_step=f"Known: {', '.join(known)}."
            )
    if k < 1 or (worst is not None and worst < 1):
        raise ConfigurationError("The numbers of neighbours and of worst images begin at 1.")


def _engine(name: str) -> Engine:
    return next(engine for engine in ENGINES if engine == name)


def _claim(name: str) -> Claim:
    return next(claim for claim in CLAIMS if claim == name)


def _images(workspace: Workspace) -> Work[dict[str, _Image]]:
    """Tag -> image for every image that is a task. Raises where two images have one tag."""
    folder, rule = workspace.images.path, workspace.images.tag
    labeled: dict[str, bool] = {}
    task_ids: dict[str, int] = {}
    with contextlib.closing(connect(workspace)) as client:
        project = require_project(client, workspace)
        yield Progress("tasks", 0, project.tasks)
        for number, task in enumerate(client.tasks(project.id, image_key(project)), start=1):
            path = image_path(task.image, folder)
            # An image that is two tasks is scored as the first, and labeled if either is.
            task_ids.setdefault(path, task.id)
            labeled[path] = labeled.get(path, False) or task.annotations > 0
            if number % 2000 == 0:
                yield Progress("tasks", number, project.tasks)
    if not task_ids:
        raise ConfigurationError(
            "The project has no tasks yet.", next_step="Run `labelpilot sync`."
        )
    return {
        tag: _Image(folder / path, task_ids[path], labeled[path])
        for tag, path in tags_by_path(task_ids, rule).items()
    }


def _image_tags(workspace: Workspace) -> Work[set[str]]:
    """The tags of the image folder: an image that is no task yet is not an unknown one."""
    manifest = yield from scan_images(workspace.images)
    return {tag_of(path, workspace.images.tag) for path in manifest.paths}


def _is_candidate(tag: str, images: dict[str, _Image], hooks: Hooks) -> bool:
    """Whether an image can be asked for: a task, not labeled there or by the hooks' account."""
    image = images.get(tag)
    if image is None or image.labeled or tag in hooks.losses:
        return False
    return hooks.labeled is None or tag not in hooks.labeled


def _asked(
    order: Order, images: dict[str, _Image], tags: Sequence[str], train_tags: list[str]
) -> tuple[Asked, ...]:
    asked = []
    for place, (index, score) in enumerate(zip(order.indices, order.scores, strict=True)):
        image = images[tags[index]]
        because: dict[str, object] = {}
        if order.why is not None and (query := int(order.why.queries[place])) >= 0:
            train = train_tags[query]
            because = {
                "train_tag": train,
                "train_path": images[train].path if train in images else None,
                "train_loss": float(order.why.losses[place]),
                "similarity": float(order.why.similarities[place]),
            }
        asked.append(
            Asked(tags[index], image.task_id, image.path, float(score), **because)  # type: ignore[arg-type]
        )
    return tuple(asked)
