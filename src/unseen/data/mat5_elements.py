"""Takes a MATLAB 5 file apart: elements, the header of a variable, tags and bytes.

References:
    MAT-File Format (The MathWorks, version 5 of the format)
    https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
"""

__all__ = [
    "CLASSES",
    "MATRIX",
    "Stored",
    "Stream",
    "Variable",
    "elements",
    "read_field",
    "read_header",
    "read_tag",
    "readable",
]

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from unseen.data.dataset import DataError

FILE_HEADER = 128  # bytes before the first element
BLOCK = 1 << 18  # compressed bytes handed to zlib at a time
MAX_FIELD = 1 << 24  # bytes; no dimensions, name or text are longer, but a damaged length is

MATRIX, COMPRESSED = 14, 15  # types of elements
COMPLEX = 0x0800  # flag of an array

CLASSES = {
    1: "cell",
    2: "struct",
    3: "object",
    4: "char",
    5: "sparse",
    6: "double",
    7: "single",
    8: "int8",
    9: "uint8",
    10: "int16",
    11: "uint16",
    12: "int32",
    13: "uint32",
    14: "int64",
    15: "uint64",
    16: "function",
    17: "opaque",
}

# what false lengths, unknown codes and a broken zlib stream raise
DAMAGE = (
    EOFError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Variable:
    """Describes a variable of a MATLAB file, without its values.

    Arguments:
        name: The name of the variable.
        shape: Its shape in MATLAB: the features of the benchmark are :math:`(d, n)`.
        kind: Its class in MATLAB, such as ``"double"`` or ``"cell"``.
        is_complex: Whether it has an imaginary part.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    is_complex: bool = False


class Stream(Protocol):
    """Hands out the bytes of a variable in order; ``order`` is ``"<"`` or ``">"``."""

    order: str

    def read(self, n: int) -> bytes:
        """Returns the next ``n`` bytes, or raises EOFError."""
        ...

    def finish(self) -> None:
        """Checks what can be checked once all values are read."""
        ...


class Stored:
    """Reads bytes that lie in the file as they are."""

    def __init__(self, file: BinaryIO, order: str) -> None:
        self.file = file
        self.order = order

    def read(self, n: int) -> bytes:
        """Returns the next ``n`` bytes, or raises EOFError."""
        data = self.file.read(n)
        if len(data) < n:
            raise EOFError("the data ends early")

        return data

    def finish(self) -> None:
        """Does nothing: stored bytes carry no checksum."""


class Inflated:
    """Reads bytes out of a zlib stream, a block at a time."""

    def __init__(self, file: BinaryIO, order: str, nbytes: int) -> None:
        self.file = file
        self.order = order
        self.left = nbytes
        self.inflate = zlib.decompressobj()

    def read(self, n: int) -> bytes:
        """Returns the next ``n`` bytes, or raises EOFError."""
        data = bytearray()
        while len(data) < n:
            data += self._piece(n - len(data))

        return bytes(data)

    def finish(self) -> None:
        """Reads to the end of the stream, where zlib compares the checksum."""
        while not self.inflate.eof:
            self._piece(BLOCK)

    def _piece(self, n: int) -> bytes:
        block = self.inflate.unconsumed_tail
        if not block:
            block = self.file.read(min(BLOCK, self.left))
            self.left -= len(block)

        # without new input zlib may still hold output back
        piece = self.inflate.decompress(block, n)
        if not piece and not block:
            raise EOFError("the compressed data ends early")

        return piece


def elements(path: Path, file: BinaryIO) -> Iterator[tuple[Variable, Stream]]:
    """Yields each named variable, with a stream that stands before its values.

    Arguments:
        path: The file, for its size and for messages.
        file: The file, open.

    Yields:
        The variable, and the stream, to be read before the next one is taken.

    Raises:
        DataError: If the file is no MATLAB 5 file, or truncated.
    """
    size = path.stat().st_size
    order = _byte_order(path, file.read(FILE_HEADER))
    offset = FILE_HEADER

    while offset < size:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            raise _truncated(path, size, offset + 8)
        code, nbytes = struct.unpack(order + "II", head)
        end = offset + 8 + nbytes
        if end > size:
            raise _truncated(path, size, end)
        if code not in (MATRIX, COMPRESSED):
            raise ValueError(f"element of type {code}")

        stream = Inflated(file, order, nbytes) if code == COMPRESSED else Stored(file, order)
        if code == COMPRESSED and read_tag(stream)[0] != MATRIX:
            raise ValueError("compressed element without a matrix")
        variable = read_header(stream)
        if variable.name:
            yield variable, stream

        offset = end


def _byte_order(path: Path, header: bytes) -> str:
    mark = header[126:128]
    if len(header) < FILE_HEADER or mark not in (b"IM", b"MI"):
        raise DataError(
            [
                "This is not a MATLAB 5 file (its 128-byte header is missing); "
                "download it again, or save it in MATLAB with save(..., '-v7')."
            ],
            where=str(path),
        )

    return "<" if mark == b"IM" else ">"


def read_header(stream: Stream) -> Variable:
    """Reads flags, shape and name; the values stand next in the stream."""
    flags = struct.unpack(stream.order + "II", read_field(stream)[1])[0]
    kind = CLASSES[flags & 0xFF]
    if kind == "opaque":  # objects of newer MATLAB: laid out otherwise, of no use here
        return Variable("", (), kind)
    _, dims = read_field(stream)
    shape = struct.unpack(f"{stream.order}{len(dims) // 4}i", dims)
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"shape {shape}")

    _, name = read_field(stream)

    return Variable(name.decode("latin-1"), shape, kind, bool(flags & COMPLEX))


def read_field(stream: Stream) -> tuple[int, bytes]:
    """Reads a short element whole: the code of its type, and its content."""
    code, nbytes, small = read_tag(stream)
    if small is not None:
        return code, small
    if nbytes > MAX_FIELD:
        raise ValueError(f"field of {nbytes:,} bytes")

    return code, stream.read(nbytes + -nbytes % 8)[:nbytes]  # fields end at multiples of 8 bytes


def read_tag(stream: Stream) -> tuple[int, int, bytes | None]:
    """Reads the code of an element's type, its length, and its content if that is in the tag."""
    head = stream.read(8)
    code, nbytes = struct.unpack(stream.order + "II", head)
    if not code >> 16:
        return code, nbytes, None

    # at most four bytes of data stand inside the tag, their number in the upper half
    nbytes = code >> 16
    return code & 0xFFFF, nbytes, head[4 : 4 + nbytes]


def _truncated(path: Path, size: int, expected: int) -> DataError:
    message = f"Is truncated at byte {size:,} of at least {expected:,}; download it again."
    return DataError([message], where=str(path))


@contextmanager
def readable(path: Path, file: BinaryIO) -> Iterator[None]:
    """Turns what damaged bytes raise into a DataError that names the file and the place."""
    try:
        yield
    except DataError:  # a ValueError too, and clear already
        raise
    except DAMAGE as error:
        message = f"Is damaged before byte {file.tell():,} ({error}); download it again."
        raise DataError([message], where=str(path)) from error
