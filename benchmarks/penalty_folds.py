"""Shows what the hidden-class folds say of the penalty on seen classes: no test row is read.

For class norm with its defaults: the gain in H, in points, of the penalty that is best in the mean,
in each of the five folds, and the penalty that is taken.

Command: UNSEEN_DATA=../shared/data python benchmarks/penalty_folds.py [--seeds 3]
"""

import argparse
import os
from pathlib import Path

import numpy as np

from unseen import ClassNorm, load
from unseen.decide import penalty_from_rehearsals
from unseen.metrics.gzsl import harmonic_mean
from unseen.rehearsal import rehearsals

SETS = (("awa1", None), ("awa1_pca", None), ("gtsrb", None), ("gtsrb", "words"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds

    print(f"{'':12s}{'seed':>5s}   {'gain in H of each fold':35s}{'best':>6s}{'taken':>7s}")
    for name, attributes in SETS:
        data = load(Path(os.environ["UNSEEN_DATA"]) / f"{name}.npz", attributes)
        for seed in range(seeds):
            curves, bare = [], []
            for task in rehearsals(data):
                scores = task.scores(task.fit(ClassNorm(random_state=seed)))
                curves.append(task.curve(scores))
                bare.append(task.bare_harmonic_mean(scores))
            thresholds = np.concatenate([curve.thresholds for curve in curves])
            offsets = np.quantile(thresholds, np.linspace(0, 1, 500))
            means = np.array([harmonic_mean(*curve.at(offsets)) for curve in curves])  # (folds, m)
            best = int(means.mean(axis=0).argmax())
            gains = "".join(f"{100 * gain:7.1f}" for gain in means[:, best] - bare)
            taken = penalty_from_rehearsals(curves, bare).value
            label = f"{name} {attributes or ''}"
            print(f"{label:12s}{seed:5d}   {gains}{offsets[best]:6.2f}{taken:7.2f}", flush=True)


if __name__ == "__main__":
    main()
