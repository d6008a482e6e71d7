"""scikit-learn's own checks of every method, and its tools around them."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from unseen.data.dataset import ZeroShotData
from unseen.methods import METHODS
from unseen.methods.base import ZeroShotClassifier

Make = Callable[..., ZeroShotClassifier]
every_method = pytest.mark.parametrize("Method", METHODS.values(), ids=METHODS)


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


# With their defaults, but for the slowest two: forty trainings of the flow would take a minute.
SHORTER = {"izf": {"hidden": 64, "epochs": 8}, "relation-net": {"hidden": 128}}


@parametrize_with_checks([Method(**SHORTER.get(name, {})) for name, Method in METHODS.items()])
def test_scikit_learn(estimator: BaseEstimator, check: Callable, run_check: Callable) -> None:
    run_check(estimator, check)


@every_method
def test_the_difference_of_two_classes_is_as_exact_as_their_probabilities(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    two = np.isin(train.labels, np.unique(train.labels)[:2])
    model = small(Method).fit(train.features[two], train.labels[two])
    difference = model.decision_function(toy.features)

    assert_allclose(expit(difference), model.predict_proba(toy.features)[:, 1], rtol=1e-12)


@every_method
def test_clones_are_unfitted_and_equal(Method: type, small: Make, toy: ZeroShotData) -> None:
    train = toy.subset("train")
    model = small(Method).fit(train.features, train.labels, toy.class_attributes)
    copy = clone(model)

    assert copy.get_params() == model.get_params()
    assert not [name for name in vars(copy) if name.endswith("_")]
    copy.fit(train.features, train.labels, toy.class_attributes)
    assert_array_equal(copy.decision_function(toy.features), model.decision_function(toy.features))


@every_method
@pytest.mark.usefixtures("routing")
def test_a_pipeline_hands_the_class_table_on(Method: type, small: Make, toy: ZeroShotData) -> None:
    train, scaler = toy.subset("train"), StandardScaler()
    model = small(Method).set_fit_request(class_attributes=True)
    model.set_predict_request(class_attributes=True)
    pipeline = Pipeline([("scale", scaler), ("method", model)])
    pipeline.fit(train.features, train.labels, class_attributes=toy.class_attributes)

    by_hand = small(Method).fit(
        StandardScaler().fit_transform(train.features), train.labels, toy.class_attributes
    )
    X = scaler.transform(toy.features)
    assert_array_equal(pipeline.predict(toy.features), by_hand.predict(X))
    table = np.random.default_rng(0).random((5, 8))
    assert_array_equal(
        pipeline.predict(toy.features, class_attributes=table), by_hand.predict(X, table)
    )


@every_method
@pytest.mark.usefixtures("routing")
def test_a_grid_search_hands_the_class_table_on(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    if "epochs" not in Method().get_params():
        pytest.skip(f"{Method.__name__} is not trained in epochs")
    train = toy.subset("train")
    search = GridSearchCV(
        small(Method).set_fit_request(class_attributes=True),
        {"epochs": np.array([1, 8])},
        cv=2,
        error_score="raise",
    )
    search.fit(train.features, train.labels, class_attributes=toy.class_attributes)

    assert search.best_params_ == {"epochs": 8}
    assert_array_equal(search.best_estimator_.class_attributes_, toy.class_attributes)


@every_method
def test_without_a_table_it_is_an_ordinary_classifier(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    options = {"epochs": 30} if "epochs" in Method().get_params() else {}
    scores = cross_val_score(small(Method, **options), train.features, train.labels, cv=2)

    assert scores.mean() > 3 / 8
