"""Forgetting, transfer and speed of learning, against the specification (T7, T8)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from unseen.metrics.forgetting import (
    average_accuracy,
    backward_transfer,
    forgetting,
    intransigence,
    learning_curve_area,
    next_task_accuracies,
    transfer_matrix,
)

# Row 0, the untrained model, counts nowhere in forgetting: here it is perfect.
T7 = np.array([[1, 1, 1], [0.5, 0.3, 0.1], [0.4, 0.2, 0.1], [0.3, 0.1, 0.6]])

matrices = st.integers(1, 7).flatmap(
    lambda tasks: arrays(np.float64, (tasks + 1, tasks), elements=st.floats(0, 1))
)


def test_forgetting_of_the_specification() -> None:
    assert_allclose(forgetting(T7, "code"), [0.10, 0.20])
    assert_allclose(forgetting(T7, "causal"), [0.10, 0.15])
    assert_array_equal(forgetting(T7), forgetting(T7, "causal"))


def test_nothing_is_forgotten_where_accuracy_stays() -> None:
    A = np.array([[0, 0, 0], [0.5, 0.2, 0.3], [0.5, 0.6, 0.2], [0.5, 0.6, 0.9]])

    assert_array_equal(forgetting(A), [0, 0])
    assert (forgetting(np.sort(T7, axis=0)) <= 0).all()  # gains count as negative


def brute_force(A: NDArray, definition: str) -> list[float]:
    tasks = A.shape[1]

    return [
        np.mean(
            [
                max(A[j, k - 1] for j in range(k if definition == "causal" else 1, i)) - A[i, k - 1]
                for k in range(1, i)
            ]
        )
        for i in range(2, tasks + 1)
    ]


@given(A=matrices)
def test_forgetting_is_what_the_formula_says(A: NDArray) -> None:
    for definition in ("causal", "code"):
        assert_allclose(forgetting(A, definition), brute_force(A, definition), atol=1e-12)


@given(A=matrices)
def test_causal_forgetting_is_never_more_than_that_of_the_code(A: NDArray) -> None:
    assert (forgetting(A) <= forgetting(A, "code") + 1e-12).all()


@given(A=matrices)
def test_transfers_add_up(A: NDArray) -> None:
    R = transfer_matrix(A)

    assert_allclose(A[0] + R.sum(axis=0), A[-1], atol=1e-12)
    if A.shape[1] > 1:
        later = [R[k + 1 :, k].sum() for k in range(A.shape[1] - 1)]
        assert_allclose(backward_transfer(A), np.mean(later), atol=1e-12)


def test_what_is_not_defined_is_left_out() -> None:
    A = np.array([[np.nan, np.nan, 0], [0.5, np.nan, 0], [0.4, np.nan, 0], [0.2, np.nan, 0.8]])

    assert_allclose(forgetting(A), [0.1, 0.3])
    assert_allclose(forgetting(A, "code"), [0.1, 0.3])
    assert_allclose(backward_transfer(A), -0.3)
    assert_allclose(average_accuracy(A), 0.5)


def test_one_task_has_nothing_to_forget() -> None:
    A = np.array([[0.1], [0.9]])

    assert forgetting(A).shape == (0,)
    assert np.isnan(backward_transfer(A))
    assert_allclose(next_task_accuracies(A), [0.1])


def test_the_mean_and_the_next_task() -> None:
    assert_allclose(average_accuracy(T7), 1 / 3)
    assert_allclose(next_task_accuracies(T7), [1, 0.3, 0.1])
    assert_allclose(intransigence(T7, T7[[0, 1, 1, 1]]), [0, 0.1, -0.5])


def test_the_learning_curve_of_the_specification() -> None:
    records = np.array([[0.1, 0.2, 0.3], [0, 0.4, 0.5]])

    assert_allclose(learning_curve_area(records, beta=2), 0.25)
    assert_allclose(learning_curve_area(records, beta=0), 0.05)
    with pytest.raises(ValueError, match="beta 3 needs 4 records for every task; task 1 has 3"):
        learning_curve_area(records, beta=3)
    with pytest.raises(ValueError, match="needs 11 records"):
        learning_curve_area(records)


def test_a_task_with_fewer_batches_is_named() -> None:
    records = np.array([[0.1, 0.2, 0.3], [0, 0.4, np.nan]])

    assert_allclose(learning_curve_area(records, beta=1), 0.175)
    with pytest.raises(ValueError, match="task 2 has 2"):
        learning_curve_area(records, beta=2)
    with pytest.raises(ValueError, match="`beta` must be 0 or more; got -1"):
        learning_curve_area(records, beta=-1)


@pytest.mark.parametrize("measure", [forgetting, backward_transfer, transfer_matrix])
def test_a_matrix_without_its_row_0(measure: object) -> None:
    with pytest.raises(ValueError, match=r"shape \(T \+ 1, T\).*got \(3, 3\)"):
        measure(T7[1:])


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="'causal', 'code'; got 'release'"):
        forgetting(T7, "release")
    with pytest.raises(ValueError, match="this run has 3 tasks, the joint one 2"):
        intransigence(T7, T7[:3, :2])
