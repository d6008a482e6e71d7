"""DEM against a plain restatement: a step of training, the scores, and what must raise."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from unseen.data.dataset import ZeroShotData
from unseen.methods import network as methods_network
from unseen.methods.dem import DEM
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing


@pytest.mark.parametrize("final_activation", ["relu", None])
def test_one_step_follows_the_loss_of_the_paper(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch, final_activation: str | None
) -> None:
    train, initial = toy.subset("train"), []
    usual = methods_network.train

    def keep_and_train(module: nn.Module, *arguments: object, **named: object) -> None:
        initial.append(copy.deepcopy(module.embedder))
        usual(module, *arguments, **named)

    monkeypatch.setattr(methods_network, "train", keep_and_train)
    model = DEM(
        hidden=20,
        init_std=0.1,
        final_activation=final_activation,
        attribute_normalization="raw",
        feature_preprocessing="none",
        epochs=1,
        batch_size=len(train.labels),
        lr=0.01,
        weight_decay=0.3,
        random_state=0,
    ).fit(train.features, train.labels, toy.class_attributes)

    W1, b1, W2, b2 = parameters = list(initial[0].parameters())
    x, S = torch.from_numpy(train.features), torch.from_numpy(toy.class_attributes)
    prototypes = torch.relu(S @ W1.T + b1) @ W2.T + b2
    prototypes = torch.relu(prototypes) if final_activation else prototypes
    loss = sum(((prototypes[y] - row) ** 2).sum() for y, row in zip(train.labels, x, strict=True))
    loss = loss / x.numel() + 0.3 / 2 * sum((p**2).sum() for p in parameters)
    optimizer = torch.optim.Adam(parameters, 0.01)
    loss.backward()
    optimizer.step()

    for ours, theirs in zip(model.network_.embedder.parameters(), parameters, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("init_std", [0.1, 0.02])
def test_initial_weights_are_cut_at_two_deviations(init_std: float) -> None:
    model = DEM(hidden=256, init_std=init_std)
    model.final_relu_ = True  # as the fit to raw features finds
    sides = FeaturePreprocessing("none", 64), AttributeNormalization("raw", 32)
    embedder = model._network(*sides, torch.Generator().manual_seed(0)).embedder

    for layer in (layer for layer in embedder if isinstance(layer, nn.Linear)):
        greatest = layer.weight.abs().max().item()
        assert 1.95 * init_std < greatest <= 2 * init_std
        assert layer.weight.std().item() == pytest.approx(0.8796 * init_std, rel=0.03)
        assert not layer.bias.any()


@pytest.mark.parametrize("similarity", ["distance", "cosine"])
def test_scores_follow_the_formula(toy: ZeroShotData, similarity: str) -> None:
    train = toy.subset("train")
    model = DEM(hidden=20, similarity=similarity, random_state=0)
    model.fit(train.features, train.labels, toy.class_attributes)

    with torch.no_grad():
        prototypes = model.network_.describe(torch.from_numpy(toy.class_attributes)).numpy()
        x = model.network_.prepare(torch.from_numpy(toy.features)).numpy()
    wanted = -np.square(x[:, None] - prototypes).sum(axis=2)
    if similarity == "cosine":
        lengths = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(prototypes, axis=1)
        wanted = x @ prototypes.T / lengths
    assert_allclose(model.decision_function(toy.features), wanted, rtol=1e-4, atol=1e-4)


def test_the_last_relu_is_left_out_where_features_are_negative(toy: ZeroShotData) -> None:
    train = toy.subset("train")

    def ends_in_relu(**settings: object) -> bool:
        model = DEM(hidden=4, epochs=1, random_state=0, **settings)
        model.fit(train.features, train.labels, toy.class_attributes)
        return isinstance(model.network_.embedder[-1], nn.ReLU)

    assert ends_in_relu(feature_preprocessing="none")
    assert not ends_in_relu(feature_preprocessing="centre")
    assert ends_in_relu(feature_preprocessing="centre", final_activation="relu")
    assert not ends_in_relu(feature_preprocessing="none", final_activation=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"similarity": "distanc"}, "Did you mean 'distance'"),
        ({"final_activation": "tanh"}, "`final_activation` must be one of"),
        ({"hidden": 0}, "`hidden` must be a whole number at least 1"),
        ({"init_std": 0}, "`init_std` must be a number greater than 0"),
        ({"weight_decay": -1}, "`weight_decay` must be a number at least 0"),
        ({"feature_preprocessing": "standardise"}, "Did you mean 'standardize'"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    train = toy.subset("train")

    with pytest.raises(ValueError, match=message):
        DEM(**settings).fit(train.features, train.labels, toy.class_attributes)
