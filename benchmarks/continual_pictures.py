"""Class norm against none along pictures, end to end: what decides?

Sequential training of a small ResNet with each head along tasks 4 to 9 of traffic signs, at equal
learning rates. The backbone starts anew, or from a training on tasks 1 to 3 together, which are in
no result, as the paper's starts from ImageNet. Between none and class norm stand the two halves of
it: Eq. (10), the small start of the last matrix, without the norm, and the norm with the start of
the plain head. Then the other strategies at two of the rates.

Nothing is chosen here; whoever takes a setting from these tables chose it on test rows. What is
done is kept in OUTPUT: a run that was stopped goes on.

Command: UNSEEN_DATA=../shared/data python benchmarks/continual_pictures.py [--orders 5]
         [-o OUTPUT]
         python benchmarks/continual_pictures.py --table [-o OUTPUT]
"""

import argparse
import os
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from ledger import Ledger, Record
from torch import nn

import unseen
from unseen.continual import STRATEGIES
from unseen.continual.heads import HEADS
from unseen.continual.learner import ContinualLearner
from unseen.continual.run import run_stream
from unseen.continual.streams import Stream, make_stream
from unseen.metrics.continual import summary

OUTPUT = Path("benchmarks/results/continual_pictures.jsonl")
NAMES = ("start", "strategy", "head", "rate", "order")
TASKS, FIRST = 9, 3
BACKBONE_RATE, FIRST_BACKBONE_RATE = 0.003, 0.01
EPOCHS, FIRST_EPOCHS = 5, 15
RATES = (1e-3, 1e-4, 3e-5, 1e-5)
STARTS = ("anew", "pre-trained")
STRATEGY_RATES = (1e-4, 3e-5)
STRATEGY_NAMES = ("ewc", "agem", "replay", "joint")
HEAD_SETTINGS: dict[str, tuple[str, Record]] = {
    "none": ("mlp", {}),
    "Eq. (10) only": ("mlp", {"init": "class-norm"}),
    "norm only": ("class-norm", {"init": "kaiming-fan-in"}),
    "class norm": ("class-norm", {}),
}
MEASURES = {
    "mAUC": "mean_ausuc",
    "mH": "mean_harmonic_mean",
    "mJA": "mean_joint_accuracy",
    "mSA": "mean_seen_accuracy",
    "mUA": "mean_unseen_accuracy",
    "forgetting": "mean_forgetting",
}


@cache
def data() -> unseen.ZeroShotData:
    return unseen.load(Path(os.environ["UNSEEN_DATA"]) / "gtsrb_images.npz")


def stream_of(order: int) -> Stream:
    return make_stream(data(), tasks=TASKS, seed=order, split="spare")


@cache
def trained_backbone(order: int) -> nn.Module:
    """Trains a backbone on the first tasks together, with the plain head."""
    rows = np.concatenate([task.train for task in stream_of(order).first(FIRST)])
    known = np.isin(np.arange(len(data().class_attributes)), data().labels[rows])
    table = np.where(known[:, None], data().class_attributes, np.float32(np.nan))
    head = HEADS["mlp"]().set_params(epochs=FIRST_EPOCHS)
    model = ContinualLearner(
        head, backbone="resnet", backbone_lr=FIRST_BACKBONE_RATE, random_state=order
    )
    model.partial_fit(data().rows(rows), data().labels[rows], table)

    return model.network_.backbone


def measured(start: str, strategy: str, head: str, rate: float, order: int) -> Record:
    """Runs along the later tasks, and returns the measures."""
    kind, settings = HEAD_SETTINGS[head]
    model = ContinualLearner(
        HEADS[kind]().set_params(epochs=EPOCHS, lr=rate, **settings),
        STRATEGIES[strategy](),
        backbone=trained_backbone(order) if start == "pre-trained" else "resnet",
        backbone_lr=BACKBONE_RATE,
        random_state=order,
    )
    run = run_stream(model, stream_of(order).after(FIRST), data(), curve_batches=None)
    found = summary(run.history)

    return {name: round(float(getattr(found, key)), 6) for name, key in MEASURES.items()}


def run(orders: int, ledger: Ledger) -> None:
    for order in range(1, 1 + orders):
        for rate, start, head in product(RATES, STARTS, HEAD_SETTINGS):
            key = (start, "sequential", head, rate, order)
            ledger.once(key, measured, *key)
    for rate, order, strategy in product(STRATEGY_RATES, range(1, 1 + orders), STRATEGY_NAMES):
        for head in ("none", "class norm"):
            key = ("pre-trained", strategy, head, rate, order)
            ledger.once(key, measured, *key)


def spread(values: list[float], sign: str = "") -> str:
    deviation = stdev(values) if len(values) > 1 else 0.0

    return f"{100 * fmean(values):{sign}6.1f} ±{100 * deviation:4.1f}"


def show(records: Mapping[tuple, Record]) -> None:
    groups: dict[tuple, dict[str, dict[int, Record]]] = {}
    for (start, strategy, head, rate, order), record in records.items():
        heads = groups.setdefault((start, strategy, rate), {})
        heads.setdefault(head, {})[order] = record
    for (start, strategy, rate), heads in sorted(groups.items(), key=lambda g: (g[0][0], -g[0][2])):
        title = f"{start}, {strategy}, rate {rate:g}"
        print(f"\n{title:34s}" + "".join(f"{name:>16s}" for name in MEASURES))
        for head in HEAD_SETTINGS:
            if head in heads:
                cells = [spread([r[m] for r in heads[head].values()]) for m in MEASURES]
                print(f"  {head:32s}" + "".join(f"{cell:>16s}" for cell in cells))
        for head in list(HEAD_SETTINGS)[1:]:
            if head in heads and "none" in heads:
                print(f"  {head + ' - none':32s}" + gains(heads["none"], heads[head]))


def gains(none: Mapping[int, Record], other: Mapping[int, Record]) -> str:
    """Returns the differences over the orders that both have, and in how many there is a gain."""
    text = ""
    for name in MEASURES:
        gain = [other[order][name] - none[order][name] for order in other if order in none]
        text += f"{spread(gain, '+')} {sum(g > 0 for g in gain)}/{len(gain)}".rjust(16)

    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=5)
    parser.add_argument("--table", action="store_true", help="print what is in OUTPUT, run nothing")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()

    ledger = Ledger(arguments.output, NAMES)
    if not arguments.table:
        run(arguments.orders, ledger)
    show(ledger.records)


if __name__ == "__main__":
    main()
