"""The contract of methods that go on learning: tables that grow, and nothing half done."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from unseen.continual.learner import ContinualLearner
from unseen.data.dataset import DataError, ZeroShotData
from unseen.methods import METHODS
from unseen.methods.continual import ContinualClassifier
from unseen.methods.gaussian_nb import TiedGaussian
from unseen.methods.recursive_ridge import RecursiveRidge
from unseen.methods.saving import ModelError
from unseen.models import load_model

LEARNERS: dict[str, Callable[[], ContinualClassifier]] = {
    "learner": lambda: ContinualLearner(random_state=0),
    **{name: kind for name, kind in METHODS.items() if issubclass(kind, ContinualClassifier)},
}
every_learner = pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)


def rows_of(data: ZeroShotData, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    train = data.subset("train")
    kept = np.isin(train.labels, classes)

    return train.features[kept], train.labels[kept]


def stored(model: ContinualClassifier) -> dict[str, bytes]:
    return {name: value.cpu().numpy().tobytes() for name, value in model._state().items()}


@pytest.fixture
def seen(toy: ZeroShotData) -> list[list[int]]:
    """Returns the seen classes of the toy in three tasks."""
    return [part.tolist() for part in np.array_split(np.flatnonzero(toy.seen), 3)]


@every_learner
def test_tasks_arrive_with_their_classes(
    make: Callable, toy: ZeroShotData, seen: list[list[int]]
) -> None:
    model, table = make(), toy.class_attributes
    for number, classes in enumerate(seen):
        model.partial_fit(*rows_of(toy, classes), table)
        assert_array_equal(np.flatnonzero(model.seen_), np.sort(np.concatenate(seen[: number + 1])))
        assert model.decision_function(toy.features).shape == (len(toy.features), len(table))
    assert model.score(*rows_of(toy, seen[-1])) > 1 / len(table)


@pytest.mark.parametrize("kind", [RecursiveRidge, TiedGaussian])
def test_what_follows_from_the_sums_is_no_memory(
    kind: type[RecursiveRidge | TiedGaussian], toy: ZeroShotData, seen: list[list[int]]
) -> None:
    model = kind().partial_fit(*rows_of(toy, seen[0]), toy.class_attributes)
    classes, width = len(seen[0]), toy.features.shape[1]

    numbers = classes + classes * width + width * width + width  # counts, sums, scatter, greatest
    assert model.memory_bytes() == {"statistics": 8 * numbers}


@every_learner
def test_classes_that_are_added_later_are_learned_later(
    make: Callable, toy: ZeroShotData, seen: list[list[int]], tmp_path
) -> None:
    order = np.concatenate([*seen, np.flatnonzero(~toy.seen)]).astype(int)
    table, at = toy.class_attributes[order], np.argsort(order)
    first, then = len(seen[0]), len(seen[0]) + len(seen[1])

    X, y = rows_of(toy, seen[0])
    model = make().partial_fit(X, at[y], table[:first])
    model.save_pretrained(tmp_path / "model")
    model = load_model(tmp_path / "model")  # next week
    model.add_classes([f"new {i}" for i in range(first, then)], table[first:then])
    X, y = rows_of(toy, seen[1])
    model.partial_fit(X, at[y])

    at_once = make()
    for classes in seen[:2]:
        X, y = rows_of(toy, classes)
        at_once.partial_fit(X, at[y], table)
    assert stored(model) == stored(at_once)
    assert model.class_names_[first] == f"new {first}"


@every_learner
def test_the_descriptions_of_later_classes_may_be_unknown(
    make: Callable, toy: ZeroShotData, seen: list[list[int]]
) -> None:
    known, unknown = make(), make()
    for number in range(2):
        so_far = np.isin(np.arange(len(toy.seen)), np.concatenate(seen[: number + 1]))
        table = np.where(so_far[:, None], toy.class_attributes, np.nan)
        rows = rows_of(toy, seen[number])
        known.partial_fit(*rows, toy.class_attributes)
        unknown.partial_fit(*rows, table)

    assert stored(known) == stored(unknown)


@every_learner
def test_a_task_that_fails_changes_nothing(
    make: Callable, toy: ZeroShotData, seen: list[list[int]]
) -> None:
    X, y = rows_of(toy, seen[1])
    model = make()
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.partial_fit(np.full_like(X, np.nan), y, toy.class_attributes)
    assert not [name for name in vars(model) if name.endswith("_")]

    model.partial_fit(*rows_of(toy, seen[0]), toy.class_attributes)
    before = stored(model)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.partial_fit(np.full_like(X, np.nan), y)
    table = toy.class_attributes.copy()
    table[seen[0][0]] += 1
    with pytest.raises(ValueError, match="classes keep their row and description"):
        model.partial_fit(X, y, table)
    with pytest.raises(ValueError, match="must begin with the stored table"):
        model.partial_fit(X, y, table[:3])
    with pytest.raises(ValueError, match="must have one row per class"):
        model.partial_fit(X, y + 100)
    undescribed = np.where(np.isin(np.arange(len(table)), seen[0])[:, None], table, np.nan)
    undescribed[seen[0]] = toy.class_attributes[seen[0]]
    fresh = make().partial_fit(*rows_of(toy, seen[0]), undescribed)
    with pytest.raises(DataError, match="class_attributes"):
        fresh.partial_fit(X, y)

    assert stored(model) == before
    assert_array_equal(np.flatnonzero(model.seen_), np.sort(seen[0]))


@every_learner
def test_without_a_table_all_labels_are_named_at_first(
    make: Callable, toy: ZeroShotData, seen: list[list[int]]
) -> None:
    names = np.array([f"class {i:02}" for i in range(12)])
    X, y = rows_of(toy, seen[0])
    model = make().partial_fit(X, names[y], classes=names)
    X, y = rows_of(toy, seen[1])
    model.partial_fit(X, names[y])

    assert set(model.predict(toy.features)) <= set(names)
    with pytest.raises(ValueError, match="not among the 12 classes of the first call"):
        model.partial_fit(X, np.full(len(X), "another"))
    with pytest.raises(ValueError, match="began without a class table"):
        model.partial_fit(X, y, toy.class_attributes)


def test_other_methods_do_not_go_on() -> None:
    for name, kind in METHODS.items():
        assert hasattr(kind, "partial_fit") == issubclass(kind, ContinualClassifier), name


@every_learner
def test_classes_may_be_named_later(
    make: Callable, toy: ZeroShotData, seen: list[list[int]]
) -> None:
    names = tuple(f"kind {i}" for i in range(len(toy.class_names)))
    model = make().partial_fit(*rows_of(toy, seen[0]), toy.class_attributes)
    model.partial_fit(*rows_of(toy, seen[1]), class_names=names)

    assert model.class_names_ == names
    with pytest.raises(ValueError, match="`class_names` must have 12 names; got 11"):
        model.partial_fit(*rows_of(toy, seen[2]), class_names=names[:-1])
    assert model.class_names_ == names


def test_a_learner_that_a_method_is_asked_to_read(
    toy: ZeroShotData, seen: list[list[int]], tmp_path: Path
) -> None:
    model = ContinualLearner(random_state=0).partial_fit(
        *rows_of(toy, seen[0]), toy.class_attributes
    )
    model.save_pretrained(tmp_path / "model")

    with pytest.raises(ModelError, match=r"no method 'continual' in METHODS.* `unseen.load_model`"):
        TiedGaussian.from_pretrained(tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model"), ContinualLearner)
