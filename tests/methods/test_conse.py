"""ConSE against a combination by hand, and against scikit-learn's softmax regression."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from unseen.data.dataset import ZeroShotData
from unseen.methods.conse import ConSE

PLAIN = {"feature_preprocessing": "none", "attribute_normalization": "raw", "random_state": 0}


def fit(model: ConSE, data: ZeroShotData) -> ConSE:
    train = data.subset("train")

    return model.fit(train.features, train.labels, data.class_attributes)


def probabilities(model: ConSE, x: NDArray) -> NDArray:
    W, b = (getattr(model.network_, name).detach().double().numpy() for name in ("weight", "bias"))
    exponentials = np.exp(W @ x + b - (W @ x + b).max())

    return exponentials / exponentials.sum()


@pytest.mark.parametrize("top", [1, 3, 8, 50])
def test_scores_are_cosines_to_the_combination(top: int, toy: ZeroShotData) -> None:
    model = fit(ConSE(top=top, epochs=3, lr=0.05, **PLAIN), toy)
    seen = toy.class_attributes[toy.seen].astype(np.float64)
    scores = model.decision_function(toy.features[:30])

    for i, x in enumerate(toy.features[:30].astype(np.float64)):
        p = probabilities(model, x)
        likely = sorted(range(8), key=lambda c, p=p: -p[c])[:top]
        s = sum(p[c] * seen[c] for c in likely) / sum(p[c] for c in likely)
        for c, a in enumerate(toy.class_attributes.astype(np.float64)):
            cosine = s @ a / np.linalg.norm(s) / np.linalg.norm(a)
            assert scores[i, c] == pytest.approx(cosine, abs=1e-5)


def test_one_class_speaks_for_itself(toy: ZeroShotData) -> None:
    """With T = 1 a row gets the class that is most likely, if all are seen."""
    model = fit(ConSE(top=1, epochs=3, lr=0.05, **PLAIN), toy)
    X, seen = toy.features, toy.class_attributes[toy.seen]
    likely = [probabilities(model, x).argmax() for x in X.astype(np.float64)]

    assert_array_equal(model.predict(X, seen), likely)
    assert_allclose(model.decision_function(X, seen).max(axis=1), 1, atol=1e-6)


def test_the_classifier_is_softmax_regression(toy: ZeroShotData) -> None:
    decay = 0.05
    settings = {"epochs": 600, "batch_size": 1000, "lr": 0.05, "weight_decay": decay}
    model = fit(ConSE(**settings, **PLAIN), toy)
    train = toy.subset("train")
    X = np.hstack([train.features, np.ones((len(train.features), 1))])  # the bias decays too
    reference = LogisticRegression(C=1 / (len(X) * decay), fit_intercept=False, tol=1e-8)
    weights = reference.fit(X, train.labels).coef_

    assert_allclose(model.network_.weight.detach(), weights[:, :-1], atol=1e-4)
    assert_allclose(model.network_.bias.detach(), weights[:, -1], atol=1e-4)


@pytest.mark.parametrize("top", [0, 2.5, None])
def test_a_wrong_top(top: object, toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match="`top` must be a whole number at least 1; got"):
        fit(ConSE(top=top), toy)
