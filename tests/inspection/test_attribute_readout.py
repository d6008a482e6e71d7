"""Attributes read out of scores: plain ridge regression, on seen classes alone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from unseen.data.dataset import ZeroShotData
from unseen.inspection.attribute_readout import AttributeReadout
from unseen.methods.eszsl import ESZSL


@pytest.fixture(scope="module")
def model(toy: ZeroShotData) -> ESZSL:
    train = toy.subset("train")

    return ESZSL().fit(train.features, train.labels, toy.class_attributes)


def test_the_readout_is_ridge_on_scores_of_seen_classes(toy: ZeroShotData, model: ESZSL) -> None:
    """With the penalty that was chosen, solved plainly."""
    readout = AttributeReadout(model).fit(toy)
    train, test = toy.subset("train"), toy.subset("test_unseen")
    seen_table = toy.class_attributes[toy.seen]

    Z = model.decision_function(train.features, seen_table)
    centre, scale = Z.mean(axis=0), Z.std(axis=0)
    table = toy.class_attributes / np.linalg.norm(toy.class_attributes, axis=1, keepdims=True)
    target = table[train.labels]
    Z = (Z - centre) / scale
    gram = Z.T @ Z + readout.penalty_ * len(Z) * np.eye(Z.shape[1])
    R = np.linalg.solve(gram, Z.T @ (target - target.mean(axis=0)))
    scores = (model.decision_function(test.features, seen_table) - centre) / scale

    expected = scores @ R + target.mean(axis=0)
    assert_allclose(readout.predict_attributes(test.features), expected, atol=1e-5)


def test_the_readout_learns_nothing_from_unseen_rows(toy: ZeroShotData, model: ESZSL) -> None:
    rows = toy.subset("test_unseen").features
    other = toy.class_attributes.copy()
    other[~toy.seen] = np.random.default_rng(0).random(other[~toy.seen].shape)
    elsewhere = replace(toy, class_attributes=other)

    first = AttributeReadout(model).fit(toy).predict_attributes(rows)
    assert_allclose(AttributeReadout(model).fit(elsewhere).predict_attributes(rows), first)


def test_one_attribute_is_one_column(toy: ZeroShotData) -> None:
    one = replace(toy, class_attributes=toy.class_attributes[:, :1])
    train = one.subset("train")
    model = ESZSL().fit(train.features, train.labels, one.class_attributes)

    assert AttributeReadout(model).fit(one).predict_attributes(train.features).shape == (128, 1)
