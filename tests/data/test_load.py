"""One way in and one way out: every format, and every wrong path with its hint."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.load import attribute_tables, load, save
from unseen.data.notes import notes_on
from unseen.data.simulate import simulate_toy, write_xlsa17_folder


@pytest.fixture(scope="module")
def toy() -> ZeroShotData:
    return simulate_toy()


@pytest.mark.parametrize("name", ["toy.npz", "toy.safetensors", "toy/rows.csv", "toy/rows.parquet"])
def test_what_is_saved_is_loaded(tmp_path: Path, toy: ZeroShotData, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = np.arange(len(toy.class_names), dtype=np.float32)[:, None] + 1
    save(toy, tmp_path / name, tables={"number": table})
    data = load(tmp_path / name)

    assert_array_equal(data.features, toy.features)
    assert_array_equal(data.test_unseen, toy.test_unseen)
    assert_array_equal(load(tmp_path / name, "number").class_attributes, table)
    assert_array_equal(attribute_tables(tmp_path / name)["number"], table)
    if name.endswith(("csv", "parquet")):
        assert_array_equal(load(tmp_path / "toy").labels, toy.labels)


def test_a_benchmark_folder_is_recognised(tmp_path: Path, toy: ZeroShotData) -> None:
    write_xlsa17_folder(toy, tmp_path / "TOY")
    data = load(str(tmp_path / "TOY"))

    assert_array_equal(np.sort(data.train), np.sort(toy.train))
    for name, table in attribute_tables(tmp_path / "TOY").items():
        assert_array_equal(load(tmp_path / "TOY", name).class_attributes, table)


def test_embedded_data() -> None:
    assert load("digits").features.shape == (1797, 64)
    assert attribute_tables("digits") == {}
    with pytest.raises(DataError, match="one class table only"):
        load("digits", attributes="words")


def test_eight_bits(tmp_path: Path, toy: ZeroShotData) -> None:
    save(toy, tmp_path / "toy.npz", dtype="int8")

    assert load(tmp_path / "toy.npz").features.dtype == np.int8


def test_wrong_paths_get_a_hint(tmp_path: Path, toy: ZeroShotData) -> None:
    save(toy, tmp_path / "sets" / "rows.csv")
    save(toy, tmp_path / "toy.npz")
    (tmp_path / "empty").mkdir()
    (tmp_path / "AWA1").mkdir()
    for name in ("AWA1/res101.mat", "features.csv", "toy.txt"):
        (tmp_path / name).write_text("x")

    for name, message in {
        "tyo.npz": r"no file.*Did you mean .*toy\.npz",
        "nowhere/toy.npz": r"no file, folder or embedded data set .*toy\.npz'\.$",
        "empty": r"holds no data set: it must be a folder with res101\.mat",
        "": r"holds no data set.*Did you mean .*sets or .*toy\.npz",
        "AWA1": "holds no data set",
        "AWA1/res101.mat": r"one file of a data set: give the folder '.*AWA1'",
        "features.csv": r"put the examples into FOLDER/rows\.csv",
        "toy.txt": r"unknown suffix '\.txt'",
        "x" * 300: "Cannot be read: File name too long",
    }.items():
        for read in (load, attribute_tables):
            with pytest.raises(DataError, match=message if read is load else None):
                read(tmp_path / name)


def test_a_misspelled_name_gets_a_hint() -> None:
    with pytest.raises(DataError, match="embedded data 'digits'"):
        load("digit")


def test_an_unknown_class_table_gets_a_hint(tmp_path: Path, toy: ZeroShotData) -> None:
    save(toy, tmp_path / "toy.npz", tables={"words": toy.class_attributes})

    with pytest.raises(DataError, match=r"no class table 'wrods'.*Did you mean 'words'"):
        load(tmp_path / "toy.npz", attributes="wrods")


def test_wrong_targets_get_a_hint(tmp_path: Path, toy: ZeroShotData) -> None:
    (tmp_path / "file").write_text("x")
    for name, dtype, message in [
        ("toy.csv", None, r"two tables: save it to .*toy/rows\.csv"),
        ("toy", None, "unknown suffix ''"),
        ("toy.npz", "int4", "no feature type 'int4'"),
        ("toy/rows.csv", "int8", "use .npz for int8"),
        ("nowhere/toy.npz", None, "does not exist; create it first"),
        ("file/toy.npz", None, "Cannot be written"),
        ("file/rows.csv", None, "folder cannot be made or written to"),
    ]:
        with pytest.raises(DataError, match=message):
            save(toy, tmp_path / name, dtype=dtype)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_source_is_kept(tmp_path: Path, toy: ZeroShotData) -> None:
    source = replace(toy.source, name="birds", licence="CC BY 4.0")
    save(replace(toy, source=source), tmp_path / "toy.safetensors")
    loaded = load(tmp_path / "toy.safetensors").source

    assert (loaded.name, loaded.licence) == ("birds", "CC BY 4.0")


@pytest.mark.parametrize(
    ("name", "rows", "attributes"), [("awa1", 30475, "original"), ("gtsrb", 51839, "words")]
)
def test_real_files(real_data: Path, name: str, rows: int, attributes: str) -> None:
    data = load(real_data / f"{name}.npz")
    other = load(real_data / f"{name}.npz", attributes=attributes)

    assert len(data.labels) == rows
    assert other.class_attributes.shape != data.class_attributes.shape or name == "awa1"
    assert_array_equal(
        attribute_tables(real_data / f"{name}.npz")[attributes], other.class_attributes
    )
    # seven speed limits have the same words: allowed, and told
    assert any("share one description" in note for note in notes_on(other)) == (name == "gtsrb")
    assert len(data.validation) == (name == "awa1")
