"""One training at a time for one output: a lock beside it, which a killed process cannot keep."""

__all__ = ["locking"]

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unseen.cli.errors import UserError

WRITTEN_IN = 10  # seconds; a lock that is empty for longer was never written


@contextmanager
def locking(output: Path, named: Path | None = None) -> Iterator[None]:
    """Keeps other trainings from an output; the lock of a process that has ended is taken over.

    Arguments:
        output: What is going to be written; the lock is ``OUTPUT.lock`` beside it.
        named: What the user named, where that is not the output itself.

    Raises:
        UserError: If another process holds the lock.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, locking(Path(folder) / "model"):
        ...     [path.name for path in Path(folder).iterdir()]
        ['model.lock']
    """
    lock = output.with_name(f"{output.name}.lock")
    take(lock, named or output)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def take(lock: Path, output: Path) -> None:
    """Makes the lock, with this process in it, or none; of two processes, one wins."""
    if is_stale(lock):
        remove_stale(lock)
    try:
        file = lock.open("x", encoding="utf-8")
    except FileExistsError:
        number, machine = holder(lock)
        raise UserError(
            f"Another training writes to {output} (process {number or 'unknown'} on "
            f"{machine or 'this machine'}). Wait for its end, or choose another `--output`. If "
            f"there is none, delete {lock}."
        ) from None
    try:
        with file:
            file.write(f"{os.getpid()} {platform.node()}")
    except BaseException as error:
        lock.unlink(missing_ok=True)
        if isinstance(error, OSError):  # which does not know its file
            raise OSError(error.errno, error.strerror, str(lock)) from error
        raise


def remove_stale(lock: Path) -> None:
    """Removes the lock of a process that has ended, and never that of one that was quicker.

    Whoever holds the claim beside the lock looks again before removing it.
    """
    claim = lock.with_name(f"{lock.name}.stale")
    try:
        claim.open("x").close()
    except FileExistsError:
        if not is_old(claim):
            return
    try:
        if is_stale(lock):
            lock.unlink(missing_ok=True)
    finally:
        claim.unlink(missing_ok=True)


def holder(lock: Path) -> tuple[str, str]:
    """Returns the process of a lock and its machine; nothing if it has just gone."""
    try:
        number, _, machine = lock.read_text(encoding="utf-8").partition(" ")
    except FileNotFoundError:
        return "", ""

    return number, machine


def is_stale(lock: Path) -> bool:
    """Says whether the process of a lock has ended; it can be asked on its own machine only."""
    number, machine = holder(lock)
    if not number:  # a kill, or a full disk, came in between
        return is_old(lock)

    return number.isdecimal() and machine == platform.node() and not is_running(int(number))


def is_old(file: Path) -> bool:
    """Says whether a file stands for longer than it is written in; not if it has just gone."""
    try:
        return time.time() - file.stat().st_mtime > WRITTEN_IN
    except FileNotFoundError:
        return False


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True

    return number != os.getpid()
