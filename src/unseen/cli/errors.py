"""Whose fault an error is: the user's input, with exit code 2, or ours, with a traceback."""

__all__ = ["UserError", "is_users", "naming_users"]

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# By module, so that a class is only looked for where its module is loaded: PyTorch takes a second.
USERS_ERRORS = {
    "unseen.data.dataset": "DataError",
    "unseen.methods.saving": "ModelError",
    "unseen.training.checkpoint": "CheckpointError",
    "unseen.training.loop": "TrainingError",
}
NO_MEMORY = ("can't allocate memory", "out of memory", "overflow")  # as PyTorch words it

SMALLER = (
    "a smaller `hidden`, a smaller `batch_size`, or data in 8 bits (`unseen data convert --dtype`)"
)


class UserError(ValueError):
    """Says what is wrong with what the user typed or handed in, and what to do."""


def is_users(error: BaseException) -> bool:
    """Says whether an error speaks to the user, who can mend the input.

    Example:
        >>> is_users(UserError("There is no method 'clas-norm'.")), is_users(KeyError("x"))
        (True, False)
    """
    if isinstance(error, (UserError, OSError)):
        return True

    loaded = [
        (sys.modules[name], kind) for name, kind in USERS_ERRORS.items() if name in sys.modules
    ]

    return any(isinstance(error, getattr(module, kind)) for module, kind in loaded)


@contextmanager
def naming_users(mend: str = SMALLER) -> Iterator[None]:
    """Turns what the library says about its arguments into an error of the user.

    Estimators raise ``ValueError`` for settings, shapes and labels: here they come from the user.

    Arguments:
        mend: What to do where the memory is too small.

    Raises:
        UserError: If a value is wrong, or the machine has too little memory for it.
    """
    try:
        yield
    except Exception as error:
        if is_users(error):
            raise
        if isinstance(error, (ValueError, OverflowError)):
            raise UserError(str(error)) from error
        if isinstance(error, MemoryError) or any(text in str(error) for text in NO_MEMORY):
            raise UserError(
                f"The memory of this machine is too small for this: try {mend}."
            ) from error
        raise


def system_message(error: OSError) -> str:
    """Returns what the system says, with the file it says it about."""
    what = error.strerror or str(error)
    mend = " Make room on the disk, and try again." if error.errno == errno.ENOSPC else ""

    return (f"{error.filename}: {what}." if error.filename else f"{what}.") + mend
