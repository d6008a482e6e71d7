"""The run store: ``runs.jsonl``, one line per finished run, safe from kills and from neighbours."""

__all__ = ["FORMAT", "Record", "RunStore", "read_records"]

import errno
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any

from unseen.data.dataset import DataError
from unseen.metrics.gzsl import MEASURES

FORMAT = 1  # of a record; raise it when a record changes what it means
FILE = "runs.jsonl"

Record = dict[str, Any]

logger = logging.getLogger(__name__)

NUMBER = (int, float)
MEASURED = (int, float, NoneType)  # nothing where there were no rows to measure on
NEEDED: dict[str, dict[str, Any]] = {  # of each kind, what is read when a benchmark goes on
    "choice": {
        "seconds": object,
        "chosen": dict,
        "choice": {"fits": NUMBER, "seconds": NUMBER, "penalty": (dict, NoneType)},
    },
    "run": {
        "seed": int,
        "chosen": dict,
        "metrics": dict.fromkeys(MEASURES, MEASURED),
        "seconds": {"fit": NUMBER, "predict": NUMBER},
    },
    "stream": {
        "seed": int,
        "chosen": dict,
        "stream": dict,
        "result": dict,
        "memory_bytes": list,
        "seconds": {"fit": list, "choose": NUMBER},
    },
}


class RunStore:
    """Appends records to ``FOLDER/runs.jsonl``, each key once.

    Several processes may append at once: each does so under a lock of the operating system, which
    a killed process cannot keep. A line that a kill broke is cut off before the next one is
    written.

    Arguments:
        folder: The folder of the store; it is made if its parent is there.

    Raises:
        DataError: If the folder cannot be made or written to, or a line is damaged; so do the
            methods.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     store = RunStore(Path(folder))
        ...     record = {"format": 1, "kind": "choice", "key": "a", "seconds": 1.0, "chosen": {}}
        ...     record["choice"] = {"fits": 3, "seconds": 1.0, "penalty": None}
        ...     store.append(record), store.append(record)
        (True, False)
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._records: dict[str, Record] = {}
        self._lines, self._read = 0, 0  # lines and bytes read so far
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise DataError([_explain(error, folder)], where=str(self.path)) from error
        self.records()

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
        """Yields the open file, which no other process has at the same time."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
            finally:
                os.close(file)  # with it goes the lock
        except OSError as error:  # which does not know its file
            raise DataError([_explain(error, self.path.parent)], str(self.path)) from error

    def _catch_up(self, file: int) -> None:
        """Reads what was appended since the last time."""
        size = os.fstat(file).st_size
        if size < self._read:  # somebody began it anew
            self._records, self._lines, self._read = {}, 0, 0
        content = os.pread(file, size - self._read, self._read)
        for record, length in _parse(content, self._lines, self.path):
            if record is not None:
                self._records.setdefault(record["key"], record)
            self._lines += 1
            self._read += length


def read_records(path: Path) -> list[Record]:
    """Reads a run store, without a lock; a last line that is not whole yet is left out.

    Arguments:
        path: The folder of the store, or its file.

    Raises:
        DataError: If there is none, or a line is damaged, incomplete or of a newer version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = RunStore(Path(folder))
        ...     read_records(Path(folder))
        []
    """
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        place = f"in {path.absolute()}" if path.is_dir() else path.absolute()
        raise DataError(
            [f"There is no run store {place}; `unseen benchmark` and `unseen continual` write one."]
        )
    content = file.read_bytes()
    parsed = list(_parse(content, 0, file))

    if content[sum(length for _, length in parsed) :].endswith(b"\n"):
        logger.warning("%s: the last line, %d, is damaged and left out.", file, len(parsed) + 1)

    return [record for record, _ in parsed if record is not None]


def _parse(content: bytes, before: int, path: Path) -> Iterator[tuple[Record | None, int]]:
    """Yields the record of each line, if not blank, and its length; the last may be broken."""
    if not before and content.lstrip()[:1] not in (b"", b"{", b"\0"):
        raise DataError(
            [
                "It is not a run store: its first line is no record. Name the folder that "
                "`unseen benchmark -o` wrote; if this is one, delete that line."
            ],
            where=str(path),
        )
    *whole, _ = content.split(b"\n")  # behind the last newline is nothing, or a broken line
    for number, line in enumerate(whole, start=1):
        if not line.strip():
            yield None, len(line) + 1
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(whole) and content.endswith(b"\n"):
                return  # a crash of the machine can leave zeros where the last line was
            raise _damaged(f"Line {before + number} is damaged. Delete that", path) from error
        if not isinstance(record, dict) or not isinstance(record.get("key"), str):
            raise _damaged(f"Line {before + number} is damaged. Delete that", path)
        if record.get("format") != FORMAT:
            raise DataError(
                [
                    f"Line {before + number} has format {record.get('format')}; this version of "
                    f"unseen reads format {FORMAT}. Update unseen, or choose another folder."
                ],
                where=str(path),
            )
        needed = NEEDED.get(str(record.get("kind")))
        if lacking := "kind" if needed is None else _lacking(record, needed):
            name = f"Line {before + number}, record {record['key'][:12]}"
            raise _damaged(f"{name} lacks {lacking!r}. Delete its", path)
        yield record, len(line) + 1


def _damaged(start: str, path: Path) -> DataError:
    return DataError(
        [f"{start} line: its run will be repeated, the others will not."], where=str(path)
    )


def _lacking(record: Record, needed: Record) -> str | None:
    """Returns the first name, such as ``seconds.fit``, that is missing or of another type."""
    for name, kind in needed.items():
        if name not in record:
            return name
        if not isinstance(kind, dict):
            if not isinstance(record[name], kind):
                return name
        elif not isinstance(record[name], dict):
            return name
        elif inner := _lacking(record[name], kind):
            return f"{name}.{inner}"

    return None


def _explain(error: OSError, folder: Path) -> str:
    if isinstance(error, FileNotFoundError):
        if folder.parent.exists():
            return f"The folder {folder} is gone; begin again."
        return f"The folder {folder.parent} does not exist; make it first: mkdir -p {folder}"
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return f"{folder} is a file; name a folder for the run store."

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"Cannot be written ({error.strerror}): make room on the disk."

    return f"Cannot be written ({error.strerror}). Mend the permissions, or choose another folder."
