"""What is looked at: training rows and seen classes, prepared as in training."""

from typing import Any

import numpy as np
import pytest
import torch

from unseen.data.dataset import ZeroShotData
from unseen.inspection.probe import draw_probe, training_copy
from unseen.methods.class_norm import ClassNorm


@pytest.fixture(scope="module")
def model(toy: ZeroShotData) -> ClassNorm:
    train = toy.subset("train")

    return ClassNorm(hidden=8, epochs=1, random_state=0).fit(
        train.features, train.labels, toy.class_attributes
    )


def test_logits_are_those_of_the_network(toy: ZeroShotData, model: ClassNorm) -> None:
    probe = draw_probe(toy, model.network_, model.scale, rows=50)
    network: Any = model.network_
    with torch.no_grad():
        embedded = network.describe(torch.from_numpy(toy.class_attributes[toy.seen]))
        expected = network.score(network.scaled(probe.features), embedded)

        found = probe.logits(probe.prototypes(network.embedder))

    torch.testing.assert_close(found, expected)


def test_only_training_rows_and_seen_classes(toy: ZeroShotData, model: ClassNorm) -> None:
    rows = len(toy.train)
    probe = draw_probe(toy, model.network_, model.scale, rows=10 * rows)

    prepared = model.network_.features(torch.from_numpy(toy.rows(toy.train)))
    assert torch.equal(probe.features.sort(dim=0).values, prepared.sort(dim=0).values)
    assert len(probe.descriptions) == toy.seen.sum()
    classes = np.flatnonzero(toy.seen)[probe.labels.numpy()]
    assert np.array_equal(np.bincount(classes), np.bincount(toy.labels[toy.train]))


def test_the_seed_draws_the_rows(toy: ZeroShotData, model: ClassNorm) -> None:
    first, again, other = (draw_probe(toy, model.network_, 5.0, 20, seed) for seed in (0, 0, 1))

    assert torch.equal(first.features, again.features)
    assert not torch.equal(first.features, other.features)


def test_a_copy_in_training_mode_leaves_the_original(model: ClassNorm) -> None:
    network: Any = model.network_
    state = {name: value.clone() for name, value in network.embedder.state_dict().items()}

    copy = training_copy(network.embedder)
    copy(torch.randn(5, 8))

    assert copy.training
    assert not network.embedder.training
    for name, value in network.embedder.state_dict().items():
        assert torch.equal(value, state[name])
