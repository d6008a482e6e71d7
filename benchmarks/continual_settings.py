"""Class norm against none along streams, in other settings of the head: what decides?

Sequential training of both heads at the same learning rate, the paper's (0.001) unless another is
named, along all tasks. `gain` is class norm minus none over the same orders: mean ± standard
deviation in points, and in how many orders it is above 0. The paper's setting is the first: one
norm, running statistics, a scale of 10, 256 hidden units.

Command: python benchmarks/continual_settings.py $UNSEEN_DATA -o runs/ --seeds 3
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import fmean, stdev

from unseen.benchmark.store import Record, read_records
from unseen.cli import main as unseen

DATA = {
    "awa1_pca.npz": ("--tasks", "10"),
    "gtsrb.npz": ("--tasks", "9", "--set", "stream.split=spare"),
    "gtsrb.npz:words": ("--tasks", "9", "--set", "stream.split=spare"),
}
COMMON = ("-s", "sequential", "--set", "batch_size=64")
BOTH: dict[str, dict[str, str]] = {
    "the paper's": {},
    "rate 0.0003": {"lr": "0.0003"},
    "rate 0.01": {"lr": "0.01"},
    "scale 5": {"scale": "5"},
    "hidden 64": {"hidden": "64"},
}
NORM_ONLY: dict[str, dict[str, str]] = {
    "exact statistics": {"statistics": "exact"},
    "two norms": {"norm_position": "both"},
}
MEASURES = {"mAUC": "mean_ausuc", "mH": "mean_harmonic_mean", "mJA": "mean_joint_accuracy"}


def run(folder: Path, output: Path, seeds: int) -> None:
    for name, words in DATA.items():
        for heads, variants in (("class-norm,mlp", BOTH), ("class-norm", NORM_ONLY)):
            for settings in variants.values():
                given = [w for key, value in settings.items() for w in ("--set", f"{key}={value}")]
                start = ["continual", str(folder / name), "-m", heads, "-o", str(output)]
                with redirect_stdout(sys.stderr):  # its own tables
                    code = unseen([*start, "--seeds", str(seeds), *COMMON, *words, *given])
                assert code == 0


def has(record: Record, settings: dict[str, str]) -> bool:
    """Says whether a record has the paper's settings but for some."""
    own = record["settings"]["method"]["settings"]
    paper = {"lr": "0.001", "scale": "10", "hidden": "256"}
    paper |= {"statistics": "running", "norm_position": "last"}

    return all(
        (f"{own[name]:g}" if isinstance(own[name], float) else str(own[name])) == value
        for name, value in (paper | settings).items()
    )


def spread(values: Sequence[float]) -> str:
    return f"{100 * fmean(values):5.1f}±{100 * stdev(values):4.1f}"


def show(records: Sequence[Record]) -> None:
    names = dict.fromkeys((r["data"]["name"], r["data"]["attributes"]) for r in records)
    for name, attributes in names:
        mine = [
            r for r in records if (r["data"]["name"], r["data"]["attributes"]) == (name, attributes)
        ]
        print(f"\n{name} {attributes or ''}")
        print(f"{'':20s}{'none':>30s}{'class norm':>30s}{'gain':>36s}")
        head, last = ("".join(f"{key:>{width}s}" for key in MEASURES) for width in (10, 12))
        print(f"{'':20s}{head}{head}{last}")
        for variant, settings in {**BOTH, **NORM_ONLY}.items():
            norm = [r for r in mine if r["method"] == "class-norm" and has(r, settings)]
            plain = settings if variant in BOTH else {}
            none = [r for r in mine if r["method"] == "mlp" and has(r, plain)]
            row(variant, none, norm)


def row(variant: str, none: Sequence[Record], norm: Sequence[Record]) -> None:
    cells, gains = ["", ""], ""
    for key in MEASURES.values():
        a, b = ({r["seed"]: r["result"][key] for r in runs} for runs in (none, norm))
        gain = [b[seed] - a[seed] for seed in sorted(b)]
        cells[0] += spread(list(a.values()))
        cells[1] += spread(list(b.values()))
        gains += f"{100 * fmean(gain):+6.1f} ({sum(g > 0 for g in gain)}/{len(gain)})"
    print(f"{variant:20s}{cells[0]}{cells[1]}{gains}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    run(given.data, given.output, given.seeds)
    show(read_records(given.output))


if __name__ == "__main__":
    main()
