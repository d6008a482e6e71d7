"""DeViSE, ALE and SJE against loops that restate their losses, row by row and class by class."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from unseen.benchmark.recipes import RECIPES
from unseen.data.dataset import ZeroShotData
from unseen.methods.ale import ALE
from unseen.methods.bilinear_ranking import BilinearRankingClassifier
from unseen.methods.devise import DeViSE
from unseen.methods.sje import SJE
from unseen.nets.bilinear import BilinearNetwork
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing

Loss = Callable[[Tensor, int, float], Tensor]


def devise(scores: Tensor, true: int, margin: float) -> Tensor:
    loss = torch.zeros((), dtype=scores.dtype)
    for c in range(len(scores)):
        if c != true:
            loss = loss + torch.clamp(margin + scores[c] - scores[true], min=0)

    return loss


def ale(scores: Tensor, true: int, margin: float) -> Tensor:
    violating = [
        c for c in range(len(scores)) if c != true and margin + scores[c] - scores[true] > 0
    ]
    r = len(violating)
    weight = sum(1 / k for k in range(1, r + 1)) / r if r else 0.0

    return weight * devise(scores, true, margin)


def sje(scores: Tensor, true: int, margin: float) -> Tensor:
    terms = [margin * (c != true) + scores[c] - scores[true] for c in range(len(scores))]

    return max(torch.clamp(term, min=0) for term in terms)


RESTATED: dict[type[BilinearRankingClassifier], Loss] = {DeViSE: devise, ALE: ale, SJE: sje}
every_method = pytest.mark.parametrize("Method", RESTATED)


def fit(model: BilinearRankingClassifier, data: ZeroShotData) -> BilinearRankingClassifier:
    train = data.subset("train")

    return model.fit(train.features, train.labels, data.class_attributes)


@every_method
@pytest.mark.parametrize("margin", [0.3, 2.0, 30.0])  # few, some and all margins are violated
def test_loss_and_gradient(Method: type[BilinearRankingClassifier], margin: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x, S, W = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((25, 6), (7, 4), (6, 4))
    )
    target = torch.randint(7, (25,), generator=generator)
    model = Method(margin=margin)
    network = BilinearNetwork(FeaturePreprocessing("none", 6), AttributeNormalization("raw", 4))
    model.network_ = network.double()
    network.weight.data.copy_(W)
    loss = model._loss(x, target, S, S[:0])
    loss.backward()

    W.requires_grad_()
    rows = []
    for i, true in enumerate(target.tolist()):
        scores = torch.stack([x[i] @ W @ S[c] for c in range(len(S))])
        rows.append(RESTATED[Method](scores, true, margin))
    restated = torch.stack(rows).mean()
    restated.backward()

    assert loss.item() == pytest.approx(restated.item(), rel=1e-5)  # scores turn float32
    assert network.weight.grad is not None
    assert W.grad is not None
    assert_allclose(network.weight.grad, W.grad, rtol=1e-5, atol=1e-6)
    assert W.grad.abs().max() > 0.01


@every_method
def test_no_violation_no_loss(Method: type[BilinearRankingClassifier]) -> None:
    model = Method(margin=1.0)
    model.network_ = BilinearNetwork(
        FeaturePreprocessing("none", 3), AttributeNormalization("raw", 3)
    )
    model.network_.weight.data.copy_(5 * torch.eye(3))
    loss = model._loss(torch.eye(3), torch.arange(3), torch.eye(3), torch.eye(3)[:0])
    loss.backward()

    assert loss.item() == 0
    assert (model.network_.weight.grad == 0).all()


@pytest.mark.parametrize(
    ("Method", "share"),
    [(DeViSE, 1.0), (ALE, sum(1 / k for k in range(1, 8)) / 7), (SJE, 1 / 7)],
)
def test_the_first_step_from_zero(
    Method: type[BilinearRankingClassifier], share: float, toy: ZeroShotData
) -> None:
    """At zero every margin is violated alike, and all 7 wrong classes push with the same weight."""
    model = Method(
        epochs=1,
        batch_size=1000,
        lr=0.25,
        feature_preprocessing="none",
        attribute_normalization="raw",
    )
    fit(model, toy)
    X, S = toy.subset("train").features, toy.class_attributes
    true = S[toy.subset("train").labels]  # (n, a)
    away = S[toy.seen].sum(axis=0) - 8 * true  # the sum over c of a_c - a_y

    assert_allclose(model.network_.weight.detach(), -0.25 * share * X.T @ away / len(X), atol=1e-5)


@every_method
def test_margin_and_learning_rate_are_one_setting(
    Method: type[BilinearRankingClassifier], toy: ZeroShotData
) -> None:
    settings = {"epochs": 3, "batch_size": 32, "random_state": 0}
    one = fit(Method(margin=1.0, lr=0.0125, **settings), toy)
    eight = fit(Method(margin=8.0, lr=0.1, **settings), toy)

    assert_allclose(
        eight.decision_function(toy.features), 8 * one.decision_function(toy.features), rtol=1e-3
    )


@every_method
def test_scores_are_bilinear(Method: type[BilinearRankingClassifier], toy: ZeroShotData) -> None:
    model = fit(Method(feature_preprocessing="l2", attribute_normalization="unit"), toy)
    X = toy.features / np.linalg.norm(toy.features, axis=1, keepdims=True)
    S = toy.class_attributes / np.linalg.norm(toy.class_attributes, axis=1, keepdims=True)
    W = model.network_.weight.detach().numpy()

    assert_allclose(model.decision_function(toy.features), X @ W @ S.T, rtol=1e-4, atol=1e-5)


@every_method
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": 0}, "`margin` must be a number greater than 0; got 0"),
        ({"optimizer": "sdg"}, "`optimizer` must be one of .* Did you mean 'sgd'"),
        ({"lr": 0.0}, "`lr` must be a number greater than 0"),
    ],
)
def test_wrong_settings(
    Method: type[BilinearRankingClassifier], settings: dict, message: str, toy: ZeroShotData
) -> None:
    with pytest.raises(ValueError, match=message):
        fit(Method(**settings), toy)


@pytest.mark.parametrize(
    ("name", "rate", "margin", "features"),
    [
        ("devise-awa1", 0.01, 200.0, "standardize"),
        ("ale-awa1", 0.01, 1.0, "l2"),
        ("sje-awa1", 1.0, 2.5, "l2"),
    ],
)
def test_recipes_are_the_settings_of_the_rerun(
    name: str, rate: float, margin: float, features: str
) -> None:
    method = RECIPES[name]().method

    assert method.lr / (1 - 0.9) == pytest.approx(rate)  # momentum sums up ten gradients
    assert (method.margin, method.feature_preprocessing) == (margin, features)
    assert (method.batch_size, method.epochs) == (1, 100)
    assert (method.optimizer, method.schedule, method.weight_decay) == ("sgd", "constant", 0.0)
