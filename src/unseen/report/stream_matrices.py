"""The accuracy on each task of a stream after each, as small figures."""

__all__ = ["chart_matrix", "shown_tasks"]

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unseen.report.charts import SMALL, finish, shortened, start
from unseen.report.stream_summary import StreamMethod
from unseen.report.svg import INK, MUTED, SERIES, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_BREAK = "\u00a0"  # a space that keeps its line
LEVELS = 10  # of the colour of a matrix
MOST = 30  # tasks of which a matrix has rows and columns
FEW = 6  # tasks whose numbers fit into the cells
CELL = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)])


def chart_matrix(method: StreamMethod, greatest: float, name: str) -> str:
    """Draws the accuracy on each task after each, the darker the better.

    Arguments:
        method: The method.
        greatest: The accuracy of full colour.
        name: The name of the figure, unique in its page.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    tasks = shown_tasks(len(method.accuracy))
    accuracy = method.accuracy[np.ix_(tasks, tasks)]
    levels = np.ceil(LEVELS * np.nan_to_num(accuracy) / max(greatest, 1e-9)).astype(int)
    figure, axes = start(2.05, 1.9)
    axes.set_title(wrapped(method.name), fontsize=SMALL, color=INK, loc="left", parse_math=False)
    axes.set(xlim=(0, len(tasks)), ylim=(len(tasks), 0), aspect="equal")

    for level in range(1, levels.max() + 1):  # a path each, which is shorter than all the cells
        places = np.argwhere(levels == level)
        if len(places):
            cells = [CELL + place[::-1] for place in places]
            path = Path.make_compound_path(*(Path(cell, closed=True) for cell in cells))
            axes.add_patch(
                PathPatch(path, facecolor=SERIES[0], alpha=0.85 * level / LEVELS, linewidth=0)
            )
    if len(tasks) <= FEW:
        write_cells(axes, accuracy)
    steps = np.repeat(np.arange(len(tasks) + 1), 2)
    axes.plot(steps[1:], steps[:-1], color=INK, linewidth=0.6)  # above it: not learned yet

    numbers = [0, len(tasks) - 1]
    labels = [f"{tasks[number] + 1}" for number in numbers]
    axes.set_xticks([number + 0.5 for number in numbers], labels)
    axes.set_yticks([number + 0.5 for number in numbers], labels)
    axes.set_xlabel("accuracy on task", fontsize=SMALL, color=MUTED, labelpad=0)
    axes.set_ylabel("after task", fontsize=SMALL, color=MUTED, labelpad=0)
    finish(axes)

    return inline_svg(figure, name, f"The accuracy on each task after each, with {method.name}.")


def shown_tasks(tasks: int) -> NDArray[np.int64]:
    """Returns the numbers, from 0, of the tasks that a matrix shows: all, or some evenly.

    Example:
        >>> shown_tasks(3).tolist(), len(shown_tasks(100)), int(shown_tasks(100)[-1])
        ([0, 1, 2], 30, 99)
    """
    return np.unique(np.linspace(0, tasks - 1, min(tasks, MOST)).round().astype(np.int64))


def write_cells(axes: "Axes", accuracy: NDArray[np.float64]) -> None:
    """Writes the numbers of a small matrix, in percent."""
    for (row, column), value in np.ndenumerate(accuracy):
        if not math.isnan(value):
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{100 * value:.0f}",
                fontsize=6.5,
                color=INK,
                ha="center",
                va="center",
            )


def wrapped(name: str) -> str:
    """Returns a name on two lines, the second empty where there is no strategy."""
    head, _, strategy = name.partition(" + ")

    return f"{shortened(head)}\n{shortened(strategy) or NO_BREAK}"
