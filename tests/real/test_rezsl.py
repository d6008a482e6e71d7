"""What re-balancing does to the errors of real data, as docs/methods/rezsl.md."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from unseen import load
from unseen.methods.rezsl import ReZSL
from unseen.metrics.imbalance import Imbalance, measure_imbalance

DATA = (("awa1_pca.npz", None), ("gtsrb.npz", "words"))
ORIGINAL = ("awa1_pca.npz", "original")  # percentages, 0 to 100
WEIGHT, RAW_WEIGHT = 100.0, 0.01
REMSE = {"regression": "remse", "p": 1.0, "p2": 1.0, "mean_normalize": True}


@lru_cache
def imbalance(
    folder: Path, name: str, attributes: str | None, seed: int, remse: bool, raw: bool = False
) -> Imbalance:
    """Trains at equal weights, and measures the errors of the test rows."""
    data = load(folder / name, attributes=attributes)
    train, parts = data.subset("train"), [data.subset("test_seen"), data.subset("test_unseen")]
    settings = REMSE if remse else {"regression": "normalized-mse"}
    if raw:
        settings = (REMSE | {"normalize": False}) if remse else {"regression": "mse"}
        settings = settings | {"attribute_normalization": "raw"}
    weight = RAW_WEIGHT if raw else WEIGHT
    model = ReZSL(regression_weight=weight, random_state=seed, **settings)
    model.fit(train.features, train.labels, data.class_attributes)
    X = np.concatenate([part.features for part in parts])

    return measure_imbalance(
        model.predict_attributes(X),
        np.concatenate([part.labels for part in parts]),
        model.predict(X),
        data.class_attributes,
    )


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "attributes"), DATA)
def test_remse_makes_errors_less_unequal(
    real_data: Path, name: str, attributes: str | None, seed: int
) -> None:
    plain = imbalance(real_data, name, attributes, seed, remse=False)
    balanced = imbalance(real_data, name, attributes, seed, remse=True)

    assert balanced.theil.within_classes < plain.theil.within_classes
    assert balanced.theil.within_attributes < plain.theil.within_attributes
    assert balanced.spread.deviation < plain.spread.deviation


@pytest.mark.parametrize("seed", [0, 1])
def test_of_raw_values_correlation_and_inequality_fall(real_data: Path, seed: int) -> None:
    plain = imbalance(real_data, *ORIGINAL, seed, remse=False, raw=True)
    balanced = imbalance(real_data, *ORIGINAL, seed, remse=True, raw=True)

    assert balanced.class_correlation < plain.class_correlation
    assert balanced.theil.within_classes < plain.theil.within_classes
    assert balanced.spread.mean < plain.spread.mean


@pytest.mark.parametrize("seed", [0, 1])
def test_of_unit_length_the_correlation_does_not_fall(real_data: Path, seed: int) -> None:
    """The other half of the claim, as it stands: it holds on made data, and not on animals."""
    plain = imbalance(real_data, *DATA[0], seed, remse=False)
    balanced = imbalance(real_data, *DATA[0], seed, remse=True)

    assert balanced.class_correlation > plain.class_correlation
