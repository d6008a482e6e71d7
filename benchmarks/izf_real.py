"""Compares IZF on real features: both classifiers, with and without each loss, beside two others.

The settings of IZF are chosen on hidden seen classes, for one seed, by the AUSUC of its better
classifier; its variants take them, and change one loss. Every variant, classifier and peer has a
seen penalty from its own hidden classes. Both classifiers read one and the same flow, so that each
flow is trained once. Test rows are looked at last, once a seed. Differences from the whole loss are
paired over seeds. What is done is kept in OUTPUT: a run that was stopped goes on.

Without the separation the method never sees descriptions of unseen classes, and normalises them by
the seen ones alone; the variant of 1e-6 tells that from what the term itself does. 10 is the
largest weight: the gradient of the term is then as long as that of the centring, or longer.

Command: UNSEEN_DATA=../shared/data python benchmarks/izf_real.py [--data awa1_pca ...] [--seeds 5]
         [--epochs 20] [-o OUTPUT]
         python benchmarks/izf_real.py --table [-o OUTPUT]
"""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from ledger import Ledger

import unseen
from unseen.benchmark.selection import FOLDS, choose, combinations
from unseen.data.dataset import ZeroShotData
from unseen.data.splits import HiddenClassFolds
from unseen.decide import SeenPenalty, penalty_from_rehearsals
from unseen.methods.base import with_seed
from unseen.methods.izf import CLASSIFIERS, IZF
from unseen.metrics.gzsl import gzsl_result
from unseen.rehearsal import Rehearsal, rehearsals

Settings = dict[str, Any]
Key = tuple[str, str, int | None]

NAMES = ("data", "method", "seed")
OUTPUT = Path("benchmarks/results/izf_real.jsonl")
DATA = {
    "awa1_pca": ("awa1_pca.npz", None),
    "gtsrb words": ("gtsrb.npz", "words"),
    "gtsrb pictograms": ("gtsrb.npz", None),
}
SPACE = {"semantic_std": (0.3, 1.0)}
BASE: Settings = {
    "gradient_precision": "float32",  # the same on every machine
    "input_noise": 0.01,  # the default when most of this ran
}
WHOLE = "izf"
VARIANTS: dict[str, Settings] = {
    WHOLE: {},
    "no centring": {"centre_weight": 0.0},
    "no separation": {"separation_weight": 0.0},
    "positive MMD": {"separation_weight": -0.1},
    "separation 1e-6": {"separation_weight": 1e-6},
    "separation 10": {"separation_weight": 10.0},
    "positive MMD 10": {"separation_weight": -10.0},
    "input noise 0.3": {"input_noise": 0.3},  # by izf_settings.py, on hidden classes
    "bfloat16 gradients": {"gradient_precision": "bfloat16"},
}
WHERE = {  # the others: on all data
    "separation 1e-6": ("gtsrb words",),
    "separation 10": ("gtsrb words",),
    "positive MMD 10": ("gtsrb words",),
    "bfloat16 gradients": ("awa1_pca", "gtsrb words"),
}
PEERS = ("eszsl", "class-norm")
ACCURACIES = {
    "T1": "zsl_accuracy",
    "U": "unseen_accuracy",
    "S": "seen_accuracy",
    "H": "harmonic_mean",
    "AUSUC": "ausuc",
}


def load(name: str) -> ZeroShotData:
    file, attributes = DATA[name]

    return unseen.load(Path(os.environ["UNSEEN_DATA"]) / file, attributes=attributes)


def with_softmax(model: IZF, X: np.ndarray, y: np.ndarray) -> IZF:
    """Gives a fitted flow its other classifier, as ``fit`` would, without training it again."""
    model.classifier = "softmax"
    model._finish(X, y)

    return model


def rehearse(model: IZF, tasks: Sequence[Rehearsal]) -> dict[str, Settings]:
    """Returns AUSUC, T1 and the seen penalty of each classifier, on hidden seen classes."""
    shown: dict[str, list[tuple]] = {name: [] for name in CLASSIFIERS}
    for task in tasks:
        X, y = task.data.rows(task.train, task.data.compact_type), task.labels[task.train]
        fitted = with_seed(model, 0).fit(X, y, task.class_attributes)
        for name in CLASSIFIERS:
            fitted = with_softmax(fitted, X, y) if name == "softmax" else fitted
            scores = task.scores(fitted)
            result = gzsl_result(scores, task.labels[task.judged], task.seen)
            shown[name].append((task.curve(scores), result.harmonic_mean, result.zsl_accuracy))

    found = {}
    for name, results in shown.items():
        curves, bare, zsl_accuracies = zip(*results, strict=True)
        found[name] = {
            "ausuc": float(np.mean([curve.area for curve in curves])),
            "zsl_accuracy": float(np.mean(zsl_accuracies)),
            "penalty": asdict(penalty_from_rehearsals(curves, bare)),
        }

    return found


def chosen(data: ZeroShotData, epochs: int) -> Settings:
    """Chooses the settings of IZF, by the better of its classifiers."""
    tasks = rehearsals(data, HiddenClassFolds(folds=FOLDS))
    tried = [
        {"settings": settings, "hidden": rehearse(IZF(epochs=epochs, **BASE | settings), tasks)}
        for settings in combinations(SPACE)
    ]
    best = max(tried, key=lambda one: max(each["ausuc"] for each in one["hidden"].values()))

    return {"settings": best["settings"], "hidden": best["hidden"], "candidates": tried}


def rehearsed(data: ZeroShotData, settings: Settings, epochs: int) -> Settings:
    """Takes the settings as they are, and finds the penalties of a variant."""
    tasks = rehearsals(data, HiddenClassFolds(folds=FOLDS))

    return {"settings": settings, "hidden": rehearse(IZF(epochs=epochs, **BASE | settings), tasks)}


def judged(data: ZeroShotData, choice: Settings, seed: int, epochs: int) -> Settings:
    """Trains a flow with one seed, and judges both classifiers on the test rows."""
    train, start = data.subset("train", data.compact_type), time.perf_counter()
    model = IZF(epochs=epochs, random_state=seed, **BASE | choice["settings"])
    model.fit(train.features, train.labels, data.class_attributes)
    fit_seconds, found = time.perf_counter() - start, {}
    for name in CLASSIFIERS:
        if name == "softmax":
            model = with_softmax(model, train.features, train.labels)
        model.seen_penalty_ = SeenPenalty(**choice["hidden"][name]["penalty"])
        found[name] = accuracies(model, data)

    return {"accuracy": found, "fit_seconds": fit_seconds}


def accuracies(model: Any, data: ZeroShotData) -> Settings:
    """Returns what the test rows show, with the stored penalty and (H bare) without."""
    results = unseen.evaluate(model, data)
    stored = {symbol: getattr(results.stored, name) for symbol, name in ACCURACIES.items()}

    return stored | {"H bare": results.to_json()["no_penalty"]["harmonic_mean"]}


def peer_chosen(data: ZeroShotData, name: str) -> Settings:
    choice = choose(with_seed(unseen.METHODS[name](), 0), data)

    return {"settings": choice.settings, "penalty": asdict(choice.seen_penalty)}


def peer_judged(data: ZeroShotData, name: str, choice: Settings, seed: int) -> Settings:
    train, start = data.subset("train", data.compact_type), time.perf_counter()
    model = with_seed(unseen.METHODS[name](**choice["settings"]), seed)
    model.fit(train.features, train.labels, data.class_attributes)
    seconds = time.perf_counter() - start
    model.seen_penalty_ = SeenPenalty(**choice["penalty"])

    return {"accuracy": {"": accuracies(model, data)}, "fit_seconds": seconds}


def run(names: Sequence[str], seeds: int, ledger: Ledger) -> None:
    for name in names:
        data, epochs = load(name), ledger.common["epochs"]
        whole = ledger.once((name, WHOLE, None), lambda: chosen(data, epochs))  # noqa: B023
        for variant, change in VARIANTS.items():
            if name not in WHERE.get(variant, DATA):
                continue
            settings = whole["settings"] | change
            choice = ledger.once(
                (name, variant, None),
                lambda: rehearsed(data, settings, epochs),  # noqa: B023
            )
            for seed in range(seeds):
                ledger.once(
                    (name, variant, seed),
                    lambda: judged(data, choice, seed, epochs),  # noqa: B023
                )
        for peer in PEERS:
            choice = ledger.once((name, peer, None), lambda: peer_chosen(data, peer))  # noqa: B023
            for seed in range(seeds):
                ledger.once(
                    (name, peer, seed),
                    lambda: peer_judged(data, peer, choice, seed),  # noqa: B023
                )


def rows_of(records: Mapping[Key, Settings], name: str) -> dict[str, np.ndarray]:
    """Returns one row of percents per seed, by method and classifier."""
    found: dict[str, list[list[float]]] = {}
    for (data, method, seed), record in sorted(records.items(), key=str):
        if data == name and seed is not None:
            for classifier, accuracy in record["accuracy"].items():
                numbers = [100 * value for value in accuracy.values()]
                label = f"{method} {classifier}".strip()
                found.setdefault(label, []).append([*numbers, record["fit_seconds"]])

    return {label: np.array(rows) for label, rows in found.items()}


def print_tables(records: Mapping[Key, Settings]) -> None:
    for name in DATA:
        rows = rows_of(records, name)
        if not rows:
            continue
        heads = "".join(f"{head:>14s}" for head in (*ACCURACIES, "H bare", "fit s"))
        print(f"\n{name}: settings {records[name, WHOLE, None]['settings']}\n{'':28s}{heads}")
        for label, values in rows.items():
            spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
            cells = zip(values.mean(axis=0), spread, strict=True)
            print(f"{label:28s}" + "".join(f"{m:8.1f} ±{s:4.1f}" for m, s in cells))
        for label, values in rows.items():
            whole = rows.get(f"{WHOLE} {label.rpartition(' ')[2]}")
            if whole is None or label.startswith(f"{WHOLE} ") or len(values) != len(whole):
                continue
            difference = values - whole
            cells = zip(difference.mean(axis=0), (difference > 0).sum(axis=0), strict=True)
            text = "".join(f"{m:+8.1f} {up:d}/{len(whole)}up" for m, up in cells)
            print(f"{label:22s} - izf{text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=IZF().epochs)
    parser.add_argument("--table", action="store_true", help="print what is in OUTPUT, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()

    ledger = Ledger(arguments.output, NAMES, {"epochs": arguments.epochs})
    if not arguments.table:
        run(arguments.data, arguments.seeds, ledger)
    print_tables(ledger.records)


if __name__ == "__main__":
    main()
