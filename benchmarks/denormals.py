"""Times arithmetic on denormal numbers against the same on normal ones, on this machine.

What flushing them is worth depends on the processor: the factor of a product of denormal matrices,
with and without the flush, and of a whole training that makes many of them: the plain embedder
with the small initialisation of Eq. (10) on real features, 50 epochs of 256, whose weights of dead
units decay below the least normal number.

Command: UNSEEN_DATA=../shared/data python benchmarks/denormals.py [--epochs 50]
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from unittest.mock import patch

import torch

from unseen import load
from unseen.benchmark.recipes import RECIPES
from unseen.training import loop

TINY = torch.finfo(torch.float32).tiny


def fastest(task: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)

    return min(times)


def arithmetic(flush: bool) -> tuple[float, float]:
    """Returns how many times slower a product, and a sum, is on denormals, in a new thread."""

    def measure() -> tuple[float, float]:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(2000, 2000, generator=generator) + 0.5
        small = x * TINY / 64  # denormal, and so is each product with a number below one
        half = torch.full((2000, 2000), 0.5)

        product = fastest(lambda: small @ half) / fastest(lambda: x @ half)
        elementwise = fastest(lambda: small * half + small) / fastest(lambda: x * half + x)
        return product, elementwise

    with ThreadPoolExecutor(1, initializer=torch.set_flush_denormal, initargs=(flush,)) as pool:
        return pool.submit(measure).result()


def without_flushing(task: Callable[[Event], object]) -> object:
    with ThreadPoolExecutor(1, initializer=torch.set_flush_denormal, initargs=(False,)) as pool:
        return pool.submit(task, Event()).result()


def training(epochs: int) -> tuple[float, float, float]:
    """Returns seconds with and without flushing, and the share of denormal weights without."""
    data = load(Path(os.environ["UNSEEN_DATA"]) / "awa1.npz")
    train = data.subset("train")
    seconds, share = [], 0.0
    for flushed in (True, False):
        model = RECIPES["mlp+10"]().method.set_params(random_state=0, epochs=epochs)
        start = time.perf_counter()
        if flushed:
            model.fit(train.features, train.labels, data.class_attributes)
        else:
            with patch.object(loop, "run_with_denormals_flushed", without_flushing):
                model.fit(train.features, train.labels, data.class_attributes)
            weights = torch.cat([p.detach().flatten() for p in model.network_.parameters()])
            share = float(((weights != 0) & (weights.abs() < TINY)).float().mean())
        seconds.append(time.perf_counter() - start)

    return seconds[0], seconds[1], share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    epochs = parser.parse_args().epochs

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    print(f"{cpu}, torch {torch.__version__}\n")
    for flush in (False, True):
        product, elementwise = arithmetic(flush)
        label = "flushed" if flush else "not flushed"
        print(
            f"denormals {label:12s} matrix product {product:5.1f} x, "
            f"elementwise {elementwise:5.1f} x the time of normal numbers"
        )
    with_flush, without, share = training(epochs)
    print(
        f"\nmlp+10 on awa1, {epochs} epochs: {with_flush:.1f} s flushed, {without:.1f} s not, "
        f"{without / with_flush:.2f} x; {100 * share:.1f} % of its weights were denormal at the end"
    )


if __name__ == "__main__":
    main()
