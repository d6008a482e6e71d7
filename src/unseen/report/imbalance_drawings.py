"""What figures of imbalance draw: on which classes and attributes the error falls."""

__all__ = [
    "BARS",
    "TOP",
    "draw_class",
    "draw_error_matrix",
    "draw_label_errors",
    "draw_seen_unseen",
    "draw_worst_attributes",
    "error_limits",
    "worst_class",
]

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from unseen.inspection.imbalance import ImbalanceReport
from unseen.metrics.imbalance import worst_attributes
from unseen.metrics.misclassification import unit_rows
from unseen.report.figure_parts import (
    SMALL,
    TEXT,
    Colours,
    Limits,
    add_legend,
    draw_map,
    name_classes,
    prepare,
    set_log_ticks,
    worst_first,
)
from unseen.report.pages import NOTHING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

POINTS = "#8d8f94"  # on light and dark: points become pixels, which no style sheet reaches
LEAST = 0.02  # the share of entries that the scale leaves below itself
TOP = 20  # attributes
BARS = 15
BINS = 12
MARKERS = {"seen": "o", "unseen": "D"}
WIDEST = 18  # letters of a name


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
            label=f"{group}, r = {_shown(found.class_correlation)}",
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


def _shown(correlation: float) -> str:
    return NOTHING if math.isnan(correlation) else f"{correlation:.2f}"


def _sides(report: ImbalanceReport) -> list[str]:
    return [group for group in ("seen", "unseen") if group in report.groups]


def _name_rows(axes: "Axes", names: Sequence[str], colours: Colours) -> None:
    """Names rows, the first at the top."""
    shown = [name if len(name) <= WIDEST else f"{name[: WIDEST - 1]}…" for name in names]
    axes.set_yticks(range(len(names)), shown, parse_math=False)
    axes.tick_params(axis="y", colors=colours.ink, labelsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
