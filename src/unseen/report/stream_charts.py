"""The figures of streams: measures after each task, forgetting, memory."""

__all__ = [
    "Line",
    "assign_lines",
    "bands_fit",
    "chart_courses",
    "chart_family",
    "chart_forgetting",
    "chart_memory",
    "family_of",
]

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unseen.report.charts import ROOM, SMALL, TEXT, finish, shortened, start
from unseen.report.measures import Measure
from unseen.report.stream_records import MEGABYTE
from unseen.report.stream_summary import JOINT, Course, StreamMethod
from unseen.report.svg import INK, MORE, MUTED, PAPER, RULE, SERIES, inline_svg, variable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (*SERIES, *MORE)
BOUNDS = {"sequential": MUTED, JOINT: INK}  # what every other strategy is between
SOLID: tuple[float, ...] = ()
DASHES: tuple[tuple[float, ...], ...] = ((4, 2), (1.2, 1.2), (8, 2), (2, 3))
EXACT_DASHES: tuple[tuple[float, ...], ...] = ((6, 1.5, 1.2, 1.5), (6, 1.5, 1.2, 1.5, 1.2, 1.5))
CROWD = 6  # methods, beyond which bands hide each other
BAR = 0.25  # inches
LEGEND, HANDLE = 36, 4  # letters: of a line beside the names, of a handle


@dataclass(frozen=True)
class Line:
    """How a method is drawn in every figure of its page.

    Arguments:
        colour: A colour of the page; that of the strategy.
        dashes: The lengths of dashes and gaps in widths of the line; none for a solid line, which
            is a head with class norm.
    """

    colour: str
    dashes: tuple[float, ...]

    @property
    def style(self) -> object:
        """The dashes as matplotlib knows them."""
        return (0, self.dashes) if self.dashes else "-"

    @property
    def css(self) -> str:
        """The colour as the style sheet knows it."""
        return variable(self.colour)


def assign_lines(methods: Sequence[StreamMethod], families: Sequence[str]) -> dict[str, Line]:
    """Returns the line of each method of a stream, by its name.

    Arguments:
        methods: The methods.
        families: All strategies and exact methods of the page, which so keep their colours.
    """
    others = [family for family in families if family not in BOUNDS]
    colours = BOUNDS | {
        family: COLOURS[number % len(COLOURS)] for number, family in enumerate(others)
    }
    lines: dict[str, Line] = {}
    for method in sorted(methods, key=lambda method: (not method.class_norm, method.name)):
        colour = colours[family_of(method)]
        used = [line.dashes for line in lines.values() if line.colour == colour]
        patterns = patterns_of(method)
        free = [dashes for dashes in patterns if dashes not in used]
        lines[method.name] = Line(colour, (free or patterns)[0])

    return lines


def patterns_of(method: StreamMethod) -> tuple[tuple[float, ...], ...]:
    """Returns the dashes that a method may have, the first that is free to be taken."""
    if method.strategy is None:
        return EXACT_DASHES

    return (SOLID, *DASHES) if method.class_norm else DASHES


def family_of(method: StreamMethod) -> str:
    """Returns what gives a method its colour: the strategy, or the exact method itself."""
    return method.strategy or method.method


def chart_courses(
    methods: Sequence[StreamMethod], lines: Mapping[str, Line], measure: Measure, name: str
) -> str:
    """Draws a measure after each task: the mean of each method, and bands if they are few.

    Arguments:
        methods: The methods, the first on top.
        lines: How each is drawn, by its name.
        measure: The measure, one of ``COURSES``.
        name: The name of the figure, unique in its page.
    """
    band = bands_fit(methods)
    figure, axes = start(3.1)
    prepare_tasks(axes, methods, measure, band)
    axes.set_xlabel("tasks learned", fontsize=TEXT, color=MUTED)
    axes.set_ylabel(f"{measure.symbol} (%)", fontsize=TEXT, color=MUTED)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    for method in reversed(methods):
        draw_course(axes, method.courses[measure.name], lines[method.name], band)

    names = ", ".join(method.name for method in methods)
    return inline_svg(figure, name, f"{measure.symbol} after each task: {names}.")


def chart_family(
    family: str,
    methods: Sequence[StreamMethod],
    lines: Mapping[str, Line],
    measure: Measure,
    name: str,
) -> str:
    """Draws a measure after each task for one strategy or exact method, with its bands.

    Arguments:
        family: What is drawn.
        methods: All methods of the stream, to which the axes fit.
        lines: How each is drawn, by its name.
        measure: The measure, one of ``COURSES``.
        name: The name of the figure, unique in its page.
    """
    figure, axes = start(1.7, 2.05)
    prepare_tasks(axes, methods, measure, band=True)
    title = axes.set_title(shortened(family), fontsize=TEXT, color=INK, loc="left", pad=4)
    title.set_parse_math(False)
    for method in reversed(methods):
        if family_of(method) == family:
            draw_course(axes, method.courses[measure.name], lines[method.name], band=True)

    return inline_svg(figure, name, f"{measure.symbol} after each task, with {family}.")


def bands_fit(methods: Sequence[StreamMethod]) -> bool:
    """Says whether bands can be told apart in one figure."""
    return len(methods) <= CROWD


def draw_course(axes: "Axes", course: Course, line: Line, band: bool) -> None:
    """Draws the mean after each task and, if it is wanted, the band over class orders."""
    tasks = np.arange(1, len(course.mean) + 1)
    if band:
        axes.fill_between(
            tasks,
            100 * course.low,
            100 * course.high,
            color=line.colour,
            alpha=0.12,
            linewidth=0,
        )
    axes.plot(
        tasks,
        100 * course.mean,
        color=line.colour,
        linestyle=line.style,
        linewidth=1.5,
        marker="o",
        markersize=2.2,
        markeredgewidth=0,
    )


def prepare_tasks(
    axes: "Axes", methods: Sequence[StreamMethod], measure: Measure, band: bool
) -> None:
    """Makes the axis of tasks, with whole numbers, and that of the measure, the same for all."""
    from matplotlib.ticker import MaxNLocator

    courses = [method.courses[measure.name] for method in methods]
    axes.set_xlim(0.7, len(courses[0].mean) + 0.3)
    axes.set_ylim(0, top([course.high if band else course.mean for course in courses]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    axes.set_axisbelow(True)
    finish(axes)


def top(values: Sequence[NDArray[np.float64]]) -> float:
    """Returns where an axis in percent ends."""
    measured = np.concatenate(values)
    greatest = float(np.nanmax(measured)) if np.isfinite(measured).any() else 0.0

    return min(100.0, max(1.0, ROOM * 100 * greatest))


def chart_forgetting(methods: Sequence[StreamMethod], lines: Mapping[str, Line], name: str) -> str:
    """Draws the mean forgetting of each method as a bar, with its deviation over class orders."""
    spreads = [method.measures["mean_forgetting"] for method in methods]
    figure, axes = start(0.6 + BAR * len(methods))
    prepare_bars(axes, methods)
    axes.set_xlabel("forgetting (percent points)", fontsize=TEXT, color=MUTED)
    axes.axvline(0, color=MUTED, linewidth=0.7, zorder=4)

    for place, (method, spread) in enumerate(zip(methods, spreads, strict=True)):
        if math.isnan(spread.mean):
            continue
        colour = lines[method.name].colour
        axes.barh(
            place,
            100 * spread.mean,
            0.68,
            color=colour if method.class_norm or method.strategy is None else PAPER,
            edgecolor=colour,
            linewidth=1.1,
        )
        if not math.isnan(spread.deviation):
            ends = [100 * (spread.mean - spread.deviation), 100 * (spread.mean + spread.deviation)]
            axes.plot(ends, [place, place], color=INK, linewidth=0.8, zorder=4)

    return inline_svg(figure, name, "The mean forgetting of each method.")


def chart_memory(methods: Sequence[StreamMethod], name: str) -> str:
    """Draws what each method keeps from task to task, by part, when it keeps most."""
    parts = sorted({part for method in methods for part in method.memory})
    totals = [sum(method.memory.values()) / MEGABYTE for method in methods]
    figure, axes = start(1.0 + BAR * len(methods))
    prepare_bars(axes, methods)
    axes.set_xlim(0, 1.3 * max(*totals, 1e-6))  # room for the number behind the bar
    axes.set_xlabel("kept, at most (MB)", fontsize=TEXT, color=MUTED)

    places, left = np.arange(len(methods)), np.zeros(len(methods))
    for number, part in enumerate(parts):
        sizes = np.array([method.memory.get(part, 0.0) / MEGABYTE for method in methods])
        axes.barh(places, sizes, 0.68, left=left, color=COLOURS[number % len(COLOURS)], label=part)
        left += sizes
    for place, total in enumerate(totals):
        axes.annotate(
            f"{total:,.3g}",
            (total, place),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=SMALL,
            color=MUTED,
            va="center",
        )
    if parts:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=max(1, LEGEND // (max(map(len, parts)) + HANDLE)),
            frameon=False,
            labelcolor=INK,
            fontsize=TEXT,
            handlelength=1.0,
        )

    return inline_svg(figure, name, "What each method keeps from task to task, by part.")


def prepare_bars(axes: "Axes", methods: Sequence[StreamMethod]) -> None:
    """Makes the axis of methods, the first above."""
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    names = [shortened(method.name) for method in methods]
    axes.set_yticks(range(len(methods)), names, parse_math=False)
    axes.set_ylim(len(methods) - 0.45, -0.55)
    axes.tick_params(colors=INK, labelsize=TEXT, length=0)
