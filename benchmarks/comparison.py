"""Sums up the runs of `unseen benchmark`: a table as text, and a figure of H and T1.

Percent, mean ± standard deviation over seeds; settings and the penalty on seen classes are chosen
on hidden seen classes. `choice` is the time of that choice, once for all seeds; `fit` of one
training. The last lines are what each data set took in all.

Command: python benchmarks/comparison.py benchmarks/results/comparison.jsonl [-o FIGURE.png]
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from unseen.report.measures import ACCURACIES
from unseen.report.records import read_runs
from unseen.report.summary import DataSummary, MethodSummary, Spread, summarize

HARMONIC, ZERO_SHOT, INK, PALE, RULE = "#0b6e99", "#d9730d", "#37352f", "#9b9a97", "#e3e2e0"
LEGEND = ((HARMONIC, "o"), (ZERO_SHOT, "D"))
# What a file's own table is called where it has several.
OWN_TABLES = {"gtsrb": "pictograms"}


def title(summary: DataSummary) -> str:
    return data_title(summary.data)


def data_title(data: Mapping[str, Any]) -> str:
    table = data["attributes"] or OWN_TABLES.get(data["name"], "")

    return f"{data['name']} {table}".strip()


def choices(store: Path) -> dict[tuple[str, str], float]:
    """Returns the seconds of each choice, by data set and method."""
    records = [json.loads(line) for line in store.read_text().splitlines()]

    return {
        (data_title(r["data"]), r["method"]): r["choice"]["seconds"]
        for r in records
        if r["kind"] == "choice"
    }


def print_table(summary: DataSummary, seconds: Mapping[tuple[str, str], float]) -> None:
    name = title(summary)
    heads = "".join(f"{measure.symbol:>12s}" for measure in ACCURACIES)
    print(f"\n{name}\n{'':14s}{heads}{'H bare':>8s}{'H oracle':>9s}{'fit':>7s}{'choice':>8s}  s")
    total = 0.0
    for method in summary.methods:
        spreads = (method.measures[measure.name] for measure in ACCURACIES)
        cells = "".join(f"{100 * s.mean:7.1f}{deviation(method, s)}" for s in spreads)
        bare, oracle = (100 * block["harmonic_mean"].mean for block in (method.bare, method.oracle))
        fit, choice = method.measures["fit_seconds"].mean, seconds[name, method.name]
        total += fit * len(method.runs) + choice
        print(f"{method.name:14s}{cells}{bare:8.1f}{oracle:9.1f}{fit:7.1f}{choice:8.1f}")
    print(f"{len(summary.methods)} methods: {total / 60:.1f} minutes of one process")


def deviation(method: MethodSummary, spread: Spread) -> str:
    return f" ±{100 * spread.deviation:3.1f}" if method.runs[0].is_random else " " * 5


def by_mean(summaries: Sequence[DataSummary]) -> list[str]:
    """Returns the methods, the least mean H first, so that the best stands on top."""
    means: dict[str, list[float]] = {}
    for summary in summaries:
        for method in summary.methods:
            means.setdefault(method.name, []).append(method.harmonic_mean)

    return sorted(means, key=lambda name: sum(means[name]))


def draw(summaries: Sequence[DataSummary], path: Path) -> None:
    names = by_mean(summaries)
    figure, panels = plt.subplots(
        1, len(summaries), sharey=True, figsize=(2.2 * len(summaries) + 1, 0.34 * len(names) + 1.2)
    )
    for axes, summary in zip(panels, summaries, strict=True):
        methods: dict[str, MethodSummary] = {method.name: method for method in summary.methods}
        for row, name in enumerate(names):
            if name not in methods:
                continue
            measures = methods[name].measures
            for measure, colour, marker, lift in (
                ("zsl_accuracy", ZERO_SHOT, "D", 0.16),
                ("harmonic_mean", HARMONIC, "o", -0.16),
            ):
                spread = measures[measure]
                axes.errorbar(
                    100 * spread.mean,
                    row + lift,  # so that neither hides the other
                    xerr=100 * spread.deviation,
                    fmt=marker,
                    color=colour,
                    markersize=5.5 if marker == "o" else 4.5,
                    linewidth=1.2,
                )
        axes.set_title(title(summary), fontsize=10, loc="left", color=INK)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0, labelsize=9, colors=INK)
        axes.grid(color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        for side in axes.spines.values():
            side.set_visible(False)
    figure.supxlabel("percent, ± standard deviation over five seeds", fontsize=9, color=PALE)
    dots = [plt.Line2D([], [], color=c, marker=m, linestyle="") for c, m in LEGEND]
    figure.legend(
        dots,
        ["H, seen and unseen classes", "T1, unseen classes alone"],
        loc="upper right",
        ncols=2,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()

    summaries = summarize(read_runs([arguments.store]))
    seconds = choices(arguments.store)
    for summary in summaries:
        print_table(summary, seconds)
    if arguments.output is not None:
        draw(summaries, arguments.output)


if __name__ == "__main__":
    main()
