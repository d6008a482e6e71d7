"""Times IZF at the size of the field: d = 2048, 5 blocks, hidden 1024, batch 256.

A step of training is compared with its matrix products alone, at the rate that this machine
reaches on these very shapes, in turns so that a busy machine slows all: with the floor, which is
that of float32, and with its own, of the precisions of its own products. A profile says
where the time of a step goes. Generation is timed with the peak of memory above what stands
before, for a third of the rows and for all: flat if both are the same. The last lines are the
error of the round trip in float32 and bfloat16. On a GPU the step is captured as a graph; its time
and that of the eager step are printed.

Command: OMP_NUM_THREADS=2 python benchmarks/izf_speed.py [--repeats 15] [--rows 100000]
"""

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.profiler import profile

from unseen.data.simulate import BENCHMARK_SHAPES, simulate
from unseen.methods.izf import IZF
from unseen.nets.linear import linear
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.training.device import choose_precision
from unseen.training.step import CapturedStep, EagerStep, make_optimizer

FEATURES, BLOCKS, HIDDEN, BATCH = 2048, 5, 1024, 256
SEEN, UNSEEN, ATTRIBUTES = 40, 10, 85  # of AWA1
PROFILED, SHOWN = 10, 12  # steps; operations


def make_step(device: torch.device, precision: str, captured: bool) -> Callable[[], object]:
    """Returns one step of training on random rows, with gradients in a precision."""
    model = IZF(blocks=BLOCKS, hidden=HIDDEN, random_state=0)
    model.ordinary_, model.semantic_size_ = False, ATTRIBUTES
    network = model._network(
        FeaturePreprocessing("standardize", FEATURES),
        AttributeNormalization("standardize", ATTRIBUTES),
        torch.Generator().manual_seed(0),
    ).to(device)
    model.network_ = network.train()
    x, S = torch.randn(BATCH, FEATURES).to(device), torch.randn(SEEN, ATTRIBUTES).to(device)
    U, labels = torch.randn(UNSEEN, ATTRIBUTES).to(device), torch.arange(BATCH).to(device) % SEEN
    network.look_at(x, S)
    network.round_gradients(choose_precision(precision, device))
    model._class_means = torch.randn(SEEN, FEATURES).to(device)
    optimizer = make_optimizer("adam", network.parameters(), 1e-3, 1e-5, 0.999, device)
    step = (CapturedStep if captured else EagerStep)(
        lambda _: model._loss(x, labels, S, U), optimizer, model.clip_norm
    )
    batch = torch.arange(BATCH).to(device)

    return lambda: step(batch)


def make_products(device: torch.device, precision: torch.dtype) -> Callable[[], object]:
    """Returns the products of a step: of each layer and its gradients, and of the kernels.

    Each has operands of its own, as in the step, where no weight is met twice in a row. Those that
    make gradients of layers are of the precision given, the others float32.
    """
    half, products, gradients = FEATURES // 2, [], []
    for rows in (BATCH, BATCH + SEEN):
        for block in range(BLOCKS):
            for inputs, outputs in ((half, HIDDEN), (HIDDEN, 2 * half)):
                x = torch.randn(rows, inputs).to(device)
                gradient = torch.randn(rows, outputs).to(device)
                weight = torch.randn(outputs, inputs).to(device)
                products += [(x, weight)]
                gradients += [(gradient.T.contiguous(), x.T.contiguous())]
                if block or inputs != half:  # the first layer of a pass hands on no gradient
                    gradients += [(gradient, weight.T.contiguous())]
    v, square = torch.randn(BATCH, FEATURES).to(device), torch.randn(BATCH, BATCH).to(device)
    products += 3 * [(v, v)] + 3 * [(square, v.T.contiguous())]
    products += [(left.to(precision), right.to(precision)) for left, right in gradients]

    def run() -> None:
        for x, weight in products:
            linear(x, weight)

    return run


def seconds(run: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)

    return time.perf_counter() - start


def time_steps(device: torch.device, repeats: int) -> None:
    runs, floors = {}, {}
    for asked in ("float32", "auto"):
        precision = choose_precision(asked, device)
        kind = f"gradients in {precision}".replace("torch.", "")
        floor = f"matrix products, {kind}"
        runs[floor] = make_products(device, precision)
        for captured in (False, True) if device.type == "cuda" else (False,):
            name = f"step, {kind}" + (", captured" if captured else "")
            runs[name], floors[name] = make_step(device, asked, captured), floor
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 5):  # the first few warm up, and are captured
        for name, run in runs.items():
            taken = seconds(run, device)
            if repeat >= 5:
                times[name].append(taken)

    def ratio(name: str, floor: str) -> float:
        return statistics.median(t / f for t, f in zip(times[name], times[floor], strict=True))

    exact = next(iter(runs))
    for name, taken in times.items():
        own = f", {ratio(name, floors[name]):.2f} times its own" if name in floors else ""
        shown = (
            f"{1e3 * statistics.median(taken):8.1f} ms   {ratio(name, exact):.2f} times the floor"
        )
        print(f"{name:40s} {shown}{own}")


def profile_step(device: torch.device) -> None:
    """Prints the operations that take most of a step's time, each without those it calls."""
    step = make_step(device, "auto", captured=False)
    for _ in range(5):
        step()
    with profile() as profiled:
        for _ in range(PROFILED):
            step()
    events = sorted(profiled.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    for event in events[:SHOWN]:
        taken, calls = event.self_cpu_time_total, event.count // PROFILED  # microseconds
        shown = f"{event.key:32s} {taken / PROFILED / 1e3:7.1f} ms {taken / total:5.0%}"
        print(f"  {shown} {calls:5d} calls")


def fitted() -> tuple[IZF, np.ndarray]:
    """Returns a briefly trained model of the size of AWA1, and its unseen descriptions."""
    data = simulate(BENCHMARK_SHAPES["AWA1"], rows=2000)
    train = data.subset("train")
    model = IZF(blocks=BLOCKS, hidden=HIDDEN, epochs=1, random_state=0)
    model.fit(train.features, train.labels, data.class_attributes)

    return model, data.class_attributes[~data.seen]


def generate(rows: int) -> None:
    """Generates in chunks, each dropped, and prints time and peak memory."""
    model, table = fitted()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    made = sum(len(part) for part in model.generate_chunks(table, rows // len(table), 0))
    taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"generated {made:,} rows: {taken:.1f} s, peak {peak / 1024:.0f} MB above the training's")


def round_trip() -> None:
    """Prints the error of the round trip in two precisions."""
    model, _ = fitted()
    x = torch.randn(BATCH, FEATURES).to(next(model.network_.parameters()).device)
    print(f"round trip in float32: {model.network_.round_trip_error(x):.1e}")
    with torch.autocast(x.device.type, torch.bfloat16):
        print(f"round trip in bfloat16: {model.network_.round_trip_error(x):.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--generate", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.generate:
        generate(arguments.generate)
        return

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(
        f"PyTorch {torch.__version__}, {device}, {platform.machine()}, "
        f"{torch.get_num_threads()} threads"
    )
    torch.set_flush_denormal(True)
    time_steps(device, arguments.repeats)
    if device.type == "cpu":
        profile_step(device)
    for rows in (arguments.rows // 3, arguments.rows):
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, "--generate", str(rows)], check=True)
    round_trip()


if __name__ == "__main__":
    main()
