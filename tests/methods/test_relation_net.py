"""RelationNet against a plain restatement: the loss, the scores, the batches, the errors."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.methods.relation_net import RelationNet, present_classes


def fitted(data: ZeroShotData, **settings: object) -> RelationNet:
    train = data.subset("train")
    model = RelationNet(**({"hidden": 20, "epochs": 2, "random_state": 0} | settings))

    return model.fit(train.features, train.labels, data.class_attributes)


def relations(model: RelationNet, x: Tensor, S: Tensor) -> Tensor:
    """Returns the relation of each pair before the sigmoid, pair by pair."""
    network = model.network_
    W1, b1, W2, b2 = network.embedder.parameters()
    W = torch.cat([network.relation.of_classes.weight, network.relation.of_examples.weight], dim=1)
    b, w, b0 = network.relation.of_classes.bias, *network.relation.output.parameters()
    prototypes = torch.relu(torch.relu(S @ W1.T + b1) @ W2.T + b2)

    def relation(row: Tensor, prototype: Tensor) -> Tensor:
        return w[0] @ torch.relu(W @ torch.cat([prototype, row]) + b) + b0[0]

    return torch.stack([torch.stack([relation(row, p) for p in prototypes]) for row in x])


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_loss_is_over_the_classes_of_the_batch(toy: ZeroShotData, weight_decay: float) -> None:
    model = fitted(toy, weight_decay=weight_decay)
    x = torch.randn(7, 16, generator=torch.Generator().manual_seed(0))
    S = torch.rand(8, 8, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([2, 5, 2, 0, 5, 5, 7])
    ours = model._loss(x, target, S, S[:0])
    gradient = torch.autograd.grad(ours, list(model.network_.parameters()))

    present = [0, 2, 5, 7]
    r = torch.sigmoid(relations(model, x, S))
    errors = [(r[i, c] - float(c == target[i])) ** 2 for i in range(7) for c in present]
    decay = sum((p**2).sum() for p in model.network_.embedder.parameters())
    wanted = sum(errors) / 28 + weight_decay / 2 * decay
    plain = torch.autograd.grad(wanted, list(model.network_.parameters()))

    torch.testing.assert_close(ours, wanted)
    for mine, other in zip(gradient, plain, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
    assert model._optimization().weight_decay == 0  # it stands in the loss, and on P alone


def test_scores_are_the_relations_before_the_sigmoid(toy: ZeroShotData) -> None:
    model = fitted(toy)
    with torch.no_grad():
        x = model.network_.prepare(torch.from_numpy(toy.features[:30]))
        S = model.network_.attributes(torch.from_numpy(toy.class_attributes))
        wanted = relations(model, x, S).numpy()

    assert_allclose(model.decision_function(toy.features[:30]), wanted, rtol=1e-4, atol=1e-4)


def test_many_classes_are_scored_in_tiles() -> None:
    data = simulate_toy(classes=150, unseen=20, rows_per_class=5)
    model = fitted(data, episodes=5)
    scores = model.decision_function(data.features)

    assert scores.shape == (750, 150)
    part = model.decision_function(data.features[40:50], data.class_attributes[60:70])
    assert_allclose(part, scores[40:50, 60:70], atol=1e-4)


@pytest.mark.parametrize("classes", [4, 40])
@pytest.mark.parametrize("target", [[3], [0, 0, 0, 0], [1, 3, 1, 0, 2, 2, 1]])
def test_the_shape_of_present_classes_does_not_depend_on_the_draw(
    classes: int, target: list[int]
) -> None:
    numbers, present = present_classes(torch.tensor(target), classes)

    assert numbers.shape == present.shape == (min(len(target), classes),)
    assert len(set(numbers.tolist())) == len(numbers)
    assert set(numbers[present == 1].tolist()) == set(target)
    assert present.sum() == len(set(target))


@pytest.mark.parametrize(("rows", "episodes"), [(20, 12), (640, 64), (50_000, 200)])
def test_the_number_of_episodes_grows_with_the_data(rows: int, episodes: int) -> None:
    steps = RelationNet()._batches(torch.zeros(rows)).epoch(torch.Generator())

    assert len(steps) == episodes
    assert len(RelationNet(episodes=3)._batches(torch.zeros(rows)).epoch(torch.Generator())) == 3


@pytest.mark.parametrize(("batch_size", "share"), [(100, 1 / 8), (4, 1 / 4), (1, 1 / 2)])
def test_relations_start_at_the_share_of_pairs(
    toy: ZeroShotData, batch_size: int, share: float
) -> None:
    model = fitted(toy, batch_size=batch_size, epochs=1, episodes=1, lr=1e-9)
    bias = model.network_.relation.output.bias.item()

    assert 1 / (1 + math.exp(-bias)) == pytest.approx(share, rel=1e-5)


def test_relations_are_chances_after_training() -> None:
    data = simulate_toy(classes=8, unseen=2, rows_per_class=60)
    model, test = fitted(data, hidden=64, epochs=20), data.subset("test_seen")
    seen = np.flatnonzero(data.seen)
    r = 1 / (1 + np.exp(-model.decision_function(test.features, data.class_attributes[seen])))
    right = test.labels[:, None] == seen

    assert r[right].mean() > 3 * r[~right].mean()
    assert abs(r.sum(axis=1).mean() - 1) < 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": 0}, "`hidden` must be a whole number at least 1"),
        ({"episodes": 0}, "`episodes` must be a whole number at least 1"),
        ({"batch_size": 0}, "`batch_size` must be a whole number at least 1"),
        ({"step_factor": 0}, "`step_factor` must be a number greater than 0"),
        ({"step_epochs": 1.5}, "`step_epochs` must be a whole number"),
        ({"beta2": 1.0}, "`beta2` must be a number at least 0 and below 1; got 1.0"),
        ({"schedule": "steps"}, "Did you mean 'step'"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(toy, **settings)
