"""Tied Gaussians against scikit-learn, against the formula, and against a stream of themselves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge

from unseen import load, load_model
from unseen.data.dataset import ZeroShotData
from unseen.methods.gaussian_nb import COVARIANCES, TiedGaussian

RAW = {"feature_preprocessing": "none", "attribute_normalization": "raw"}


def few_and_many(toy: ZeroShotData) -> tuple[NDArray, NDArray[np.int64]]:
    """Returns features and labels of classes of very different numbers of examples."""
    train = toy.subset("train")
    classes = np.unique(train.labels)
    kept = [np.flatnonzero(train.labels == c)[: 2 + 2 * i] for i, c in enumerate(classes.tolist())]
    rows = np.concatenate(kept)

    return train.features[rows].astype(np.float64), train.labels[rows]


def relative(scores: NDArray) -> NDArray:
    """Returns scores (n, c) less those of the first class: what is the same for all is gone."""
    return scores - scores[:, :1]


@pytest.mark.parametrize("shrinkage", [0.01, 0.3, 1.0])
def test_it_is_the_discriminant_analysis_of_scikit_learn(
    toy: ZeroShotData, shrinkage: float
) -> None:
    X, y = few_and_many(toy)
    seen = np.unique(y)
    model = TiedGaussian(shrinkage=shrinkage, prior="counted", **RAW).fit(
        X, y, toy.class_attributes
    )
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(X, y)

    ours = model.decision_function(toy.features)[:, seen]
    theirs = peer.decision_function(toy.features.astype(np.float64))
    assert_allclose(relative(ours), relative(theirs), rtol=1e-9, atol=1e-9)
    probabilities = model.predict_proba(toy.features, toy.class_attributes[seen])
    assert_allclose(probabilities, peer.predict_proba(toy.features.astype(np.float64)), atol=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_it_is_the_difference_of_log_densities(toy: ZeroShotData, covariance: str) -> None:
    X, y = few_and_many(toy)
    model = TiedGaussian(covariance=covariance, shrinkage=0.2, mean_penalty=0.5, **RAW)
    model.fit(X, y, toy.class_attributes)
    seen, S = np.unique(y), toy.class_attributes.astype(np.float64)

    known = np.array([X[y == c].mean(axis=0) for c in seen])
    around = np.concatenate([X[y == c] - X[y == c].mean(axis=0) for c in seen])
    within = around.T @ around / len(X)
    if covariance == "diagonal":
        within = np.diag(within.diagonal())
    Sigma = 0.8 * within + 0.2 * np.trace(within) / len(within) * np.eye(len(within))
    means = Ridge(alpha=0.5, solver="cholesky").fit(S[seen], known).predict(S)
    means[seen] = known
    centre = multivariate_normal(known.mean(axis=0), Sigma).logpdf(toy.features)
    expected = [multivariate_normal(m, Sigma).logpdf(toy.features) - centre for m in means]

    assert_allclose(
        model.decision_function(toy.features), np.transpose(expected), rtol=1e-8, atol=1e-8
    )


@given(
    order=st.permutations(range(128)),
    cuts=st.lists(st.integers(1, 127), unique=True, max_size=5).map(sorted),
    covariance=st.sampled_from(COVARIANCES),
    kind=st.sampled_from(["none", "l2-centre", "standardize"]),
)
def test_any_cut_in_any_order_is_the_batch(
    toy: ZeroShotData, order: list[int], cuts: list[int], covariance: str, kind: str
) -> None:
    train = toy.subset("train")
    X, y = train.features[order], train.labels[order]
    settings = {"covariance": covariance, "feature_preprocessing": kind, "prior": "counted"}
    model, batch = TiedGaussian(**settings), TiedGaussian(**settings)
    for part in np.split(np.arange(len(X)), cuts):
        model.partial_fit(X[part], y[part], toy.class_attributes)
    batch.fit(train.features, train.labels, toy.class_attributes)

    for name in ("means_", "covariance_", "coef_"):
        ours, theirs = getattr(model, name), getattr(batch, name)
        assert_allclose(ours, theirs, rtol=0, atol=1e-10 * abs(theirs).max())
    scores = batch.decision_function(toy.features)
    assert_allclose(
        model.decision_function(toy.features), scores, rtol=0, atol=1e-10 * abs(scores).max()
    )


def test_a_few_examples_give_a_class_a_mean_of_its_own(toy: ZeroShotData) -> None:
    train, test, table = toy.subset("train"), toy.subset("test_unseen"), toy.class_attributes
    model = TiedGaussian(**RAW).fit(train.features, train.labels, table)
    c = int(test.labels[0])
    few = test.features[test.labels == c][:3]
    others = model.decision_function(toy.features, table[model.seen_])
    model.partial_fit(few, np.full(3, c))

    assert model.seen_[c]
    assert_array_equal(model.statistics_.classes, np.flatnonzero(model.seen_))
    mean = model.means_[model.statistics_.classes == c][0]
    assert_allclose(mean, few.astype(np.float64).mean(axis=0))
    assert abs(model.decision_function(toy.features, table[toy.seen]) - others).max() > 0


def test_generated_features_of_unseen_classes_are_learned_like_any(toy: ZeroShotData) -> None:
    """From a perfect generator, the true class means with noise, unseen classes are recognised."""
    train, test, table = toy.subset("train"), toy.subset("test_unseen"), toy.class_attributes
    model = TiedGaussian().fit(train.features, train.labels, table)
    before = model.score(test.features, test.labels)

    generator, unseen = np.random.default_rng(0), np.flatnonzero(~toy.seen)
    spread = 0.5 * train.features.std()
    made = [
        test.features[test.labels == c].mean(axis=0)
        + spread * generator.normal(size=(50, train.features.shape[1]))
        for c in unseen
    ]
    model.partial_fit(np.concatenate(made), np.repeat(unseen, 50))

    assert model.seen_.all()
    assert model.score(test.features, test.labels) > before + 0.1


def test_a_new_table_finds_seen_classes_by_their_description(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    model = TiedGaussian().fit(train.features, train.labels, table)
    scores = model.decision_function(toy.features)
    near = table + 1e-3  # no class has this description: predicted means
    order = np.random.default_rng(0).permutation(12)

    assert_allclose(model.decision_function(toy.features, table[order]), scores[:, order])
    moved = model.decision_function(toy.features, near)
    assert abs(moved - scores)[:, toy.seen].max() > 1
    assert_allclose(moved[:, ~toy.seen], scores[:, ~toy.seen], rtol=0.1, atol=0.1)


def test_classes_of_one_description_keep_their_own_means() -> None:
    generator = np.random.default_rng(0)
    table = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])
    X = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], 20, axis=0) + generator.normal(size=(60, 2))
    y = np.repeat([0, 1, 2], 20)

    assert TiedGaussian(**RAW).fit(X, y, table).score(X, y) == 1.0


def test_counted_priors_shift_scores_by_the_log_of_the_numbers(toy: ZeroShotData) -> None:
    X, y = few_and_many(toy)
    equal = TiedGaussian().fit(X, y, toy.class_attributes).decision_function(X)
    counted = TiedGaussian(prior="counted").fit(X, y, toy.class_attributes).decision_function(X)
    numbers = np.bincount(y, minlength=12)
    shifts = np.log(np.where(numbers > 0, numbers / numbers[numbers > 0].mean(), 1.0))

    assert_allclose(counted - equal, np.tile(shifts, (len(X), 1)), atol=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_one_example_a_class_will_do(toy: ZeroShotData, covariance: str) -> None:
    train = toy.subset("train")
    seen, first = np.unique(train.labels, return_index=True)
    model = TiedGaussian(covariance=covariance)
    model.fit(train.features[first], seen, toy.class_attributes)

    assert np.isfinite(model.decision_function(toy.features)).all()
    assert_array_equal(model.predict(train.features[first], toy.class_attributes[seen]), range(8))


def test_saved_it_goes_on_next_week(toy: ZeroShotData, tmp_path: Path) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    X, y = train.features, train.labels
    model = TiedGaussian().partial_fit(X[:60], y[:60], table)
    model.save_pretrained(tmp_path / "model")
    again = load_model(tmp_path / "model").partial_fit(X[60:], y[60:])

    expected = model.partial_fit(X[60:], y[60:]).decision_function(X)
    assert_array_equal(again.decision_function(X), expected)


def test_descriptions_of_later_classes_do_not_matter(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    early = train.labels < 5
    hidden = np.where(np.arange(12)[:, None] < 5, table, np.nan)
    told, untold = (
        TiedGaussian(attribute_normalization="standardize").partial_fit(
            train.features[early], train.labels[early], known
        )
        for known in (table, hidden)
    )

    assert_array_equal(
        untold.decision_function(toy.features, table), told.decision_function(toy.features, table)
    )


def test_candidates_are_what_single_fits_are(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes
    candidates = [
        {"covariance": covariance, "shrinkage": shrinkage, "mean_penalty": penalty}
        for covariance in COVARIANCES
        for shrinkage in (0.1, 0.6)
        for penalty in (0.01, 1.0)
    ]
    fits = list(TiedGaussian().fit_candidates(train.features, train.labels, table, candidates))

    for model, settings in zip(fits, candidates, strict=True):
        alone = TiedGaussian(**settings).fit(train.features, train.labels, table)
        assert model.get_params() == alone.get_params()
        assert_array_equal(
            model.decision_function(toy.features), alone.decision_function(toy.features)
        )
    assert len({id(model.statistics_) for model in fits}) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"covariance": "diag"}, "`covariance` must be one of 'diagonal', 'full'; got 'diag'"),
        ({"shrinkage": 0.0}, "`shrinkage` must be a number greater than 0 and at most 1"),
        ({"shrinkage": 1.1}, "`shrinkage` must be a number greater than 0 and at most 1"),
        ({"mean_penalty": 0}, "`mean_penalty` must be a number greater than 0"),
        ({"prior": "counts"}, "Did you mean 'counted'"),
        ({"attribute_normalization": "standardize-all"}, "must be one of"),
        ({"feature_preprocessing": "l2-center"}, "Did you mean 'l2-centre'"),
    ],
)
def test_wrong_settings(toy: ZeroShotData, settings: dict, message: str) -> None:
    train = toy.subset("train")
    for learn in (TiedGaussian(**settings).fit, TiedGaussian(**settings).partial_fit):
        with pytest.raises(ValueError, match=message):
            learn(train.features, train.labels, toy.class_attributes)


def test_real_data_are_the_discriminant_analysis(real_data: Path) -> None:
    data = load(real_data / "gtsrb.npz")
    train, test = data.train[::20], data.test_seen[::20]
    X, y = data.rows(train).astype(np.float64), data.labels[train]
    model = TiedGaussian(prior="counted", feature_preprocessing="none")
    model.fit(X, y, data.class_attributes)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=model.shrinkage).fit(X, y)

    seen, Z = np.unique(y), data.rows(test).astype(np.float64)
    ours, theirs = model.decision_function(Z)[:, seen], peer.decision_function(Z)
    assert_allclose(
        relative(ours), relative(theirs), rtol=0, atol=1e-8 * abs(relative(theirs)).max()
    )
