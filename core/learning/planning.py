"""A round of active learning, planned: which unlabeled images to ask for next, and why.

A plan is made before anything is written: the user's hooks run, their vectors are checked and
compared, and the images are put into an order. Publishing is another step.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import orjson
from numpy.typing import NDArray

from core.errors import ConfigurationError
from core.images import image_path, tag_of, tags_by_path
from core.learning.hooks.run import run_hooks
from core.learning.ledger import round_folder
from core.learning.orders import Claim, Order
from core.learning.ranking import ORDERS, Options, OrderName, make_pool, rank, without_suspects
from core.learning.search.neighbours import Engine
from core.progress import Progress, Work
from core.studio.project import connect, require_project
from core.tasks.manifest import scan_images
from core.workspace.settings import Workspace

TASKS_AN_EVENT = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """An unlabeled image that is asked for, and the train image because of which.

    `similarity` is a cosine, `rank` how near the image is to the train image (1 is the nearest),
    `control` whether the image was drawn at random; the `train_` fields are None for an order in
    which no train image claims anything.
    """

    tag: str
    task_id: int
    path: Path
    score: float
    train_tag: str | None = None
    train_path: Path | None = None
    train_loss: float | None = None
    similarity: float | None = None
    rank: int | None = None
    control: bool = False


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What a round would publish. `asked` is in the order of labeling, best first.

    `losses` (m,) are those of all train images, `train_tags` theirs; `queries` of them asked for
    neighbours among `candidates` unlabeled images.
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
    train_tags: tuple[str, ...] = field(default=(), repr=False)


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
    random_share: float = 0.0,
    budget: int = 100,
    fresh: bool = False,
    leave_out_suspects: bool = False,
) -> Work[RoundPlan]:
    """Run the hooks and put the unlabeled images into an order. Nothing is written to the server.

    For `nearest-loss`, every train image that has a loss asks for its `neighbours` (None: the
    workspace's number) nearest unlabeled images; with `worst` M only the M of the highest loss do.
    `budget` is about how many images will be labeled before the next training, `random_share` how
    many of them are drawn at random for comparison. What the hooks gave for this model version
    before is used if it still holds, unless `fresh`. With `leave_out_suspects`, labels that are
    likely wrong count for nothing. Raises ConfigurationError for options or a
    workspace that do not fit, LabelpilotError where the hooks fail or what they return does not fit
    the images, StudioRefused and StudioUnreachable.
    """
    began = time.monotonic()
    options = Options(
        budget=budget,
        k=workspace.learning.neighbours if neighbours is None else neighbours,
        claim=_known("claim", claim, get_args(Claim)),
        worst=worst,
        engine=_known("engine", engine, get_args(Engine)),
        scheduler=workspace.learning.scheduler,
        random_share=random_share,
    )
    name: OrderName = _known("order", order, ORDERS)
    _check(model_version, options)
    images = yield from _images(workspace)
    known = set(images) | (yield from _image_tags(workspace))
    folder = round_folder(workspace, model_version)
    hooks = yield from run_hooks(workspace, folder, reuse=not fresh)
    pool = yield from make_pool(
        hooks,
        known,
        tasks=images,
        labeled={tag for tag, image in images.items() if image.labeled},
        classes=read_classes(workspace.annotations.dataset),
        path=folder / "unit.npy",
    )
    trusted = (yield from without_suspects(pool)) if leave_out_suspects else pool
    ranking = yield from rank(name, trusted, options)
    return RoundPlan(
        model_version=model_version,
        order=ranking.order.name,
        engine=ranking.engine,
        reason=ranking.reason,
        recall=ranking.recall,
        queries=ranking.queries,
        candidates=ranking.candidates,
        losses=pool.losses[pool.asking],
        train_tags=tuple(pool.tags[row] for row in pool.asking),
        asked=_asked(ranking.order, images, pool.tags),
        seconds=time.monotonic() - began,
    )


def _known(what: str, given: str, known: Sequence[Any]) -> Any:
    if given not in known:
        raise ConfigurationError(
            f"The {what} {given!r} is not known.", next_step=f"Known: {', '.join(known)}."
        )
    return given


def _check(model_version: str, options: Options) -> None:
    if not model_version.strip() or not model_version.isprintable():
        raise ConfigurationError(
            "A model version needs a name of visible characters.",
            next_step="Give one, such as `--model-version model_v1`.",
        )
    if min(options.k, options.budget, options.worst or 1) < 1:
        raise ConfigurationError("The numbers of neighbours and of images begin at 1.")


def _images(workspace: Workspace) -> Work[dict[str, _Image]]:
    """Tag -> image for every image that is a task. Raises where two images have one tag."""
    folder, rule = workspace.images.path, workspace.images.tag
    labeled: dict[str, bool] = {}
    task_ids: dict[str, int] = {}
    with contextlib.closing(connect(workspace)) as client:
        project = require_project(client, workspace)
        yield Progress("tasks", 0, project.tasks)
        for number, task in enumerate(client.tasks(project.id, project.image_key), start=1):
            path = image_path(task.image, folder)
            # An image that is two tasks is scored as the first, and labeled if either is.
            task_ids.setdefault(path, task.id)
            labeled[path] = labeled.get(path, False) or task.annotations > 0
            if number % TASKS_AN_EVENT == 0:
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


def read_classes(dataset: Path) -> dict[str, list[str]] | None:
    """Tag -> classes, from an export; None where there is none. Raises ConfigurationError."""
    try:
        found = orjson.loads(dataset.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigurationError(
            f"{dataset} cannot be read.",
            cause=str(error),
            next_step="Write it anew: `labelpilot export`.",
        ) from None
    if not isinstance(found, dict) or not all(isinstance(value, list) for value in found.values()):
        raise ConfigurationError(
            f"{dataset} is no dataset: a tag and a list of classes for each image.",
            next_step="Write it anew: `labelpilot export`.",
        )
    return found


def _asked(order: Order, images: dict[str, _Image], tags: Sequence[str]) -> tuple[Asked, ...]:
    asked = []
    for place, (row, score) in enumerate(zip(order.indices, order.scores, strict=True)):
        image = images[tags[row]]
        control = order.control is not None and bool(order.control[place])
        one = Asked(tags[row], image.task_id, image.path, float(score), control=control)
        if order.why is not None and (query := int(order.why.queries[place])) >= 0:
            train = tags[query]
            one = replace(
                one,
                train_tag=train,
                train_path=images[train].path if train in images else None,
                train_loss=float(order.why.losses[place]),
                similarity=float(order.why.similarities[place]),
                rank=int(order.why.ranks[place]),
            )
        asked.append(one)
    return tuple(asked)
