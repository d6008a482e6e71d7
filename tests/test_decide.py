"""The seen penalty, and its choice on hidden classes without a look at test rows."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import DTypeLike, NDArray
from sklearn.base import BaseEstimator

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.data.splits import HiddenClassFolds, rank_in_class
from unseen.decide import (
    SeenPenalty,
    _nearest_to_none,
    choose_epochs,
    choose_seen_penalty,
    oracle_epochs,
    oracle_seen_penalty,
)
from unseen.methods.eszsl import ESZSL
from unseen.metrics.gzsl import (
    SeenUnseenCurve,
    Weighting,
    gzsl_result,
    harmonic_mean,
    seen_unseen_curve,
)
from unseen.training.loop import EpochReport, Monitor

SEEN = np.array([True, True, False])
SCORES = np.array([[3.0, 1.0, 2.0], [0.2, 1.1, 0.9], [2.0, 1.5, 1.0]])


class Bilinear(BaseEstimator):
    """Ridge regression from features to descriptions: a method without iterations or chance."""

    def __init__(self, ridge: float = 1.0, shift: float = 0.0) -> None:
        self.ridge = ridge
        self.shift = shift

    def fit(
        self, X: NDArray, y: NDArray, class_attributes: NDArray, monitor: Monitor | None = None
    ) -> Self:
        assert np.isfinite(X).all()
        assert np.isfinite(class_attributes).all()
        assert monitor is None
        self.table_, self.seen_ = class_attributes, np.unique(y)
        gram = X.T @ X + self.ridge * np.eye(X.shape[1])
        self.coef_ = np.linalg.solve(gram, X.T @ class_attributes[y])
        return self

    def decision_function(self, X: NDArray, class_attributes: NDArray) -> NDArray:
        S = class_attributes
        scores = 2 * X @ self.coef_ @ S.T - (S**2).sum(axis=1)
        scores[:, self.seen_] += self.shift
        return scores


class Learner(BaseEstimator):
    """Scores that are best after the epoch ``best``, and no better than chance far from it."""

    def __init__(self, best: int, epochs: int = 6, schedule: str = "constant") -> None:
        self.best = best
        self.epochs = epochs
        self.schedule = schedule

    def fit(self, X: NDArray, y: NDArray, class_attributes: NDArray, monitor: Monitor) -> Self:
        self.mild_ = Bilinear().fit(X, y, class_attributes)
        for epoch in range(1, self.epochs + 1):
            self.noise_ = abs(epoch - self.best)
            monitor.callback(EpochReport(epoch, self.epochs, 0.0, 0.0))
        return self

    def decision_function(self, X: NDArray, class_attributes: NDArray) -> NDArray:
        scores = self.mild_.decision_function(X, class_attributes)
        noise = np.random.default_rng(0).normal(size=scores.shape)
        return scores + self.noise_ * scores.std() * noise


class Untrained(BaseEstimator):
    """Fails if it is trained."""

    def __init__(self, epochs: int = 1) -> None:
        self.epochs = epochs

    def fit(self, *_: object, **__: object) -> Self:
        raise AssertionError("It was trained.")


def poisoned(data: ZeroShotData) -> ZeroShotData:
    """Returns the data with nonsense in all that a choice must not see."""
    clean, test = data, np.concatenate([data.test_seen, data.test_unseen])
    features, table = clean.features.copy(), clean.class_attributes.copy()
    labels = clean.labels.copy()
    features[test], table[~data.seen] = np.nan, np.nan
    labels[test] = np.flatnonzero(~data.seen)[0]
    bad = ZeroShotData(
        **{name: getattr(data, name) for name in ("class_names", "train", "test_seen")},
        features=clean.features,
        labels=clean.labels,
        class_attributes=clean.class_attributes,
        test_unseen=data.test_unseen,
    )
    for name, value in (("features", features), ("class_attributes", table), ("labels", labels)):
        object.__setattr__(bad, name, value)  # past the checks, which would refuse it

    return bad


# The penalty.


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_kinds(dtype: DTypeLike) -> None:
    scores = SCORES.astype(dtype)
    offset, factor = SeenPenalty("offset", 0.5), SeenPenalty("factor", 0.5)

    assert_allclose(offset(scores, SEEN), scores - [[0.5, 0.5, 0]])
    assert_allclose(factor(scores, SEEN), scores * [[0.5, 0.5, 1]])
    assert offset(scores, SEEN).dtype == factor(scores, SEEN).dtype == dtype
    assert_array_equal(scores, SCORES.astype(dtype))


def test_whole_scores_are_not_rounded() -> None:
    scores = np.array([[3, 1, 2]])

    assert_allclose(SeenPenalty("offset", 0.5)(scores, SEEN), [[2.5, 0.5, 2]])
    assert_allclose(SeenPenalty("factor", 0.95)(scores, SEEN), [[2.85, 0.95, 2]])


def test_u11_a_factor_of_one_and_an_offset_of_zero_change_nothing() -> None:
    signed = SCORES - 2
    for penalty in (SeenPenalty("factor", 1.0), SeenPenalty("offset", 0.0)):
        assert_array_equal(penalty(signed, SEEN), signed)


def test_a_factor_on_negative_scores_warns() -> None:
    with pytest.warns(UserWarning, match="raises negative scores of seen classes"):
        SeenPenalty("factor", 0.95)(SCORES - 2, SEEN)

    unseen_negative = np.array([[1.0, 2.0, -3.0]])
    assert_allclose(SeenPenalty("factor", 0.5)(unseen_negative, SEEN), [[0.5, 1.0, -3.0]])


def test_wrong_penalties() -> None:
    with pytest.raises(ValueError, match="`kind` must be one of 'offset', 'factor'; got 'minus'"):
        SeenPenalty("minus", 1.0)
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="must be finite; got"):
            SeenPenalty("offset", value)
    with pytest.raises(ValueError, match="one entry per column of `scores`: expected 3, got 2"):
        SeenPenalty("offset", 1.0)(SCORES, SEEN[:2])


def test_in_words() -> None:
    assert str(SeenPenalty("offset", 0.25)) == "-0.25 (set by hand)"
    assert str(SeenPenalty("offset", -0.25)) == "+0.25 (set by hand)"
    assert str(SeenPenalty("offset", -0.0)) == str(SeenPenalty("offset", 0.0)) == "0 (set by hand)"
    assert str(SeenPenalty("factor", 0.95, "set by the authors")) == "x0.95 (set by the authors)"


# Its choice.


def test_the_choice_sees_no_test_row_and_no_unseen_description(toy: ZeroShotData) -> None:
    bad = poisoned(toy)
    assert np.isnan(bad.features).any()

    for kind in ("offset", "factor"):
        method = Bilinear(shift=2.0 if kind == "offset" else 60.0)
        clean = choose_seen_penalty(method, toy, kind=kind)
        assert choose_seen_penalty(method, bad, kind=kind) == clean
        assert clean.selection == "chosen on hidden seen classes"
    assert choose_epochs(Learner(3), bad) == choose_epochs(Learner(3), toy) == 3


def test_the_choice_reads_training_rows_alone(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[NDArray] = []
    rows = ZeroShotData.rows

    def spy(data: ZeroShotData, index: NDArray, *options: object) -> NDArray:
        read.append(index)
        return rows(data, index, *options)

    monkeypatch.setattr(ZeroShotData, "rows", spy)
    choose_seen_penalty(Bilinear(), toy, HiddenClassFolds(folds=2))

    assert len(read) == 2 * 2  # to learn from and to judge, in each fold
    assert set(np.concatenate(read)) <= set(toy.train)
    for train, judged in zip(read[::2], read[1::2], strict=True):
        assert not set(train) & set(judged)


def test_the_data_sets_own_split_can_choose(toy: ZeroShotData) -> None:
    """With held-out rows of seen classes, and without: then some of its training rows serve."""
    fold = next(HiddenClassFolds(random_state=3).split(toy.labels, toy.train))
    triple = (fold.train, fold.validation_seen, fold.validation_unseen)
    without = (np.sort(np.concatenate(triple[:2])), np.empty(0, dtype=np.int64), triple[2])
    expected = choose_seen_penalty(Bilinear(), toy, HiddenClassFolds(folds=1, random_state=3))

    for validation in (triple, without):
        data = replace(toy, validation=(validation,))
        assert choose_seen_penalty(Bilinear(), data, "own") == expected
    with pytest.raises(ValueError, match="no hidden-class split of its own"):
        choose_seen_penalty(Bilinear(), toy, "own")


def test_the_choice_takes_one_data_set(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    with pytest.raises(TypeError, match=r"must be a `ZeroShotData`.*; got ndarray"):
        choose_seen_penalty(Bilinear(), train.features, train.labels, toy.class_attributes)
    for choose in (choose_seen_penalty, choose_epochs, oracle_epochs):
        with pytest.raises(TypeError, match=r"must be a `ZeroShotData`.*; got tuple"):
            choose(Learner(3), (train.features, train.labels))


def test_the_method_stays_as_it_was(toy: ZeroShotData) -> None:
    method = Bilinear()
    choose_seen_penalty(method, toy)

    assert not hasattr(method, "coef_")


@pytest.mark.parametrize("shift", [3.0, 30.0])
def test_the_choice_undoes_a_known_bias(shift: float) -> None:
    data = simulate_toy(classes=40, unseen=10, features=48, rows_per_class=20)
    unbiased = choose_seen_penalty(Bilinear(), data).value
    penalty = choose_seen_penalty(Bilinear(shift=shift), data)

    assert penalty.value == pytest.approx(unbiased + shift, abs=0.5 + 0.1 * shift)
    train = data.subset("train")
    model = Bilinear(shift=shift).fit(train.features, train.labels, data.class_attributes)
    test = np.concatenate([data.test_seen, data.test_unseen])
    scores = model.decision_function(data.rows(test), data.class_attributes)
    bare = gzsl_result(scores, data.labels[test], data.seen)
    chosen = gzsl_result(scores, data.labels[test], data.seen, penalty(scores, data.seen))
    oracle = oracle_seen_penalty(scores, data.labels[test], data.seen)
    best = gzsl_result(scores, data.labels[test], data.seen, oracle(scores, data.seen))

    assert bare.harmonic_mean < 0.8 * chosen.harmonic_mean
    assert 0.8 * best.harmonic_mean < chosen.harmonic_mean <= best.harmonic_mean


def test_progress_counts_the_folds(toy: ZeroShotData) -> None:
    calls: list[tuple[int, int]] = []
    choose_seen_penalty(
        Bilinear(), toy, HiddenClassFolds(folds=3), progress=lambda *done: calls.append(done)
    )

    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_the_choice_needs_four_seen_classes() -> None:
    with pytest.raises(ValueError, match="at least four seen classes"):
        choose_seen_penalty(Bilinear(), simulate_toy(classes=5, unseen=2))


@pytest.mark.parametrize("choose", [choose_seen_penalty, choose_epochs])
@pytest.mark.parametrize(("richer", "empty"), [(0, 5), (1, 1)])
def test_the_choice_needs_seen_classes_with_two_training_rows(
    toy: ZeroShotData, choose: Callable, richer: int, empty: int
) -> None:
    """Whether no class has two, or one alone, which some fold hides; nothing is trained."""
    rank, _ = rank_in_class(toy.labels[toy.train])
    data = replace(toy, train=toy.train[rank < 1 + (toy.labels[toy.train] < richer)])

    with pytest.raises(ValueError, match=f"in {empty} of 5 folds none has two training rows"):
        choose(Untrained(), data)


@pytest.mark.parametrize("choose", [choose_seen_penalty, choose_epochs])
def test_a_split_of_ones_own_needs_rows_to_judge(toy: ZeroShotData, choose: Callable) -> None:
    rank, _ = rank_in_class(toy.labels[toy.train])
    train = toy.train[rank == 0]
    data = replace(toy, train=train, validation=((train[:-2], train[:0], train[-2:]),))

    with pytest.raises(ValueError, match="in 1 of 1 folds none has two training rows"):
        choose(Untrained(), data, "own")


def curve(steps: dict[float, tuple[float, float]], least: tuple[float, float]) -> SeenUnseenCurve:
    """Makes a curve from S and U above each threshold, and below the least."""
    S, U = zip(*steps.values(), least, strict=True)

    return SeenUnseenCurve(np.array(list(steps)), np.array(S), np.array(U))


def nearest(curves: list[SeenUnseenCurve]) -> float:
    """Chooses from curves without ties at zero, where H without penalty is on the curve."""
    bare = [float(harmonic_mean(*one.at(np.zeros(1)))[0]) for one in curves]

    return _nearest_to_none(curves, bare)


def test_nearest_to_none_takes_the_best_of_one_curve() -> None:
    one = curve({4.0: (0.0, 0.9), 2.0: (0.6, 0.6), 1.0: (0.7, 0.3)}, (0.9, 0.0))

    assert 2 < nearest([one]) < 4


def test_nearest_to_none_is_none_where_penalties_do_not_help() -> None:
    flat = curve({4.0: (0.0, 0.9), -4.0: (0.6, 0.6)}, (0.9, 0.0))

    assert nearest([flat]) == 0.0
    assert nearest([flat, flat]) == 0.0


def test_nearest_to_none_follows_a_gain_that_every_fold_shows() -> None:
    curves = [
        curve({5.0: (0.0, 0.9), 3.0: (gain, gain), -3.0: (0.5, 0.5)}, (0.9, 0.0))
        for gain in (0.6, 0.61, 0.59)
    ]

    assert 3 < nearest(curves) < 5


def test_nearest_to_none_does_not_follow_a_gain_of_some_folds() -> None:
    curves = [
        curve({5.0: (0.0, 0.9), 3.0: (gain, gain), -3.0: (0.5, 0.5)}, (0.9, 0.0))
        for gain in (0.8, 0.5, 0.4)  # better by 0.067 on average, the standard error is 0.12
    ]

    assert nearest(curves) == 0.0


def test_nearest_to_none_wants_a_gain_in_every_fold() -> None:
    gains = np.array([0.06, 0.06, 0.05, 0.06, -0.01])

    def chosen(levels: np.ndarray) -> float:
        return nearest(
            [curve({5.0: (0.0, 0.9), 3.0: (h, h), -3.0: (0.5, 0.5)}, (0.9, 0.0)) for h in levels]
        )

    assert chosen(0.5 + gains) == 0.0
    assert 3 < chosen(0.5 + gains + 0.02) < 5


def test_a_tie_at_zero_counts_as_predict_decides_it() -> None:
    """Every unseen row ties with a seen class: the curve at zero looks perfect, `predict` fails."""
    tied = curve({4.0: (0.0, 0.9), 0.0: (0.8, 0.8)}, (0.9, 0.0))

    assert _nearest_to_none([tied, tied], bare=[0.85, 0.85]) == 0.0
    assert 0 < _nearest_to_none([tied, tied], bare=[0.0, 0.0]) < 4


def test_a_penalty_may_favour_seen_classes() -> None:
    one = curve({-2.0: (0.0, 0.9), -4.0: (0.6, 0.6)}, (0.9, 0.0))

    assert -4 < nearest([one, one]) < -2


# The oracles.

problems = st.integers(0, 1000).map(np.random.default_rng)


@pytest.mark.parametrize("weighting", ["class", "sample"])
@pytest.mark.parametrize("kind", ["offset", "factor"])
@given(rng=problems)
def test_no_penalty_beats_the_oracle(
    kind: str, weighting: Weighting, rng: np.random.Generator
) -> None:
    scores, labels = rng.uniform(0.1, 3, (30, 3)), rng.choice(3, 30, p=[0.7, 0.1, 0.2])

    def judged(penalty: SeenPenalty) -> float:
        penalized = penalty(scores, SEEN)
        return gzsl_result(scores, labels, SEEN, penalized, weighting).harmonic_mean

    penalty = oracle_seen_penalty(scores, labels, SEEN, kind, weighting)
    H = judged(penalty)

    assert penalty.selection == "oracle: chosen on test classes"
    assert str(penalty).endswith("(oracle: chosen on test classes)")
    best = seen_unseen_curve(scores, labels, SEEN, weighting, kind).harmonic_means.max()
    assert pytest.approx(best) == H
    for value in np.linspace(-2, 3, 21):
        assert kind == "factor" or judged(SeenPenalty("offset", value)) <= H + 1e-12


def test_epochs_are_chosen_where_scores_are_best(toy: ZeroShotData) -> None:
    for best in (1, 4, 6):
        assert choose_epochs(Learner(best), toy) == best
        assert oracle_epochs(Learner(best), toy) == best


def test_epochs_are_the_best_on_average_over_the_folds(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fold likes the first epoch best, and so much that the greatest area would win."""
    areas = [[0.9, 0.1, 0.6], [0.1, 0.2, 0.6]]
    folds = [SimpleNamespace(areas_by_epoch=lambda _, of=of: np.array(of)) for of in areas]
    monkeypatch.setattr("unseen.decide.rehearsals", lambda *_: folds)

    assert choose_epochs(Learner(1), toy) == 3


def test_only_the_oracle_of_epochs_needs_test_rows(toy: ZeroShotData) -> None:
    with pytest.raises(AssertionError):  # unseen descriptions are NaN
        oracle_epochs(Learner(3), poisoned(toy))


@pytest.mark.parametrize("choose", [choose_epochs, oracle_epochs])
def test_a_linear_schedule_depends_on_the_epochs(choose: object, toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match="With schedule='linear', fewer epochs are another"):
        choose(Learner(3, schedule="linear"), toy)


@pytest.mark.parametrize("choose", [choose_epochs, oracle_epochs])
def test_a_closed_form_has_no_epochs(choose: Callable, toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match="ESZSL does not learn in epochs"):
        choose(ESZSL(), toy)


@pytest.mark.parametrize("folds", [3, "Own", [0, 1]])
def test_folds_of_no_use_are_named(folds: Any, toy: ZeroShotData) -> None:
    with pytest.raises(TypeError, match=r'must be a `HiddenClassFolds`, "own" or None; got .*'):
        choose_seen_penalty(ESZSL(), toy, folds)
