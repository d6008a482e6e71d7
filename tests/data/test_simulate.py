"""Simulated data: true shapes, repeatable, learnable, and written as the field's folders are."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.simulate import (
    BENCHMARK_SHAPES,
    Shape,
    simulate,
    simulate_toy,
    write_xlsa17_folder,
)

TRUE_SIZES = {  # images, classes, attributes, as the field states them
    "CUB": (11788, 200, 312),
    "SUN": (14340, 717, 102),
    "AWA1": (30475, 50, 85),
    "AWA2": (37322, 50, 85),
    "APY": (15339, 32, 64),
    "FLO": (8189, 102, 1024),
}


def test_benchmark_shapes_have_the_true_sizes() -> None:
    sizes = {name: (s.rows, s.classes, s.attributes) for name, s in BENCHMARK_SHAPES.items()}

    assert sizes == TRUE_SIZES


@pytest.mark.parametrize("name", BENCHMARK_SHAPES)
def test_benchmark_shapes_match_the_real_splits(name: str, real_data: Path) -> None:
    splits = loadmat(real_data / "xlsa17" / name / "att_splits.mat")
    shape = BENCHMARK_SHAPES[name]

    assert splits["att"].shape == (shape.attributes, shape.classes)
    assert splits["trainval_loc"].size == shape.train
    assert splits["test_seen_loc"].size == shape.test_seen
    assert splits["test_unseen_loc"].size == shape.test_unseen


@pytest.mark.parametrize("name", BENCHMARK_SHAPES)
def test_simulated_benchmarks_have_their_shape(name: str) -> None:
    shape = BENCHMARK_SHAPES[name]
    data = simulate(name, rows=1500)

    assert data.features.shape[1] == 2048
    assert data.class_attributes.shape == (shape.classes, shape.attributes)
    assert data.seen.sum() == shape.seen
    assert data.features.min() >= 0
    assert data.source.name == name


def test_every_class_has_rows() -> None:
    data = simulate("SUN", rows=1)

    assert (np.bincount(data.labels, minlength=717) > 0).all()


def test_the_seed_decides() -> None:
    first, again, other = (simulate_toy(random_state=seed) for seed in (0, 0, 1))

    assert np.array_equal(first.features, again.features)
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.features, other.features)


def test_chunks_are_seamless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unseen.data.simulate.CHUNK_ROWS", 7)
    data = simulate_toy()

    assert (data.features.max(axis=1) > 0).all()


def test_any_class_table_can_be_handed_in() -> None:
    table = np.eye(12)
    table[:, 3] = 1.0  # an attribute that all classes share must not divide by zero
    data = simulate(Shape(8, 4, 80, 16, 40, attributes=8, features=16), table)

    assert np.array_equal(data.class_attributes, table)
    assert np.isfinite(data.features).all()


def test_descriptions_tell_unseen_classes_apart() -> None:
    accuracies = [nearest_class_accuracy(simulate_toy(random_state=seed)) for seed in range(10)]

    assert np.mean(accuracies) > 0.4  # chance is 0.25


def nearest_class_accuracy(data: ZeroShotData) -> float:
    train, test = data.subset("train"), data.subset("test_unseen")
    S = data.class_attributes - data.class_attributes[data.seen].mean(axis=0)
    S /= np.linalg.norm(S, axis=1, keepdims=True)
    mean = train.features.mean(axis=0)
    X = train.features - mean
    V = np.linalg.solve(X.T @ X + np.eye(X.shape[1]), X.T @ S[train.labels])
    unseen = np.flatnonzero(~data.seen)
    predicted = unseen[((test.features - mean) @ V @ S[unseen].T).argmax(axis=1)]

    return float((predicted == test.labels).mean())


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'AWA1'"):
        simulate("awa1")
    with pytest.raises(DataError, match="choose one of CUB"):
        simulate("imagenet")


def test_impossible_sizes_are_listed() -> None:
    with pytest.raises(DataError, match="2 problems") as caught:
        simulate_toy(classes=3, unseen=0, features=0)

    assert "`unseen` of the shape must be at least 1, got 0." in caught.value.problems


def test_table_of_wrong_length_is_explained() -> None:
    with pytest.raises(DataError, match="expected 200 rows"):
        simulate("CUB", np.ones((199, 312)), rows=400)


@pytest.mark.parametrize("compress", [False, True])
def test_folder_is_as_the_field_has_it(tmp_path: Path, compress: bool) -> None:
    data = simulate_toy()
    write_xlsa17_folder(data, tmp_path / "TOY", compress=compress)

    features = loadmat(tmp_path / "TOY" / "res101.mat")
    splits = loadmat(tmp_path / "TOY" / "att_splits.mat")

    assert features["features"].dtype == np.float64
    assert np.array_equal(features["features"].T, data.features)
    assert np.array_equal(features["labels"].ravel() - 1, data.labels)
    assert np.array_equal(splits["att"].T, data.class_attributes)
    assert np.array_equal(splits["trainval_loc"].ravel() - 1, data.train)
    assert tuple(cell[0][0] for cell in splits["allclasses_names"]) == data.class_names
    assert "train_loc" not in splits
    assert sorted(p.name for p in (tmp_path / "TOY").iterdir()) == ["att_splits.mat", "res101.mat"]


def test_folder_has_the_validation_split(tmp_path: Path) -> None:
    data = simulate_toy()
    hidden = np.flatnonzero(data.seen)[0]
    is_hidden = data.labels[data.train] == hidden
    fold = (data.train[~is_hidden], np.empty(0, dtype=np.int64), data.train[is_hidden])
    kept = {name: getattr(data, name) for name in data.__dataclass_fields__}
    write_xlsa17_folder(ZeroShotData(**kept | {"validation": (fold,)}), tmp_path)

    splits = loadmat(tmp_path / "att_splits.mat")

    assert np.array_equal(splits["train_loc"].ravel() - 1, fold[0])
    assert np.array_equal(splits["val_loc"].ravel() - 1, fold[2])


def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unseen.data.simulate.savemat", full_disk)
    with pytest.raises(DataError, match="No space"):
        write_xlsa17_folder(simulate_toy(), tmp_path)

    assert not list(tmp_path.iterdir())
