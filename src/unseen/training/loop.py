"""The one training loop of all gradient methods."""

__all__ = ["EpochReport", "Monitor", "Optimization", "TrainingError", "train"]

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import torch
from torch import Tensor, nn

from unseen.training.batches import Batches
from unseen.training.checkpoint import Checkpoint
from unseen.training.device import run_with_denormals_flushed
from unseen.training.schedules import learning_rate
from unseen.training.step import CapturedStep, EagerStep, make_optimizer

Loss = Callable[[Tensor], Tensor]


class TrainingError(RuntimeError):
    """Says that training diverged, when, and what usually helps."""


@dataclass(frozen=True)
class Optimization:
    """How to descend.

    Arguments:
        epochs: The number of passes over the rows, or of rounds of episodes.
        lr: The learning rate at the start.
        weight_decay: The L2 penalty, added to the gradient (``"adamw"`` decouples it).
        optimizer: A name in ``OPTIMIZERS``.
        beta2: The decay of Adam's mean of squared gradients.
        schedule: A name in ``SCHEDULES``.
        step_epochs: The length of a stair of the schedule ``"step"``, in epochs.
        step_factor: The factor from a stair to the next.
        clip_norm: The greatest norm of the gradient of all parameters; ``None`` does not clip.
        networks: The number of networks that the module stacks, if it does.
    """

    epochs: int
    lr: float
    weight_decay: float = 0.0
    optimizer: str = "adam"
    beta2: float = 0.999
    schedule: str = "constant"
    step_epochs: int = 25
    step_factor: float = 0.1
    clip_norm: float | None = None
    networks: int | None = None


@dataclass(frozen=True)
class EpochReport:
    """What a callback gets after each epoch.

    Arguments:
        epoch: The number of epochs done, from 1.
        epochs: The number of epochs of the whole training.
        loss: The mean loss of the epoch.
        seconds: The time since training started, resumed time not counted.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float


@dataclass(frozen=True)
class Monitor:
    """What may look on while a method trains; a closed form has neither epochs nor steps.

    Arguments:
        callback: Called after each epoch.
        checkpoint: The file to save to after each epoch, and to resume from, if it exists.
        data_hash: What identifies the data of this training: another does not resume from it.
        before_step: Called before each step, with the number of steps done.
    """

    callback: Callable[[EpochReport], None] | None = None
    checkpoint: Path | None = None
    data_hash: str = ""
    before_step: Callable[[int], None] | None = None


def train(
    module: nn.Module,
    loss: Loss,
    batches: Batches,
    optimization: Optimization,
    generator: torch.Generator,
    callback: Callable[[EpochReport], None] | None = None,
    checkpoint: Checkpoint | None = None,
    groups: Sequence[dict[str, Any]] | None = None,
    edit: Callable[[], None] | None = None,
    before_step: Callable[[int], None] | None = None,
) -> None:
    """Minimises a loss over the rows of a data set that is resident on the device.

    Arguments:
        module: The network, on its device; it is left in evaluation mode.
        loss: Returns the mean loss of a batch, given its row numbers on the device.
        batches: Which rows make the steps of an epoch.
        optimization: How to descend.
        generator: Draws the batches, on the CPU, so that every device sees the same batches.
        callback: Called after each epoch, in the thread that trains; the module is then in
            evaluation mode.
        checkpoint: Where to save after each epoch, and to resume from, if it exists.
        groups: The parameters in groups as PyTorch takes them, where some descend at a rate of
            their own; by default all of the module.
        edit: Called in each step when the gradients are there, to change them in place.
        before_step: Called before each step with the number of steps done; the module is in
            training mode and must be left so.

    Raises:
        TrainingError: If the loss is not finite, or the weights after the last step are not.
        CheckpointError: If the checkpoint is damaged, of another run, or cannot be written.
    """
    device = next(module.parameters()).device
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = make_optimizer(
        optimization.optimizer,
        parameters if groups is None else groups,
        optimization.lr,
        optimization.weight_decay,
        optimization.beta2,
        device,
    )
    first = checkpoint.resume(module, optimizer, generator) if checkpoint is not None else 0

    def run(stop: Event) -> None:
        make_step = CapturedStep if device.type == "cuda" else EagerStep
        step = make_step(loss, optimizer, optimization.clip_norm, optimization.networks, edit)
        start = time.perf_counter()

        for epoch in range(first, optimization.epochs):
            module.train()
            drawn = batches.epoch(generator)
            mean = _epoch(step, drawn, epoch, optimization, device, stop, before_step)
            module.eval()
            if stop.is_set():
                return
            if not math.isfinite(mean):
                raise TrainingError(_diverged(f"The loss became {mean}", epoch, optimization))
            if epoch + 1 == optimization.epochs and not _all_finite(parameters):
                raise TrainingError(_diverged("The weights overflowed", epoch, optimization))
            if checkpoint is not None:
                checkpoint.save(module, optimizer, generator, epoch + 1)
            if callback is not None:
                seconds = time.perf_counter() - start
                callback(EpochReport(epoch + 1, optimization.epochs, mean, seconds))

    if device.type == "cpu":
        run_with_denormals_flushed(run)
    else:
        with torch.cuda.device(device):
            run(Event())
    module.eval()
    for parameter in parameters:
        parameter.grad = None  # as large as the network, and of no more use


def _epoch(
    step: EagerStep,
    batches: Sequence[Tensor],
    epoch: int,
    optimization: Optimization,
    device: torch.device,
    stop: Event,
    before_step: Callable[[int], None] | None,
) -> float:
    """Runs one epoch and returns its mean loss; asks the device for a number only once."""
    sizes = [len(batch) for batch in batches]
    total = torch.zeros((), device=device)

    for i, batch in enumerate(torch.cat(tuple(batches)).to(device).split(sizes)):
        if stop.is_set():
            break
        if before_step is not None:
            before_step(epoch * len(sizes) + i)
        step.scale_lr(
            learning_rate(
                optimization.schedule,
                epoch * len(sizes) + i,
                len(sizes),
                optimization.epochs,
                optimization.step_epochs,
                optimization.step_factor,
            )
        )
        total += step(batch) * len(batch)

    return total.item() / sum(sizes)


def _all_finite(parameters: Sequence[Tensor]) -> bool:
    """Says whether all numbers are finite: no loss follows the last step, which would show it."""
    return bool(torch.stack([parameter.isfinite().all() for parameter in parameters]).all())


def _diverged(what: str, epoch: int, optimization: Optimization) -> str:
    return (
        f"{what} in epoch {epoch + 1} of {optimization.epochs}. Likely causes:\n"
        f"  (a) the learning rate is too high: try lr={optimization.lr / 10:g};\n"
        "  (b) features or descriptions of very different size: standardise them;\n"
        "  (c) no normalisation and large values: keep `scale`, or set clip_norm=1."
    )
