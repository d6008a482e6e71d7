"""Where output goes: results to stdout, all else to stderr."""

__all__ = [
    "note",
    "notes",
    "open_streams",
    "print_json",
    "progress",
    "results",
    "show_next",
    "silence",
]

import io
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

BETWEEN_LINES = 30  # seconds


class ResultConsole(Console):
    """A console that leaves it to the command what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class NoteConsole(Console):
    """A console that never ends the work: if nobody takes the notes, they go nowhere."""

    def on_broken_pipe(self) -> None:
        silence(self.file)

    def print(self, *objects: Any, **how: Any) -> None:
        try:
            super().print(*objects, **how)
        except OSError:  # such as a full disk
            silence(self.file)


def silence(stream: IO[str]) -> None:
    """Lets go nowhere what is written to a stream from now on."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def open_streams() -> None:
    """Gives a closed stream (``>&-``) an end; what the terminal cannot show becomes "?"."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def results() -> Console:
    """Returns the console for results; texts of users are printed as they are."""
    return ResultConsole(highlight=False, markup=False, emoji=False)


def notes() -> Console:
    """Returns the console for progress, notes and errors."""
    return NoteConsole(stderr=True, highlight=False, markup=False, emoji=False)


def note(text: str) -> None:
    """Prints a note, which the terminal may wrap as it likes."""
    notes().print(f"note: {text}", soft_wrap=True)


def show_next(*words: str | Path) -> None:
    """Prints the command that comes next; a path that begins with a dash is no option."""
    typed = [
        f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)
        for word in words
    ]
    notes().print(f"next: {shlex.join(['unseen', *typed])}", soft_wrap=True)


def print_json(value: Any) -> None:
    """Prints a value for machines."""
    print(json.dumps(value, indent=2, allow_nan=False))


class ProgressLines(Progress):
    """Bars on a terminal; elsewhere, as in a log, a line now and then."""

    said = 0.0  # when the last line was

    def __enter__(self) -> Self:
        self.said = time.monotonic()  # what is done sooner than the first line needs none

        return super().__enter__()

    def update(self, task_id: TaskID, **fields: Any) -> None:
        """Moves a task on, as that of the parent."""
        super().update(task_id, **fields)
        if not self.console.is_terminal and time.monotonic() >= self.said + BETWEEN_LINES:
            task = self.tasks[self.task_ids.index(task_id)]
            self.console.print(f"{task.description}: {task.fields['detail']}", soft_wrap=True)
            self.said = time.monotonic()


@contextmanager
def progress(lines: bool = True) -> Iterator[Progress]:
    """Shows progress bars while something runs, on a terminal; they vanish at the end.

    Arguments:
        lines: Whether to print a line now and then where there is no terminal.
    """
    console = notes()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
    )

    with (ProgressLines if lines else Progress)(
        *columns, console=console, transient=True, disable=not console.is_terminal, expand=True
    ) as bar:
        yield bar
