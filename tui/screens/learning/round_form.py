"""The form for a round of active learning: model version, order, neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from textual.widgets import Input

from core.errors import ConfigurationError
from core.learning.rounds.options import CLAIMS, MOST_RANDOM, ORDERS, RoundOptions
from core.names import known_name
from core.workspace.settings import Workspace
from tui.dialogs.form import Field, Form, whole_number
from tui.screens.learning.known_orders import KnownOrders
from tui.text import lines, plain


class RoundForm(Form[RoundOptions]):
    """Changes what the next plan is made with."""

    def __init__(self, options: RoundOptions, workspace: Workspace, known: KnownOrders) -> None:
        neighbours = options.neighbours or workspace.learning.neighbours
        self._known = known
        self._default = workspace.learning.neighbours
        fields = [
            Field("model_version", "Model version", options.model_version),
            Field("order", "Order", options.order),
            Field("neighbours", "Neighbours", str(neighbours)),
            Field("worst", "Worst only", str(options.worst or ""), "all train images"),
            Field("claim", "Claim", options.claim),
            Field("random", "Random share", f"{options.random_share * 100:g} %"),
            Field("suggest", "Suggest", options.suggest),
        ]
        super().__init__("The next round", fields, accept="use")

    def on_mount(self) -> None:
        self._tell_of_order()
        claims = "where several train images claim one: " + ", ".join(CLAIMS)
        self.hint("claim", plain(claims, "$muted"))
        self.hint("random", plain("drawn at random, to see whether the order pays", "$muted"))
        ticked = "what an image likely shows comes ticked, if your labels tell how likely that is"
        self.hint("suggest", plain(ticked, "$muted"))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "order":
            self._tell_of_order()

    def _tell_of_order(self) -> None:
        order = self.text("order")
        known = plain(self._known.figures(), "$muted")
        described = {str(name): what for name, what in ORDERS.items()}
        if order not in described:
            self.hint("order", known)
            return
        # Where all have a figure, that of this one stands among them.
        known_of = "" if self._known.curves else f". {self._known.of(order)}".rstrip()
        text = f"{described[order]}{known_of}"
        self.hint("order", lines([plain(text), known]))

    def accept(self, values: Mapping[str, str | bool]) -> RoundOptions:
        if not values["model_version"]:
            raise ConfigurationError("A model version needs a name, such as model_v1.")
        neighbours = whole_number(str(values["neighbours"]), "Neighbours")
        worst = str(values["worst"])
        return RoundOptions(
            str(values["model_version"]),
            order=known_name("order", str(values["order"]), ORDERS),
            claim=known_name("claim", str(values["claim"]), CLAIMS),
            neighbours=None if neighbours == self._default else neighbours,
            worst=whole_number(worst, "Worst only") if worst else None,
            random_share=_share(str(values["random"])),
            suggest=bool(values["suggest"]),
        )


def _share(text: str) -> float:
    """A share from a percentage. Raises ConfigurationError."""
    try:
        percent = float(text.rstrip("% "))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100 * MOST_RANDOM:
        raise ConfigurationError(f"The random share is 0 to {100 * MOST_RANDOM:g} %, not {text!r}.")
    return percent / 100
