"""Further class tables of a data set: chosen by name, checked before they are written."""

__all__ = ["checked_tables", "choose_table"]

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import nearest
from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.wording import quoted


def choose_table(names: Sequence[str], attributes: str, path: Path) -> str:
    """Returns the name of the class table that is asked for.

    Arguments:
        names: The names there are.
        attributes: The name that is asked for.
        path: Where they are, for the error.

    Raises:
        DataError: If there is no such table; the nearest name is given.
    """
    if attributes in names:
        return attributes

    there = f"besides the default there is {quoted(names)}" if names else "there is only one"

    raise DataError(
        [f"There is no class table {attributes!r}: {there}.{nearest(attributes, names)}"], str(path)
    )


def checked_tables(
    data: ZeroShotData, tables: Mapping[str, NDArray] | None
) -> dict[str, NDArray[np.float32]]:
    """Returns class tables as they are written.

    Arguments:
        data: The data set whose classes they describe.
        tables: The tables by name, each with shape :math:`(c, a)`.

    Raises:
        DataError: If a name would be no name of a file, or a table has not one row per class.
    """
    problems = []
    for name, table in (tables or {}).items():
        if not re.fullmatch(r"[\w-]+", name):
            problems.append(
                f"A class table cannot be called {name!r}: use letters, digits, _ or -."
            )
        if table.ndim != 2 or len(table) != len(data.class_names):
            problems.append(
                f"The class table {name!r} must have one row for each of the "
                f"{len(data.class_names)} classes, got the shape {table.shape}."
            )
    if problems:
        raise DataError(problems)

    return {name: np.asarray(table, dtype=np.float32) for name, table in (tables or {}).items()}
