"""The one place that knows how work is spread: over processes of this machine."""

__all__ = ["default_workers", "map_runs"]

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:  # a worker begins with this file, and gets its threads before PyTorch loads
    from unseen.benchmark.runs import Outcome

Unit = TypeVar("Unit", bound="Callable[[], Iterator[Outcome]]")

MOST_WORKERS = 4  # by default: each holds the rows of a data set
Crew: TypeAlias = dict[Connection, tuple[BaseProcess, Unit]]
THREADS = "OMP_NUM_THREADS"  # PyTorch, MKL and OpenBLAS heed it; MKL's own changes results a bit


def map_runs(
    runs: Iterable[Unit], workers: int = 1
) -> Generator[tuple[Unit, "Outcome"], None, None]:
    """Runs units of work and yields what comes of them, as it comes.

    Arguments:
        runs: The units; the next one is asked for when a worker is free.
        workers: The number of processes; 1 works in this process. The cores are shared among
            them. They end with this process, however it ends.

    Yields:
        A unit with one of its outcomes. A worker that dies (for lack of memory, say) is replaced,
        and its unit is a failure.

    Raises:
        ValueError: If there are fewer workers than one.
    """
    if workers < 1:
        raise ValueError(f"`workers` must be at least 1; got {workers}.")
    if workers == 1:
        for unit in runs:
            for outcome in unit():
                yield unit, outcome
        return

    from unseen.benchmark.runs import Failure

    waiting = iter(runs)
    busy: Crew = {}
    try:
        for unit in islice(waiting, workers):
            _start(unit, busy, workers)
        while busy:
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                process, unit = busy[pipe]
                try:
                    outcome = pipe.recv()
                except (EOFError, OSError):
                    process.join()
                    yield unit, Failure(None, _last_words(process))
                    del busy[pipe]
                    for following in islice(waiting, 1):
                        _start(following, busy, workers)
                    continue
                if outcome is not None:
                    yield unit, outcome
                elif (following := next(waiting, None)) is not None:
                    _hand_out(following, pipe, process, busy)
                else:
                    del busy[pipe]
                    pipe.close()
                    process.join()
    finally:
        for process, _ in busy.values():
            process.terminate()
            process.join()


def default_workers() -> int:
    """Returns as many processes as there are cores, four at most; one if there is a GPU to share.

    Example:
        >>> 1 <= default_workers() <= 4
        True
    """
    import torch

    return 1 if torch.cuda.is_available() else min(MOST_WORKERS, _cores())


def _start(unit: Unit, busy: Crew, workers: int) -> None:
    """Starts a worker on a unit. A fresh interpreter: a fork would inherit PyTorch's locks."""
    spawn = multiprocessing.get_context("spawn")
    pipe, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(theirs,), daemon=True)
    with _sharing_cores(workers), _without_interrupts():
        process.start()
    theirs.close()
    _hand_out(unit, pipe, process, busy)


def _hand_out(unit: Unit, pipe: Connection, process: BaseProcess, busy: Crew) -> None:
    busy[pipe] = process, unit
    with suppress(BrokenPipeError):  # the end of the pipe tells of it
        pipe.send(unit)


def _work(pipe: Connection) -> None:
    """Runs units until there are no more; ``None`` says that one is done."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            unit = pipe.recv()
        except EOFError:
            return
        for outcome in unit():
            pipe.send(outcome)
        pipe.send(None)


def _end_with_parent() -> None:
    """A killed parent cannot end its workers, so they watch it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _last_words(process: BaseProcess) -> str:
    code = process.exitcode or 0
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    mend = " The system does that when memory runs out: use fewer `--workers`."

    return f"The process {how}." + (mend if code == -signal.SIGKILL else "")


@contextmanager
def _sharing_cores(workers: int) -> Iterator[None]:
    """Sets the threads of a process before it loads PyTorch; a smaller number of the user stays."""
    share, before = max(1, _cores() // workers), os.environ.get(THREADS)
    known = before is not None and before.isdecimal()
    os.environ[THREADS] = str(min(share, int(before)) if known else share)
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Lets a new process ignore Ctrl-C, which its terminal sends to all: its parent ends it."""
    if threading.current_thread() is not threading.main_thread():  # signals are not its business
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
