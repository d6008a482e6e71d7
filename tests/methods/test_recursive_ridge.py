"""Recursive ridge: after every task it is ESZSL on all examples so far."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from unseen import load, load_model
from unseen.data.dataset import ZeroShotData
from unseen.methods.eszsl import ESZSL
from unseen.methods.recursive_ridge import RecursiveRidge
from unseen.nets.preprocessing import FEATURE_PREPROCESSINGS


def assert_equal_to_batch(
    model: RecursiveRidge, X: NDArray, y: NDArray[np.int64], table: NDArray, tolerance: float = 1e-8
) -> None:
    """Compares with ESZSL of the same settings on rows (n, d), relative to its greatest entry."""
    batch = ESZSL(**model.get_params()).fit(X, y, table)
    scale = abs(batch.coef_).max()
    assert_allclose(model.coef_, batch.coef_, rtol=0, atol=tolerance * scale)
    scores = batch.decision_function(X)
    assert_allclose(model.decision_function(X), scores, rtol=0, atol=tolerance * abs(scores).max())


def test_settings_are_those_of_eszsl() -> None:
    assert RecursiveRidge().get_params() == ESZSL().get_params()
    assert RecursiveRidge.search_space == ESZSL.search_space


@given(
    order=st.permutations(range(128)),
    cuts=st.lists(st.integers(1, 127), unique=True, max_size=5).map(sorted),
    kind=st.sampled_from(FEATURE_PREPROCESSINGS),
    normalization=st.sampled_from(["unit", "standardize", "raw"]),
)
def test_any_cut_in_any_order_is_the_batch(
    toy: ZeroShotData, order: list[int], cuts: list[int], kind: str, normalization: str
) -> None:
    train = toy.subset("train")
    X, y = train.features[order], train.labels[order]
    model = RecursiveRidge(feature_preprocessing=kind, attribute_normalization=normalization)
    for part in np.split(np.arange(len(X)), cuts):
        model.partial_fit(X[part], y[part], toy.class_attributes)

    assert len(X) == 128
    assert_equal_to_batch(model, X, y, toy.class_attributes)


def test_every_task_is_the_batch_of_all_before(toy: ZeroShotData) -> None:
    train, model = toy.subset("train"), RecursiveRidge()
    for classes in np.array_split(np.unique(train.labels), 4):
        now, so_far = np.isin(train.labels, classes), train.labels <= classes[-1]
        model.partial_fit(train.features[now], train.labels[now], toy.class_attributes)

        assert_array_equal(np.flatnonzero(model.seen_), np.unique(train.labels[so_far]))
        assert_equal_to_batch(
            model, train.features[so_far], train.labels[so_far], toy.class_attributes
        )


def test_a_stream_goes_on_after_fit_and_fit_starts_anew(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    X, y = train.features, train.labels
    model = RecursiveRidge().fit(X[:60], y[:60], table)
    assert_equal_to_batch(model, X[:60], y[:60], table)

    assert_equal_to_batch(model.partial_fit(X[60:], y[60:]), X, y, table)
    assert_equal_to_batch(model.fit(X[40:], y[40:], table), X[40:], y[40:], table)


def test_saved_it_goes_on_next_week(toy: ZeroShotData, tmp_path: Path) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    X, y = train.features, train.labels
    model = RecursiveRidge().partial_fit(X[:60], y[:60], table)
    model.save_pretrained(tmp_path / "model")
    again = load_model(tmp_path / "model")

    assert_array_equal(again.decision_function(X), model.decision_function(X))
    again.partial_fit(X[60:], y[60:])
    assert_array_equal(again.coef_, model.partial_fit(X[60:], y[60:]).coef_)
    assert_equal_to_batch(again, X, y, table)


def test_descriptions_of_later_classes_do_not_matter(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    early = train.labels < 5
    hidden = np.where(np.arange(12)[:, None] < 5, toy.class_attributes, np.nan)
    options = {"attribute_normalization": "standardize"}
    told = RecursiveRidge(**options).partial_fit(
        train.features[early], train.labels[early], toy.class_attributes
    )
    untold = RecursiveRidge(**options).partial_fit(
        train.features[early], train.labels[early], hidden
    )

    assert_array_equal(untold.coef_, told.coef_)


def test_what_an_earlier_task_left_is_not_changed(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    model = RecursiveRidge().partial_fit(train.features[:60], train.labels[:60], table)
    before = dict(vars(model))
    sums, coef, mean = (
        value.copy()
        for value in (model.statistics_.sums, model.coef_, model.features_.mean.numpy())
    )
    model.partial_fit(train.features[60:], train.labels[60:])

    assert_array_equal(before["statistics_"].sums, sums)
    assert_array_equal(before["coef_"], coef)
    assert_array_equal(before["features_"].mean, mean)


def test_it_keeps_no_example(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    once = RecursiveRidge().partial_fit(train.features, train.labels, table)
    often = RecursiveRidge()
    for _ in range(5):
        often.partial_fit(train.features, train.labels, table)

    shapes = [{name: value.shape for name, value in m._state().items()} for m in (once, often)]
    assert shapes[0] == shapes[1]
    assert often.statistics_.counts.sum() == 5 * len(train.labels)


def test_real_data_in_tasks_are_the_batch(real_data: Path) -> None:
    """GTSRB by class, ten tasks, every fifth row: within 1e-8 of the batch, centred."""
    data = load(real_data / "gtsrb.npz")
    rows = data.train[::5]
    X, y, model = data.rows(rows), data.labels[rows], RecursiveRidge()
    for classes in np.array_split(np.random.default_rng(0).permutation(np.unique(y)), 10):
        now = np.isin(y, classes)
        model.partial_fit(X[now], y[now], data.class_attributes)

    assert_equal_to_batch(model, X, y, data.class_attributes)


def test_candidates_share_the_sums(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    candidates = [{"feature_penalty": penalty} for penalty in (0.1, 10.0)]
    models = RecursiveRidge().fit_candidates(train.features, train.labels, table, candidates)

    first, second = models
    assert first.statistics_ is second.statistics_
    assert_equal_to_batch(second, train.features, train.labels, table)
    with pytest.raises(ValueError, match="`feature_penalty` must be a number greater than 0"):
        RecursiveRidge(feature_penalty=0).partial_fit(train.features, train.labels, table)
