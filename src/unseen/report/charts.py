"""The figures of a report, as SVG in the colours of its page."""

__all__ = [
    "ROOM",
    "SMALL",
    "TEXT",
    "chart_class_accuracies",
    "chart_curve",
    "chart_curves",
    "chart_seconds",
    "finish",
    "shortened",
    "start",
]

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unseen.report.labels import Box, place_labels
from unseen.report.summary import MethodSummary
from unseen.report.svg import INK, MUTED, ORACLE, PAPER, RULE, SERIES, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.6  # inches: as wide as a phone, so that letters keep their size there
SMALL, TEXT = 8.5, 9.5  # points
DASHES: tuple[object, ...] = ("-", (0, (6, 1.5)), (0, (3, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1)))
LEVELS = (20, 40, 60, 80)  # of H, in percent
DOT = 3.4  # points
LEGEND, HANDLE, LONGEST = 51, 4, 24  # letters: of a line, of a handle, of a name
MANY = 15  # classes, which then stand closer
ROOM = 1.08  # beyond the greatest value


def chart_curves(methods: Sequence[MethodSummary], highlighted: int, name: str) -> str:
    """Draws the seen-unseen curve of each method: the first few in colour, the others pale.

    Arguments:
        methods: The methods, the best first.
        highlighted: How many are in colour.
        name: The name of the figure, unique in its page.
    """
    figure, axes = start(4.4)
    prepare_accuracies(axes, methods)

    for method in methods[highlighted:]:
        draw_curve(axes, method, RULE, 0.9)
    for method, colour, dashes in reversed(
        list(zip(methods[:highlighted], SERIES, DASHES, strict=False))
    ):
        draw_curve(axes, method, colour, 1.7, dashes)
        mark_points(axes, method, colour)

    handles = [
        axes.plot(
            [], [], color=colour, linestyle=dashes, linewidth=1.7, label=shortened(method.name)
        )[0]
        for method, colour, dashes in zip(methods[:highlighted], SERIES, DASHES, strict=False)
    ]
    if methods[highlighted:]:
        handles += axes.plot([], [], color=RULE, linewidth=0.9, label="the others")
    add_legend(
        axes,
        methods[:highlighted],
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        handlelength=2.6,
    )

    names = ", ".join(method.name for method in methods)
    return inline_svg(figure, name, f"Seen over unseen accuracy for every penalty: {names}.")


def chart_curve(method: MethodSummary, reference: MethodSummary, name: str) -> str:
    """Draws the curve of one method, with its spread over seeds, before a pale reference."""
    figure, axes = start(1.9, 2.05)
    prepare_accuracies(axes, [method, reference], levels=False)
    title = axes.set_title(shortened(method.name), fontsize=TEXT, color=INK, loc="left", pad=4)
    title.set_parse_math(False)
    axes.set_xlabel("U", fontsize=SMALL, color=MUTED, labelpad=1)
    axes.set_ylabel("S", fontsize=SMALL, color=MUTED, labelpad=1)

    draw_curve(axes, reference, RULE, 1.2)
    band = method.curve
    axes.fill_between(
        100 * band.unseen, 100 * band.low, 100 * band.high, color=SERIES[0], alpha=0.22, linewidth=0
    )
    draw_curve(axes, method, SERIES[0], 1.4)
    mark_points(axes, method, SERIES[0])

    return inline_svg(figure, name, f"The seen-unseen curve of {method.name}.")


def chart_class_accuracies(
    methods: Sequence[MethodSummary], classes: Sequence[str], name: str
) -> str:
    """Draws the accuracy of some classes as bars, one per method, the easiest class first."""
    first = {label: order(methods[0].per_class[label]) for label in classes}
    rows = sorted(classes, key=lambda label: -first[label])
    figure, axes = start(0.62 + (0.38 if len(rows) <= MANY else 0.24) * len(rows))
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)

    height = 0.8 / len(methods)
    for number, (method, colour) in enumerate(zip(methods, SERIES, strict=False)):
        places = np.arange(len(rows)) + (number - (len(methods) - 1) / 2) * height
        values = [100 * order(method.per_class[label]) for label in rows]
        axes.barh(places, values, 0.86 * height, color=colour, label=shortened(method.name))

    axes.set_yticks(range(len(rows)), [shortened(label) for label in rows], parse_math=False)
    axes.set(xlim=(0, 100), ylim=(len(rows) - 0.45, -0.55))
    axes.set_xlabel("accuracy (%)", fontsize=TEXT, color=MUTED)
    axes.tick_params(colors=INK, labelsize=TEXT, length=0)
    add_legend(axes, methods, loc="lower left", bbox_to_anchor=(0.0, 1.0), handlelength=1.0)

    names = ", ".join(method.name for method in methods)
    return inline_svg(figure, name, f"Accuracy of each unseen class: {names}.")


def chart_seconds(methods: Sequence[MethodSummary], colours: Mapping[str, str], name: str) -> str:
    """Draws H over the seconds of one training, each method with its name beside it.

    Arguments:
        methods: The methods; those chosen on test classes are hollow and red.
        colours: The colour of some methods, by name; the others are pale.
        name: The name of the figure, unique in its page.
    """
    shown = [method for method in methods if not math.isnan(method.harmonic_mean)]
    seconds = [max(method.measures["fit_seconds"].mean, 1e-3) for method in shown]
    values = [100 * method.harmonic_mean for method in shown]

    from matplotlib.ticker import LogLocator

    figure, axes = start(3.7)
    least, most = min(seconds) / 2, max(seconds) * 4
    axes.set_xscale("log")
    axes.set(xlim=(least, most), ylim=(0, ROOM * max([*values, 1.0])))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if most / least < 60 else (1,)))
    axes.set_xlabel("seconds of one training (log scale)", fontsize=TEXT, color=MUTED)
    axes.set_ylabel("H (%)", fontsize=TEXT, color=MUTED)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    finish(axes)

    for method, x, y in zip(shown, seconds, values, strict=True):
        colour = ORACLE if method.is_oracle else colours.get(method.name, MUTED)
        face = PAPER if method.is_oracle else colour
        axes.plot(x, y, "o", markersize=5, color=face, markeredgecolor=colour, zorder=3)
    label_points(figure, axes, shown, list(zip(seconds, values, strict=True)))

    return inline_svg(figure, name, "The harmonic mean over the seconds of one training.")


def label_points(
    figure: "Figure",
    axes: "Axes",
    methods: Sequence[MethodSummary],
    points: Sequence[tuple[float, float]],
) -> None:
    """Writes names beside points, with a line to those that had to move away."""
    figure.draw_without_rendering()  # before it, nothing has a place
    pixel = figure.dpi / 72  # of a point
    frame = axes.get_window_extent()
    places = [tuple(axes.transData.transform(point)) for point in points]
    texts = [
        axes.text(
            0,
            0,
            shortened(method.name),
            fontsize=TEXT,
            color=ORACLE if method.is_oracle else INK,
            parse_math=False,
        )
        for method in methods
    ]
    sizes = [
        (extent.width + 2 * pixel, extent.height)
        for extent in (text.get_window_extent() for text in texts)
    ]
    boxes = place_labels(
        places, sizes, Box(frame.x0, frame.y0, frame.x1, frame.y1), radius=DOT * pixel
    )

    back = axes.transData.inverted()
    for text, box, place, point in zip(texts, boxes, places, points, strict=True):
        x, y = back.transform((box.left + pixel, (box.bottom + box.top) / 2))
        text.set_position((x, y))
        text.set_verticalalignment("center")
        nearest = (
            min(max(place[0], box.left), box.right),
            min(max(place[1], box.bottom), box.top),
        )
        if math.dist(place, nearest) > 3 * DOT * pixel:
            end = back.transform(nearest)
            axes.plot([point[0], end[0]], [point[1], end[1]], color=RULE, linewidth=0.7, zorder=1)


def start(height: float, width: float = WIDTH) -> "tuple[Figure, Axes]":
    """Returns an empty figure; not pyplot's: its figures are global."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)

    return figure, figure.add_subplot()


def prepare_accuracies(axes: "Axes", methods: Sequence[MethodSummary], levels: bool = True) -> None:
    """Sets the axes from 0 to what the curves and marks need, the same for S and U."""
    most_seen = ROOM * 100 * max(float(method.curve.high.max()) for method in methods)
    most_unseen = ROOM * 100 * max(float(method.curve.unseen.max()) for method in methods)
    axes.set(xlim=(0, sorted((1, most_unseen, 100))[1]), ylim=(0, sorted((1, most_seen, 100))[1]))
    axes.set_xlabel("unseen accuracy U (%)", fontsize=TEXT, color=MUTED)
    axes.set_ylabel("seen accuracy S (%)", fontsize=TEXT, color=MUTED)
    finish(axes)
    if levels:
        draw_harmonic_means(axes)


def draw_harmonic_means(axes: "Axes") -> None:
    """Draws faint lines of equal H, which the eye would else have to compute."""
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    for level in LEVELS:
        if 2 * right * top / (right + top) <= level:
            continue
        unseen = np.linspace(level / 2, right, 200)[1:]
        seen = level * unseen / (2 * unseen - level)
        axes.plot(unseen, seen, color=RULE, linewidth=0.6, linestyle=(0, (2, 3)), zorder=1)
        axes.annotate(
            f"H {level}",
            (right, seen[-1]),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=SMALL,
            color=MUTED,
            va="center",
        )


def draw_curve(
    axes: "Axes", method: MethodSummary, colour: str, width: float, dashes: object = "-"
) -> None:
    """Draws the seen-unseen curve of a method, the mean over its seeds."""
    unseen, seen = 100 * method.curve.unseen, 100 * method.curve.mean
    axes.plot(unseen, seen, color=colour, linewidth=width, linestyle=dashes, zorder=3)


def mark_points(axes: "Axes", method: MethodSummary, colour: str) -> None:
    """Marks where the stored penalty stands, and, hollow and red, where the oracle's does."""
    for measures, edge, face, marker, size in (
        (method.oracle, ORACLE, PAPER, "D", 3.6),
        (method.measures, PAPER, colour, "o", 5.5),
    ):
        x, y = (100 * measures[name].mean for name in ("unseen_accuracy", "seen_accuracy"))
        axes.plot(
            x,
            y,
            marker,
            markersize=size,
            color=face,
            markeredgecolor=edge,
            markeredgewidth=0.9,
            zorder=4,
            clip_on=False,
        )


def finish(axes: "Axes") -> None:
    """Makes axes quiet."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=MUTED, labelsize=SMALL, length=0)


def add_legend(axes: "Axes", methods: Sequence[MethodSummary], **options: Any) -> None:
    """Names methods beside each other; a dollar sign in a name is no mathematics."""
    legend = axes.legend(
        ncols=columns(methods), frameon=False, labelcolor=INK, fontsize=TEXT, **options
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def columns(methods: Sequence[MethodSummary]) -> int:
    """Returns how many names of methods fit side by side into a legend."""
    longest = max(len(shortened(method.name)) for method in methods)

    return max(1, LEGEND // (longest + HANDLE))


def shortened(label: str) -> str:
    """Returns a name of 24 letters at most."""
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def order(accuracy: float) -> float:
    """Returns an accuracy that can be drawn and sorted: 0 where nothing was measured."""
    return 0.0 if math.isnan(accuracy) else accuracy
