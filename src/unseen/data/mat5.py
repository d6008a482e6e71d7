"""Reads a MATLAB 5 file (``save -v6`` and ``save -v7``): big matrices in chunks, names, arrays.

`scipy.io.loadmat` holds a variable whole and in double precision: 500 MB for the features of
AWA1, 250 MB as float32. Here only a few hundred columns are in memory at a time. And SciPy 1.17
may end the process (a segmentation fault) on a damaged file, which here is an error message.
"""

__all__ = ["Variable", "iter_columns", "read_array", "read_text", "variables"]

from collections.abc import Iterator
from io import BytesIO
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from unseen.data.dataset import DataError
from unseen.data.mat5_elements import (
    CLASSES,
    MATRIX,
    Stored,
    Stream,
    Variable,
    elements,
    read_field,
    read_header,
    read_tag,
    readable,
)

NUMERIC = frozenset(CLASSES[code] for code in range(6, 16))
NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}

TEXTS = {1: "latin-1", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}


def variables(path: Path) -> dict[str, Variable]:
    """Lists the variables of a MATLAB 5 file; no values are read.

    Arguments:
        path: The file.

    Returns:
        The variables by name, in the order of the file.

    Raises:
        DataError: If the file is no MATLAB 5 file, is truncated or damaged.
    """
    with path.open("rb") as file, readable(path, file):
        return {variable.name: variable for variable, _ in elements(path, file)}


def iter_columns(path: Path, name: str, columns_per_chunk: int) -> Iterator[NDArray[np.float32]]:
    r"""Yields the columns of a numeric matrix, each as a row of a float32 chunk.

    MATLAB stores a :math:`(d, n)` matrix column after column, so the benchmark's features come
    out as :math:`(n, d)` in the order of the file.

    Arguments:
        path: The file.
        name: The variable, a real two-dimensional numeric matrix of shape :math:`(d, n)`.
        columns_per_chunk: The number of columns :math:`m` in each chunk but the last.

    Yields:
        The next columns, with shape :math:`(m, d)`.

    Raises:
        DataError: If the variable is missing or no such matrix, or the file is damaged.
    """
    with path.open("rb") as file, readable(path, file):
        variable, stream = _find(path, file, name)
        _check_numeric(path, variable, dimensions=2)
        yield from _columns(variable, stream, columns_per_chunk)
        stream.finish()


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
    with path.open("rb") as file, readable(path, file):
        variable, stream = _find(path, file, name)
        _check_numeric(path, variable, dimensions=len(variable.shape))
        dtype, source = _numbers(variable, stream)
        content = source.read(prod(variable.shape) * dtype.itemsize)
        stream.finish()

        return np.frombuffer(content, dtype).reshape(variable.shape, order="F")


def read_text(path: Path, name: str) -> list[str]:
    """Reads strings: a cell array, however deeply nested, or the rows of a char array.

    Arguments:
        path: The file.
        name: The variable.

    Returns:
        The strings, in order.

    Raises:
        DataError: If the variable is missing or holds anything else, or the file is damaged.
    """
    with path.open("rb") as file, readable(path, file):
        variable, stream = _find(path, file, name)
        try:
            texts = list(_texts(variable, stream))
        except TypeError as error:
            message = f"{name!r} must be a cell array of strings, but has {error}."
            raise DataError([message], where=str(path)) from error
        stream.finish()

        return texts


def _find(path: Path, file: BinaryIO, name: str) -> tuple[Variable, Stream]:
    for variable, stream in elements(path, file):
        if variable.name == name:
            return variable, stream

    raise DataError([f"There is no variable {name!r}."], where=str(path))


def _check_numeric(path: Path, variable: Variable, dimensions: int) -> None:
    if variable.kind in NUMERIC and not variable.is_complex and len(variable.shape) == dimensions:
        return

    shape = " x ".join(map(str, variable.shape))
    kind = f"complex {variable.kind}" if variable.is_complex else variable.kind
    hint = " (make it full: x = full(x))" if kind == "sparse" else ""
    wanted = "matrix" if dimensions == 2 else "array"
    message = f"{variable.name!r} must be a real numeric {wanted}, not a {shape} {kind}{hint}."
    raise DataError([message], where=str(path))


def _columns(
    variable: Variable, stream: Stream, columns_per_chunk: int
) -> Iterator[NDArray[np.float32]]:
    d, n = variable.shape
    dtype, source = _numbers(variable, stream)

    for start in range(0, n, columns_per_chunk):
        m = min(columns_per_chunk, n - start)
        values = np.frombuffer(source.read(m * d * dtype.itemsize), dtype).reshape(m, d)
        with np.errstate(over="ignore", invalid="ignore"):  # inf and NaN are for the checks
            chunk = values.astype(np.float32)

        yield chunk


def _numbers(variable: Variable, stream: Stream) -> tuple[np.dtype, Stream]:
    code, nbytes, small = read_tag(stream)
    dtype = np.dtype(stream.order + NUMBERS[code])  # MATLAB stores small integers in fewer bytes
    if nbytes != prod(variable.shape) * dtype.itemsize:
        raise ValueError(f"{nbytes:,} bytes of {dtype} for shape {variable.shape}")

    return dtype, stream if small is None else Stored(BytesIO(small), stream.order)


def _texts(variable: Variable, stream: Stream) -> Iterator[str]:
    if variable.kind == "cell":
        for _ in range(prod(variable.shape)):
            code, nbytes, _ = read_tag(stream)
            if code != MATRIX:
                raise ValueError(f"cell of type {code}")
            # an element without a header is an empty one
            texts = list(_texts(read_header(stream), stream)) if nbytes else []
            if len(texts) > 1:
                raise TypeError(f"{len(texts)} strings in one cell")
            yield "".join(texts)
    elif variable.kind == "char":
        code, content = read_field(stream)
        text, rows = content.decode(_encoding(code, stream.order)), variable.shape[0]
        if rows > max(len(text), 1):  # of damage: billions of empty strings
            raise ValueError(f"{rows:,} rows of {len(text):,} letters")
        yield from (text[row::rows] for row in range(rows))  # letters too go column by column
    else:
        raise TypeError(f"{variable.kind} instead of text")


def _encoding(code: int, order: str) -> str:
    name = TEXTS[code]

    return f"{name}-{'le' if order == '<' else 'be'}" if name in ("utf-16", "utf-32") else name
