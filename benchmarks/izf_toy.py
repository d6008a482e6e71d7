"""The toy of the IZF paper: four corners of a square, one of them without examples.

Rows are 2 c - 1 with noise of deviation 1/3, and two columns of noise of deviation 0.05. Naive
Bayes is judged on fresh rows, without penalty; `distance` is that of the mean of what is made for
the unseen corner to the truth. `swapped` is the share of rows of seen corners that are of the
unseen one once their semantic part is replaced by its description; `kept` of those that stay in
their corner when the rest alone is drawn anew. Both are judged by the nearest corner, not by the
model.

Command: python benchmarks/izf_toy.py [-o FIGURE.png] [-o FIGURE.svg]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray

from unseen.methods.izf import IZF
from unseen.metrics.gzsl import gzsl_result

CORNERS = np.array([[0, 1], [0, 0], [1, 0], [1, 1]], dtype=np.float32)  # the last one is unseen
SHIFT = np.array([0.01, 0.02], dtype=np.float32)  # no description may be of equal numbers
COLOURS = ("#0b6e99", "#64473a", "#0f7b6c", "#d9730d")
SETTINGS = {
    "hidden": 32,
    "semantic_std": 0.3,
    "attribute_normalization": "raw",
    "feature_preprocessing": "none",
    "input_noise": 0.0,
    "epochs": 50,
    "batch_size": 256,
    "lr": 5e-3,
}


def draw_rows(rows: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(4), rows)
    v = 2 * CORNERS[y] - 1 + rng.normal(0, 1 / 3, (len(y), 2))

    return np.concatenate([v, rng.normal(0, 0.05, (len(y), 2))], axis=1).astype(np.float32), y


def nearest(v: NDArray) -> NDArray[np.int64]:
    """Returns the corner that each row (n, 4) is nearest to."""
    return np.linalg.norm(v[:, None, :2] - (2 * CORNERS - 1), axis=2).argmin(axis=1)


@torch.no_grad()
def moved(model: IZF, v: NDArray, swap: bool) -> NDArray:
    """Returns rows (n, 4) with another semantic part, or with another rest."""
    network = model.network_
    latent = network.encode(network.fill(network.prepare(torch.from_numpy(v))))[0]
    semantic, rest = latent.split([network.semantic, network.rest], dim=1)
    if swap:
        semantic = torch.from_numpy(CORNERS[3:] + SHIFT).expand_as(semantic)
    else:
        rest = torch.randn(rest.shape, generator=torch.Generator().manual_seed(0))

    return network.decode(semantic, rest).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, action="append", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()

    figure, panels = plt.subplots(
        1, arguments.seeds, figsize=(3.4 * arguments.seeds, 3.9), layout="constrained"
    )
    print(f"{'seed':>4s}{'S':>8s}{'U':>8s}{'H':>8s}{'distance':>10s}{'swapped':>9s}{'kept':>7s}")
    for seed, axes in enumerate(np.atleast_1d(panels)):
        X, y = draw_rows(2000, seed)
        model = IZF(**SETTINGS, random_state=seed).fit(X[y < 3], y[y < 3], CORNERS + SHIFT)
        test, labels = draw_rows(1000, seed + 100)
        result = gzsl_result(model.decision_function(test), labels, np.arange(4) < 3)
        made, _ = model.generate(CORNERS[3:] + SHIFT, 1000, random_state=0)
        known = labels < 3
        swapped = (nearest(moved(model, test[known], swap=True)) == 3).mean()
        kept = (nearest(moved(model, test[known], swap=False)) == labels[known]).mean()
        print(
            f"{seed:4d}{result.seen_accuracy:8.3f}{result.unseen_accuracy:8.3f}"
            f"{result.harmonic_mean:8.3f}{np.linalg.norm(made.mean(axis=0) - [1, 1, 0, 0]):10.2f}"
            f"{swapped:9.3f}{kept:7.3f}",
            flush=True,
        )
        for corner in range(4):
            rows = test[labels == corner][::4]
            axes.scatter(*rows[:, :2].T, s=4, color=COLOURS[corner], alpha=0.5, linewidths=0)
        axes.scatter(*made[::4, :2].T, s=10, marker="x", color="#37352f", linewidths=0.7)
        axes.set_title(f"seed {seed}: H {100 * result.harmonic_mean:.1f}", fontsize=10, loc="left")
        axes.set_aspect("equal")
        axes.set(xlim=(-2.3, 2.3), ylim=(-2.3, 2.5))
        axes.tick_params(length=0, labelsize=8)
        for side in axes.spines.values():
            side.set_visible(False)
    figure.supxlabel(
        "dots: test rows, a colour a class (top right: no examples); crosses: made for that class",
        fontsize=9,
    )
    for path in arguments.output:
        figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
