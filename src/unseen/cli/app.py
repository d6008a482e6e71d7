"""The command line: its commands, and what each kind of error becomes."""

__all__ = ["main"]

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from unseen import __version__
from unseen.cli.benchmark import benchmark
from unseen.cli.console import notes, results
from unseen.cli.continual import continual
from unseen.cli.data_check import check
from unseen.cli.data_convert import convert
from unseen.cli.data_fetch import fetch
from unseen.cli.data_info import info
from unseen.cli.demo import demo
from unseen.cli.errors import is_users, system_message
from unseen.cli.evaluate import evaluate
from unseen.cli.generate import generate
from unseen.cli.inspect import inspect
from unseen.cli.memory import keep_one_arena
from unseen.cli.methods import methods
from unseen.cli.predict import predict
from unseen.cli.report import report
from unseen.cli.train import train

DONE, USERS_INPUT, INTERRUPTED = 0, 2, 130


def shown_default(value: Any) -> str | None:
    """Returns a default as help shows it; that a flag is off by default goes without saying."""
    return None if value is None or value is False else str(value)


app = App(
    name="unseen",
    help="Recognise classes nobody has labelled, from features and class descriptions.",
    help_format="markdown",
    version=__version__,
    default_parameter=Parameter(negative=(), show_default=shown_default),
    suppress_keyboard_interrupt=False,
    console=results(),
)
data = App(name="data", help="Look at, check, convert and download data.", sort_key=1)

app.command(demo, sort_key=0)
app.command(data)
commands = (train, evaluate, predict, generate, benchmark, continual, inspect, report, methods)
for order, command in enumerate(commands, start=2):
    app.command(command, sort_key=order)
for command in (info, check, convert, fetch):
    data.command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Arguments:
        argv: The words after ``unseen``; by default those of the process.

    Returns:
        The exit code: 0 done, 1 some runs failed, 2 the user's input is wrong, 130 interrupted. A
        defect of ours is raised, and so becomes a traceback and 1.

    Example:
        >>> main(["--version"])
        0.1.0
        0
    """
    keep_one_arena()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            code = app(
                sys.argv[1:] if argv is None else argv,
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
        sys.stdout.flush()
    except CycloptsError as error:
        command = " ".join(("unseen", *(error.command_chain or ())))
        return fail(f"{missing(error) or error} See `{command} --help`.")
    except KeyboardInterrupt as error:
        notes().print(f"interrupted{': ' if error.args else ''}{error}", soft_wrap=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if not is_users(error):
            raise
        return fail(system_message(error) if isinstance(error, OSError) else str(error))

    return code or DONE


def missing(error: CycloptsError) -> str | None:
    """Returns what is missing, in words, where that is the error."""
    if not isinstance(error, MissingArgumentError) or error.argument is None:
        return None

    return f"{error.argument.name} {'is missing' if error.keyword is None else 'needs a value'}."


def fail(message: str) -> int:
    notes().print(f"error: {message}", soft_wrap=True, style="red")

    return USERS_INPUT


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    notes().print(f"warning: {message}", soft_wrap=True, style="yellow")
