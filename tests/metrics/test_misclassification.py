"""Cosines of wrongly classified examples against plain loops and scikit-learn."""

from dataclasses import astuple

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from unseen.metrics.misclassification import misclassification


def problem(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns predictions (40, 6), labels without class 2, and a table (5, 6)."""
    rng = np.random.default_rng(seed)

    return rng.normal(size=(40, 6)), rng.choice([4, 0, 1, 3], 40), rng.random((5, 6))


def test_misclassification_is_that_of_loops() -> None:
    predicted, labels, table = problem()
    chosen = np.where(np.arange(40) % 3, labels, 2)
    found = misclassification(predicted, labels, chosen, table)

    between, to_table = cosine_similarity(table), cosine_similarity(predicted, table)
    wrong = [i for i in range(40) if chosen[i] != labels[i]]
    nearest = [max(between[labels[i], c] for c in range(5) if c != labels[i]) for i in wrong]
    taken = [between[labels[i], chosen[i]] for i in wrong]
    expected = (
        40,
        len(wrong),
        np.mean([to_table[i, labels[i]] for i in wrong]),
        np.mean([to_table[i, chosen[i]] for i in wrong]),
        np.mean(taken),
        np.mean(nearest),
        np.mean([one == pytest.approx(other) for one, other in zip(taken, nearest, strict=True)]),
    )
    assert len(wrong) == 14
    assert 0 < expected[-1] < 1
    assert astuple(found) == pytest.approx(expected)
    assert found.gap == pytest.approx(expected[3] - expected[2])


def test_nothing_is_wrong() -> None:
    predicted, labels, table = problem()
    found = misclassification(predicted, labels, labels, table)

    assert (found.examples, found.wrong) == (40, 0)
    assert np.isnan(found.gap)


def test_of_classes_described_alike_any_is_the_nearest() -> None:
    table = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 4.0], [0.0, 1.0]])
    labels = np.zeros(3, dtype=int)
    found = misclassification(np.ones((3, 2)), labels, np.array([1, 2, 3]), table)

    assert found.chosen_is_nearest == pytest.approx(2 / 3)


def test_wrong_input() -> None:
    predicted, labels, table = problem()

    with pytest.raises(ValueError, match="one class per example"):
        misclassification(predicted, labels, labels[:5], table)
    for wrong in (labels[:, None], labels.astype(float)):
        with pytest.raises(ValueError, match=r"`labels` must be whole numbers of shape \(n,\)"):
            misclassification(predicted, wrong, wrong, table)
    with pytest.raises(ValueError, match=r"`chosen` must be rows .*got -1 to -1"):
        misclassification(predicted, labels, np.full_like(labels, -1), table)
    with pytest.raises(ValueError, match=r"each of 40 labels .* got \(39, 6\)"):
        misclassification(predicted[:39], labels, labels, table)
