"""Every check of a data set: each fault alone is named, and all faults together."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.data.check_arrays import check_feature_values
from unseen.data.check_classes import check_class_attributes, check_class_names
from unseen.data.checks import check_data
from unseen.data.dataset import DataError, Source, ZeroShotData
from unseen.data.notes import notes_on


def sound(**changes: Any) -> ZeroShotData:
    """Four classes of six rows; the last class is unseen, the third has a validation role."""
    labels = np.repeat(np.arange(4), 6)
    rng = np.random.default_rng(0)
    fields = {
        "features": rng.normal(size=(24, 5)).astype(np.float32),
        "labels": labels,
        "class_attributes": np.eye(4, 3, dtype=np.float32) + np.float32([[0, 0, 1]]),
        "class_names": ("ape", "bear", "cat", "dog"),
        "train": np.flatnonzero((np.arange(24) % 6 < 4) & (labels < 3)),
        "test_seen": np.flatnonzero((np.arange(24) % 6 >= 4) & (labels < 3)),
        "test_unseen": np.flatnonzero(labels == 3),
    }

    return ZeroShotData(**(fields | changes))


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def altered(array: np.ndarray, place: Any, value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value

    return array


GOOD = sound()
X, Y, S = GOOD.features, GOOD.labels, GOOD.class_attributes
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "nan": (
        {"features": altered(X, (7, 2), np.nan)},
        r"1 NaN or infinite value: row 7 of class 1 \('bear'\), column 2 \(nan\)",
    ),
    "infinite": ({"features": altered(X, 7, -np.inf)}, r"5 NaN.*column 0 \(-inf\)"),
    "infinite half": ({"features": altered(X, 7, np.inf).astype(np.float16)}, r"row 7 of class 1"),
    "scale nan": (
        {"feature_scale": np.float32([1, 1, np.nan, 1, 1])},
        "NaN or infinite in column 2",
    ),
    "image shape": (
        {"image_shape": (5, 1)},
        r"must be \(height, width, channels\), each at least 1, got \(5, 1\)",
    ),
    "image sizes": ({"image_shape": (5, 1.0, 1)}, "each at least 1"),
    "image width": (
        {"features": X.astype(np.uint8), "image_shape": (2, 3, 1)},
        r"\(2, 3, 1\) means 6 pixel values, but there are 5 feature columns",
    ),
    "regions": ({"region_count": 2}, "`region_count` 2 does not divide the 5 feature columns"),
    "no region": ({"region_count": 0}, "must be a whole number, at least 1, got 0"),
    "half a region": ({"region_count": 2.5}, "must be a whole number, at least 1, got 2.5"),
    "regions of pixels": (
        {"features": X.astype(np.uint8), "image_shape": (5, 1, 1), "region_count": 5},
        "exclude each other",
    ),
    "image type": ({"image_shape": (5, 1, 1)}, "are pixels, uint8.*got float32; leave it out"),
    "image scale": (
        {
            "features": X.astype(np.uint8),
            "feature_scale": np.ones(5, np.float32),
            "image_shape": (5, 1, 1),
        },
        "got uint8 with `feature_scale`",
    ),
    "scale shape": ({"feature_scale": np.ones(4, np.float32)}, "each of the 5 feature columns"),
    "feature type": ({"features": X.astype(np.float64)}, r"got float64.*astype"),
    "feature dims": ({"features": X[:, 0]}, r"got the shape \(24,\)"),
    "feature list": ({"features": X.tolist()}, "must be a NumPy array, got list"),
    "no columns": ({"features": X[:, :0]}, "at least one column"),
    "label type": ({"labels": Y.astype(np.int32)}, "int64.*got int32"),
    "label dims": ({"labels": Y[:, None]}, r"one-dimensional.*\(24, 1\)"),
    "label list": ({"labels": Y.tolist()}, "got list"),
    "row counts": ({"labels": Y[:-1]}, "24 rows of features but 23 labels"),
    "label 4 of 4": ({"labels": altered(Y, 20, 4)}, "row 20 has label 4 of 4 classes"),
    "label below": ({"labels": altered(Y, 20, -1)}, "row 20 has label -1"),
    "short table": ({"class_attributes": S[:3]}, "row 18 has label 3 of 3 classes.*and 1 more"),
    "short table, names": ({"class_attributes": S[:3]}, "4 class names but .* has 3 rows"),
    "table type": ({"class_attributes": S.astype(int)}, "must be float32, got int64"),
    "table text": ({"class_attributes": S.astype(str)}, "must hold real numbers"),
    "table dims": ({"class_attributes": S[0]}, r"one row per class.*\(3,\)"),
    "table list": ({"class_attributes": S.tolist()}, "NumPy array, got list"),
    "description nan": (
        {"class_attributes": altered(S, (2, 1), np.nan)},
        r"infinite for class 2 \('cat'\) in attribute 1 \(nan\)",
    ),
    "description zero": (
        {"class_attributes": altered(S, 1, 0)},
        r"Class 1 \('bear'\) has an all-zero",
    ),
    "descriptions zero": ({"class_attributes": S * 0}, r"have an all-zero description"),
    "description constant": (
        {"class_attributes": altered(S, 1, 0.5)},
        r"Class 1 \('bear'\) has the value 0.5 for every attribute",
    ),
    "description of -1": (
        {"class_attributes": altered(S, 1, -1)},
        r"Class 1 \('bear'\) has the value -1 for every attribute",
    ),
    "descriptions constant": (
        {
            "class_attributes": np.full((11, 3), 0.5, np.float32),
            "class_names": tuple("abcdefghijk"),
        },
        r"Class 4 \('e'\) has the value 0.5.*\n.*6 more classes likewise",
    ),
    "names list": ({"class_names": ["a", "b", "c", "d"]}, "tuple of strings, got list"),
    "names numbers": (
        {"class_names": (1, "b", "c", "d")},
        "name of class 0 must be a string, got 1",
    ),
    "names twice": (
        {"class_names": ("ape", "bear", "ape", "dog")},
        "Classes 0, 2 have the same name 'ape'",
    ),
    "name empty": ({"class_names": ("ape", " ", "cat", "dog")}, "Class 1 has an empty name"),
    "split mask": ({"train": Y < 3}, "np.flatnonzero"),
    "split mask of another length": (
        {"train": Y[:20] < 3},
        r"got bool of shape \(20,\); a mask must have one value for each of the 24 rows\.$",
    ),
    "split list": ({"test_seen": [4]}, "`test_seen` must be .* got list"),
    "empty train": ({"train": rows()}, "`train` is empty"),
    "empty test_seen": ({"test_seen": rows()}, "`test_seen` is empty"),
    "empty test_unseen": ({"test_unseen": rows()}, r"`test_unseen` is empty, though .*'dog'"),
    "split range": (
        {"test_unseen": rows(18, 24)},
        r"names row 24, but there are 24 rows \(0 to 23\)",
    ),
    "split below": ({"test_unseen": rows(18, -1)}, "names row -1"),
    "split twice": ({"test_unseen": rows(18, 19, 18)}, "names row 18 more than once"),
    "overlap": (
        {"test_seen": np.append(GOOD.test_seen, GOOD.train[:2])},
        r"`train` and `test_seen` share 2 rows \(rows 0, 1\)",
    ),
    "overlap of tests": (
        {"test_seen": rows(4, 5, 18)},
        "`test_seen` and `test_unseen` share 1 row",
    ),
    "one seen class": ({"train": rows(0, 1), "test_seen": rows(4)}, "rows of 1 class only"),
    "unseen in train": (
        {"train": np.append(GOOD.train, 23), "test_unseen": rows(18, 19)},
        r"Class 3 \('dog'\) is tested as unseen \(row 18.* 1 training row \(first: row 23\)",
    ),
    "all unseen in test_seen": (
        {
            "labels": np.repeat(np.arange(8), 3),
            "class_attributes": np.eye(8, dtype=np.float32),
            "class_names": tuple("abcdefgh"),
            "train": rows(0, 3),
            "test_seen": rows(1, 4, *range(6, 24)),
        },
        r"3 rows of class 6 \('g'\).*\n.*1 more classes likewise",
    ),
    "unseen in test_seen": (
        {"test_seen": rows(4, 18), "test_unseen": rows(19)},
        r"`test_seen` has 1 row of class 3 \('dog'\) \(first: row 18\)",
    ),
    "validation pair": ({"validation": ((rows(0), rows(6)),)}, "must be a triple"),
    "validation mask": (
        {"validation": ((Y < 1, rows(), rows(6)),)},
        r"validation\[0\] train must be",
    ),
    "validation range": ({"validation": ((rows(0, 99), rows(), rows(6)),)}, "names row 99"),
    "validation twice": ({"validation": ((rows(0, 0), rows(), rows(6)),)}, "row 0 more than once"),
    "validation outside": (
        {"validation": ((rows(0), rows(), rows(6, 10)),)},
        r"validation\[0\] unseen has 1 row outside `train` \(row 10\)",
    ),
    "validation overlap": ({"validation": ((rows(0, 1), rows(1), rows(6)),)}, "share 1 row"),
    "validation empty": ({"validation": ((rows(), rows(), rows(6)),)}, "train is empty"),
    "validation leak": (
        {"validation": ((rows(0, 6), rows(), rows(7)),)},
        r"hides class 1 \('bear'\), but its training part has rows of it",
    ),
    "validation untrained": (
        {"validation": ((rows(0), rows(6), rows(12)),)},
        r"seen has rows of class 1 \('bear'\), but its training part has none",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place(fault: str) -> None:
    changes, message = FAULTS[fault]

    with pytest.raises(DataError, match=message):
        sound(**changes)


@pytest.mark.parametrize("one", FAULTS)
def test_two_faults_never_crash_a_check(one: str) -> None:
    for changes, _ in FAULTS.values():
        with suppress(DataError):  # one fault may undo another: then there is no error
            sound(**(changes | FAULTS[one][0]))


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(DataError) as caught:
        sound(
            features=altered(X, (0, 0), np.nan),
            class_names=("ape", "ape", "cat", "dog"),
            class_attributes=altered(S, 1, 0),
            test_seen=rows(),
        )

    assert len(caught.value.problems) == 4
    assert str(caught.value).startswith("4 problems found:\n  - ")


def test_an_empty_train_is_one_problem() -> None:
    """Without training rows no class is seen: that is no fault of each class."""
    with pytest.raises(DataError) as caught:
        sound(train=rows(), validation=())

    (problem,) = caught.value.problems
    assert "which classes are seen" in problem
    assert "put the rows it was trained on beside it" in problem


def test_sound_data_pass_and_validation_seen_may_be_empty() -> None:
    data = sound(validation=((rows(0, 1, 6), rows(), rows(12, 13)),))

    assert check_data(data) == []
    assert notes_on(data) == []


def test_validation_splits_may_share_rows_with_each_other() -> None:
    one, other = (rows(0, 1, 6), rows(2), rows(12, 13)), (rows(0, 12, 13), rows(1), rows(6))

    assert check_data(sound(validation=(one, other))) == []


@pytest.mark.parametrize("kind", [np.float16, np.int8, np.uint8])
def test_small_feature_types_pass(kind: type) -> None:
    data = sound(features=np.ones((24, 5), kind), feature_scale=np.ones(5, np.float32))

    assert data.rows(rows(0)).dtype == np.float32


def test_large_finite_features_are_not_taken_for_infinite() -> None:
    assert check_feature_values(np.full((10, 10), 3e38, np.float32)) == []


def test_nonfinite_values_are_found_in_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unseen.data.blocks.BLOCK_VALUES", 20)
    features = np.zeros((100, 10), np.float32)
    features[::10] = np.nan

    (problem,) = check_feature_values(features)

    assert "100 NaN or infinite values" in problem
    assert "row 40, column 0" in problem
    assert "and 5 more rows" in problem


def test_class_table_alone() -> None:
    assert check_class_attributes(np.eye(3)) == []
    assert check_class_attributes(np.array([[1.0], [2.0]])) == []
    assert check_class_attributes(np.array([[0.0, 1, 1], [1, 1, 1]])) == []  # has them all
    assert "class 1 in attribute 0" in check_class_attributes(np.array([[1.0, 2], [np.inf, 1]]))[0]
    assert "shape (3,)" in check_class_attributes(np.ones(3))[0]
    assert check_class_names(["a", "b"]) == []


def test_notes_tell_what_is_allowed() -> None:
    table = np.vstack([S, np.float32([[2, 1, 3]]), np.float32([[2, 1, 3]])])
    table = np.column_stack([table, np.ones(6, np.float32)])
    data = sound(
        class_attributes=table,
        class_names=(*GOOD.class_names, "eel", "fly"),
        test_seen=GOOD.test_seen[:-1],
        notes=("From the reader.",),
    )
    notes = notes_on(data)

    assert notes[0] == "From the reader."
    assert "class 4 ('eel') = class 5 ('fly')" in notes[1]
    assert notes[2].endswith("attribute 3.")
    assert notes[3].endswith("class 4 ('eel'), class 5 ('fly').")
    assert notes[4] == "1 row in no split: not used."


def test_notes_name_columns_that_have_names() -> None:
    table = np.column_stack([S, np.ones(4, np.float32)])
    source = Source(attribute_names=("stripes", "hooves", "size", "legs"))

    (note,) = notes_on(sound(class_attributes=table, source=source))
    assert note.endswith("attribute 'legs'.")
    (note,) = notes_on(sound(class_attributes=table, source=Source(attribute_names=("legs",))))
    assert note.endswith("attribute 3.")


def test_no_unseen_rows_is_a_note() -> None:
    keep = GOOD.labels < 3
    data = sound(features=X[keep], labels=Y[keep], test_unseen=rows())

    assert any("cannot be measured" in note for note in notes_on(data))


def test_memory_mapped_features_stay_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", X)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")

    assert isinstance(replace(GOOD, features=mapped).features, np.memmap)


@pytest.mark.parametrize("name", ["APY", "AWA1", "AWA2", "CUB", "FLO", "SUN"])
def test_real_descriptions_pass(real_data: Path, name: str) -> None:
    from scipy.io import loadmat

    tables = loadmat(real_data / "xlsa17" / name / "att_splits.mat")
    for key in ("att", "original_att"):
        if key in tables:
            assert check_class_attributes(tables[key].T) == []


def test_every_check_is_exercised() -> None:
    """A check without a fault above would be untested."""
    from unseen.data import checks

    fired: set[Callable] = set()
    for changes, _ in FAULTS.values():
        broken = object.__new__(ZeroShotData)
        for field, value in (GOOD.__dict__ | changes).items():
            object.__setattr__(broken, field, value)
        fired |= {check.run for check in checks.CHECKS if safely(check.run, broken)}

    assert fired == {check.run for check in checks.CHECKS}


def safely(run: Callable[[ZeroShotData], list[str]], data: ZeroShotData) -> list[str]:
    try:
        return run(data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return []  # it rests on what is broken, and check_data would not have run it


def test_counts_may_be_numbers_of_numpy() -> None:
    assert sound(region_count=np.int64(5)).region_count == 5
    pixels = {"features": X.astype(np.uint8), "image_shape": (np.int64(5), np.int32(1), 1)}
    assert sound(**pixels).image_shape == (5, 1, 1)
    with pytest.raises(DataError, match="must be a whole number, at least 1, got True"):
        sound(region_count=True)
