"""How a benchmark goes: its table, the time left, and a line per run where nobody looks."""

__all__ = ["Row", "Scoreboard", "watching"]

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from unseen.cli.console import notes
from unseen.cli.result_table import MEASURES, mean_and_deviation, spread
from unseen.cli.table_names import name_data

if TYPE_CHECKING:
    from unseen.benchmark.runs import Outcome, Unit
    from unseen.benchmark.store import Record

LEAST_NAME, MOST_NAME = 12, 22  # columns of a name; a longer one is folded
See = Callable[["Unit", "Outcome"], None]


@dataclass
class Row:
    """What is known of one method on one data set.

    Arguments:
        unit: Its unit of work, with all seeds.
        runs: The record of each finished seed.
        choice: The record of the choice, once it is made.
        failed: What failed: a seed, or ``None`` for all that were left, and why.
    """

    unit: "Unit"
    runs: dict[int, "Record"] = field(default_factory=dict)
    choice: "Record | None" = None
    failed: dict[int | None, str] = field(default_factory=dict)

    def values(self, measure: str) -> list[float]:
        """Returns a measure of the finished seeds, where there was something to measure."""
        found = [self.runs[seed]["metrics"][measure] for seed in sorted(self.runs)]

        return [value for value in found if value is not None]

    @property
    def runs_left(self) -> int:
        """The number of runs to come."""
        if None in self.failed:
            return 0

        return len(self.unit.seeds) - len(self.runs) - len(self.failed)

    @property
    def is_to_choose(self) -> bool:
        """Whether the choice is still to come."""
        return self.choice is None and self.unit.choice_fits > 0 and self.runs_left > 0

    @property
    def seconds_per_run(self) -> float | None:
        """The mean time of a run so far, or of a training in the choice; unknown before."""
        if self.runs:
            return fmean(run_seconds(run) for run in self.runs.values())

        if self.choice is None:
            return None

        return self.choice["choice"]["seconds"] / self.choice["choice"]["fits"]


class Scoreboard:
    """What is finished of a benchmark, and what is not.

    Arguments:
        units: All units of work, whatever is finished of them.
    """

    def __init__(self, units: Sequence["Unit"]) -> None:
        self.units = units
        self.rows = {unit.key(): Row(unit) for unit in units}
        self.names = dict(zip(self.rows, name_data([unit.data for unit in units]), strict=True))
        self.workers = 1

    @property
    def all(self) -> int:
        """The number of runs."""
        return sum(len(unit.seeds) for unit in self.units)

    @property
    def done(self) -> int:
        """The number of finished runs."""
        return sum(len(row.runs) for row in self.rows.values())

    def take(self, records: Mapping[str, "Record"]) -> None:
        """Takes what a run store has of this benchmark."""
        for key, row in self.rows.items():
            row.choice = records.get(key, row.choice)
            for seed in row.unit.seeds:
                if (run := records.get(row.unit.key(seed))) is not None:
                    row.runs[seed] = run
                    row.failed.pop(seed, None)
            if len(row.runs) == len(row.unit.seeds):
                row.failed.clear()

    def add(self, unit: "Unit", outcome: "Outcome") -> None:
        """Takes one outcome."""
        from unseen.benchmark.runs import Failure

        row = self.rows[unit.key()]
        if isinstance(outcome, Failure):
            row.failed[outcome.seed] = outcome.message
        elif outcome["kind"] == "choice":
            row.choice = outcome
        else:
            row.runs[outcome["seed"]] = outcome

    def data_name(self, unit: "Unit") -> str:
        """Returns the data as a user names them, and no others of this benchmark are called."""
        return self.names[unit.key()]

    def failures(self) -> list[str]:
        """Returns what failed, a text each."""
        return [
            f"{row.unit.name} on {self.data_name(row.unit)}"
            f"{'' if seed is None else f', seed {seed}'}: {message}"
            for row in self.rows.values()
            for seed, message in row.failed.items()
        ]

    def seconds_left(self) -> float | None:
        """Returns the time that the rest takes, judged by what is finished.

        A run takes as long as those before it of the same method on the same data, or else as the
        mean of all; a choice takes as long as the mean of all. ``None`` before anything is known.
        """
        rows = list(self.rows.values())
        runs = [known for row in rows if (known := row.seconds_per_run) is not None]
        choices = [row.choice["choice"]["seconds"] for row in rows if row.choice is not None]
        if not runs:
            return None

        left = []
        for row in rows:
            seconds = row.seconds_per_run
            seconds = fmean(runs) if seconds is None else seconds
            choosing = fmean(choices) if row.is_to_choose and choices else 0.0
            left.append(choosing + row.runs_left * seconds)
        at_once = min(self.workers, sum(seconds > 0 for seconds in left))

        return max(max(left), sum(left) / at_once) if at_once else 0.0

    def table(self, only: "Unit | None" = None, width: int = 80) -> Table:
        """Returns mean and standard deviation over seeds, in percent.

        Arguments:
            only: The unit whose data set is shown; by default all are.
            width: The columns there are; where the names would not fit, no deviations are shown.
        """
        rows = [
            row
            for row in self.rows.values()
            if only is None or self.data_name(row.unit) == self.data_name(only)
        ]
        names = min(max(len(row.unit.name) for row in rows) + 2, MOST_NAME)
        cells = [
            [mean_and_deviation(row.values(name)) for name in MEASURES.values()] for row in rows
        ]
        counts = [f"{len(row.runs)}/{len(row.unit.seeds)}" for row in rows]
        columns = [*zip(MEASURES, *cells, strict=True), ("runs", *counts)]
        if names + sum(max(map(len, column)) + 2 for column in columns) > width:
            cells = [[cell.partition("±")[0] for cell in row] for row in cells]

        title = selection_note(rows[0].unit)
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1))
        table.add_column("percent", overflow="fold", min_width=LEAST_NAME)
        for heading in MEASURES:
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("runs", justify="right", no_wrap=True)

        shown = None
        for row, measured, runs in zip(rows, cells, counts, strict=True):
            if self.data_name(row.unit) != shown:
                shown = self.data_name(row.unit)
                table.add_row(Text(shown), style="bold")
            style = "red" if row.unit.selection == "oracle" or row.failed else None
            table.add_row(f"  {row.unit.name}", *measured, runs, style=style)

        return table

    def to_json(self) -> dict[str, Any]:
        """Returns the table as JSON knows it: fractions."""
        return {
            "results": [
                {
                    "method": row.unit.name,
                    "data": row.unit.data["name"],
                    "path": row.unit.data["path"],
                    "attributes": row.unit.attributes,
                    "selection": row.unit.selection,
                    "chosen": None if row.choice is None else row.choice["chosen"],
                    "seeds": sorted(row.runs),
                    **{name: spread(row.values(name)) for name in MEASURES.values()},
                }
                for row in self.rows.values()
            ],
            "failures": self.failures(),
        }


@contextmanager
def watching(board: Scoreboard) -> Iterator[See]:
    """Shows a live table on a terminal; elsewhere, a line for each finished run, on stderr.

    Yields:
        What each outcome is to be handed to.
    """
    console = notes()
    if not console.is_terminal:

        def say(unit: "Unit", outcome: "Outcome") -> None:
            board.add(unit, outcome)
            console.print(line(board, unit, outcome), soft_wrap=True)

        yield say
        return

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        expand=True,
        console=console,
    )
    task = bar.add_task("runs", total=board.all, completed=board.done, left=time_left(board))
    first = board.units[0]

    with Live(
        Group(bar, board.table(first, console.width)), console=console, transient=True
    ) as live:

        def see(unit: "Unit", outcome: "Outcome") -> None:
            board.add(unit, outcome)
            bar.update(task, completed=board.done, left=time_left(board))
            live.update(Group(bar, board.table(unit, console.width)))

        yield see


def line(board: Scoreboard, unit: "Unit", outcome: "Outcome") -> str:
    """Returns what there is to say of an outcome."""
    from unseen.benchmark.runs import Failure

    start = f"{board.data_name(unit)}: {unit.name}"
    if isinstance(outcome, Failure):
        return f"{start}{'' if outcome.seed is None else f', seed {outcome.seed}'}: failed"
    if outcome["kind"] == "choice":
        chosen = ", ".join(f"{name}={value}" for name, value in outcome["chosen"].items())
        said = f"chose {chosen or 'the penalty'} in {outcome['choice']['fits']} fits"
        return f"{start}: {said}, {outcome['choice']['seconds']:.1f} s"

    measures = "  ".join(
        f"{heading} {mean_and_deviation([] if value is None else [value])}"
        for heading, name in MEASURES.items()
        for value in [outcome["metrics"][name]]
    )
    end = f"{run_seconds(outcome):.1f} s  ({board.done}/{board.all}, {time_left(board)})"

    return f"{start}, seed {outcome['seed']}: {measures}  {end}"


def time_left(board: Scoreboard) -> str:
    seconds = board.seconds_left()
    if seconds is None:
        return "time left unknown"
    minutes, seconds = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)

    return f"{f'{hours}:{minutes:02}' if hours else minutes}:{seconds:02} left"


def selection_note(unit: "Unit") -> Text | None:
    if unit.selection == "oracle":
        return Text("oracle: chosen on test classes, a bound", style="red")

    return Text("settings as given") if unit.selection == "last" else None


def run_seconds(run: "Record") -> float:
    return run["seconds"]["fit"] + run["seconds"]["predict"]
