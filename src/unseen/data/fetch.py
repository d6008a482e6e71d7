"""Downloads the field's benchmark archive: resumed, verified, and unpacked whole or not at all."""

__all__ = ["BENCHMARK_URL", "fetch"]

import json
import os
import shutil
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path, PurePosixPath
from string import hexdigits
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile

from unseen.data.dataset import DataError
from unseen.data.hashing import file_sha256

Progress = Callable[[int, int | None], None]

BENCHMARK_URL = "https://datasets.d2.mpi-inf.mpg.de/xian/xlsa17.zip"

BLOCK = 1 << 20  # bytes received at a time
TIMEOUT = 30.0  # seconds without an answer
WAITS = (1.0, 4.0, 16.0)  # seconds before each further try that gets no further
PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP codes that a later try may not meet
DAMAGED = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)  # from zipfile


class _DroppedError(Exception):
    """Says why a try failed that may be repeated."""


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
                _download(url, archive, progress)
        except BaseException:
            if made and not any(folder.iterdir()):  # nothing was received
                folder.rmdir()
            raise
        found = file_sha256(archive)
        _check_sha256(archive, found, expected, record)

        with _unpacked(archive, target) as unpacked:
            _replace_text(record, f"{found}  {name}\n")
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


# Download


def _download(url: str, archive: Path, progress: Progress | None) -> None:
    part = archive.with_name(f"{archive.name}.part")
    furthest, failures = _size(part), 0

    while True:
        try:
            _receive(url, part, progress)
            break
        except _DroppedError as error:
            failures = 1 if _size(part) > furthest else failures + 1
            furthest = max(furthest, _size(part))
            if failures > len(WAITS):
                raise DataError(
                    [
                        f"The download failed after {failures} tries: {error}. Fetch again later"
                        + (": what was received is kept." if furthest else ".")
                    ],
                    where=url,
                ) from error
            time.sleep(WAITS[failures - 1])

    os.replace(part, archive)
    _state_file(part).unlink()


def _receive(url: str, part: Path, progress: Progress | None) -> None:
    state = _read_state(part, url)
    if state.get("total") == _size(part):
        return  # an earlier call was stopped between the last byte and the renaming

    with _open(url, part, state) as response:
        start, total = _extent(response)
        if start and (start, total) != (_size(part), state.get("total")):
            part.unlink(missing_ok=True)
            raise _DroppedError(f"the server went on with byte {start} of {total}, not as asked")

        _check_space(part.parent, (total or 0) - start)
        with part.open("ab" if start else "wb") as file:
            if not start:
                _write_state(part, url, response, total)
            for block in _blocks(response):
                file.write(block)
                start += len(block)
                if progress is not None:
                    progress(start, total)

    if total is not None and start != total:
        raise _DroppedError(f"the connection ended at byte {start} of {total}")


def _open(url: str, part: Path, state: dict) -> HTTPResponse:
    headers = {"User-Agent": "unseen"}
    if state.get("validator") and _size(part):
        headers |= {"Range": f"bytes={_size(part)}-", "If-Range": state["validator"]}

    try:
        return urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        if error.code == 416:  # nothing behind what we have: the file has changed
            part.unlink(missing_ok=True)
        elif error.code not in PASSING:
            raise DataError(
                [f"The server answered {error.code} ({error.reason}); check the address."],
                where=url,
            ) from error
        raise _DroppedError(f"the server answered {error.code} ({error.reason})") from error
    except (InvalidURL, UnicodeError) as error:
        raise DataError([f"The address is malformed: {error}."], where=url) from error
    except (HTTPException, OSError) as error:
        raise _DroppedError(f"no connection ({getattr(error, 'reason', error)})") from error


def _extent(response: HTTPResponse) -> tuple[int, int | None]:
    """Returns the first byte that is sent and the length of the whole file, if stated."""
    if response.status == 206:  # Content-Range: bytes 1000-1999/2000
        try:
            span, total = response.headers["Content-Range"].removeprefix("bytes ").split("/")
            return int(span.split("-")[0]), None if total == "*" else int(total)
        except (AttributeError, ValueError):
            raise _DroppedError("the server does not say which bytes it sends") from None

    length = response.headers.get("Content-Length", "")

    return 0, int(length) if length.isdecimal() else None


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = response.read(BLOCK)
        except (HTTPException, OSError) as error:
            raise _DroppedError(f"the connection was lost ({error})") from error
        if not block:
            return
        yield block


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# What a partial download is of: without it, nothing is ever appended


def _state_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _write_state(part: Path, url: str, response: HTTPResponse, total: int | None) -> None:
    etag = response.headers.get("ETag", "")
    weak = not etag or etag.startswith("W/")  # a weak tag does not promise equal bytes
    validator = response.headers.get("Last-Modified") if weak else etag

    state = {"url": url, "validator": validator, "total": total}
    _replace_text(_state_file(part), json.dumps(state))


def _read_state(part: Path, url: str) -> dict:
    try:
        state = json.loads(_state_file(part).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}

    return state if isinstance(state, dict) and state.get("url") == url else {}


# Archive


@contextmanager
def _unpacked(archive: Path, target: Path) -> Iterator[Path]:
    """Yields the unpacked archive in a temporary folder, removed at the end if still there."""
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)

    try:
        with ZipFile(archive) as members:
            _check_members(members)
            _check_space(archive.parent, sum(info.file_size for info in members.infolist()))
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


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            [
                f"Not enough room: {needed / 1e9:.2f} GB needed, {free / 1e9:.2f} GB free. "
                "Make room or choose another folder, then fetch again."
            ],
            where=str(folder),
        )


def _replace_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
