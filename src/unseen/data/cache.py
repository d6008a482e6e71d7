"""Keeps the arrays of slow files in a folder of memory-mapped ``.npy`` files.

An entry is named after the SHA-256 of the file it was made from, so a changed file never meets
the arrays of its former self. It holds one ``.npy`` per array and, written last, a manifest with
the fingerprint of each; an entry that does not match its manifest is made anew. Every file
appears by a rename, so processes that fill the same entry at once do not disturb each other.
"""

__all__ = ["Arrays", "cache_folder", "cached_arrays", "remembered_sha256"]

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b, sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import ArrayStream, write_npy
from unseen.data.hashing import file_sha256

FORMAT = 1  # of the entries; raise it when a reader changes what it stores
MAP_BYTES = 1 << 20  # smaller arrays are read whole
SAMPLES, SAMPLE_BYTES = 64, 4096  # of a file, read to recognise a damaged one in a millisecond

logger = logging.getLogger(__name__)


Arrays = Mapping[str, NDArray | ArrayStream]


def cache_folder() -> Path:
    """Returns the folder of the cache: ``$UNSEEN_CACHE``, or ``unseen`` in the user's cache.

    Example:
        >>> import os
        >>> os.environ["UNSEEN_CACHE"] = "/scratch/unseen"
        >>> cache_folder().as_posix()
        '/scratch/unseen'
        >>> del os.environ["UNSEEN_CACHE"]
    """
    if chosen := os.environ.get("UNSEEN_CACHE"):
        return Path(chosen)

    home = os.path.expanduser("~/.cache")  # unchanged where there is no home
    usual = os.path.join(tempfile.gettempdir(), "cache") if home.startswith("~") else home

    return Path(os.environ.get("XDG_CACHE_HOME") or usual) / "unseen"


@cache
def _tell_unwritable(folder: Path, error: str) -> None:
    """Says once in a process that nothing can be cached."""
    logger.warning(
        "The cache %s cannot be written (%s); working without. UNSEEN_CACHE names another folder.",
        folder,
        error,
    )


def cached_arrays(path: Path, build: Callable[[], Arrays]) -> tuple[str, dict[str, NDArray]]:
    """Returns the arrays made from a file, memory-mapped from the cache where possible.

    A cache that cannot be written costs a warning in the log and nothing else.

    Arguments:
        path: The file.
        build: Makes the arrays from the file; called when the cache does not have them.

    Returns:
        The SHA-256 of the file, and the arrays by name.
    """
    digest = remembered_sha256(path)
    entry = cache_folder() / digest
    arrays = _open_entry(entry)

    if arrays is None:
        try:
            _write_entry(entry, build())
            arrays = _open_entry(entry)
        except OSError as error:
            _tell_unwritable(cache_folder(), error.strerror or str(error))

    return digest, _gather(build()) if arrays is None else arrays


def remembered_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, hashing it only if it changed since the last time.

    Arguments:
        path: The file.

    Returns:
        The digest as 64 hexadecimal digits.
    """
    status = path.stat()  # before hashing, so that a later change is noticed
    seen = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    name = sha256(os.fsencode(path.resolve())).hexdigest()  # one note a path: no races over a list
    note = cache_folder() / "hashes" / f"{name}.json"

    known = _read_json(note)
    if known.get("seen") == seen and isinstance(known.get("sha256"), str):
        return known["sha256"]

    digest = file_sha256(path)
    try:
        _write_json(note, {"path": str(path.resolve()), "seen": seen, "sha256": digest})
    except OSError as error:
        _tell_unwritable(cache_folder(), error.strerror or str(error))

    return digest


def _open_entry(entry: Path) -> dict[str, NDArray] | None:
    manifest = _read_json(entry / "manifest.json")
    if manifest.get("format") != FORMAT:
        return None

    try:
        for name, fingerprint in manifest["arrays"].items():
            if _fingerprint(entry / f"{name}.npy") != fingerprint:
                raise ValueError(f"{name}.npy does not match its manifest")

        return {name: _load(entry / f"{name}.npy") for name in manifest["arrays"]}
    except (AttributeError, KeyError, OSError, ValueError) as error:
        logger.warning("The cache entry %s is damaged (%s); making it anew.", entry, error)

        return None


def _load(path: Path) -> NDArray:
    mode = "r" if path.stat().st_size >= MAP_BYTES else None

    return np.load(path, mmap_mode=mode, allow_pickle=False)


def _write_entry(entry: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        with _replacing(entry / f"{name}.npy") as file:
            if isinstance(array, ArrayStream):
                write_npy(file, array)
            else:
                np.save(file, array, allow_pickle=False)

    fingerprints = {name: _fingerprint(entry / f"{name}.npy") for name in arrays}
    _write_json(entry / "manifest.json", {"format": FORMAT, "arrays": fingerprints})


def _gather(arrays: Arrays) -> dict[str, NDArray]:
    return {
        name: _gather_stream(array) if isinstance(array, ArrayStream) else array
        for name, array in arrays.items()
    }


def _gather_stream(stream: ArrayStream) -> NDArray:
    whole = np.empty((0, 0), stream.dtype)
    start = 0
    for block in stream.blocks:
        if not start:  # not sooner: the first block shows that the promised shape is true
            whole = np.empty(stream.shape, stream.dtype)
        whole[start : start + len(block)] = block
        start += len(block)

    return whole


def _fingerprint(path: Path) -> str:
    size = path.stat().st_size
    last = max(size - SAMPLE_BYTES, 0)
    hasher = blake2b(str(size).encode(), digest_size=16)

    with path.open("rb") as file:
        for offset in np.linspace(0, last, SAMPLES, dtype=np.int64).tolist():
            file.seek(offset)
            hasher.update(file.read(SAMPLE_BYTES))

    return hasher.hexdigest()


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent, or cut short
        return {}

    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: dict) -> None:
    with _replacing(path) as file:
        file.write(json.dumps(content, indent=1).encode())


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
