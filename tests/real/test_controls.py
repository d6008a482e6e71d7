"""What must fail does fail: without their own descriptions, classes are not recognised."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unseen import METHODS, ZeroShotData, load

ROWS = 20  # of each seen class: enough to tell a true description from a wrong one, and quick
PERMUTATIONS = 10
SETS = ["awa1_pca", "gtsrb"]
# Smaller and shorter where ten trainings take ten seconds or more by default.
QUICK = {
    "class-norm": {"hidden": 256},
    "mlp": {"hidden": 256},
    "dem": {"hidden": 256},
    "dcn": {"hidden": 256},
    "cvc-zsl": {"hidden": 256},
    "izf": {"hidden": 128, "blocks": 4, "epochs": 4, "batch_size": 80, "lr": 0.005},
    "relation-net": {"hidden": 32, "epochs": 4, "batch_size": 32},
}


@lru_cache
def read(folder: Path, name: str) -> tuple[ZeroShotData, NDArray, NDArray[np.int64]]:
    """Returns the data, and features and labels of a few training rows of each class."""
    data = load(folder / f"{name}.npz")
    labels = data.labels[data.train]
    few = np.sort(np.concatenate([np.flatnonzero(labels == c)[:ROWS] for c in np.unique(labels)]))

    return data, data.rows(data.train[few]), labels[few]


def zsl_accuracy(
    method: str, data: ZeroShotData, X: NDArray, y: NDArray[np.int64], table: NDArray, seed: int
) -> float:
    """Returns T1 of a method that is told `table`, per class."""
    model = METHODS[method](**QUICK.get(method, {}))
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    model.fit(X, y, table)
    test, unseen = data.subset("test_unseen"), np.flatnonzero(~data.seen)
    model.seen_penalty_ = None
    right = unseen[model.predict(test.features, table[unseen])] == test.labels

    return float(np.mean([right[test.labels == c].mean() for c in unseen]))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("method", METHODS)
def test_shuffled_descriptions_fall_to_chance(real_data: Path, method: str, name: str) -> None:
    """T1 lies within three standard errors of chance, over permutations of all descriptions."""
    data, X, y = read(real_data, name)
    chance = 1 / (~data.seen).sum()
    shuffled = []
    for seed in range(PERMUTATIONS):
        order = np.random.default_rng(seed).permutation(len(data.class_attributes))
        shuffled.append(zsl_accuracy(method, data, X, y, data.class_attributes[order], seed))
    error = np.std(shuffled, ddof=1) / PERMUTATIONS**0.5

    assert abs(np.mean(shuffled) - chance) < 3 * error
    true = zsl_accuracy(method, data, X, y, data.class_attributes, 0)
    assert true > max(*shuffled, chance + 3 * error)
