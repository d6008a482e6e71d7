"""A user's own data: what is written is read again, and what is wrong is named."""

import csv
import json
import logging
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from unseen.data.array_data import read_arrays, write_arrays
from unseen.data.arrays import ArrayStream, open_arrays, write_npz, write_safetensors
from unseen.data.columns import read_columns, write_columns
from unseen.data.dataset import SPLITS, DataError, ZeroShotData
from unseen.data.folder_data import hold_out, read_folder, write_folder
from unseen.data.tables import list_attribute_tables, read_class_table, read_classes, read_features

NAMES = ("ape", "bear, brown", 'the "cat"', "dog")


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def make(**changes: Any) -> ZeroShotData:
    labels = np.repeat(np.arange(4), 6)
    rng = np.random.default_rng(0)
    fields = {
        "features": rng.normal(size=(24, 5)).astype(np.float32),
        "labels": labels,
        "class_attributes": rng.normal(size=(4, 3)).astype(np.float32),
        "class_names": NAMES,
        "train": np.flatnonzero((np.arange(24) % 6 < 4) & (labels < 3)),
        "test_seen": np.flatnonzero((np.arange(24) % 6 >= 4) & (labels < 3)),
        "test_unseen": np.flatnonzero(labels == 3),
        "validation": ((rows(0, 1, 6, 7), rows(2), rows(12, 13)),),
    }

    return ZeroShotData(**(fields | changes))


DATA = make()
TABLES = {"words": np.arange(12, dtype=np.float32).reshape(4, 3) + 1}


def keys_of(data: ZeroShotData) -> dict[str, np.ndarray]:
    return {
        "features": data.features,
        "labels": data.labels,
        "class_attributes": data.class_attributes,
        "class_names": np.array(data.class_names),
        **{split: getattr(data, split) for split in SPLITS},
    }


def assert_same(read: ZeroShotData, data: ZeroShotData) -> None:
    assert_array_equal(read.features, data.features)
    assert_array_equal(read.labels, data.labels)
    assert_array_equal(read.class_attributes, data.class_attributes)
    assert read.class_names == data.class_names
    for split in SPLITS:
        assert_array_equal(getattr(read, split), getattr(data, split))


# npz and safetensors


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_arrays_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"toy.{suffix}"
    write_arrays(DATA, path, tables=TABLES)
    data = read_arrays(path)

    assert_same(data, DATA)
    for parts, expected in zip(data.validation[0], DATA.validation[0], strict=True):
        assert_array_equal(parts, expected)
    assert isinstance(data.features, np.memmap)
    assert data.source.name == "toy"
    assert len(data.source.sha256[path.name]) == 64
    assert data.notes == ()
    assert list(tmp_path.iterdir()) == [path]

    assert_array_equal(read_arrays(path, "words").class_attributes, TABLES["words"])
    assert_array_equal(list_attribute_tables(path)["words"], TABLES["words"])
    for way in (path, str(path)):
        assert_array_equal(list_attribute_tables(way)["words"], TABLES["words"])
        assert_array_equal(read_features(way), DATA.features)
        assert read_classes(way)[0] == NAMES
    assert_array_equal(read_classes(path, "words")[1], TABLES["words"])


def test_others_can_read_what_we_write(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    write_arrays(DATA, tmp_path / "toy.npz")
    write_arrays(DATA, tmp_path / "toy.safetensors")

    with np.load(tmp_path / "toy.npz", allow_pickle=False) as archive:
        assert_array_equal(archive["features"], DATA.features)
    assert_array_equal(load_file(tmp_path / "toy.safetensors")["labels"], DATA.labels)


def test_we_can_read_what_others_write(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    keys = keys_of(DATA)
    np.savez_compressed(tmp_path / "packed.npz", **keys)
    names = {"class_names": json.dumps(NAMES), "licence": "CC0"}
    keys.pop("class_names")
    save_file(keys, tmp_path / "toy.safetensors", metadata=names)

    assert_same(read_arrays(tmp_path / "packed.npz"), DATA)
    assert_same(read_arrays(tmp_path / "toy.safetensors"), DATA)
    assert read_arrays(tmp_path / "toy.safetensors").source.licence == "CC0"


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_the_same_data_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        write_arrays(DATA, tmp_path / f"{name}.{suffix}")

    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


@pytest.mark.parametrize(("dtype", "steps"), [("int8", 127), ("uint8", 255)])
def test_eight_bits_err_by_half_a_step_at_most(tmp_path: Path, dtype: Any, steps: int) -> None:
    features = np.abs(DATA.features) * np.float32([1, 10, 0.1, 1, 0])
    write_arrays(replace(DATA, features=features), tmp_path / "toy.npz", dtype)
    data = read_arrays(tmp_path / "toy.npz")

    assert data.features.dtype == dtype
    error = np.abs(data.rows(np.arange(24)) - features).max(axis=0)
    assert (error <= features.max(axis=0) / steps / 2 * 1.001).all()
    assert_allclose(read_features(tmp_path / "toy.npz"), data.rows(np.arange(24)))

    write_arrays(data, tmp_path / "again.npz", dtype)  # stored as they are: nothing is lost twice
    assert_array_equal(read_arrays(tmp_path / "again.npz").features, data.features)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_side_that_reaches_further_sets_the_scale(tmp_path: Path, sign: int) -> None:
    features = sign * np.linspace(-1, 4, 24 * 5, dtype=np.float32).reshape(24, 5)
    write_arrays(replace(DATA, features=features), tmp_path / "toy.npz", "int8")
    data = read_arrays(tmp_path / "toy.npz")

    assert_allclose(data.rows(np.arange(24)), features, atol=4 / 127 / 2 * 1.001)
    with pytest.raises(DataError, match="too large for float16"):
        write_arrays(replace(DATA, features=features * 2e4), tmp_path / "a.npz", "float16")


def test_half_precision(tmp_path: Path) -> None:
    write_arrays(DATA, tmp_path / "toy.safetensors", "float16")
    data = read_arrays(tmp_path / "toy.safetensors")

    assert data.features.dtype == np.float16
    assert_allclose(data.features, DATA.features, rtol=1e-3)


def test_a_type_that_cannot_hold_the_features_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no negative values, but feature column"):
        write_arrays(DATA, tmp_path / "toy.npz", "uint8")
    with pytest.raises(DataError, match="too large for float16"):
        write_arrays(replace(DATA, features=DATA.features * 1e6), tmp_path / "a.npz", "float16")

    assert not list(tmp_path.iterdir())


def test_masks_and_odd_types_are_taken(tmp_path: Path) -> None:
    keys = keys_of(DATA)
    keys |= {split: np.isin(np.arange(24), keys[split]) for split in SPLITS}
    keys["features"] = keys["features"].astype(">f8")
    keys["labels"] = keys["labels"].astype(np.uint16)
    keys["class_attributes"] = keys["class_attributes"].astype(np.float64)
    keys["class_names"] = np.array([name.encode() for name in NAMES])
    np.savez(tmp_path / "toy.npz", **keys, wrods=np.zeros(3))
    data = read_arrays(tmp_path / "toy.npz")

    assert_same(data, DATA)
    assert data.notes == (
        "`features` were >f8: converted to float32.",
        "Left out, as the keys are unknown: 'wrods'.",
    )


def test_bfloat16_is_converted(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    values = torch.randn(7, 5, generator=torch.Generator().manual_seed(0)).bfloat16()
    save_file({"features": values}, tmp_path / "half.safetensors")

    assert_array_equal(read_features(tmp_path / "half.safetensors"), values.float().numpy())
    assert "bfloat16" in open_arrays(tmp_path / "half.safetensors").notes[0]


def test_several_validation_splits_are_not_dropped_in_silence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="room for one validation split, but the data have 2"):
        write_arrays(replace(DATA, validation=DATA.validation * 2), tmp_path / "toy.npz")


def test_an_unfit_further_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)cannot be called 'a/b'.*one row for each of the 4"):
        write_arrays(DATA, tmp_path / "toy.npz", tables={"a/b": np.ones((3, 2))})


@pytest.mark.parametrize("table", [np.arange(4.0), np.array([["a"]] * 4)], ids=["row", "text"])
def test_a_further_table_that_is_none_is_named(tmp_path: Path, table: np.ndarray) -> None:
    np.savez(tmp_path / "toy.npz", **keys_of(DATA), class_attributes_words=table)

    with pytest.raises(DataError, match="Class table 'words': `class_attributes` must"):
        list_attribute_tables(tmp_path / "toy.npz")


BAD_KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"train": None}, "The key 'train' is missing"),
    "near miss": ({"labels": None, "label": rows(1)}, "did you mean 'label'"),
    "names number": ({"class_names": rows(1, 2, 3, 4)}, "must be a list of texts, got int64"),
    "names count": ({"class_names": np.array(["a", "b"])}, "2 class names"),
    "objects": ({"labels": np.array([None] * 24)}, "`labels` holds Python objects"),
    "label 4 of 4": ({"labels": np.repeat(np.arange(1, 5), 6)}, "row 18 has label 4 of 4 classes"),
    "label float": ({"labels": np.zeros(24)}, "must be a one-dimensional int64.*got float64"),
    "mask too short": ({"train": np.ones(23, bool)}, r"for each of the 24 rows\.\Z"),
    "scale": ({"feature_scale": np.ones(4)}, "each of the 5 feature columns"),
    "half a validation": ({"validation_train": rows(0)}, "'validation_unseen' is missing"),
    "scalar features": ({"features": np.float32(1)}, r"got the shape \(\)"),
    "text features": ({"features": np.full((24, 5), "x")}, "must be float32"),
    "nan": ({"features": np.full((24, 5), np.nan)}, "120 NaN or infinite values"),
    "table overflow": ({"class_attributes": np.full((4, 3), 1e300)}, "NaN or infinite for class 0"),
}


@pytest.mark.parametrize("fault", BAD_KEYS)
def test_a_bad_npz_is_named(tmp_path: Path, fault: str) -> None:
    changes, message = BAD_KEYS[fault]
    keys = {key: value for key, value in (keys_of(DATA) | changes).items() if value is not None}
    np.savez(tmp_path / "toy.npz", **keys)

    with pytest.raises(DataError, match=message) as caught:
        read_arrays(tmp_path / "toy.npz")
    assert "toy.npz" in str(caught.value)


@pytest.mark.parametrize("read", [read_arrays, read_features, read_classes])
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"PK\x03\x04 and no more", b"\xff" * 9])
def test_bytes_of_another_kind_are_refused(
    tmp_path: Path, read: Any, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"bad\."):
        read(path)


def test_truncated_files_say_so(tmp_path: Path) -> None:
    for suffix in ("npz", "safetensors"):
        path = tmp_path / f"toy.{suffix}"
        write_arrays(DATA, path)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(DataError, match="truncated"):
            read_arrays(path)


def test_an_npy_in_npz_clothes_is_recognised(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", DATA.features)
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")

    with pytest.raises(DataError, match="single npy array"):
        read_arrays(tmp_path / "x.npz")


def test_a_header_that_claims_too_much_asks_for_no_memory(tmp_path: Path) -> None:
    stream = ArrayStream(np.dtype(np.float32), (10**9, 10**6), [])
    write_npz(tmp_path / "huge.npz", {"features": stream})
    write_safetensors(tmp_path / "huge.safetensors", {"features": stream}, {})

    with pytest.raises(DataError, match="is damaged: its size"):
        read_features(tmp_path / "huge.npz")
    with pytest.raises(DataError, match="truncated"):
        read_features(tmp_path / "huge.safetensors")


def test_safetensors_metadata(tmp_path: Path) -> None:
    keys = {key: ArrayStream.of(array) for key, array in keys_of(DATA).items()}
    keys.pop("class_names")
    for names, message in {"[1]": "JSON list of texts", "{": "damaged"}.items():
        write_safetensors(tmp_path / "a.safetensors", keys, {"class_names": names})
        with pytest.raises(DataError, match=message):
            read_arrays(tmp_path / "a.safetensors")


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "toy.safetensors"
    write_arrays(DATA, path)
    before = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unseen.data.arrays.write_blocks", full_disk)
    with pytest.raises(DataError, match="No space left on device"):
        write_arrays(DATA, path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"folder .*nowhere does not exist"):
        write_arrays(DATA, tmp_path / "nowhere" / "toy.npz")


def test_an_impossible_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot be written: File name too long"):
        write_arrays(DATA, tmp_path / f"{'x' * 300}.npz")


# Images


PIXELS = np.random.default_rng(0).integers(0, 256, size=(24, 4, 5, 3), dtype=np.uint8)
PICTURES = replace(DATA, features=PIXELS.reshape(24, 60), image_shape=(4, 5, 3))


@pytest.mark.parametrize("dtype", [None, "uint8"])
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_images_come_back(tmp_path: Path, suffix: str, dtype: Any) -> None:
    path = tmp_path / f"toy.{suffix}"
    write_arrays(PICTURES, path, dtype)
    data = read_arrays(path)

    assert open_arrays(path).read("images").shape == PIXELS.shape
    assert_same(data, PICTURES)
    assert data.image_shape == (4, 5, 3)
    assert data.features.dtype == np.uint8
    assert isinstance(data.features, np.memmap)
    assert_array_equal(data.rows(rows(7))[0].reshape(data.image_shape), PIXELS[7])
    assert_array_equal(data.rows(rows(7), data.compact_type), PIXELS[7].reshape(1, 60))
    assert_array_equal(read_features(path), PICTURES.features)
    assert data.notes == ()


def test_images_of_others_are_read(tmp_path: Path) -> None:
    keys = keys_of(DATA)
    np.savez_compressed(tmp_path / "both.npz", **keys, images=PIXELS)
    del keys["features"]
    np.savez_compressed(tmp_path / "packed.npz", **keys, images=PIXELS)
    np.savez(tmp_path / "columns.npz", **keys, images=np.asfortranarray(PIXELS))

    assert_same(read_arrays(tmp_path / "packed.npz"), PICTURES)
    assert_same(read_arrays(tmp_path / "columns.npz"), PICTURES)
    both = read_arrays(tmp_path / "both.npz")
    assert_same(both, DATA)
    assert both.image_shape is None
    assert both.notes == ("Left out: `images`, as there are `features`.",)


BAD_IMAGES: dict[str, tuple[np.ndarray, str]] = {
    "flat": (PIXELS.reshape(24, 60), r"\(n, height, width, channels\), got uint8 of .*\(24, 60\)"),
    "grey": (PIXELS[..., 0], "grey ones have one channel"),
    "shares": (PIXELS / np.float32(255), "must be uint8 from 0 to 255.*got float32"),
    "empty": (PIXELS[:, :0], r"got uint8 of shape \(24, 0, 5, 3\)"),
    "channels first": (np.zeros((24, 3, 8, 8), np.uint8), r"np.moveaxis\(images, 1, 3\)"),
    "rows": (PIXELS[1:], "23 rows of features but 24 labels"),
}


@pytest.mark.parametrize("fault", BAD_IMAGES)
def test_bad_images_are_named(tmp_path: Path, fault: str) -> None:
    images, message = BAD_IMAGES[fault]
    keys = {key: value for key, value in keys_of(DATA).items() if key != "features"}
    np.savez(tmp_path / "toy.npz", **keys, images=images)

    with pytest.raises(DataError, match=message) as caught:
        read_arrays(tmp_path / "toy.npz")
    assert "toy.npz" in str(caught.value)


def test_images_are_stored_as_they_are_or_not_at_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DataError, match="Images are stored as uint8, not float16"):
        write_arrays(PICTURES, tmp_path / "toy.npz", "float16")
    assert not list(tmp_path.iterdir())

    with caplog.at_level(logging.WARNING):
        write_folder(PICTURES, tmp_path / "toy" / "rows.csv")
    assert "image shape is left out" in caplog.text
    assert_array_equal(read_folder(tmp_path / "toy").features, PICTURES.features)


# CSV and parquet


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_folders_come_back(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with caplog.at_level(logging.WARNING):
        write_folder(DATA, tmp_path / "toy" / f"rows.{suffix}", TABLES)
    data = read_folder(tmp_path / "toy")

    assert "validation split is left out" in caplog.text
    assert_same(data, DATA)
    assert data.source.name == "toy"
    assert set(data.source.sha256) == {f"rows.{suffix}", f"classes.{suffix}"}
    assert_array_equal(read_folder(tmp_path / "toy", "words").class_attributes, TABLES["words"])
    assert_array_equal(list_attribute_tables(tmp_path / "toy")["words"], TABLES["words"])
    assert_array_equal(read_features(tmp_path / "toy"), DATA.features)
    assert_array_equal(read_features(tmp_path / "toy" / f"rows.{suffix}"), DATA.features)
    assert read_classes(tmp_path / "toy" / f"classes.{suffix}")[0] == NAMES
    assert read_classes(tmp_path / "toy")[0] == NAMES


CLASSES = "name,a,b\ncat,1,0\ndog,0,1\nzebra,1,1.5\n"
ROWS = "label,x,y\n" + "cat,1,2\ndog,3,4\n" * 5


def folder_of(path: Path, text: str | bytes = ROWS, classes: str = CLASSES) -> Path:
    content = text if isinstance(text, bytes) else text.encode()
    (path / "rows.csv").write_bytes(content)
    (path / "classes.csv").write_text(classes)

    return path


@pytest.mark.parametrize("failing", ["rows.csv", "classes.csv"])
def test_a_failed_write_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write_folder(DATA, tmp_path / "rows.csv")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full_disk(path: Path, *rest: Any) -> None:
        if path.name == failing:
            raise DataError(["No space left on device."], str(path))
        write_columns(path, *rest)

    monkeypatch.setattr("unseen.data.folder_data.write_columns", full_disk)
    with pytest.raises(DataError, match=rf"{tmp_path.name}/{failing}: No space left"):
        write_folder(
            replace(DATA, class_attributes=DATA.class_attributes + 1), tmp_path / "rows.csv"
        )

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_split_a_fifth_is_held_out(tmp_path: Path) -> None:
    data = read_folder(folder_of(tmp_path))

    assert (len(data.train), len(data.test_seen), len(data.test_unseen)) == (8, 2, 0)
    assert sorted(data.labels[data.test_seen]) == [0, 1]
    assert data.seen.tolist() == [True, True, False]
    assert "held out" in data.notes[0]


@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_every_class_keeps_rows_to_learn_from(labels: list[int]) -> None:
    array = np.array(labels)
    held_out = hold_out(array)

    for row in set(labels):
        count, held = int((array == row).sum()), int(held_out[array == row].sum())
        assert held == (0 if count == 1 else max(1, round(0.2 * count)))


GOOD_CSV = {
    "mark and carriage returns": b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode(),
    "blank lines": ROWS.replace("cat,1,2\n", "cat,1,2\n\n", 1) + "\n\n,,\n",
    "quotes": ROWS.replace("cat", '"cat"').replace("1,2", '"1", 2'),
    "semicolons": ROWS.replace(",", ";"),
    "tabs": ROWS.replace(",", "\t"),
    "no last line end": ROWS[:-1],
    "text and unnamed columns": "".join(
        f"{number},{line},f{number}.png\n" if number else f",{line},file\n"
        for number, line in enumerate(ROWS.splitlines())
    ),
    "names of files that float() takes for numbers": "".join(
        f"{line},001_{number:04}\n" if number else f"{line},file\n"
        for number, line in enumerate(ROWS.splitlines())
    ),
    "texts that are a number's name": "".join(
        f"{line},{['red', 'nan', 'inf'][number % 3]}\n" if number else f"{line},colour\n"
        for number, line in enumerate(ROWS.splitlines())
    ),
    "row numbers of pandas, read and written again": "".join(
        f"{number},{line}\n" if number else f"Unnamed: 0,{line}\n"
        for number, line in enumerate(ROWS.splitlines())
    ),
    "break inside quotes": ROWS.replace("label,", 'label,"a ""\n"" note",')
    .replace("cat,", 'cat,"two\nlines",')
    .replace("dog,", "dog,text,"),
}


@pytest.mark.parametrize("kind", GOOD_CSV)
def test_csv_as_programs_write_it(tmp_path: Path, kind: str) -> None:
    data = read_folder(folder_of(tmp_path, GOOD_CSV[kind]))

    assert_array_equal(data.features, np.float32([[1, 2], [3, 4]] * 5))
    assert data.labels.tolist() == [0, 1] * 5


BAD_ROWS: dict[str, tuple[str | bytes, str]] = {
    "text cell": (ROWS.replace("3,4", "3,four", 1), "Line 3, column 'y': 'four' is not a finite"),
    "empty cell": (ROWS.replace("3,4", ",4", 1), "Line 3, column 'x': the cell is empty"),
    "nan cell": (ROWS.replace("3,4", "3,nan", 1), "Line 3, column 'y': 'nan' is not a finite"),
    "line of delimiters": (
        ROWS.replace("dog,3,4\n", "dog,3,4\n,,\n", 1) + ",,\n",
        "2 problems found:\\n  - Line 4, column 'x': the cell is empty",
    ),
    "nan column": (
        ROWS.replace("1,", "nan,").replace("3,", "nan,"),
        "Line 2, column 'x': 'nan' is not a finite number",
    ),
    "too large": (ROWS.replace("3,4", "3,1e99", 1), "Line 3, column 'y': 'inf'"),
    "decimal comma": (ROWS.replace("3,4", '"3,5",4', 1), "'3,5' is not a finite number"),
    "many bad cells": (ROWS.replace("3,", "?,") + "cat,9,!\ncat,9,!\n", "2 more cells likewise"),
    "ragged": (ROWS.replace("3,4", "3,4,5", 1), "Line 3 has 4 cells where the header has 3"),
    "short line": (ROWS.replace("3,4", "3", 1), "Line 3 has 2 cells"),
    "no header": ("1,2,3\n" * 4, "first line holds numbers, not column names"),
    "no label": (ROWS.replace("label", "Labels", 1), "'label' is missing; did you mean 'Labels'"),
    "column twice": (ROWS.replace("x,y", "x,x", 1), "more than one column 'x'"),
    "unknown label": (ROWS.replace("dog", "dgo", 1), "Line 3: the label 'dgo' .* mean 'dog'"),
    "no label cell": (ROWS.replace("dog", "", 1), "Line 3 has no label"),
    "no label cells": (
        ROWS.replace("dog", "") + ",5,6\n" * 12,
        "^[^\\n]*Lines 3, 5, 7, 9, 11 and 12 more have no label; write [^\\n]*$",
    ),
    "one unknown label in many lines": (
        ROWS.replace("dog", "dgo"),
        "^[^\\n]*Lines 3, 5, 7, 9, 11: the label 'dgo' is not in the class table; did you mean",
    ),
    "many labels": (
        "label,x\n" + "".join(f"sign {i},1\n" for i in range(7)),
        "the label 'sign 4' is not in the class table; add it there.\n  - 2 more labels likewise",
    ),
    "labels and splits": (
        "label,x,split\ncat,1,train\n,2,tset_seen\n",
        "2 problems found:\n  - Line 3 has no label.*\n  - Line 3: there is no split",
    ),
    "empty": ("", "Is an empty file"),
    "header only": ("label,x,y\n", "header but no rows"),
    "blank": ("\n\n", "'label' is missing"),
    "not text": (b"label,x\ncat,\xff\xfe\n", "not UTF-8"),
    "no features": ("label\ncat\n", "at least one column"),
    "unknown split": ("label,x,split\ncat,1,train\ndog,2,tset_seen\n", "mean 'test_seen'"),
    "other split": (
        "label,x,split\ncat,1,train\ndog,2,holdout\n",
        "split 'holdout'; use train, test_seen, test_unseen, or leave the cell empty",
    ),
    "decimal commas": (
        "label;x\ncat;0,5\ndog;1,5\n",
        "column 'x' is '0,5', for example; write numbers with a decimal point",
    ),
    "no such column": (
        ROWS.replace("label", "sign", 1),
        "'label' is missing; there are 'sign', 'x', 'y'",
    ),
    "one word for many": (
        "label,x,split\n" + "cat,1,test\ndog,2,train\n" * 3,
        "^[^\\n]*Lines 2, 4, 6: there is no split 'test'[^\\n]*$",
    ),
    "many words": (
        "label,x,split\n" + "".join(f"cat,1,part {i}\n" for i in range(7)),
        "2 more words in this column are no split",
    ),
    "words": ("label,x\ncat,low\ndog,high\n", "No column holds numbers"),
    "overlong cell": ("label,x\n" + "c" * 200_000 + ",1\n", "not a CSV table"),
}


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_csv_is_named(tmp_path: Path, fault: str) -> None:
    text, message = BAD_ROWS[fault]

    with pytest.raises(DataError, match=message):
        read_folder(folder_of(tmp_path, text))


@pytest.mark.parametrize("label", ["1.0", "01", "1e0"])
def test_a_label_that_is_a_number_means_the_class_of_that_number(
    tmp_path: Path, label: str
) -> None:
    classes = "name,size,age\n" + "".join(f"{i},{i},3.5\n" for i in range(1, 11))
    folder_of(tmp_path, f"label,x\n{label},1\n2,2\n", classes)

    with pytest.raises(DataError, match="did you mean '1'"):
        read_folder(tmp_path)


BAD_CLASSES = {
    "no name": (CLASSES.replace("name", "Name"), "did you mean 'Name'"),
    "no attributes": ("name\ncat\ndog\n", "no attribute column"),
    "name twice": (CLASSES.replace("zebra", "cat"), "Classes 0, 2 have the same name 'cat'"),
    "all zero": (CLASSES.replace("1,1.5", "0,0"), r"Class 2 \('zebra'\) has an all-zero"),
}


@pytest.mark.parametrize("fault", BAD_CLASSES)
def test_a_bad_class_table_is_named(tmp_path: Path, fault: str) -> None:
    text, message = BAD_CLASSES[fault]
    folder_of(tmp_path, classes=text)

    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)
    with pytest.raises(DataError, match=message):
        read_classes(tmp_path / "classes.csv")


def test_further_tables_are_aligned_by_name(tmp_path: Path) -> None:
    folder_of(tmp_path)
    words = tmp_path / "classes_words.csv"
    words.write_text("name,c\nzebra,3\ncat,1\ndog,2\n")
    assert read_folder(tmp_path, "words").class_attributes.ravel().tolist() == [1, 2, 3]

    words.write_text("name,c\nzebra,3\ncat,1\n")
    with pytest.raises(DataError, match="differs in 'dog'"):
        read_folder(tmp_path, "words")
    with pytest.raises(DataError, match=r"no class table 'wrods'.*'words'"):
        read_folder(tmp_path, "wrods")
    with pytest.raises(DataError, match=r"no class table 'words': there is only one"):
        read_classes(words, "words")


def test_a_folder_must_have_one_of_each(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"both rows.csv and rows.parquet"):
        read_folder(tmp_path)

    (tmp_path / "rows.parquet").unlink()
    (tmp_path / "classes.csv").rename(tmp_path / "clases.csv")
    with pytest.raises(DataError, match=r"no classes.csv.*mean 'clases.csv'"):
        read_folder(tmp_path)


def test_parquet_types(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    table = {
        "name": pyarrow.array(["cat", "dog"]).dictionary_encode(),
        "legs": [4, 4],
        "barks": [False, True],
        "size": pyarrow.array(np.float16([0.5, 1])),
        "a.b": [1.0, 2.0],
        "note": ["x", "y"],
        "__index_level_0__": [7, 8],  # as pandas calls row numbers
    }
    path = tmp_path / "classes.parquet"
    parquet.write_table(pyarrow.table(table), path)
    columns = read_columns(path, ("name",))

    assert columns.texts == {"name": ["cat", "dog"]}
    assert columns.names == ("legs", "barks", "size", "a.b")
    assert_array_equal(columns.values, np.float32([[4, 0, 0.5, 1], [4, 1, 1, 2]]))
    assert columns.left_out == ("note", "__index_level_0__")

    decimals = pyarrow.array([Decimal("4.25"), Decimal("3.50")])
    parquet.write_table(pyarrow.table(table | {"legs": decimals}), path)
    assert read_columns(path, ("name",)).values[:, 0].tolist() == [4.25, 3.5]
    parquet.write_table(pyarrow.table({"name": table["name"], "v": [[1.0, 2.0]] * 2}), path)
    with pytest.raises(DataError, match=r"'v' is of the type list<.*one column for each number"):
        read_columns(path, ("name",))
    for bad in ([4, None], [True, None], pyarrow.array([Decimal("4.25"), None])):
        parquet.write_table(pyarrow.table(table | {"legs": bad}), path)
        with pytest.raises(DataError, match=r"Row 1, column 'legs': 'nan' is not a finite"):
            read_columns(path, ("name",))
    parquet.write_table(pyarrow.table(table | {"legs": [4.0, 1e39]}), path)
    with pytest.raises(DataError, match=r"Row 1, column 'legs': 'inf' is not a finite"):
        read_columns(path, ("name",))

    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged or of another format"):
        read_columns(path, ("name",))


def test_an_expected_column_of_parquet_without_numbers_is_named(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    table = {"name": ["cat"], "fur": ["much"], "legs": [4.0]}
    parquet.write_table(pyarrow.table(table), tmp_path / "classes.parquet")

    assert read_class_table(tmp_path / "classes.parquet").left_out == ("fur",)
    with pytest.raises(DataError, match="The column 'fur' is of the type string; write numbers"):
        read_class_table(tmp_path / "classes.parquet", numbers=("fur", "legs"))


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")

    with pytest.raises(DataError, match=r'pip install "unseen\[parquet\]"'):
        read_features(tmp_path / "x.parquet")


# Features alone


def test_names_of_columns_come_back(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "classes_more.csv").write_text("name,wings\ncat,1\ndog,2\nzebra,3\n")
    data = read_folder(tmp_path)
    write_folder(data, tmp_path / "copy" / "rows.csv")
    again = read_folder(tmp_path / "copy")

    assert data.source.feature_names == again.source.feature_names == ("x", "y")
    assert data.source.attribute_names == again.source.attribute_names != ()
    assert data.source.attribute_names == tuple(CLASSES.split("\n")[0].split(",")[1:])
    assert read_folder(tmp_path, "more").source.attribute_names == ("wings",)


def test_what_both_tables_lack_is_told_at_once(tmp_path: Path) -> None:
    folder_of(tmp_path, ROWS.replace("label", "sign"), CLASSES.replace("name", "sign"))
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path)

    one, other = caught.value.problems
    assert "rows.csv: The column 'label' is missing" in one
    assert "classes.csv: The column 'name' is missing" in other


def test_features_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", DATA.features.astype(np.float64))
    assert_array_equal(read_features(tmp_path / "x.npy"), DATA.features)
    (tmp_path / "x.csv").write_text("x,y\n1,2\n,\n3,4\n,\n")  # the last is not a row
    with pytest.raises(DataError, match="Line 3, column 'x': the cell is empty"):
        read_features(tmp_path / "x.csv")
    for header in ("x,y", "0_0,0_1"):  # which float() would take for numbers
        (tmp_path / "x.csv").write_text(f"{header}\n1,2\n3,4\n")
        assert_array_equal(read_features(tmp_path / "x.csv"), np.float32([[1, 2], [3, 4]]))


def test_bad_features_alone(tmp_path: Path) -> None:
    faults = {
        "flat.npy": (np.ones(3), r"float64 of shape \(3,\)"),
        "nan.npy": (np.float32([[1, np.nan]]), "row 0, column 1"),
        "large.npy": (np.array([[1e300, 1]]), "row 0, column 0"),
        "text.npy": (np.array([["a", "b"]]), "got <U1"),
    }
    for name, (array, message) in faults.items():
        np.save(tmp_path / name, array)
        with pytest.raises(DataError, match=message):
            read_features(tmp_path / name)

    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    (tmp_path / "x.txt").touch()
    for name, message in {
        "objects.npy": "damaged or of another format",
        "gone.npy": "No such file",
        "gone.txt": "gone.txt does not exist",
        "x.txt": "suffix '.txt' is not one of",
    }.items():
        with pytest.raises(DataError, match=message):
            read_features(tmp_path / name)


def test_features_with_an_unfit_scale(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", features=np.ones((2, 3), np.uint8), feature_scale=np.ones(2))
    np.savez(tmp_path / "y.npz", feature=np.ones((2, 3)))
    np.savez(tmp_path / "z.npz", features=np.ones((2, 3)), feature_scale=np.array(["1"] * 3))

    for name in ("x.npz", "z.npz"):
        with pytest.raises(DataError, match="one factor per column"):
            read_features(tmp_path / name)
    with pytest.raises(DataError, match="did you mean 'feature'"):
        read_features(tmp_path / "y.npz")


# Whatever the bytes: a data set or a DataError, and nothing else


fuzzing = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TYPES = st.sampled_from(["f4", ">f8", "f2", "i8", "u1", "?", "U3", "S2", "c8", "M8[s]", "u8", "V4"])
KEYS = (*keys_of(DATA), "feature_scale", "validation_train", "validation_unseen", "other")


def packed(suffix: str, compressed: bool = False) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"toy.{suffix}"
        if compressed:
            np.savez_compressed(path, **keys_of(DATA))
        else:
            write_arrays(DATA, path)
        return path.read_bytes()


VALID = {
    "npz": [packed("npz"), packed("npz", compressed=True)],
    "safetensors": [packed("safetensors")],
}


def read_all(path: Path) -> None:
    readers = (read_arrays, read_features, read_classes, list_attribute_tables)
    for read in readers if path.suffix != ".csv" else (read_features, read_classes):
        with suppress(DataError):
            read(path)


@pytest.mark.parametrize("suffix", VALID)
@given(data=st.data())
@fuzzing
def test_damaged_bytes(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(VALID[suffix])))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = tmp_path / f"toy.{suffix}"
    path.write_bytes(bytes(content[:end]))

    read_all(path)


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "csv"])
@given(content=st.binary(max_size=300))
@fuzzing
def test_random_bytes(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"toy.{suffix}").write_bytes(content)

    read_all(tmp_path / f"toy.{suffix}")


@given(
    changes=st.dictionaries(
        st.sampled_from(KEYS),
        st.none() | st.tuples(TYPES, st.lists(st.integers(0, 25), max_size=3)),
        min_size=1,
        max_size=4,
    )
)
@fuzzing
def test_random_keys_types_and_shapes(tmp_path: Path, changes: dict[str, Any]) -> None:
    keys: dict[str, Any] = keys_of(DATA)
    for key, change in changes.items():
        keys.pop(key, None)
        if change is not None:
            keys[key] = np.zeros(tuple(change[1]), dtype=change[0])
    np.savez(tmp_path / "toy.npz", **keys)

    read_all(tmp_path / "toy.npz")


@given(
    table=st.lists(
        st.lists(
            st.sampled_from(["", "1", "-2.5", "nan", "inf", "1_0", "0x1", "cat", '"', "a,b", "é\n"])
            | st.text(max_size=3),
            max_size=4,
        ),
        max_size=6,
    ),
    header=st.lists(st.sampled_from(["label", "split", "name", "x", "y", "", "1"]), max_size=4),
)
@fuzzing
def test_random_tables(tmp_path: Path, header: list[str], table: list[list[str]]) -> None:
    folder_of(tmp_path)
    for name in ("rows.csv", "classes.csv"):
        with (tmp_path / name).open("w", newline="", encoding="utf-8", errors="ignore") as file:
            csv.writer(file).writerows([header, *table])
        read_all(tmp_path / name)
        with suppress(DataError):
            read_folder(tmp_path)
        folder_of(tmp_path)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("features.npy", b"x" * 50)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag that says: encrypted
    path.write_bytes(bytes(content))

    with pytest.raises(DataError, match="damaged or of another format"):
        read_features(path)


def test_a_file_of_descriptions_alone_is_a_class_table(tmp_path: Path) -> None:
    """As `unseen generate` writes it: no splits, and it needs none."""
    path = tmp_path / "made.npz"
    np.savez(path, class_attributes=np.eye(3, dtype=np.float32), class_names=["a", "b", "c"])
    names, table = read_classes(path)
    assert names == ("a", "b", "c")
    assert_array_equal(table, np.eye(3))

    np.savez(tmp_path / "less.npz", class_names=["a"])
    with pytest.raises(DataError, match="The key 'class_attributes' is missing"):
        read_classes(tmp_path / "less.npz")
