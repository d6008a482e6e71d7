"""A network before training and through it: the start is the true one, and nobody disturbs."""

import copy

import numpy as np
import pytest
import torch

from unseen.data.dataset import ZeroShotData
from unseen.inspection.stages import initial_embedder, measure_through_training, scaled_cosine
from unseen.inspection.variance import measure_variances
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.nets.attribute_embedder import AttributeEmbedder


@pytest.mark.parametrize(
    "model",
    [ClassNorm(hidden=8), MLP(hidden=8), ClassNorm(depth=0, norm=None), ClassNorm(affine="both")],
    ids=["class-norm", "mlp", "linear", "affine"],
)
def test_the_start_is_that_of_the_training(model: ClassNorm, toy: ZeroShotData) -> None:
    train = toy.subset("train")
    model = copy.deepcopy(model).set_params(lr=1e-30, weight_decay=0, epochs=1, random_state=7)
    model.fit(train.features, train.labels, toy.class_attributes)

    start = dict(initial_embedder(model, seed=7).named_parameters())

    for name, weight in scaled_cosine(model).embedder.named_parameters():
        torch.testing.assert_close(weight, start[name], rtol=0, atol=1e-25)
    other = initial_embedder(model, seed=8).final_weight
    assert not torch.equal(scaled_cosine(model).embedder.final_weight, other)


def test_measuring_does_not_change_the_training(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    plain = ClassNorm(hidden=8, epochs=3, random_state=0)
    plain.fit(train.features, train.labels, toy.class_attributes)
    seen: list[AttributeEmbedder] = []

    def measure(embedder: AttributeEmbedder, probe: object) -> None:
        measure_variances(embedder, probe)  # type: ignore[arg-type]
        seen.append(copy.deepcopy(embedder))

    model = ClassNorm(hidden=8, epochs=3)
    measure_through_training(model, toy, measure, seed=0)

    after = dict(seen[2].state_dict())  # the third epoch; the start is measured last
    for name, value in scaled_cosine(plain).embedder.state_dict().items():
        assert torch.equal(value, after[name])
    assert not hasattr(model, "network_")


def test_the_course_has_the_start_and_every_epoch(toy: ZeroShotData) -> None:
    epochs: list[int] = []
    course = measure_through_training(
        ClassNorm(hidden=8, epochs=2),
        toy,
        lambda embedder, probe: probe.loss(probe.prototypes(embedder)).item(),
        rows=30,
        callback=lambda report: epochs.append(report.epoch),
    )

    assert len(course) == 3
    assert epochs == [1, 2]
    assert np.isfinite(course).all()
