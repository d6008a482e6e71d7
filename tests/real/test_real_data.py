"""Directions on real data, over three seeds: what the docs claim, cut to what a test can run."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen import (
    MLP,
    ClassNorm,
    GZSLResult,
    SeenPenalty,
    Subset,
    ZeroShotData,
    choose_seen_penalty,
    evaluate,
    load,
)
from unseen.benchmark.recipes import AUTHORS_TRAINING

SEEDS = (0, 1, 2)
# The default, centred features, at half of its width and in half of the time.
NARROW = {"hidden": 512}
SETS = [("awa1", None), ("awa1_pca", None), ("gtsrb", None), ("gtsrb", "words")]
IDS = ["awa1", "awa1_pca", "gtsrb-pictograms", "gtsrb-words"]


@lru_cache
def read(folder: Path, name: str, attributes: str | None) -> ZeroShotData:
    return load(folder / f"{name}.npz", attributes)


@lru_cache(maxsize=1)  # tests of one data set follow one another; a copy is up to 160 MB
def training_rows(folder: Path, name: str, attributes: str | None) -> Subset:
    data = read(folder, name, attributes)

    return data.subset("train", data.compact_type)


@lru_cache
def trained(
    folder: Path, name: str, attributes: str | None, method: type, seed: int, **settings: Any
) -> ClassNorm:
    """Returns a model; tests share it, as trainings are what takes long."""
    train = training_rows(folder, name, attributes)
    model = method(random_state=seed).set_params(**settings)

    return model.fit(train.features, train.labels, read(folder, name, attributes).class_attributes)


@lru_cache
def results(
    folder: Path, name: str, attributes: str | None, method: type, **settings: Any
) -> list[GZSLResult]:
    """Returns what the seeds reach without a penalty."""
    data = read(folder, name, attributes)
    models = [trained(folder, name, attributes, method, seed, **settings) for seed in SEEDS]

    return [evaluate(model, data).no_penalty for model in models]


def mean(measured: list[GZSLResult], measure: str) -> float:
    return float(np.mean([getattr(result, measure) for result in measured]))


RAW, L2 = {"feature_preprocessing": "none"}, {"feature_preprocessing": "l2-centre"}
STD: dict[str, str] = {}  # the default: tests share models of the same settings
VAR = {"divide_by": "var"}
# The rows of the reference (data/README.md): one descriptor, as it is and of unit length, and all;
# and the default, which centres the one.
ANIMALS = [("awa1", RAW), ("awa1", L2), ("awa1", {}), ("awa1_pca", NARROW)]


@pytest.mark.parametrize("divisor", [STD, VAR], ids=["std", "var"])
@pytest.mark.parametrize(("name", "preparation"), ANIMALS, ids=["raw", "l2", "centred", "pca"])
def test_class_norm_beats_the_plain_mlp_on_animals(
    real_data: Path, name: str, preparation: dict[str, Any], divisor: dict[str, str]
) -> None:
    """In T1 and AUSUC, however features are prepared."""
    class_norm = results(real_data, name, None, ClassNorm, **preparation, **divisor)
    mlp = results(real_data, name, None, MLP, **preparation)

    assert mean(class_norm, "zsl_accuracy") > mean(mlp, "zsl_accuracy")
    assert mean(class_norm, "ausuc") > mean(mlp, "ausuc")


@pytest.mark.parametrize(("name", "attributes"), SETS, ids=IDS)
def test_descriptions_carry_over_to_unseen_classes(
    real_data: Path, name: str, attributes: str | None
) -> None:
    """Ten unseen classes: chance is 10 percent, and shuffled descriptions stay near it."""
    data = read(real_data, name, attributes)
    model = trained(real_data, name, attributes, ClassNorm, 0, **NARROW)
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
# (data/README.md) under the preparation that it names, of no named width. AUTHORS is also the
# authors' training, cut to the statement's 15 to 30 epochs: on pictograms the length of training
# matters. H on the words is left out: four groups of signs have the same words, and H without
# penalty then hangs on ties.
AUTHORS = AUTHORS_TRAINING | {"epochs": 20}
REFERENCE = [
    ("awa1", None, MLP, L2, (29.7, 17.3, 8.6), 1.1),
    ("awa1", None, ClassNorm, L2, (31.5, 19.9, 9.3), 2.0),
    ("awa1", None, ClassNorm, RAW, (26.7, 16.6, 5.7), 0.2),
    ("awa1_pca", None, MLP, NARROW, (33.3, 21.0, 11.5), 0.3),
    ("awa1_pca", None, ClassNorm, NARROW, (33.9, 22.3, 11.8), 0.6),
    ("gtsrb", None, MLP, AUTHORS, (64.2, 66.4, 56.4), 1.1),
    ("gtsrb", None, ClassNorm, AUTHORS, (61.1, 64.4, 52.9), 0.6),
    ("gtsrb", "words", MLP, NARROW, (31.3, np.nan, 21.0), 1.0),
    ("gtsrb", "words", ClassNorm, NARROW, (32.0, np.nan, 21.4), 1.1),
]


@pytest.mark.parametrize(
    ("name", "attributes", "method", "preparation", "expected", "deviation"), REFERENCE
)
def test_agrees_with_an_independent_statement(
    real_data: Path,
    name: str,
    attributes: str | None,
    method: type,
    preparation: dict[str, Any],
    expected: tuple[float, float, float],
    deviation: float,
) -> None:
    """Within two deviations over seeds, theirs or ours, each in proportion to its measure."""
    runs = [
        (result.zsl_accuracy, result.harmonic_mean, result.ausuc)
        for result in results(real_data, name, attributes, method, **preparation)
    ]
    measured, theirs = 100 * np.array(runs), np.array(expected)
    spread = np.maximum(measured.std(axis=0, ddof=1), deviation * theirs / theirs[0])
    given = ~np.isnan(theirs)

    assert (np.abs(measured.mean(axis=0) - theirs) <= 2 * spread)[given].all()


@lru_cache
def penalty(folder: Path, name: str, attributes: str | None) -> SeenPenalty:
    model = ClassNorm(random_state=0, **NARROW)

    return choose_seen_penalty(model, read(folder, name, attributes))


@pytest.mark.parametrize(("name", "attributes"), SETS, ids=IDS)
def test_hidden_class_penalty_comes_near_the_oracle(
    real_data: Path, name: str, attributes: str | None
) -> None:
    """Never below the H without penalty, and at least nine tenths of the best on test rows."""
    data = read(real_data, name, attributes)
    bare, chosen, oracle = [], [], []
    for seed in SEEDS:
        model = trained(real_data, name, attributes, ClassNorm, seed, **NARROW)
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
