"""Preparations of features and descriptions, against NumPy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from unseen.nets.preprocessing import (
    ATTRIBUTE_NORMALIZATIONS,
    FEATURE_PREPROCESSINGS,
    AttributeNormalization,
    FeaturePreprocessing,
)

X = np.random.default_rng(0).gamma(1.0, 2.0, (40, 6)).astype(np.float32)
NEW = np.random.default_rng(1).gamma(1.0, 2.0, (5, 6)).astype(np.float32)


def unit(x: NDArray) -> NDArray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


FEATURES = {
    "none": NEW,
    "l2": unit(NEW),
    "centre": NEW - X.mean(axis=0),
    "l2-centre": unit(NEW) - unit(X).mean(axis=0),
    "centre-scale": (NEW - X.mean(axis=0)) / np.sqrt(np.square(X - X.mean(axis=0)).mean()),
    "standardize": (NEW - X.mean(axis=0)) / X.std(axis=0),
    "standardize-max": (NEW - X.mean(axis=0))
    / X.std(axis=0)
    / ((X - X.mean(axis=0)) / X.std(axis=0)).max(),
}
ATTRIBUTES = {
    "sqrt": np.sqrt(6) * unit(NEW),
    "unit": unit(NEW),
    "raw": NEW,
    "standardize": (NEW - X.mean(axis=0)) / X.std(axis=0),
    "standardize-all": (NEW - X.mean(axis=0)) / X.std(axis=0),
}


def test_every_name_has_its_formula() -> None:
    assert set(FEATURES) == set(FEATURE_PREPROCESSINGS)
    assert set(ATTRIBUTES) == set(ATTRIBUTE_NORMALIZATIONS)


@pytest.mark.parametrize("kind", FEATURES)
def test_features_follow_the_formula_of_the_training_rows(kind: str) -> None:
    preprocessing = FeaturePreprocessing(kind, 6).fit([torch.from_numpy(X)])

    assert_allclose(preprocessing(torch.from_numpy(NEW)), FEATURES[kind], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", FEATURES)
def test_chunks_carry_no_meaning(kind: str) -> None:
    whole = FeaturePreprocessing(kind, 6).fit([torch.from_numpy(X)])
    parts = FeaturePreprocessing(kind, 6).fit(torch.from_numpy(X).split([1, 20, 19]))

    assert torch.equal(whole.mean, parts.mean)
    if whole.divisor is not None:
        torch.testing.assert_close(whole.divisor, parts.divisor)


@pytest.mark.parametrize("kind", ["centre-scale", "standardize", "standardize-max"])
@pytest.mark.parametrize("offset", [0.0, 1000.3])
def test_a_constant_feature_is_centred_only(kind: str, offset: float) -> None:
    rows = torch.from_numpy(X).clone()
    rows[:, 2] = offset
    prepared = FeaturePreprocessing(kind, 6).fit([rows])(rows)

    assert prepared.isfinite().all()
    assert_allclose(prepared[:, 2], 0, atol=1e-3)
    constant = torch.full((4, 6), offset)
    assert_allclose(FeaturePreprocessing(kind, 6).fit([constant])(constant), 0, atol=1e-3)


@pytest.mark.parametrize("rows", [7, 333, 5000])
def test_rounding_is_no_deviation(rows: int) -> None:
    constants = torch.tensor([0.1, 1 / 3, 1000.3, -7e-5, 3e7]).expand(rows, -1)
    preprocessing = FeaturePreprocessing("standardize", 5).fit(constants.split(64))

    assert (preprocessing.divisor == 1).all()


def test_any_negative_prepared_feature_is_found() -> None:
    rows = torch.from_numpy(X)

    assert FeaturePreprocessing("none", 6).nonnegative(rows.split(7))
    assert not FeaturePreprocessing("centre", 6).fit([rows]).nonnegative(rows.split(7))
    assert not FeaturePreprocessing("none", 6).nonnegative([rows, -rows[:1]])


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_attributes_follow_the_formula_of_the_seen_classes(kind: str) -> None:
    normalization = AttributeNormalization(kind, 6).fit(torch.from_numpy(X))

    assert_allclose(normalization(torch.from_numpy(NEW)), ATTRIBUTES[kind], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attributes", [64, 85, 102, 312])
def test_u5_rows_have_root_mean_square_one(attributes: int) -> None:
    table = torch.rand(50, attributes, generator=torch.Generator().manual_seed(0))
    table = AttributeNormalization("sqrt", attributes)(100 * table)

    assert_allclose(table.square().mean(dim=1).sqrt(), 1.0, atol=1e-6)
    assert_allclose(table.norm(dim=1), attributes**0.5, rtol=1e-6)


def test_a_constant_attribute_is_centred_only() -> None:
    table = torch.tensor([[1.0, 2.0], [1.0, 4.0]])
    standardized = AttributeNormalization("standardize", 2).fit(table)(table)

    assert_allclose(standardized, [[0.0, -1.0], [0.0, 1.0]])


def test_fitted_numbers_are_saved() -> None:
    assert set(FeaturePreprocessing("centre", 6).state_dict()) == {"mean"}
    assert set(FeaturePreprocessing("standardize", 6).state_dict()) == {"mean", "divisor"}
    assert set(AttributeNormalization("standardize", 6).state_dict()) == {"mean", "std"}
