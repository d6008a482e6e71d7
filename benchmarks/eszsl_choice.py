"""Chooses ESZSL's two penalties on hidden seen classes, and sets them beside the best on the test.

All 49 pairs of the search space share one decomposition a fold, so that ten folds, with a fifth of
the seen classes hidden in each, cost little. Ten were picked with the test numbers in view
(docs/methods/eszsl.md). The pair of the greatest mean AUSUC over the folds is taken. Printed: T1 in
percent on the test with that pair, with the pair that is best there (an oracle), and the gap.

Command: UNSEEN_DATA=../shared/data python benchmarks/eszsl_choice.py [--folds 10]
"""

import argparse
import os
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen import ESZSL, HiddenClassFolds, load
from unseen.metrics.gzsl import gzsl_result
from unseen.rehearsal import Rehearsal, final_test, rehearsals

SETS = (("awa1", None), ("awa1_pca", None), ("gtsrb", None), ("gtsrb", "words"))
CANDIDATES = [
    dict(zip(ESZSL.search_space, values, strict=True))
    for values in product(*ESZSL.search_space.values())
]


def judge(task: Rehearsal) -> NDArray[np.float64]:
    """Returns AUSUC and T1 of every candidate on a task, with shape (49, 2)."""
    X = task.data.rows(task.train, task.data.compact_type)
    test = task.data.rows(task.judged, task.data.compact_type)
    y, labels = task.labels[task.train], task.labels[task.judged]
    fits = ESZSL().fit_candidates(X, y, task.class_attributes, CANDIDATES)
    results = [gzsl_result(model.decision_function(test), labels, task.seen) for model in fits]

    return np.array([[result.ausuc, result.zsl_accuracy] for result in results])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=10)
    folds = HiddenClassFolds(folds=parser.parse_args().folds)

    print(f"{'T1, percent':16s}{'hidden':>8s}{'oracle':>8s}{'gap':>6s}   chosen on hidden classes")
    for name, attributes in SETS:
        data = load(Path(os.environ["UNSEEN_DATA"]) / f"{name}.npz", attributes)
        hidden = np.mean([judge(task) for task in rehearsals(data, folds)], axis=0)
        test = 100 * judge(final_test(data))[:, 1]
        best = int(hidden[:, 0].argmax())
        gap = test.max() - test[best]
        chosen = ", ".join(f"{key}={value:g}" for key, value in CANDIDATES[best].items())
        label = f"{name} {attributes or ''}"
        print(f"{label:16s}{test[best]:8.1f}{test.max():8.1f}{gap:6.1f}   {chosen}", flush=True)


if __name__ == "__main__":
    main()
