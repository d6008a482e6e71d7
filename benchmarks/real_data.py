"""Judges every variant of Class Normalization on real data, over five seeds.

For each data set and variant: T1, U, S, H and AUSUC without penalty, and U, S, H with the penalty
chosen on hidden seen classes and with the oracle's (chosen on the test rows: a bound). Percent,
mean ± standard deviation over seeds, per class. The variants are those of the recipes `mlp-paper`,
`mlp+9`, `mlp+10`, `class-norm-paper`, `class-norm-notebook` and `class-norm-src` (last epoch),
trained with this library's default training; `default` is ClassNorm() as it is.

With `training`, the default training is compared with the authors' instead (50 epochs of 256).

Command: UNSEEN_DATA=../shared/data python benchmarks/real_data.py variants|training [--seeds 5]
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone

from unseen import RECIPES, ClassNorm, ZeroShotData, choose_seen_penalty, evaluate, load
from unseen.benchmark.evaluation import Evaluation
from unseen.benchmark.recipes import AUTHORS_TRAINING

SETS = (("awa1", None), ("awa1_pca", None), ("gtsrb", None), ("gtsrb", "words"))
DEFAULTS = ClassNorm().get_params()
DEFAULT_TRAINING = {name: DEFAULTS[name] for name in AUTHORS_TRAINING}
AUTHORS = AUTHORS_TRAINING | {"feature_preprocessing": DEFAULTS["feature_preprocessing"]}

OF_CLASS_NORM = {
    name: make().method for name, make in RECIPES.items() if isinstance(make().method, ClassNorm)
}
VARIANTS = {"default": ClassNorm()} | {
    name: method.set_params(**DEFAULT_TRAINING) for name, method in OF_CLASS_NORM.items()
}
TRAININGS = {"default training": ClassNorm(), "authors' training": ClassNorm(**AUTHORS)}


def judge(
    method: ClassNorm, data: ZeroShotData, seed: int, penalize: bool
) -> tuple[Evaluation, float]:
    """Trains and judges one method with one seed; returns the seconds of the training too."""
    train = data.subset("train", data.compact_type)
    model = clone(method).set_params(random_state=seed)
    start = time.perf_counter()
    model.fit(train.features, train.labels, data.class_attributes)
    seconds = time.perf_counter() - start
    if penalize:
        model.seen_penalty_ = choose_seen_penalty(model, data)

    return evaluate(model, data), seconds


def cells(results: list, *measures: str) -> str:
    """Formats mean ± deviation over seeds."""
    values = 100 * np.array([[getattr(result, name) for name in measures] for result in results])
    pairs = zip(values.mean(axis=0), values.std(axis=0, ddof=1), strict=True)

    return " ".join(f"{mean:5.1f} ±{deviation:4.1f}" for mean, deviation in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["variants", "training"])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    penalize = arguments.what == "variants"

    for name, attributes in SETS:
        data = load(Path(os.environ["UNSEEN_DATA"]) / f"{name}.npz", attributes)
        print(f"\n{name} {attributes or ''}".rstrip())
        head = "".join(f"{measure:>12s}" for measure in ("T1", "U", "S", "H", "AUSUC"))
        three = "".join(f"{measure:>12s}" for measure in ("U", "S", "H"))
        more = f" |{three} hidden |{three} oracle" if penalize else ""
        print(f"{'':20s}{head} none{more}   s")

        for variant, method in (VARIANTS if penalize else TRAININGS).items():
            judged = [judge(method, data, seed, penalize) for seed in range(arguments.seeds)]
            bare = cells(
                [e.no_penalty for e, _ in judged],
                "zsl_accuracy",
                "unseen_accuracy",
                "seen_accuracy",
                "harmonic_mean",
                "ausuc",
            )
            line = f"{variant:20s} {bare}      "
            if penalize:
                for kind in ("stored", "oracle"):
                    parts = [getattr(e, kind) for e, _ in judged]
                    line += (
                        "| "
                        + cells(parts, "unseen_accuracy", "seen_accuracy", "harmonic_mean")
                        + "        "
                    )
            print(line + f"{np.mean([s for _, s in judged]):5.1f}", flush=True)


if __name__ == "__main__":
    main()
