"""Imbalance against plain loops, closed cases, and other libraries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from scipy.stats import pearsonr

from unseen.metrics.imbalance import (
    count_error_correlation,
    error_matrix,
    error_spread,
    label_error_correlation,
    measure_imbalance,
    theil,
    theil_indices,
    worst_attributes,
)
from unseen.metrics.misclassification import misclassification

ERRORS = {
    "mse": lambda u, t: (u - t) ** 2,
    "rmse": lambda u, t: ((u - t) ** 2 + 1e-12) ** 0.5,
    "mae": lambda u, t: abs(u - t),
}
POSITIVE = arrays(np.float64, (4, 5), elements=st.floats(0, 1e3))


def problem(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns predictions (40, 6), labels without class 2, and a table (5, 6)."""
    rng = np.random.default_rng(seed)

    return rng.normal(size=(40, 6)), rng.choice([4, 0, 1, 3], 40), rng.random((5, 6))


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("normalize", [True, False])
def test_the_error_matrix_is_that_of_loops(error: str, normalize: bool) -> None:
    predicted, labels, table = problem()
    found = error_matrix(predicted, labels, table, error, normalize=normalize)

    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.sqrt(sum(value**2 for value in x)) if normalize else x

    for row, label in zip(found, (0, 1, 3, 4), strict=True):
        members = [i for i in range(40) if labels[i] == label]
        for s in range(6):
            errors = [ERRORS[error](unit(predicted[i])[s], unit(table[label])[s]) for i in members]
            assert row[s] == pytest.approx(sum(errors) / len(errors), rel=1e-7)


def test_the_printed_example_of_the_specification() -> None:
    predicted = np.array([[0.5, 0.2], [0.1, 0.9], [0.3, 0.3]])
    table = np.array([[0.4, 0.6], [0.2, 0.5]])
    found = error_matrix(predicted, np.array([0, 1, 0]), table, normalize=False)

    assert_allclose(found, [[0.01, 0.125], [0.01, 0.16]])


def test_the_length_of_rows_changes_nothing() -> None:
    predicted, labels, table = problem()
    found = measure_imbalance(predicted, labels, labels, table)
    longer = measure_imbalance(7 * predicted, labels, labels, 100 * table)

    assert_allclose(longer.matrix, found.matrix, rtol=1e-7)
    assert longer.class_correlation == pytest.approx(found.class_correlation)
    assert longer.attribute_correlation == pytest.approx(found.attribute_correlation)


def test_spread_is_over_attributes_after_the_mean_over_classes() -> None:
    matrix = np.random.default_rng(0).random((3, 4))
    found = error_spread(matrix)
    means = [sum(matrix[:, s]) / 3 for s in range(4)]

    assert found.mean == pytest.approx(np.mean(means))
    assert found.deviation == pytest.approx(np.std(means, ddof=1))
    assert found.variation == pytest.approx(np.std(means, ddof=1) / np.mean(means))
    assert error_spread(np.zeros((2, 3))).variation == 0
    assert np.isnan(error_spread(np.ones((2, 1))).deviation)


@pytest.mark.parametrize("mode", ["class", "attribute"])
def test_correlations_are_those_of_scipy(mode: str) -> None:
    rng = np.random.default_rng(1)
    matrix, table = rng.random((5, 7)), rng.random((5, 7))
    found = label_error_correlation(matrix, table, mode)

    rows, labels = matrix, table
    if mode == "attribute":
        rows, labels = matrix.T, (table / np.linalg.norm(table, axis=1, keepdims=True)).T
    expected = [pearsonr(row, label).statistic for row, label in zip(rows, labels, strict=True)]
    assert found == pytest.approx(np.mean(expected))
    assert len(expected) == (5 if mode == "class" else 7)


@pytest.mark.parametrize("size", [1.0, 1e-9])
def test_errors_that_follow_labels_correlate_wholly_however_small(size: float) -> None:
    table = np.random.default_rng(0).random((4, 6))

    assert label_error_correlation(size * table, table) == pytest.approx(1)
    assert label_error_correlation(size * (2 - table), table) == pytest.approx(-1)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, 1e-9])
def test_equal_errors_correlate_with_nothing(constant: float) -> None:
    table = np.random.default_rng(0).random((4, 6))
    matrix = np.full((4, 6), constant)

    assert label_error_correlation(matrix, table) == 0
    assert label_error_correlation(matrix, table, "attribute") == 0
    assert label_error_correlation(table, matrix) == 0
    assert label_error_correlation(matrix, table, undefined=7.0) == 7
    assert label_error_correlation(table[:1], table[:1], "attribute", undefined=7.0) == 7
    matrix[0] = table[0]
    assert label_error_correlation(matrix, table, undefined=7.0) == pytest.approx(0.25)


def test_what_is_not_known_correlates_with_nothing_known() -> None:
    table = np.array([[0.1, 0.5, 0.9], [0.8, 0.2, 0.5]])

    for mode in ("class", "attribute"):
        assert np.isnan(label_error_correlation(np.full((2, 3), np.nan), table, mode))


def test_counts_and_errors() -> None:
    rng = np.random.default_rng(0)
    matrix, counts = rng.random((6, 4)), rng.integers(1, 100, 6)
    expected = pearsonr(counts, matrix.mean(axis=1)).statistic

    assert count_error_correlation(matrix, counts) == pytest.approx(expected)
    assert count_error_correlation(matrix, np.full(6, 48)) == 0
    assert count_error_correlation(matrix, np.full(6, 48), undefined=7.0) == 7
    assert count_error_correlation(matrix[:1], counts[:1], undefined=7.0) == 7


def test_theil_of_closed_cases() -> None:
    assert theil(np.full(7, 0.3)) == pytest.approx(0, abs=1e-15)
    assert theil(np.array([0.4, 0.0])) == pytest.approx(np.log(2))
    assert theil(np.array([0.0, 0.0, 0.0, 5.0])) == pytest.approx(np.log(4))
    assert theil(np.zeros(3)) == 0
    small = 1 + 0.01 * np.random.default_rng(0).normal(size=10_000)
    assert theil(small) == pytest.approx(small.var() / 2, rel=0.02)


@given(values=POSITIVE, factor=st.floats(1e-3, 1e3))
def test_theil_knows_no_unit_and_lies_in_its_bounds(values: np.ndarray, factor: float) -> None:
    found = theil(values)

    assert -1e-12 <= found <= np.log(values.size) + 1e-12
    assert theil(factor * values) == pytest.approx(float(found), abs=1e-9)
    assert theil(values.ravel()[::-1]) == pytest.approx(float(found), abs=1e-12)


@given(matrix=arrays(np.float64, (4, 5), elements=st.floats(1e-3, 1e3)))
def test_total_is_between_and_the_weighted_within(matrix: np.ndarray) -> None:
    found = theil_indices(matrix)
    for axis, between, within in (
        (1, found.between_classes, found.within_classes),
        (0, found.between_attributes, found.within_attributes),
    ):
        parts = theil(matrix, axis=axis)
        shares = matrix.sum(axis=axis) / matrix.sum()
        assert found.total == pytest.approx(between + float(shares @ parts), abs=1e-9)
        assert within == pytest.approx(float(parts.mean()))


def test_theil_wants_no_negative_and_no_missing_values() -> None:
    for wrong in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="0 or more"):
            theil(np.array([1.0, wrong]))


def test_the_worst_attributes_by_name() -> None:
    matrix = np.array([[0.1, 0.5, 0.3], [0.1, 0.7, 0.1]])

    assert [name for name, _ in worst_attributes(matrix, "abc", top=2)] == ["b", "c"]
    assert dict(worst_attributes(matrix, "abc")) == pytest.approx({"a": 0.1, "b": 0.6, "c": 0.2})
    with pytest.raises(ValueError, match="each of 3 attributes; got 2"):
        worst_attributes(matrix, "ab")


def test_all_of_it_is_its_parts() -> None:
    predicted, labels, table = problem()
    chosen = np.roll(labels, 1)
    found = measure_imbalance(predicted, labels, chosen, table, "mae")

    assert found.classes.tolist() == [0, 1, 3, 4]
    matrix = error_matrix(predicted, labels, table, "mae")
    assert_allclose(found.matrix, matrix)
    assert found.spread == error_spread(matrix)
    assert found.theil == theil_indices(matrix)
    assert found.class_correlation == label_error_correlation(matrix, table[found.classes])
    assert found.misclassification == misclassification(predicted, labels, chosen, table)


def test_wrong_input() -> None:
    predicted, labels, table = problem()
    broken = predicted.copy()
    broken[3, 1] = np.nan

    with pytest.raises(ValueError, match=r"each of 40 labels .* got \(39, 6\)"):
        error_matrix(predicted[:39], labels, table)
    with pytest.raises(ValueError, match="0 to 2; got 0 to 4"):
        error_matrix(predicted, labels, table[:3])
    with pytest.raises(ValueError, match="1 of 40 rows, the first is row 3"):
        error_matrix(broken, labels, table)
    with pytest.raises(ValueError, match="must be one of 'mse', 'rmse', 'mae'; got 'l2'"):
        error_matrix(predicted, labels, table, "l2")
    with pytest.raises(ValueError, match="one at least"):
        error_matrix(predicted[:0], labels[:0], table)
    with pytest.raises(ValueError, match=r"np\.unique"):
        label_error_correlation(error_matrix(predicted, labels, table), table)
    with pytest.raises(ValueError, match="each of 3 rows; got shape \\(1,\\)"):
        count_error_correlation(np.ones((3, 2)), np.array([5]))  # not the same for all rows
    with pytest.raises(ValueError, match="`mode` must be"):
        label_error_correlation(table, table, "rows")
    with pytest.raises(ValueError, match="a row per class"):
        error_spread(np.ones(3))
