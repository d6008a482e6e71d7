"""Writing a file so that it is there whole, or not at all."""

__all__ = ["writing"]

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from unseen.data.dataset import DataError


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that takes the place of ``path`` only when all of it is written.

    Arguments:
        path: The file to write; one that is there is replaced.

    Yields:
        The open file.

    Raises:
        DataError: If the file cannot be written; nothing is left behind.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "greeting.txt"
        ...     with writing(path) as file:
        ...         _ = file.write(b"hello")
        ...     path.read_text()
        'hello'
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"

    try:
        if path.exists() and not path.is_file():  # such as /dev/null: it must not be replaced
            problem = "Is there, and is not a regular file; nothing was written."
            raise DataError([problem], str(path))
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        raise DataError([explain(error, path)], where=str(path)) from error
    finally:
        with suppress(OSError):  # it is gone if all went well
            temporary.unlink()


def explain(error: OSError, path: Path) -> str:
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        return f"Cannot be written: the folder {path.parent} does not exist; create it first."

    mend = " Make room on the disk." if error.errno == errno.ENOSPC else ""

    return f"Cannot be written: {error.strerror or error}.{mend}"
