"""LatEm against loops that restate its score, its loss, and a step of the paper's Algorithm 1."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from torch import Tensor

from unseen.benchmark.recipes import RECIPES
from unseen.data.dataset import ZeroShotData
from unseen.methods.devise import DeViSE
from unseen.methods.latem import LatEm, LatentNetwork
from unseen.nets.bilinear import BilinearNetwork
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing


def fit(model: LatEm, data: ZeroShotData) -> LatEm:
    train = data.subset("train")

    return model.fit(train.features, train.labels, data.class_attributes)


def sides(features: int, attributes: int) -> tuple[FeaturePreprocessing, AttributeNormalization]:
    return FeaturePreprocessing("none", features), AttributeNormalization("raw", attributes)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_weight(weight: Tensor, **settings: object) -> LatEm:
    """Returns an estimator with a network of float64 that has these matrices, (K, d, a)."""
    matrices, features, attributes = weight.shape
    model = LatEm(matrices=matrices, **settings)
    model.network_ = LatentNetwork(
        *sides(features, attributes), matrices, 1.0, torch.Generator().manual_seed(0)
    ).double()
    model.network_.weight.data.copy_(weight)

    return model


def restated(weight: Tensor, x: Tensor, description: Tensor) -> Tensor:
    return max(x @ matrix @ description for matrix in weight)


@pytest.mark.parametrize("matrices", [1, 2, 5])
@pytest.mark.parametrize("margin", [0.3, 2.0, 30.0])  # few, some and all margins are violated
def test_loss_and_gradient(matrices: int, margin: float) -> None:
    x, S, W = draw(25, 6, seed=1), draw(7, 4, seed=2), draw(matrices, 6, 4, seed=3)
    target = torch.arange(25) % 7
    model = with_weight(W, margin=margin)
    loss = model._loss(x, target, S, S[:0])
    loss.backward()

    W.requires_grad_()
    rows = []
    for i, true in enumerate(target.tolist()):
        scores = [restated(W, x[i], S[c]) for c in range(len(S))]
        others = [c for c in range(len(S)) if c != true]
        rows += [sum(torch.clamp(margin + scores[c] - scores[true], min=0) for c in others)]
    expected = sum(rows) / len(rows)
    expected.backward()

    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)  # scores turn float32
    assert_allclose(model.network_.weight.grad, W.grad, rtol=1e-5, atol=1e-6)
    assert (W.grad.abs().amax(dim=(1, 2)) > 0.01).all()  # no matrix was left out


def algorithm_1(W: Tensor, x: Tensor, true: Tensor, wrong: Tensor, rate: float) -> bool:
    """Takes one step of the paper's, in place, and says whether one matrix was best for both."""
    i = max(range(len(W)), key=lambda k: x @ W[k] @ wrong)
    j = max(range(len(W)), key=lambda k: x @ W[k] @ true)
    if x @ W[i] @ wrong + 1 > x @ W[j] @ true:
        if i == j:
            W[i] -= rate * torch.outer(x, wrong - true)
        else:
            W[i] -= rate * torch.outer(x, wrong)
            W[j] += rate * torch.outer(x, true)

    return i == j


def test_a_step_is_that_of_the_paper() -> None:
    """With two seen classes the sum is over the one class that the paper can draw."""
    same = []
    for seed in range(12):
        x, S, W = draw(5, seed=seed), draw(2, 3, seed=seed + 20), draw(3, 5, 3, seed=seed + 40)
        model = with_weight(W)
        model._loss(x[None], torch.tensor([0]), S, S[:0]).backward()
        ours = W - 0.1 * model.network_.weight.grad
        same.append(algorithm_1(W, x, S[0], S[1], rate=0.1))

        assert_allclose(ours, W, rtol=1e-5, atol=1e-6)
    assert 0 < sum(same) < len(same)  # both branches


def test_one_matrix_is_a_bilinear_score() -> None:
    x, S, W = draw(25, 6, seed=1), draw(7, 4, seed=2), draw(1, 6, 4, seed=3)
    target = torch.arange(25) % 7
    devise = DeViSE()
    devise.network_ = BilinearNetwork(*sides(6, 4)).double()
    devise.network_.weight.data.copy_(W[0])

    ours, theirs = (model._loss(x, target, S, S[:0]) for model in (with_weight(W), devise))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_scores_are_the_best_of_the_matrices(toy: ZeroShotData) -> None:
    model = fit(
        LatEm(
            matrices=3,
            feature_preprocessing="l2",
            attribute_normalization="unit",
            random_state=0,
        ),
        toy,
    )
    X = toy.features / np.linalg.norm(toy.features, axis=1, keepdims=True)
    S = toy.class_attributes / np.linalg.norm(toy.class_attributes, axis=1, keepdims=True)
    each = np.stack([X @ W @ S.T for W in model.network_.weight.detach().numpy()])

    assert_allclose(model.decision_function(toy.features), each.max(axis=0), rtol=1e-4, atol=1e-5)
    assert set(each.argmax(axis=0).ravel()) == {0, 1, 2}


def two_sided() -> tuple[NDArray, NDArray]:
    """Returns examples, (80, 2), whose class lies on both ends of its axis, and their labels."""
    noise = np.random.default_rng(0).normal(0, 0.1, (80, 2))
    labels = np.arange(80) % 2
    ends = np.where(np.arange(80) % 4 < 2, 1.0, -1.0)

    return (noise + ends[:, None] * np.eye(2)[labels]).astype(np.float32), labels


def test_what_one_matrix_cannot_tell_apart() -> None:
    """A bilinear score turns its sign with the example, the best of two does not."""
    X, y = two_sided()
    settings = {"epochs": 50, "feature_preprocessing": "none", "attribute_normalization": "raw"}
    one, two = (
        LatEm(matrices=k, init_std=0.1, random_state=0, **settings).fit(X, y, np.eye(2)).score(X, y)
        for k in (1, 2)
    )

    assert one < 0.8
    assert two == 1


def test_margin_rate_and_start_are_one_setting(toy: ZeroShotData) -> None:
    settings = {"epochs": 3, "batch_size": 32, "random_state": 0}
    one = fit(LatEm(margin=1.0, lr=0.0125, init_std=0.01, **settings), toy)
    eight = fit(LatEm(margin=8.0, lr=0.1, init_std=0.08, **settings), toy)

    assert_allclose(
        eight.decision_function(toy.features),
        8 * one.decision_function(toy.features),
        rtol=1e-3,
        atol=1e-4,
    )


def test_the_seed_draws_the_start(toy: ZeroShotData) -> None:
    settings = {"epochs": 1, "batch_size": 1000, "init_std": 0.5}  # one step of all rows
    one, again, other = (
        fit(LatEm(random_state=seed, **settings), toy).network_.weight for seed in (0, 0, 1)
    )

    assert torch.equal(one, again)
    assert 0.4 < (one - other).std() / 2**0.5 < 0.6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"matrices": 0}, "`matrices` must be a whole number at least 1; got 0"),
        ({"matrices": 1.5}, "`matrices` must be a whole number"),
        ({"init_std": 0.0}, "`init_std` must be a number greater than 0; got 0"),
        ({"margin": 0}, "`margin` must be a number greater than 0; got 0"),
    ],
)
def test_wrong_settings(settings: dict, message: str, toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match=message):
        fit(LatEm(**settings), toy)


def test_the_recipe_is_the_authors_program() -> None:
    method = RECIPES["latem-awa1"]().method

    assert method.lr / (1 - 0.9) * 39 == pytest.approx(1e-3)  # one of 39 wrong classes is drawn
    assert method.init_std == pytest.approx(2048**-0.5)
    assert (method.matrices, method.margin) == (2, 1.0)
    assert (method.batch_size, method.epochs) == (1, 150)
    assert (method.optimizer, method.schedule, method.weight_decay) == ("sgd", "constant", 0.0)
