"""Class tables and labels: what is checked of them, and how a description is found in one."""

__all__ = ["check_labels", "check_names", "check_no_text", "raise_problems", "row_places"]

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unseen.data.dataset import DataError
from unseen.data.descriptions import row_keys


def row_places(table: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.int64]:
    """Returns the first row with the same description in another table, or -1.

    Arguments:
        table: The descriptions to find, with shape :math:`(c, a)`.
        known: The table to find them in, with shape :math:`(k, a)`.

    Returns:
        The row of ``known`` for each of ``table``, with shape :math:`(c,)`.

    Example:
        >>> known = np.array([[0.0], [1.0], [1.0]], dtype=np.float32)
        >>> row_places(np.array([[1.0], [2.0], [0.0]], dtype=np.float32), known)
        array([ 1, -1,  0])
    """
    first: dict[bytes, int] = {}
    for row, key in enumerate(row_keys(known)):
        first.setdefault(key, row)

    return np.array([first.get(key, -1) for key in row_keys(table)], dtype=np.int64)


def check_labels(y: NDArray, classes: int) -> NDArray[np.int64]:
    """Returns labels that are rows of a class table.

    Arguments:
        y: The labels, with shape :math:`(n,)`.
        classes: The number of rows of the table.

    Raises:
        ValueError: If they are no whole numbers, or beyond the table.

    Example:
        >>> check_labels(np.array([0, 2], dtype=np.uint8), classes=3)
        array([0, 2])
    """
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            "With `class_attributes`, `y` must hold its row numbers (integers from 0); "
            f"got {y.dtype}. For labels that are names: "
            "`y = [class_names.index(label) for label in labels]`."
        )
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if len(wrong):
        raise ValueError(
            f"`class_attributes` must have one row per class: got {classes} rows, but row "
            f"{wrong[0]} of `y` is of class {y[wrong[0]]} ({len(wrong)} such rows). Labels count "
            f"from 0 to {classes - 1}; add the missing descriptions or drop the rows."
        )

    return y.astype(np.int64)


def check_names(names: Sequence[str] | None, classes: NDArray) -> tuple[str, ...]:
    """Returns the names of classes, by default their labels.

    Arguments:
        names: The names; ``None`` takes the labels.
        classes: The labels, with shape :math:`(c,)`.

    Raises:
        ValueError: If there are too few or too many, one occurs twice, or they are one text.

    Example:
        >>> check_names(None, np.arange(2)), check_names(["horse", "zebra"], np.arange(2))
        (('0', '1'), ('horse', 'zebra'))
    """
    if names is None:
        return tuple(str(label) for label in classes)
    check_no_text(names, "class_names")
    if len(names) != len(classes):
        raise ValueError(f"`class_names` must have {len(classes)} names; got {len(names)}.")
    names = tuple(str(name) for name in names)  # as a saved model has them
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"Class names must be unique; more than once: {', '.join(twice[:5])}.")

    return names


def check_no_text(names: Sequence[str], argument: str) -> None:
    """Raises a ``ValueError`` for one text in the place of a list: its letters are no names."""
    if isinstance(names, str):
        raise ValueError(f"`{argument}` must be a list of names; got a text: write [{names!r}].")


def raise_problems(problems: list[str]) -> None:
    """Raises a ``DataError`` with the problems of a class table, if there are any."""
    if problems:
        raise DataError(problems, where="class_attributes")
