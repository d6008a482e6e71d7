"""A network at the start of its training, and epoch after epoch."""

__all__ = ["initial_embedder", "measure_through_training", "scaled_cosine"]

from collections.abc import Callable
from typing import TypeVar

import torch
from sklearn.base import clone
from sklearn.utils import check_random_state

from unseen.data.dataset import ZeroShotData
from unseen.inspection.probe import Probe, draw_probe
from unseen.methods.class_norm import ClassNorm
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.scoring_network import ScaledCosineNetwork
from unseen.training.loop import EpochReport, Monitor

Measure = TypeVar("Measure")


def initial_embedder(model: ClassNorm, seed: int) -> AttributeEmbedder:
    """Makes the embedder as it stands before training.

    Arguments:
        model: A fitted model.
        seed: The seed of the weights; with the ``random_state`` of the model they are those that
            its own training began with.

    Example:
        >>> import numpy as np
        >>> X, y = np.eye(4), np.array([0, 0, 1, 1])
        >>> model = ClassNorm(hidden=8, epochs=1, lr=1e-30, random_state=3).fit(X, y)
        >>> V = initial_embedder(model, seed=3).final_weight
        >>> torch.equal(V, scaled_cosine(model).embedder.final_weight)
        True
    """
    network = scaled_cosine(model)
    drawn = int(check_random_state(seed).randint(2**31))  # as a training draws it
    generator = torch.Generator().manual_seed(drawn)
    initial = model._network(network.features, network.attributes, generator)

    return initial.embedder.to(next(network.parameters()).device)


def measure_through_training(
    model: ClassNorm,
    data: ZeroShotData,
    measure: Callable[[AttributeEmbedder, Probe], Measure],
    rows: int = 256,
    seed: int = 0,
    callback: Callable[[EpochReport], None] | None = None,
) -> list[Measure]:
    """Trains a copy of a model and measures it before the training and after each epoch.

    The measuring does not change the training.

    Arguments:
        model: The model, fitted or not; it stays as it is.
        data: The data; only its training rows and the descriptions of their classes are used.
        measure: What to measure of an embedder, on a probe.
        rows: The number of rows of the probe.
        seed: The seed of the training and of the probe.
        callback: Called after each epoch, too.

    Returns:
        One result per epoch, after that of the start.

    Raises:
        ValueError: If a setting is of no use, or the data do not fit.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.inspection.variance import measure_variances
        >>> course = measure_through_training(
        ...     ClassNorm(hidden=8, epochs=2), simulate_toy(), measure_variances
        ... )
        >>> len(course)
        3
    """
    model = clone(model).set_params(random_state=seed)
    train = data.subset("train", data.compact_type)
    course: list[Measure] = []

    def probe() -> Probe:
        return draw_probe(data, scaled_cosine(model), model.scale, rows, seed)

    def look(report: EpochReport) -> None:
        course.append(measure(scaled_cosine(model).embedder, probe()))
        if callback is not None:
            callback(report)

    model.fit(train.features, train.labels, data.class_attributes, monitor=Monitor(look))

    return [measure(initial_embedder(model, seed), probe()), *course]


def scaled_cosine(model: ClassNorm) -> ScaledCosineNetwork:
    """Returns the network of a fitted model, or of one that trains."""
    assert isinstance(model.network_, ScaledCosineNetwork)  # for the type checker

    return model.network_
