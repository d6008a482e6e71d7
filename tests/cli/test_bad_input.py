"""Whatever is wrong with the input: exit code 2, one message with culprit and mend, nothing left.

Each case is a way to spoil something, a command line, and a pattern that the message must match.
"""

import csv
import errno
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy, write_xlsa17_folder

SEEN_ROW = 7  # a training row of the toy data
TRAIN = "train {new}/bad.npz -o {new}/out --set epochs=1"
TRAIN_TABLES = TRAIN.replace("bad.npz", "tables")
TRAIN_BENCHMARK = TRAIN.replace("bad.npz", "TOY")
TRAIN_TOY = "train {toys}/toy.npz -o {new}/out "


@dataclass(frozen=True)
class Bench:
    """Where a case spoils things.

    Arguments:
        new: An empty folder, for spoiled files.
        toys: Sound files.
        model: A sound model.
        patch: Undone after the case.
    """

    new: Path
    toys: Path
    model: Path
    patch: pytest.MonkeyPatch


Spoil = Callable[[Bench], None]


def nothing(_: Bench) -> None:
    """Spoils nothing: the command line is wrong by itself."""


# npz


def npz(change: Callable[[dict[str, np.ndarray]], object]) -> Spoil:
    """Returns what writes bad.npz, with its arrays changed."""

    def spoil(bench: Bench) -> None:
        with np.load(bench.toys / "toy.npz") as file:
            arrays = dict(file)
        change(arrays)
        np.savez(bench.new / "bad.npz", **arrays)

    return spoil


def put(name: str, place: object, value: object) -> Spoil:
    """Returns what sets some entries of an array of bad.npz."""
    return npz(lambda arrays: arrays[name].__setitem__(place, value))


def replace(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Returns what replaces an array of bad.npz."""
    return npz(lambda arrays: arrays.update({name: make(arrays[name])}))


def rename(name: str, wrong: str) -> Spoil:
    return npz(lambda arrays: arrays.update({wrong: arrays.pop(name)}))


def duplicate_unseen(arrays: dict[str, np.ndarray]) -> None:
    arrays["train"] = np.append(arrays["train"], arrays["test_unseen"][0])


def leave_one_class(arrays: dict[str, np.ndarray]) -> None:
    labels, train = arrays["labels"], arrays["train"]
    arrays["train"] = train[labels[train] == labels[train[0]]]
    arrays["test_seen"] = arrays["test_seen"][labels[arrays["test_seen"]] == labels[train[0]]]


def write(name: str, content: bytes) -> Spoil:
    """Returns what writes a file of some bytes."""
    return lambda bench: (bench.new / name).write_bytes(content) and None


def cut(source: str, name: str, share: float = 0.6) -> Spoil:
    """Returns what copies the first bytes of a sound file."""

    def spoil(bench: Bench) -> None:
        content = (bench.toys / source).read_bytes()
        (bench.new / name).write_bytes(content[: int(share * len(content))])

    return spoil


# CSV


def tables(name: str, change: Callable[[list[list[str]]], object]) -> Spoil:
    """Returns what copies the CSV tables, with the cells of one of them changed."""

    def spoil(bench: Bench) -> None:
        shutil.copytree(bench.toys / "tables", bench.new / "tables")
        path = bench.new / "tables" / name
        rows = list(csv.reader(path.read_text().splitlines()))
        change(rows)
        path.write_text("".join(",".join(row) + "\n" for row in rows))

    return spoil


def cell(row: int, column: int, text: str) -> Spoil:
    return tables("rows.csv", lambda rows: rows[row].__setitem__(column, text))


def remove(name: str) -> Spoil:
    def spoil(bench: Bench) -> None:
        shutil.copytree(bench.toys / "tables", bench.new / "tables")
        (bench.new / "tables" / name).unlink()

    return spoil


def table_bytes(content: bytes) -> Spoil:
    def spoil(bench: Bench) -> None:
        shutil.copytree(bench.toys / "tables", bench.new / "tables")
        (bench.new / "tables" / "rows.csv").write_bytes(content)

    return spoil


# MATLAB


def mat(name: str, change: Callable[[dict[str, np.ndarray]], object]) -> Spoil:
    """Returns what copies the benchmark folder, with the variables of one file changed."""

    def spoil(bench: Bench) -> None:
        shutil.copytree(bench.toys / "TOY", bench.new / "TOY")
        path = bench.new / "TOY" / name
        variables = {key: value for key, value in loadmat(path).items() if key[0] != "_"}
        change(variables)
        savemat(path, variables)

    return spoil


def mat_bytes(name: str, change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(bench: Bench) -> None:
        shutil.copytree(bench.toys / "TOY", bench.new / "TOY")
        path = bench.new / "TOY" / name
        path.write_bytes(change(path.read_bytes()))

    return spoil


def without_mat73(bench: Bench) -> None:
    """Writes the head of a MATLAB 7.3 file, where the packages that read it are missing."""
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    mat_bytes("res101.mat", lambda _: head.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n")(bench)
    for package in ("h5py", "pymatreader"):
        bench.patch.setitem(sys.modules, package, None)


def drop_features(bench: Bench) -> None:
    shutil.copytree(bench.toys / "TOY", bench.new / "TOY")
    (bench.new / "TOY" / "res101.mat").unlink()


def leak_split(variables: dict[str, np.ndarray]) -> None:
    both = [variables["trainval_loc"].ravel(), variables["test_seen_loc"].ravel()[:3]]
    variables["trainval_loc"] = np.concatenate(both)[:, None]


# Models


def edit_model(name: str, change: Callable[[bytes], bytes]) -> Spoil:
    """Returns what copies the model, with one file changed."""

    def spoil(bench: Bench) -> None:
        shutil.copytree(bench.model, bench.new / "edited")
        path = bench.new / "edited" / name
        path.write_bytes(change(path.read_bytes()))

    return spoil


def edit_config(**values: object) -> Spoil:
    return edit_model("config.json", lambda text: json.dumps(json.loads(text) | values).encode())


def other_data(data: Callable[[], ZeroShotData]) -> Spoil:
    """Returns what writes another benchmark folder than the model was trained on."""
    return lambda bench: write_xlsa17_folder(data(), bench.new / "TOY")


# What to predict


def features(values: np.ndarray) -> Spoil:
    return lambda bench: np.save(bench.new / "features.npy", values)


def classes(name: str, width: int) -> Spoil:
    """Returns what writes a class table of one class."""
    head = ",".join(["name", *(f"a{i}" for i in range(width))])
    row = ",".join([name, *(f"0.{i + 1}" for i in range(width))])

    return write("classes.csv", f"{head}\n{row}\n".encode())


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(bench: Bench) -> None:
    bench.patch.setattr(os, "replace", no_space)


def full_disk_while_training(bench: Bench) -> None:
    from safetensors import SafetensorError

    def no_space(_: object, path: Path, **__: object) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    bench.patch.setattr("unseen.training.checkpoint.save_file", no_space)


def folder(name: str, *files: str) -> Spoil:
    def spoil(bench: Bench) -> None:
        (bench.new / name).mkdir()
        for file in files:
            (bench.new / name / file).write_text("of a user")

    return spoil


PREDICT = "predict {model} {new}/features.npy -o {new}/out.csv"
PREDICT_TOY = "predict {model} {toys}/toy.npz -o {new}/out.csv"
EVALUATE_EDITED = "evaluate {new}/edited {toys}/toy.npz"

CASES: dict[str, tuple[Spoil, str, str]] = {
    # which data
    "no such file": (nothing, TRAIN, r"no file.*bad\.npz"),
    "name mistyped": (nothing, "train digit -o {new}/out", r"'digit'.*Did you mean.*'digits'"),
    "file mistyped": (nothing, "data info {toys}/toi.npz", r"Did you mean.*toy\.npz"),
    "unknown suffix": (write("d.xyz", b"1"), "data info {new}/d.xyz", r"d\.xyz.*suffix '\.xyz'"),
    "empty folder": (folder("empty"), "data info {new}/empty", r"empty holds no data set"),
    "one table": (nothing, "data info {toys}/tables/classes.csv", r"classes\.csv is one table"),
    "one mat file": (nothing, "data info {toys}/TOY/res101.mat", r"give the folder '.*TOY'"),
    "no such class table": (
        nothing,
        TRAIN_TOY + "--attributes wrds",
        r"no class table 'wrds'.*Did you mean 'words'",
    ),
    # npz
    "empty npz": (write("bad.npz", b""), TRAIN, r"bad\.npz.*(empty|[Dd]amaged)"),
    "text for npz": (write("bad.npz", b"hello"), TRAIN, r"bad\.npz.*not an npz archive"),
    "truncated npz": (cut("toy.npz", "bad.npz"), TRAIN, r"bad\.npz: Is truncated"),
    "key missing": (npz(lambda a: a.pop("labels")), TRAIN, r"key 'labels' is missing"),
    "key mistyped": (rename("train", "trian"), TRAIN, r"'train' is missing; did you mean 'trian'"),
    "NaN": (
        put("features", (SEEN_ROW, 2), np.nan),
        TRAIN,
        rf"row {SEEN_ROW} of class \d+ \('class_0\d\d'\), column 2 \(nan\)",
    ),
    "infinity": (put("features", (3, 0), np.inf), TRAIN, r"row 3 of class .*column 0 \(inf\)"),
    "label too large": (put("labels", 5, 12), TRAIN, r"row 5 has label 12 of 12 classes"),
    "label negative": (put("labels", 5, -1), TRAIN, r"row 5 has label -1 of 12 classes"),
    "label missing": (replace("labels", lambda y: y[:-1]), TRAIN, r"240 rows.*239 labels"),
    "labels of text": (replace("labels", lambda y: y.astype(str)), TRAIN, r"`labels` must be"),
    "class table short": (
        replace("class_attributes", lambda table: table[:-1]),
        TRAIN,
        r"12 class names.*11 rows",
    ),
    "names duplicated": (
        put("class_names", 3, "class_001"),
        TRAIN,
        r"Classes 0, 3 have the same name 'class_001'",
    ),
    "name empty": (put("class_names", 3, ""), TRAIN, r"Class 3 has an empty name"),
    "description of zeros": (
        put("class_attributes", 2, 0.0),
        TRAIN,
        r"Class 2 \('class_003'\) has an all-zero description",
    ),
    "description of NaN": (
        put("class_attributes", (2, 4), np.nan),
        TRAIN,
        r"class 2 \('class_003'\) in attribute 4 \(nan\)",
    ),
    "splits overlap": (
        replace("test_seen", lambda rows: np.append(rows, SEEN_ROW)),
        TRAIN,
        rf"train.*test_seen.*row {SEEN_ROW}",
    ),
    "unseen class trained": (
        npz(duplicate_unseen),
        TRAIN,
        r"Class \d+ \('class_0\d\d'\) is tested as unse",
    ),
    "row out of range": (put("train", 0, 999), TRAIN, r"train.*999"),
    "nothing to train on": (replace("train", lambda rows: rows[:0]), TRAIN, r"`train` is empty"),
    "one seen class": (npz(leave_one_class), TRAIN, r"rows of 1 class only.*two"),
    "scale of another width": (
        npz(lambda arrays: arrays.update(feature_scale=np.ones(3, np.float32))),
        TRAIN,
        r"`feature_scale`.*16 feature columns",
    ),
    "pickled objects": (
        replace("features", lambda values: values.astype(object)),
        TRAIN,
        r"bad\.npz.*features|features.*object",
    ),
    "features of text": (replace("features", lambda x: x.astype(str)), TRAIN, r"`features` must"),
    "features in one row": (replace("features", np.ravel), TRAIN, r"shape \(3840,\)"),
    "mask too short": (
        replace("train", lambda _: np.ones(7, bool)),
        TRAIN,
        r"`train` must be .*bool of shape \(7,\)",
    ),
    # safetensors, parquet
    "truncated safetensors": (
        cut("toy.safetensors", "bad.safetensors"),
        "data check {new}/bad.safetensors",
        r"bad\.safetensors",
    ),
    "safetensors of noise": (
        write("bad.safetensors", bytes(range(256))),
        "data info {new}/bad.safetensors",
        r"bad\.safetensors",
    ),
    "parquet of noise": (
        write("features.parquet", bytes(range(256))),
        "predict {model} {new}/features.parquet -o {new}/out.csv",
        r"features\.parquet",
    ),
    # CSV
    "text cell": (
        cell(4, 3, "abc"),
        TRAIN_TABLES,
        r"rows\.csv.*\n?.*[Ll]ine 5, column 'feature_1': 'abc'",
    ),
    "empty cell": (cell(4, 3, ""), TRAIN_TABLES, r"[Ll]ine 5, column 'feature_1'.*empty"),
    "ragged row": (
        tables("rows.csv", lambda rows: rows[6].pop()),
        TRAIN_TABLES,
        r"Line 7 has 17 cells where the header has 18",
    ),
    "unknown label": (cell(2, 0, "class_0O1"), TRAIN_TABLES, r"'class_0O1'.*mean 'class_0"),
    "unknown split": (cell(2, 1, "tran"), TRAIN_TABLES, r"'tran'.*train"),
    "column missing": (cell(0, 0, "lable"), TRAIN_TABLES, r"'label' is missing.*'lable'"),
    "column twice": (cell(0, 3, "feature_0"), TRAIN_TABLES, r"more than one column 'feature_0'"),
    "no header": (
        tables("classes.csv", lambda rows: rows.pop(0)),
        TRAIN_TABLES,
        r"classes\.csv.*'name' is missing",
    ),
    "empty table": (table_bytes(b""), TRAIN_TABLES, r"rows\.csv.*empty"),
    "not UTF-8": (table_bytes(b"label,f\n\xff\xfe,1\n"), TRAIN_TABLES, r"rows\.csv.*UTF-8"),
    "no classes": (remove("classes.csv"), TRAIN_TABLES, r"classes\.csv"),
    # MATLAB
    "truncated mat": (
        mat_bytes("res101.mat", lambda content: content[:4000]),
        TRAIN_BENCHMARK,
        r"res101\.mat.*(truncated|ends|damaged)",
    ),
    "text for mat": (
        mat_bytes("att_splits.mat", lambda _: b"<html>404</html>" * 40),
        TRAIN_BENCHMARK,
        r"att_splits\.mat",
    ),
    "no variable": (
        mat("res101.mat", lambda names: names.update(feature=names.pop("features"))),
        TRAIN_BENCHMARK,
        r"no variable 'features'; did you mean 'feature'",
    ),
    "7.3 without the extra": (without_mat73, TRAIN_BENCHMARK, r'pip install "unseen\[mat73\]"'),
    "no features": (drop_features, TRAIN_BENCHMARK, r"no res101\.mat"),
    "not transposed": (
        mat("res101.mat", lambda names: names.update(features=names["features"].T)),
        TRAIN_BENCHMARK,
        r"240 x 16.*transpose",
    ),
    "row 0": (
        mat("att_splits.mat", lambda names: names["trainval_loc"].__setitem__((0, 0), 0)),
        TRAIN_BENCHMARK,
        r"Entry 1 of 'trainval_loc' is 0",
    ),
    "split of other data": (
        mat("att_splits.mat", lambda names: names["test_seen_loc"].__setitem__((0, 0), 999)),
        TRAIN_BENCHMARK,
        r"test_seen_loc goes up to row 999",
    ),
    "leaky split": (
        mat("att_splits.mat", leak_split),
        "data check {new}/TOY",
        r"trainval_loc has 3 rows of test_seen_loc",
    ),
    # unseen train
    "unknown command": (nothing, "trian digits", r'"trian"\. Did you mean "train"'),
    "unknown option": (nothing, TRAIN_TOY + "--sed 1", r"--sed\. Did you mean --seed"),
    "nothing to train": (nothing, "train", r"DATA.*unseen train --help"),
    "nowhere to save": (nothing, "train {toys}/toy.npz", r"--output"),
    "unknown method": (nothing, TRAIN_TOY + "-m clas-norm", r"'clas-norm'\. Did you mean 'class-"),
    "unknown setting": (nothing, TRAIN_TOY + "--set hiden=3", r"'hiden'\. Did you mean 'hidden'"),
    "setting of another type": (
        nothing,
        TRAIN_TOY + "--set hidden=many",
        r"`hidden` must be a whole number; got 'many'",
    ),
    "two settings": (
        nothing,
        TRAIN_TOY + "--set lr=fast --set legacy_smoothing=1",
        r"`lr` must be a number; got 'fast'[^`]*`legacy_smoothing` must be true or false; got '1'",
    ),
    "setting out of bounds": (nothing, TRAIN_TOY + "--set epochs=0", r"`epochs` must .*got 0"),
    "setting of another name": (
        nothing,
        TRAIN_TOY + "--set norm=clas",
        r"`norm` must be one of.*got 'clas'.*Did you mean 'class'",
    ),
    "setting without value": (nothing, TRAIN_TOY + "--set hidden", r"name=value.*got 'hidden'"),
    "no data": (nothing, "train -o {new}/out", r"error: DATA is missing\. See `unseen train --h"),
    "no output": (nothing, "train digits", r"error: --output is missing"),
    "output without value": (nothing, "train digits -o", r"error: --output needs a value"),
    "short seed as a setting": (nothing, TRAIN_TOY + "--set seed=3", r"`seed` is set by `--seed`"),
    "seed as a setting": (nothing, TRAIN_TOY + "--set random_state=1", r"set by `--seed`"),
    "settings at odds": (nothing, TRAIN_TOY + "--set depth=0", r"`depth=0`.*norm=None"),
    "too large for memory": (
        nothing,
        TRAIN_TOY + "--set hidden=10000000000000",
        r"memory.*smaller `hidden`",
    ),
    "too large for a number": (
        nothing,
        TRAIN_TOY + "--set hidden=99999999999999999999",
        r"`hidden` must be a whole number; got '9+'",
    ),
    "rate infinite": (nothing, TRAIN_TOY + "--set lr=inf", r"`lr` must be .*got inf"),
    "unknown device": (nothing, TRAIN_TOY + "--set device=meta", r"`device` must be .*'meta'"),
    "seed negative": (nothing, TRAIN_TOY + "--seed -1", r"`--seed` must be .*from 0 to .*got -1"),
    "seed of letters": (nothing, TRAIN_TOY + "--seed one", r'--seed.*"one"'),
    "unknown penalty": (nothing, TRAIN_TOY + "--penalty hiden", r'"hiden".*mean "hidden"'),
    "diverging": (
        nothing,
        TRAIN_TOY + "--set lr=1e30 --set scale=none --set norm=none --set epochs=9",
        r"loss became .* in epoch \d of 9.*\(a\).*learning rate",
    ),
    "output is a file": (write("out", b"mine"), TRAIN_TOY, r"out is a file"),
    "output is not a model": (folder("out", "mine.txt"), TRAIN_TOY, r"out exists and is not a mod"),
    "output nowhere": (
        nothing,
        "train {toys}/toy.npz -o {new}/a/b",
        r"folder .*a does not exist; .*mkdir -p",
    ),
    "output read-only": (
        nothing,
        "train {toys}/toy.npz -o /proc/out",
        r"/proc (cannot be written to|does not exist)",
    ),
    "checkpoint damaged": (
        write("out.checkpoint.safetensors", b"hello"),
        TRAIN_TOY + "--resume",
        r"out\.checkpoint\.safetensors.*damaged.*[Dd]elete it",
    ),
    "disk full while training": (
        full_disk_while_training,
        TRAIN_TOY,
        r"checkpoint cannot be written.*No space left",
    ),
    # unseen evaluate
    "no model": (nothing, "evaluate {new}/nothing digits", r"nothing does not exist"),
    "model is a file": (nothing, "evaluate {toys}/toy.npz digits", r"toy\.npz is a file"),
    "model is a folder of data": (nothing, "evaluate {toys}/TOY digits", r"no config\.json"),
    "model cut off": (
        edit_model("model.safetensors", lambda content: content[:-8]),
        EVALUATE_EDITED,
        r"model\.safetensors is not the file that was saved",
    ),
    "classes of model edited": (
        edit_model("classes.csv", lambda content: content.replace(b"class_002", b"zebra")),
        EVALUATE_EDITED,
        r"classes\.csv is not the file that was saved",
    ),
    "configuration cut off": (
        edit_model("config.json", lambda content: content[:99]),
        EVALUATE_EDITED,
        r"config\.json cannot be read",
    ),
    "configuration edited": (
        edit_config(settings={"hiden": 3}),
        EVALUATE_EDITED,
        r"config\.json is not what was saved: it was edited",
    ),
    "penalty edited": (
        edit_config(seen_penalty={"kind": "offset", "value": -99.0, "selection": "mine"}),
        EVALUATE_EDITED,
        r"config\.json is not what was saved: it was edited",
    ),
    "format of the future": (edit_config(format=99), EVALUATE_EDITED, r"format 99.*[Uu]pdate"),
    "other features": (
        nothing,
        "evaluate {model} digits",
        r"digits has 64 features, but .*model was trained on 16",
    ),
    "other classes": (
        other_data(lambda: simulate_toy(random_state=1)),
        "evaluate {model} {new}/TOY",
        r"not agree on which classes are seen",
    ),
    # unseen predict
    "predictions in another format": (
        nothing,
        "predict {model} {toys}/toy.npz -o {new}/out.parquet",
        r"written as CSV: give `--output` the suffix \.csv, not '\.parquet'",
    ),
    "predict a benchmark folder": (
        nothing,
        "predict {model} {toys}/TOY",
        r"TOY: Is a folder of the field's benchmark.*unseen data convert \S+TOY TOY\.npz",
    ),
    "no features to predict": (nothing, PREDICT, r"features\.npy"),
    "text for npy": (write("features.npy", b"hello"), PREDICT, r"features\.npy.*not an npy file"),
    "features of NaN": (
        features(np.full((2, 16), np.nan)),
        PREDICT,
        r"features\.npy.*row 0, column 0 \(nan\)",
    ),
    "features of another width": (
        features(np.ones((2, 15))),
        PREDICT,
        r"features\.npy has 15 features, but .* trained on 16",
    ),
    "features in a folder": (
        folder("features.npy"),
        PREDICT,
        r"features\.npy",
    ),
    "empty features": (
        write("features.csv", b""),
        "predict {model} {new}/features.csv -o {new}/out.csv",
        r"features\.csv.*empty",
    ),
    "class described anew": (
        classes("class_002", 8),
        PREDICT_TOY + " --classes {new}/classes.csv",
        r"'class_002'.*new name",
    ),
    "class of another width": (
        classes("zebra", 7),
        PREDICT_TOY + " --classes {new}/classes.csv",
        r"classes\.csv has 7 attributes, but .* trained on 8",
    ),
    "no classes file": (
        nothing,
        PREDICT_TOY + " --classes {new}/clases.csv",
        r"clases\.csv",
    ),
    "top 0": (nothing, PREDICT_TOY + " --top 0", r"`--top` must be 1 to 12.*got 0"),
    "top 99": (nothing, PREDICT_TOY + " --top 99", r"`--top` must be 1 to 12.*got 99"),
    "table nowhere": (
        nothing,
        PREDICT_TOY.replace("out.csv", "a/out.csv"),
        r"folder .*a does not exist",
    ),
    "table is a folder": (
        folder("out.csv"),
        PREDICT_TOY,
        r"out\.csv.*not a regular file",
    ),
    "table is a pipe": (
        lambda bench: os.mkfifo(bench.new / "out.csv"),
        PREDICT_TOY,
        r"out\.csv.*not a regular file",
    ),
    "disk full": (full_disk, PREDICT_TOY, r"out\.csv.*No space left"),
    "table over the features": (
        lambda bench: (bench.new / "f.csv").write_text("a,b\n1,2\n") and None,
        "predict {model} {new}/f.csv -o {new}/f.csv",
        r"f\.csv is a file that is read; `--output` must name another",
    ),
    "table over the rows of a folder": (
        remove("classes.csv"),
        "predict {model} {new}/tables -o {new}/tables/rows.csv",
        r"rows\.csv is a file that is read; `--output` must name another",
    ),
    "table in the model": (
        nothing,
        "predict {model} {toys}/toy.npz -o {model}/out.csv",
        r"out\.csv is in the folder of the model",
    ),
    "figure over the model": (
        nothing,
        "inspect {model} {toys}/toy.npz --what imbalance -o {model}/config.json",
        r"config\.json is in the folder of the model",
    ),
    "features nowhere": (nothing, "predict {model} {new}/none", r"none does not exist"),
    "model for features": (
        nothing,
        "predict {toys}/toy.npz {model}",
        r"model is a model folder: it comes first, and then .*toy\.npz",
    ),
    "model for data": (
        nothing,
        "evaluate digits {model}",
        r"model is a model folder: it comes first, and then digits",
    ),
    "info of a model": (nothing, "data info {model}", r"model is a model folder, and data are"),
    "runs in a model": (
        nothing,
        "benchmark digits -m eszsl -o {model}",
        r"model is a model folder; `--output` must name another",
    ),
    "streams in a model": (
        nothing,
        "continual digits -o {model}",
        r"model is a model folder; `--output` must name another",
    ),
    "runs in the root": (nothing, "benchmark digits -o /", r"name a folder for the runs; got /"),
    "runs in a file": (write("out", b"mine"), "benchmark digits -o {new}/out", r"out is a file;"),
    "an empty word": (nothing, "predict {model} ''", r"word after `unseen predict .*` is empty"),
    "capitals": (nothing, "train DIGITS -o {new}/out", r"Did you mean the embedded data 'digits'"),
    "class table with a colon": (
        nothing,
        "train {toys}/toy.npz:words -o {new}/out",
        r"Name the class table apart from the file: --attributes words",
    ),
    "setting without a sign": (
        nothing,
        TRAIN_TOY + "--set hidden=8 epochs=1",
        r"no place for `epochs=1`: each setting needs a `--set` of its own",
    ),
    "a word too many": (nothing, TRAIN_TOY + "extra", r"no place for `extra`: a path with spaces"),
    "an option mistyped": (nothing, "--versoin", r"no option --versoin. Did you mean --version\?"),
    "no setting": (nothing, TRAIN_TOY + "--set", r"--set needs a value"),
    "a setting twice": (
        nothing,
        TRAIN_TOY + "--set lr=0.1 --set lr=0.2",
        r"`--set lr` is given twice, as lr=0.1 and as lr=0.2",
    ),
    "a setting of another method": (
        nothing,
        TRAIN_TOY + "-m eszsl --set lr=0.1",
        r"no setting 'lr'.*`unseen methods eszsl`",
    ),
    "seed with a fraction": (nothing, TRAIN_TOY + "--seed 1.5", r'whole number; got "1\.5"'),
    "top with a fraction": (nothing, PREDICT_TOY + " --top 1.5", r'whole number; got "1\.5"'),
    # unseen data convert and fetch, unseen methods, unseen demo
    "convert to nowhere": (
        nothing,
        "data convert {toys}/toy.npz {new}/toy.h5",
        r"toy\.h5.*suffix '\.h5'",
    ),
    "negative values in uint8": (
        put("features", (0, 4), -1.0),
        "data convert {new}/bad.npz {new}/out.npz --dtype uint8",
        r"feature column 4.*use int8",
    ),
    "unknown type": (
        nothing,
        "data convert digits {new}/out.npz --dtype float23",
        r'"float23".*float32',
    ),
    "disk full while converting": (
        full_disk,
        "data convert {toys}/toy.npz {new}/out.npz",
        r"out\.npz.*No space left",
    ),
    "address of no archive": (nothing, "data fetch {new} --url ftp://a/b", r"ftp://a/b"),
    "no SHA-256": (nothing, "data fetch {new} --sha256 123", r"64 hexadecimal digits, got '123'"),
    "no such recipe": (nothing, "methods mlp+8", r"'mlp\+8'\. Did you mean 'mlp\+"),
    "demo into a file": (write("out", b"mine"), "demo -o {new}/out", r"out is a file; `--output`"),
    "demo with a negative seed": (nothing, "demo -o {new} --seed -1", r"`--seed` must be .*got -1"),
}


@pytest.mark.parametrize(("spoil", "argv", "pattern"), CASES.values(), ids=CASES)
def test_names_the_culprit_and_leaves_nothing(
    spoil: Spoil,
    argv: str,
    pattern: str,
    command: Callable[..., Any],
    toys: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(Bench(tmp_path, toys, model, monkeypatch))
    before = files_of(tmp_path), files_of(toys)

    words = shlex.split(argv)
    run = command(*(word.format(new=tmp_path, toys=toys, model=model) for word in words))

    said = run.err + run.out
    assert run.code == 2, said
    assert re.search(pattern, said, re.DOTALL), said
    assert "Traceback" not in said
    assert len(re.findall(r"^(error|problem): ", said, re.MULTILINE)) == 1, said
    assert (files_of(tmp_path), files_of(toys)) == before


def files_of(folder: Path) -> dict[str, int]:
    """Returns the size of every file and folder, whatever is hidden among them."""
    return {str(path): path.stat().st_size if path.is_file() else 0 for path in folder.rglob("*")}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 45


def test_a_full_disk_at_the_end_does_not_lose_the_training(
    command: Callable[..., Any],
    quick: tuple[str, ...],
    toys: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    argv = ("train", toys / "toy.npz", "-o", tmp_path / "out", *quick)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", no_space)  # of the model, not of checkpoints
        run = command(*argv)

    assert run.code == 2
    assert "No space left" in run.err
    assert "--resume" in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["out.checkpoint.safetensors"]

    run = command(*argv, "--resume")
    assert run.code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
