"""Hidden-class folds: what holds for any labels, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from unseen.data.splits import HiddenClassFolds, rank_in_class

shares = st.floats(0.05, 0.95)


@st.composite
def labelled_rows(draw: st.DrawFn) -> tuple[NDArray, NDArray]:
    """Draws the labels of a data set, not all classes of which are among the training rows."""
    labels = np.array(draw(st.lists(st.integers(0, 12), min_size=10, max_size=80)))
    rows = np.array(sorted(draw(st.sets(st.integers(0, len(labels) - 1), min_size=8))))
    if len(np.unique(labels[rows])) < 4:
        labels[rows[:4]] = [13, 14, 15, 16]

    return labels, rows


@given(case=labelled_rows(), hidden=shares, held_out=shares, seed=st.integers(0, 5))
def test_every_row_has_one_part_and_every_class_one_side(
    case: tuple[NDArray, NDArray], hidden: float, held_out: float, seed: int
) -> None:
    labels, rows = case
    folds = HiddenClassFolds(3, hidden, held_out, seed)
    for fold in folds.split(labels, rows):
        parts = [fold.train, fold.validation_seen, fold.validation_unseen]
        together = np.concatenate(parts)

        assert_array_equal(np.sort(together), rows)  # each once: disjoint, and none lost
        assert set(labels[fold.validation_unseen]) == set(fold.hidden)
        assert not set(labels[fold.train]) & set(fold.hidden)
        assert set(labels[fold.validation_seen]) <= set(labels[fold.train])
        assert set(labels[fold.train]) == set(labels[rows]) - set(fold.hidden)


@given(case=labelled_rows(), held_out=shares)
def test_held_out_rows_are_the_last_of_their_class(
    case: tuple[NDArray, NDArray], held_out: float
) -> None:
    labels, rows = case
    for fold in HiddenClassFolds(2, 0.2, held_out).split(labels, rows[::-1]):
        for label in np.unique(labels[fold.train]):
            kept = fold.train[labels[fold.train] == label]
            out = fold.validation_seen[labels[fold.validation_seen] == label]
            size = len(kept) + len(out)

            assert len(kept) == max(1, math.floor((1 - held_out) * size))
            assert not len(out) or kept.max() < out.min()


@given(labels=st.lists(st.integers(-3, 3), max_size=30))
def test_rows_are_counted_class_by_class(labels: list[int]) -> None:
    rank, size = rank_in_class(np.array(labels, dtype=np.int64))

    assert rank.tolist() == [labels[:row].count(label) for row, label in enumerate(labels)]
    assert size.tolist() == [labels.count(label) for label in labels]


@given(classes=st.integers(4, 40), hidden=shares, seed=st.integers(0, 5))
def test_every_class_is_hidden_once_before_one_is_hidden_twice(
    classes: int, hidden: float, seed: int
) -> None:
    size = int(np.clip(round(hidden * classes), 2, classes - 2))
    rounds = math.ceil(classes / size)
    folds = list(HiddenClassFolds(rounds, hidden, random_state=seed).split(np.arange(classes)))
    times = np.bincount(np.concatenate([fold.hidden for fold in folds]), minlength=classes)

    assert {len(fold.hidden) for fold in folds} == {size}
    assert all(len(np.unique(fold.hidden)) == size for fold in folds)
    assert times.min() >= 1
    assert times.max() <= 2
    assert times.sum() == rounds * size


def test_the_same_seed_gives_the_same_folds() -> None:
    def hidden(seed: int) -> list[list[int]]:
        folds = HiddenClassFolds(random_state=seed).split(np.arange(20))
        return [fold.hidden.tolist() for fold in folds]

    assert hidden(0) == hidden(0)
    assert hidden(0) != hidden(1)
    assert len(hidden(0)) == 5


@pytest.mark.parametrize("name", ["hidden", "held_out"])
@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, float("nan")])
def test_shares_lie_between_zero_and_one(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` of HiddenClassFolds must be a share between"):
        HiddenClassFolds(**{name: share})


def test_at_least_one_fold() -> None:
    with pytest.raises(ValueError, match="`folds` must be at least 1; got 0"):
        HiddenClassFolds(folds=0)


def test_hiding_needs_four_classes() -> None:
    labels = np.array([0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"at least four seen classes .* got 3"):
        next(HiddenClassFolds().split(labels, np.array([0, 1, 2])))
