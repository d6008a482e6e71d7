"""Fetches the field's benchmark archive: verified, and unpacked whole or not at all."""

__all__ = ["BENCHMARK_URL", "fetch"]

import shutil
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from string import hexdigits
from urllib.parse import unquote, urlsplit
from zipfile import BadZipFile, ZipFile

from unseen.data.atomic import writing
from unseen.data.dataset import DataError
from unseen.data.download import Progress, check_space, download
from unseen.data.hashing import file_sha256

BENCHMARK_URL = "https://datasets.d2.mpi-inf.mpg.de/xian/xlsa17.zip"

DAMAGED = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)  # from zipfile


def fetch(
    folder: Path,
    url: str = BENCHMARK_URL,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Downloads a zip archive and unpacks it into a folder.

    An interrupted download goes on where it stopped, in this call or a later one, if the server
    says that the file is still the same. Verified are the length that the server states, the
    SHA-256, and the CRC of every member; the folder appears only when all are right, and the
    archive is removed then. One call at a time may work in a folder.

    The publishers of the benchmark state no checksum that we know of. So the first download is
    trusted unless ``sha256`` is given; its SHA-256 is written to ``xlsa17.zip.sha256`` beside
    the folder, to be compared with that of others, and later downloads must match it.

    Arguments:
        folder: Where to unpack; ``xlsa17.zip`` becomes ``folder/xlsa17``. If either is there
            already from an earlier call, nothing is downloaded.
        url: The address, http or https, of a zip archive.
        sha256: The expected SHA-256 of the archive, if known.
        progress: Called with the bytes received and the bytes in all, ``None`` if unknown.

    Returns:
        The unpacked folder.

    Raises:
        DataError: If the address, the server, the archive or the disk does not allow it. What
            was received is kept for the next call, unless it is wrong.
    """
    name = _archive_name(url)
    folder = Path(folder)
    archive, target = folder / name, folder / Path(name).stem
    record = folder / f"{name}.sha256"

    with _disk_errors(folder):
        expected = _checked_sha256(sha256) if sha256 else _recorded(record)
        if target.exists():
            _check_existing(target, record, expected)
            return target

        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if not archive.exists():
                download(url, archive, progress)
        except BaseException:
            if made and not any(folder.iterdir()):  # nothing was received
                folder.rmdir()
            raise
        found = file_sha256(archive)
        _check_sha256(archive, found, expected, record)

        with _unpacked(archive, target) as unpacked:
            with writing(record) as file:
                file.write(f"{found}  {name}\n".encode())
            unpacked.rename(target)
        archive.unlink()

    return target


def _archive_name(url: str) -> str:
    name = ""
    try:
        parts = urlsplit(url)
        name = PurePosixPath(unquote(parts.path)).name
        usable = parts.scheme in ("http", "https") and parts.hostname and name.endswith(".zip")
    except ValueError:
        usable = False

    if not usable or name == ".zip":
        raise DataError(
            [f"The address {url!r} is not that of a zip archive: write http(s)://.../name.zip."]
        )

    return name


def _checked_sha256(sha256: str) -> str:
    digest = sha256.strip().lower()
    if len(digest) != 64 or not set(digest) <= set(hexdigits):
        raise DataError([f"`sha256` must be 64 hexadecimal digits, got {sha256!r}."])

    return digest


def _recorded(record: Path) -> str | None:
    if not record.exists():
        return None

    words = record.read_text(encoding="utf-8", errors="replace").split()
    try:
        return _checked_sha256(words[0] if words else "")
    except DataError:
        raise DataError(
            ["The file holds no SHA-256; remove it to trust the next download."], where=str(record)
        ) from None


def _check_existing(target: Path, record: Path, expected: str | None) -> None:
    found = _recorded(record)
    if found is None:
        raise DataError(
            ["The folder exists and no earlier fetch made it; move it away or fetch elsewhere."],
            where=str(target),
        )
    if found != expected:
        raise DataError(
            [f"The folder was made from an archive of SHA-256 {found}, expected {expected}."],
            where=str(target),
        )


def _check_sha256(archive: Path, found: str, expected: str | None, record: Path) -> None:
    if expected in (None, found):
        return

    archive.unlink()
    hint = f" If the change is meant, remove {record}." if record.exists() else ""
    raise DataError(
        [f"The download has SHA-256 {found}, expected {expected}; it was removed.{hint}"],
        where=str(archive),
    )


# Archive


@contextmanager
def _unpacked(archive: Path, target: Path) -> Iterator[Path]:
    """Yields the unpacked archive in a temporary folder, removed at the end if still there."""
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)

    try:
        with ZipFile(archive) as members:
            _check_members(members)
            check_space(archive.parent, sum(info.file_size for info in members.infolist()))
            members.extractall(temporary)  # verifies each CRC

        entries = list(temporary.iterdir())
        alone = len(entries) == 1 and entries[0].is_dir()
        yield entries[0] if alone else temporary
    except DAMAGED as error:
        archive.unlink()
        raise DataError(
            [f"The download cannot be unpacked ({error}); it was removed, fetch again."],
            where=str(archive),
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_members(members: ZipFile) -> None:
    if not members.infolist():
        raise BadZipFile("it is empty")

    for info in members.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        leaves = ".." in parts or parts[:1] == ("/",) or (parts and ":" in parts[0])
        if leaves or stat.S_ISLNK(info.external_attr >> 16):
            raise BadZipFile(f"its member {info.filename!r} would be written elsewhere")


# Disk


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            [
                f"Cannot use {error.filename or 'the disk'}: {error.strerror or error}. "
                "Make room or choose another folder, then fetch again."
            ],
            where=str(folder),
        ) from error
