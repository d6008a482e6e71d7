"""Data sets in folders of CSV or parquet tables: one of rows, one of classes."""

__all__ = [
    "COLUMN_SUFFIXES",
    "ClassTable",
    "find_table",
    "further_columns",
    "read_class_columns",
    "read_folder",
    "write_folder",
]

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from unseen.data.check_classes import check_class_names
from unseen.data.class_tables import checked_tables, choose_table
from unseen.data.columns import Columns, is_number, read_columns, write_columns
from unseen.data.dataset import SPLITS, DataError, Source, ZeroShotData
from unseen.data.encoding import decoded_blocks
from unseen.data.hashing import file_sha256
from unseen.data.splits import rank_in_class
from unseen.data.wording import NAMED, quoted

COLUMN_SUFFIXES = (".csv", ".parquet")
HELD_OUT = 0.2  # of the rows of each seen class, where a user has made no split

Indices = NDArray[np.int64]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClassTable:
    """A class table as it stands in a file; arrays name no columns.

    Arguments:
        path: The file.
        names: The :math:`c` names of the classes.
        attributes: Their descriptions, with shape :math:`(c, a)`.
        attribute_names: The names of the :math:`a` columns.
        left_out: The names of all other columns.
    """

    path: Path
    names: tuple[str, ...]
    attributes: NDArray[np.float32]
    attribute_names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def read_folder(folder: Path, attributes: str | None = None) -> ZeroShotData:
    """Reads a data set from ``rows.csv`` and ``classes.csv``, or the same as parquet.

    The table of rows has a column ``label`` with class names, an optional column ``split``
    (``train``, ``test_seen``, ``test_unseen`` or empty), and feature columns. The table of
    classes has a column ``name`` and attribute columns. Without ``split``, classes with rows
    are seen, and a fifth of the rows of each is held out as ``test_seen``.

    Arguments:
        folder: The folder of the two files.
        attributes: Which class table to take: ``"words"`` is ``classes_words.csv``.

    Returns:
        The data set; text columns that are not asked for are left out with a note.

    Raises:
        DataError: If a file or column is missing, a cell is no number or the data are unsound.
    """
    rows_path = find_table(folder, "rows")
    try:
        rows = read_columns(rows_path, ("label", "split"), required=("label",))
    except DataError as error:
        raise with_classes(error, folder) from error
    classes = read_class_columns(find_table(folder, "classes"))
    table = classes
    if attributes is not None:
        name = choose_table(further_files(folder), attributes, folder)
        table = aligned(read_class_columns(find_table(folder, f"classes_{name}")), classes.names)

    check_rows(rows, classes.names, rows_path)
    labels = match_labels(rows, classes.names)
    index, notes = read_split(rows, labels)
    paths = {path.name: path for path in (rows_path, classes.path, table.path)}

    return ZeroShotData(
        features=rows.values,
        labels=labels,
        class_attributes=table.attributes,
        class_names=classes.names,
        train=index["train"],
        test_seen=index["test_seen"],
        test_unseen=index["test_unseen"],
        source=Source(
            name=folder.resolve().name,
            path=str(folder),
            sha256={name: file_sha256(path) for name, path in paths.items()},
            feature_names=rows.names,
            attribute_names=table.attribute_names,
        ),
        notes=(
            *notes,
            *note_left_out(rows_path, rows.left_out),
            *note_left_out(table.path, table.left_out),
        ),
    )


def write_folder(
    data: ZeroShotData, path: Path, tables: Mapping[str, NDArray] | None = None
) -> None:
    """Writes a data set as tables of rows and of classes.

    A validation split, the shape of images and the number of regions have no place there: they
    are left out with a warning in the log.

    Arguments:
        data: The data set.
        path: The file of rows, ``FOLDER/rows.csv`` or ``FOLDER/rows.parquet``; the classes go
            beside it. The folder is made if it is not there.
        tables: Further class tables by name, each with shape :math:`(c, a)`.

    Raises:
        DataError: If a file cannot be written; the folder then holds what it held before.
    """
    folder = path.parent
    described = {"": data.class_attributes, **checked_tables(data, tables)}
    warn_left_out(data, path)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        # all tables or none, as those of two data sets would not fit together
        with TemporaryDirectory(prefix=".unseen-", dir=folder) as fresh:
            write_tables(data, Path(fresh), path.suffix.lower(), described)
            for file in Path(fresh).iterdir():
                os.replace(file, folder / file.name)
    except OSError as error:
        problem = f"The folder cannot be made or written to: {error.strerror or error}."
        raise DataError([problem], str(folder)) from error
    except DataError as error:
        raise DataError(error.problems, str(folder / Path(error.where or path).name)) from error


def write_tables(
    data: ZeroShotData, folder: Path, end: str, described: Mapping[str, NDArray]
) -> None:
    """Writes the tables of classes, by name, and that of rows into a folder."""
    for name, table in described.items():
        read = () if name else data.source.attribute_names
        columns = column_names("attribute", table.shape[1], read)
        file = folder / (f"classes_{name}{end}" if name else f"classes{end}")
        write_columns(file, {"name": data.class_names}, columns, [table])

    splits = np.full(len(data.labels), "", dtype="<U11")
    for split in SPLITS:
        splits[getattr(data, split)] = split
    texts = {
        "label": [data.class_names[label] for label in data.labels.tolist()],
        "split": splits.tolist(),
    }
    columns = column_names("feature", data.features.shape[1], data.source.feature_names)
    write_columns(folder / f"rows{end}", texts, columns, decoded_blocks(data))


def warn_left_out(data: ZeroShotData, path: Path) -> None:
    """Says in the log what tables have no place for."""
    parts = {
        "validation split": data.validation,
        "image shape": data.image_shape,
        "number of regions": data.region_count,
    }
    for name, part in parts.items():
        if part:
            logger.warning("%s: the %s is left out; npz and safetensors keep it", path, name)


def column_names(kind: str, count: int, read: Sequence[str]) -> list[str]:
    """Returns the names that columns were read with, or numbers where they had none."""
    return list(read) if len(read) == count else [f"{kind}_{column}" for column in range(count)]


# Classes


def find_table(folder: Path, stem: str) -> Path:
    """Returns the one file of a folder that is called ``stem.csv`` or ``stem.parquet``.

    Arguments:
        folder: The folder, which is there.
        stem: The name of the table, such as ``rows``.

    Raises:
        DataError: If there is none, or both.
    """
    found = [folder / (stem + end) for end in COLUMN_SUFFIXES if (folder / (stem + end)).is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError([f"Has both {found[0].name} and {found[1].name}; remove one."], str(folder))

    if any(folder.glob("*_splits.mat")):
        problem = (
            "Is a folder of the field's benchmark, with its own splits: `unseen evaluate` judges a "
            "model on it. To read its features or classes alone, write it as one file first: "
            f"unseen data convert {folder} {folder.name}.npz"
        )
        raise DataError([problem], str(folder))

    others = sorted(path.name for path in folder.iterdir() if path.suffix in COLUMN_SUFFIXES)
    close = get_close_matches(f"{stem}.csv", others, n=1)
    hint = f" Did you mean {close[0]!r}? Rename it." if close else ""

    raise DataError([f"Has no {stem}.csv and no {stem}.parquet.{hint}"], str(folder))


def read_class_columns(path: Path, numbers: Sequence[str] = ()) -> ClassTable:
    """Reads a class table of CSV or parquet: a column ``name``, and one of numbers per attribute.

    Arguments:
        path: The file.
        numbers: The columns that are attributes whatever stands in them, where they are there.

    Raises:
        DataError: If it cannot be read, or has no such columns.
    """
    columns = read_columns(path, ("name",), required=("name",), numbers=numbers)
    if not columns.names:
        problem = "Has no attribute column; describe every class by numbers, beside its name."
        raise DataError([problem], str(path))

    return ClassTable(
        path, tuple(columns.texts["name"]), columns.values, columns.names, columns.left_out
    )


def with_classes(error: DataError, folder: Path) -> DataError:
    """Returns an error of the table of rows, with what is wrong with that of classes, too."""
    try:
        read_class_columns(find_table(folder, "classes"))
    except DataError as other:
        problems = [
            f"{found.where}: {problem}" for found in (error, other) for problem in found.problems
        ]
        return DataError(problems)

    return error


def aligned(table: ClassTable, names: tuple[str, ...]) -> ClassTable:
    """Returns a further class table with its rows in the order of the names."""
    differing = sorted(set(names) ^ set(table.names))
    if differing:
        problem = (
            f"Must describe the same classes as the default table; differs in {quoted(differing)}."
        )
        raise DataError([problem], str(table.path))
    if problems := check_class_names(table.names):
        raise DataError(problems, str(table.path))

    order = [table.names.index(name) for name in names]

    return replace(table, names=names, attributes=table.attributes[order])


def further_files(folder: Path) -> list[str]:
    return sorted(
        path.stem.removeprefix("classes_")
        for path in folder.glob("classes_*")
        if path.suffix in COLUMN_SUFFIXES
    )


def further_columns(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the further class tables of a folder by name, in the order of its classes."""
    names = read_class_columns(find_table(folder, "classes")).names
    tables = {
        name: read_class_columns(find_table(folder, f"classes_{name}"))
        for name in further_files(folder)
    }

    return {name: aligned(table, names).attributes for name, table in tables.items()}


# Rows


def check_rows(rows: Columns, names: Sequence[str], path: Path) -> None:
    """Raises where a label is not in the class table, or a word in ``split`` is no split."""
    problems = [*check_label_cells(rows, names), *check_split_cells(rows)]
    if problems:
        raise DataError(problems, str(path))


def check_label_cells(rows: Columns, names: Sequence[str]) -> list[str]:
    """Every label is the name of a class."""
    known = set(names)
    unknown: dict[str, list[int]] = {}
    for row, label in enumerate(rows.texts["label"]):
        if label not in known:
            unknown.setdefault(label, []).append(row)

    problems = []
    empty = unknown.pop("", [])
    if empty:
        have = "has" if len(empty) == 1 else "have"
        problems.append(f"{rows.places(empty)} {have} no label; write the name of its class there.")
    for label, found in islice(unknown.items(), NAMED):
        close = nearest_name(label, names)
        hint = "add it there." if close is None else f"did you mean {close!r}?"
        problems.append(
            f"{rows.places(found)}: the label {label!r} is not in the class table; {hint}"
        )
    if len(unknown) > NAMED:
        problems.append(f"{len(unknown) - NAMED:,} more labels likewise.")

    return problems


def nearest_name(label: str, names: Sequence[str]) -> str | None:
    """Returns the class that a label may mean: its number, as 1 for 1.0, or the nearest text."""
    number = float(label) if is_number(label) else nan
    whole = f"{number:.0f}" if number.is_integer() else label
    close = [whole] if whole in names else get_close_matches(label, names, n=1)

    return close[0] if close else None


def check_split_cells(rows: Columns) -> list[str]:
    """Every word in ``split`` is the name of a split."""
    splits = rows.texts.get("split", [])
    wrong = sorted(set(splits) - {"", *SPLITS})
    problems = []
    for split in wrong[:NAMED]:
        found = [row for row, word in enumerate(splits) if word == split]
        close = get_close_matches(split, SPLITS, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        problems.append(
            f"{rows.places(found)}: there is no split {split!r}{hint}; use {', '.join(SPLITS)}, or "
            "leave the cell empty."
        )
    if len(wrong) > NAMED:
        problems.append(f"{len(wrong) - NAMED:,} more words in this column are no split.")

    return problems


def match_labels(rows: Columns, names: Sequence[str]) -> Indices:
    """Returns the row of each label in the class table."""
    known = {name: row for row, name in enumerate(names)}

    return np.array([known[label] for label in rows.texts["label"]], dtype=np.int64)


def read_split(rows: Columns, labels: Indices) -> tuple[dict[str, Indices], list[str]]:
    """Returns the rows of each split, and a note if they had to be held out."""
    if "split" not in rows.texts:
        held_out = hold_out(labels)
        index = {
            "train": np.flatnonzero(~held_out),
            "test_seen": np.flatnonzero(held_out),
            "test_unseen": np.empty(0, np.int64),
        }

        return index, ["No column 'split': a fifth of the rows of each class is held out."]

    splits = np.array(rows.texts["split"])

    return {split: np.flatnonzero(splits == split) for split in SPLITS}, []


def hold_out(labels: Indices, random_state: int = 0) -> NDArray[np.bool_]:
    """Chooses a fifth of the rows of each class, at least one where there are two.

    Arguments:
        labels: The class of each row, with shape :math:`(n,)`.
        random_state: The seed of the choice.

    Returns:
        Which rows are held out, with shape :math:`(n,)`.

    Example:
        >>> int(hold_out(np.zeros(10, dtype=np.int64)).sum())
        2
    """
    shuffled = np.random.default_rng(random_state).permutation(len(labels))
    rank, size = rank_in_class(labels[shuffled])

    held_out = np.zeros(len(labels), dtype=bool)
    held_out[shuffled] = rank < np.where(size > 1, np.maximum(1, np.rint(HELD_OUT * size)), 0)

    return held_out


def note_left_out(path: Path, names: Sequence[str]) -> list[str]:
    if not names:
        return []

    return [f"Left out of {path.name}, as the columns have no numbers or no name: {quoted(names)}."]
