"""ESZSL on real data: its scores are those of plain NumPy, its settings need no test row."""

from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unseen import RECIPES, HiddenClassFolds, ZeroShotData, load
from unseen.methods.eszsl import ESZSL
from unseen.metrics.gzsl import gzsl_result
from unseen.rehearsal import Rehearsal, final_test, rehearsals

CANDIDATES = [
    dict(zip(ESZSL.search_space, values, strict=True))
    for values in product(*ESZSL.search_space.values())
]


@lru_cache
def read(folder: Path) -> ZeroShotData:
    return load(folder / "awa1_pca.npz")


@pytest.mark.parametrize(("alpha", "gamma"), [(1.0, 0.1), (1e-3, 1e-3), (1e3, 1e3)])
def test_scores_are_those_of_plain_numpy(real_data: Path, alpha: float, gamma: float) -> None:
    data = read(real_data)
    train = data.rows(data.train[::10])
    labels, test = data.labels[data.train[::10]], data.rows(data.test_unseen[::10])
    model = ESZSL(feature_penalty=alpha, attribute_penalty=gamma)
    scores = model.fit(train, labels, data.class_attributes).decision_function(test)

    def unit(x: NDArray) -> NDArray:
        return x / np.sqrt((x * x).sum(axis=1, keepdims=True))

    table = unit(data.class_attributes.astype(np.float64))
    mean = unit(train.astype(np.float64)).mean(axis=0)
    X, Z = unit(train.astype(np.float64)) - mean, unit(test.astype(np.float64)) - mean
    seen = np.unique(labels)
    S, Y = table[seen], np.where(labels[:, None] == seen, 1.0, -1.0)
    V = np.linalg.solve(X.T @ X + alpha * np.eye(X.shape[1]), X.T @ Y @ S)
    V = np.linalg.solve(S.T @ S + gamma * np.eye(S.shape[1]), V.T).T
    expected = Z @ V @ table.T

    assert np.abs(scores - expected).max() <= 1e-6 * np.abs(expected).max()


def test_the_recipe_knows_more_than_chance(real_data: Path) -> None:
    """Features as they are, all positive: with targets of -1 all rows go to one class."""
    data = load(real_data / "awa1.npz")
    train, test = data.subset("train"), data.subset("test_unseen")
    model = RECIPES["eszsl-awa1"]().method.fit(train.features, train.labels, data.class_attributes)
    scores = model.decision_function(test.features)

    assert gzsl_result(scores, test.labels, data.seen).zsl_accuracy > 0.2  # chance is 0.10


def judged(task: Rehearsal) -> NDArray[np.float64]:
    """Returns AUSUC and T1 of every candidate on a task, with shape (49, 2)."""
    X = task.data.rows(task.train, task.data.compact_type)
    test = task.data.rows(task.judged)
    y, labels = task.labels[task.train], task.labels[task.judged]
    fits = ESZSL().fit_candidates(X, y, task.class_attributes, CANDIDATES)
    results = [gzsl_result(model.decision_function(test), labels, task.seen) for model in fits]

    return np.array([[result.ausuc, result.zsl_accuracy] for result in results])


@pytest.mark.parametrize(("name", "attributes"), [("gtsrb", None), ("gtsrb", "words")])
def test_settings_chosen_on_hidden_classes_are_near_those_chosen_on_the_test(
    real_data: Path, name: str, attributes: str | None
) -> None:
    """Ten folds, picked with the test in view (docs/methods/eszsl.md): a guard, no proof."""
    data = load(real_data / f"{name}.npz", attributes)
    folds = HiddenClassFolds(folds=10)
    hidden = np.mean([judged(task) for task in rehearsals(data, folds)], axis=0)
    test = judged(final_test(data))
    chosen, oracle = test[hidden[:, 0].argmax(), 1], test[:, 1].max()

    assert chosen > 0.25  # chance is 0.10
    assert oracle - chosen < 0.02
