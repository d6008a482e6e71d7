"""Asks why class normalization helps with attributes and not with pictures of the class.

A pictogram lies in the space of the features themselves: a map that changes nothing is good, and
each step of a fit to the seen classes can only lead away from it. Printed for each description and
embedder, mean ± deviation over seeds: T1 and AUSUC (percent); `kept`, the correlation between the
cosines of descriptions and the cosines of their prototypes over all pairs of classes; and `rank`,
the effective rank of the centred prototypes of seen classes, exp(entropy of the normalised squared
singular values). The line `none` scores features by the cosine to the centred pictogram itself,
without learning. Then, for the pictograms and features as they are, T1 and the training loss while
both embedders train as the authors do (50 epochs of 256).

Command: UNSEEN_DATA=../shared/data python benchmarks/pictograms.py [--seeds 5]
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone

from unseen import MLP, ClassNorm, ZeroShotData, evaluate, load
from unseen.benchmark.recipes import AUTHORS_TRAINING
from unseen.metrics.gzsl import class_accuracies, gzsl_result
from unseen.training.loop import EpochReport, Monitor

SETS = (("gtsrb", None), ("gtsrb", "words"), ("awa1_pca", None))
EPOCHS = (1, 2, 5, 10, 25, 50)
AUTHORS = {"mlp": MLP(**AUTHORS_TRAINING), "class norm, both": ClassNorm(**AUTHORS_TRAINING)}
EMBEDDERS = {
    "linear": ClassNorm(depth=0, norm=None),
    "mlp": MLP(),
    "class norm, last": ClassNorm(norm_position="last"),
    "class norm, both": ClassNorm(),
}


def cosines(rows: NDArray) -> NDArray:
    """Returns the cosine of each pair of centred rows, as a vector."""
    rows = rows - rows.mean(axis=0)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)

    return (rows @ rows.T)[np.triu_indices(len(rows), 1)]


def effective_rank(rows: NDArray) -> float:
    """Returns exp of the entropy of the normalised squared singular values of centred rows."""
    energy = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    share = energy / energy.sum()

    return float(np.exp(-(share * np.log(share.clip(1e-30))).sum()))


def judge(method: ClassNorm, data: ZeroShotData, seed: int) -> list[float]:
    """Returns T1, AUSUC, kept and rank of one training."""
    train = data.subset("train")
    model = clone(method).set_params(random_state=seed)
    model.fit(train.features, train.labels, data.class_attributes)
    result = evaluate(model, data).no_penalty
    with torch.no_grad():
        prototypes = model.network_.describe(torch.from_numpy(data.class_attributes)).numpy()
    kept = np.corrcoef(cosines(data.class_attributes), cosines(prototypes))[0, 1]

    return [
        100 * result.zsl_accuracy,
        100 * result.ausuc,
        kept,
        effective_rank(prototypes[data.seen]),
    ]


def without_learning(data: ZeroShotData) -> list[float]:
    """Returns T1 and AUSUC of the cosine between centred features and centred pictograms."""
    rows = np.concatenate([data.test_seen, data.test_unseen])
    X = data.rows(rows) - data.subset("train").features.mean(axis=0)
    S = data.class_attributes - data.class_attributes[data.seen].mean(axis=0)
    scores = X @ S.T / np.linalg.norm(X, axis=1, keepdims=True) / np.linalg.norm(S, axis=1)
    result = gzsl_result(scores, data.labels[rows], data.seen)

    return [100 * result.zsl_accuracy, 100 * result.ausuc]


def along_training(method: ClassNorm, data: ZeroShotData, seed: int) -> NDArray:
    """Returns T1 and training loss after some epochs, with shape (epochs, 2)."""
    train, test = data.subset("train"), data.subset("test_unseen")
    unseen = np.flatnonzero(~data.seen)
    model = clone(method).set_params(random_state=seed)
    measured = []

    def measure(report: EpochReport) -> None:
        if report.epoch in EPOCHS:
            predicted = unseen[model.predict(test.features, data.class_attributes[unseen])]
            accuracies = class_accuracies(test.labels, predicted, len(data.seen))
            measured.append([100 * np.nanmean(accuracies), report.loss])

    monitor = Monitor(callback=measure)
    model.fit(train.features, train.labels, data.class_attributes, monitor=monitor)

    return np.array(measured)


def show_training(data: ZeroShotData, seeds: int) -> None:
    print("\ngtsrb, features as they are, the authors' training: T1 (training loss) by epoch")
    print(f"{'':18s}" + "".join(f"{epoch:>17d}" for epoch in EPOCHS))
    for name, method in AUTHORS.items():
        runs = np.array([along_training(method, data, seed) for seed in range(seeds)])
        mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=1)
        cells = [
            f"{t1:5.1f} ±{s:4.1f} ({loss:.2f})"
            for (t1, loss), (s, _) in zip(mean, spread, strict=True)
        ]
        print(f"{name:18s}" + "".join(f"{cell:>17s}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds

    for name, attributes in SETS:
        data = load(Path(os.environ["UNSEEN_DATA"]) / f"{name}.npz", attributes)
        print(
            f"\n{name} {attributes or ''}, {data.class_attributes.shape[1]} attributes, effective "
            f"rank of the seen descriptions {effective_rank(data.class_attributes[data.seen]):.1f}"
        )
        print(f"{'':18s}{'T1':>13s}{'AUSUC':>13s}{'kept':>14s}{'rank':>13s}")
        if data.class_attributes.shape[1] == data.features.shape[1]:
            t1, area = without_learning(data)
            print(f"{'none':18s}{t1:7.1f}      {area:7.1f}")
        for embedder, method in EMBEDDERS.items():
            measured = np.array([judge(method, data, seed) for seed in range(seeds)])
            mean, spread = measured.mean(axis=0), measured.std(axis=0, ddof=1)
            print(
                f"{embedder:18s}"
                + "".join(f"{m:7.1f} ±{s:4.1f}" for m, s in zip(mean[:2], spread[:2], strict=True))
                + f"{mean[2]:8.2f} ±{spread[2]:4.2f}{mean[3]:7.1f} ±{spread[3]:4.1f}",
                flush=True,
            )

    show_training(load(Path(os.environ["UNSEEN_DATA"]) / "gtsrb.npz"), seeds)


if __name__ == "__main__":
    main()
