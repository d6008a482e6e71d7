"""Says where the time of a training goes, by the operators of PyTorch: the five costliest of each.

Command: UNSEEN_DATA=../shared/data OMP_NUM_THREADS=1 python benchmarks/profile_methods.py METHOD...
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from unittest.mock import patch

from torch.profiler import ProfilerActivity, profile

from unseen import METHODS, load
from unseen.training import loop

SHOWN = 5


def in_this_thread(task: Callable[[Event], object]) -> object:
    """Stands in for the thread of a training, in which the profiler would see nothing."""
    return task(Event())


def main() -> None:
    data = load(Path(os.environ["UNSEEN_DATA"]) / "awa1.npz")
    train = data.subset("train", data.compact_type)
    for name in sys.argv[1:]:
        with (
            patch.object(loop, "run_with_denormals_flushed", in_this_thread),
            profile(activities=[ProfilerActivity.CPU]) as measured,
        ):
            METHODS[name]().set_params(random_state=0).fit(
                train.features, train.labels, data.class_attributes
            )
        events = sorted(measured.key_averages(), key=lambda event: -event.self_cpu_time_total)
        total = sum(event.self_cpu_time_total for event in events)
        print(f"\n{name} on awa1, {total / 1e6:.1f} s")
        for event in events[:SHOWN]:
            print(f"  {100 * event.self_cpu_time_total / total:4.0f} %  {event.key}")


if __name__ == "__main__":
    main()
