"""SAE against its objective, its equation, and SciPy's solver of it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.linalg import solve_sylvester

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.methods.sae import SAE

RAW = {"feature_preprocessing": "none", "attribute_normalization": "raw"}
WEIGHTS = [0.01, 0.8, 1.0, 1000.0]


@pytest.fixture(scope="module")
def wide() -> ZeroShotData:
    """Returns data with more attributes than seen classes: B has no inverse."""
    return simulate_toy(classes=12, unseen=4, attributes=30)


def equation(data: ZeroShotData, weight: float) -> tuple[NDArray, NDArray, NDArray]:
    """Returns B, C and Q as printed, from the description of every example."""
    train = data.subset("train")
    X = train.features.astype(np.float64)
    S_y = data.class_attributes[train.labels].astype(np.float64)

    return S_y.T @ S_y, weight * X.T @ X, (1 + weight) * S_y.T @ X


def fitted(data: ZeroShotData, **settings: object) -> SAE:
    train = data.subset("train")

    return SAE(**(RAW | settings)).fit(train.features, train.labels, data.class_attributes)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("width", ["toy", "wide"])
def test_the_sylvester_equation_holds(
    request: pytest.FixtureRequest, width: str, weight: float
) -> None:
    data = request.getfixturevalue(width)
    B, C, Q = equation(data, weight)
    W = fitted(data, encoder_weight=weight).coef_.T

    assert np.linalg.norm(B @ W + W @ C - Q) < 1e-8 * min(1, np.linalg.norm(Q))


@pytest.mark.parametrize("weight", WEIGHTS)
def test_it_is_scipys_solution(toy: ZeroShotData, weight: float) -> None:
    expected = solve_sylvester(*equation(toy, weight))

    assert_allclose(fitted(toy, encoder_weight=weight).coef_.T, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_gradient_of_the_objective_is_zero(wide: ZeroShotData, weight: float) -> None:
    train = wide.subset("train")
    X = torch.from_numpy(train.features).double()
    S_y = torch.from_numpy(wide.class_attributes[train.labels]).double()
    V = torch.from_numpy(fitted(wide, encoder_weight=weight).coef_)

    def gradient(W: torch.Tensor) -> torch.Tensor:
        W = W.requires_grad_()
        decoded = (X.T - W.T @ S_y.T).square().sum()
        encoded = (W @ X.T - S_y.T).square().sum()

        return torch.autograd.grad(decoded + weight * encoded, W)[0]

    assert gradient(V.T.clone()).norm() < 1e-10 * gradient(torch.zeros_like(V.T)).norm()


def test_directions_that_no_seen_class_describes_stay_empty(wide: ZeroShotData) -> None:
    S = wide.class_attributes[wide.seen].astype(np.float64)
    W = fitted(wide).coef_.T
    within = S.T @ np.linalg.pinv(S.T)  # projects on what seen descriptions span

    assert np.linalg.matrix_rank(S) < S.shape[1]
    assert_allclose(within @ W, W, atol=1e-10 * np.abs(W).max())


def test_repeated_features_beside_missing_directions_do_no_harm(wide: ZeroShotData) -> None:
    train, S = wide.subset("train"), wide.class_attributes
    once = SAE(**RAW).fit(train.features, train.labels, S)
    again = SAE(**RAW).fit(np.tile(train.features, 3), train.labels, S)

    bound = np.abs(once.coef_).max()  # a quotient of two roundings has any size
    assert np.abs(again.coef_).max() < bound
    B, C, Q = equation(wide, 100.0)
    W = again.coef_.T
    C, Q = np.tile(C, (3, 3)), np.tile(Q, 3)
    assert np.linalg.norm(B @ W + W @ C - Q) < 1e-8


def test_examples_and_classes_meet_in_either_space(toy: ZeroShotData) -> None:
    X, S = toy.features.astype(np.float64), toy.class_attributes.astype(np.float64)

    def cosines(a: NDArray, b: NDArray) -> NDArray:
        return a @ b.T / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))

    encoder = fitted(toy, direction="features-to-attributes")
    decoder = fitted(toy, direction="attributes-to-features")
    assert_allclose(encoder.coef_, decoder.coef_)
    assert_allclose(encoder.decision_function(X), cosines(X @ encoder.coef_, S), atol=1e-12)
    assert_allclose(decoder.decision_function(X), cosines(X, S @ decoder.coef_.T), atol=1e-12)


def test_features_of_no_length_have_the_cosine_zero(toy: ZeroShotData) -> None:
    for direction in ("features-to-attributes", "attributes-to-features"):
        scores = fitted(toy, direction=direction).decision_function(np.zeros((1, 16)))
        assert (scores == 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder_weight": 0}, "`encoder_weight` must be a number greater than 0; got 0"),
        ({"encoder_weight": "1"}, "`encoder_weight` must be a number greater than 0; got '1'"),
        ({"direction": "feature-to-attribute"}, "Did you mean 'features-to-attributes'"),
    ],
)
def test_wrong_settings(toy: ZeroShotData, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(toy, **settings)
