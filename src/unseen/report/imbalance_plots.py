"""Figures of imbalance: on which classes and attributes the error of predictions falls."""

__all__ = [
    "chart_class",
    "chart_error_matrix",
    "chart_label_errors",
    "chart_seen_unseen",
    "chart_worst_attributes",
    "error_limits",
    "plot_error_matrices",
    "plot_imbalance",
    "worst_class",
]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from unseen.inspection.imbalance import ImbalanceReport
from unseen.metrics.imbalance import worst_attributes
from unseen.metrics.misclassification import unit_rows
from unseen.report import charts, svg, variance_plots
from unseen.report.figure_parts import (
    FILE,
    MANY,
    PAGE,
    SMALL,
    TEXT,
    Colours,
    Limits,
    add_colour_bar,
    add_legend,
    draw_map,
    name_classes,
    prepare,
    set_log_ticks,
    worst_first,
)
from unseen.report.weight_plots import LABEL as WEIGHT
from unseen.report.weight_plots import draw_weight_history, draw_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

ERROR = "error (log scale)"
POINTS = "#8d8f94"  # on both too: points become pixels, which no style sheet reaches
LEAST = 0.02  # the share of entries that the scale leaves below itself
TOP = 20  # attributes
BARS = 15
BINS = 12
MARKERS = {"seen": "o", "unseen": "D"}
WIDEST = 18  # letters of a name


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
    figure = variance_plots.new_figure(13.0, height + more)
    variance_plots.set_heading(figure, title, 14)
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

    variance_plots.save(figure, path)


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
    if len(shapes) != 1:
        raise ValueError(f"All matrices must have one shape; got {sorted(shapes)}.")

    ((k, _),) = shapes
    mean = np.mean(list(matrices.values()), axis=0)
    columns, rows = np.argsort(-mean.mean(axis=0)), np.argsort(-mean.mean(axis=1))
    limits = error_limits(np.stack(list(matrices.values())))
    figure = variance_plots.new_figure(0.8 + 3.6 * len(matrices), 2.0 + 0.08 * min(k, MANY))
    variance_plots.set_heading(figure, title, 13)
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

    variance_plots.save(figure, path)


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


def draw_error_matrix(
    axes: "Axes", report: ImbalanceReport, colours: Colours, limits: Limits | None = None
) -> "AxesImage":
    """Draws classes as rows, seen above unseen, and attributes as columns, the worst first."""
    whole = report.whole
    rows, columns = worst_first(report)
    image = draw_map(
        axes,
        whole.matrix[np.ix_(rows, columns)],
        limits or error_limits(whole.matrix),
        colours,
    )

    border = int(report.seen[whole.classes].sum())
    if 0 < border < len(rows):
        axes.axhline(border - 0.5, color=colours.paper, lw=2.5)
    name_classes(axes, report, whole.classes[rows], colours, "classes: seen above, unseen below")
    axes.set_xlabel("attributes, the worst first", color=colours.muted, fontsize=TEXT)

    return image


def draw_worst_attributes(axes: "Axes", report: ImbalanceReport, colours: Colours) -> None:
    """Draws how the errors of an attribute spread over classes, with the mean of each side."""
    worst = [name for name, _ in worst_attributes(report.whole.matrix, report.attribute_names, TOP)]
    columns = [report.attribute_names.index(name) for name in worst]
    low, _ = error_limits(report.whole.matrix)  # zeros have no place on a logarithmic scale
    prepare(axes, colours)
    axes.set_xscale("log")

    for place, column in enumerate(columns):
        _violin(axes, place, report.whole.matrix[:, column], colours)
    for group in _sides(report):
        means = report.groups[group].matrix.mean(axis=0)[columns].clip(low)
        axes.plot(
            means,
            range(len(columns)),
            MARKERS[group],
            markersize=4.5,
            color=colours.of(group),
            markeredgecolor=colours.paper,
            markeredgewidth=0.6,
            label=f"{group}, mean",
        )
    _name_rows(axes, worst, colours)
    axes.set_xlim(max(low, axes.get_xlim()[0]), None)
    set_log_ticks(axes.xaxis, axes.get_xlim())
    axes.set_xlabel("error over classes (log scale)", color=colours.muted, fontsize=TEXT)
    add_legend(axes, colours)


def draw_class(axes: "Axes", report: ImbalanceReport, label: int, colours: Colours) -> None:
    """Draws the attributes of one class of greatest error, each with the value of its label."""
    (row,) = np.flatnonzero(report.whole.classes == label)
    errors = report.whole.matrix[row]
    values = unit_rows(report.class_attributes[[label]])[0]
    columns = np.argsort(-errors, kind="stable")[:BARS]
    prepare(axes, colours)

    group = "seen" if report.seen[label] else "unseen"
    axes.barh(range(len(columns)), errors[columns], 0.72, color=colours.of(group))
    for place, column in enumerate(columns):
        axes.annotate(
            f"{values[column]:.2f}",
            (errors[column], place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=colours.muted,
        )
    _name_rows(axes, [report.attribute_names[column] for column in columns], colours)
    axes.set_xlim(0, 1.14 * max(errors.max(), 1e-12))
    axes.set_xlabel("error; at each bar: the label", color=colours.muted, fontsize=TEXT)


def draw_label_errors(axes: "Axes", report: ImbalanceReport, colours: Colours) -> None:
    """Draws every class and attribute as a point, and the median error by value of the label."""
    prepare(axes, colours)
    low, high = error_limits(report.whole.matrix)
    axes.set_yscale("log")

    for group in _sides(report):
        found = report.groups[group]
        values = unit_rows(report.class_attributes[found.classes]).ravel()
        errors = found.matrix.ravel()
        axes.plot(
            values,
            errors.clip(low),
            ".",
            color=POINTS,
            markersize=3.0,
            alpha=0.5,
            markeredgewidth=0,
            rasterized=True,
            zorder=1,
        )
        axes.plot(
            *_medians(values, errors),
            color=colours.of(group),
            lw=1.8,
            marker=MARKERS[group],
            markersize=3.5,
            label=f"{group}, r = {found.class_correlation:.2f}",
            zorder=3,
        )
    axes.set_ylim(low, high)
    set_log_ticks(axes.yaxis, (low, high))
    axes.set_xlabel("value of the label", color=colours.muted, fontsize=TEXT)
    axes.set_ylabel("error (log scale); lines: medians", color=colours.muted, fontsize=TEXT)
    add_legend(axes, colours)


def draw_seen_unseen(axes: "Axes", report: ImbalanceReport, colours: Colours) -> None:
    """Draws seen over unseen accuracy for every penalty, with the one stored and with none."""
    assert report.curve is not None  # for the type checker
    prepare(axes, colours)
    unseen, seen = 100 * report.curve.unseen_accuracy, 100 * report.curve.seen_accuracy
    axes.set(xlim=(0, 1.08 * max(unseen.max(), 1)), ylim=(0, 1.08 * max(seen.max(), 1)))

    axes.plot(unseen, seen, color=colours.seen, lw=1.8)
    points = {"no penalty": (report.bare, colours.seen)}
    if report.stored.penalty != "none":
        points["stored penalty"] = (report.stored, colours.unseen)
    for (name, (result, colour)), marker in zip(points.items(), ("o", "D"), strict=False):
        axes.plot(
            100 * result.unseen_accuracy,
            100 * result.seen_accuracy,
            marker,
            color=colour,
            markersize=6,
            markeredgecolor=colours.paper,
            label=f"{name}: H {100 * result.harmonic_mean:.1f}",
            clip_on=False,
            zorder=4,
        )
    axes.plot([], [], color=colours.seen, lw=1.8, label=f"AUSUC {100 * report.curve.area:.1f}")
    axes.set_xlabel("unseen accuracy U (%)", color=colours.muted, fontsize=TEXT)
    axes.set_ylabel("seen accuracy S (%)", color=colours.muted, fontsize=TEXT)
    axes.legend(
        loc="lower left", frameon=False, labelcolor=colours.ink, fontsize=TEXT, handletextpad=0.4
    )


def error_limits(matrix: NDArray) -> Limits:
    """Returns the ends of a logarithmic scale of errors: a low quantile, and the greatest.

    A few entries are met by chance, and would else take most of the scale.

    Arguments:
        matrix: One or several error matrices, of any shape.

    Example:
        >>> error_limits(np.array([[0.0, 0.1], [0.1, 1.0]]))
        (0.1, 1.0)
    """
    positive = matrix[matrix > 0]
    if not len(positive):
        return 0.1, 1.0
    low, high = float(np.quantile(positive, LEAST)), float(positive.max())

    return (low, high) if low < high else (high / 10, high)


def worst_class(report: ImbalanceReport, group: str = "all") -> int:
    """Returns the class of greatest mean error, as a row of the class table."""
    found = report.groups[group]

    return int(found.classes[found.matrix.mean(axis=1).argmax()])


def _violin(axes: "Axes", place: int, errors: NDArray, colours: Colours) -> None:
    """Draws the density of the logarithms of errors; nothing where they are too few or equal."""
    logs = np.log10(errors[errors > 0])
    if len(logs) < 3 or np.ptp(logs) < 1e-9:
        return
    grid = np.linspace(logs.min(), logs.max(), 60)
    density = gaussian_kde(logs)(grid)
    height = 0.42 * density / density.max()
    axes.fill_between(
        10**grid, place - height, place + height, color=colours.rule, linewidth=0, zorder=1
    )


def _medians(values: NDArray, errors: NDArray) -> tuple[NDArray, NDArray]:
    """Returns the mean value and the median error of classes of like label, each of shape (b,)."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    filled = np.unique(bins)

    return (
        np.array([values[bins == b].mean() for b in filled]),
        np.array([np.median(errors[bins == b]) for b in filled]),
    )


def _sides(report: ImbalanceReport) -> list[str]:
    return [group for group in ("seen", "unseen") if group in report.groups]


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


def _name_rows(axes: "Axes", names: Sequence[str], colours: Colours) -> None:
    """Names rows, the first at the top."""
    shown = [name if len(name) <= WIDEST else f"{name[: WIDEST - 1]}…" for name in names]
    axes.set_yticks(range(len(names)), shown, parse_math=False)
    axes.tick_params(axis="y", colors=colours.ink, labelsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
