"""One method trained once per seed, and timed."""

__all__ = ["train_seeds", "warm_up"]

import time
from collections.abc import Iterator, Sequence
from functools import cache

import torch

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.methods.base import ZeroShotClassifier, with_seed
from unseen.methods.class_norm import MLP
from unseen.methods.many_seeds import fit_seeds
from unseen.training.loop import TrainingError


def train_seeds(
    method: ZeroShotClassifier, data: ZeroShotData, seeds: Sequence[int]
) -> Iterator[tuple[ZeroShotClassifier | Exception, float]]:
    """Trains a method once per seed; on a GPU all seeds at once, where the method can.

    On a CPU that gains little, and a seed would then depend on those beside it to the last bit.

    Arguments:
        method: The estimator; it stays as it is.
        data: The data, of which the training rows are learned from.
        seeds: The seeds.

    Yields:
        For each seed, the fitted method, or why it could not be fitted, and the seconds it took.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import MLP
        >>> trained = train_seeds(MLP(hidden=16, epochs=2), simulate_toy(), seeds=[0, 1])
        >>> [model.random_state for model, seconds in trained]
        [0, 1]
    """
    rows = data.subset("train", data.compact_type)
    if len(seeds) > 1 and getattr(method, "stackable", False) and torch.cuda.is_available():
        start = time.perf_counter()
        try:
            models = fit_seeds(
                method,
                rows.features,
                rows.labels,
                data.class_attributes,
                seeds,
                class_names=data.class_names,
            )
        except TrainingError:  # of one seed: alone, the others may go well
            pass
        else:
            seconds = (time.perf_counter() - start) / len(seeds)
            yield from ((model, seconds) for model in models)
            return

    for seed in seeds:
        model, start = with_seed(method, seed), time.perf_counter()
        fitted: ZeroShotClassifier | Exception
        try:
            fitted = model.fit(
                rows.features, rows.labels, data.class_attributes, class_names=data.class_names
            )
        except Exception as error:
            fitted = error
        yield fitted, time.perf_counter() - start


@cache
def warm_up() -> None:
    """Trains for a moment: PyTorch loads much of itself then, which is no method's time."""
    next(train_seeds(MLP(hidden=2, epochs=1), simulate_toy(), seeds=[0]))
