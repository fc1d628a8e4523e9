"""The form for a round of active learning: model version, order, neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widgets import Input

from core.errors import ConfigurationError
from core.workspace.settings import Workspace
from tui.backend import RoundSettings
from tui.dialogs.form import Field, Form
from tui.screens.setup.settings import whole_number
from tui.text import lines, plain

ORDER_WORDS = {
    "nearest-loss": "nearest to what the model got wrong",
    "herding": "typical of all that is unlabeled",
    "margin": "the model hesitates between two classes",
    "entropy": "the model is unsure",
    "k-center": "unlike all that is labeled",
    "random": "at random, to compare with",
}
MOST_RANDOM = 90
CLAIM_WORDS = {
    "highest": "the highest loss counts",
    "nearest": "the nearest counts",
    "lowest": "the lowest loss counts",
}


class RoundForm(Form[RoundSettings]):
    """Changes what the next plan is made with."""

    def __init__(
        self, settings: RoundSettings, workspace: Workspace, measured: Callable[[str], str]
    ) -> None:
        neighbours = settings.neighbours or workspace.learning.neighbours
        self._measured = measured
        self._default = workspace.learning.neighbours
        fields = [
            Field("model_version", "Model version", settings.model_version),
            Field("order", "Order", settings.order),
            Field("neighbours", "Neighbours", str(neighbours)),
            Field("worst", "Worst only", str(settings.worst or ""), "all that have a loss"),
            Field("claim", "Claim", settings.claim),
            Field("random", "Random share", f"{settings.random_share * 100:g} %"),
        ]
        super().__init__("The next round", fields, accept="use")

    def on_mount(self) -> None:
        self._tell_of_order()
        words = "where several train images claim one: " + ", ".join(CLAIM_WORDS)
        self.hint("claim", plain(words, "$muted"))
        self.hint("random", plain("drawn at random, to see whether the order pays", "$muted"))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "order":
            self._tell_of_order()

    def _tell_of_order(self) -> None:
        order = self.text("order")
        known = plain(", ".join(ORDER_WORDS), "$muted")
        if order not in ORDER_WORDS:
            self.hint("order", known)
            return
        words = f"{ORDER_WORDS[order]}. {self._measured(order)}".rstrip()
        self.hint("order", lines([plain(words), known]))

    def accept(self, values: Mapping[str, str | bool]) -> RoundSettings:
        for name, known in (("order", ORDER_WORDS), ("claim", CLAIM_WORDS)):
            if values[name] not in known:
                raise ConfigurationError(
                    f"The {name} {values[name]!r} is not known.",
                    next_step=f"Known: {', '.join(known)}.",
                )
        if not values["model_version"]:
            raise ConfigurationError("A model version needs a name, such as model_v1.")
        neighbours = whole_number(str(values["neighbours"]), "Neighbours")
        worst = str(values["worst"])
        return RoundSettings(
            str(values["model_version"]),
            str(values["order"]),
            str(values["claim"]),
            None if neighbours == self._default else neighbours,
            whole_number(worst, "Worst only") if worst else None,
            _share(str(values["random"])),
        )


def _share(text: str) -> float:
    """A share from a percentage. Raises ConfigurationError."""
    try:
        percent = float(text.rstrip("% "))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= MOST_RANDOM:
        raise ConfigurationError(f"The random share is 0 to {MOST_RANDOM} %, not {text!r}.")
    return percent / 100
