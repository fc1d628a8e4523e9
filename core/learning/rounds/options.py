"""What a round of active learning can be asked for: its options, their names and their words.

The one place that knows them: the command line's options, the app's form and the plan are made
from here. It computes nothing, so it imports neither numpy nor anything that speaks to a server.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from core.errors import ConfigurationError
from core.names import known_name

OrderName = Literal["nearest-loss", "herding", "margin", "entropy", "k-center", "random"]
Claim = Literal["highest", "nearest", "lowest"]
Engine = Literal["auto", "exact", "annoy", "dask"]

ORDERS: Mapping[OrderName, str] = {
    "nearest-loss": "nearest to what the model got wrong",
    "herding": "typical of all that is unlabeled",
    "margin": "the model hesitates between two classes",
    "entropy": "the model is unsure",
    "k-center": "unlike all that is labeled",
    "random": "at random, to compare with",
}
# With fewer labels of the user's own, chance says more than an order.
FEWEST_MEASURED = 100
CLAIMS: Mapping[Claim, str] = {
    "highest": "the highest loss counts",
    "nearest": "the nearest counts",
    "lowest": "the lowest loss counts",
}
ENGINES: Mapping[Engine, str] = {
    "auto": "whatever is estimated to be fastest",
    "exact": "every pair is compared",
    "annoy": "a forest of trees, approximate",
    "dask": "exact, on the workspace's cluster",
}
# Of the images asked for, so many may at most be drawn at random.
MOST_RANDOM = 0.9


@dataclass(frozen=True, slots=True)
class RoundOptions:
    """What is asked of a round.

    `neighbours`, `claim`, `worst` and `engine` are for nearest-loss: how many nearest unlabeled
    images each train image asks for (None: the workspace's number), which loss counts where several
    train images ask for one, how many of the worst train images ask (None: all), and how neighbours
    are found. `batch_size` is about how many images will be labeled before the next training, and
    `random_share` the share of them that is drawn at random for comparison. `fresh` runs the hooks
    whatever they gave before; with `leave_out_suspects`, labels that are likely wrong count for
    nothing; with `suggest`, what an image is likely labeled as is ticked. Raises ConfigurationError
    for a name that is not known, a model version without one, and a number below 1.
    """

    model_version: str
    order: OrderName = "nearest-loss"
    claim: Claim = "highest"
    neighbours: int | None = None
    worst: int | None = None
    engine: Engine = "auto"
    random_share: float = 0.0
    batch_size: int = 100
    fresh: bool = False
    leave_out_suspects: bool = False
    suggest: bool = False

    def __post_init__(self) -> None:
        if not self.model_version.strip() or not self.model_version.isprintable():
            raise ConfigurationError(
                "A model version needs a name of visible characters.",
                next_step="Give one, such as `--model-version model_v1`.",
            )
        known_name("order", self.order, ORDERS)
        known_name("claim", self.claim, CLAIMS)
        known_name("engine", self.engine, ENGINES)
        numbers = (self.neighbours, self.worst, self.batch_size)
        if any(number is not None and number < 1 for number in numbers):
            raise ConfigurationError("The numbers of neighbours and of images begin at 1.")

    @property
    def command(self) -> str:
        """The command line's twin."""
        parts = ["labelpilot active-learning --model-version", shlex.quote(self.model_version)]
        if self.order != "nearest-loss":
            parts += ["--order", self.order]
        if self.claim != "highest":
            parts += ["--claim", self.claim]
        if self.neighbours is not None:
            parts += ["-k", str(self.neighbours)]
        if self.worst is not None:
            parts += ["--worst", str(self.worst)]
        if self.engine != "auto":
            parts += ["--engine", self.engine]
        if self.random_share:
            parts += ["--random-share", f"{self.random_share:g}"]
        if self.leave_out_suspects:
            parts += ["--leave-out-suspects"]
        if self.suggest:
            parts += ["--suggest"]
        if self.fresh:
            parts += ["--fresh"]
        return " ".join(parts)


def next_version(known: Iterable[str]) -> str:
    """A name for the next model version: one more than the highest `model_v` number."""
    numbers = [int(m.group(1)) for name in known if (m := re.fullmatch(r"model_v(\d{1,6})", name))]
    return f"model_v{max(numbers, default=0) + 1}"
