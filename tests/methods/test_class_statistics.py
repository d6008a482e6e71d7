"""Sums over parts of the examples are those over all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from unseen.methods import closed_form
from unseen.methods.class_statistics import ClassStatistics
from unseen.nets.preprocessing import FEATURE_PREPROCESSINGS, FeaturePreprocessing

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 5, 60) * 3  # classes 0, 3, ... 12
FEATURES = GENERATOR.normal(size=(60, 4)) + LABELS[:, None]
FAR = 1e6  # far from zero, in units of the deviation


def statistics(X: NDArray, y: NDArray, diagonal: bool = False) -> ClassStatistics:
    return ClassStatistics.of(X, y, FeaturePreprocessing("none", X.shape[1]), diagonal)


def assert_close(ours: ClassStatistics, theirs: ClassStatistics, rtol: float = 1e-12) -> None:
    assert_array_equal(ours.classes, theirs.classes)
    assert_array_equal(ours.counts, theirs.counts)
    assert_array_equal(ours.greatest, theirs.greatest)
    assert_allclose(ours.sums, theirs.sums, rtol=rtol)
    assert_allclose(ours.scatter, theirs.scatter, rtol=rtol, atol=rtol * abs(theirs.scatter).max())


@pytest.mark.parametrize("diagonal", [False, True])
def test_they_are_what_their_names_say(diagonal: bool) -> None:
    found = statistics(FEATURES, LABELS, diagonal)
    groups = [FEATURES[c == LABELS] for c in (0, 3, 6, 9, 12)]
    scatter = np.sum([len(group) * np.cov(group.T, bias=True) for group in groups], axis=0)

    assert found.classes.tolist() == [0, 3, 6, 9, 12]
    assert found.counts.tolist() == [len(group) for group in groups]
    assert_allclose(found.means, [group.mean(axis=0) for group in groups])
    assert_allclose(found.scatter, scatter.diagonal() if diagonal else scatter)
    assert_array_equal(found.greatest, FEATURES.max(axis=0))


@given(
    order=st.permutations(range(60)),
    cuts=st.lists(st.integers(1, 59), unique=True, max_size=6).map(sorted),
    diagonal=st.booleans(),
)
def test_any_cut_in_any_order_adds_up(order: list[int], cuts: list[int], diagonal: bool) -> None:
    parts = np.split(np.array(order), cuts)
    merged = statistics(FEATURES[parts[0]], LABELS[parts[0]], diagonal)
    for part in parts[1:]:
        merged = merged.merged(statistics(FEATURES[part], LABELS[part], diagonal))

    assert_close(merged, statistics(FEATURES, LABELS, diagonal))


def test_merging_is_symmetric_and_changes_neither_part() -> None:
    first, second = (
        statistics(FEATURES[half], LABELS[half]) for half in (slice(20), slice(20, 60))
    )
    before = first.sums.copy(), second.scatter.copy()

    assert_close(first.merged(second), second.merged(first))
    assert_array_equal(first.sums, before[0])
    assert_array_equal(second.scatter, before[1])


def test_features_far_from_zero_lose_no_digits() -> None:
    near = statistics(FEATURES, LABELS)
    far = statistics(FEATURES[:20] + FAR, LABELS[:20])
    far = far.merged(statistics(FEATURES[20:] + FAR, LABELS[20:]))

    assert_allclose(far.scatter, near.scatter, rtol=1e-7, atol=1e-7 * near.scatter.max())


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = statistics(FEATURES, LABELS)
    monkeypatch.setattr(closed_form, "CHUNK_ROWS", 7)

    assert_close(statistics(FEATURES, LABELS), whole)


@pytest.mark.parametrize("kind", FEATURE_PREPROCESSINGS)
@pytest.mark.parametrize("diagonal", [False, True])
def test_a_preparation_follows_from_the_sums(kind: str, diagonal: bool) -> None:
    X = FEATURES + 1.0
    by_rows = FeaturePreprocessing(kind, 4).double()
    rows = by_rows.fit(closed_form.double_chunks(X))(closed_form.double(X)).numpy()

    by_sums = FeaturePreprocessing(kind, 4).double()
    found = ClassStatistics.of(X, LABELS, by_sums, diagonal)
    found.prepare(by_sums)
    for name, value in by_rows.state_dict().items():
        assert_allclose(by_sums.state_dict()[name], value, rtol=1e-10)

    prepared, expected = found.prepared(by_sums), statistics(rows, LABELS, diagonal)
    for name in ("means", "scatter", "greatest"):
        ours, theirs = getattr(prepared, name), getattr(expected, name)
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * abs(theirs).max())
