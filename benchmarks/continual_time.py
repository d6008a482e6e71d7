"""Time of all strategies along 20 tasks in the shape of CUB: 10 classes each, 10 epochs.

Features (2,048), descriptions (312) and rows are simulated in CUB's numbers; the head is the
paper's. `in all` counts training, scoring after each task and all measures, `processor` the seconds
of one core, whatever else the machine does.

Command: python benchmarks/continual_time.py
"""

import time

import torch

from unseen.benchmark.machine import machine
from unseen.continual import STRATEGIES
from unseen.continual.heads import EXACT, class_norm_head
from unseen.continual.learner import ContinualLearner
from unseen.continual.run import run_stream
from unseen.continual.streams import make_stream
from unseen.data.simulate import simulate
from unseen.methods.continual import ContinualClassifier
from unseen.metrics.continual import summary

TASKS = 20


def main() -> None:
    data = simulate("CUB")
    stream = make_stream(data, tasks=TASKS)
    models: dict[str, ContinualClassifier] = {
        name: ContinualLearner(class_norm_head().set_params(lr=0.01), kind(), random_state=0)
        for name, kind in STRATEGIES.items()
    }
    models |= {name: kind() for name, kind in EXACT.items()}
    print(f"{stream}\n{machine()}\n")
    torch.set_num_threads(1)
    print(f"{'':18s}{'in all':>10s}{'processor':>11s}{'steps':>8s}{'kept':>11s}   mJA")
    total, processor = 0.0, 0.0
    for name, model in models.items():
        start, busy = time.perf_counter(), time.process_time()
        run = run_stream(model, stream, data)
        result = summary(run.history)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        total, processor = total + seconds, processor + busy
        kept = sum(run.memory_bytes[-1].values()) / 2**20
        print(
            f"{name:18s}{seconds:8.1f} s{busy:9.1f} s{sum(run.steps):8d}"
            f"{kept:8.1f} MB{100 * result.mean_joint_accuracy:6.1f}",
            flush=True,
        )
    print(f"\n{total / 60:.1f} minutes in all, {processor / 60:.1f} of the processor, one thread")


if __name__ == "__main__":
    main()
