"""Names, places and counts, as the sentences on a data set write them."""

__all__ = [
    "NAMED",
    "name_class",
    "listed",
    "listed_rows",
    "counted",
    "counted_regions",
    "capitalised",
    "describe",
    "mask_hint",
]

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

NAMED = 5  # rows or classes a sentence names before it only counts


def name_class(row: int, names: Sequence[str] | None) -> str:
    """Returns ``class 3 ('zebra')``, or ``class 3`` where the names are unusable."""
    if names is None or not 0 <= row < len(names):
        return f"class {row}"

    return f"class {row} ({names[row]!r})"


def listed(items: Iterable[object]) -> str:
    """Returns the first few items, with a count of those left out."""
    texts = [str(item) for item in items]
    rest = len(texts) - NAMED

    return ", ".join(texts[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def listed_rows(rows: NDArray) -> str:
    """Returns ``row 3`` or ``rows 3, 4, 5, 6, 7 and 2 more``."""
    return f"row{'s' if len(rows) > 1 else ''} {listed(rows)}"


def counted(number: int, noun: str) -> str:
    """Returns ``1 row`` or ``2,320 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted_regions(regions: int, columns: int) -> str:
    """Returns ``4 regions of 7 channels``, given the number of columns of a row."""
    return f"{counted(regions, 'region')} of {counted(columns // regions, 'channel')}"


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def describe(value: object) -> str:
    """Returns the type and shape of an array, or the type of anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"

    return type(value).__name__


def mask_hint(value: object) -> str:
    masked = isinstance(value, np.ndarray) and value.dtype == bool

    return "; turn a mask into row numbers with `np.flatnonzero(mask)`" if masked else ""
