"""What some settings of IZF do on hidden seen classes: one changed at a time, the rest as it is.

AUSUC and T1 of both classifiers over three folds of hidden classes; the training sees no row of a
hidden class, and test rows are not looked at. The base is the `semantic_std` that `izf_real.py`
chose, without the separation, which doubles the time. What is done is kept in OUTPUT: a run that
was stopped goes on.

Command: UNSEEN_DATA=../shared/data python benchmarks/izf_settings.py [--data awa1_pca]
         [--only input_noise] [-o OUTPUT]
         python benchmarks/izf_settings.py --table [-o OUTPUT]
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from izf_real import DATA, load, rehearse
from ledger import Ledger, Record

from unseen.benchmark.selection import FOLDS
from unseen.data.splits import HiddenClassFolds
from unseen.methods.izf import IZF
from unseen.rehearsal import rehearsals

OUTPUT = Path("benchmarks/results/izf_settings.jsonl")
BASE: Record = {
    "semantic_std": 1.0,
    "separation_weight": 0.0,
    "gradient_precision": "float32",  # the same on every machine
    "input_noise": 0.01,  # the default was chosen by this
}
TRIED: dict[str, tuple[Any, ...]] = {
    "semantic_std": (0.3, 3.0),
    "epochs": (10,),
    "hidden": (256,),
    "input_noise": (0.1, 0.3, 1.0),
}


def changes(only: str | None = None) -> list[Record]:
    """Returns the base, and each change of one setting; of all settings, or of one alone."""
    names = TRIED if only is None else [only]

    return [{}, *({name: value} for name in names for value in TRIED[name])]


def measured(name: str, change: Record) -> Record:
    tasks = rehearsals(load(name), HiddenClassFolds(folds=FOLDS))

    return {"hidden": rehearse(IZF(**BASE | change), tasks)}


def show(records: Mapping[tuple, Record]) -> None:
    for name in dict.fromkeys(name for name, _ in records):
        print(f"\n{name}, hidden seen classes, percent")
        print(f"{'':34s}{'naive Bayes':>18s}{'softmax':>18s}")
        print(f"{'':34s}" + 2 * f"{'AUSUC':>9s}{'T1':>9s}")
        for change in changes():
            record = records.get((name, json.dumps(change)))
            if record is None:
                continue
            label = ", ".join(f"{key} {value}" for key, value in change.items()) or "the base"
            found = [record["hidden"][name] for name in ("naive-bayes", "softmax")]
            cells = [100 * one[measure] for one in found for measure in ("ausuc", "zsl_accuracy")]
            print(f"{label:34s}" + "".join(f"{cell:9.1f}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="awa1_pca", choices=list(DATA))
    parser.add_argument("--only", choices=list(TRIED), help="the base and this setting alone")
    parser.add_argument("--table", action="store_true", help="print what is in OUTPUT, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()

    ledger = Ledger(arguments.output, ("data", "change"))
    for change in [] if arguments.table else changes(arguments.only):
        key = (arguments.data, json.dumps(change))
        ledger.once(key, measured, arguments.data, change)
    show(ledger.records)


if __name__ == "__main__":
    main()
