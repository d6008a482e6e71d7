"""Streams one big matrix out of a MATLAB 7.3 file (``save -v7.3``), which is an HDF5 file.

Needs the extra ``mat73``: h5py for numbers, pymatreader for nested names.
"""

__all__ = ["iter_columns", "read_array", "read_text", "variables"]

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unseen.data.dataset import DataError
from unseen.data.mat5 import Variable

if TYPE_CHECKING:
    import h5py


def variables(path: Path) -> dict[str, Variable]:
    """Lists the variables of a MATLAB 7.3 file; no values are read.

    Arguments:
        path: The file.

    Returns:
        The variables by name, with their shapes in MATLAB.

    Raises:
        DataError: If the extra is not installed, or the file is truncated or damaged.
    """
    with _opened(path) as file:
        return {
            name: _variable(name, item)
            for name, item in file.items()
            if isinstance(name, str) and not name.startswith("#")  # damaged names are bytes
        }


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
    """
    with _opened(path) as file:
        matrix = _numeric(path, file, name)
        if matrix.ndim != 2:
            raise DataError([f"{name!r} must be a matrix, not {matrix.ndim}-D."], where=str(path))

        # a compressed chunk that is cut by two reads is inflated twice
        stored = matrix.chunks[0] if matrix.chunks else 1
        step = max(columns_per_chunk // stored * stored, min(stored, columns_per_chunk))

        for start in range(0, matrix.shape[0], step):  # HDF5 shows MATLAB's (d, n) as (n, d)
            with np.errstate(over="ignore", invalid="ignore"):  # inf and NaN are for the checks
                chunk = matrix[start : start + step].astype(np.float32)

            yield chunk


def read_array(path: Path, name: str) -> NDArray:
    """Reads a numeric variable whole.

    Arguments:
        path: The file.
        name: The variable.

    Returns:
        The values, with their shape in MATLAB.

    Raises:
        DataError: If the variable is missing or not numeric, or the file is damaged.
    """
    with _opened(path) as file:
        return _numeric(path, file, name)[()].T


def read_text(path: Path, name: str) -> list[str]:
    """Reads a cell array of strings.

    Arguments:
        path: The file.
        name: The variable.

    Returns:
        The strings, in order.

    Raises:
        DataError: If the variable holds anything else, or the file is damaged.
    """
    with _opened(path):  # reports a missing extra and a damaged file
        from pymatreader import read_mat

        cell = read_mat(str(path), variable_names=[name])[name]

    texts = [cell] if isinstance(cell, str) else cell
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError([f"{name!r} must be a cell array of strings."], where=str(path))

    return texts


def _numeric(path: Path, file: "h5py.File", name: str) -> "h5py.Dataset":
    import h5py

    item = file.get(name)
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
        message = f"{name!r} is missing or not a real numeric array (sparse, complex, a cell?)."
        raise DataError([message], where=str(path))

    return item


def _variable(name: str, item: "h5py.Dataset | h5py.Group") -> Variable:
    kind = item.attrs.get("MATLAB_class", b"unknown")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)

    return Variable(name, tuple(reversed(getattr(item, "shape", ()))), kind)


@contextmanager
def _opened(path: Path) -> Iterator["h5py.File"]:
    try:
        import h5py
        import pymatreader  # noqa: F401
    except ImportError as error:
        message = 'This is a MATLAB 7.3 file; to read it, run: pip install "unseen[mat73]"'
        raise DataError([message], where=str(path)) from error

    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # h5py raises many kinds on damaged bytes: OSError, KeyError, ...
        message = f"This MATLAB 7.3 file is truncated or damaged ({error}); download it again."
        raise DataError([message], where=str(path)) from error
