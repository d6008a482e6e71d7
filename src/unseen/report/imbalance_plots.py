"""Figures of imbalance, for files (``plot_``) and for pages (``chart_``)."""

__all__ = [
    "chart_class",
    "chart_error_matrix",
    "chart_label_errors",
    "chart_seen_unseen",
    "chart_worst_attributes",
    "plot_error_matrices",
    "plot_imbalance",
]

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unseen.inspection.imbalance import ImbalanceReport
from unseen.report import charts, figure_files, svg
from unseen.report.figure_parts import (
    FILE,
    MANY,
    PAGE,
    SMALL,
    TEXT,
    Limits,
    add_colour_bar,
    draw_map,
)
from unseen.report.imbalance_drawings import (
    BARS,
    TOP,
    draw_class,
    draw_error_matrix,
    draw_label_errors,
    draw_seen_unseen,
    draw_worst_attributes,
    error_limits,
    worst_class,
)
from unseen.report.weight_plots import LABEL as WEIGHT
from unseen.report.weight_plots import draw_weight_history, draw_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ERROR = "error (log scale)"


def plot_imbalance(
    report: ImbalanceReport, path: Path, title: str, limits: Limits | None = None
) -> None:
    """Draws all of a report into one figure.

    Arguments:
        report: What was found.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.
        limits: The ends of the colour scale; those of other runs make figures comparable.

    Raises:
        DataError: If the file cannot be written.
    """
    height = max(9.2, 2.0 + 0.125 * min(len(report.whole.classes), MANY))
    more = 0.0 if report.weights is None else 2.6 + 0.12 * min(len(report.weights.classes), MANY)
    figure = figure_files.new_figure(13.0, height + more)
    figure_files.set_heading(figure, title, 14)
    heights = [height / 2, height / 2] + ([more] if more else [])
    places = figure.add_gridspec(
        len(heights), 3, width_ratios=(1.5, 1.0, 1.0), height_ratios=heights
    )
    heat, worst, bars, scatter = (
        figure.add_subplot(places[cell]) for cell in ((slice(0, 2), 0), (0, 1), (0, 2), (1, 1))
    )

    _head(heat, "Error of each class and attribute")
    _head(worst, "The worst attributes")
    _head(bars, f"Worst class: {charts.shortened(report.class_names[worst_class(report)])}")
    _head(scatter, "Label and error")
    image = draw_error_matrix(heat, report, FILE, limits)
    add_colour_bar(figure, heat, image, FILE, ERROR, "min")
    draw_worst_attributes(worst, report, FILE)
    draw_class(bars, report, worst_class(report), FILE)
    draw_label_errors(scatter, report, FILE)
    if report.curve is not None:
        curve = figure.add_subplot(places[1, 2])
        _head(curve, "Seen and unseen accuracy")
        draw_seen_unseen(curve, report, FILE)
    if report.weights is not None:
        weights = figure.add_subplot(places[2, 0])
        _head(weights, "Weight of each class and attribute")
        image = draw_weights(weights, report, FILE)
        add_colour_bar(figure, weights, image, FILE, WEIGHT)
        if report.weights.history:
            history = figure.add_subplot(places[2, 1:])
            history.set_box_aspect(0.4)
            history.set_anchor("NW")
            _head(history, "Weights in training")
            draw_weight_history(history, report, FILE)

    figure_files.save(figure, path)


def plot_error_matrices(
    matrices: Mapping[str, NDArray], path: Path, title: str, label: str = "error"
) -> None:
    """Draws matrices of several runs beside each other, on one colour scale.

    The attributes stand in one order, that of their mean over all matrices.

    Arguments:
        matrices: Error matrices, or the weights a loss makes of them, by name, each with shape
            :math:`(k, a)`, of the same classes and attributes.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.
        label: What the numbers are.

    Raises:
        ValueError: If shapes differ.
        DataError: If the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> errors = np.random.default_rng(0).random((4, 6))
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "errors.png"
        ...     plot_error_matrices({"before": errors, "after": errors / 2}, path, "Two runs")
        ...     path.stat().st_size > 0
        True
    """
    shapes = {np.shape(matrix) for matrix in matrices.values()}
    if [len(shape) for shape in shapes] != [2]:
        raise ValueError(f"All matrices must have one shape (k, a); got {sorted(shapes)}.")

    ((k, _),) = shapes
    mean = np.mean(list(matrices.values()), axis=0)
    columns, rows = np.argsort(-mean.mean(axis=0)), np.argsort(-mean.mean(axis=1))
    limits = error_limits(np.stack(list(matrices.values())))
    figure = figure_files.new_figure(0.8 + 3.6 * len(matrices), 2.0 + 0.08 * min(k, MANY))
    figure_files.set_heading(figure, title, 13)
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]

    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        _head(axes, name)
        image = draw_map(axes, matrix[np.ix_(rows, columns)], limits, FILE)
        axes.set_yticks([])
        axes.set_xlabel("attributes, the worst first", color=FILE.muted, fontsize=TEXT)
    panels[0].set_ylabel("classes, the worst first", color=FILE.muted, fontsize=TEXT)
    bar = figure.colorbar(image, ax=panels, extend="min", shrink=0.7, aspect=28)
    bar.outline.set_visible(False)
    bar.ax.tick_params(which="both", colors=FILE.muted, labelsize=SMALL)
    bar.set_label(f"{label} (log scale)", color=FILE.muted, fontsize=TEXT)

    figure_files.save(figure, path)


def chart_error_matrix(report: ImbalanceReport, name: str) -> str:
    """Draws the error matrix for a page.

    Arguments:
        report: What was found.
        name: The name of the figure, unique in its page.
    """
    named = len(report.whole.classes) <= MANY
    figure, axes = charts.start(1.1 + 0.13 * len(report.whole.classes) if named else 6.0)
    image = draw_error_matrix(axes, report, PAGE)
    add_colour_bar(figure, axes, image, PAGE, ERROR, "min")

    return svg.inline_svg(
        figure, name, "The error of each class and attribute, as a map of colours."
    )


def chart_worst_attributes(report: ImbalanceReport, name: str) -> str:
    """Draws the errors of the worst attributes for a page: how they spread over the classes."""
    figure, axes = charts.start(0.9 + 0.2 * min(TOP, len(report.attribute_names)))
    draw_worst_attributes(axes, report, PAGE)

    return svg.inline_svg(figure, name, "The errors of the worst attributes over the classes.")


def chart_class(report: ImbalanceReport, label: int, name: str) -> str:
    """Draws the worst attributes of one class, a row of the class table, for a page."""
    figure, axes = charts.start(0.9 + 0.2 * min(BARS, len(report.attribute_names)))
    draw_class(axes, report, label, PAGE)

    return svg.inline_svg(figure, name, f"The worst attributes of {report.class_names[label]}.")


def chart_label_errors(report: ImbalanceReport, name: str) -> str:
    """Draws error over label value for a page."""
    figure, axes = charts.start(3.4)
    draw_label_errors(axes, report, PAGE)

    return svg.inline_svg(figure, name, "The error of each class and attribute over its label.")


def chart_seen_unseen(report: ImbalanceReport, name: str) -> str:
    """Draws seen over unseen accuracy for a page, for a report that has the curve."""
    figure, axes = charts.start(3.4)
    draw_seen_unseen(axes, report, PAGE)

    return svg.inline_svg(figure, name, "Seen over unseen accuracy for every penalty.")


def _head(axes: "Axes", title: str) -> None:
    heading = axes.set_title(
        title,
        loc="left",
        color=FILE.ink,
        fontsize=10.5,
        weight="bold",
        pad=24,  # a legend may stand between
    )
    heading.set_parse_math(False)
