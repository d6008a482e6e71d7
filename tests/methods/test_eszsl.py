"""ESZSL against its objective and its formula."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from unseen.benchmark.recipes import RECIPES
from unseen.data.dataset import ZeroShotData
from unseen.methods.eszsl import ESZSL

RAW = {"feature_preprocessing": "none", "attribute_normalization": "raw"}


def problem(toy: ZeroShotData) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Returns features, labels, table and, for the seen classes of it, Y of 1 and -1."""
    train, seen = toy.subset("train"), np.flatnonzero(toy.seen)
    Y = np.where(train.labels[:, None] == seen, 1.0, -1.0)

    return train.features, train.labels, toy.class_attributes, Y


@pytest.mark.parametrize(("alpha", "gamma"), [(1.0, 0.1), (0.01, 10.0), (100.0, 0.001)])
def test_the_gradient_of_the_objective_is_zero(
    toy: ZeroShotData, alpha: float, gamma: float
) -> None:
    features, y, table, target = problem(toy)
    model = ESZSL(feature_penalty=alpha, attribute_penalty=gamma, **RAW).fit(features, y, table)
    X, Y = torch.from_numpy(features).double(), torch.from_numpy(target)
    S = torch.from_numpy(table[toy.seen]).double()

    def gradient(V: torch.Tensor) -> torch.Tensor:
        V = V.requires_grad_()
        objective = (
            (X @ V @ S.T - Y).square().sum()
            + alpha * (V @ S.T).square().sum()
            + gamma * (X @ V).square().sum()
            + alpha * gamma * V.square().sum()
        )

        return torch.autograd.grad(objective, V)[0]

    at_zero = gradient(torch.zeros(model.coef_.shape, dtype=torch.float64)).norm()
    assert gradient(torch.from_numpy(model.coef_)).norm() < 1e-10 * at_zero


def test_it_is_the_formula_solved_column_by_column(toy: ZeroShotData) -> None:
    X, y, table, Y = problem(toy)
    model = ESZSL(feature_penalty=2.0, attribute_penalty=0.5, **RAW).fit(X, y, table)
    X, S = X.astype(np.float64), table[toy.seen].astype(np.float64)

    left, right = X.T @ X + 2.0 * np.eye(X.shape[1]), S.T @ S + 0.5 * np.eye(S.shape[1])
    V = np.empty((X.shape[1], S.shape[1]))
    for j, column in enumerate((X.T @ Y @ S).T):
        V[:, j] = np.linalg.solve(left, column)
    for i in range(len(V)):
        V[i] = np.linalg.solve(right, V[i])

    assert_allclose(model.coef_, V, rtol=1e-8, atol=1e-12)
    assert_allclose(model.decision_function(X), X @ V @ table.T, rtol=1e-8, atol=1e-12)


def test_an_ordinary_classifier_is_ridge_regression(toy: ZeroShotData) -> None:
    X, y, _, Y = problem(toy)
    model = ESZSL(feature_penalty=3.0, attribute_penalty=1.0, **RAW).fit(X, y)
    X = X.astype(np.float64)

    ridge = np.linalg.solve(X.T @ X + 3.0 * np.eye(X.shape[1]), X.T @ Y) / 2  # S'S + I = 2 I
    assert_allclose(model.coef_, ridge, rtol=1e-8, atol=1e-12)


def test_the_recipe_is_the_program_it_was_chosen_with(toy: ZeroShotData) -> None:
    """The programs have zeros in Y, which is another map where features have a mean."""
    X, y, table, Y = problem(toy)
    model = RECIPES["eszsl-awa1"]().method.fit(X, y, table)
    X, S = X.astype(np.float64), table.astype(np.float64)
    S = (S / np.linalg.norm(S, axis=1, keepdims=True))[toy.seen]

    left = np.linalg.inv(X.T @ X + 1e3 * np.eye(X.shape[1]))
    right = np.linalg.inv(S.T @ S + np.eye(S.shape[1]))
    assert_allclose(model.coef_, left @ X.T @ (Y == 1) @ S @ right, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("value", [-2.0, 1.0, "zero"])
def test_other_classes_are_told_apart_from_the_true_one(toy: ZeroShotData, value: object) -> None:
    X, y, table, _ = problem(toy)

    with pytest.raises(ValueError, match="`negative_target` must be a number at least -1 and at"):
        ESZSL(negative_target=value).fit(X, y, table)


@pytest.mark.parametrize("name", ["feature_penalty", "attribute_penalty"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), "big", None])
def test_penalties_must_be_positive(toy: ZeroShotData, name: str, value: object) -> None:
    X, y, table, _ = problem(toy)

    with pytest.raises(ValueError, match=f"`{name}` must be a number greater than 0"):
        ESZSL(**{name: value}).fit(X, y, table)
