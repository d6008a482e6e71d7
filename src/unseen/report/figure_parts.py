"""What the figures of imbalance share: their colours, maps of colours, and what is around them."""

__all__ = [
    "FILE",
    "MANY",
    "PAGE",
    "SMALL",
    "TEXT",
    "Colours",
    "Limits",
    "add_colour_bar",
    "add_legend",
    "draw_map",
    "log_ticks",
    "name_classes",
    "prepare",
    "set_log_ticks",
    "worst_first",
]

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unseen.inspection.imbalance import ImbalanceReport
from unseen.report import charts, figure_files, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Limits = tuple[float, float]

HEAT = "viridis"  # reads on light and on dark pages
MANY = 70  # classes, whose names would touch
SMALL, TEXT = 7.5, 9.0  # points
STEPS = ((1,), (1, 3), (1, 2, 5))  # the ticks of a decade, as few as are enough


@dataclass(frozen=True)
class Colours:
    """The colours of a figure: of a file, or the stand-ins of a page.

    Arguments:
        ink: Of text.
        muted: Of what explains.
        rule: Of lines.
        paper: Of the ground.
        seen: Of seen classes.
        unseen: Of unseen classes.
    """

    ink: str
    muted: str
    rule: str
    paper: str
    seen: str
    unseen: str

    def of(self, group: str) -> str:
        """Returns the colour of ``"seen"`` or ``"unseen"``."""
        return self.seen if group == "seen" else self.unseen


PAGE = Colours(svg.INK, svg.MUTED, svg.RULE, svg.PAPER, *svg.SERIES[:2])
FILE = Colours(figure_files.INK, figure_files.MUTED, "#d3d1cb", "white", *("#0b6e99", "#d9730d"))


def worst_first(report: ImbalanceReport) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the rows of the error matrix, seen above unseen, and its columns, the worst first."""
    whole = report.whole
    rows = np.lexsort((-whole.matrix.mean(axis=1), ~report.seen[whole.classes]))

    return rows, np.argsort(-whole.matrix.mean(axis=0), kind="stable")


def draw_map(axes: "Axes", matrix: NDArray, limits: Limits, colours: Colours) -> "AxesImage":
    """Draws positive numbers as colours on a logarithmic scale; zeros lie at its lower end.

    NaN is without colour.
    """
    from matplotlib.colors import LogNorm

    image = axes.imshow(
        np.clip(matrix, limits[0], None),
        cmap=HEAT,
        norm=LogNorm(*limits),
        aspect="auto",
        interpolation="none",
    )
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(colors=colours.ink, length=0)

    return image


def add_colour_bar(
    figure: "Figure",
    axes: "Axes",
    image: "AxesImage",
    colours: Colours,
    label: str,
    extend: str = "neither",
) -> None:
    """Draws the scale of a map below it."""
    bar = figure.colorbar(
        image, ax=axes, location="bottom", extend=extend, shrink=0.6, aspect=34, pad=0.01
    )
    bar.outline.set_visible(False)
    set_log_ticks(bar.ax.xaxis, bar.ax.get_xlim())
    bar.ax.tick_params(which="both", colors=colours.muted, labelsize=SMALL)
    bar.set_label(label, color=colours.muted, fontsize=TEXT)


def set_log_ticks(axis: "Axis", limits: Limits) -> None:
    """Gives a logarithmic axis plain numbers that do not touch: matplotlib's own may."""
    axis.set_ticks(log_ticks(limits), minor=False)
    axis.set_ticks([], minor=True)
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def log_ticks(limits: Limits) -> list[float]:
    """Returns at least three round numbers between limits, if possible; powers of ten, if enough.

    Example:
        >>> log_ticks((0.5, 200.0)), log_ticks((1.0, 12.0)), log_ticks((1.0, 6.0))
        ([1.0, 10.0, 100.0], [1.0, 3.0, 10.0], [1.0, 2.0, 5.0])
    """
    from matplotlib.ticker import MaxNLocator

    powers = range(math.floor(math.log10(limits[0])), math.ceil(math.log10(limits[1])) + 1)
    even = [float(f"{tick:.6g}") for tick in MaxNLocator(3).tick_values(*limits)]
    choices = [[float(f"{step}e{p}") for p in powers for step in steps] for steps in STEPS]
    within = [[t for t in ticks if limits[0] <= t <= limits[1]] for ticks in (*choices, even)]

    return next((ticks for ticks in within if len(ticks) >= 3), within[-1])


def name_classes(
    axes: "Axes", report: ImbalanceReport, classes: NDArray[np.int64], colours: Colours, many: str
) -> None:
    """Names the rows of a map of at most ``MANY`` classes; of more it says what they are."""
    if len(classes) > MANY:
        axes.set_yticks([])
        axes.set_ylabel(many, color=colours.muted, fontsize=TEXT)
        return

    names = [charts.shortened(report.class_names[label]) for label in classes]
    axes.set_yticks(range(len(names)), names, fontsize=7, parse_math=False)
    for tick, is_seen in zip(axes.get_yticklabels(), report.seen[classes], strict=True):
        tick.set_color(colours.of("seen" if is_seen else "unseen"))


def prepare(axes: "Axes", colours: Colours) -> None:
    """Makes axes quiet."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(colours.rule)
    axes.tick_params(which="both", colors=colours.muted, labelsize=SMALL, length=0)


def add_legend(axes: "Axes", colours: Colours) -> None:
    """Draws the legend above the axes."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        borderaxespad=0.1,
        borderpad=0.2,
        frameon=False,
        labelcolor=colours.ink,
        fontsize=TEXT,
        handletextpad=0.4,
        columnspacing=1.4,
    )
