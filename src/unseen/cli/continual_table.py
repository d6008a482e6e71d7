"""The results of ``unseen continual``: a line for each run, a table, and JSON."""

__all__ = ["label", "measures", "table", "to_json"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unseen.cli.result_table import mean_and_deviation, spread
from unseen.cli.table_names import name_data

if TYPE_CHECKING:
    from rich.table import Table

    from unseen.benchmark.store import Record

LEAST_NAME = 12
MEASURES = {
    "mAUC": "mean_ausuc",
    "mH": "mean_harmonic_mean",
    "mJA": "mean_joint_accuracy",
    "mSA": "mean_seen_accuracy",
    "mUA": "mean_unseen_accuracy",
    "forget": "mean_forgetting",
}


def measures(record: "Record") -> str:
    """Returns the measures of a run as text, in percent."""
    result = record["result"]

    return "  ".join(
        f"{heading} {mean_and_deviation([] if result[key] is None else [result[key]])}"
        for heading, key in MEASURES.items()
    )


def label(data: str, method: str, strategy: str | None) -> str:
    """Returns what names a run, such as ``toy:words: mlp + ewc``."""
    against = "" if strategy is None else f" + {strategy}"

    return f"{data}: {method}{against}"


def grouped(records: Sequence["Record"]) -> dict[tuple[str, str, str | None], list["Record"]]:
    """Returns the records of each model, by data, method and strategy."""
    groups: dict[tuple[str, str, str | None], list[Record]] = {}
    names = name_data([record["data"] for record in records])
    for name, record in zip(names, records, strict=True):
        groups.setdefault((name, record["method"], record["strategy"]), []).append(record)

    return groups


def values(records: Sequence["Record"], key: str) -> list[float]:
    """Returns a measure of each run that has it, as fractions."""
    return [record["result"][key] for record in records if record["result"][key] is not None]


def table(records: Sequence["Record"], width: int) -> "Table":
    """Returns mean and standard deviation over the orders of classes, in percent.

    Arguments:
        records: The runs.
        width: The columns there are; where the names would not fit, no deviations are shown.
    """
    from rich.table import Table
    from rich.text import Text

    groups = grouped(records)
    cells = [
        [mean_and_deviation(values(runs, key)) for key in MEASURES.values()]
        for runs in groups.values()
    ]
    names = [f"  {method}{(strategy and f' + {strategy}') or ''}" for _, method, strategy in groups]
    columns = [names, *([each, *row] for each, *row in zip(MEASURES, *cells, strict=True))]
    if sum(max(map(len, column)) + 2 for column in columns) + len("runs") > width:
        cells = [[cell.partition("±")[0] for cell in row] for row in cells]

    shown = Table(box=None, pad_edge=False, padding=(0, 1))
    shown.add_column("percent", overflow="fold", min_width=LEAST_NAME)
    for heading in (*MEASURES, "runs"):
        shown.add_column(heading, justify="right", no_wrap=True)
    data = None
    for ((name, _, _), runs), row, title in zip(groups.items(), cells, names, strict=True):
        if name != data:
            data = name
            shown.add_row(Text(name), style="bold")
        shown.add_row(Text(title), *row, str(len(runs)))

    return shown


def to_json(records: Sequence["Record"]) -> list[dict[str, Any]]:
    """Returns the table as JSON knows it: fractions."""
    return [
        {
            "data": name,
            "method": method,
            "strategy": strategy,
            "seeds": sorted(record["seed"] for record in runs),
            **{key: spread(values(runs, key)) for key in MEASURES.values()},
        }
        for (name, method, strategy), runs in grouped(records).items()
    ]
