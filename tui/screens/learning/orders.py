"""Which order pays on the user's own labels: a conclusion, a line an order, a plot, figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.text import lines, plain
from tui.widgets.histogram import BLOCKS

if TYPE_CHECKING:
    from core.learning.measuring.comparison import Comparison, Curves

NAME_WIDTH = 14
FIGURE_WIDTH = 13


def best_order(curves: Curves) -> str | None:
    """The order that surely pays most, or None where random is as good."""
    from core.learning.measuring.comparison import compare, recommended

    best = recommended(compare(curves))
    return None if best is None else best.order


class OrdersDialog(Dialog):
    """What a replay found. Enter takes the best order for the next round, if there is one."""

    def __init__(self, curves: Curves, order: str) -> None:
        best = best_order(curves)
        self._curves = curves
        self.best = best if best != order else None
        yes, no = (f"take {self.best}", "close") if self.best else ("close", "")
        text = orders_text(curves, 70)
        super().__init__("Which order pays", text, yes=yes, no=no, copied=text.plain)

    def on_mount(self) -> None:
        self.query_one(".window").add_class("large")

    def fitted(self, width: int) -> Content:
        return orders_text(self._curves, width)


def orders_text(curves: Curves, width: int) -> Content:
    """The whole of what a replay found, in lines of at most `width` cells where tables are."""
    from core.learning.measuring.comparison import compare

    compared = compare(curves)
    # The best first, here as everywhere.
    orders = [*(one.order for one in compared), "random"]
    seeds = len(curves.measured["random"])
    first, last = curves.budgets[0], curves.budgets[-1]
    parts: list[Content | str] = [
        *_conclusion(compared),
        plain(
            f"Each order was tried {seeds} times on your labeled images, from {first:,} to "
            f"{last:,} labels, with a light classifier on your embeddings. Where your model has "
            "learned from these very labels, new images do less well.",
            "$muted",
        ),
        "",
        *_comparison(curves, compared),
        "",
        *_plot(curves, orders, width),
        "",
        *_figures(curves, orders, width),
    ]
    return lines(parts)


def _conclusion(compared: Sequence[Comparison]) -> list[Content | str]:
    from core.learning.measuring.comparison import recommended

    best = recommended(compared)
    if best is None:
        return [plain("No order is surely better than drawing at random.", "bold")]
    text = f"{best.order} pays most on your labels: {best.points} points over random"
    return [plain(f"{text}.", "bold $text-success")]


def _comparison(curves: Curves, compared: Sequence[Comparison]) -> list[Content | str]:
    """Each order against random: points gained, and labels needed for what random reaches."""
    from core.learning.measuring.comparison import labels_to_reach

    target = compared[0].target if compared else 0.0
    random = labels_to_reach(curves.budgets, curves.of("random").mean(axis=0), target)
    head = f"{'':{NAME_WIDTH}}{'over random':>{FIGURE_WIDTH}}   labels to reach {target:.0%}"
    rows: list[Content | str] = [plain(head, "$muted")]
    for one in compared:
        rows.append(_row(one.order, one.points, _labels(one.labels)))
    return [*rows, _row("random", "", _labels(random))]


def _row(order: str, points: str, labels: str) -> Content:
    return plain(f"{order:{NAME_WIDTH}}{points:>{FIGURE_WIDTH}}   {labels}")


def _labels(needed: float | None) -> str:
    return "more than were tried" if needed is None else f"{needed:,.0f}"


def _plot(curves: Curves, orders: Sequence[str], width: int) -> list[Content | str]:
    """What each order reached over the labels given, in blocks of one scale."""
    means = {order: curves.of(order).mean(axis=0) for order in orders}
    least = min(float(mean.min()) for mean in means.values())
    most = max(float(mean.max()) for mean in means.values())
    room = max(4, width - NAME_WIDTH - 8)
    every = -(-len(curves.budgets) // room)
    text = f"{curves.words.capitalize()} as labels are added, from {least:.0%} to {most:.0%}"
    rows: list[Content | str] = [plain(text, "$muted")]
    for order, mean in means.items():
        blocks = "".join(_block(float(value), least, most) for value in mean[::every])
        name = f"{order:{NAME_WIDTH}}"
        rows.append(Content.assemble(name, (blocks, "$primary"), f"  {mean[-1]:.1%}"))
    return rows


def _block(value: float, least: float, most: float) -> str:
    share = (value - least) / (most - least) if most > least else 1.0
    return BLOCKS[min(len(BLOCKS) - 1, int(share * len(BLOCKS)))]


def _figures(curves: Curves, orders: Sequence[str], width: int) -> list[Content | str]:
    """The means and standard errors for each number of labels, as many orders side by side as
    there is room for."""
    from core.learning.measuring.comparison import standard_error

    found = {
        order: (curves.of(order).mean(axis=0), standard_error(curves.of(order))) for order in orders
    }
    beside = max(1, (width - 6) // FIGURE_WIDTH)
    head = f"{curves.words.capitalize()} in %, ± its standard error"
    rows: list[Content | str] = [plain(head, "$muted")]
    for start in range(0, len(orders), beside):
        some = orders[start : start + beside]
        head = "labels" + "".join(f"{order:>{FIGURE_WIDTH}}" for order in some)
        rows.append(plain(head, "$muted"))
        for at, budget in enumerate(curves.budgets):
            cells = [(found[order][0][at], found[order][1][at]) for order in some]
            figures = (f"{100 * mean:.1f} ± {100 * error:.1f}" for mean, error in cells)
            rows.append(plain(f"{budget:6,}" + "".join(f"{f:>{FIGURE_WIDTH}}" for f in figures)))
        rows.append("")
    return rows[:-1]
