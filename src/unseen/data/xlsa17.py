"""Reads a folder of the field's benchmark: ``res101.mat`` beside ``att_splits.mat``.

In these files matrices are transposed, indices count from 1 and names are nested; what comes
out is an ordinary :class:`~unseen.data.dataset.ZeroShotData`. The values are not changed.

References:
    Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly
    (Xian, Lampert, Schiele & Akata, 2017)
    https://arxiv.org/abs/1707.00600
"""

__all__ = [
    "FEATURES_FILE",
    "NO_FOLDS",
    "attribute_tables",
    "note_folds",
    "read_xlsa17",
    "split_files",
    "split_report",
]

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import ArrayStream
from unseen.data.cache import Arrays, cached_arrays
from unseen.data.dataset import DataError, Source, ZeroShotData
from unseen.data.matlab import iter_columns, read_array, read_text, variables
from unseen.data.proposed_split import SPLIT_KEYS, VALIDATION_KEYS, SplitReport, report_splits

FEATURES_FILE = "res101.mat"
SPLITS_SUFFIX = "_splits.mat"
DEFAULT_TABLE, ORIGINAL_TABLE = "att", "original"
REQUIRED = ("att", "trainval_loc", "test_seen_loc", "test_unseen_loc")
NO_FOLDS = "has no validation split of its own"  # which is common, and harmless
MAX_NUMBER = 1 << 31  # of a row or class; beyond lies a damaged file
CHUNK_BYTES = 1 << 23  # of a MATLAB file held at a time, in double precision

Fold = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
Reader = Callable[[Path], Arrays]


def read_xlsa17(folder: str | Path, attributes: str | None = None) -> ZeroShotData:
    """Reads a folder of the benchmark as its users have it; a second time from the cache.

    ``trainval_loc`` is ``train``. ``train_loc`` and ``val_loc`` become ``validation`` only if
    both lie inside it with disjoint classes; if not, a note says why they are left out.

    Arguments:
        folder: The folder with ``res101.mat`` and ``att_splits.mat``.
        attributes: The class table: ``None`` for ``att`` of ``att_splits.mat``, ``"original"``
            for its ``original_att``, or the first part of another file's name, such as
            ``"sent"`` for ``sent_splits.mat``, whose splits are then used too.

    Returns:
        The data set, with features of shape :math:`(n, d)` in float32.

    Raises:
        DataError: If a file or variable is missing, damaged or at odds with another.
    """
    folder = Path(folder)
    tables = _find_tables(folder)
    table = _choose_table(folder, tables, attributes)
    splits_path, variable = tables[table]
    features_path = _features_path(folder)

    features_sha256, stored = _stored(features_path, _read_features)
    features, labels = stored["features"], stored["labels"]
    splits_sha256, described = _stored(splits_path, _read_splits)
    splits = {key: described[key] for key in SPLIT_KEYS if key in described}
    _check_rows(splits_path, splits, len(labels))

    report = report_splits(splits, str(splits_path), splits_sha256, labels)
    _check_clean(report)
    names, notes = _class_names(described)

    return ZeroShotData(
        features=features,
        labels=labels,
        class_attributes=described[variable],
        class_names=names,
        train=splits["trainval_loc"],
        test_seen=splits["test_seen_loc"],
        test_unseen=splits["test_unseen_loc"],
        validation=_validation(report, splits),
        source=Source(
            name=folder.resolve().name,
            path=str(folder),
            sha256={features_path.name: features_sha256, splits_path.name: splits_sha256},
            split_version=report.version,
        ),
        notes=(*notes, *note_folds(report)),
    )


def attribute_tables(folder: str | Path) -> dict[str, NDArray[np.float32]]:
    """Returns every class table of a folder, the default one first.

    Arguments:
        folder: The folder with one or more ``*_splits.mat``.

    Returns:
        The tables by the name that ``attributes`` takes, each with shape :math:`(c, a)`.

    Raises:
        DataError: If a file is damaged, or two files do not list the same classes in order.
    """
    folder = Path(folder)
    tables: dict[str, NDArray[np.float32]] = {}
    names: dict[Path, tuple[str, ...]] = {}

    for name, (path, variable) in _find_tables(folder).items():
        _, described = _stored(path, _read_splits)
        tables[name] = described[variable]
        names[path] = _class_names(described)[0]

    first, *others = names
    for path in others:
        if names[path] != names[first]:
            message = f"{path.name} and {first.name} do not list the same classes in one order."
            raise DataError([message], where=str(folder))

    return tables


def split_files(folder: str | Path) -> list[Path]:
    """Returns the ``*_splits.mat`` of a folder, ``att_splits.mat`` first.

    Arguments:
        folder: The folder.
    """
    paths = sorted(Path(folder).glob(f"*{SPLITS_SUFFIX}"))

    return sorted(paths, key=lambda path: path.name != DEFAULT_TABLE + SPLITS_SUFFIX)


def split_report(path: str | Path) -> SplitReport:
    """Reports what a split file contains; classes are compared if ``res101.mat`` lies beside it.

    Arguments:
        path: A ``*_splits.mat``, or a folder, for the first of its :func:`split_files`.

    Returns:
        The sizes, overlaps and version of the splits.

    Raises:
        DataError: If the file is missing or damaged.
    """
    path = Path(path)
    if path.is_dir():
        tables = _find_tables(path)
        path, _ = tables[_choose_table(path, tables, None)]

    sha256, described = _stored(path, _read_splits)
    splits = {key: described[key] for key in SPLIT_KEYS if key in described}
    features_path = path.with_name(FEATURES_FILE)
    labels = _read_labels(features_path) if features_path.exists() else None
    if labels is not None:
        _check_rows(path, splits, len(labels))

    return report_splits(splits, str(path), sha256, labels)


def note_folds(report: SplitReport) -> list[str]:
    """Returns a note if ``train_loc`` and ``val_loc`` are not used, with the reasons.

    Arguments:
        report: What a split file contains.
    """
    if not report.validation_problems:
        return []

    absent = any(key not in report.sizes for key in VALIDATION_KEYS)
    reasons = NO_FOLDS if absent else "; ".join(report.validation_problems)
    between = " " if absent else ": "

    return [
        f"{Path(report.path).name}{between}{reasons}; hidden-class folds are made from "
        "trainval_loc instead."
    ]


# Finding files and tables


def _features_path(folder: Path) -> Path:
    path = folder / FEATURES_FILE
    if not path.is_file():
        others = sorted(file.name for file in folder.glob("*.mat"))
        message = f"There is no {FEATURES_FILE}; the folder has {', '.join(others)}."
        raise DataError([message], where=str(folder))

    return path


def _find_tables(folder: Path) -> dict[str, tuple[Path, str]]:
    tables = {}
    for path in split_files(folder):
        name = path.name.removesuffix(SPLITS_SUFFIX)
        tables[name] = path, "att"
        if "original_att" in variables(path):
            original = ORIGINAL_TABLE if name == DEFAULT_TABLE else f"{name}_{ORIGINAL_TABLE}"
            tables[original] = path, "original_att"

    return tables


def _choose_table(folder: Path, tables: dict[str, tuple[Path, str]], attributes: str | None) -> str:
    if not tables:
        message = f"There is no {DEFAULT_TABLE}{SPLITS_SUFFIX} (nor any *{SPLITS_SUFFIX}) in it."
        raise DataError([message], where=str(folder))
    if attributes is None:
        return next(iter(tables))
    if attributes not in tables:
        near = get_close_matches(attributes, tables, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(tables)}."
        raise DataError([f"There is no class table {attributes!r}; {hint}"], where=str(folder))

    return attributes


# Reading the two files


def _stored(path: Path, read: Reader) -> tuple[str, dict[str, NDArray]]:
    try:
        return cached_arrays(path, lambda: read(path))
    except OSError as error:
        raise DataError([f"Cannot be read: {error.strerror}."], where=str(path)) from error


def _read_features(path: Path) -> Arrays:
    labels = _read_labels(path)
    found = variables(path)
    _require(path, ("features",), list(found))
    d, n = (*found["features"].shape, 0, 0)[:2]
    if n != len(labels):
        hint = "transpose them" if d == len(labels) else "download the file again"
        message = f"Features are {d} x {n}, but must be d x {len(labels):,} (labels); {hint}."
        raise DataError([message], where=str(path))

    columns = max(1, CHUNK_BYTES // (8 * max(d, 1)))

    return {
        "features": ArrayStream(np.dtype("<f4"), (n, d), iter_columns(path, "features", columns)),
        "labels": labels,
    }


def _read_labels(path: Path) -> NDArray[np.int64]:
    _require(path, ("labels",), list(variables(path)))

    return _from_one(path, "labels", "class 0")


def _read_splits(path: Path) -> Arrays:
    found = variables(path)
    _require(path, REQUIRED, list(found))

    arrays: dict[str, NDArray] = {
        key: _table(path, key) for key in ("att", "original_att") if key in found
    }
    arrays |= {key: _from_one(path, key, "row 0") for key in SPLIT_KEYS if key in found}
    if "allclasses_names" in found:
        arrays["names"] = np.array(read_text(path, "allclasses_names"), dtype=np.str_)

    return arrays


def _table(path: Path, key: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # inf and NaN are for the checks
        return np.ascontiguousarray(read_array(path, key).T, dtype=np.float32)


def _require(path: Path, names: Sequence[str], found: list[str]) -> None:
    problems = []
    for name in names:
        if name not in found:
            near = get_close_matches(name, found, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(found) or 'none'}."
            problems.append(f"There is no variable {name!r}; {hint}")

    if problems:
        raise DataError(problems, where=str(path))


def _from_one(path: Path, key: str, first: str) -> NDArray[np.int64]:
    values = read_array(path, key).ravel()
    right = (values >= 1) & (values <= MAX_NUMBER) & (values == np.floor(values))
    wrong = np.flatnonzero(~right)  # NaN is not right either
    if len(wrong):
        message = (
            f"Entry {wrong[0] + 1} of {key!r} is {values[wrong[0]]:g}; "
            f"it must be a whole number from 1 on (MATLAB calls {first} number 1)."
        )
        raise DataError([message], where=str(path))

    return values.astype(np.int64) - 1


# Fitting them together


def _check_rows(path: Path, splits: dict[str, NDArray[np.int64]], n: int) -> None:
    problems = [
        f"{key} goes up to row {rows.max() + 1:,}, but {FEATURES_FILE} has {n:,} rows; "
        "the two files belong to different data sets."
        for key, rows in splits.items()
        if len(rows) and rows.max() >= n
    ]
    if problems:
        raise DataError(problems, where=str(path))


def _check_clean(report: SplitReport) -> None:
    problems = [
        f"trainval_loc has {rows:,} rows of {key}, so that tests would be on training rows; "
        "take version 2.0 of the splits (`unseen data fetch`)."
        for key in ("test_seen_loc", "test_unseen_loc")
        if (rows := report.overlap("trainval_loc", key).rows)
    ]
    if problems:
        raise DataError(problems, where=report.path)


def _class_names(described: dict[str, NDArray]) -> tuple[tuple[str, ...], list[str]]:
    if "names" in described:
        return tuple(described["names"].tolist()), []

    c = len(described["att"])
    names = tuple(f"class_{number:03d}" for number in range(1, c + 1))

    return names, [f"The files name no classes; they are called {names[0]} to {names[-1]} here."]


def _validation(report: SplitReport, splits: dict[str, NDArray[np.int64]]) -> tuple[Fold, ...]:
    if report.validation_problems:
        return ()

    nothing = np.array([], dtype=np.int64)  # these lists hold no rows of seen classes back

    return ((splits["train_loc"], nothing, splits["val_loc"]),)
