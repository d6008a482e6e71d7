"""Accuracies and the seen-unseen curve, against the specification, brute force and scikit-learn."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score

from unseen.decide import SeenPenalty
from unseen.metrics.gzsl import (
    SeenUnseenCurve,
    class_accuracies,
    gzsl_result,
    harmonic_mean,
    most_often_taken_for,
    seen_unseen_curve,
)

U8_SCORES = np.array(
    [
        [3, 1, 2, 0],
        [1, 2.2, 1.5, 0],
        [1.5, 0.5, 1.4, 0],
        [0.2, 0.1, 0.9, 0],
        [0.5, 0.3, 0.2, 1.3],
        [1, 0.4, 0, 1.4],
    ]
)
U8_LABELS = np.array([0, 1, 2, 2, 3, 0])
U8_SEEN = np.array([True, True, False, False])

U9_SCORES = np.array([[3, 1, 2], [1, 2, 1.5], [2, 0.5, 1], [0.2, 0.1, 0.9]])
U9_LABELS = np.array([0, 1, 2, 2])
U9_SEEN = np.array([True, True, False])

SEEN = np.array([True, True, True, False, False])

# Few different scores, so that ties are the rule; quarters, so that their differences are exact.
problems = (
    st.integers(2, 25)
    .flatmap(
        lambda n: st.tuples(
            arrays(np.float64, (n, 5), elements=st.integers(1, 12).map(lambda i: i / 4)),
            arrays(np.int64, n, elements=st.integers(0, 4)),
        )
    )
    .filter(lambda problem: SEEN[problem[1]].any() and not SEEN[problem[1]].all())
)


def accuracy(labels: NDArray, predictions: NDArray, weighting: str) -> float:
    right = labels == predictions
    if weighting == "sample":
        return float(right.mean())

    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def judge(scores: NDArray, labels: NDArray, seen: NDArray, weighting: str) -> tuple[float, float]:
    """Returns S and U of the best class, unseen ones winning ties."""
    order = np.argsort(seen, kind="stable")  # unseen columns first
    predictions = order[scores[:, order].argmax(axis=1)]
    of_seen = seen[labels]

    return (
        accuracy(labels[of_seen], predictions[of_seen], weighting),
        accuracy(labels[~of_seen], predictions[~of_seen], weighting),
    )


def sweep(scores: NDArray, labels: NDArray, seen: NDArray, weighting: str) -> float:
    """Returns AUSUC from one prediction between any two penalties where something changes."""
    gaps = np.unique(scores[:, seen].max(axis=1) - scores[:, ~seen].max(axis=1))[::-1]
    penalties = [gaps[0] + 1, *((gaps[:-1] + gaps[1:]) / 2), gaps[-1] - 1]
    points = [judge(scores - penalty * seen, labels, seen, weighting) for penalty in penalties]
    S, U = np.array(points).T

    return float(np.trapezoid(S[::-1], U[::-1]))


@pytest.mark.parametrize(
    ("unseen_accuracy", "seen_accuracy", "expected"),
    [
        (44.7, 41.6, 43.09),
        (49.9, 50.7, 50.30),
        (63.1, 73.4, 67.86),
        (60.2, 77.1, 67.61),
        (0.0, 0.0, 0.0),
        (0.0, 50.0, 0.0),
    ],
)
def test_u7_harmonic_mean(unseen_accuracy: float, seen_accuracy: float, expected: float) -> None:
    assert harmonic_mean(seen_accuracy, unseen_accuracy) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("weighting", "area"), [("sample", 0.88889), ("class", 0.9375)])
def test_u8_area_of_the_specified_scores(weighting: str, area: float) -> None:
    curve = seen_unseen_curve(U8_SCORES, U8_LABELS, U8_SEEN, weighting)

    assert curve.area == pytest.approx(area, abs=1e-5)
    assert_allclose(curve.thresholds, [1, 0.7, 0.1, -0.4, -0.7, -0.8])


def test_u8_result_of_the_specified_scores() -> None:
    result = gzsl_result(U8_SCORES, U8_LABELS, U8_SEEN)

    assert_array_equal(U8_SCORES.argmax(axis=1), [0, 1, 0, 2, 3, 3])
    assert result.seen_accuracy == pytest.approx((1 / 2 + 1) / 2)
    assert result.unseen_accuracy == pytest.approx((1 / 2 + 1) / 2)
    assert result.harmonic_mean == pytest.approx(0.75)
    assert result.zsl_accuracy == 1.0
    assert result.ausuc == pytest.approx(0.9375)
    assert_allclose(result.class_accuracies, [0.5, 1, 0.5, 1])


@given(order=st.permutations(range(4)))
def test_u9_ties_move_together_whatever_the_row_order(order: list[int]) -> None:
    curve = seen_unseen_curve(U9_SCORES[order], U9_LABELS[order], U9_SEEN, "sample")

    assert curve.area == pytest.approx(0.625, abs=1e-12)


def u10_problem() -> tuple[NDArray, NDArray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 100, 500)
    scores = rng.uniform(-2.5, 2.5, (500, 100))
    scores[np.arange(500), labels] += 1

    return scores, labels


@pytest.mark.parametrize("weighting", ["sample", "class"])
def test_u10_area_agrees_with_a_grid_of_penalties(weighting: str) -> None:
    scores, labels = u10_problem()
    seen = np.arange(100) < 70
    points = [
        judge(scores - penalty * seen, labels, seen, weighting)
        for penalty in np.linspace(3, -3, 1000)
    ]
    S, U = np.array(points).T
    grid = np.trapezoid(S[::-1], U[::-1])
    area = seen_unseen_curve(scores, labels, seen, weighting).area

    assert S[0] == 0
    assert U[-1] == 0
    assert 100 * area == pytest.approx(100 * grid, abs=0.01)


@pytest.mark.parametrize("weighting", ["sample", "class"])
@pytest.mark.parametrize("all_seen", [True, False])
def test_u10_one_side_alone_gives_its_accuracy(weighting: str, all_seen: bool) -> None:
    scores, labels = u10_problem()
    curve = seen_unseen_curve(scores, labels, np.full(100, all_seen), weighting)

    assert curve.area == pytest.approx(accuracy(labels, scores.argmax(axis=1), weighting), abs=1e-8)


@given(problem=problems, factors=st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_u11_a_smaller_factor_never_raises_s_and_never_lowers_u(
    problem: tuple[NDArray, NDArray], factors: list[float]
) -> None:
    scores, labels = problem
    bare = gzsl_result(scores, labels, SEEN)
    results = [
        gzsl_result(scores, labels, SEEN, penalized=SeenPenalty("factor", factor)(scores, SEEN))
        for factor in sorted([*factors, 1.0], reverse=True)
    ]

    assert results[0] == bare
    for larger, smaller in itertools.pairwise(results):
        assert smaller.seen_accuracy <= larger.seen_accuracy
        assert smaller.unseen_accuracy >= larger.unseen_accuracy
        assert smaller.ausuc == larger.ausuc


def test_u12_a_class_counts_as_much_as_another() -> None:
    labels = np.array([0] * 10 + [1])
    scores = np.tile([1.0, 0.0, -1.0], (11, 1))
    scores[9] = [0.0, 1.0, -1.0]
    seen = np.array([True, True, False])

    assert gzsl_result(scores, labels, seen).seen_accuracy == pytest.approx(0.45)
    by_sample = gzsl_result(scores, labels, seen, weighting="sample")
    assert by_sample.seen_accuracy == pytest.approx(9 / 11)


@given(problem=problems, weighting=st.sampled_from(["class", "sample"]))
def test_area_is_that_of_a_sweep_over_all_penalties(
    problem: tuple[NDArray, NDArray], weighting: str
) -> None:
    scores, labels = problem
    area = seen_unseen_curve(scores, labels, SEEN, weighting).area

    assert area == pytest.approx(sweep(scores, labels, SEEN, weighting), abs=1e-9)


@given(problem=problems, step=st.integers(-30, 30), weighting=st.sampled_from(["class", "sample"]))
def test_curve_agrees_with_prediction_at_any_offset(
    problem: tuple[NDArray, NDArray], step: int, weighting: str
) -> None:
    scores, labels = problem
    penalty = step / 8  # every other one is a tie
    S, U = seen_unseen_curve(scores, labels, SEEN, weighting).at(np.array([penalty]))

    expected = judge(scores - penalty * SEEN, labels, SEEN, weighting)
    assert (S[0], U[0]) == pytest.approx(expected, abs=1e-9)


@given(problem=problems, step=st.integers(-16, 8), weighting=st.sampled_from(["class", "sample"]))
def test_curve_agrees_with_prediction_at_any_factor(
    problem: tuple[NDArray, NDArray], step: int, weighting: str
) -> None:
    scores, labels = problem
    curve = seen_unseen_curve(scores, labels, SEEN, weighting, kind="factor")
    factor = 1 + step / 8.1  # no quotient of the scores: rounding decides no tie
    S, U = curve.at(np.array([1 - factor]))

    expected = judge(np.where(SEEN, factor * scores, scores), labels, SEEN, weighting)
    assert (S[0], U[0]) == pytest.approx(expected, abs=1e-9)


@given(problem=problems, order=st.randoms(use_true_random=False))
def test_order_of_rows_and_classes_carries_no_meaning(
    problem: tuple[NDArray, NDArray], order: object
) -> None:
    scores, labels = problem
    rows, columns = list(range(len(labels))), list(range(5))
    order.shuffle(rows)
    order.shuffle(columns)
    moved = np.argsort(columns)[labels[rows]]
    curve = seen_unseen_curve(scores, labels, SEEN)

    # Rows move freely; columns too, where no two classes of a side share the best score.
    again = seen_unseen_curve(scores[rows], labels[rows], SEEN)
    assert again.area == pytest.approx(curve.area, abs=1e-12)
    apart = scores + np.arange(5) * 1e-6
    assert seen_unseen_curve(apart[rows][:, columns], moved, SEEN[columns]).area == pytest.approx(
        seen_unseen_curve(apart, labels, SEEN).area, abs=1e-12
    )


@given(problem=problems)
def test_curve_runs_one_way_between_its_ends(problem: tuple[NDArray, NDArray]) -> None:
    scores, labels = problem
    curve = seen_unseen_curve(scores, labels, SEEN)

    assert (np.diff(curve.thresholds) < 0).all()
    assert (np.diff(curve.seen_accuracy) >= -1e-12).all()
    assert (np.diff(curve.unseen_accuracy) <= 1e-12).all()
    assert curve.seen_accuracy[0] == 0
    assert curve.unseen_accuracy[-1] == pytest.approx(0, abs=1e-12)
    assert curve.unseen_accuracy[0] == pytest.approx(gzsl_result(scores, labels, SEEN).zsl_accuracy)
    assert 0 <= curve.area <= 1 + 1e-12
    assert not np.signbit(curve.area)  # "-0.0" in a table


@given(problem=problems)
def test_class_accuracies_are_recalls(problem: tuple[NDArray, NDArray]) -> None:
    scores, labels = problem
    predictions = scores.argmax(axis=1)
    ours = class_accuracies(labels, predictions, 5)
    present = np.unique(labels)

    assert_allclose(ours[present], recall_score(labels, predictions, labels=present, average=None))
    assert np.isnan(np.delete(ours, present)).all()


@given(problem=problems)
def test_most_often_taken_for_is_the_largest_error_of_the_confusion_matrix(
    problem: tuple[NDArray, NDArray],
) -> None:
    scores, labels = problem
    predictions = scores.argmax(axis=1)
    counts = np.bincount(labels, minlength=5)
    errors = confusion_matrix(labels, predictions, labels=np.arange(5))
    np.fill_diagonal(errors, 0)
    taken_for, share = most_often_taken_for(labels, predictions, 5)

    assert_array_equal(taken_for, np.where(errors.any(axis=1), errors.argmax(axis=1), -1))
    present = counts > 0
    assert_allclose(share[present], errors.max(axis=1)[present] / counts[present])
    assert np.isnan(share[~present]).all()


@pytest.mark.parametrize(
    ("weighting", "seen_accuracy", "unseen_accuracy", "zsl_accuracy"),
    [("class", (1 / 3 + 1) / 2, (1 / 3 + 1) / 2, (2 / 3 + 1) / 2), ("sample", 2 / 4, 2 / 4, 3 / 4)],
)
def test_all_measures_weight_classes_or_samples(
    weighting: str, seen_accuracy: float, unseen_accuracy: float, zsl_accuracy: float
) -> None:
    """Two classes a side, of three rows and of one."""
    labels = np.array([0, 0, 0, 1, 2, 2, 2, 3])
    scores = np.eye(4)[[0, 1, 2, 1, 2, 0, 3, 3]] + 0.5 * np.eye(4)[[0, 0, 0, 0, 0, 2, 0, 0]]
    result = gzsl_result(scores, labels, np.array([True, True, False, False]), weighting=weighting)

    assert result.seen_accuracy == pytest.approx(seen_accuracy)
    assert result.unseen_accuracy == pytest.approx(unseen_accuracy)
    assert result.zsl_accuracy == pytest.approx(zsl_accuracy)


def test_a_result_says_its_measures_in_percent() -> None:
    result = gzsl_result(U8_SCORES, U8_LABELS, U8_SEEN, penalty="-0.3 (set by hand)")

    assert str(result) == (
        "T1 100.0  U 75.0  S 75.0  H 75.0  AUSUC 93.8  (percent; seen penalty -0.3 (set by hand))"
    )


def test_a_result_is_of_the_penalized_scores() -> None:
    bare = gzsl_result(U8_SCORES, U8_LABELS, U8_SEEN)
    after = gzsl_result(U8_SCORES, U8_LABELS, U8_SEEN, SeenPenalty("offset", 9)(U8_SCORES, U8_SEEN))

    assert bare.taken_for.tolist() == [3, -1, 0, -1]
    assert bare.taken_share[[0, 2]].tolist() == [0.5, 0.5]
    assert after.taken_for.tolist() == [2, 2, -1, -1]


def test_mean_class_accuracy_is_balanced_accuracy() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 4, 60), rng.random((60, 4))
    result = gzsl_result(scores, labels, np.array([True, True, True, True]))

    assert result.seen_accuracy == pytest.approx(
        balanced_accuracy_score(labels, scores.argmax(axis=1))
    )


def test_nothing_is_measured_where_a_side_has_no_rows() -> None:
    only_seen = gzsl_result(U8_SCORES[:2], U8_LABELS[:2], U8_SEEN)

    assert only_seen.seen_accuracy == 1.0
    assert np.isnan([only_seen.unseen_accuracy, only_seen.zsl_accuracy]).all()
    assert np.isnan([only_seen.harmonic_mean, only_seen.ausuc]).all()

    only_unseen = gzsl_result(U8_SCORES[2:5], U8_LABELS[2:5], U8_SEEN)
    assert only_unseen.zsl_accuracy == 1.0
    assert np.isnan([only_unseen.seen_accuracy, only_unseen.harmonic_mean]).all()


def test_a_harmonic_mean_with_what_was_not_measured_is_not_measured() -> None:
    assert np.isnan(harmonic_mean(np.nan, 0.5))
    assert_allclose(harmonic_mean(np.array([0.5, np.nan]), np.array([np.nan, 0.0])), np.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": U8_SCORES[:5]}, r"row for each of 6 labels .*got float64 of shape \(5, 4\)"),
        ({"labels": U8_LABELS[:, None]}, "a row for each of 6 labels"),
        ({"labels": np.array([0, 1, 2, 2, 3, 4])}, r"from 0 to 3, .*values from 0 to 4"),
        ({"labels": np.array([0, 1, 2, 2, 3, -1])}, r"from 0 to 3, .*values from -1 to 3"),
        ({"labels": U8_LABELS.astype(float)}, "whole numbers"),
        ({"seen": U8_SEEN[:3]}, r"bool of shape \(4,\)"),
        ({"seen": U8_SEEN.astype(int)}, r"got int64 of shape \(4,\)"),  # ~1 is -2, which is true
        (
            {"scores": np.where(U8_SCORES == 2.2, np.nan, U8_SCORES)},
            "`scores` has NaN in 1 of 6 rows, the first is row 1",
        ),
        ({"weighting": "samples"}, "`weighting` must be one of 'class', 'sample'; got 'samples'"),
    ],
)
def test_scores_that_cannot_be_judged(change: dict[str, Any], message: str) -> None:
    problem = {"scores": U8_SCORES, "labels": U8_LABELS, "seen": U8_SEEN} | change
    for judge_scores in (gzsl_result, seen_unseen_curve):
        with pytest.raises(ValueError, match=message):
            judge_scores(**problem)


def test_further_arguments_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="`kind` must be one of 'offset', 'factor'; got 'ofset'"):
        seen_unseen_curve(U8_SCORES, U8_LABELS, U8_SEEN, kind="ofset")  # ty: ignore
    penalized = np.where(U8_SCORES == 2.2, np.nan, U8_SCORES)
    with pytest.raises(ValueError, match="`penalized` has NaN in 1 of 6 rows"):
        gzsl_result(U8_SCORES, U8_LABELS, U8_SEEN, penalized=penalized)
    with pytest.raises(ValueError, match="`penalized` must have a row for each of 6"):
        gzsl_result(U8_SCORES, U8_LABELS, U8_SEEN, penalized=U8_SCORES[:5])


def test_a_factor_needs_positive_scores() -> None:
    with pytest.raises(ValueError, match='SeenPenalty\\("offset"'):
        seen_unseen_curve(U8_SCORES - 1.5, U8_LABELS, U8_SEEN, kind="factor")


def test_harmonic_means_of_a_curve() -> None:
    curve = SeenUnseenCurve(np.array([0.0]), np.array([0.0, 0.6]), np.array([0.3, 0.2]))

    assert_allclose(curve.harmonic_means, [0.0, 0.3])


@given(shift=st.floats(-3, 3))
def test_an_offset_moves_thresholds_and_keeps_the_area(shift: float) -> None:
    curve = seen_unseen_curve(U8_SCORES, U8_LABELS, U8_SEEN)
    moved = seen_unseen_curve(U8_SCORES + shift * U8_SEEN, U8_LABELS, U8_SEEN)

    assert_allclose(moved.thresholds, curve.thresholds + shift)
    assert moved.area == pytest.approx(curve.area)
