"""Compares attention over the regions of a feature map with the mean of the regions.

A small residual network is trained on the seen signs of gtsrb_images (its training rows, split 0)
by cross-entropy, for a number of epochs that was fixed beforehand; its last feature map, 16 regions
of 128 channels, is what ReZSL learns from: with attention (ratio 1), and with the mean of the
regions alone (ratio 0, the pooled head). Both minimise cross-entropy and ReMSE. Learning rate and
weight of the regression of both, and the size of attention, are chosen on hidden seen classes, for
one seed, by AUSUC; so is the seen penalty. The residual network has seen the hidden classes, as any
backbone trained beforehand: they are easier to it than new ones. Test rows are looked at last, once
a seed. A control has attention of the default size under the settings that were chosen for the
pooled head.

The seeds are first those of ReZSL alone, on one residual network, then of both: a new residual
network for each, under the settings that were chosen on the first. Descriptions are the words of
the signs; several signs have the same, and T1 is of classes as they are.

Command: python benchmarks/attention_regions.py [--seeds 5] [--figure FIGURE.png]
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unseen
from unseen.benchmark.selection import Choice, choose
from unseen.data.dataset import ZeroShotData
from unseen.methods.rezsl import ReZSL
from unseen.nets.resnet import SmallResNet
from unseen.report.attention_plots import plot_attention
from unseen.training.batches import Shuffled
from unseen.training.loop import Optimization, train

EPOCHS, BATCH = 12, 64  # fixed before anything was run
PART = 500
RATES, WEIGHTS, SIZES = (1e-3, 3e-3, 1e-2, 3e-2), (1.0, 10.0, 100.0, 1000.0), (16, 64, 256)
COMMON = {"lr": RATES, "regression_weight": WEIGHTS}
Settings = dict[str, Any]
Head = tuple[Settings, Choice]
HEADS: dict[str, tuple[Settings, Settings]] = {  # what is fixed, and what is chosen
    "attention": ({"ratio": 1.0}, COMMON | {"attention_size": SIZES}),
    "pooled": ({"ratio": 0.0}, COMMON),
}
MEASURES = {
    "T1": "zsl_accuracy",
    "U": "unseen_accuracy",
    "S": "seen_accuracy",
    "H": "harmonic_mean",
    "AUSUC": "ausuc",
}
SHOWN = 4  # unseen signs, and attributes, in the figure


class Classifier(nn.Module):
    """The residual network with a linear layer, for its training only."""

    def __init__(self, classes: int, generator: torch.Generator) -> None:
        super().__init__()

        self.net = SmallResNet(shift=2, generator=generator)
        self.head = nn.Linear(self.net.out_features, classes, device="meta").to_empty(device="cpu")
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)


def trained(data: ZeroShotData, seed: int) -> SmallResNet:
    """Trains a residual network on the seen classes, and says how well it knows them."""
    start = time.perf_counter()
    classes, y = np.unique(data.labels[data.train], return_inverse=True)
    pixels, labels = torch.from_numpy(data.features[data.train]), torch.from_numpy(y)
    generator = torch.Generator().manual_seed(seed)
    model = Classifier(len(classes), generator)

    def loss(batch: Tensor) -> Tensor:
        return F.cross_entropy(model.head(model.net(pixels[batch])), labels[batch])

    optimization = Optimization(EPOCHS, lr=3e-3, weight_decay=1e-4, schedule="linear")
    train(model, loss, Shuffled(len(labels), BATCH), optimization, generator)
    with torch.no_grad():
        parts = torch.from_numpy(data.features[data.test_seen]).split(PART)
        best = torch.cat([model.head(model.net(part)).argmax(dim=1) for part in parts]).numpy()
    accuracy = (classes[best] == data.labels[data.test_seen]).mean()
    print(
        f"residual network {seed}: {100 * accuracy:.1f} % of the test rows of seen signs among "
        f"these, {time.perf_counter() - start:.0f} s",
        flush=True,
    )

    return model.net


@torch.no_grad()
def with_regions(data: ZeroShotData, net: SmallResNet) -> ZeroShotData:
    """Returns the data with the feature map of a network in the place of pixels."""
    parts = torch.from_numpy(data.features).split(PART)
    maps = torch.cat([net.feature_map(part).flatten(2).mT for part in parts])  # (n, R, C)

    return replace(
        data, features=maps.flatten(1).numpy(), image_shape=None, region_count=maps.shape[1]
    )


def chosen(name: str, data: ZeroShotData, fixed: Settings, space: Settings) -> Head:
    """Chooses settings of a space, and the seen penalty, on hidden seen classes."""
    model = ReZSL(regions=data.region_count, random_state=0, **fixed)
    choice = choose(model, data, "hidden", space=space)
    best = max(judged.ausuc for judged in choice.candidates if judged.ausuc is not None)
    print(
        f"{name}: chosen {choice.settings}, {choice.seen_penalty}, AUSUC {100 * best:.2f} on "
        f"hidden classes; {choice.fits} fits, {choice.seconds:.0f} s",
        flush=True,
    )

    return fixed, choice


def fitted(data: ZeroShotData, fixed: Settings, choice: Choice, seed: int) -> ReZSL:
    train = data.subset("train")
    settings = fixed | choice.settings
    model = ReZSL(regions=data.region_count, random_state=seed, **settings)
    model.fit(train.features, train.labels, data.class_attributes)
    model.seen_penalty_ = choice.seen_penalty

    return model


def judged(data: ZeroShotData, fixed: Settings, choice: Choice, seed: int) -> np.ndarray:
    result = unseen.evaluate(fitted(data, fixed, choice, seed), data).stored

    return np.array([100 * getattr(result, name) for name in MEASURES.values()])


def print_table(title: str, rows: dict[str, np.ndarray]) -> None:
    """Prints means and deviations over seeds, then paired differences."""
    print(f"\n{title}\n{'percent':22s}" + "".join(f"{name:>15s}" for name in MEASURES))
    for name, values in rows.items():
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(len(MEASURES), np.nan)
        cells = zip(values.mean(axis=0), spread, strict=True)
        print(f"{name:22s}" + "".join(f"{mean:8.2f} ±{std:5.2f}" for mean, std in cells))
    for name in [name for name in rows if name != "pooled"]:
        difference = rows[name] - rows["pooled"]
        higher = (difference > 0).sum(axis=0)
        cells = zip(difference.mean(axis=0), higher, strict=True)
        text = "".join(f"{mean:+8.2f} {up}/{len(difference)} up" for mean, up in cells)
        print(f"{name + ' - pooled':22s}" + text)
        print("    T1 by seed: " + ", ".join(f"{each:+.1f}" for each in difference[:, 0]))


def draw(pictures: ZeroShotData, data: ZeroShotData, model: ReZSL, path: Path) -> None:
    """Draws the first test row of some unseen signs, and some attributes.

    Of those that one of these signs has, the attributes whose attention has the highest peaks on
    the rows shown.
    """
    rows = np.array(
        [
            data.test_unseen[data.labels[data.test_unseen] == c][0]
            for c in np.flatnonzero(~data.seen)[:: max(1, (~data.seen).sum() // SHOWN)][:SHOWN]
        ]
    )
    attention = model.attention(data.features[rows])
    peak = attention.max(axis=2).mean(axis=0)  # (a,)
    has = data.class_attributes[data.labels[rows]] > 0
    candidates = np.flatnonzero(has.any(axis=0))
    chosen = candidates[np.argsort(-peak[candidates])][:SHOWN]
    predicted = model.predict(data.features[rows])
    assert pictures.image_shape is not None
    plot_attention(
        pictures.features[rows].reshape(-1, *pictures.image_shape),
        attention,
        [f"attribute {s + 1}" for s in range(attention.shape[1])],
        path,
        "Where attributes look on signs that were never seen",
        chosen.tolist(),
        [data.class_names[c] for c in data.labels[rows]],
        [data.class_names[c] for c in predicted],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()

    pictures = unseen.load(Path(os.environ["UNSEEN_DATA"]) / "gtsrb_images.npz")
    nets = [trained(pictures, seed) for seed in range(arguments.seeds)]
    data = with_regions(pictures, nets[0])
    heads = {name: chosen(name, data, *head) for name, head in HEADS.items()}
    settings = HEADS["attention"][0] | heads["pooled"][1].settings
    heads["control"] = chosen("control", data, settings, {})

    seeds = range(arguments.seeds)
    rows = {
        name: np.array([judged(data, *head, seed) for seed in seeds])
        for name, head in heads.items()
    }
    print_table("one residual network", rows)
    others = [with_regions(pictures, net) for net in nets]
    rows = {
        name: np.array([judged(others[seed], *head, seed) for seed in seeds])
        for name, head in heads.items()
    }
    print_table("a residual network for each seed", rows)
    if arguments.figure is not None:
        model = fitted(data, *heads["attention"], seed=0)
        draw(pictures, data, model, arguments.figure)


if __name__ == "__main__":
    main()
