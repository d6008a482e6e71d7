"""Figures of inspection: whole files, the same bytes again, and any numbers."""

from pathlib import Path

import pytest

from unseen.data.dataset import DataError
from unseen.inspection.gradients import DescentLine
from unseen.report.variance_plots import Course, plot_descent, plot_stages, plot_why_normalization

LINE = DescentLine((0.0, 0.01, 0.02), (3.7, 3.5, 3.6), (2.0, 1.5, 1.7), (4.0, 0.0))


def draw_all(folder: Path, suffix: str) -> list[Path]:
    paths = [folder / f"{name}{suffix}" for name in ("stages", "descent", "why")]
    rows = {"loss": (3.7, 0.5), "trace": (-300.0, 40.0)}
    courses = [
        Course("one", {"plain": [0.1, 2.0], "normalised": [0.3, 2.5]}),
        Course("flat", {"plain": [0.0, 2.0]}),
        Course("linear", {"plain": [9.0, 10.0]}, log=False),
    ]
    starts = {"nothing": {"linear": 1.0, "deep": 1e-6}, "both": {"deep": 1.0}}

    plot_stages(rows, ("before", "after"), paths[0], "Some <rows> & $\\bad{ $signs", "")
    plot_descent({"before": LINE, "after": LINE}, paths[1], "$\\bad{$")
    plot_why_normalization(starts, courses, paths[2], "Why")

    return paths


@pytest.mark.parametrize("suffix", [".svg", ".png", ".SVG"])
def test_the_same_numbers_give_the_same_file(tmp_path: Path, suffix: str) -> None:
    first = [path.read_bytes() for path in draw_all(tmp_path, suffix)]
    again = [path.read_bytes() for path in draw_all(tmp_path, suffix)]

    assert first == again
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        plot_descent({"before": LINE}, tmp_path / "none" / "figure.png", "Down")
