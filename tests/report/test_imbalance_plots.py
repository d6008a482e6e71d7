"""Figures and the page of imbalance: whole files, the same again, every number, any names."""

import base64
import io
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from balance import Balance
from browser import DESKTOP, PHONE, measure

from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.inspection.imbalance import ImbalanceReport, LossWeights, inspect_imbalance
from unseen.methods.eszsl import ESZSL
from unseen.methods.rezsl import ReZSL
from unseen.metrics.imbalance import measure_imbalance
from unseen.report.figure_parts import log_ticks
from unseen.report.imbalance_drawings import error_limits, worst_class
from unseen.report.imbalance_page import imbalance_numbers, render_imbalance
from unseen.report.imbalance_plots import (
    chart_class,
    chart_error_matrix,
    chart_label_errors,
    chart_seen_unseen,
    chart_worst_attributes,
    plot_error_matrices,
    plot_imbalance,
)
from unseen.report.weight_plots import chart_weight_history, chart_weights
from unseen.training.weight_history import EpochWeights

COMMAND = "unseen inspect model/ <toy>.npz --what imbalance"
CHARTS = {
    "matrix": chart_error_matrix,
    "attributes": chart_worst_attributes,
    "labels": chart_label_errors,
    "curve": chart_seen_unseen,
    "class": lambda report, name: chart_class(report, worst_class(report), name),
}


def inspect(data: ZeroShotData, /, **changes: Any) -> ImbalanceReport:
    train = data.subset("train")
    model = ESZSL().fit(train.features, train.labels, data.class_attributes)

    return replace(inspect_imbalance(model, data), **changes)


@pytest.fixture(scope="module")
def report(toy: ZeroShotData) -> ImbalanceReport:
    return inspect(toy)


@pytest.fixture(scope="module")
def weighted(toy: ZeroShotData) -> ImbalanceReport:
    """Returns the report of a model whose loss has weights, for three of eight classes."""
    train = toy.subset("train")
    model = ReZSL(p2=1.0, batches="episodes", ways=3, epochs=4, random_state=0)

    return inspect_imbalance(model.fit(train.features, train.labels, toy.class_attributes), toy)


@pytest.fixture(scope="module")
def awkward(toy: ZeroShotData) -> ImbalanceReport:
    """Returns a report with names that are long, or look like mathematics or HTML."""
    return inspect(
        toy,
        class_names=tuple(f"$\\bad{{ <b>class & {number}" * 3 for number in range(12)),
        attribute_names=tuple(f"$x_ <i>{number} {'long' * 20}" for number in range(8)),
        data="<data> " + "long" * 30,
    )


@pytest.mark.parametrize("suffix", [".svg", ".png", ".SVG"])
def test_the_same_report_gives_the_same_file(
    report: ImbalanceReport, tmp_path: Path, suffix: str
) -> None:
    path, both = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"

    def draw() -> tuple[bytes, bytes]:
        plot_imbalance(report, path, "Imbalance")
        plot_error_matrices({"a": report.whole.matrix, "b": report.whole.matrix**2}, both, "Two")
        return path.read_bytes(), both.read_bytes()

    assert draw() == draw()
    assert sorted(tmp_path.iterdir()) == [path, both]


def test_any_names_can_be_drawn(awkward: ImbalanceReport, tmp_path: Path) -> None:
    plot_imbalance(awkward, tmp_path / "figure.svg", "$\\bad{ <title>")

    ElementTree.parse(tmp_path / "figure.svg")


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_whole_elements_in_the_colours_of_the_page(
    report: ImbalanceReport, name: str
) -> None:
    svg = CHARTS[name](report, name)
    element = ElementTree.fromstring(svg)
    names = re.findall(r'\bid="([^"]+)"', svg)

    assert element.tag == "svg"
    assert element.get("aria-label")
    assert "var(--ink)" in svg or "var(--muted)" in svg
    assert "#0101" not in svg
    assert "http" not in svg
    assert len(names) == len(set(names))
    assert all(one.startswith(f"{name}-") for one in names)


def test_the_map_of_colours_is_one_small_picture(report: ImbalanceReport) -> None:
    """It holds as many pixels as there are entries, whatever their number."""
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", chart_error_matrix(report, "m"))
    header = base64.b64decode(encoded[0])[16:24]  # width and height of a PNG file

    assert struct.unpack(">II", header) == (8, 12)


# The weights of a loss.


@pytest.mark.parametrize("chart", [chart_weights, chart_weight_history])
def test_charts_of_weights_are_whole_elements_in_the_colours_of_the_page(
    weighted: ImbalanceReport, chart: Any
) -> None:
    svg = chart(weighted, "w")
    element = ElementTree.fromstring(svg)
    names = re.findall(r'\bid="([^"]+)"', svg)

    assert element.get("aria-label")
    assert "var(--muted)" in svg
    assert "#0101" not in svg
    assert len(names) == len(set(names))
    assert all(one.startswith("w-") for one in names)


def test_the_map_of_weights_stands_in_the_order_of_the_error_matrix(
    weighted: ImbalanceReport,
) -> None:
    """Its pixels are ordered as the weights are; classes without weights have no colour."""
    from matplotlib import colormaps
    from PIL import Image

    weights = weighted.weights
    assert weights is not None
    svg = chart_weights(weighted, "w")
    named = re.findall(r">(class_\d+)<", svg)
    of_errors = re.findall(r">(class_\d+)<", chart_error_matrix(weighted, "m"))
    picture = re.findall(r"data:image/png;base64,([^\"]+)", svg)[0]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGBA"))

    assert named == of_errors[:8]
    classes = [weighted.class_names[label] for label in weights.classes]
    rows = np.array([classes.index(name) for name in named])
    columns = np.argsort(-weighted.whole.matrix.mean(axis=0))
    matrix = weights.matrix[np.ix_(rows, columns)]
    shares = np.log(matrix) / np.log(weights.greatest)
    expected = np.where(np.isnan(matrix)[..., None], 0, 255 * colormaps["viridis"](shares))
    assert (pixels[..., 3] > 0).sum() == 3 * 8
    assert np.abs(pixels - expected).max() <= 1.5 * 255 / 100
    assert "not in the last batch" in svg


def test_a_legend_only_where_a_class_has_no_weights(weighted: ImbalanceReport) -> None:
    weights = weighted.weights
    assert weights is not None
    known = replace(weights, matrix=np.nan_to_num(weights.matrix, nan=1.0))

    assert "not in the last batch" not in chart_weights(replace(weighted, weights=known), "w")


def test_the_weights_of_epochs_are_points_of_two_lines(weighted: ImbalanceReport) -> None:
    weights = weighted.weights
    assert weights is not None
    svg = chart_weight_history(weighted, "w")

    assert len(weights.history) == 4
    assert f"greatest, {weights.greatest:.1f} at the end" in svg
    assert f"mean, {weights.mean:.1f} at the end" in svg
    line = r'<path d="([^"]+)" clip-path="[^"]+" style="fill: none; stroke: var\(--series-(\d)\)'
    lines = re.findall(line, svg)  # those of the legend are not clipped
    drawn = {series: re.findall(r"[ML] ([\d.]+) ([\d.]+)", d) for d, series in lines}
    for series, values in (
        ("1", [epoch.mean for epoch in weights.history]),
        ("2", [epoch.greatest for epoch in weights.history]),
    ):
        heights = [-float(y) for _, y in drawn[series]]
        assert len(heights) == 4
        assert np.corrcoef(heights, np.log(values))[0, 1] > 0.9999


@pytest.mark.parametrize("epochs", [0, 1, 40])
def test_flat_weights_and_any_number_of_epochs(
    weighted: ImbalanceReport, tmp_path: Path, epochs: int
) -> None:
    history = tuple(EpochWeights(7 + epoch, 1.0, 1.0) for epoch in range(epochs))
    flat = LossWeights(np.arange(3), np.ones((3, 8), dtype=np.float32), history, False)
    report = replace(weighted, weights=flat)
    page = render_imbalance(report, COMMAND, 0)

    plot_imbalance(report, tmp_path / "flat.png", "All the same")
    assert 'id="weights"' in page
    assert ("weights before epoch 7 were not kept" in page) == (epochs > 0)
    assert ("after each epoch." in page) == (epochs > 0)


def test_many_classes_of_weights_are_drawn_without_names(weighted: ImbalanceReport) -> None:
    classes = np.arange(12).repeat(8)
    many = LossWeights(classes, np.full((96, 8), 2.0, dtype=np.float32), (), False)
    svg = chart_weights(replace(weighted, weights=many), "w")

    assert "class_" not in svg
    assert "seen classes" in svg


def test_page_and_figure_have_weights_only_where_the_loss_has(
    weighted: ImbalanceReport, report: ImbalanceReport, tmp_path: Path
) -> None:
    weights = weighted.weights
    assert weights is not None
    with_weights, without = (render_imbalance(one, COMMAND, 0) for one in (weighted, report))
    for one, name in ((weighted, "weighted"), (report, "bare")):
        plot_imbalance(one, tmp_path / f"{name}.png", "Imbalance")
    heights = [
        struct.unpack(">I", (tmp_path / f"{name}.png").read_bytes()[20:24])[0]
        for name in ("weighted", "bare")
    ]

    assert 'id="weights-figure_1"' in with_weights
    assert 'id="history-figure_1"' in with_weights
    assert f"the mean was {weights.mean:.2f} and the greatest {weights.greatest:.2f}" in (
        with_weights
    )
    assert "over the 3 of 8 seen classes" in with_weights
    assert "multiplies the weight of the regression" in with_weights
    assert "were not kept" not in with_weights
    assert "weights" not in without
    assert heights[0] > heights[1] + 300


def test_the_page_says_where_the_mean_weight_was_taken_out(weighted: ImbalanceReport) -> None:
    weights = weighted.weights
    assert weights is not None
    divided = replace(weighted, weights=replace(weights, mean_normalized=True))
    page = render_imbalance(divided, COMMAND, 0)

    assert "divided them by their mean" in page
    assert "multiplies the weight of the regression" not in page


@pytest.mark.parametrize(
    "limits", [(1.0, 1.1), (1.0, 2.0), (1.0, 98.0), (0.0026, 0.09), (1e-9, 1.0), (0.31, 0.32)]
)
def test_ticks_of_a_logarithmic_scale_are_few_and_within(limits: tuple[float, float]) -> None:
    ticks = log_ticks(limits)

    assert 2 <= len(ticks) <= 10
    assert ticks == sorted(set(ticks))
    assert limits[0] <= ticks[0] < ticks[-1] <= limits[1]


def test_the_map_names_classes_seen_first(toy: ZeroShotData, report: ImbalanceReport) -> None:
    text = re.findall(r">(class_\d+)<", chart_error_matrix(report, "m"))
    seen = {name for name, is_seen in zip(toy.class_names, toy.seen, strict=True) if is_seen}

    assert len(text) == 12
    assert set(text[:8]) == seen
    errors = dict(zip(report.class_names, report.whole.matrix.mean(axis=1), strict=True))
    assert [errors[name] for name in text[8:]] == sorted(
        (errors[name] for name in text[8:]), reverse=True
    )


def test_many_classes_are_drawn_without_names() -> None:
    data = simulate_toy(classes=90, unseen=10)
    svg = chart_error_matrix(inspect(data), "many")

    assert "class_" not in svg
    assert "seen above" in svg


def test_the_worst_class_is_that_of_greatest_mean_error(report: ImbalanceReport) -> None:
    means = report.whole.matrix.mean(axis=1)
    worst = worst_class(report)
    svg = chart_class(report, worst, "worst")

    assert means[report.whole.classes == worst] == means.max()
    assert report.seen[worst_class(report, "seen")]
    assert not report.seen[worst_class(report, "unseen")]
    row = report.whole.matrix[report.whole.classes == worst][0]
    named = re.findall(r">(attribute \d)<", svg)
    assert named == [f"attribute {column}" for column in np.argsort(-row)]


def test_limits_leave_out_few_and_no_zeros() -> None:
    errors = np.concatenate([[0.0, 1e-20], np.linspace(0.1, 1.0, 500)])
    low, high = error_limits(errors)

    assert 0.1 <= low < 0.13
    assert high == 1.0
    assert error_limits(np.zeros((2, 2))) == (0.1, 1.0)
    assert error_limits(np.full((2, 2), 0.5)) == (0.05, 0.5)


def test_a_perfect_model_and_few_classes_can_be_drawn(
    report: ImbalanceReport, tmp_path: Path
) -> None:
    table = report.class_attributes
    rows = np.array([0, 1])
    perfect = measure_imbalance(table[rows], rows, rows, table)
    flat = replace(
        report,
        groups={"seen": perfect, "all": perfect},
        baselines={"seen": report.baselines["seen"], "all": report.baselines["all"]},
        curve=None,
    )

    plot_imbalance(flat, tmp_path / "flat.png", "Nothing to see")
    assert "nan" not in render_imbalance(flat, COMMAND, 0)


def test_matrices_of_other_shapes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one shape"):
        plot_error_matrices({"a": np.ones((2, 3)), "b": np.ones((3, 3))}, tmp_path / "a.png", "Two")
    with pytest.raises(ValueError, match=r"one shape \(k, a\); got \[\(3,\)\]"):
        plot_error_matrices({"a": np.ones(3)}, tmp_path / "a.png", "One")


def test_a_folder_that_is_not_there(report: ImbalanceReport, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        plot_imbalance(report, tmp_path / "none" / "figure.png", "Down")


def test_the_page_is_whole_and_asks_for_nothing(awkward: ImbalanceReport) -> None:
    page = render_imbalance(awkward, COMMAND, 0)
    parser = Balance()
    parser.feed(page)
    names = re.findall(r'\bid="([^"]+)"', page)

    assert parser.open == []
    assert len(names) == len(set(names))
    assert not re.search(r"https?:|<script|@import", page)
    assert "<i>" not in page
    assert "&lt;toy&gt;.npz" in page


def test_the_page_has_every_number(report: ImbalanceReport) -> None:
    page = render_imbalance(report, COMMAND, 0)

    for name, found in report.groups.items():
        for number in imbalance_numbers(found, report.baselines[name]).values():
            assert f'<td class="number">{number}</td>' in page
    assert f"{1000 * report.whole.spread.mean:.3f}" in page
    assert f"{100 * report.groups['unseen'].class_correlation:.1f}" in page
    for name in (*report.attribute_names, *report.class_names):
        assert f">{name}<" in page


def test_correlations_that_are_not_defined_are_no_number() -> None:
    """One unseen class, and as many training rows of every seen one; all errors are equal."""
    report = inspect(simulate_toy(classes=9, unseen=1))
    unseen = report.groups["unseen"]
    shown = imbalance_numbers(unseen, report.baselines["unseen"])
    equal = replace(unseen, class_correlation=np.nan)
    labels = chart_label_errors(replace(report, groups=report.groups | {"unseen": equal}), "x")

    assert shown["label and error, over classes (r × 100)"] == "–"
    assert shown["label and error, over attributes (r × 100)"] != "–"
    assert "number of training rows: r × 100 = –." in render_imbalance(report, COMMAND, 0)
    assert "unseen, r = –" in labels


def test_the_page_says_that_test_rows_were_seen(report: ImbalanceReport) -> None:
    assert "has seen the test rows" in render_imbalance(report, COMMAND, 0)


@pytest.mark.usefixtures("browser")
@pytest.mark.parametrize("width", [DESKTOP, PHONE, 320])
def test_nothing_overflows(
    awkward: ImbalanceReport, report: ImbalanceReport, weighted: ImbalanceReport, width: int
) -> None:
    for one in (replace(awkward, weights=weighted.weights), report):
        layout = measure(render_imbalance(one, COMMAND * 8, 0), width)

        assert layout.width == width
        assert layout.overflowing == []
        assert layout.requests == []
        assert layout.height > 2000
