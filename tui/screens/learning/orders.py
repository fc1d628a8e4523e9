"""Which order pays on the user's own labels: a conclusion, a line an order, a plot, figures."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.text import lines, plain
from tui.widgets.line_chart import line_chart

if TYPE_CHECKING:
    from core.learning.measuring.comparison import Comparison, Curves

NAME_WIDTH = 14
FIGURE_WIDTH = 13
CHART_HEIGHT = 8
SCALE_WIDTH = 5
MOST_WIDTH = 120


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
        "",
        *_plot(curves, orders, width),
        "",
        *_comparison(curves, compared),
        "",
        plain(
            f"Each order was tried {seeds} times on your labeled images, from {first:,} to "
            f"{last:,} labels, with a light classifier on your embeddings. Where your model has "
            "learned from these very labels, new images do less well.",
            "$muted",
        ),
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
    """What each order reached over the labels given: one chart, the best one lit."""
    means = {order: [float(one) for one in curves.of(order).mean(axis=0)] for order in orders}
    least = min(min(mean) for mean in means.values())
    most = max(max(mean) for mean in means.values())
    best = orders[0]
    styles = dict.fromkeys(orders, "$muted") | {"random": "$text-warning", best: "$primary"}
    # The best one is drawn last, and so lies on top.
    drawn = {order: means[order] for order in reversed(orders)}
    room = max(8, min(MOST_WIDTH, width - SCALE_WIDTH - 1))
    rows: list[Content | str] = [
        plain(f"{curves.words.capitalize()} as labels are added", "$muted")
    ]
    marks = dict(zip((one for one in orders if one != "random"), ascii_lowercase))  # noqa: B905
    chart = line_chart(drawn, styles, room, CHART_HEIGHT, "random", marks)
    for number, line in enumerate(chart):
        scale = {0: f"{most:.0%}", CHART_HEIGHT - 1: f"{least:.0%}"}.get(number, "")
        rows.append(Content.assemble((f"{scale:>{SCALE_WIDTH}} ", "$muted"), line))
    first, last = f"{curves.budgets[0]:,}", f"{curves.budgets[-1]:,} labels"
    between = " " * max(1, room - len(first) - len(last))
    rows.append(plain(" " * (SCALE_WIDTH + 1) + first + between + last, "$muted"))
    for order in orders:
        name = f"{f'─{marks[order]}─' if order in marks else '╌╌╌'} {order:{NAME_WIDTH}}"
        ending = f"ends at {means[order][-1]:.1%}"
        rows.append(Content.assemble((name, styles[order]), plain(ending)))
    return rows


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
