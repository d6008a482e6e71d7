"""The reader of the field's benchmark folders: simulated features, real and simulated splits."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.io import loadmat, savemat

from unseen.data.dataset import DataError
from unseen.data.proposed_split import SPLIT_KEYS, SPLIT_VERSIONS
from unseen.data.xlsa17 import NO_FOLDS, attribute_tables, read_xlsa17, split_files, split_report

N, D, C, A = 60, 7, 6, 4  # classes 5 and 6 (of MATLAB) are unseen
NAMES = ["zebra", " polar+bear", "blue_whale ", "giant panda", "seal", "bat"]
NO_CACHE = os.devnull  # no folder, and none can be made in it
FOLDS = "hidden-class folds are made from trainval_loc instead."


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("UNSEEN_CACHE", str(path))
    return path


def features_file() -> dict[str, np.ndarray]:
    """Returns the variables of ``res101.mat`` as MATLAB holds them."""
    features = np.random.default_rng(0).random((D, N))
    labels = np.arange(N)[:, None] % C + 1.0
    files = np.array([[f"/BS/images/{row}.jpg"] for row in range(N)], dtype=object)

    return {"image_files": files, "features": features, "labels": labels}


def splits_file() -> dict[str, np.ndarray]:
    """Returns the variables of ``att_splits.mat`` as MATLAB holds them."""
    rows = np.arange(N)
    unseen = rows % C >= 4
    test_seen = ~unseen & (rows >= 48)
    table = np.random.default_rng(1).random((A, C))

    return {
        "allclasses_names": np.array([[name] for name in NAMES], dtype=object),
        "att": table / np.linalg.norm(table, axis=0),
        "original_att": 100 * table,
        "trainval_loc": rows[~unseen & ~test_seen][:, None] + 1,
        "test_seen_loc": rows[test_seen][:, None] + 1,
        "test_unseen_loc": rows[unseen][:, None] + 1,
    }


def write_folder(folder: Path, features: dict | None = None, splits: dict | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    savemat(folder / "res101.mat", features_file() | (features or {}), do_compression=True)
    savemat(folder / "att_splits.mat", splits_file() | (splits or {}))

    return folder


def write_v73(path: Path, variables: dict[str, np.ndarray]) -> None:
    """Writes a file as MATLAB's ``save -v7.3`` does."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if value.dtype.kind == "O":
                references = np.empty((1, len(value)), dtype=h5py.ref_dtype)
                for number, text in enumerate(value.ravel()):
                    codes = np.array([[ord(letter)] for letter in text], dtype=np.uint16)
                    dataset = file.create_dataset(f"#refs#/{name}{number}", data=codes)
                    dataset.attrs["MATLAB_class"] = np.bytes_("char")
                    references[0, number] = dataset.ref
                dataset = file.create_dataset(name, data=references, dtype=h5py.ref_dtype)
                dataset.attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                dataset = file.create_dataset(name, data=value.T)
                dataset.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def check_contents(folder: Path) -> None:
    data, features, splits = read_xlsa17(folder), features_file(), splits_file()

    assert data.features.dtype == data.class_attributes.dtype == np.float32
    assert_array_equal(data.features, features["features"].T.astype(np.float32))
    assert_array_equal(data.labels, features["labels"].ravel() - 1)
    assert_array_equal(data.class_attributes, splits["att"].T.astype(np.float32))
    assert data.class_names == ("zebra", "polar+bear", "blue_whale", "giant panda", "seal", "bat")
    assert_array_equal(data.train, splits["trainval_loc"].ravel() - 1)
    assert_array_equal(data.test_seen, splits["test_seen_loc"].ravel() - 1)
    assert_array_equal(data.test_unseen, splits["test_unseen_loc"].ravel() - 1)
    assert data.seen.tolist() == [True] * 4 + [False] * 2


def test_read_from_file_then_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "CUB")

    for _ in range(2):
        check_contents(folder)
    monkeypatch.setenv("UNSEEN_CACHE", NO_CACHE)
    check_contents(folder)

    source = read_xlsa17(folder).source
    assert source.name == "CUB"
    assert sorted(source.sha256) == ["att_splits.mat", "res101.mat"]
    assert source.split_version.startswith("unknown file; trainval_loc shares no row")


def test_matlab_73(tmp_path: Path) -> None:
    write_v73(tmp_path / "res101.mat", features_file())
    write_v73(tmp_path / "att_splits.mat", splits_file())

    check_contents(tmp_path)


def test_class_tables(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    sentences = splits_file() | {"att": np.random.default_rng(2).random((9, C))}
    del sentences["original_att"]
    savemat(folder / "sent_splits.mat", sentences)

    tables = attribute_tables(folder)

    assert list(tables) == ["att", "original", "sent"]
    assert [path.name for path in split_files(folder)] == ["att_splits.mat", "sent_splits.mat"]
    for name, table in tables.items():
        assert_array_equal(read_xlsa17(folder, attributes=name).class_attributes, table)
    assert "sent_splits.mat" in read_xlsa17(folder, attributes="sent").source.sha256
    with pytest.raises(DataError, match=r"no class table 'sents'; did you mean 'sent'\?"):
        read_xlsa17(folder, attributes="sents")
    with pytest.raises(DataError, match="no class table 'x'; choose one of att, original, sent"):
        read_xlsa17(folder, attributes="x")


def test_tables_of_other_classes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    other = np.array([[name] for name in reversed(NAMES)], dtype=object)
    savemat(folder / "sent_splits.mat", splits_file() | {"allclasses_names": other})

    with pytest.raises(DataError, match=r"sent_splits.mat and att_splits.mat do not list the same"):
        attribute_tables(folder)


def test_only_another_splits_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "att_splits.mat").rename(folder / "sent_splits.mat")

    assert list(attribute_tables(folder)) == ["sent", "sent_original"]
    assert read_xlsa17(folder).class_attributes.shape == (C, A)


def test_no_class_names(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    splits = splits_file()
    del splits["allclasses_names"]
    savemat(folder / "att_splits.mat", splits)

    data = read_xlsa17(folder)

    assert data.class_names[::5] == ("class_001", "class_006")
    assert "class_001 to class_006" in data.notes[0]


# The data set's own validation split


def own_validation(inside: bool, disjoint: bool) -> dict[str, np.ndarray]:
    splits, labels = splits_file(), features_file()["labels"]
    rows = splits["trainval_loc"]
    if not inside:
        rows = np.concatenate([rows, splits["test_seen_loc"]])
    hidden = labels[rows.ravel() - 1] == 4

    return {"train_loc": rows[~hidden][:, None], "val_loc": rows[hidden if disjoint else ~hidden]}


def test_sound_validation_is_used(tmp_path: Path) -> None:
    extra = own_validation(inside=True, disjoint=True)
    extra["val_loc"] = extra["val_loc"].reshape(-1, 1)
    data = read_xlsa17(write_folder(tmp_path, splits=extra))

    ((train, seen, hidden),) = data.validation
    assert_array_equal(train, extra["train_loc"].ravel() - 1)
    assert_array_equal(hidden, extra["val_loc"].ravel() - 1)
    assert len(seen) == 0
    assert data.notes == ()


def test_leaking_validation_is_left_out(tmp_path: Path) -> None:
    data = read_xlsa17(write_folder(tmp_path, splits=own_validation(inside=False, disjoint=True)))

    assert data.validation == ()
    (note,) = data.notes
    assert "train_loc has 6 rows of test_seen_loc: whoever validates on it trains on test" in note
    assert "outside trainval_loc" not in note  # the same rows again
    assert note.endswith(FOLDS)


def test_validation_outside_trainval_is_left_out(tmp_path: Path) -> None:
    splits = splits_file()
    extra = {"train_loc": splits["trainval_loc"][:10], "trainval_loc": splits["trainval_loc"][2:]}
    extra["val_loc"] = splits["trainval_loc"][10:]
    data = read_xlsa17(write_folder(tmp_path, splits=extra))

    assert data.validation == ()
    assert "train_loc has 2 rows outside trainval_loc" in data.notes[0]


def test_validation_of_the_same_classes_is_left_out(tmp_path: Path) -> None:
    rows = splits_file()["trainval_loc"]
    extra = {"train_loc": rows[:10], "val_loc": rows[10:]}
    data = read_xlsa17(write_folder(tmp_path, splits=extra))

    assert data.validation == ()
    assert data.notes == (f"att_splits.mat: train_loc and val_loc share 4 classes; {FOLDS}",)


def test_that_there_is_no_validation_is_one_calm_sentence(tmp_path: Path) -> None:
    extra = {"val_loc": splits_file()["trainval_loc"][10:]}

    (note,) = read_xlsa17(write_folder(tmp_path, splits=extra)).notes
    assert note == f"att_splits.mat {NO_FOLDS}; {FOLDS}"


# What can be wrong


@pytest.mark.parametrize(
    ("features", "splits", "message"),
    [
        ({"labels": np.zeros((N, 1))}, {}, "Entry 1 of 'labels' is 0; .*MATLAB calls class 0"),
        ({"labels": np.full((N, 1), 1.5)}, {}, "Entry 1 of 'labels' is 1.5"),
        ({"labels": np.full((N, 1), np.nan)}, {}, "Entry 1 of 'labels' is nan"),
        ({"labels": np.full((N, 1), 1e300)}, {}, r"Entry 1 of 'labels' is 1e\+300"),
        ({"labels": np.ones((N - 1, 1))}, {}, "Features are 7 x 60, but must be d x 59"),
        ({"labels": np.full((N, 1), C + 1)}, {}, "label"),
        ({"features": np.ones((N, D))}, {}, r"Features are 60 x 7.*transpose them"),
        ({"features": np.full((D, N), np.nan)}, {}, "NaN"),
        ({"features": np.full((D, N), 1e300)}, {}, "infinite"),
        ({}, {"trainval_loc": np.array([[0], [1]])}, "Entry 1 of 'trainval_loc' is 0; .* row 0"),
        ({}, {"test_seen_loc": np.array([[61]])}, "up to row 61, but res101.mat has 60 rows"),
        ({}, {"trainval_loc": np.arange(1, 60)}, "trainval_loc has .* rows of test_seen_loc"),
        ({}, {"trainval_loc": np.zeros((0, 0))}, "train"),
        ({}, {"att": np.ones((A, C - 1))}, "name"),
        (
            {},
            {"att": np.array([["text"]], dtype=object)},
            "'att' must be a real numeric .*not a 1 x 1 cell",
        ),
    ],
)
def test_wrong_contents(features: dict, splits: dict, message: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, features, splits)

    for _ in range(2):  # from the file, and from the cache
        with pytest.raises(DataError, match=message):
            read_xlsa17(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("res101.mat", "features", "feature", r"'features'; did you mean 'feature'\?"),
        ("res101.mat", "labels", "x", "no variable 'labels'; it has image_files, features, x"),
        ("att_splits.mat", "att", "attr", "no variable 'att'; did you mean"),
        ("att_splits.mat", "trainval_loc", "train_val_loc", r"did you mean 'train_val_loc'\?"),
    ],
)
def test_missing_variable(file: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    content = features_file() if file == "res101.mat" else splits_file()
    savemat(folder / file, {new if key == old else key: content[key] for key in content})

    with pytest.raises(DataError, match=message):
        read_xlsa17(folder)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no att_splits.mat \(nor any \*_splits.mat\)"):
        read_xlsa17(tmp_path)

    (write_folder(tmp_path) / "res101.mat").rename(tmp_path / "resnet101.mat")
    with pytest.raises(DataError, match=r"no res101.mat; the folder has att_splits.mat, resnet101"):
        read_xlsa17(tmp_path)
    with pytest.raises(DataError, match="Cannot be read: No such file"):
        split_report(tmp_path / "sent_splits.mat")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), name=st.sampled_from(["res101.mat", "att_splits.mat"]))
def test_damage_never_escapes(
    data: st.DataObject, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNSEEN_CACHE", NO_CACHE)  # files change too fast for its clock
    path = write_folder(tmp_path) / name
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(124, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)

    with suppress(DataError):
        read_xlsa17(tmp_path)


# The real files


def test_report_of_the_real_leaks(real_data: Path) -> None:
    counts = {"SUN": 2320, "AWA1": 3404, "AWA2": 4031, "FLO": 1173}

    for name, count in counts.items():
        report = split_report(real_data / "xlsa17" / name)
        assert report.overlap("train_loc", "test_seen_loc").rows == count
        assert f"train_loc has {count:,} rows of test_seen_loc" in report.validation_problems[0]

    for name in ("CUB", "APY"):
        report = split_report(real_data / "xlsa17" / name)
        assert report.validation_problems == ("there is no train_loc", "there is no val_loc")
        with pytest.raises(KeyError, match="does not have both train_loc and test_seen_loc"):
            report.overlap("train_loc", "test_seen_loc")

    sentences = split_report(real_data / "xlsa17" / "CUB" / "sent_splits.mat")
    assert sentences.overlap("test_seen_loc", "train_loc").rows == 1173


def test_real_files_are_known_and_clean(real_data: Path) -> None:
    paths = sorted((real_data / "xlsa17").glob("*/*_splits.mat"))
    reports = [split_report(path) for path in paths]

    assert {report.sha256 for report in reports} == set(SPLIT_VERSIONS)
    for path, report in zip(paths, reports, strict=True):
        assert report.is_clean
        assert report.version.startswith(f"{path.parent.name} {path.name} of 20")
        assert all(overlap.classes is None for overlap in report.overlaps)


def test_leaky_file_is_told_by_its_contents(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, splits={"trainval_loc": splits_file()["test_seen_loc"]})
    report = split_report(folder)

    assert not report.is_clean
    assert "leaky first version" in report.version
    assert report.overlap("trainval_loc", "test_seen_loc").classes == 4


def test_real_splits_with_features(real_data: Path, tmp_path: Path) -> None:
    shutil.copytree(real_data / "xlsa17" / "AWA1", tmp_path, dirs_exist_ok=True)
    raw = loadmat(tmp_path / "att_splits.mat")
    unseen = np.zeros(30475, dtype=bool)
    unseen[raw["test_unseen_loc"].ravel() - 1] = True
    numbers = np.arange(30475)
    labels = np.where(unseen, numbers % 10 + 41, numbers % 40 + 1)
    features = np.random.default_rng(0).random((4, 30475))
    savemat(tmp_path / "res101.mat", {"features": features, "labels": labels[:, None]})

    data = read_xlsa17(tmp_path)

    assert (len(data.train), len(data.test_seen), len(data.test_unseen)) == (19832, 4958, 5685)
    assert data.class_names[1] == "grizzly+bear"
    assert data.class_attributes.shape == (50, 85)
    assert data.validation == ()
    assert "3,404" in data.notes[0]
    assert split_report(tmp_path).overlap("trainval_loc", "test_unseen_loc").classes == 0


def test_documented_counts(real_data: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "proposed-splits.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text().splitlines()]
    table = {row[0]: row[1:] for row in rows if row[0].endswith("_splits.mat")}

    for path in (real_data / "xlsa17").glob("*/*_splits.mat"):
        report = split_report(path)
        pairs = [(key, "test_seen_loc") for key in ("train_loc", "val_loc", "trainval_loc")]
        shared = [report.overlap(*pair).rows if pair[0] in report.sizes else None for pair in pairs]
        counts = [report.sizes.get(key) for key in SPLIT_KEYS] + shared
        expected = ["–" if count is None else f"{count:,}" for count in counts]
        assert table.pop(f"{path.parent.name}/{path.name}") == expected

    assert table == {}
