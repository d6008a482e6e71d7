"""Named arrays on disk, npz and safetensors: read one at a time, written a block at a time."""

__all__ = [
    "ArrayFile",
    "ArrayStream",
    "open_arrays",
    "opening",
    "reading",
    "write_npy",
    "write_npz",
    "write_safetensors",
]

import json
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unseen.data.atomic import writing
from unseen.data.dataset import DataError

# bfloat16 has no NumPy type: read as uint16, the upper half of a float32
SAFETENSORS_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # of a zip member: signature, ..., two lengths


@dataclass(frozen=True)
class ArrayFile:
    """An opened npz or safetensors file; its arrays are read when asked for.

    Arguments:
        path: The file.
        keys: The names of its arrays.
        read: Returns the array of a name, memory-mapped where the file allows it.
        metadata: The texts stored beside the arrays.
        notes: What is worth knowing about how the file is read, one sentence each.
    """

    path: Path
    keys: tuple[str, ...]
    read: Callable[[str], NDArray]
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArrayStream:
    """An array to be written block by block, so that it need not fit in memory.

    Arguments:
        dtype: Its type.
        shape: Its shape.
        blocks: Its rows in order, in blocks of any size.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    blocks: Iterable[NDArray]

    @classmethod
    def of(cls, array: NDArray) -> "ArrayStream":
        """Returns a stream of one block: a small array."""
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)

        return cls(little.dtype, little.shape, [little])


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns what the system says about a file into a :class:`DataError`.

    Raises:
        DataError: If the file cannot be opened or does not fit in memory.
    """
    try:
        yield
    except OSError as error:
        raise DataError([f"Cannot be read: {error.strerror or error}."], str(path)) from error
    except MemoryError as error:
        raise DataError(["Does not fit in memory."], str(path)) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns whatever a decoder raises on bytes it cannot read into a :class:`DataError`.

    Raises:
        DataError: If the file cannot be opened, does not fit in memory or is damaged.
    """
    try:
        with opening(path):
            yield
    except DataError:
        raise
    except Exception as error:
        # decoders raise many kinds on damaged bytes: zlib.error, BadZipFile, ArrowInvalid, ...
        problem = f"Is damaged or of another format ({first_line(error)}); make or fetch it again."
        raise DataError([problem], str(path)) from error


def first_line(error: Exception) -> str:
    lines = str(error).splitlines()

    return lines[0].rstrip(".") if lines else type(error).__name__


def open_arrays(path: Path) -> ArrayFile:
    """Opens an npz or safetensors file.

    Arguments:
        path: A file with the suffix ``.npz`` or ``.safetensors``.

    Raises:
        DataError: If it is damaged, truncated or of another format.
    """
    with reading(path):
        if path.stat().st_size == 0:
            raise DataError(["Is an empty file."], str(path))

        return open_npz(path) if path.suffix.lower() == ".npz" else open_safetensors(path)


# npz: a zip archive of npy files


def open_npz(path: Path) -> ArrayFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
    except zipfile.BadZipFile as error:
        raise DataError([not_a_zip(path)], str(path)) from error

    def read(key: str) -> NDArray:
        with reading(path):
            return read_member(path, members[key])

    return ArrayFile(path, tuple(members), read)


def not_a_zip(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(6)

    if start.startswith(b"PK\x03\x04"):
        return "Is truncated: the end of the npz archive is missing; copy or make it again."
    if start == npy.MAGIC_PREFIX:
        return "Is a single npy array, not an npz archive; save the set with `numpy.savez`."

    return "Is not an npz archive; save the set with `numpy.savez`."


def read_member(path: Path, info: zipfile.ZipInfo) -> NDArray:
    """Reads one array: mapped if it is stored as it is, decompressed if it is compressed."""
    key = info.filename.removesuffix(".npy")

    with zipfile.ZipFile(path) as archive, archive.open(info) as member:
        shape, fortran_order, dtype = read_npy_header(member)
        if dtype.hasobject:
            raise DataError(
                [f"`{key}` holds Python objects, which could run code; store numbers or text."],
                str(path),
            )
        # checked before the memory is asked for: a damaged header may claim any shape
        if info.file_size != member.tell() + prod(shape) * dtype.itemsize:
            raise DataError([f"`{key}` is damaged: its size is not that of {shape}."], str(path))

        if info.compress_type == zipfile.ZIP_STORED and prod(shape) and dtype.itemsize:
            offset = member_offset(path, info) + member.tell()
            return map_array(path, dtype, shape, offset, "F" if fortran_order else "C")

    with zipfile.ZipFile(path) as archive, archive.open(info) as member:
        return npy.read_array(member, allow_pickle=False)


def read_npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)

    raise ValueError(f"npy version {version[0]}.{version[1]} is not supported")


def member_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Returns where the bytes of a stored member begin in the archive."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        *_, name_length, extra_length = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))

    return info.header_offset + LOCAL_HEADER.size + name_length + extra_length


def map_array(
    path: Path, dtype: np.dtype, shape: tuple[int, ...], offset: int, order: Any = "C"
) -> NDArray:
    if offset + prod(shape) * dtype.itemsize > path.stat().st_size:
        raise DataError(["Is truncated; copy or make it again."], str(path))

    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape, order=order)


def write_npz(path: Path, arrays: Mapping[str, ArrayStream]) -> None:
    """Writes an npz archive, uncompressed so that it can be memory-mapped; atomically.

    Arguments:
        path: The file to write.
        arrays: The arrays by name.

    Raises:
        DataError: If the file cannot be written.
    """
    with writing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for key, stream in arrays.items():
            # a ZipInfo of its own has no date: the same data give the same bytes
            with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True) as member:
                write_npy(member, stream)


def write_npy(file: Any, stream: ArrayStream) -> None:
    """Writes an array as an npy file has it, block by block.

    Arguments:
        file: The file, open.
        stream: The array.
    """
    descr = npy.dtype_to_descr(stream.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": stream.shape}
    npy.write_array_header_1_0(file, header)
    write_blocks(file, stream)


def write_blocks(file: Any, stream: ArrayStream) -> None:
    for block in stream.blocks:
        file.write(np.ascontiguousarray(block, dtype=stream.dtype).tobytes())


# safetensors: the length of a JSON header, the header, the bytes


def open_safetensors(path: Path) -> ArrayFile:
    size = path.stat().st_size
    with path.open("rb") as file:
        header, start = read_safetensors_header(file, size, path)

    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict):
        raise ValueError("its __metadata__ is no object")

    def read(key: str) -> NDArray:
        with reading(path):
            return read_tensor(path, key, header[key], start)

    notes = tuple(
        f"`{key}` is bfloat16, which NumPy has not: converted to float32."
        for key, entry in header.items()
        if isinstance(entry, dict) and entry.get("dtype") == "BF16"
    )

    return ArrayFile(path, tuple(header), read, metadata, notes)


def read_safetensors_header(file: BinaryIO, size: int, path: Path) -> tuple[dict[str, Any], int]:
    first = file.read(8)
    length = int.from_bytes(first, "little")

    if length == 0 or not (start := file.read(1)).startswith(b"{"):
        raise DataError(["Is not a safetensors file."], str(path))
    if 8 + length > size:
        raise DataError([f"Is truncated at byte {size:,} of its header; make it again."], str(path))

    header = json.loads(start + file.read(length - 1))

    return header, 8 + length


def read_tensor(path: Path, key: str, entry: Mapping[str, Any], start: int) -> NDArray:
    if entry["dtype"] not in SAFETENSORS_TYPES:
        raise DataError(
            [f"`{key}` is of type {entry['dtype']}, which is not supported; store float32."],
            str(path),
        )

    dtype = np.dtype(SAFETENSORS_TYPES[entry["dtype"]])
    shape = tuple(int(length) for length in entry["shape"])
    begin, end = entry["data_offsets"]
    if begin < 0 or min(shape, default=0) < 0 or end - begin != prod(shape) * dtype.itemsize:
        raise DataError([f"`{key}` is damaged: its size is not that of {shape}."], str(path))

    if not prod(shape):
        return np.empty(shape, dtype)

    array = map_array(path, dtype, shape, start + begin)
    if entry["dtype"] == "BF16":
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)

    return array


def write_safetensors(
    path: Path, arrays: Mapping[str, ArrayStream], metadata: Mapping[str, str]
) -> None:
    """Writes a safetensors file, block by block; atomically.

    Arguments:
        path: The file to write.
        arrays: The arrays by name.
        metadata: Texts to keep beside them.

    Raises:
        DataError: If the file cannot be written.
    """
    types = {np.dtype(code): name for name, code in SAFETENSORS_TYPES.items() if name != "BF16"}
    # the widest types first: every array then begins at a multiple of its item size
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))

    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for key, stream in ordered:
        begin, end = end, end + prod(stream.shape) * stream.dtype.itemsize
        header[key] = {
            "dtype": types[stream.dtype],
            "shape": list(stream.shape),
            "data_offsets": [begin, end],
        }

    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)

    with writing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, stream in ordered:
            write_blocks(file, stream)
