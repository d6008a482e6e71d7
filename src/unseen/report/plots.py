"""The seen-unseen curves of a few methods, as a file."""

__all__ = ["LabelledCurve", "plot_seen_unseen_curves"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unseen.metrics.gzsl import GZSLResult, SeenUnseenCurve
from unseen.report.figure_files import INK, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0b6e99", "#d9730d", "#6940a5", "#448361", "#ad1a72")
PALE, RULE = "#9b9a97", "#d3d1cb"
MARKERS = ("o", "D", "*")
SIZES = (56, 40, 260)
HOLLOW = "*"  # a bound, not a result
LEVELS = (20, 40, 60, 80)  # of H, in percent


@dataclass(frozen=True)
class LabelledCurve:
    """A curve with the results to mark on it.

    Arguments:
        name: The name of the method.
        curve: Its seen and unseen accuracy for every penalty.
        results: Up to three results to mark, by the name of their penalty, the same for every
            curve; the third is a bound.
    """

    name: str
    curve: SeenUnseenCurve
    results: Mapping[str, GZSLResult]


def plot_seen_unseen_curves(curves: Sequence[LabelledCurve], path: Path, title: str) -> None:
    """Draws seen over unseen accuracy for every penalty on seen classes, in percent.

    Arguments:
        curves: The curves, one to five.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.

    Raises:
        ValueError: If there is no curve, or there are more than colours.
        DataError: If the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> sides = np.array([0.0, 0.9]), np.array([0.6, 0.0])
        >>> curve = LabelledCurve("mine", SeenUnseenCurve(np.zeros(1), *sides), {})
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "curve.png"
        ...     plot_seen_unseen_curves([curve], path, "one curve")
        ...     path.stat().st_size > 0
        True
    """
    if not 1 <= len(curves) <= len(COLOURS):
        raise ValueError(f"One to {len(COLOURS)} curves fit into one plot; got {len(curves)}.")

    figure = new_figure(6.4, 6.0)
    axes = figure.add_subplot()
    prepare(axes, title)
    draw_harmonic_means(axes)
    for curve, colour in zip(curves, COLOURS, strict=False):
        draw_curve(axes, curve, colour)
    add_legends(axes, curves)

    save(figure, path)


def prepare(axes: "Axes", title: str) -> None:
    """Makes axes from 0 to 100 percent; a dollar sign in the title is no mathematics."""
    heading = axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=12)
    heading.set_parse_math(False)
    axes.set_xlabel("unseen accuracy U (%)", color=INK)
    axes.set_ylabel("seen accuracy S (%)", color=INK)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=INK, length=0)


def draw_harmonic_means(axes: "Axes") -> None:
    """Draws faint lines of equal H, which the eye would else have to compute."""
    for level in LEVELS:
        unseen = np.linspace(level / 2, 100, 200)[1:]
        seen = level * unseen / (2 * unseen - level)
        axes.plot(unseen, seen, color=RULE, linewidth=0.8, linestyle=(0, (4, 4)), zorder=1)
        axes.text(101, seen[-1], f"H = {level}", color=PALE, fontsize=8, va="center")


def draw_curve(axes: "Axes", labelled: LabelledCurve, colour: str) -> None:
    """Draws a curve, and marks the results on it."""
    unseen, seen = 100 * labelled.curve.unseen_accuracy, 100 * labelled.curve.seen_accuracy
    axes.plot(unseen, seen, color=colour, linewidth=2, zorder=3, clip_on=False)
    axes.fill_between(unseen, seen, color=colour, alpha=0.05, linewidth=0)

    marks = list(zip(labelled.results.values(), MARKERS, SIZES, strict=False))
    for result, marker, size in reversed(marks):  # where two coincide, the first lies on top
        axes.scatter(
            100 * result.unseen_accuracy,
            100 * result.seen_accuracy,
            s=size,
            c="white" if marker == HOLLOW else colour,
            marker=marker,
            edgecolors=colour if marker == HOLLOW else "white",
            linewidths=1.2,
            zorder=4,
            clip_on=False,
        )


def add_legends(axes: "Axes", curves: Sequence[LabelledCurve]) -> None:
    """Adds one legend of colours, for methods, and one of markers, for penalties."""
    from matplotlib.lines import Line2D

    methods = [
        Line2D([], [], color=colour, lw=2, label=f"{item.name}, AUSUC {100 * item.curve.area:.1f}")
        for item, colour in zip(curves, COLOURS, strict=False)
    ]
    penalties = [
        Line2D(
            [],
            [],
            marker=marker,
            linewidth=0,
            markersize=size**0.5,
            markerfacecolor="white" if marker == HOLLOW else INK,
            markeredgecolor=INK if marker == HOLLOW else "white",
            label=name,
        )
        for name, marker, size in zip(curves[0].results, MARKERS, SIZES, strict=False)
    ]
    legend = axes.legend(
        handles=[*methods, *penalties],
        loc="lower left",
        frameon=True,
        facecolor="white",
        edgecolor="none",
        framealpha=0.9,
        labelcolor=INK,
        fontsize=9,
    )
    legend.set_zorder(5)
    for text in legend.get_texts():
        text.set_parse_math(False)
