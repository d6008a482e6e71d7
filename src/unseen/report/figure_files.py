"""Figures as files: a new one, its heading, its colours, and how it is written."""

__all__ = ["FAINT", "INK", "MUTED", "new_figure", "save", "set_heading"]

from pathlib import Path
from typing import TYPE_CHECKING

from unseen.data.atomic import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, FAINT = "#37352f", "#787774", "#e3e2de"
PIXELS_PER_INCH = 160


def new_figure(width: float, height: float) -> "Figure":
    """Makes a figure of its own; those of pyplot, and its choice of a backend, are global."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=PIXELS_PER_INCH, layout="constrained")


def set_heading(figure: "Figure", title: str, size: float) -> None:
    """Writes the title above all panels; a dollar sign in a name is no mathematics."""
    heading = figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=size, weight="bold")
    heading.set_parse_math(False)


def save(figure: "Figure", path: Path) -> None:
    """Writes SVG or PNG, the same bytes for the same figure."""
    import matplotlib

    kind = path.suffix.removeprefix(".").lower()
    metadata = {"Date": None} if kind == "svg" else {}
    with matplotlib.rc_context({"svg.hashsalt": path.name}), writing(path) as file:
        figure.savefig(file, format=kind, metadata=metadata)
