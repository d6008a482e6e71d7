"""Names, places and counts, as the sentences on a data set write them."""

__all__ = [
    "NAMED",
    "name_class",
    "listed",
    "listed_rows",
    "quoted",
    "shortened",
    "counted",
    "counted_regions",
    "capitalised",
    "describe",
    "mask_hint",
]

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

NAMED = 5  # rows, classes, cells or lines that are named before they are only counted
QUOTED = 20  # names of columns, keys or tables, likewise


def name_class(row: int, names: Sequence[str] | None) -> str:
    """Returns ``class 3 ('zebra')``, or ``class 3`` where the names are unusable."""
    if names is None or not 0 <= row < len(names):
        return f"class {row}"

    return f"class {row} ({names[row]!r})"


def listed(items: Iterable[object], most: int = NAMED) -> str:
    """Returns the first few items, with a count of those left out."""
    texts = [str(item) for item in items]
    rest = len(texts) - most

    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")


def listed_rows(rows: NDArray) -> str:
    """Returns ``row 3`` or ``rows 3, 4, 5, 6, 7 and 2 more``."""
    return f"row{'s' if len(rows) > 1 else ''} {listed(rows)}"


def quoted(names: Iterable[str]) -> str:
    """Returns ``'size', 'colour'``, with a count of the names left out."""
    return listed(map(repr, names), QUOTED)


def shortened(problems: Sequence[str], nouns: str) -> list[str]:
    """Returns the first few problems, with a sentence that counts the others.

    Example:
        >>> shortened([f"Class {row} has no row." for row in range(7)], "classes")[-1]
        '2 more classes likewise.'
    """
    rest = len(problems) - NAMED

    return [*problems[:NAMED], *([f"{rest:,} more {nouns} likewise."] if rest > 0 else [])]


def counted(number: int, noun: str) -> str:
    """Returns ``1 row`` or ``2,320 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted_regions(regions: int, columns: int) -> str:
    """Returns ``4 regions of 7 channels``, given the number of columns of a row."""
    return f"{counted(regions, 'region')} of {counted(columns // regions, 'channel')}"


def capitalised(text: str) -> str:
    """Returns a text with its first letter large, and the others as they are."""
    return text[:1].upper() + text[1:]


def describe(value: object) -> str:
    """Returns the type and shape of an array, or the type of anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"

    return type(value).__name__


def mask_hint(value: object, rows: int | None) -> str:
    """Returns how a mask becomes row numbers, or that it is not one over all rows, if known."""
    if not isinstance(value, np.ndarray) or value.dtype != bool:
        return ""
    if rows is not None and value.shape != (rows,):
        return f"; a mask must have one value for each of the {counted(rows, 'row')}"

    return "; turn a mask into row numbers with `np.flatnonzero(mask)`"
