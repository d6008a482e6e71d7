"""One method with many seeds, trained at once where the method can be stacked."""

__all__ = ["fit_seeds"]

import copy
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from unseen.methods.base import (
    Method,
    Setting,
    ZeroShotClassifier,
    fitted_attributes,
    with_seed,
)
from unseen.methods.network import NetworkClassifier
from unseen.nets.scoring_network import ScoringNetwork
from unseen.nets.stacking import stack_networks, unstack_network
from unseen.training.loop import Monitor

# With gradients and Adam's two means these are 13 MB, about what a CPU's cache holds. Beyond, one
# network after another is faster: each stays in the cache in its turn, and its gradients are small
# enough for the C library to keep their memory from step to step.
CPU_PARAMETERS = 800_000


def fit_seeds(
    method: Method,
    X: ArrayLike,
    y: ArrayLike,
    class_attributes: ArrayLike | None,
    seeds: Sequence[int],
    *,
    class_names: Sequence[str] | None = None,
) -> list[Method]:
    """Fits one copy of a method per seed.

    The copies of a ``stackable`` network (``class-norm``, ``mlp``) share the prepared features, and
    each has the initial weights and the batches that it would have alone. On a GPU all train at
    once, their weights stacked; on a CPU as many as fit its cache, which for wide networks is one.
    Any other method is fitted one seed after another; one without ``random_state`` as often too.

    Arguments:
        method: The estimator; it stays as it is.
        X: The features, with shape :math:`(n, d)`.
        y: The row of ``class_attributes`` of each example, as in ``fit``.
        class_attributes: One description per class, with shape :math:`(c, a)`, as in ``fit``.
        seeds: The ``random_state`` of each copy.
        class_names: The names of the classes; by default their labels.

    Returns:
        The fitted copies, in the order of the seeds, as if each had been fitted by itself.

    Raises:
        ValueError: If there are no seeds, or ``fit`` would raise it.
        TrainingError: If the training of one of them diverges; none is then returned.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import MLP
        >>> data = simulate_toy()
        >>> train = data.subset("train")
        >>> method = MLP(hidden=16, epochs=2)
        >>> models = fit_seeds(method, train.features, train.labels, data.class_attributes, [0, 1])
        >>> [model.random_state for model in models]
        [0, 1]
    """
    if not len(seeds):
        raise ValueError("`seeds` is empty: give one seed per fitted copy, as in seeds=[0, 1, 2].")

    models = [with_seed(method, seed) for seed in seeds]
    networks: list[NetworkClassifier] = [
        model for model in models if isinstance(model, NetworkClassifier)
    ]
    if len(networks) < 2 or not networks[0].stackable:
        return [model.fit(X, y, class_attributes, class_names=class_names) for model in models]

    # scikit-learn's messages name the class: the user knows that of the method
    together = type(type(method).__name__, (_Together,), {})(networks)
    together.fit(X, y, class_attributes, class_names=class_names)
    for model in models:
        _hand_over(together, model)

    return models


class _Together(ZeroShotClassifier):
    """Several copies that pass through the checks of ``fit`` as one.

    Arguments:
        models: The copies, which differ in ``random_state`` alone.
    """

    def __init__(self, models: Sequence[NetworkClassifier]) -> None:
        self.models = models

    @property
    def setting(self) -> Setting:
        return self.models[0].setting

    def check_settings(self) -> None:
        self.models[0].check_settings()

    def _fit(
        self,
        X: NDArray,
        rows: NDArray[np.int64],
        S: NDArray[np.float32],
        monitor: Monitor,
    ) -> None:
        leader = clone(self.models[0])
        _hand_over(self, leader)

        preparations = leader._preparations(X, S)
        for model in self.models:
            _hand_over(leader, model)
        generators = [torch.Generator().manual_seed(model._seed()) for model in self.models]
        networks = [leader._network(*copy.deepcopy(preparations), own) for own in generators]
        leader.network_ = networks[0]
        given = leader._given(X, rows, S)

        size = _networks_at_once(networks[0], given.features.device)
        for start in range(0, len(networks), size):
            group = [network.to(given.seen.device) for network in networks[start : start + size]]
            leader.network_ = stack_networks(group) if len(group) > 1 else group[0]
            leader._train(given, generators[start : start + size], monitor)
            if len(group) > 1:
                unstack_network(leader.network_, group)
        given.release()

        for model, network in zip(self.models, networks, strict=True):
            model.network_ = network.eval()
            model._settle(given.seen)

    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        raise NotImplementedError

    def _restore(self, state: dict[str, Any]) -> None:
        raise NotImplementedError


def _networks_at_once(network: ScoringNetwork, device: torch.device) -> int:
    """Returns how many networks one training stacks."""
    if device.type != "cpu":
        return sys.maxsize
    parameters = sum(parameter.numel() for parameter in network.parameters())

    return max(1, CPU_PARAMETERS // parameters)


def _hand_over(fitted: ZeroShotClassifier, model: ZeroShotClassifier) -> None:
    """Copies all fitted attributes."""
    for name, value in fitted_attributes(fitted).items():
        setattr(model, name, copy.copy(value))
