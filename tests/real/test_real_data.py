"""Directions on real data, over three seeds: what the docs claim, cut to what a test can run."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from unseen import (
    MLP,
    ClassNorm,
    GZSLResult,
    SeenPenalty,
    ZeroShotData,
    choose_seen_penalty,
    evaluate,
    load,
)
from unseen.benchmark.recipes import AUTHORS_TRAINING

SEEDS = (0, 1, 2)
SETS = [("awa1", None), ("awa1_pca", None), ("gtsrb", None), ("gtsrb", "words")]
IDS = ["awa1", "awa1_pca", "gtsrb-pictograms", "gtsrb-words"]


@lru_cache
def read(folder: Path, name: str, attributes: str | None) -> ZeroShotData:
    return load(folder / f"{name}.npz", attributes)


@lru_cache
def trained(folder: Path, name: str, attributes: str | None, method: type, seed: int) -> ClassNorm:
    data = read(folder, name, attributes)
    train = data.subset("train", data.compact_type)
    model = method(random_state=seed)

    return model.fit(train.features, train.labels, data.class_attributes)


def results(
    folder: Path, name: str, attributes: str | None, method: type = ClassNorm
) -> list[GZSLResult]:
    data = read(folder, name, attributes)

    return [
        evaluate(trained(folder, name, attributes, method, seed), data).no_penalty for seed in SEEDS
    ]


def mean(measured: list[GZSLResult], measure: str) -> float:
    return float(np.mean([getattr(result, measure) for result in measured]))


ANIMALS = [("awa1", "none"), ("awa1", "l2-centre"), ("awa1", "centre"), ("awa1_pca", "centre")]


@lru_cache
def on_animals(
    folder: Path, name: str, preprocessing: str, divide_by: str | None
) -> tuple[float, float]:
    """Returns mean T1 and AUSUC of class norm, or, without a divisor, of the plain MLP."""
    data, measured = read(folder, name, None), []
    train = data.subset("train", data.compact_type)
    for seed in SEEDS:
        model = MLP() if divide_by is None else ClassNorm(divide_by=divide_by)
        model.set_params(feature_preprocessing=preprocessing, random_state=seed)
        model.fit(train.features, train.labels, data.class_attributes)
        result = evaluate(model, data).no_penalty
        measured.append((result.zsl_accuracy, result.ausuc))

    return tuple(np.mean(measured, axis=0))


@pytest.mark.parametrize(("name", "preprocessing"), ANIMALS)
@pytest.mark.parametrize("divide_by", ["std", "var"])
def test_class_norm_beats_the_plain_mlp_on_animals(
    real_data: Path, name: str, preprocessing: str, divide_by: str
) -> None:
    """In T1 and AUSUC, however features are prepared; awa1_pca comes centred."""
    class_norm = on_animals(real_data, name, preprocessing, divide_by)
    mlp = on_animals(real_data, name, preprocessing, None)

    assert class_norm[0] > mlp[0]
    assert class_norm[1] > mlp[1]


@pytest.mark.parametrize(("name", "attributes"), SETS, ids=IDS)
def test_descriptions_carry_over_to_unseen_classes(
    real_data: Path, name: str, attributes: str | None
) -> None:
    """Ten unseen classes: chance is 10 percent, and shuffled descriptions stay near it."""
    data = read(real_data, name, attributes)
    model = trained(real_data, name, attributes, ClassNorm, 0)
    test = data.subset("test_unseen")
    unseen = np.flatnonzero(~data.seen)
    shuffled = data.class_attributes[unseen][np.random.default_rng(0).permutation(len(unseen))]

    right = np.mean(
        unseen[model.predict(test.features, data.class_attributes[unseen])] == test.labels
    )
    wrong = np.mean(unseen[model.predict(test.features, shuffled)] == test.labels)

    assert right > 0.25
    assert right > wrong + 0.1


# T1, H, AUSUC in percent and T1's deviation over seeds, from an independent statement of the method
# (data/README.md) under the preparation that it names. "authors" is also the authors' training, cut
# to the statement's 15 to 30 epochs: on pictograms the length of training matters. H on the words
# is left out: four groups of signs have the same words, and H without penalty then hangs on ties.
REFERENCE = [
    ("awa1", None, MLP, "l2-centre", (29.7, 17.3, 8.6), 1.1),
    ("awa1", None, ClassNorm, "l2-centre", (31.5, 19.9, 9.3), 2.0),
    ("awa1", None, ClassNorm, "none", (26.7, 16.6, 5.7), 0.2),
    ("awa1_pca", None, MLP, "none", (33.3, 21.0, 11.5), 0.3),
    ("awa1_pca", None, ClassNorm, "none", (33.9, 22.3, 11.8), 0.6),
    ("gtsrb", None, MLP, "authors", (64.2, 66.4, 56.4), 1.1),
    ("gtsrb", None, ClassNorm, "authors", (61.1, 64.4, 52.9), 0.6),
    ("gtsrb", "words", MLP, "none", (31.3, np.nan, 21.0), 1.0),
    ("gtsrb", "words", ClassNorm, "none", (32.0, np.nan, 21.4), 1.1),
]


@pytest.mark.parametrize(
    ("name", "attributes", "method", "preprocessing", "expected", "deviation"), REFERENCE
)
def test_agrees_with_an_independent_statement(
    real_data: Path,
    name: str,
    attributes: str | None,
    method: type,
    preprocessing: str,
    expected: tuple[float, float, float],
    deviation: float,
) -> None:
    """Within two deviations over seeds, theirs or ours, each in proportion to its measure."""
    data = read(real_data, name, attributes)
    train = data.subset("train", data.compact_type)
    runs = []
    for seed in SEEDS:
        model = method(random_state=seed)
        if preprocessing == "authors":
            model.set_params(**AUTHORS_TRAINING | {"epochs": 20})
        else:
            model.set_params(feature_preprocessing=preprocessing)
        model.fit(train.features, train.labels, data.class_attributes)
        result = evaluate(model, data).no_penalty
        runs.append((result.zsl_accuracy, result.harmonic_mean, result.ausuc))
    measured, theirs = 100 * np.array(runs), np.array(expected)
    spread = np.maximum(measured.std(axis=0, ddof=1), deviation * theirs / theirs[0])
    given = ~np.isnan(theirs)

    assert (np.abs(measured.mean(axis=0) - theirs) <= 2 * spread)[given].all()


@lru_cache
def penalty(folder: Path, name: str, attributes: str | None) -> SeenPenalty:
    return choose_seen_penalty(ClassNorm(random_state=0), read(folder, name, attributes))


@pytest.mark.parametrize(("name", "attributes"), SETS, ids=IDS)
def test_hidden_class_penalty_comes_near_the_oracle(
    real_data: Path, name: str, attributes: str | None
) -> None:
    """Never below the H without penalty, and at least nine tenths of the best on test rows."""
    data = read(real_data, name, attributes)
    bare, chosen, oracle = [], [], []
    for seed in SEEDS:
        model = trained(real_data, name, attributes, ClassNorm, seed)
        model.seen_penalty_ = penalty(real_data, name, attributes)
        judged = evaluate(model, data)
        model.seen_penalty_ = None
        bare.append(judged.no_penalty)
        chosen.append(judged.stored)
        oracle.append(judged.oracle)

    assert mean(chosen, "harmonic_mean") >= 0.9 * mean(oracle, "harmonic_mean")
    assert mean(chosen, "harmonic_mean") >= mean(bare, "harmonic_mean")
    if name == "awa1_pca" or attributes == "words":
        assert mean(chosen, "harmonic_mean") > mean(bare, "harmonic_mean") + 0.03
