"""What ESZSL and SAE share: one decomposition for candidates that differ in penalties alone."""

from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from unseen.data.dataset import ZeroShotData
from unseen.methods import closed_form
from unseen.methods.closed_form import ClosedFormClassifier
from unseen.methods.eszsl import ESZSL
from unseen.methods.sae import SAE

every_closed_form = pytest.mark.parametrize("Method", [ESZSL, SAE])
PENALTY = {ESZSL: "feature_penalty", SAE: "encoder_weight"}


@pytest.fixture
def decompositions() -> Iterator[list[ClosedFormClassifier]]:
    """Counts decompositions while it is in use."""
    counted, decompose = [], ClosedFormClassifier._decompose

    def count(self: ClosedFormClassifier, *arguments: object) -> object:
        counted.append(self)
        return decompose(self, *arguments)

    with patch.object(ClosedFormClassifier, "_decompose", count):
        yield counted


def grid(Method: type[ClosedFormClassifier]) -> list[dict[str, object]]:
    """Returns candidates of two preparations, in turns."""
    return [
        {PENALTY[Method]: penalty, "feature_preprocessing": preparation}
        for penalty in (0.1, 10.0, 1000.0)
        for preparation in ("l2-centre", "none")
    ]


@every_closed_form
def test_candidates_are_what_single_fits_are(
    Method: type[ClosedFormClassifier], toy: ZeroShotData
) -> None:
    train, S = toy.subset("train"), toy.class_attributes
    models = Method().fit_candidates(train.features, train.labels, S, grid(Method))

    for model, settings in zip(models, grid(Method), strict=True):
        alone = Method(**settings).fit(train.features, train.labels, S)
        assert model.get_params() == alone.get_params()
        assert vars(model).keys() == vars(alone).keys()
        assert_array_equal(
            model.decision_function(toy.features), alone.decision_function(toy.features)
        )


@every_closed_form
def test_candidates_share_a_decomposition_where_they_may(
    Method: type[ClosedFormClassifier],
    toy: ZeroShotData,
    decompositions: list[ClosedFormClassifier],
) -> None:
    train = toy.subset("train")
    fits = Method().fit_candidates(train.features, train.labels, toy.class_attributes, grid(Method))

    assert len(list(fits)) == 6
    assert len(decompositions) == 2


@every_closed_form
def test_the_whole_search_space_is_one_decomposition(
    Method: type[ClosedFormClassifier],
    toy: ZeroShotData,
    decompositions: list[ClosedFormClassifier],
) -> None:
    train = toy.subset("train")
    candidates = [{name: value} for name, values in Method.search_space.items() for value in values]
    fits = Method().fit_candidates(train.features, train.labels, toy.class_attributes, candidates)

    assert len(list(fits)) == len(candidates)
    assert len(decompositions) == 1


@every_closed_form
def test_a_candidate_is_not_changed_through_another(
    Method: type[ClosedFormClassifier], toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    fits = Method().fit_candidates(
        train.features, train.labels, toy.class_attributes, grid(Method)[:2] * 2
    )
    first = next(fits)
    expected = first.decision_function(toy.features)
    first.add_classes(["gnu"], np.arange(8.0)[None])
    first.coef_ *= 2
    others = list(fits)

    assert_array_equal(others[1].decision_function(toy.features), expected)
    assert len(others[1].class_names_) == 12


@every_closed_form
def test_candidates_are_checked(Method: type[ClosedFormClassifier], toy: ZeroShotData) -> None:
    train, S, name = toy.subset("train"), toy.class_attributes, PENALTY[Method]
    fits = Method().fit_candidates(train.features, train.labels, S, [{name: 1.0}, {name: -1.0}])
    next(fits)

    with pytest.raises(ValueError, match=f"`{name}` must be a number greater than 0; got -1"):
        next(fits)


@every_closed_form
def test_chunks_change_nothing(
    Method: type[ClosedFormClassifier], toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, S = toy.subset("train"), toy.class_attributes
    whole = Method().fit(train.features, train.labels, S)
    monkeypatch.setattr(closed_form, "CHUNK_ROWS", 7)
    parts = Method().fit(train.features, train.labels, S)

    assert_allclose(
        parts.decision_function(toy.features), whole.decision_function(toy.features), atol=1e-10
    )


@every_closed_form
def test_features_are_prepared_from_the_training_rows(
    Method: type[ClosedFormClassifier], toy: ZeroShotData
) -> None:
    train, S = toy.subset("train"), toy.class_attributes
    X = train.features.astype(np.float64)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    expected = Method(feature_preprocessing="none").fit(unit - unit.mean(axis=0), train.labels, S)

    model = Method(feature_preprocessing="l2-centre").fit(train.features, train.labels, S)
    assert_allclose(model.coef_, expected.coef_, atol=1e-9)


@every_closed_form
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"feature_preprocessing": "l2-center"}, "Did you mean 'l2-centre'"),
        ({"attribute_normalization": "units"}, "Did you mean 'unit'"),
        ({"attribute_normalization": "standardize-all"}, "must be one of"),  # reads unseen classes
    ],
)
def test_wrong_settings(
    Method: Callable[..., ClosedFormClassifier],
    toy: ZeroShotData,
    settings: dict[str, str],
    message: str,
) -> None:
    train = toy.subset("train")

    with pytest.raises(ValueError, match=message):
        Method(**settings).fit(train.features, train.labels, toy.class_attributes)
