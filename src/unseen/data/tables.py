"""A user's own data, in part: features alone, classes alone, and the names of class tables."""

__all__ = [
    "list_attribute_tables",
    "read_class_table",
    "read_classes",
    "read_feature_columns",
    "read_features",
]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unseen.data.array_data import (
    ARRAY_SUFFIXES,
    further_arrays,
    read_class_arrays,
    read_feature_arrays,
)
from unseen.data.array_examples import to_rows
from unseen.data.arrays import reading
from unseen.data.check_arrays import check_feature_values
from unseen.data.check_classes import check_class_attributes, check_class_names
from unseen.data.class_tables import choose_table
from unseen.data.columns import Columns, read_columns
from unseen.data.dataset import DataError
from unseen.data.folder_data import (
    COLUMN_SUFFIXES,
    ClassTable,
    find_table,
    further_columns,
    read_class_columns,
)


def read_features(path: str | Path) -> NDArray[np.float32]:
    """Reads features alone, to predict their classes.

    Arguments:
        path: A file with the suffix ``.npy``, ``.npz``, ``.safetensors`` (with the key
            ``features`` and perhaps ``feature_scale``, or with ``images``), ``.csv`` or
            ``.parquet`` (the columns ``label`` and ``split`` are not read as features), or a
            folder with ``rows.csv``.

    Returns:
        The features, with shape :math:`(n, d)`; regions, with shape :math:`(n, R, C)`, as rows of
        :math:`d = R C`.

    Raises:
        DataError: If the file cannot be read, or the features are no finite (n, d) numbers.
    """
    return read_feature_columns(path).values


def read_feature_columns(path: str | Path, numbers: Sequence[str] = ()) -> Columns:
    """Reads features as :func:`read_features` does, with the names of the columns of a table.

    Arguments:
        path: What :func:`read_features` takes.
        numbers: The columns of a table that are features whatever stands in them.

    Returns:
        The features, and the columns that were left out. A file of arrays names no columns.

    Raises:
        DataError: If the file cannot be read, or the features are no finite (n, d) numbers.
    """
    path = Path(path)
    path = find_table(path, "rows") if path.is_dir() else path
    suffix = path.suffix.lower()
    names, left_out = (), ()
    if suffix == ".npy":
        features = to_rows(read_npy(path))
    elif suffix in ARRAY_SUFFIXES:
        features = read_feature_arrays(path)
    elif suffix in COLUMN_SUFFIXES:
        columns = read_columns(path, ("label", "split"), numbers=numbers)
        features, names, left_out = columns.values, columns.names, columns.left_out
    else:
        raise DataError([unknown_suffix(path, (".npy", *ARRAY_SUFFIXES, *COLUMN_SUFFIXES))])

    if features.ndim != 2 or 0 in features.shape or features.dtype.kind not in "fiub":
        problem = (
            "`features` must be numbers with one row per example and at least one column, got "
            f"{features.dtype} of shape {features.shape}."
        )
        raise DataError([problem], str(path))

    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is named below
        features = np.asarray(features, dtype=np.float32)
    if problems := check_feature_values(features):
        raise DataError(problems, str(path))

    return Columns(names, features, {}, left_out=left_out)


def read_npy(path: Path) -> NDArray:
    with reading(path), path.open("rb") as file:
        if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
            raise DataError(["Is not an npy file; save the array with `numpy.save`."], str(path))

        return np.load(path, mmap_mode="r", allow_pickle=False)


def read_classes(
    path: str | Path, attributes: str | None = None
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Reads a class table alone: names and descriptions.

    Arguments:
        path: A file with the suffix ``.csv`` or ``.parquet`` (the column ``name``, then one
            column per attribute), ``.npz`` or ``.safetensors`` (the keys ``class_names`` and
            ``class_attributes``), or a folder with ``classes.csv``.
        attributes: Which class table to take, where a file has several.

    Returns:
        The :math:`c` names, and the descriptions with shape :math:`(c, a)`.

    Raises:
        DataError: If the file cannot be read, or a name or description is unsound.
    """
    table = read_class_table(path, attributes)

    return table.names, table.attributes


def read_class_table(
    path: str | Path, attributes: str | None = None, numbers: Sequence[str] = ()
) -> ClassTable:
    """Reads a class table as :func:`read_classes` does, with the names of its columns.

    Arguments:
        path: What :func:`read_classes` takes.
        attributes: Which class table to take, where a file has several.
        numbers: The columns of a CSV or parquet table that are attributes whatever stands in them.

    Returns:
        The class table. A file of arrays names no columns.

    Raises:
        DataError: If the file cannot be read, or a name or description is unsound.
    """
    path = Path(path)
    if path.is_dir():
        path = find_table(path, "classes" if attributes is None else f"classes_{attributes}")
    elif attributes is not None and path.suffix.lower() in COLUMN_SUFFIXES:
        choose_table([], attributes, path)  # which is an error: such a file is one table

    if path.suffix.lower() in ARRAY_SUFFIXES:
        table = ClassTable(path, *read_class_arrays(path, attributes))
    elif path.suffix.lower() in COLUMN_SUFFIXES:
        table = read_class_columns(path, numbers)
    else:
        raise DataError([unknown_suffix(path, (*COLUMN_SUFFIXES, *ARRAY_SUFFIXES))])

    names, described = table.names, table.attributes
    problems = [*check_class_names(names), *check_class_attributes(described, names)]
    if len(names) != len(described):
        problems.append(f"There are {len(names)} class names but {len(described)} descriptions.")
    if problems:
        raise DataError(problems, str(path))

    return table


def list_attribute_tables(path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Returns the further class tables of a file or folder by name, in the order of its classes.

    Arguments:
        path: An npz or safetensors file, or a folder of CSV or parquet tables.

    Returns:
        The tables other than the default one, each with shape :math:`(c, a)`.

    Raises:
        DataError: If the file cannot be read.
    """
    path = Path(path)

    return further_columns(path) if path.is_dir() else further_arrays(path)


def unknown_suffix(path: Path, suffixes: Sequence[str]) -> str:
    if not path.exists():
        return f"{path} does not exist."

    return f"{path}: the suffix {path.suffix!r} is not one of {', '.join(suffixes)}."
