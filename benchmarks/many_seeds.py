"""Times many seeds of a method at once against one seed after another, on this machine.

Both train the same copies, with the same batches, and include the preparation of the features.
The turns alternate, and the smallest time of each counts: what else runs only ever adds to it.

Command: python benchmarks/many_seeds.py [--device cuda] [--seeds 5] [--shape CUB AWA1]
    [--precision float32 bfloat16] [--epochs 10] [--repeats 3]
"""

import argparse
import platform
import time

import numpy as np
import torch

from unseen.data.simulate import BENCHMARK_SHAPES, simulate
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.methods.many_seeds import fit_seeds
from unseen.training.device import choose_device

METHODS = {"class-norm": ClassNorm, "mlp": MLP}


def seconds(
    model: ClassNorm, X: np.ndarray, y: np.ndarray, S: np.ndarray, groups: list[list[int]]
) -> float:
    """Returns the seconds of all seeds, those of a group at once."""
    start = time.perf_counter()
    for seeds in groups:
        fit_seeds(model, X, y, S, seeds)
    if torch.cuda.is_available():
        torch.cuda.synchronize()

    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help='"auto", "cpu" or "cuda"')
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shape", nargs="+", default=["CUB", "AWA1"], choices=[*BENCHMARK_SHAPES])
    parser.add_argument("--method", nargs="+", default=[*METHODS], choices=[*METHODS])
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    device = choose_device(arguments.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    print(
        f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}; "
        f"{arguments.seeds} seeds, {arguments.epochs} epochs, least of {arguments.repeats}, seconds"
    )
    seeds = list(range(arguments.seeds))
    ways = ([[seed] for seed in seeds], [seeds])

    for shape in arguments.shape:
        data = simulate(BENCHMARK_SHAPES[shape])
        train = data.subset("train")
        X, y, S = train.features, train.labels, data.class_attributes
        print(f"\n{shape}: {X.shape[0]:,} x {X.shape[1]:,}, {int(data.seen.sum())} seen classes")
        print(f"  {'':24s}{'one by one':>12s}{'at once':>12s}{'ratio':>8s}")
        for method in arguments.method:
            for precision in arguments.precision:
                model = METHODS[method](
                    epochs=arguments.epochs, precision=precision, device=str(device)
                )
                times = [
                    [seconds(model, X, y, S, way) for way in ways] for _ in range(arguments.repeats)
                ]
                apart, together = np.min(times, axis=0)
                label = f"{method}, {precision}"
                print(f"  {label:24s}{apart:12.2f}{together:12.2f}{apart / together:8.2f}")


if __name__ == "__main__":
    main()
