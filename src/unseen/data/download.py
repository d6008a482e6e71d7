"""Downloads a file that may take several tries: each goes on where the last one stopped."""

__all__ = ["Progress", "check_space", "download"]

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from unseen.data.atomic import writing
from unseen.data.dataset import DataError

Progress = Callable[[int, int | None], None]

BLOCK = 1 << 20  # bytes received at a time
TIMEOUT = 30.0  # seconds without an answer
WAITS = (1.0, 4.0, 16.0)  # seconds before each further try that gets no further
PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP codes that a later try may not meet


class _DroppedError(Exception):
    """Says why a try failed that may be repeated."""


def download(url: str, path: Path, progress: Progress | None = None) -> None:
    """Downloads a file, in several tries if need be.

    What was received stands beside the file, as ``NAME.part``, until all of it is there; what it
    is a part of stands in ``NAME.part.json``.

    Arguments:
        url: The address, http or https.
        path: Where the file goes once it is whole.
        progress: Called with the bytes received and the bytes in all, ``None`` if unknown.

    Raises:
        DataError: If the server does not answer or refuses, or there is not enough room.
        OSError: If the disk does not allow it.
    """
    part = path.with_name(f"{path.name}.part")
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

    os.replace(part, path)
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

        check_space(part.parent, (total or 0) - start)
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
    with writing(_state_file(part)) as file:
        file.write(json.dumps(state).encode())


def _read_state(part: Path, url: str) -> dict:
    try:
        state = json.loads(_state_file(part).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}

    return state if isinstance(state, dict) and state.get("url") == url else {}


def check_space(folder: Path, needed: int) -> None:
    """Raises if there is not so much room.

    Arguments:
        folder: Where it is needed.
        needed: The number of bytes.

    Raises:
        DataError: Names both.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            [
                f"Not enough room: {needed / 1e9:.2f} GB needed, {free / 1e9:.2f} GB free. "
                "Make room or choose another folder, then fetch again."
            ],
            where=str(folder),
        )
