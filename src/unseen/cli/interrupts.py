"""Ctrl-C and SIGTERM: whenever they come, the work ends in order, with a word on how to go on."""

__all__ = ["stoppable"]

import signal
import threading
from collections.abc import Callable
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)
IMPORTS = "<frozen importlib._bootstrap"  # the file of their frames
WAIT = 0.05  # seconds, until it is tried again


def stoppable(run: Callable[[], int], ends: bool = False) -> int:
    """Runs a command, which Ctrl-C and SIGTERM interrupt.

    An interrupt in the middle of an import would be swallowed, or leave half a module behind: it
    waits until the import is done.

    Arguments:
        run: The command.
        ends: Whether the process ends with it; then a later signal ends the process at once.

    Returns:
        The exit code of the command; 130 if it was interrupted, 143 if that was by SIGTERM.

    Example:
        >>> stoppable(lambda: 0)
        0
    """
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if number in STOPS:
            came.append(number)
        if is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, WAIT)
            return
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # signals are not its business
        return run()

    heeded = [number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
    heeded.append(signal.SIGALRM)  # of the timer
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        return run()
    except KeyboardInterrupt as error:
        for number in heeded:
            signal.signal(number, signal.SIG_IGN)  # once is enough
        tell(error)
        return 128 + (came[0] if came else signal.SIGINT)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if ends else handler)


def is_importing(frame: FrameType | None) -> bool:
    """Says whether a module is being imported where a signal came."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTS):
            return True
        frame = frame.f_back

    return False


def tell(error: KeyboardInterrupt) -> None:
    from unseen.cli.console import notes

    notes().print(f"interrupted{': ' if error.args else ''}{error}", soft_wrap=True)
