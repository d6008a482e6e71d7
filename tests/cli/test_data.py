"""``unseen data``, on toy data in every format, and on the real benchmarks' splits."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from unseen.data.load import attribute_tables, load, save
from unseen.data.simulate import write_xlsa17_folder

Command = Callable[..., Any]


@pytest.mark.parametrize("name", ["toy.npz", "toy.safetensors", "tables", "TOY"])
def test_info_and_check_know_every_format(command: Command, toys: Path, name: str) -> None:
    info = command("data", "info", toys / name, "--json")
    check = command("data", "check", toys / name, "--json")

    summary = json.loads(info.out)
    assert (summary["rows"], summary["features"], summary["classes"]) == (240, 16, 12)
    assert summary["splits"] == {"train": 128, "test_seen": 32, "test_unseen": 80}
    assert summary["attributes"] == 8
    assert (info.code, check.code) == (0, 0)
    assert json.loads(check.out)["problems"] == []


def test_info_shows_the_other_class_tables(command: Command, toys: Path) -> None:
    run = command("data", "info", toys / "toy.npz")

    assert "8 with --attributes words" in run.out
    assert "12: 8 seen, 4 unseen" in run.out


def test_info_and_check_tell_of_images(command: Command, real_data: Path) -> None:
    path = real_data / "gtsrb_images.npz"
    shown, info = command("data", "info", path), command("data", "info", path, "--json")
    summary = json.loads(info.out)

    assert summary["image_shape"] == [32, 32, 3]
    assert (summary["features"], summary["feature_type"]) == (3072, "uint8")
    assert "32 x 32 pixels, channels: 3" in shown.out
    assert "pixels, of images of 32 x 32 with 3 channels" in command("data", "check", path).out
    assert json.loads(command("data", "info", "digits", "--json").out)["image_shape"] is None


def test_check_shows_what_splits_share(command: Command, toys: Path) -> None:
    run = command("data", "check", toys / "TOY")

    assert run.code == 0
    assert re.search(r"trainval_loc +128", run.out)
    assert "no problems found" in run.out


@pytest.mark.parametrize(
    ("name", "rows"), [("SUN", 2320), ("AWA1", 3404), ("AWA2", 4031), ("FLO", 1173)]
)
def test_check_finds_the_leak_of_the_real_splits(
    command: Command, real_data: Path, name: str, rows: int
) -> None:
    run = command("data", "check", real_data / "xlsa17" / name)

    assert run.code == 0
    assert f"train_loc has {rows:,} rows of test_seen_loc" in run.out


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_convert_carries_every_table(
    command: Command, toys: Path, tmp_path: Path, dtype: str
) -> None:
    out = tmp_path / "out.safetensors"
    run = command(
        "data", "convert", toys / "toy.npz", out, "--dtype", dtype, "--attributes", "words"
    )

    source = load(toys / "toy.npz")
    converted = load(out, attributes="former_default")
    assert run.code == 0
    assert converted.features.dtype == dtype
    np.testing.assert_allclose(
        converted.subset("train").features, source.subset("train").features, atol=0.01
    )
    np.testing.assert_array_equal(converted.class_attributes, source.class_attributes)
    np.testing.assert_array_equal(
        load(out).class_attributes, attribute_tables(toys / "toy.npz")["words"]
    )


def test_convert_keeps_the_names_of_the_benchmarks_tables(
    command: Command, toy: Any, tmp_path: Path
) -> None:
    folder, out = tmp_path / "TOY", tmp_path / "toysent.npz"
    write_xlsa17_folder(toy, folder)
    sent = replace(toy, class_attributes=toy.class_attributes[:, :5])
    write_xlsa17_folder(sent, tmp_path / "SENT")
    (tmp_path / "SENT" / "att_splits.mat").rename(folder / "sent_splits.mat")
    run = command("data", "convert", folder, out, "--attributes", "sent")

    assert run.code == 0
    assert "class tables: sent (default), att" in run.out
    assert load(out).class_attributes.shape[1] == 5
    for name in ("att", "sent"):
        np.testing.assert_array_equal(
            load(out, name).class_attributes, load(folder, name).class_attributes
        )
    again = command("data", "convert", out, tmp_path / "again.npz", "--attributes", "att")
    assert "class tables: att (default)" in again.out
    assert set(attribute_tables(tmp_path / "again.npz")) == set(attribute_tables(folder))


@pytest.mark.parametrize("name", ["out.npz", "out/rows.csv"])
def test_convert_replaces_nothing(command: Command, toys: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    assert command("data", "convert", toys / "toy.npz", out).code == 0
    before = out.read_bytes()
    if out.suffix == ".csv":
        out = out.with_suffix(".parquet")  # beside it, one could not tell which is meant
    run = command("data", "convert", toys / "toy.npz", out)

    assert run.code == 2
    assert "exists already. Choose another name" in run.err
    assert (tmp_path / name).read_bytes() == before


def test_convert_leaves_no_classes_without_rows(
    command: Command, toys: Path, tmp_path: Path, full_disk: Callable[[int], Any]
) -> None:
    words = ("data", "convert", toys / "toy.npz", tmp_path / "rows.csv")
    with full_disk(4096):  # enough for the classes
        run = command(*words)

    assert run.code == 2
    assert "rows.csv: Cannot be written" in run.err
    assert not list(tmp_path.iterdir())
    assert command(*words).code == 0


def test_check_marks_the_leaks_of_every_split_file(
    command: Command, toy: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "TOY"
    write_xlsa17_folder(toy, folder)
    splits = loadmat(folder / "att_splits.mat")
    splits = {key: value for key, value in splits.items() if not key.startswith("__")}
    rows = np.concatenate([splits["trainval_loc"].ravel(), splits["test_seen_loc"].ravel()])
    savemat(folder / "sent_splits.mat", {**splits, "train_loc": rows, "val_loc": rows[:5]})
    run = command("data", "check", folder)

    assert run.code == 0
    assert re.search(r"train_loc +32 +8 +leak", run.out)
    assert "note: sent_splits.mat: train_loc has 32 rows of test_seen_loc" in run.out


def test_fetch_unpacks_and_says_where(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(folder: Path, url: str, sha256: str | None, progress: Callable) -> Path:
        progress(5, 10)
        assert (url, sha256) == ("http://127.0.0.1/a.zip", None)
        return folder / "a"

    monkeypatch.setattr("unseen.data.fetch.fetch", fetch)
    run = command("data", "fetch", tmp_path, "--url", "http://127.0.0.1/a.zip")

    assert run.code == 0
    assert run.out == f"{tmp_path / 'a'}: complete; SHA-256 in {tmp_path / 'a.zip.sha256'}\n"


def test_check_names_equal_descriptions_of_every_class_table(
    command: Command, toy: Any, tmp_path: Path
) -> None:
    tied = toy.class_attributes.copy()
    tied[4] = tied[2]
    save(toy, tmp_path / "toy.npz", tables={"words": tied})
    run = command("data", "check", tmp_path / "toy.npz")

    assert run.out.count("class 2 ('class_003') = class 4") == 1
    assert "note: class table 'words': 1 group of classes share one description" in run.out
