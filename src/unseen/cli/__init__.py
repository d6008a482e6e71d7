"""The command ``unseen``: one file per command; PyTorch loads inside of them."""

__all__ = ["main"]

from collections.abc import Sequence

from unseen.cli.interrupts import stoppable


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command, and ends it in order where it is interrupted.

    Arguments:
        argv: The words after ``unseen``; by default those of the process, which then ends.

    Returns:
        The exit code: 0 done, 1 some runs failed, 2 the user's input is wrong, 130 interrupted,
        143 ended by SIGTERM. A defect of ours is raised, and so becomes a traceback and 1.

    Example:
        >>> main(["--version"])
        0.1.0
        0
    """

    def run() -> int:
        from unseen.cli.app import run_command

        return run_command(argv)

    return stoppable(run, ends=argv is None)
