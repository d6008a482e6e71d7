"""Checks of classes: the labels' table, the names and the descriptions."""

__all__ = [
    "check_class_attributes",
    "check_class_names",
    "check_table",
    "check_table_shape",
    "check_table_type",
    "check_label_range",
    "check_name_types",
    "check_name_count",
    "check_names",
    "check_descriptions",
]

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unseen.data.dataset import ZeroShotData
from unseen.data.wording import capitalised, counted, describe, listed, name_class, shortened


def check_class_attributes(
    class_attributes: NDArray, class_names: Sequence[str] | None = None
) -> list[str]:
    """Returns everything that is wrong with a class table, one sentence each.

    Arguments:
        class_attributes: One description per class, with shape :math:`(c, a)`.
        class_names: The :math:`c` names, if there are any, for the sentences.

    Returns:
        The problems; empty if every class is described.

    Example:
        >>> check_class_attributes(np.array([[1.0, 0.0], [0.0, 0.0]]), ["horse", "zebra"])
        ["Class 1 ('zebra') has an all-zero description: describe it or remove it."]
    """
    array = np.asarray(class_attributes)
    if problems := check_table_shape(array):
        return problems

    names = class_names if class_names is not None and len(class_names) == len(array) else None

    return [
        *check_finite_descriptions(array, names),
        *check_zero_descriptions(array, names),
        *check_constant_descriptions(array, names),
    ]


def check_class_names(class_names: Sequence[str]) -> list[str]:
    """Returns everything that is wrong with the names of classes, one sentence each.

    Arguments:
        class_names: One string per class.

    Returns:
        The problems; empty if every name is filled and unique.

    Example:
        >>> check_class_names(["horse", "zebra", "horse"])
        ["Classes 0, 2 have the same name 'horse': names must be unique."]
    """
    return [*check_empty_names(class_names), *check_same_names(class_names)]


# The table


def check_table(data: ZeroShotData) -> list[str]:
    """The class table is a table of numbers."""
    table = data.class_attributes
    if not isinstance(table, np.ndarray):
        return [f"`class_attributes` must be a NumPy array, got {type(table).__name__}."]

    return check_table_shape(table)


def check_table_type(data: ZeroShotData) -> list[str]:
    """The class table is float32."""
    if data.class_attributes.dtype == np.float32:
        return []

    return [
        f"`class_attributes` must be float32, got {data.class_attributes.dtype}; "
        "convert them with `class_attributes.astype(np.float32)`."
    ]


def check_table_shape(table: NDArray) -> list[str]:
    """A class table has rows, columns and real numbers."""
    if table.ndim != 2 or 0 in table.shape:
        return [
            "`class_attributes` must have one row per class and at least one column, "
            f"got the shape {table.shape}."
        ]
    if table.dtype.kind not in "fiub":
        return [f"`class_attributes` must hold real numbers, got {table.dtype}."]

    return []


def check_label_range(data: ZeroShotData) -> list[str]:
    """Every label is the number of a row of the class table."""
    classes = len(data.class_attributes)
    bad = np.flatnonzero((data.labels < 0) | (data.labels >= classes))
    if not len(bad):
        return []

    places = listed(f"row {row} has label {data.labels[row]} of {classes} classes" for row in bad)

    return [
        f"Labels must be 0 to {classes - 1}, rows of `class_attributes`, but {places}; "
        "add the missing descriptions or mend the labels (they count from 0)."
    ]


# Names


def check_name_types(data: ZeroShotData) -> list[str]:
    """The names of classes are a tuple of strings."""
    names = data.class_names
    if not isinstance(names, tuple):
        return [f"`class_names` must be a tuple of strings, got {describe(names)}."]

    problems = [
        f"The name of class {row} must be a string, got {name!r}."
        for row, name in enumerate(names)
        if not isinstance(name, str)
    ]

    return shortened(problems, "names")


def check_name_count(data: ZeroShotData) -> list[str]:
    """There is a name for each class, and no other."""
    names, rows = len(data.class_names), len(data.class_attributes)
    if names == rows:
        return []

    return [
        f"There are {counted(names, 'class name')} but `class_attributes` has "
        f"{counted(rows, 'row')}; every class needs one of each."
    ]


def check_names(data: ZeroShotData) -> list[str]:
    """Every name is filled and unique."""
    return check_class_names(data.class_names)


def check_empty_names(names: Sequence[str]) -> list[str]:
    """No name is empty, or white space alone."""
    empty = [row for row, name in enumerate(names) if not name.strip()]

    return [f"Class {listed(empty)} has an empty name."] if empty else []


def check_same_names(names: Sequence[str]) -> list[str]:
    """No two classes share a name."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)

    return [
        f"Classes {listed(same)} have the same name {name!r}: names must be unique."
        for name, same in rows.items()
        if len(same) > 1 and name.strip()
    ]


# Descriptions


def check_descriptions(data: ZeroShotData) -> list[str]:
    """Every description tells something: see :func:`check_class_attributes`."""
    names = data.class_names
    usable = isinstance(names, tuple) and all(isinstance(name, str) for name in names)

    return check_class_attributes(data.class_attributes, names if usable else None)


def check_finite_descriptions(table: NDArray, names: Sequence[str] | None) -> list[str]:
    """No attribute of a class is NaN or infinite."""
    bad = np.argwhere(~np.isfinite(table))
    if not len(bad):
        return []

    places = listed(
        f"{name_class(row, names)} in attribute {column} ({table[row, column]})"
        for row, column in bad.tolist()
    )

    return [f"Descriptions must be finite, but are NaN or infinite for {places}."]


def check_zero_descriptions(table: NDArray, names: Sequence[str] | None) -> list[str]:
    """No class is described by zeros alone."""
    zero = np.flatnonzero((table == 0).all(axis=1)).tolist()
    if not zero:
        return []

    shown = capitalised(listed(name_class(row, names) for row in zero))
    if len(zero) == 1:
        return [f"{shown} has an all-zero description: describe it or remove it."]

    return [f"{shown} have an all-zero description: describe or remove them."]


def check_constant_descriptions(table: NDArray, names: Sequence[str] | None) -> list[str]:
    """No class has one value for every attribute, but for 1: it may have them all."""
    if table.shape[1] == 1:  # one attribute is always "constant"
        return []

    constant = (table == table[:, :1]).all(axis=1) & (table[:, 0] != 0) & (table[:, 0] != 1)

    problems = [
        f"{capitalised(name_class(row, names))} has the value {table[row, 0]:g} for every "
        "attribute, as if it were filled in: describe it or remove it."
        for row in np.flatnonzero(constant).tolist()
    ]

    return shortened(problems, "classes")
