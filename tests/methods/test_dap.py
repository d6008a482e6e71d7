"""DAP against sums over attributes, and against scikit-learn's logistic regressions."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from unseen.data.dataset import ZeroShotData
from unseen.methods.dap import DAP

PLAIN = {"feature_preprocessing": "none", "attribute_normalization": "raw", "random_state": 0}


def fit(model: DAP, data: ZeroShotData, table: NDArray | None = None) -> DAP:
    train = data.subset("train")

    return model.fit(
        train.features, train.labels, data.class_attributes if table is None else table
    )


def log_probability(present: bool, probability: float) -> float:
    return math.log(probability if present else 1 - probability)


@pytest.mark.parametrize("prior", ["seen", "half"])
def test_scores_are_sums_of_log_probabilities(prior: str, toy: ZeroShotData) -> None:
    table = toy.class_attributes.copy()
    table[toy.seen, 2] = 0.3  # the same for all seen classes: no classifier, no say
    model = fit(DAP(prior=prior, epochs=3, lr=0.05, **PLAIN), toy, table)
    binary = table > table[toy.seen].mean(axis=0)
    share = binary[toy.seen].mean(axis=0) if prior == "seen" else np.full(8, 0.5)
    W, b = (getattr(model.network_, name).detach().double().numpy() for name in ("weight", "bias"))
    scores = model.decision_function(toy.features[:30])

    for i, x in enumerate(toy.features[:30].astype(np.float64)):
        for c in range(12):
            expected = 0.0
            for m in [0, 1, 3, 4, 5, 6, 7]:
                p = 1 / (1 + math.exp(-(W[m] @ x + b[m])))
                expected += log_probability(binary[c, m], p)
                expected -= log_probability(binary[c, m], share[m])
            assert scores[i, c] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_classifiers_are_logistic_regressions(toy: ZeroShotData) -> None:
    decay = 0.05
    settings = {"epochs": 600, "batch_size": 1000, "lr": 0.05, "weight_decay": decay}
    model = fit(DAP(**settings, **PLAIN), toy)
    train, seen = toy.subset("train"), toy.class_attributes[toy.seen]
    X = np.hstack([train.features, np.ones((len(train.features), 1))])  # the bias decays too
    present = (toy.class_attributes > seen.mean(axis=0))[train.labels]
    reference = LogisticRegression(C=1 / (len(X) * decay), fit_intercept=False, tol=1e-8)

    for m in range(8):
        weights = reference.fit(X, present[:, m]).coef_[0]
        assert_allclose(model.network_.weight[m].detach(), weights[:-1], atol=1e-4)
        assert model.network_.bias[m].item() == pytest.approx(weights[-1], abs=1e-4)


def test_thresholds_are_of_seen_classes_alone(toy: ZeroShotData) -> None:
    changed = toy.class_attributes.copy()
    changed[~toy.seen] += 7
    model, other = fit(DAP(**PLAIN), toy), fit(DAP(**PLAIN), toy, changed)

    assert_allclose(
        model.network_.threshold, toy.class_attributes[toy.seen].mean(axis=0), rtol=1e-6
    )
    assert_array_equal(model.network_.threshold, other.network_.threshold)


def test_an_attribute_of_all_seen_classes_changes_nothing(toy: ZeroShotData) -> None:
    column = np.where(toy.seen, 0.1, np.linspace(0, 1, 12))[:, None].astype(np.float32)
    wider = np.hstack([toy.class_attributes, column])
    settings = PLAIN | {"lr": 0.1}
    scores = fit(DAP(**settings), toy).decision_function(toy.features)
    model = fit(DAP(**settings), toy, wider)

    assert_array_equal(model.network_.informative, [1] * 8 + [0])
    assert not model.network_.weight[8].any()  # nothing was learned of it
    assert_allclose(model.decision_function(toy.features), scores, rtol=1e-4, atol=1e-4)


def test_classes_alike_in_binary_attributes_have_one_score(toy: ZeroShotData) -> None:
    model = fit(DAP(**PLAIN), toy)
    threshold = model.network_.threshold.numpy()
    table = threshold + np.outer([0.01, 0.5, -0.2], np.where(np.arange(8) % 2, 1, -1))
    scores = model.decision_function(toy.features, table)

    assert_array_equal(scores[:, 0], scores[:, 1])
    assert (scores[:, 0] != scores[:, 2]).any()


def test_a_wrong_prior(toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match=r"`prior` must be one of 'seen', 'half'; got 'haf'\. Did"):
        fit(DAP(prior="haf"), toy)
