"""What each setting of IZF does on hidden seen classes: one changed at a time, the rest as it is.

AUSUC and T1 of both classifiers over three folds of hidden classes of traffic signs, described by
words; the training sees no hidden class, and test rows are not looked at. The description of a
hidden class is that of an unseen one, which `separation_weight` reads. What is done is kept in
OUTPUT: a run that was stopped goes on.

Command: UNSEEN_DATA=../shared/data python benchmarks/izf_settings.py [-o OUTPUT]
         python benchmarks/izf_settings.py --table [-o OUTPUT]
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from izf_real import load, rehearse
from ledger import Ledger, Record

from unseen.benchmark.selection import FOLDS
from unseen.data.splits import HiddenClassFolds
from unseen.methods.izf import IZF
from unseen.rehearsal import rehearsals

OUTPUT = Path("benchmarks/results/izf_settings.jsonl")
DATA = "gtsrb words"
TRIED: dict[str, tuple[Any, ...]] = {
    "semantic_std": (0.1, 1.0),
    "centre_weight": (0.0, 5.0),
    "separation_weight": (0.0, 1.0),
    "likelihood": ("per-dimension",),
    "blocks": (4, 8),
    "hidden": (256, 1024),
    "epochs": (10, 40),
    "feature_preprocessing": ("standardize",),
}


def changes() -> list[Record]:
    return [{}, *({name: value} for name, values in TRIED.items() for value in values)]


def measured(change: Record) -> Record:
    return {
        "hidden": rehearse(IZF(**change), rehearsals(load(DATA), HiddenClassFolds(folds=FOLDS)))
    }


def show(records: Mapping[tuple, Record]) -> None:
    print(f"{DATA}, hidden seen classes, percent")
    print(
        f"{'':34s}{'naive Bayes':>18s}{'softmax':>18s}\n{'':34s}" + 2 * f"{'AUSUC':>9s}{'T1':>9s}"
    )
    for change in changes():
        record = records.get((json.dumps(change),))
        if record is None:
            continue
        label = ", ".join(f"{name} {value}" for name, value in change.items()) or "the default"
        found = [record["hidden"][name] for name in ("naive-bayes", "softmax")]
        cells = [100 * one[measure] for one in found for measure in ("ausuc", "zsl_accuracy")]
        print(f"{label:34s}" + "".join(f"{cell:9.1f}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="print what is in OUTPUT, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()

    ledger = Ledger(arguments.output, ("change",))
    if not arguments.table:
        for change in changes():
            ledger.once((json.dumps(change),), measured, change)
    show(ledger.records)


if __name__ == "__main__":
    main()
