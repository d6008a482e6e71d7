"""``unseen report``: one page of tables and figures from finished runs."""

__all__ = ["report"]

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from unseen.cli.console import note, progress
from unseen.cli.errors import UserError
from unseen.cli.outputs import check_parent

SUFFIXES = (".html", ".htm")


def report(
    *runs: Path,
    output: Annotated[Path, Parameter(alias="-o")] = Path("report.html"),
) -> None:
    """Make one HTML page from finished runs: tables, figures, what was chosen, how it was made.

    The page needs no other file and no network. It opens in any browser, prints on paper, and
    puts published numbers beside ours where they are of the same benchmark. Benchmarks and streams
    of tasks may stand in one folder.

    Arguments:
        runs: The folders that "unseen benchmark" or "unseen continual" wrote, one or more.
        output: The page to write; one that is there is replaced.
    """
    if not runs:
        raise UserError(
            "Name the folder of `unseen benchmark` or `unseen continual`: unseen report runs/"
        )
    check_output(output)

    from unseen.data.atomic import writing
    from unseen.report.html import render_report
    from unseen.report.stores import read_stores

    finished = read_stores(runs)
    with progress() as bar:
        task = bar.add_task("drawing", total=None, detail="")

        def show_data(done: int, of: int) -> None:
            bar.update(task, total=of, completed=done, detail=f"{done}/{of} data sets")

        page = render_report(finished.runs, show_data, finished.streams)

    with writing(output) as file:
        file.write(page.encode())
    note(f"{output} shows {len(finished):,} run{'' if len(finished) == 1 else 's'}")


def check_output(output: Path) -> None:
    """Raises before the work if the page could not be written."""
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"`--output` must end in .html; got {output}.")
    if output.is_dir():
        raise UserError(f"{output} is a folder; `--output` must name a file.")
    check_parent(output)
