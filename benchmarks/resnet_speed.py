"""Times a step of the small residual network against the matrix products it is made of.

A convolution is a matrix product, of the 9 q values around each place and the filters; so the
floor is the time of these products alone, three times each (forward, and backward to the input
and to the filters), at the speed of this machine for plain matrices of these shapes, through
oneDNN where PyTorch has it.

Command: python benchmarks/resnet_speed.py [--batch 64] [--threads 1]
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from unseen import SmallResNet
from unseen.nets.linear import linear

IMAGES = 4000  # in an epoch


def fastest(task: Callable[[], object], repeats: int = 20) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)

    return min(times)


def products(net: SmallResNet, x: Tensor) -> tuple[float, float]:
    """Returns the seconds of the forward and of the backward matrix products of all layers."""
    shapes: list[tuple[int, int, int]] = []

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        filters, *patch = layer.weight.shape
        shapes.append((output.numel() // filters, torch.Size(patch).numel(), filters))

    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    net(x)
    for hook in hooks:
        hook.remove()

    forward = backward = 0.0
    for places, patch, filters in shapes:
        patches, weight = torch.rand(places, patch), torch.rand(filters, patch)
        gradient = torch.rand(places, filters)
        # each product in the layout that is fastest: what a convolution rearranges is its own cost
        forward += fastest(lambda a=patches, b=weight: linear(a, b))
        over_places = gradient.T.contiguous(), patches.T.contiguous()
        backward += fastest(lambda a=over_places[0], b=over_places[1]: linear(a, b))
        to_patches = weight.T.contiguous()
        backward += fastest(lambda a=gradient, b=to_patches: linear(a, b))
    return forward, backward


def steps(net: SmallResNet, x: Tensor) -> tuple[float, float]:
    """Returns the seconds of a forward pass and of a backward pass."""
    forward, backward = [], []
    for _ in range(20):
        start = time.perf_counter()
        loss = net(x).square().mean()
        middle = time.perf_counter()
        loss.backward()
        forward.append(middle - start)
        backward.append(time.perf_counter() - middle)

    return min(forward), min(backward)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next(line.split(":")[1].strip() for line in lines if "model name" in line)
    print(f"{cpu}, {options.threads} threads, torch {torch.__version__}, batch {options.batch}\n")
    print("width  blocks      forward  backward   ms/step    floor   times  s/epoch of 4,000")
    for width, blocks in ((16, (1, 1, 1)), (32, (1, 1, 1)), (32, (2, 2, 2)), (64, (1, 1, 1))):
        generator = torch.Generator().manual_seed(0)
        net = SmallResNet(width=width, blocks=blocks, generator=generator)
        x = 255 * torch.rand(options.batch, 32 * 32 * 3, generator=generator)
        forward, backward = steps(net, x)
        step, floor = forward + backward, sum(products(net, x))
        print(
            f"{width:5d}  {blocks!s:10s} {1e3 * forward:8.1f} {1e3 * backward:9.1f} "
            f"{1e3 * step:9.1f} {1e3 * floor:8.1f} {step / floor:7.2f} "
            f"{step * IMAGES / options.batch:8.1f}"
        )


if __name__ == "__main__":
    main()
