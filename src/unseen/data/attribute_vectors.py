"""Word vectors of attributes, from a file."""

__all__ = ["read_attribute_vectors"]

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import open_arrays
from unseen.data.dataset import DataError

KEY = "vectors"


def read_attribute_vectors(path: str | Path, attributes: int) -> NDArray[np.float32]:
    """Reads one vector per attribute.

    Arguments:
        path: An npz or safetensors file with the key ``vectors``.
        attributes: The number :math:`a` of attributes of a description.

    Returns:
        The vectors, with shape :math:`(a, w)`.

    Raises:
        DataError: If the file cannot be read, or does not hold one vector of finite numbers for
            each attribute.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/words.npz", vectors=np.ones((5, 3)))
        ...     read_attribute_vectors(f"{folder}/words.npz", 5).shape
        (5, 3)
    """
    file = open_arrays(Path(path))
    if KEY not in file.keys:
        keys = ", ".join(file.keys) or "(none)"
        raise DataError([f"The key {KEY!r} is missing; the file has the keys {keys}."], str(path))

    vectors = file.read(KEY)
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or 0 in vectors.shape:
        problem = (
            f"`{KEY}` must be numbers with the shape (attributes, length), "
            f"got {vectors.dtype} of shape {vectors.shape}."
        )
    elif len(vectors) != attributes:
        problem = (
            f"`{KEY}` must have one row for each of the {attributes} attributes of a description, "
            f"got {len(vectors)}; they stand in the order of the attributes."
        )
    elif not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        problem = f"`{KEY}` hold NaN or infinite values, first in row {row}; mend them."
    else:
        return np.array(vectors, dtype=np.float32)

    raise DataError([problem], str(path))
