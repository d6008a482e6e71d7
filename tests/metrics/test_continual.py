"""Measures of a stream of tasks against the specification (T5, T6, T9, T10) and brute force."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from unseen.metrics.continual import ContinualResult, summary
from unseen.metrics.forgetting import (
    backward_transfer,
    pairwise_ausuc,
    transfer_matrix,
)
from unseen.metrics.gzsl import gzsl_result, seen_unseen_curve
from unseen.metrics.history import History
from unseen.metrics.stepwise import (
    accuracy_matrix,
    area_between,
    ausucs,
    harmonic_means,
    joint_accuracies,
    seen_accuracies,
    step_mean,
    task_guessing,
    unseen_accuracies,
)

NAN = np.nan
TOY_LABELS = np.array([0, 0, 1, 1, 2, 2])
TOY_PREDICTIONS = np.array(
    [[2, 1, 1, 0, 0, 2], [0, 0, 0, 1, 0, 2], [0, 1, 1, 1, 2, 1], [0, 1, 1, 2, 2, 2]]
)


def masks(task_classes: list[NDArray], classes: int) -> dict[str, NDArray]:
    """Returns the masks of the class-norm protocol: all classes are candidates."""
    seen = np.zeros((len(task_classes) + 1, classes), dtype=bool)
    for step, of_task in enumerate(task_classes, start=1):
        seen[step:, of_task] = True

    return {"seen": seen, "unseen": ~seen, "candidates": np.ones_like(seen)}


def simulated(seed: int, sizes: tuple[int, ...] = (2, 3, 1), rows: int = 40) -> History:
    """Returns a history of scores without ties that know something, of every class a row."""
    rng = np.random.default_rng(seed)
    classes = sum(sizes)
    labels = rng.permutation(np.append(np.arange(classes), rng.integers(classes, size=rows)))
    logits = rng.normal(size=(len(sizes) + 1, len(labels), classes))
    logits[1:, np.arange(len(labels)), labels] += 1.0
    tasks = np.split(rng.permutation(classes), np.cumsum(sizes)[:-1])

    return History(logits, labels, tuple(tasks), **masks(tasks, classes))


def dynamic() -> History:
    """Returns a history where class 3 comes with task 1 and 4 with task 2, described only."""
    base = simulated(0, (1, 2, 2))
    seen = np.zeros((3, 5), dtype=bool)
    seen[1:, 0] = seen[2, 1:3] = True
    unseen = np.zeros((3, 5), dtype=bool)
    unseen[1:, 3] = unseen[2, 4] = True
    tasks = (np.array([0]), np.array([1, 2]))

    return History(base.logits[:3], base.labels, tasks, seen, unseen, seen | unseen)


@pytest.fixture
def toy() -> History:
    """Returns the three tasks of one class of the specification."""
    tasks = [np.array([0]), np.array([1]), np.array([2])]

    return History(np.eye(3)[TOY_PREDICTIONS], TOY_LABELS, tuple(tasks), **masks(tasks, 3))


# T6: the toy of the specification


def test_accuracies_of_the_toy(toy: History) -> None:
    A = accuracy_matrix(toy)

    assert_allclose(A, [[0, 0.5, 0.5], [1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]])
    assert_allclose(seen_accuracies(toy), [NAN, 1, 0.75, 2 / 3])
    assert_allclose(unseen_accuracies(toy), [1 / 3, 0.5, 0.5, NAN])
    assert_allclose(harmonic_means(toy), [NAN, 2 / 3, 0.6, NAN])
    assert_allclose(joint_accuracies(toy), [1 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert backward_transfer(A) == -0.5
    assert_allclose(transfer_matrix(A), [[1, 0, 0], [-0.5, 0.5, 0], [0, -0.5, 0.5]])


def test_summary_of_the_toy(toy: History) -> None:
    result = summary(toy)

    assert_allclose(result.mean_seen_accuracy, 0.80556, atol=5e-6)
    assert result.mean_unseen_accuracy == 0.5
    assert_allclose(result.mean_harmonic_mean, 0.63333, atol=5e-6)
    assert_allclose(result.mean_joint_accuracy, 2 / 3)
    assert result.backward_transfer == -0.5
    assert_allclose(result.average_accuracy, 2 / 3)
    assert_allclose(result.next_task_accuracy, (0 + 0.5 + 0.5) / 3)
    assert_allclose(result.task_guessing, 2 / 3)  # a task is a class here
    assert_allclose(result.forgetting, [0.5, 0.5])
    assert result.task_aware_accuracy == 1.0  # one class a task leaves no choice
    assert_allclose(summary(toy, count_untrained=True).mean_unseen_accuracy, 4 / 9)
    assert_allclose(summary(toy, seen_mean="T-1").mean_seen_accuracy, 0.875)


def test_with_the_untrained_model_the_last_one_does_not_count() -> None:
    """As in the release, also where classes are unseen at the end."""
    history = dynamic()
    unseen = history.unseen.copy()
    unseen[0, 3] = True
    history = replace(history, unseen=unseen, candidates=history.seen | unseen)
    U = unseen_accuracies(history)

    assert not np.isnan(U).any()
    assert U[:2].mean() != U.mean() != U[1:].mean()
    assert_allclose(summary(history, count_untrained=True).mean_unseen_accuracy, U[:2].mean())
    assert_allclose(summary(history).mean_unseen_accuracy, U[1:].mean())


# T5: two ways to form the mean


def test_final_and_trajectory_agree_for_one_task() -> None:
    history = simulated(0, (4,))
    trajectory, final = summary(history), summary(history, mean_over="final")

    assert trajectory.mean_seen_accuracy == final.mean_seen_accuracy
    assert trajectory.mean_joint_accuracy == final.mean_joint_accuracy
    assert np.isnan([trajectory.mean_unseen_accuracy, final.mean_harmonic_mean]).all()
    assert np.isnan([trajectory.backward_transfer, trajectory.mean_forgetting]).all()


def test_final_and_trajectory_differ_with_forgetting(toy: History) -> None:
    result = summary(toy, mean_over="final")

    # Model 3 predicts (0, 1, 1, 2, 2, 2), whatever the step.
    assert_allclose(result.seen, [NAN, 0.5, 0.5, 2 / 3])
    assert_allclose(result.unseen, [NAN, 0.75, 1, NAN])
    assert_allclose(result.harmonic, [NAN, 0.6, 2 / 3, NAN])
    assert_allclose(result.joint, [NAN, 2 / 3, 2 / 3, 2 / 3])
    assert result.mean_seen_accuracy < summary(toy).mean_seen_accuracy
    assert_allclose(result.accuracy, summary(toy).accuracy)


def test_final_scores_the_last_model_among_the_candidates_of_each_step() -> None:
    history = dynamic()
    result = summary(history, "class", mean_over="final")

    for step in (1, 2):
        seen, known = history.seen[step], np.flatnonzero(history.candidates[step])
        rows = np.isin(history.labels, known)
        labels = np.searchsorted(known, history.labels[rows])
        expected = gzsl_result(history.logits[2][rows][:, known], labels, seen[known])

        assert_allclose(result.seen[step], expected.seen_accuracy)
        assert_allclose(result.unseen[step], expected.unseen_accuracy)
        assert_allclose(result.harmonic[step], expected.harmonic_mean)
        assert_allclose(result.auc[step], expected.ausuc)


# T10: two tasks are ordinary generalized zero-shot learning


@pytest.mark.parametrize("weighting", ["sample", "class"])
@pytest.mark.parametrize("seed", range(3))
def test_two_tasks_are_gzsl(weighting: str, seed: int) -> None:
    history = simulated(seed, (4, 3))
    result = summary(history, weighting)
    expected = gzsl_result(history.logits[1], history.labels, history.seen[1], weighting=weighting)
    area = seen_unseen_curve(history.logits[1], history.labels, history.seen[1], weighting).area

    assert_allclose(result.mean_ausuc, area)
    assert_allclose(result.mean_harmonic_mean, expected.harmonic_mean)
    assert_allclose(result.mean_unseen_accuracy, expected.unseen_accuracy)
    assert_allclose(result.seen[1], expected.seen_accuracy)
    assert_allclose(result.pairwise[0, 1], area)


# Against brute force


@pytest.mark.parametrize("weighting", ["sample", "class"])
@pytest.mark.parametrize("restrict", [False, True])
def test_the_accuracy_matrix_is_what_counting_gives(weighting: str, restrict: bool) -> None:
    history = simulated(1)
    A = accuracy_matrix(history, weighting, restrict)

    for step, k in np.ndindex(4, 3):
        shares, right, count = [], 0, 0
        for label in history.task_classes[k]:
            hits = []
            for row in np.flatnonzero(history.labels == label):
                scores = history.logits[step, row].copy()
                if restrict:
                    scores[np.setdiff1d(range(6), history.task_classes[k])] = -np.inf
                hits.append(scores.argmax() == label)
            shares.append(np.mean(hits))
            right, count = right + sum(hits), count + len(hits)
        assert_allclose(A[step, k], np.mean(shares) if weighting == "class" else right / count)


@pytest.mark.parametrize("weighting", ["sample", "class"])
def test_task_guessing_is_what_counting_gives(weighting: str) -> None:
    history = simulated(2)
    task_of = {label: k for k, part in enumerate(history.task_classes) for label in part.tolist()}
    task = np.array([task_of[label] for label in range(6)])

    for step, share in enumerate(task_guessing(history, weighting)):
        right = task[history.logits[step].argmax(axis=1)] == task[history.labels]
        shares = [right[history.labels == label].mean() for label in range(6)]
        assert_allclose(share, right.mean() if weighting == "sample" else np.mean(shares))

    other = simulated(3)
    curve = task_guessing(other, weighting)
    assert curve[-1] != curve[1:].mean()
    assert summary(other, weighting).task_guessing == curve[-1]


def test_pairwise_ausuc_knows_only_two_tasks() -> None:
    history = simulated(3)
    areas = pairwise_ausuc(history)

    assert np.isnan(np.diagonal(areas)).all()
    for i, j in [(0, 1), (1, 0), (2, 1)]:
        first, second = history.task_classes[i], history.task_classes[j]
        columns = np.sort(np.append(first, second))
        rows = np.isin(history.labels, columns)
        expected = seen_unseen_curve(
            history.logits[i + 1][rows][:, columns],
            np.searchsorted(columns, history.labels[rows]),
            np.isin(columns, first),
            "sample",
        ).area
        assert_allclose(areas[i, j], expected)
    assert_allclose(summary(history).mean_pairwise_ausuc, np.nanmean(areas))


def test_the_area_leaves_out_other_rows() -> None:
    scores = np.array([[3.0, 1.0, 9.0], [0.2, 0.9, 9.0], [1.0, 2.0, 0.0]])
    sides = np.array([True, False, False]), np.array([False, True, False])

    assert area_between(scores, np.array([0, 1, 2]), *sides) == 1.0
    assert area_between(scores, np.array([1, 0, 2]), *sides) == 0.0
    assert np.isnan(area_between(scores, np.array([0, 0, 2]), *sides))


# Classes that come later


def test_classes_that_are_no_candidates_are_not_predicted() -> None:
    history = dynamic()
    loud = history.logits.copy()
    loud[1][:, ~history.candidates[1]] = 100.0
    loud[0] = NAN  # no class is a candidate before task 1

    assert_json_equal(summary(replace(history, logits=loud)), summary(history))


def test_what_is_not_yet_a_candidate_is_not_measured() -> None:
    result = summary(dynamic())

    assert_array_equal(np.isnan(result.accuracy), [[1, 1], [0, 1], [0, 0]])
    assert_array_equal(np.isnan(result.task_aware), [[1, 1], [0, 1], [0, 0]])
    assert_array_equal(np.isnan(result.pairwise), [[1, 1], [0, 1]])
    assert_array_equal(np.isnan(result.harmonic), [1, 0, 0])
    assert_array_equal(np.isnan(result.guessing), [1, 0, 0])
    assert np.isfinite(result.forgetting).all()
    assert np.isnan(result.next_task_accuracy)


def test_a_class_without_a_task_is_the_wrong_task() -> None:
    history = dynamic()
    described = np.broadcast_to(np.eye(5)[3], history.logits.shape)

    assert_array_equal(task_guessing(replace(history, logits=described)), [NAN, 0, 0])


def test_a_task_with_one_class_ahead_of_its_time_is_not_measured() -> None:
    """As in the online protocol: a class of task 2 is described with task 1."""
    history = dynamic()
    unseen = history.unseen.copy()
    unseen[1, 1] = True
    A = accuracy_matrix(replace(history, unseen=unseen, candidates=history.seen | unseen))

    assert np.isnan(A[1, 1])
    assert np.isfinite(A[2]).all()


def test_a_task_without_test_rows_is_left_out() -> None:
    history = simulated(4)
    rows = ~np.isin(history.labels, history.task_classes[1])
    result = summary(replace(history, logits=history.logits[:, rows], labels=history.labels[rows]))

    assert np.isnan(result.accuracy[:, 1]).all()
    assert_allclose(result.average_accuracy, (result.accuracy[3, 0] + result.accuracy[3, 2]) / 2)
    assert np.isfinite(result.mean_forgetting)


def test_a_class_without_test_rows_is_no_wrong_class() -> None:
    history = simulated(4)
    left_out = history.task_classes[1][0]
    rows = history.labels != left_out
    part = replace(history, logits=history.logits[:, rows], labels=history.labels[rows])
    right = part.logits[3].argmax(axis=1) == part.labels
    shares = [right[part.labels == label].mean() for label in set(range(6)) - {left_out.item()}]

    assert_allclose(summary(part, "class").joint[3], np.mean(shares))


def test_harmonic_mean_of_nothing_right_is_zero(toy: History) -> None:
    wrong = replace(toy, logits=np.eye(3)[np.broadcast_to((TOY_LABELS + 1) % 3, (4, 6))])

    assert_array_equal(harmonic_means(wrong), [NAN, 0, 0, NAN])


# T9: order carries no meaning


@given(seed=st.integers(0, 2**16), weighting=st.sampled_from(["sample", "class"]))
def test_order_carries_no_meaning(seed: int, weighting: str) -> None:
    history = simulated(seed)
    rng = np.random.default_rng([seed, 1])
    rows, classes = rng.permutation(len(history.labels)), rng.permutation(6)
    place = np.argsort(classes)  # where each class went
    expected = summary(history, weighting)

    lists = tuple(rng.permutation(part) for part in history.task_classes)
    assert_json_equal(summary(replace(history, task_classes=lists), weighting), expected)

    shuffled = replace(history, logits=history.logits[:, rows], labels=history.labels[rows])
    assert_json_equal(summary(shuffled, weighting), expected)

    renamed = History(
        history.logits[:, :, classes],
        place[history.labels],
        tuple(place[part] for part in history.task_classes),
        history.seen[:, classes],
        history.unseen[:, classes],
        history.candidates[:, classes],
    )
    assert_json_equal(summary(renamed, weighting), expected)


def assert_json_equal(result: ContinualResult, expected: ContinualResult) -> None:
    first, second = result.to_json(), expected.to_json()
    assert first.keys() == second.keys()
    for name in first:
        if name != "settings":
            assert_allclose(getattr(result, name), getattr(expected, name), atol=1e-12)


# The result


def test_both_definitions_of_forgetting_are_in_the_result(toy: History) -> None:
    result = summary(
        replace(toy, logits=toy.logits[[0, 2, 1, 3]])
    )  # task 2 is best before its time

    assert_allclose(result.forgetting, [-0.5, 0.25])
    assert_allclose(result.forgetting_code, [-0.5, 0.5])
    assert (result.mean_forgetting, result.final_forgetting) == (-0.125, 0.25)
    assert (result.mean_forgetting_code, result.final_forgetting_code) == (0.0, 0.5)


def test_means_are_of_what_is_defined() -> None:
    assert step_mean(np.array([9, 1, 2, NAN])) == 1.5
    assert step_mean(np.array([9, 1, 2, NAN]), first=0, last=1) == 5
    assert np.isnan(step_mean(np.array([9, NAN])))


def test_weightings_differ() -> None:
    history = simulated(5)

    assert summary(history).joint[3] != summary(history, "class").joint[3]
    assert_allclose(
        summary(history).joint[3], (history.logits[3].argmax(axis=1) == history.labels).mean()
    )


def test_json_has_none_where_nothing_was_measured(toy: History) -> None:
    result = json.loads(json.dumps(summary(toy).to_json(), allow_nan=False))

    assert result["seen"] == [None, 1.0, 0.75, pytest.approx(2 / 3)]
    assert result["accuracy"][1] == [1.0, 0.5, 0.5]
    assert result["pairwise"][0][0] is None
    assert result["learning_curve_area"] is None
    assert result["settings"]["mean_over"] == "trajectory"
    assert "mH 63.3" in str(summary(toy))


def test_intransigence_needs_a_joint_run(toy: History) -> None:
    perfect = replace(toy, logits=np.eye(3)[np.broadcast_to(TOY_LABELS, (4, 6))])

    assert np.isnan(summary(toy).mean_intransigence)
    assert_allclose(summary(toy, joint=perfect).intransigence, [0, 0, 0])
    assert_allclose(summary(perfect, joint=toy).intransigence, [0, 0, 0])
    late = replace(toy, logits=toy.logits[[0, 0, 1, 2]])
    assert_allclose(summary(late, joint=toy).intransigence, [1, 0.5, 0.5])
    assert_allclose(summary(late, joint=toy).mean_intransigence, 2 / 3)


def test_the_learning_curve_is_measured_where_it_is_long_enough(toy: History) -> None:
    records = np.array([[0.1, 0.2, 0.3], [0.0, 0.4, 0.5], [0.0, 0.4, 0.5]])
    history = replace(toy, batch_accuracy=records)

    assert_allclose(summary(history, beta=2).learning_curve_area, (0.1 / 3 + 1 / 3 + 1.3 / 3) / 3)
    assert np.isnan(summary(history).learning_curve_area)
    records = np.linspace(0, 1, 36).reshape(3, 12) ** 2
    found = summary(replace(toy, batch_accuracy=records)).learning_curve_area
    assert_allclose(found, records[:, :11].mean())  # beta is 10


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weighting": "samples"}, "`weighting` must be one of 'class', 'sample'; got 'samples'"),
        ({"mean_over": "last"}, "`mean_over` must be one of 'trajectory', 'final'; got 'last'"),
        ({"seen_mean": "T-2"}, "`seen_mean` must be one of 'T', 'T-1'; got 'T-2'"),
        ({"mean_over": "final", "count_untrained": True}, "there is no untrained one to count"),
    ],
)
def test_bad_settings(toy: History, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summary(toy, **settings)


def test_pairwise_and_ausuc_check_their_settings(toy: History) -> None:
    with pytest.raises(ValueError, match="`weighting`"):
        pairwise_ausuc(toy, "samples")
    with pytest.raises(ValueError, match="`mean_over`"):
        ausucs(toy, mean_over="last")


def test_a_long_stream_is_measured_in_seconds() -> None:
    history = simulated(0, (10,) * 20, rows=2800)
    start = time.process_time()
    summary(history)

    assert time.process_time() - start < 2
