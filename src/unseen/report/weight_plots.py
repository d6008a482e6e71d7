"""Figures of the weights that a loss gives to the errors of classes and attributes."""

__all__ = ["LABEL", "chart_weight_history", "chart_weights", "draw_weight_history", "draw_weights"]

from typing import TYPE_CHECKING

import numpy as np

from unseen.inspection.imbalance import ImbalanceReport
from unseen.report import charts, svg
from unseen.report.figure_parts import (
    MANY,
    PAGE,
    TEXT,
    Colours,
    add_colour_bar,
    add_legend,
    draw_map,
    name_classes,
    prepare,
    set_log_ticks,
    worst_first,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

LABEL = "weight (log scale)"
FEW = 15  # epochs, each with a dot


def chart_weights(report: ImbalanceReport, name: str) -> str:
    """Draws the weights for a page, for a report that has them."""
    assert report.weights is not None  # for the type checker
    named = len(report.weights.classes) <= MANY
    figure, axes = charts.start(1.3 + 0.13 * len(report.weights.classes) if named else 6.0)
    image = draw_weights(axes, report, PAGE)
    add_colour_bar(figure, axes, image, PAGE, LABEL)

    return svg.inline_svg(
        figure, name, "The weight of each seen class and attribute, as a map of colours."
    )


def chart_weight_history(report: ImbalanceReport, name: str) -> str:
    """Draws mean and greatest weight after each epoch for a page."""
    figure, axes = charts.start(2.6)
    draw_weight_history(axes, report, PAGE)

    return svg.inline_svg(figure, name, "The mean and the greatest weight after each epoch.")


def draw_weights(axes: "Axes", report: ImbalanceReport, colours: Colours) -> "AxesImage":
    """Draws weights in the order of the error matrix; classes without test rows come last."""
    weights = report.weights
    assert weights is not None  # for the type checker
    rows, columns = worst_first(report)
    place = {label: row for row, label in enumerate(report.whole.classes[rows])}
    order = np.argsort([place.get(label, np.inf) for label in weights.classes], kind="stable")

    # a weight is at least 1; the scale needs an end beyond it
    limits = 1.0, max(weights.greatest, 1.1)
    image = draw_map(axes, weights.matrix[np.ix_(order, columns)], limits, colours)
    if not weights.known.all():
        ground = {"facecolor": colours.rule, "linewidth": 0}
        axes.axvspan(-0.5, len(columns) - 0.5, zorder=-1, label="not in the last batch", **ground)
        add_legend(axes, colours)
    name_classes(axes, report, weights.classes[order], colours, "seen classes")
    axes.set_xlabel(
        "attributes, in the order of the error matrix", color=colours.muted, fontsize=TEXT
    )

    return image


def draw_weight_history(axes: "Axes", report: ImbalanceReport, colours: Colours) -> None:
    """Draws mean and greatest weight over the epochs for which they are known."""
    from matplotlib.ticker import MaxNLocator

    assert report.weights is not None  # for the type checker
    history = report.weights.history
    prepare(axes, colours)
    axes.set_yscale("log")

    epochs = [weights.epoch for weights in history]
    for values, name, colour, marker in (
        ([weights.greatest for weights in history], "greatest", colours.unseen, "D"),
        ([weights.mean for weights in history], "mean", colours.seen, "o"),
    ):
        axes.plot(
            epochs,
            values,
            marker=marker if len(history) <= FEW else "none",
            color=colour,
            lw=1.8,
            markersize=3.5,
            label=f"{name}, {values[-1]:.1f} at the end",
        )
    axes.set_ylim(1.0, 1.1 * max(2.0, *(weights.greatest for weights in history)))
    set_log_ticks(axes.yaxis, axes.get_ylim())
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("epoch", color=colours.muted, fontsize=TEXT)
    axes.set_ylabel(LABEL, color=colours.muted, fontsize=TEXT)
    add_legend(axes, colours)
