"""CVC-ZSL against a plain restatement: the loss of an episode, the scores, the errors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import cross_entropy, normalize

from unseen.data.dataset import ZeroShotData
from unseen.methods.cvc import CVC


def fitted(data: ZeroShotData, **settings: object) -> CVC:
    train = data.subset("train")
    model = CVC(**({"hidden": 20, "epochs": 2, "random_state": 0} | settings))

    return model.fit(train.features, train.labels, data.class_attributes)


@pytest.mark.parametrize("final_activation", ["relu", None])
def test_the_loss_is_over_the_classes_of_the_episode(
    toy: ZeroShotData, final_activation: str | None
) -> None:
    model = fitted(toy, shots=2, final_activation=final_activation)
    generator = torch.Generator().manual_seed(0)
    x = normalize(torch.randn(6, 16, generator=generator), dim=1)
    S = torch.rand(8, 8, generator=generator)
    target = torch.tensor([5, 5, 0, 0, 7, 7])
    names, parameters = zip(*model.network_.named_parameters(), strict=True)
    with torch.no_grad():  # as after a long training
        model.network_.slope.fill_(7.0)
        model.network_.bias.fill_(0.3)
    ours = model._loss(x, target, S, S[:0])
    gradient = dict(zip(names, torch.autograd.grad(ours, parameters), strict=True))

    W1, b1, W2, b2 = model.network_.embedder.parameters()
    w = torch.relu(S[[5, 0, 7]] @ W1.T + b1) @ W2.T + b2
    w = torch.relu(w) if final_activation else w
    logits = 7.0 * (x @ normalize(w, dim=1).T + 0.3)
    wanted = cross_entropy(logits, torch.tensor([0, 0, 1, 1, 2, 2]))
    inner = [W1, b1, W2, b2]
    plain = torch.autograd.grad(wanted, inner)

    torch.testing.assert_close(ours, wanted)
    for (name, _), other in zip(model.network_.embedder.named_parameters(), plain, strict=True):
        torch.testing.assert_close(gradient[f"embedder.{name}"], other, rtol=1e-4, atol=1e-6)
    assert gradient["slope"].abs() > 1e-4
    assert gradient["bias"].abs() < 1e-6  # it moves all classes alike


def test_scores_follow_the_formula(toy: ZeroShotData) -> None:
    model = fitted(toy, feature_preprocessing="centre")
    centred = toy.features - toy.subset("train").features.mean(axis=0)
    with torch.no_grad():
        S = model.network_.attributes(torch.from_numpy(toy.class_attributes))
        prototypes = model.network_.embedder(S).numpy()
    cosines = centred @ prototypes.T / np.linalg.norm(centred, axis=1)[:, None]
    cosines /= np.linalg.norm(prototypes, axis=1)
    slope, bias = model.network_.slope.item(), model.network_.bias.item()

    assert slope != 10  # it is learned
    assert_allclose(model.decision_function(toy.features), slope * (cosines + bias), atol=1e-3)


def test_scale_and_bias_start_as_in_the_paper(toy: ZeroShotData) -> None:
    model = fitted(toy, epochs=1, episodes=1, lr=1e-9)

    assert model.network_.slope.item() == pytest.approx(10, abs=1e-5)
    assert model.network_.bias.item() == pytest.approx(0, abs=1e-5)
    weights = model.network_.embedder[0].weight
    assert weights.std().item() == pytest.approx(0.02, rel=0.2)
    assert model.network_.embedder[0].bias.abs().max() < 1e-6


@pytest.mark.parametrize(("rows", "episodes"), [(20, 8), (640, 32), (50_000, 60)])
def test_the_number_of_episodes_grows_with_the_data(rows: int, episodes: int) -> None:
    labels = torch.arange(rows) % 4
    steps = CVC(ways=3, shots=2)._batches(labels).epoch(torch.Generator())

    assert len(steps) == episodes
    assert {len(step) for step in steps} == {6}
    assert len(CVC(episodes=5)._batches(labels).epoch(torch.Generator())) == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": 0}, "`hidden` must be a whole number at least 1"),
        ({"ways": 1}, "`ways` must be a whole number at least 2"),
        ({"shots": 0}, "`shots` must be a whole number at least 1"),
        ({"episodes": 0}, "`episodes` must be a whole number at least 1"),
        ({"final_activation": "rely"}, "Did you mean 'relu'"),
        ({"step_epochs": 0}, "`step_epochs` must be a whole number at least 1"),
        ({"step_factor": 0}, "`step_factor` must be a number greater than 0"),
        ({"clip_norm": 0}, "`clip_norm` must be a number greater than 0"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(toy, **settings)
