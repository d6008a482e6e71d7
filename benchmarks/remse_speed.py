"""Times the tracker of ReMSE: its share of a training step, and against loops written plainly.

The steps are of the smallest network there is here, one linear map from 2,048 features, and of the
one with a hidden layer of 1,024, with the cross-entropy over all classes, ReMSE and SGD, at SUN's
size: 645 classes, 102 attributes, batches of 16 classes and 2 examples of each. `tracker` is the
errors by class and attribute, and the weights made of them; a step without it is one whose weights
were there already. `more` is by how much the whole step is longer with it: beside its own time what
it pushes out of the cache. The loops do the same over examples, classes and attributes, on the same
numbers.

Command: python benchmarks/remse_speed.py [--repeats 300]
"""

import argparse
import math
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unseen.losses import ReMSE
from unseen.nets.cosine_head import normalize_rows

CLASSES, ATTRIBUTES, FEATURES, WAYS, SHOTS = 645, 102, 2048, 16, 2
LEAK = 0.1
EXPONENTS = {"p": 0.5, "p2": 0.25}


def loops(errors: Tensor, classes: Tensor, kept: list[list[float]]) -> list[list[float]]:
    """Returns the weights of a batch; `kept` holds the errors by class, 0 for classes not seen."""
    rows, labels = errors.tolist(), classes.tolist()
    for c in set(labels):
        members = [row for row, label in zip(rows, labels, strict=True) if label == c]
        for s in range(ATTRIBUTES):
            kept[c][s] = sum(row[s] for row in members) / len(members)

    weights = [[1.0] * ATTRIBUTES for _ in range(CLASSES)]
    for s in range(ATTRIBUTES):
        least = min((kept[c][s] for c in range(CLASSES) if kept[c][s] > 0), default=1.0)
        for c in range(CLASSES):
            if kept[c][s] > 0:
                weights[c][s] *= (1 + math.log(kept[c][s] / least)) ** EXPONENTS["p"]
    for c in range(CLASSES):
        least = min((e for e in kept[c] if e > 0), default=1.0)
        for s in range(ATTRIBUTES):
            if kept[c][s] > 0:
                weights[c][s] *= (1 + math.log(kept[c][s] / least)) ** EXPONENTS["p2"]

    return [weights[c] for c in labels]


def median(function: Callable[[], object], repeats: int) -> float:
    """Returns the median of the microseconds of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(1e6 * (time.perf_counter() - start))

    return statistics.median(times)


def network(hidden: int) -> nn.Module:
    """Makes the head of ReZSL: a linear map, or one hidden layer."""
    if not hidden:
        return nn.Linear(FEATURES, ATTRIBUTES)

    return nn.Sequential(
        nn.Linear(FEATURES, hidden), nn.LeakyReLU(LEAK), nn.Linear(hidden, ATTRIBUTES)
    )


def compare(hidden: int, tracker: str, repeats: int) -> None:
    torch.manual_seed(0)
    classes = torch.randperm(CLASSES)[:WAYS].repeat_interleave(SHOTS)
    table = normalize_rows(torch.rand(CLASSES, ATTRIBUTES))
    x = torch.randn(WAYS * SHOTS, FEATURES)
    layer = network(hidden)
    optimizer = torch.optim.SGD(layer.parameters(), 1e-3, momentum=0.9, fused=True)
    remse = ReMSE(CLASSES, ATTRIBUTES, tracker=tracker, check_values=False, **EXPONENTS)
    targets = table[classes]
    errors = remse._errors(layer(x), targets).detach()
    kept = [[0.0] * ATTRIBUTES for _ in range(CLASSES)]
    if tracker == "cross_batch":  # in the middle of a training: all classes were seen
        remse.comparable.copy_(errors.mean() * torch.rand(CLASSES, ATTRIBUTES))
        kept = remse.comparable.tolist()
    weights = remse._track(errors, classes)
    torch.testing.assert_close(weights, torch.tensor(loops(errors, classes, kept)))

    def step(regression: Callable[[Tensor], Tensor]) -> None:
        optimizer.zero_grad()
        predicted = layer(x)
        loss = F.cross_entropy(normalize_rows(predicted, 20.0) @ table.T, classes)
        (loss + regression(predicted)).backward()
        optimizer.step()

    def weighted(predicted: Tensor) -> Tensor:
        return (weights * remse._errors(predicted, targets)).mean()

    steps = {"with": lambda p: remse(p, targets, classes), "without": weighted}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(10):  # by turns, as the machine may have other work
        for name, regression in steps.items():
            times[name].append(median(lambda r=regression: step(r), repeats // 10))
    with_tracker, without = (statistics.median(each) for each in times.values())
    alone = median(lambda: remse._track(errors, classes), repeats)
    by_hand = median(lambda: loops(errors, classes, kept), max(3, repeats // 30))

    print(f"{hidden:6d}  {tracker:12s}{with_tracker:9.0f}{without:9.0f}{alone:9.0f}", end="")
    more = with_tracker / without - 1
    print(f"{alone / with_tracker:8.1%}{more:8.1%}{by_hand:11.0f}{by_hand / alone:8.0f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats

    threads = torch.get_num_threads()
    print(
        f"{platform.machine()}, {threads} threads, torch {torch.__version__}; "
        f"{CLASSES} x {ATTRIBUTES}, batches of {WAYS * SHOTS}; medians of {repeats}, microseconds\n"
    )
    heads = ("step", 9), ("without", 9), ("tracker", 9), ("share", 8), ("more", 8), ("loops", 11)
    print("hidden" + " " * 14 + "".join(f"{head:>{width}s}" for head, width in heads))
    for hidden in (0, 1024):
        for tracker in ("in_batch", "cross_batch"):
            compare(hidden, tracker, repeats)


if __name__ == "__main__":
    main()
