"""Which class descriptions are equal."""

__all__ = ["row_keys", "same_descriptions"]

import numpy as np
from numpy.typing import NDArray


def row_keys(class_attributes: NDArray[np.float32]) -> list[bytes]:
    """Returns one key per description, with shape (c, a); equal descriptions have equal keys.

    Example:
        >>> first, second = row_keys(np.array([[0.0, 1.0], [-0.0, 1.0]], dtype=np.float32))
        >>> first == second
        True
    """
    return [row.tobytes() for row in class_attributes + np.float32(0.0)]  # -0.0 becomes 0.0


def same_descriptions(class_attributes: NDArray[np.float32]) -> list[list[int]]:
    """Returns the rows of a class table, with shape (c, a), that are equal, group by group.

    Example:
        >>> same_descriptions(np.array([[1.0], [0.0], [1.0], [-0.0], [2.0]], dtype=np.float32))
        [[0, 2], [1, 3]]
    """
    groups: dict[bytes, list[int]] = {}
    for row, key in enumerate(row_keys(class_attributes)):
        groups.setdefault(key, []).append(row)

    return [rows for rows in groups.values() if len(rows) > 1]
