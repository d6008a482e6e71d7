"""Time and memory of each task along a stream of 100 tasks of 50 classes, in the shape of CUB.

Features (2,048) and descriptions (312) are simulated; 10 examples a class, two epochs a task.
Of earlier classes, 100 take part in the training of a task (`old_classes`), so that a task does not
cost more the later it comes; A-GEM copies its memory after each task, which grows. Seconds are of
the processor, in one thread, whatever else the machine does. `grows` is the mean time of the last
ten tasks over that of tasks 11 to 20; `kept` is what the strategy stores after task 20 and after
task 100, and `process` what the process holds then, without the data.

Command: python benchmarks/continual_scale.py
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import torch

from unseen.benchmark.machine import machine
from unseen.continual import STRATEGIES
from unseen.continual.heads import class_norm_head
from unseen.continual.learner import ContinualLearner

CLASSES, ATTRIBUTES, FEATURES, ROWS = 50, 312, 2048, 10
NAMES = ("sequential", "ewc", "mas", "agem", "replay")
EVERY = 10


def held_mb() -> float:
    """Returns the memory that the process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])

    return pages * resource.getpagesize() / 2**20


def task_rows(number: int, prototypes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the features and labels of a task: noise around the prototype of each class."""
    rng = np.random.default_rng(number)
    labels = np.repeat(np.arange(number * CLASSES, (number + 1) * CLASSES), ROWS)
    noise = rng.standard_normal((len(labels), FEATURES), dtype=np.float32)

    return np.abs(prototypes[labels] + noise), labels


def run(name: str, tasks: int, S: np.ndarray, prototypes: np.ndarray) -> None:
    model = ContinualLearner(
        class_norm_head().set_params(epochs=2, lr=0.01),
        STRATEGIES[name](),
        old_classes=100,
        random_state=0,
    )
    seconds, kept, held = [], [], []
    for number in range(tasks):
        X, y = task_rows(number, prototypes)
        start = time.process_time()
        model.partial_fit(X, y, S)
        seconds.append(time.process_time() - start)
        kept.append(sum(model.memory_bytes().values()) / 2**20)
        held.append(held_mb())
    early, late = np.mean(seconds[10:20]), np.mean(seconds[-10:])
    print(
        f"{name:12s}{early:10.2f} s{late:8.2f} s{late / early:8.2f}x"
        f"{kept[19]:10.1f} ->{kept[-1]:7.1f} MB{held[19]:8.0f} ->{held[-1]:5.0f} MB"
    )
    curve = [f"{np.mean(seconds[i : i + EVERY]):.2f}" for i in range(0, tasks, EVERY)]
    print(f"{'':12s}seconds, mean of ten tasks: {' '.join(curve)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--only", choices=NAMES, nargs="+", default=NAMES)
    given = parser.parse_args()
    tasks = given.tasks
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    S = rng.random((tasks * CLASSES, ATTRIBUTES), dtype=np.float32)
    mixing = rng.standard_normal((ATTRIBUTES, FEATURES), dtype=np.float32)
    prototypes = (S - 0.5) @ mixing / ATTRIBUTES**0.5 * 4

    print(f"{tasks} tasks of {CLASSES} classes and {CLASSES * ROWS} rows; {machine()}\n")
    print(f"{'':12s}{'task 11-20':>12s}{'last 10':>10s}{'grows':>9s}{'kept':>22s}{'process':>17s}")
    for name in given.only:
        run(name, tasks, S, prototypes)


if __name__ == "__main__":
    main()
