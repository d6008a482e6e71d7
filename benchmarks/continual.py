"""Sums up the runs of `unseen continual`: tables as text, and what class norm gains.

Percent, mean ± standard deviation over the orders of classes. `gain` is class norm minus none over
the same orders: mean ± standard deviation in points, and in how many orders it is above 0. The
learning rate is chosen for each head and order by sequential training on the first three tasks,
which are in no result, or it is the paper's. `train` is the time of training of a whole run, `kept`
what is stored after the last task.

Command: python benchmarks/continual.py benchmarks/results/continual.jsonl
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from unseen.benchmark.store import Record, read_records

MEASURES = {
    "mAUC": "mean_ausuc",
    "mH": "mean_harmonic_mean",
    "mJA": "mean_joint_accuracy",
    "mSA": "mean_seen_accuracy",
    "mUA": "mean_unseen_accuracy",
    "forgetting": "mean_forgetting",
}
GAINS = ("mAUC", "mH", "mJA", "forgetting")


def part(record: Record) -> str:
    """Returns what a run may be compared with: data, class table, stream and choice."""
    data, stream = record["data"], record["stream"]
    table = f" {data['attributes']}" if data["attributes"] else ""
    backbone = record["settings"].get("backbone")
    trained = f", trained end to end ({backbone})" if backbone else ", fixed features"
    # as the report names it: no comparison with published runs, which train a backbone
    fixed = stream["protocol"] == "class_norm" and not backbone
    protocol = "cn-fixed" if fixed else stream["protocol"]
    tasks = len(stream["classes_per_task"])
    chosen = "rates of the paper" if record["selection"] == "last" else record["selection"]
    if record["selection"] == "last" and stream["tasks_left_out"]["before"]:
        chosen = f"first {stream['tasks_left_out']['before']} tasks"

    return f"{data['name']}{table}: {protocol}, {tasks} tasks{trained}; {chosen}"


def spread(values: Sequence[float]) -> str:
    deviation = stdev(values) if len(values) > 1 else 0.0

    return f"{100 * fmean(values):6.1f} ±{100 * deviation:4.1f}"


def values(runs: Sequence[Record], name: str) -> dict[int, float]:
    return {run["seed"]: run["result"][MEASURES[name]] for run in runs}


def show(title: str, records: Sequence[Record]) -> None:
    print(f"\n{title}; {len({r['seed'] for r in records})} orders\n")
    print(
        f"{'':28s}" + "".join(f"{name:>13s}" for name in MEASURES) + f"{'train':>9s}{'kept':>10s}"
    )
    rows = dict.fromkeys((r["strategy"], r["method"]) for r in records)
    for strategy, method in sorted(rows, key=lambda row: (str(row[0]), row[1] == "class-norm")):
        runs = [r for r in records if (r["strategy"], r["method"]) == (strategy, method)]
        name = method if strategy is None else f"{strategy} + {method}"
        cells = "".join(f"{spread(list(values(runs, m).values())):>13s}" for m in MEASURES)
        seconds = fmean(sum(run["seconds"]["fit"]) for run in runs)
        kept = fmean(sum(run["memory_bytes"][-1].values()) for run in runs) / 2**20
        print(f"{name:28s}{cells}{seconds:7.1f} s{kept:7.1f} MB")
    show_gains(records)


def show_gains(records: Sequence[Record]) -> None:
    """Prints what class norm gains with each strategy."""
    print(f"\n{'gain of class norm':28s}" + "".join(f"{name:>21s}" for name in GAINS))
    for strategy in dict.fromkeys(r["strategy"] for r in records if r["strategy"]):
        mine = [r for r in records if r["strategy"] == strategy]
        with_norm = [r for r in mine if r["method"] == "class-norm"]
        without = [r for r in mine if r["method"] == "mlp"]
        if not (with_norm and without):
            continue
        cells = ""
        for name in GAINS:
            norm, none = values(with_norm, name), values(without, name)
            gain = [norm[seed] - none[seed] for seed in norm if seed in none]
            wins = f"({sum(each > 0 for each in gain)}/{len(gain)})"
            cells += f"{spread(gain)} {wins:>7s}"
        print(f"{strategy:28s}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    records = read_records(parser.parse_args().store)
    parts = dict.fromkeys(map(part, records))
    for command in dict.fromkeys(record["command"] for record in records):
        print(f"$ {command}")
    for title in parts:
        show(title, [record for record in records if part(record) == title])


if __name__ == "__main__":
    main()
