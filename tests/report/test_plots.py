"""The figure of seen-unseen curves: any names, whole files, no more curves than colours."""

from pathlib import Path

import numpy as np
import pytest

from unseen.metrics.gzsl import SeenUnseenCurve
from unseen.report.plots import COLOURS, LabelledCurve, plot_seen_unseen_curves

CURVE = SeenUnseenCurve(np.zeros(1), np.array([0.0, 0.9]), np.array([0.6, 0.0]))


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_names_with_dollar_signs_are_no_mathematics(tmp_path: Path, suffix: str) -> None:
    curves = [LabelledCurve("$\\bad{ $", CURVE, {}), LabelledCurve("other", CURVE, {})]
    file = tmp_path / f"curves{suffix}"
    plot_seen_unseen_curves(curves, file, "$x_{$ and more")
    first = file.read_bytes()
    plot_seen_unseen_curves(curves, file, "$x_{$ and more")

    assert first.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    assert file.read_bytes() == first
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("number", [0, len(COLOURS) + 1])
def test_a_number_of_curves_that_does_not_fit(number: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"One to 5 curves fit into one plot; got {number}"):
        plot_seen_unseen_curves(
            [LabelledCurve("one", CURVE, {})] * number, tmp_path / "a.png", "None"
        )
