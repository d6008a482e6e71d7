"""The command line: its commands, and what each kind of error becomes."""

__all__ = ["run_command"]

import shlex
import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from cyclopts import (
    App,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from unseen import __version__
from unseen.cli.benchmark import benchmark
from unseen.cli.console import notes, open_streams, results, silence
from unseen.cli.continual import continual
from unseen.cli.data_check import check
from unseen.cli.data_convert import convert
from unseen.cli.data_fetch import fetch
from unseen.cli.data_info import info
from unseen.cli.demo import demo
from unseen.cli.errors import UserError, is_users, system_message
from unseen.cli.evaluate import evaluate
from unseen.cli.generate import generate
from unseen.cli.inspect import inspect
from unseen.cli.memory import keep_one_arena
from unseen.cli.methods import methods
from unseen.cli.predict import predict
from unseen.cli.report import report
from unseen.cli.train import train

DONE, USERS_INPUT = 0, 2


def shown_default(value: Any) -> str | None:
    """Returns a default as help shows it; that a flag is off goes without saying, and so on."""
    return None if value is None or value is False or value == () else str(value)


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


def run_command(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Arguments:
        argv: The words after ``unseen``; by default those of the process.

    Returns:
        The exit code: 0 done, 1 some runs failed, 2 the user's input is wrong. A defect of ours
        is raised.

    Example:
        >>> run_command(["--version"])
        0.1.0
        0
    """
    keep_one_arena()
    open_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            check_words(words)
            code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        command = " ".join(("unseen", *(error.command_chain or ())))
        return fail(f"{in_words(error) or error} See `{command} --help`.")
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        silence(sys.stdout)
        return DONE
    except Exception as error:
        if not is_users(error):
            raise
        return fail(system_message(error) if isinstance(error, OSError) else str(error))

    return code or DONE


def check_words(words: Sequence[str]) -> None:
    """Raises for an empty word, which a path would take for the folder we are in."""
    if "" in words:
        before = shlex.join(["unseen", *words[: words.index("")]])
        raise UserError(f"The word after `{before}` is empty: is a variable of the shell not set?")


def in_words(error: CycloptsError) -> str | None:
    """Returns in plain words what is missing or too much, where that is the error."""
    if isinstance(error, UnusedCliTokensError):
        return too_many(error.unused_tokens or [])
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        first = error.unused_tokens[0]
        near = get_close_matches(first, ("--help", "--version"), n=1)
        if first.startswith("-"):
            return f"There is no option {first}." + (f" Did you mean {near[0]}?" if near else "")
    if isinstance(error, UnknownOptionError) and error.token.keyword == "--set":
        return (
            "There is no `--set` here: `unseen train` and `unseen continual` take settings, "
            "`unseen benchmark` chooses them or takes those of a recipe."
        )
    if not isinstance(error, MissingArgumentError) or error.argument is None:
        return None

    return f"{error.argument.name} {'is missing' if error.keyword is None else 'needs a value'}."


def too_many(words: Sequence[str]) -> str:
    settings = any("=" in word for word in words)
    mend = (
        "each setting needs a `--set` of its own" if settings else "a path with spaces needs quotes"
    )

    return f"There is no place for `{shlex.join(words)}`: {mend}."


def fail(message: str) -> int:
    notes().print(f"error: {message}", soft_wrap=True, style="red")

    return USERS_INPUT


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    notes().print(f"warning: {message}", soft_wrap=True, style="yellow")
