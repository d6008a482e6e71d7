"""Reads MATLAB files of every version: big matrices in chunks, small variables whole."""

__all__ = ["Variable", "iter_columns", "read_array", "read_text", "variables"]

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from unseen.data import mat5, mat73
from unseen.data.dataset import DataError
from unseen.data.mat5 import Variable

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512)  # MATLAB puts its own header of 512 bytes in front


def variables(path: Path) -> dict[str, Variable]:
    """Lists the variables of a MATLAB file; no values are read.

    Arguments:
        path: The file, of MATLAB 5 (``-v6``, ``-v7``) or, with the extra, 7.3.

    Returns:
        The variables by name.

    Raises:
        DataError: If the file cannot be opened, is no MATLAB file, is truncated or damaged.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "res101.mat"
        ...     savemat(path, {"features": np.ones((4, 3))})
        ...     variables(path)["features"].shape
        (4, 3)
    """
    return _reader(path).variables(path)


def iter_columns(path: Path, name: str, columns_per_chunk: int) -> Iterator[NDArray[np.float32]]:
    r"""Yields the columns of a numeric matrix, each as a row of a float32 chunk.

    Arguments:
        path: The file.
        name: The variable, a real two-dimensional numeric matrix of shape :math:`(d, n)`.
        columns_per_chunk: The largest number of columns :math:`m` in a chunk.

    Yields:
        The next columns, with shape :math:`(m, d)`.

    Raises:
        DataError: If the variable is missing or no such matrix, or the file is damaged.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "res101.mat"
        ...     savemat(path, {"features": np.arange(6.0).reshape(2, 3)})
        ...     [chunk.tolist() for chunk in iter_columns(path, "features", 2)]
        [[[0.0, 3.0], [1.0, 4.0]], [[2.0, 5.0]]]
    """
    _find(path, name)

    return _reader(path).iter_columns(path, name, columns_per_chunk)


def read_array(path: Path, name: str) -> NDArray:
    """Reads a small numeric variable whole.

    Arguments:
        path: The file.
        name: The variable.

    Returns:
        The values, with their shape in MATLAB.

    Raises:
        DataError: If the variable is missing or not numeric, or the file is damaged.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "res101.mat"
        ...     savemat(path, {"labels": np.array([[1], [2]])})
        ...     read_array(path, "labels").ravel().tolist()
        [1, 2]
    """
    _find(path, name)

    return _reader(path).read_array(path, name)


def read_text(path: Path, name: str) -> list[str]:
    """Reads strings: a cell array, however deeply nested, or the rows of a char array.

    Arguments:
        path: The file.
        name: The variable.

    Returns:
        The strings in order, without the spaces around them.

    Raises:
        DataError: If the variable is missing or holds anything else, or the file is damaged.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "att_splits.mat"
        ...     names = np.array([["zebra"], ["polar+bear"]], dtype=object)
        ...     savemat(path, {"allclasses_names": names})
        ...     read_text(path, "allclasses_names")
        ['zebra', 'polar+bear']
    """
    _find(path, name)

    return [text.strip() for text in _reader(path).read_text(path, name)]


def _find(path: Path, name: str) -> None:
    names = list(variables(path))
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names) or 'none'}."
        raise DataError([f"There is no variable {name!r} in this file; {hint}"], where=str(path))


def _reader(path: Path) -> ModuleType:
    try:
        with path.open("rb") as file:
            start = file.read(HDF5_OFFSETS[-1] + len(HDF5_SIGNATURE))
    except OSError as error:
        raise DataError([f"Cannot be read: {error.strerror}."], where=str(path)) from error

    is_hdf5 = any(start[offset:].startswith(HDF5_SIGNATURE) for offset in HDF5_OFFSETS)

    return mat73 if is_hdf5 else mat5
