"""DCN against a plain restatement: both terms of the loss, dropout, and the information setting."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from unseen.data.dataset import DataError, ZeroShotData
from unseen.methods.dcn import DCN, entropy
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing


def fitted(data: ZeroShotData, table: np.ndarray | None = None, **settings: object) -> DCN:
    train = data.subset("train")
    model = DCN(**({"hidden": 20, "epochs": 2, "random_state": 0} | settings))

    return model.fit(
        train.features, train.labels, data.class_attributes if table is None else table
    )


def test_initial_weights_are_the_papers() -> None:
    sides = FeaturePreprocessing("none", 64), AttributeNormalization("raw", 32)
    network = DCN(hidden=256)._network(*sides, torch.Generator().manual_seed(0))

    for layer, std in ((network.first, 0.01), (network.second, 0.03)):
        assert layer.weight.std().item() == pytest.approx(std, rel=0.03)
        assert not layer.bias.any()


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_loss_has_both_terms(toy: ZeroShotData, weight: float) -> None:
    model = fitted(toy, seen_temperature=2.0, unseen_temperature=0.3, entropy_weight=weight)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 16, generator=generator)
    S, unseen = torch.rand(8, 8, generator=generator), torch.rand(4, 8, generator=generator)
    target = torch.tensor([0, 3, 3, 7, 1, 2])
    parameters = list(model.network_.parameters())
    ours = model._loss(x, target, S, unseen)  # without dropout, as after training
    gradient = torch.autograd.grad(ours, parameters)

    W1, b1, W2, b2 = parameters
    phi = torch.tanh(torch.relu(x @ W1.T + b1) @ W2.T + b2)
    p = torch.softmax(2.0 * phi @ (10 * torch.tanh(S)).T, dim=1)
    q = torch.softmax(0.3 * phi @ (10 * torch.tanh(unseen)).T, dim=1)
    wanted = -torch.log(p[range(6), target]).mean() - weight * (q * torch.log(q)).sum() / 6
    torch.testing.assert_close(ours, wanted)
    for mine, other in zip(gradient, torch.autograd.grad(wanted, parameters), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_scores_follow_the_formula(toy: ZeroShotData) -> None:
    model = fitted(toy, seen_temperature=3.0, attribute_normalization="raw")
    with torch.no_grad():
        x = model.network_.prepare(torch.from_numpy(toy.features)).numpy()
    W1, b1, W2, b2 = (p.detach().numpy() for p in model.network_.parameters())
    phi = np.tanh(np.maximum(x @ W1.T + b1, 0) @ W2.T + b2)

    wanted = 3.0 * phi @ (10 * np.tanh(toy.class_attributes)).T
    assert_allclose(model.decision_function(toy.features), wanted, rtol=1e-4, atol=1e-4)


def test_the_entropy_of_a_sure_row_is_zero_with_a_finite_gradient() -> None:
    logits = torch.tensor([[0.0, 1e4, -1e4]], requires_grad=True)
    value = entropy(logits)
    value.sum().backward()

    assert value.item() == 0
    assert logits.grad.isfinite().all()


def test_minimal_entropy_makes_examples_resemble_few_unseen_classes(toy: ZeroShotData) -> None:
    def mean_entropy(weight: float) -> float:
        model = fitted(toy, entropy_weight=weight, epochs=30, attribute_normalization="raw")
        scores = model.decision_function(
            toy.subset("train").features, toy.class_attributes[~toy.seen]
        )
        return entropy(torch.from_numpy(scores)).mean().item()

    assert mean_entropy(1.0) < 0.5 * mean_entropy(0.0)


def test_the_setting_says_what_is_used(toy: ZeroShotData) -> None:
    assert DCN().setting == "semantic-transductive"
    assert DCN(entropy_weight=0).setting == "inductive"
    normalized = DCN(entropy_weight=0, attribute_normalization="standardize-all")
    assert normalized.setting == "semantic-transductive"

    other = toy.class_attributes.copy()
    other[~toy.seen] = np.random.default_rng(5).random((4, 8))
    hidden = np.where(toy.seen[:, None], toy.class_attributes, np.nan)

    def scores(table: np.ndarray, weight: float) -> np.ndarray:
        model = fitted(toy, table, entropy_weight=weight)
        return model.decision_function(toy.features, toy.class_attributes)

    assert (scores(toy.class_attributes, 0.5) != scores(other, 0.5)).any()
    assert_array_equal(scores(toy.class_attributes, 0.0), scores(hidden, 0.0))
    with pytest.raises(DataError, match="must be finite"):
        fitted(toy, hidden, entropy_weight=0.5)


def test_without_unseen_classes_the_entropy_is_left_out(toy: ZeroShotData) -> None:
    train, table = toy.subset("train"), toy.class_attributes[toy.seen]
    rows = np.searchsorted(np.flatnonzero(toy.seen), train.labels)
    first, again = (
        DCN(hidden=20, epochs=2, entropy_weight=weight, random_state=0)
        .fit(train.features, rows, table)
        .decision_function(toy.features)
        for weight in (1.0, 0.0)
    )

    assert_array_equal(first, again)


def test_dropout_is_for_training_alone(toy: ZeroShotData) -> None:
    model = fitted(toy, dropout=0.5)
    scores = model.decision_function(toy.features)

    assert_array_equal(model.decision_function(toy.features), scores)
    model.network_.train()
    assert (model.decision_function(toy.features) != scores).any()
    assert (fitted(toy, dropout=0.0).decision_function(toy.features) != scores).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": 0}, "`hidden` must be a whole number at least 1"),
        ({"dropout": 1.0}, "`dropout` must be a number at least 0 and at most 0.95"),
        ({"seen_temperature": 0}, "`seen_temperature` must be a number greater than 0"),
        ({"unseen_temperature": -1}, "`unseen_temperature` must be a number greater than 0"),
        ({"entropy_weight": -0.1}, "`entropy_weight` must be a number at least 0"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(toy, **settings)
