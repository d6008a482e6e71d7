"""The run store: ``runs.jsonl``, one line per finished run, safe from kills and from neighbours."""

__all__ = ["FORMAT", "Record", "RunStore", "read_records"]

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unseen.data.dataset import DataError

FORMAT = 1  # of a record; raise it when a record changes what it means
FILE = "runs.jsonl"

Record = dict[str, Any]


class RunStore:
    """Appends records to ``FOLDER/runs.jsonl``, each key once.

    Several processes may append at once: each does so under a lock of the operating system, which
    a killed process cannot keep. A line that a kill broke is cut off before the next one is
    written.

    Arguments:
        folder: The folder of the store; it is made if its parent is there.

    Raises:
        DataError: If the folder cannot be made or written to, or a line is damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     store = RunStore(Path(folder))
        ...     store.append({"key": "a", "format": 1}), store.append({"key": "a", "format": 1})
        (True, False)
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._records: dict[str, Record] = {}
        self._lines, self._read = 0, 0  # lines and bytes read so far
        try:
            folder.mkdir(exist_ok=True)
            with self._locked() as file:
                self._catch_up(file)
        except OSError as error:
            raise DataError([_explain(error, folder)], where=str(self.path)) from error

    def records(self) -> dict[str, Record]:
        """Returns all records by key, those of other processes among them."""
        with self._locked() as file:
            self._catch_up(file)

        return dict(self._records)

    def append(self, record: Record) -> bool:
        """Writes a record, unless one of its key is there.

        Arguments:
            record: What JSON knows, with a ``"key"``; NaN is not allowed.

        Returns:
            Whether it was written.
        """
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        with self._locked() as file:
            self._catch_up(file)
            if record["key"] in self._records:
                return False
            os.ftruncate(file, self._read)  # what a kill left behind the last whole line
            os.lseek(file, self._read, os.SEEK_SET)
            if os.write(file, line) < len(line):
                os.ftruncate(file, self._read)
                raise DataError(["Cannot be written: make room on the disk."], str(self.path))
            os.fsync(file)

        self._lines, self._read = self._lines + 1, self._read + len(line)
        self._records[record["key"]] = record

        return True

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)  # with it goes the lock

    def _catch_up(self, file: int) -> None:
        """Reads what was appended since the last time."""
        size = os.fstat(file).st_size
        if size < self._read:  # somebody began it anew
            self._records, self._lines, self._read = {}, 0, 0
        content = os.pread(file, size - self._read, self._read)
        for record, length in _parse(content, self._lines, self.path):
            self._records.setdefault(record["key"], record)
            self._lines += 1
            self._read += length


def read_records(path: Path) -> list[Record]:
    """Reads a run store, without a lock; a last line that is not whole yet is left out.

    Arguments:
        path: The folder of the store, or its file.

    Raises:
        DataError: If there is none, or a line is damaged or of a newer version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = RunStore(Path(folder)).append({"key": "a", "format": 1})
        ...     read_records(Path(folder))
        [{'key': 'a', 'format': 1}]
    """
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        raise DataError([f"There is no run store {file}; `unseen benchmark -o` writes one."])

    return [record for record, _ in _parse(file.read_bytes(), 0, file)]


def _parse(content: bytes, before: int, path: Path) -> Iterator[tuple[Record, int]]:
    """Yields each record with the length of its line; the last may be broken."""
    *whole, _ = content.split(b"\n")  # behind the last newline is nothing, or a broken line
    for number, line in enumerate(whole, start=1):
        try:
            record = json.loads(line)
            record["key"]
        except (ValueError, TypeError, KeyError) as error:
            if number == len(whole) and len(content) == sum(map(len, whole)) + number:
                return  # a crash of the machine can leave zeros where the last line was
            raise DataError(
                [
                    f"Line {before + number} is damaged. Delete that line: its run will be "
                    "repeated, the others will not."
                ],
                where=str(path),
            ) from error
        if record.get("format") != FORMAT:
            raise DataError(
                [
                    f"Line {before + number} has format {record.get('format')}; this version of "
                    f"unseen reads format {FORMAT}. Update unseen, or choose another folder."
                ],
                where=str(path),
            )
        yield record, len(line) + 1


def _explain(error: OSError, folder: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"The folder {folder.parent} does not exist; make it first: mkdir -p {folder}"
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return f"{folder} is a file; name a folder for the run store."

    return f"Cannot be written ({error.strerror}). Mend the permissions, or choose another folder."
