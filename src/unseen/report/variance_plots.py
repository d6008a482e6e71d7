"""Figures of what inspection finds: variances, the loss on the way down, curvature."""

__all__ = ["Course", "plot_descent", "plot_stages", "plot_why_normalization"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unseen.inspection.gradients import DescentLine
from unseen.report.figure_files import FAINT, INK, MUTED, new_figure, save, set_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#9b9a97", "#d9730d", "#6940a5", "#0b6e99", "#448361")
MARKERS = ("o", "D", "s")
ROW = 0.32  # inches
FEW = 30.0  # a range too small for powers of ten alone


@dataclass(frozen=True)
class Course:
    """One measure through training, for several networks.

    Arguments:
        title: What the measure is.
        lines: The values of each network, from before the training to after its last epoch.
        log: Whether the axis is logarithmic.
    """

    title: str
    lines: Mapping[str, Sequence[float]]
    log: bool = True


def plot_stages(
    rows: Mapping[str, Sequence[float]], stages: Sequence[str], path: Path, title: str, label: str
) -> None:
    """Draws how numbers moved between stages: a row each, a dot per stage.

    Arguments:
        rows: The numbers of each row, one per stage.
        stages: The names of the two stages.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.
        label: What the numbers are.

    Raises:
        DataError: If the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "stages.svg"
        ...     plot_stages({"logits": (0.1, 2.0)}, ("before", "after"), path, "One row", "size")
        ...     path.read_text()[:5]
        '<?xml'
    """
    figure = new_figure(6.8, 1.5 + ROW * len(rows))
    axes = figure.add_subplot()
    prepare(axes, title)
    axes.set_xlabel(label, color=MUTED)
    use_log_axis(axes, "x", [value for values in rows.values() for value in values])

    for place, values in enumerate(rows.values()):
        axes.plot([min(values), max(values)], [place, place], color=FAINT, lw=3, zorder=1)
    for number, (stage, face) in enumerate(zip(stages, ("white", COLOURS[3]), strict=True)):
        values = [row[number] for row in rows.values()]
        size = 60 - 24 * number  # where two dots coincide, the first shows as a ring
        axes.scatter(
            values,
            range(len(rows)),
            s=size,
            color=face,
            edgecolors=COLOURS[3],
            linewidths=1.4,
            label=stage,
            zorder=2 + number,
        )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, labelcolor=INK, fontsize=9)

    save(figure, path)


def plot_descent(lines: Mapping[str, DescentLine], path: Path, title: str) -> None:
    """Draws loss and gradient on the straight line against the gradient.

    Arguments:
        lines: What was found at each stage.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.

    Raises:
        DataError: If the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> line = DescentLine((0.0, 0.02), (3.7, 3.5), (2.0, 1.5), (1.0,))
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "descent.png"
        ...     plot_descent({"before": line}, path, "One step")
        ...     path.stat().st_size > 0
        True
    """
    figure = new_figure(8.6, 3.6)
    left, right = figure.subplots(1, 2)
    prepare(left, "loss")
    prepare(right, "change of the gradient per distance")
    set_heading(figure, title, 12)

    for (name, line), colour in zip(lines.items(), (COLOURS[0], COLOURS[3]), strict=False):
        percent = [100 * distance for distance in line.distances]
        left.plot(percent, line.losses, color=colour, lw=2, marker="o", ms=4, label=name)
        right.plot(percent[1:], line.changes, color=colour, lw=2, marker="o", ms=4)
    use_log_axis(right, "y", [change for line in lines.values() for change in line.changes])
    left.legend(frameon=False, labelcolor=INK, fontsize=9)
    for axes in (left, right):
        axes.set_xlabel("distance against the gradient (% of the weights' length)", color=MUTED)
        axes.set_xlim(0, None)

    save(figure, path)


def plot_why_normalization(
    starts: Mapping[str, Mapping[str, float]], courses: Sequence[Course], path: Path, title: str
) -> None:
    """Draws the argument for Class Normalization: variance at the start, then through training.

    Arguments:
        starts: For each combination of parts, the variance of the pre-logits in units of that of
            the features, by the name of the embedder; three embedders at most.
        courses: Three measures through training.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.

    Raises:
        DataError: If the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> course = Course("loss", {"plain": (3.7, 2.9), "normalised": (3.7, 2.5)})
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "why.svg"
        ...     plot_why_normalization({"plain": {"linear": 0.1}}, [course] * 3, path, "Why")
        ...     path.stat().st_size > 0
        True
    """
    figure = new_figure(11.0, 8.0)
    set_heading(figure, title, 14)
    panels = figure.subplots(2, 2).flat

    draw_starts(panels[0], starts)
    for axes, course in zip(panels[1:], courses, strict=True):
        draw_course(axes, course)

    save(figure, path)


def draw_starts(axes: "Axes", starts: Mapping[str, Mapping[str, float]]) -> None:
    """Draws a row per combination and a mark per embedder, with a line where theory wants them."""
    prepare(axes, "Before training: variance of z · p in units of that of z")
    use_log_axis(axes, "x", [value for row in starts.values() for value in row.values()])
    axes.axvline(1, color=INK, lw=1, ls=(0, (4, 3)), zorder=1)
    axes.text(1, -0.32, " theory", color=INK, fontsize=8.5, va="center", ha="left")

    embedders = list(dict.fromkeys(name for row in starts.values() for name in row))
    for place, row in enumerate(starts.values()):
        axes.plot([min(row.values()), max(row.values())], [place] * 2, color=FAINT, lw=3, zorder=1)
    for name, marker, colour in zip(embedders, MARKERS, COLOURS[1:], strict=False):
        found = [(row[name], place) for place, row in enumerate(starts.values()) if name in row]
        values, places = zip(*found, strict=True)
        axes.scatter(values, places, s=46, marker=marker, color=colour, label=name, zorder=3)

    axes.set_yticks(range(len(starts)), list(starts))
    axes.set_ylim(len(starts) - 0.4, -0.7)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.08),
        ncols=3,
        frameon=False,
        labelcolor=INK,
        fontsize=9,
        handletextpad=0.2,
    )


def draw_course(axes: "Axes", course: Course) -> None:
    """Draws a line per network, named in a legend in the order in which the lines end."""
    prepare(axes, course.title)
    axes.set_xlabel("epochs of training", color=MUTED)
    if course.log:
        use_log_axis(axes, "y", [value for line in course.lines.values() for value in line])
    else:
        axes.set_ylim(0, 1.08 * max(value for line in course.lines.values() for value in line))

    for (name, values), colour in zip(course.lines.items(), COLOURS, strict=False):
        axes.plot(values, color=colour, lw=2, marker="o", ms=3.5, label=name, clip_on=False)
    handles, names = axes.get_legend_handles_labels()
    ends = [values[-1] for values in course.lines.values()]
    order = sorted(range(len(ends)), key=lambda i: -ends[i])
    axes.legend(
        [handles[i] for i in order],
        [names[i] for i in order],
        frameon=False,
        labelcolor=INK,
        fontsize=9,
    )
    axes.set_xlim(0, None)


def prepare(axes: "Axes", title: str) -> None:
    """Gives axes a title and a grid, and makes them quiet."""
    heading = axes.set_title(title, loc="left", color=INK, fontsize=10.5, weight="bold", pad=8)
    heading.set_parse_math(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.grid(color=FAINT, lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=INK, length=0)


def use_log_axis(axes: "Axes", axis: str, values: Sequence[float]) -> None:
    """Makes an axis logarithmic, with plain numbers, where no value forbids it."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if min(values) <= 0:
        return
    axes.set(**{f"{axis}scale": "log"})
    ticks = axes.xaxis if axis == "x" else axes.yaxis
    few = max(values) < FEW * min(values)
    ticks.set_major_formatter("{x:g}")
    ticks.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    ticks.set_minor_formatter("{x:g}" if few else NullFormatter())
