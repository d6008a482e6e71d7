"""Compares regressions within ReZSL on real features: accuracy, and how unequal the errors are.

Every loss is the cross-entropy plus a regression. What is chosen is chosen on hidden seen classes,
for one seed, by AUSUC: the weight of plain and of normalised MSE; weight and noise of Balanced MSE;
the exponents of ReMSE, whose weights are divided by their mean, at the weight that was chosen for
normalised MSE (so that lambda times mean weight is the same). `remse(1,1)` is not chosen. Of the
original descriptions of animals, 0 to 100, there are also MSE and ReMSE of their raw values. The
seen penalty of each loss comes from its own hidden classes. Test rows are looked at last, once a
seed.

Errors are of predictions and descriptions of length 1, by class and attribute. Correlation is that
of error and label value over the attributes of a class, times 100; Theil is within classes, and
within attributes. What is done is kept in OUTPUT: a run that was stopped goes on.

Then the sweep: normalised MSE and ReMSE at equal weights, whatever they are worth on hidden
classes, without a penalty. Nothing is chosen there; it shows what re-balancing does where the
regression has a say. Beside each correlation stands that of the mean description of the seen
classes, predicted for every row.

Command: python benchmarks/rezsl_losses.py [--data awa1_pca ...] [--seeds 5] [-o OUTPUT]
         python benchmarks/rezsl_losses.py --table [-o OUTPUT]
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from ledger import Ledger

import unseen
from unseen.benchmark.selection import choose
from unseen.data.dataset import ZeroShotData
from unseen.decide import SeenPenalty
from unseen.methods.rezsl import ReZSL
from unseen.metrics.imbalance import Imbalance, measure_imbalance

NAMES = ("data", "loss", "seed")
OUTPUT = Path("benchmarks/results/rezsl_losses.jsonl")
DATA = {
    "awa1_pca": ("awa1_pca.npz", None),
    "awa1": ("awa1.npz", None),
    "gtsrb words": ("gtsrb.npz", "words"),
    "awa1_pca original": ("awa1_pca.npz", "original"),
}

WEIGHTS = (1.0, 10.0, 100.0, 1000.0)
EXPONENTS = (0.5, 1.0, 2.0)
REMSE = {"regression": "remse", "mean_normalize": True}
Settings = dict[str, Any]

# what a loss is, and what of it is chosen on hidden classes
LOSSES: dict[str, tuple[Settings, Settings]] = {
    "ce only": ({"regression": None}, {}),
    "mse": ({"regression": "mse"}, {"regression_weight": WEIGHTS}),
    "normalized mse": ({"regression": "normalized-mse"}, {"regression_weight": WEIGHTS}),
    "balanced mse": (
        {"regression": "balanced-mse"},
        {"regression_weight": (0.1, 1.0, 10.0, 100.0), "noise": (0.01, 0.03, 0.1)},
    ),
    "remse(p,0)": (REMSE | {"p2": 0.0}, {"p": EXPONENTS}),
    "remse(0,p2)": (REMSE | {"p": 0.0}, {"p2": EXPONENTS}),
    "remse(p,p2)": (REMSE, {"p": EXPONENTS, "p2": EXPONENTS}),
    "remse(1,1)": (REMSE | {"p": 1.0, "p2": 1.0}, {}),
}
# of descriptions as they are given, where the others are of length 1: 0 to 100 in "original"
RAW: dict[str, tuple[Settings, Settings]] = {
    "raw mse": (
        {"regression": "mse", "attribute_normalization": "raw"},
        {"regression_weight": (1e-4, 1e-3, 1e-2, 1e-1), "lr": (3e-3, 0.1)},
    ),
    "raw remse(1,1)": (
        REMSE | {"p": 1.0, "p2": 1.0, "normalize": False, "attribute_normalization": "raw"},
        {},
    ),
}
BASE, RAW_BASE = "normalized mse", "raw mse"
SWEPT: dict[str, Settings] = {
    BASE: {"regression": "normalized-mse"},
    "remse(1,0)": REMSE | {"p": 1.0, "p2": 0.0},
    "remse(0,1)": REMSE | {"p": 0.0, "p2": 1.0},
    "remse(1,1)": REMSE | {"p": 1.0, "p2": 1.0},
}
MEAN = "mean description"
WIDTH = 40
ACCURACIES = {
    "T1": "zsl_accuracy",
    "U": "unseen_accuracy",
    "S": "seen_accuracy",
    "H": "harmonic_mean",
    "AUSUC": "ausuc",
}
IMBALANCES = ("mean", "deviation", "correlation", "Theil class", "Theil attr")
GROUPS = ("all", "unseen", "seen")

Key = tuple[str, str, int | None]


def load(name: str) -> ZeroShotData:
    file, attributes = DATA[name]

    return unseen.load(Path(os.environ["UNSEEN_DATA"]) / file, attributes=attributes)


def chosen(loss: str, data: ZeroShotData, weight: Settings, epochs: int) -> Settings:
    """Chooses the open settings of a loss, and its seen penalty, on hidden seen classes."""
    fixed, space = {**LOSSES, **RAW}[loss]
    model = ReZSL(epochs=epochs, random_state=0, **(weight | fixed))
    choice = choose(model, data, "hidden", space=space)
    penalty = choice.seen_penalty

    return {
        "settings": weight | fixed | choice.settings,
        "penalty": None if penalty is None else asdict(penalty),
        "fits": choice.fits,
        "candidates": [[one.settings, one.ausuc, one.zsl_accuracy] for one in choice.candidates],
    }


def mean_description(data: ZeroShotData) -> Settings:
    """Measures the imbalance of a prediction that is the same for every row."""
    mean = data.class_attributes[data.seen].mean(axis=0)
    found = {}
    for group in GROUPS:
        _, labels = rows_of_group(data, group)
        predicted = np.tile(mean, (len(labels), 1))
        found[group] = numbers(measure_imbalance(predicted, labels, labels, data.class_attributes))

    return {"imbalance": found}


def judged(choice: Settings, data: ZeroShotData, seed: int, epochs: int) -> Settings:
    """Trains with one seed, and measures on the test rows."""
    train = data.subset("train")
    model = ReZSL(epochs=epochs, random_state=seed, **choice["settings"])
    model.fit(train.features, train.labels, data.class_attributes)
    penalty = choice["penalty"]
    model.seen_penalty_ = None if penalty is None else SeenPenalty(**penalty)
    result = unseen.evaluate(model, data).stored

    return {
        "accuracy": {symbol: getattr(result, name) for symbol, name in ACCURACIES.items()},
        "imbalance": {group: numbers(imbalance(model, data, group)) for group in GROUPS},
    }


def imbalance(model: ReZSL, data: ZeroShotData, group: str) -> Imbalance:
    features, labels = rows_of_group(data, group)

    return measure_imbalance(
        model.predict_attributes(features), labels, model.predict(features), data.class_attributes
    )


def rows_of_group(data: ZeroShotData, group: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the features and labels of the test rows of seen, unseen or all classes."""
    parts = {"all": ("test_seen", "test_unseen")}.get(group, (f"test_{group}",))
    rows = [data.subset(part) for part in parts]

    return np.concatenate([one.features for one in rows]), np.concatenate(
        [one.labels for one in rows]
    )


def numbers(found: Imbalance) -> dict[str, float]:
    values = (
        found.spread.mean,
        found.spread.deviation,
        100 * found.class_correlation,
        found.theil.within_classes,
        found.theil.within_attributes,
    )

    return dict(zip(IMBALANCES, values, strict=True))


def run(names: Sequence[str], seeds: int, ledger: Ledger) -> None:
    for name in names:
        data = load(name)
        epochs = ledger.common["epochs"]
        raw = name.endswith("original")
        for loss, (fixed, _) in {**LOSSES, **(RAW if raw else {})}.items():
            base = RAW_BASE if loss in RAW else BASE
            given = {}
            if fixed["regression"] == "remse":
                found = ledger.once((name, base, None), chosen, base, data, {}, epochs)["settings"]
                given = {key: found[key] for key in ("regression_weight", "lr") if key in found}
            choice = ledger.once((name, loss, None), chosen, loss, data, given, epochs)
            for seed in range(seeds):
                ledger.once((name, loss, seed), judged, choice, data, seed, epochs)
        ledger.once((name, MEAN, None), mean_description, data)
        sweep(name, data, seeds, ledger)


def swept(loss: str, weight: float) -> str:
    """Returns the name of a loss of the sweep."""
    return f"{loss} at {weight:g}"


def sweep(name: str, data: ZeroShotData, seeds: int, ledger: Ledger) -> None:
    epochs = ledger.common["epochs"]
    for weight in WEIGHTS:
        for loss, settings in SWEPT.items():
            choice = {"settings": settings | {"regression_weight": weight}, "penalty": None}
            for seed in range(seeds):
                ledger.once((name, swept(loss, weight), seed), judged, choice, data, seed, epochs)


def rows_of(
    records: Mapping[Key, Settings],
    name: str,
    part: Callable,
    losses: Sequence[str] = (*LOSSES, *RAW),
) -> dict[str, np.ndarray]:
    """Returns one row of numbers per seed, by loss."""
    found = {
        loss: [
            list(part(record).values())
            for (data, other, seed), record in sorted(records.items(), key=str)
            if (data, other) == (name, loss) and seed is not None
        ]
        for loss in losses
    }

    return {loss: np.array(rows) for loss, rows in found.items() if rows}


def lines(
    rows: Mapping[str, np.ndarray],
    scale: np.ndarray,
    digits: list[int],
    base: str = BASE,
) -> Iterator[str]:
    """Yields means and deviations over the seeds, then differences from a base, paired."""
    for loss, values in rows.items():
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(len(scale), np.nan)
        cells = zip(values.mean(axis=0) * scale, spread * scale, digits, strict=True)
        yield f"{loss:{WIDTH}s}" + "".join(f"{m:9.{d}f} ±{s:6.{d}f}" for m, s, d in cells)
    for loss, values in rows.items():
        other = RAW_BASE if loss in RAW and loss != RAW_BASE else base
        if loss == other or other not in rows or len(values) != len(rows[other]):
            continue
        difference = values - rows[other]
        higher = (difference > 0).sum(axis=0)
        cells = zip(difference.mean(axis=0) * scale, higher, digits, strict=True)
        text = "".join(f"{m:+9.{d}f} {h:3d}/{len(values)} up" for m, h, d in cells)
        yield f"{f'{loss} - {other}':{WIDTH}s}" + text


def print_tables(records: Mapping[Key, Settings]) -> None:
    for name in DATA:
        if (name, BASE, None) not in records:
            continue
        print(f"\n{name}; mean ± deviation over seeds, then paired differences\n")
        for loss in (*LOSSES, *RAW):
            if (name, loss, None) in records:
                print(f"{loss:{WIDTH}s}{records[name, loss, None]['settings']}")
        parts: list[tuple[str, Callable, list[str], list[float], list[int]]] = [
            ("percent", lambda r: r["accuracy"], list(ACCURACIES), [100.0] * 5, [2] * 5)
        ]
        for group in GROUPS:
            parts.append(
                (
                    f"test rows: {group}",
                    lambda r, group=group: r["imbalance"][group],
                    [f"{IMBALANCES[0]} e-3", f"{IMBALANCES[1]} e-3", *IMBALANCES[2:]],
                    [1000.0, 1000.0, 1.0, 1.0, 1.0],
                    [4, 4, 2, 4, 4],
                )
            )
        for title, part, heads, scale, digits in parts:
            print(f"\n{title:{WIDTH}s}" + "".join(f"{head:>17s}" for head in heads))
            print(*lines(rows_of(records, name, part), np.array(scale), digits), sep="\n")
            if title.endswith(GROUPS) and (name, MEAN, None) in records:
                values = np.array(list(part(records[name, MEAN, None]).values())) * scale
                cells = "".join(f"{v:9.{d}f}        " for v, d in zip(values, digits, strict=True))
                print(f"{MEAN:{WIDTH}s}{cells.rstrip()}")
        if (name, swept(BASE, WEIGHTS[0]), 0) in records:
            for group in GROUPS:
                print_sweep(records, name, group)


def print_sweep(records: Mapping[Key, Settings], name: str, group: str) -> None:
    """Prints the losses at equal weights, and their paired differences from normalised MSE."""
    print(f"\n{name}: at equal weights, no penalty, errors of test rows: {group}\n")
    heads = ("T1", "H", "AUSUC", f"{IMBALANCES[0]} e-3", f"{IMBALANCES[1]} e-3", *IMBALANCES[2:])
    print(" " * WIDTH + "".join(f"{head:>17s}" for head in heads))
    scale = np.array([100.0, 100.0, 100.0, 1000.0, 1000.0, 1.0, 1.0, 1.0])
    digits = [2, 2, 2, 4, 4, 2, 4, 4]

    def part(record: Settings) -> dict[str, float]:
        accuracy, errors = record["accuracy"], record["imbalance"][group]

        return {head: accuracy[head] for head in ("T1", "H", "AUSUC")} | errors

    for weight in WEIGHTS:
        rows = rows_of(records, name, part, [swept(loss, weight) for loss in SWEPT])
        print(*lines(rows, scale, digits, base=swept(BASE, weight)), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=ReZSL().epochs)
    parser.add_argument("--table", action="store_true", help="print what is in OUTPUT, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()

    ledger = Ledger(arguments.output, NAMES, {"epochs": arguments.epochs})
    if not arguments.table:
        run(arguments.data, arguments.seeds, ledger)
    print_tables(ledger.records)


if __name__ == "__main__":
    main()
