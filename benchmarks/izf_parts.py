"""What the two parts of IZF's latent rows carry, on real features; and a picture of what it makes.

A flow learns from the seen classes, with the settings that `izf_real.py` chose on hidden ones.
`swapped`: the semantic part of test rows of seen classes is replaced by the description of an
unseen class, each in turn; the share that is then of that class. `kept`: their rest is drawn anew
instead; the share that stays in its class. `made`: the share of what is made for an unseen class,
all of it drawn, that is of it. The judge is not the model: the nearest neighbour among the real
test rows, of all classes or of unseen ones alone, which says of the test rows themselves (each left
out) what `real` gives. Means over classes, in percent, and over seeds.

The figure has real and made rows on the plane of t-SNE, of the classes with most test rows.

Command: UNSEEN_DATA=../shared/data python benchmarks/izf_parts.py [--seeds 3] [-o FIGURE.png]
"""

import argparse
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

import unseen
from unseen.data.dataset import ZeroShotData
from unseen.methods.izf import IZF

SETTINGS = {"semantic_std": 1.0}
ROWS, MADE = 1000, 100  # judged rows of seen classes, and made ones of each unseen class
SHOWN, POINTS = 6, 150  # unseen classes of the figure, and rows of each
COLOURS = ("#0b6e99", "#d9730d", "#0f7b6c", "#ad1a72", "#6940a5", "#dfab01")
GREY, INK = "#d3d1cb", "#37352f"


def shares(data: ZeroShotData, seed: int) -> dict[str, float]:
    """Trains a flow, moves rows in its latent space, and has them judged."""
    model, rng = fitted(data, seed), np.random.default_rng(seed)
    known, new = data.subset("test_seen"), data.subset("test_unseen")
    real = np.concatenate([known.features, new.features])
    labels = np.concatenate([known.labels, new.labels])
    judge = KNeighborsClassifier(1).fit(real, labels)
    judge_of_unseen = KNeighborsClassifier(1).fit(new.features, new.labels)

    drawn = rng.choice(len(known.features), min(ROWS, len(known.features)), replace=False)
    rows, own, unseen_rows = known.features[drawn], known.labels[drawn], np.flatnonzero(~data.seen)
    others = unseen_rows[np.arange(len(rows)) % len(unseen_rows)]
    swapped = moved(model, rows, data.class_attributes[others])
    made, which = model.generate(data.class_attributes[unseen_rows], MADE, random_state=seed)
    found = {
        "real": (labels, labels[judge.kneighbors(n_neighbors=1, return_distance=False)[:, 0]]),
        "kept": (own, judge.predict(moved(model, rows, None, seed))),
        "swapped": (others, judge.predict(swapped)),
        "swapped, of unseen": (others, judge_of_unseen.predict(swapped)),
        "made": (unseen_rows[which], judge.predict(made)),
        "made, of unseen": (unseen_rows[which], judge_of_unseen.predict(made)),
    }

    return {name: recall(*pair) for name, pair in found.items()}


def recall(labels: NDArray, chosen: NDArray) -> float:
    """Returns the mean over the classes of labels (n,) of the share chosen rightly."""
    return float(np.mean([(chosen[labels == row] == row).mean() for row in np.unique(labels)]))


def fitted(data: ZeroShotData, seed: int) -> IZF:
    train = data.subset("train")

    return IZF(**SETTINGS, random_state=seed).fit(
        train.features, train.labels, data.class_attributes
    )


@torch.no_grad()
def moved(
    model: IZF, rows: NDArray, descriptions: NDArray | None, seed: int = 0
) -> NDArray[np.float32]:
    """Returns rows (n, d) with the semantic part of descriptions (n, a), or with another rest."""
    network = model.network_
    latent = network.encode(network.fill(network.prepare(torch.from_numpy(rows).float())))[0]
    semantic, rest = latent.split([network.semantic, network.rest], dim=1)
    if descriptions is None:
        rest = torch.randn(rest.shape, generator=torch.Generator().manual_seed(seed))
    else:
        semantic = network.describe(torch.from_numpy(descriptions))
    prepared = network.decode(semantic, rest)

    return (prepared * network.features.divisor + network.features.mean).numpy()


def draw(data: ZeroShotData, path: Path) -> None:
    """Draws real rows as dots and made ones as crosses."""
    model, rng = fitted(data, 0), np.random.default_rng(0)
    seen, others = data.subset("test_seen"), data.subset("test_unseen")
    counts = np.bincount(others.labels, minlength=len(data.seen))
    shown = np.argsort(-counts, kind="stable")[:SHOWN]
    real = [_some(others.features[others.labels == row], POINTS, rng) for row in shown]
    background = _some(seen.features, SHOWN * POINTS, rng)
    made, _ = model.generate(data.class_attributes[shown], POINTS, random_state=0)
    parts = [background, *real, *np.split(made, SHOWN)]
    flat = PCA(50, random_state=0).fit(np.concatenate(parts[: 1 + SHOWN]))
    plane = TSNE(init="pca", perplexity=40, random_state=0).fit_transform(
        flat.transform(np.concatenate(parts))
    )
    clouds = np.split(plane, np.cumsum([len(part) for part in parts])[:-1])

    figure, axes = plt.subplots(figsize=(8.4, 6.2), layout="constrained")
    axes.scatter(*clouds[0].T, s=5, color=GREY, linewidths=0, label="seen classes, real")
    for row, colour, dots, crosses in zip(
        shown, COLOURS, clouds[1 : 1 + SHOWN], clouds[1 + SHOWN :], strict=True
    ):
        name = data.class_names[row]
        axes.scatter(*dots.T, s=9, color=colour, linewidths=0, label=f"{name}, real")
        axes.scatter(*crosses.T, s=16, marker="x", color=colour, linewidths=0.8)
    axes.scatter([], [], s=16, marker="x", color=INK, linewidths=0.8, label="made, by its colour")
    axes.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8, labelcolor=INK
    )
    axes.set_title(
        "Signs without a training example, and what the flow makes of their words",
        loc="left",
        fontsize=10,
        color=INK,
    )
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    figure.savefig(path, dpi=140)


def _some(rows: NDArray, count: int, rng: np.random.Generator) -> NDArray:
    return rows[rng.choice(len(rows), min(count, len(rows)), replace=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()

    data = unseen.load(Path(os.environ["UNSEEN_DATA"]) / "gtsrb.npz", attributes="words")
    runs = [shares(data, seed) for seed in range(arguments.seeds)]
    print(
        f"gtsrb words, {len(runs)} seeds, percent; chance is {100 / len(data.seen):.1f}, "
        f"and {100 / (~data.seen).sum():.0f} of unseen"
    )
    for name in runs[0]:
        values = 100 * np.array([run[name] for run in runs])
        print(f"{name:20s}{values.mean():6.1f} ± {values.std(ddof=min(1, len(runs) - 1)):.1f}")
    if arguments.output is not None:
        draw(data, arguments.output)


if __name__ == "__main__":
    main()
