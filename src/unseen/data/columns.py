"""Tables with a header, CSV and parquet: numbers as one array, texts as lists."""

__all__ = ["Columns", "is_number", "read_columns", "write_columns"]

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import opening, reading
from unseen.data.atomic import writing
from unseen.data.dataset import DECODE_ROWS, DataError
from unseen.data.wording import NAMED, listed, shortened

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = ",;\t"
SAMPLED_ROWS = 20  # a column without a number in these rows is text
# a column without a name, as it is written here or by pandas: most often row numbers
NAMELESS = re.compile(r"|Unnamed: \d+(\.\d+)?|__index_level_\d+__")


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Arguments:
        names: The names of the :math:`k` numeric columns.
        values: Their values, with shape :math:`(n, k)`, float32, finite.
        texts: The :math:`n` cells of each text column that was asked for and is there.
        lines: The line of the file in which each row ends; empty where a file has no lines.
        left_out: The names of all other columns.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    texts: dict[str, list[str]]
    lines: list[int] = field(default_factory=list)
    left_out: tuple[str, ...] = ()

    def places(self, rows: Sequence[int]) -> str:
        """Returns where rows stand in the file, as a reader of the file counts: ``Line 2``."""
        places = [self.lines[row] for row in rows] if self.lines else rows
        noun = "Line" if self.lines else "Row"

        return f"{noun}{'' if len(rows) == 1 else 's'} {listed(places)}"


def name_place(row: int, lines: Sequence[int]) -> str:
    return f"line {lines[row]}" if lines else f"row {row}"


def read_columns(
    path: Path,
    texts: Sequence[str],
    required: Sequence[str] = (),
    numbers: Sequence[str] = (),
) -> Columns:
    """Reads a table of numbers and texts.

    Arguments:
        path: A file with the suffix ``.csv`` or ``.parquet``, whose first line names the columns.
        texts: The columns to read as text, where they are there.
        required: Those of them that must be there.
        numbers: The columns that are numeric whatever stands in them, where they are there.

    Returns:
        The columns. Columns that are neither numeric nor in ``texts`` are left out, and so are
        those without a name.

    Raises:
        DataError: If a column is missing or a number is no number, with line and column.
    """
    with opening(path):
        if path.stat().st_size == 0:
            raise DataError(["Is an empty file."], str(path))

        read = read_parquet if path.suffix.lower() == ".parquet" else read_csv
        columns = read(path, texts, required, numbers)

    bad = np.argwhere(~np.isfinite(columns.values))
    if len(bad):
        cells = [(row, column, str(columns.values[row, column])) for row, column in bad.tolist()]
        raise_cells(path, columns.lines, columns.names, cells)

    return columns


def check_header(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    """Raises where a header cannot be relied upon."""
    if header and all(is_number(name) for name in header):
        problem = "The first line holds numbers, not column names; add a line of names above it."
        raise DataError([problem], str(path))

    twice = sorted({name for name in header if name and header.count(name) > 1})
    problems = [f"There is more than one column {name!r}; rename or drop one." for name in twice]
    problems += [missing_column(name, header) for name in required if name not in header]
    if problems:
        raise DataError(problems, str(path))


def is_nameless(name: str) -> bool:
    return NAMELESS.fullmatch(name) is not None


def missing_column(name: str, header: Sequence[str]) -> str:
    lowered = {other.strip().lower(): other for other in header}
    close = get_close_matches(name, lowered, n=1)
    if close:
        return f"The column {name!r} is missing; did you mean {lowered[close[0]]!r}? Rename it."
    there = f"; there are {listed(map(repr, header))}" if header else ""

    return f"The column {name!r} is missing{there}."


def raise_cells(
    path: Path,
    lines: Sequence[int],
    names: Sequence[str],
    cells: Sequence[tuple[int, int, str]],
) -> None:
    """Raises an error that names the first few cells that are no number.

    Arguments:
        path: The file.
        lines: The line of each row, if the file has lines.
        names: The name of each column.
        cells: The row, the column and the text of each bad cell.
    """
    problems = [
        f"{name_place(row, lines).capitalize()}, column {names[column]!r}: "
        + (f"{text!r} is not a finite number." if text.strip() else "the cell is empty.")
        for row, column, text in cells[:NAMED]
    ]
    if len(cells) > NAMED:
        problems.append(f"{len(cells) - NAMED:,} more cells likewise.")

    raise DataError(problems, str(path))


# CSV


@dataclass(frozen=True)
class Scan:
    """What one pass over a CSV file finds: everything but the numbers."""

    delimiter: str
    header: list[str]
    header_lines: int
    lines: list[int]
    texts: dict[str, list[str]]
    sample: list[list[str]]


def read_csv(
    path: Path, texts: Sequence[str], required: Sequence[str], numbers: Sequence[str]
) -> Columns:
    try:
        scan = scan_csv(path, texts, required)
    except UnicodeDecodeError as error:
        raise DataError(["Is not UTF-8 text; save it as CSV in UTF-8."], str(path)) from error
    except csv.Error as error:
        raise DataError([f"Is not a CSV table ({error})."], str(path)) from error

    named = [
        (column, name)
        for column, name in enumerate(scan.header)
        if not is_nameless(name) and name not in scan.texts
    ]
    found = {column for column, _ in named if holds_numbers([row[column] for row in scan.sample])}
    if named and not found:
        raise_no_numbers(path, scan, *named[0])
    numeric = [column for column, name in named if column in found or name in numbers]
    names = tuple(scan.header[column] for column in numeric)
    rest = [name or "(no name)" for name in scan.header if name not in (*names, *scan.texts)]

    return Columns(names, read_numbers(path, scan, numeric), scan.texts, scan.lines, tuple(rest))


def raise_no_numbers(path: Path, scan: Scan, column: int, name: str) -> None:
    """Raises an error that names a cell, where there are columns for numbers, but none in them."""
    row, cell = scan.lines[0], scan.sample[0][column].strip()
    comma = is_number(cell.replace(",", ".", 1)) and "," in cell
    mend = "write numbers with a decimal point" if comma else "write numbers in them"
    problem = (
        f"No column holds numbers: line {row}, column {name!r} is {cell!r}, for example; {mend}."
    )
    raise DataError([problem], str(path))


def open_text(path: Path) -> TextIO:
    # utf-8-sig takes away the mark that spreadsheets put at the start of a file
    return path.open(encoding="utf-8-sig", newline="")


def scan_csv(path: Path, texts: Sequence[str], required: Sequence[str]) -> Scan:
    """Reads header, texts and line numbers, and holds every line against the header."""
    with open_text(path) as file:
        delimiter = find_delimiter(file.readline())
        file.seek(0)
        rows = csv.reader(file, delimiter=delimiter)
        header = [name.strip() for name in next(rows, [])]
        check_header(path, header, required)
        scan = Scan(
            delimiter, header, rows.line_num, [], {key: [] for key in texts if key in header}, []
        )
        wanted = [(header.index(key), cells) for key, cells in scan.texts.items()]

        ragged = []
        for line, row in filled_rows(rows):
            if len(row) != len(header):
                ragged.append((line, len(row)))
                continue
            scan.lines.append(line)
            for column, cells in wanted:
                cells.append(row[column].strip())
            if len(scan.sample) < SAMPLED_ROWS:
                scan.sample.append(row)

    if ragged:
        raise_lines(path, len(header), ragged)
    if not scan.lines:
        raise DataError(["Has a header but no rows."], str(path))

    return scan


def filled_rows(rows: "Reader") -> Iterator[tuple[int, list[str]]]:
    """Yields each row with the line it ends in, but for those that a spreadsheet leaves at the end.

    These have delimiters alone. Between other rows they are rows, of which each value is missing.
    """
    empty = []
    for row in rows:
        if any(row):
            yield from empty
            empty.clear()
            yield rows.line_num, row
        elif row:
            empty.append((rows.line_num, row))


def raise_lines(path: Path, columns: int, ragged: Sequence[tuple[int, int]]) -> None:
    """Raises an error that names the first few lines, each with its number of cells."""
    problems = [
        f"Line {line} has {width} cells where the header has {columns}."
        for line, width in ragged[:NAMED]
    ]
    if len(ragged) > NAMED:
        problems.append(f"{len(ragged) - NAMED:,} more lines likewise.")

    raise DataError(problems, str(path))


def find_delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def holds_numbers(cells: Sequence[str]) -> bool:
    """Says whether cells are a column of numbers; texts may be named "nan" or "inf"."""
    numbers = [float(cell) for cell in cells if is_number(cell)]
    texts = any(cell.strip() and not is_number(cell) for cell in cells)

    return any(map(isfinite, numbers)) or (bool(numbers) and not texts)


def is_number(text: str) -> bool:
    if "_" in text:  # float() takes 001_0003, a name of a file, for 10003
        return False
    try:
        float(text)
    except ValueError:
        return False

    return True


def read_numbers(path: Path, scan: Scan, numeric: Sequence[int]) -> NDArray[np.float32]:
    """Reads the numeric columns: in C, and if that fails cell by cell, to name the culprit."""
    if not numeric:
        return np.empty((len(scan.lines), 0), np.float32)

    try:
        with np.errstate(over="ignore"):  # an infinite value is named by the caller
            values = np.loadtxt(
                path,
                dtype=np.float32,
                comments=None,
                delimiter=scan.delimiter,
                skiprows=scan.header_lines,
                usecols=list(numeric),
                ndmin=2,
                encoding="utf-8-sig",
                quotechar='"',
            )
    except ValueError:
        return read_cells(path, scan, numeric)

    # a blank line of delimiters or a line break inside quotes is counted differently there
    return values if len(values) == len(scan.lines) else read_cells(path, scan, numeric)


def read_cells(path: Path, scan: Scan, numeric: Sequence[int]) -> NDArray[np.float32]:
    """Reads numbers cell by cell; raises with the line and column of those that are none."""
    values = np.zeros((len(scan.lines), len(numeric)), np.float32)
    bad = []

    with open_text(path) as file, np.errstate(over="ignore"):
        rows = csv.reader(file, delimiter=scan.delimiter)
        next(rows)
        for index, (_, row) in enumerate(filled_rows(rows)):
            for place, column in enumerate(numeric):
                if is_number(row[column]):
                    values[index, place] = float(row[column])
                else:
                    bad.append((index, place, row[column]))

    if bad:
        raise_cells(path, scan.lines, [scan.header[column] for column in numeric], bad)

    return values


# Parquet


def import_pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        problem = 'Parquet needs pyarrow, which is not installed: pip install "unseen[parquet]".'
        raise DataError([problem], str(path)) from error

    return pyarrow, parquet


def read_parquet(
    path: Path, texts: Sequence[str], required: Sequence[str], numbers: Sequence[str]
) -> Columns:
    pyarrow, parquet = import_pyarrow(path)

    with reading(path), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        check_header(path, schema.names, required)
        found = [name for name in texts if name in schema.names]
        names = tuple(
            item.name
            for item in schema
            if item.name not in found
            and not is_nameless(item.name)
            and is_numeric(pyarrow.types, item.type)
        )
        if not file.metadata.num_rows:
            raise DataError(["Has columns but no rows."], str(path))
        others = [item for item in schema if item.name not in (*found, *names)]
        check_others(path, [item for item in others if not is_nameless(item.name)], names, numbers)
        values, cells = read_batches(file, names, found)

    rest = [name or "(no name)" for name in schema.names if name not in (*names, *found)]

    return Columns(names, values, cells, left_out=tuple(rest))


def check_others(
    path: Path, others: Sequence[Any], names: Sequence[str], numbers: Sequence[str]
) -> None:
    """Raises where a column that should hold numbers is of another type."""
    if others and not names:
        problem = (
            f"No column holds numbers: {others[0].name!r} is of the type {others[0].type}, for "
            "example; write one column for each number."
        )
        raise DataError([problem], str(path))

    problems = [
        f"The column {item.name!r} is of the type {item.type}; write numbers in it."
        for item in others
        if item.name in numbers
    ]
    if problems:
        raise DataError(shortened(problems, "columns"), str(path))


def read_batches(
    file: Any, names: Sequence[str], texts: Sequence[str]
) -> tuple[NDArray[np.float32], dict[str, list[str]]]:
    """Reads the numeric columns and the text columns of a parquet file, some rows at a time."""
    values = np.empty((file.metadata.num_rows, len(names)), np.float32)
    cells: dict[str, list[str]] = {name: [] for name in texts}
    start = 0
    for batch in file.iter_batches(DECODE_ROWS, columns=[*names, *texts]):
        for column, name in enumerate(names):
            block = batch.column(name).to_numpy(zero_copy_only=False)
            # an empty cell becomes NaN, too large a number infinite: the caller names both
            with np.errstate(over="ignore"):
                values[start : start + len(block), column] = block
        for name in texts:
            written = batch.column(name).cast("string").to_pylist()
            cells[name] += [(text or "").strip() for text in written]
        start += batch.num_rows

    return values, cells


def is_numeric(types: Any, kind: Any) -> bool:
    tests = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)

    return any(test(kind) for test in tests)


# Writing


def write_columns(
    path: Path,
    texts: Mapping[str, Sequence[str]],
    names: Sequence[str],
    blocks: Iterable[NDArray],
) -> None:
    """Writes a table, block by block; atomically.

    Arguments:
        path: A file with the suffix ``.csv`` or ``.parquet``.
        texts: The :math:`n` cells of each text column; these columns come first.
        names: The names of the :math:`k` numeric columns.
        blocks: Their values in blocks of rows, each with shape :math:`(m, k)`, float32.

    Raises:
        DataError: If the file cannot be written.
    """
    write = write_parquet if path.suffix.lower() == ".parquet" else write_csv
    write(path, texts, names, blocks)


def write_csv(
    path: Path,
    texts: Mapping[str, Sequence[str]],
    names: Sequence[str],
    blocks: Iterable[NDArray],
) -> None:
    cells = zip(*texts.values(), strict=True)
    numbers = ",".join(["%.9g"] * len(names))  # nine digits give every float32 back

    with writing(path) as file:
        file.write((",".join(quote(name) for name in (*texts, *names)) + "\n").encode())
        for block in blocks:
            lines = (
                ",".join(quote(cell) for cell in next(cells)) + "," + numbers % tuple(row) + "\n"
                for row in block.tolist()
            )
            file.write("".join(lines).encode())


def quote(cell: str) -> str:
    special = any(mark in cell for mark in ',;\t"\r\n')

    return '"' + cell.replace('"', '""') + '"' if special else cell


def write_parquet(
    path: Path,
    texts: Mapping[str, Sequence[str]],
    names: Sequence[str],
    blocks: Iterable[NDArray],
) -> None:
    pyarrow, parquet = import_pyarrow(path)
    schema = pyarrow.schema(
        [(name, pyarrow.string()) for name in texts] + [(name, pyarrow.float32()) for name in names]
    )
    cells = [iter(column) for column in texts.values()]

    with writing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for block in blocks:
            columns = [pyarrow.array(take(column, len(block))) for column in cells]
            columns += [pyarrow.array(np.ascontiguousarray(column)) for column in block.T]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))


def take(cells: Iterator[str], count: int) -> list[str]:
    return list(islice(cells, count))
