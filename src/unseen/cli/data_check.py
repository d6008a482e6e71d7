"""``unseen data check``: every problem of a data set, and what its split files contain."""

__all__ = ["check"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from unseen.cli.console import print_json, results

if TYPE_CHECKING:
    from unseen.data.proposed_split import SplitReport

PROBLEMS = 2  # the exit code


def check(data: str, /, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """List every problem of a data set; the exit code is 2 if there is one.

    For a folder of the field's benchmark, also what its splits have in common. This works
    without res101.mat, whose features are then not checked.

    Arguments:
        data: A folder with rows.csv and classes.csv, or with res101.mat and att_splits.mat, an npz
            or safetensors file, or "digits", which is embedded.
        as_json: Print the results as JSON.
    """
    reports, problems = read_reports(Path(data))
    found, notes = look_at(data, reports)
    problems += [problem for problem in found if problem not in problems]

    if as_json:
        splits = [to_json(report) for report in reports]
        print_json({"problems": problems, "notes": notes, "splits": splits})
    else:
        show(data, reports, problems, notes)

    return PROBLEMS if problems else 0


def read_reports(folder: Path) -> tuple[list["SplitReport"], list[str]]:
    """Returns a report on each split file of a benchmark folder, and what cannot be read."""
    if not folder.is_dir():
        return [], []

    from unseen.data.dataset import DataError
    from unseen.data.xlsa17 import split_files, split_report

    reports, problems = [], []
    for path in split_files(folder):
        try:
            reports.append(split_report(path))
        except DataError as error:
            problems += placed(error)

    return reports, problems


def look_at(data: str, reports: list["SplitReport"]) -> tuple[list[str], list[str]]:
    """Returns the problems and the notes of a data set with all its class tables."""
    import numpy as np

    from unseen.data.check_classes import check_class_attributes
    from unseen.data.dataset import DataError
    from unseen.data.load import attribute_tables, load
    from unseen.data.notes import note_same_descriptions, notes_on
    from unseen.data.xlsa17 import FEATURES_FILE, note_folds

    unused = [text for report in reports for text in note_folds(report)]
    if reports and not (Path(data) / FEATURES_FILE).exists():
        return [], [f"There is no {FEATURES_FILE}: only the splits were looked at.", *unused]

    try:
        loaded, tables = load(data), attribute_tables(data)
    except DataError as error:
        return placed(error), []

    problems, notes = [], notes_on(loaded)
    for name, table in tables.items():
        found = check_class_attributes(table, loaded.class_names)
        problems += [f"class table {name!r}: {problem}" for problem in found]
        # the default table may have a name, too
        if not found and not np.array_equal(table, loaded.class_attributes):
            same = note_same_descriptions(table, loaded.class_names)
            notes += [f"class table {name!r}: {text}" for text in same]

    return problems, notes + [text for text in unused if text not in notes]


def placed(error: Any) -> list[str]:
    """Returns the problems of an error, each with the file it is in."""
    start = f"{error.where}: " if error.where else ""

    return [start + problem for problem in error.problems]


def to_json(report: "SplitReport") -> dict[str, Any]:
    return {
        "path": report.path,
        "sha256": report.sha256,
        "version": report.version,
        "rows": report.sizes,
        "overlaps": [
            {"lists": [o.first, o.second], "rows": o.rows, "classes": o.classes}
            for o in report.overlaps
        ],
    }


def show(data: str, reports: list["SplitReport"], problems: list[str], notes: list[str]) -> None:
    console = results()
    for report in reports:
        show_report(report)
    for text in problems:
        console.print(f"problem: {text}", style="red", soft_wrap=True)
    for text in notes:
        console.print(f"note: {text}", soft_wrap=True)
    if not problems:
        console.print(f"{data}: no problems found", style="green", soft_wrap=True)


def show_report(report: "SplitReport") -> None:
    """Prints how many rows each two lists of a split file share, and which are a leak."""
    from rich.table import Table

    console, keys = results(), list(report.sizes)
    table = Table(title=Path(report.path).name, title_justify="left", box=None, pad_edge=False)
    table.add_column("list", no_wrap=True)
    for heading in ("rows", "shared with", "rows", "classes", ""):
        table.add_column(heading, justify="left" if heading == "shared with" else "right")

    for key in keys:
        table.add_row(key, f"{report.sizes[key]:,}")
        for overlap in report.overlaps:
            if overlap.first == key and (overlap.rows or overlap.classes):
                leak = is_leak(overlap.first, overlap.second, overlap.rows)
                table.add_row(
                    "",
                    "",
                    overlap.second,
                    f"{overlap.rows:,}",
                    "?" if overlap.classes is None else f"{overlap.classes:,}",
                    "leak" if leak else "",
                    style="red" if leak else None,
                )
    console.print(table)
    console.print(f"version: {report.version}", soft_wrap=True)
    console.print(f"sha256: {report.sha256}", soft_wrap=True)
    console.print()


def is_leak(first: str, second: str, rows: int) -> bool:
    """Whether two lists share rows that must not: one of them is a test set."""
    return rows > 0 and any(name.startswith("test_") for name in (first, second))
