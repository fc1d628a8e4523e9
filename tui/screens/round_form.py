"""The form for a round of active learning: model version, order, neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import ConfigurationError
from core.workspace import Workspace
from tui.backend import RoundSettings
from tui.screens.forms import Field, Form
from tui.screens.settings import whole_number
from tui.words import plain

ORDER_WORDS = {
    "nearest-loss": "nearest to what the model got wrong",
    "herding": "typical of all that is unlabeled",
    "margin": "the model hesitates between two classes",
    "entropy": "the model is unsure",
    "k-center": "unlike all that is labeled",
    "random": "at random, to compare with",
}
CLAIM_WORDS = {
    "highest": "the highest loss counts",
    "nearest": "the nearest counts",
    "lowest": "the lowest loss counts",
}


class RoundForm(Form[RoundSettings]):
    """Changes what the next plan is made with."""

    def __init__(self, settings: RoundSettings, workspace: Workspace) -> None:
        neighbours = settings.neighbours or workspace.learning.neighbours
        self._default = workspace.learning.neighbours
        fields = [
            Field("model_version", "Model version", settings.model_version),
            Field("order", "Order", settings.order),
            Field("neighbours", "Neighbours", str(neighbours)),
            Field("worst", "Worst only", str(settings.worst or ""), "all that have a loss"),
            Field("claim", "Claim", settings.claim),
        ]
        super().__init__("The next round", fields, accept="use")

    def on_mount(self) -> None:
        self.hint("order", plain(" | ".join(ORDER_WORDS), "$muted"))
        self.hint("claim", plain("where several claim an image: " + " | ".join(CLAIM_WORDS)))

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
        )
