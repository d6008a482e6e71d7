"""The training loop: what it computes, reports, refuses, and how it stops."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import StepLR
from torch.testing import assert_close

from unseen.training.batches import Shuffled
from unseen.training.checkpoint import Checkpoint
from unseen.training.loop import EpochReport, Optimization, TrainingError, train

X = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randn(50, 1, generator=torch.Generator().manual_seed(1))


def network() -> nn.Module:
    module = nn.Linear(6, 1)
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.1)

    return module


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def squared_error(module: nn.Module, batch: Tensor) -> Tensor:
    return (module(X[batch]) - Y[batch]).square().mean()


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({}, lambda p: Adam(p, 0.05, weight_decay=1e-3)),
        ({"beta2": 0.7}, lambda p: Adam(p, 0.05, (0.9, 0.7), weight_decay=1e-3)),
        ({"optimizer": "sgd"}, lambda p: SGD(p, 0.05, 0.9, weight_decay=1e-3)),
        ({"step_factor": 0.4}, lambda p: Adam(p, 0.05, weight_decay=1e-3)),
        ({"optimizer": "sgd", "clip_norm": 0.3}, lambda p: SGD(p, 0.05, 0.9, weight_decay=1e-3)),
    ],
    ids=["adam", "beta2", "sgd", "step-factor", "clip-norm"],
)
def test_training_is_the_plain_loop(
    settings: dict, make: Callable[[Iterable[Tensor]], Optimizer]
) -> None:
    ours, theirs = network(), network()
    reports: list[EpochReport] = []
    optimization = Optimization(4, 0.05, 1e-3, schedule="step", step_epochs=2, **settings)
    train(
        ours,
        lambda batch: squared_error(ours, batch),
        Shuffled(50, 16),
        optimization,
        generator(),
        reports.append,
    )

    optimizer = make(theirs.parameters())
    scheduler = StepLR(optimizer, 2, settings.get("step_factor", 0.1))
    order, losses = generator(), []
    for _ in range(4):
        total = 0.0
        for batch in torch.randperm(50, generator=order).split(16):  # the last has 2 rows
            optimizer.zero_grad()
            loss = squared_error(theirs, batch)
            loss.backward()
            nn.utils.clip_grad_norm_(theirs.parameters(), settings.get("clip_norm", math.inf))
            optimizer.step()
            total += loss.item() * len(batch)
        scheduler.step()
        losses.append(total / 50)

    assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-5, atol=1e-6)
    assert [report.loss for report in reports] == pytest.approx(losses, rel=1e-5)


def test_callbacks_get_every_epoch_and_a_module_in_evaluation() -> None:
    module, reports, modes = network(), [], []

    def report(done: EpochReport) -> None:
        reports.append(done)
        modes.append(module.training)

    def loss(batch: Tensor) -> Tensor:
        assert module.training
        return squared_error(module, batch)

    train(module, loss, Shuffled(50, 16), Optimization(3, 0.05), generator(), report)

    assert [(done.epoch, done.epochs) for done in reports] == [(1, 3), (2, 3), (3, 3)]
    seconds = [done.seconds for done in reports]
    assert 0 < seconds[0] <= seconds[1] <= seconds[2]
    assert modes == [False] * 3
    assert not module.training


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_the_epoch_and_likely_causes(
    bad: float, tmp_path: Path
) -> None:
    module, steps = network(), []

    def loss(batch: Tensor) -> Tensor:
        steps.append(batch)
        value = squared_error(module, batch)
        return value * bad if len(steps) > 8 else value  # four steps an epoch

    path = tmp_path / "run.ckpt"
    with pytest.raises(TrainingError, match=r"became (nan|inf) in epoch 3 of 5") as caught:
        train(
            module,
            loss,
            Shuffled(50, 16),
            Optimization(5, 0.05),
            generator(),
            checkpoint=Checkpoint(path, {}),
        )

    assert "lr=0.005" in str(caught.value)
    assert "clip_norm=1" in str(caught.value)
    assert len(steps) == 12
    assert Checkpoint(path, {})._read()[0]["epoch"] == "2"  # the last good one


def test_weights_that_overflow_in_the_last_step_are_an_error(tmp_path: Path) -> None:
    """The loss was taken before that step, and is finite."""
    module, losses = network(), []

    def loss(batch: Tensor) -> Tensor:
        losses.append(squared_error(module, batch) * (1e35 if len(losses) == 2 else 0))
        return losses[-1]

    path = tmp_path / "run.ckpt"
    with pytest.raises(TrainingError, match="The weights overflowed in epoch 3 of 3") as caught:
        train(
            module,
            loss,
            Shuffled(50, 50),
            Optimization(3, 1e5, optimizer="sgd"),
            generator(),
            checkpoint=Checkpoint(path, {}),
        )

    assert all(math.isfinite(value.item()) for value in losses)
    assert "clip_norm=1" in str(caught.value)
    assert Checkpoint(path, {})._read()[0]["epoch"] == "2"  # the last good one


def test_frozen_parameters_stay() -> None:
    module = network()
    module.bias.requires_grad_(False)
    train(
        module,
        lambda batch: squared_error(module, batch),
        Shuffled(50, 16),
        Optimization(2, 0.05, 0.1),
        generator(),
    )

    assert module.bias.item() == pytest.approx(0.1)
    assert not torch.equal(module.weight, network().weight)


def test_errors_of_a_callback_come_through() -> None:
    module = network()

    def fail(_: EpochReport) -> None:
        raise LookupError("from the callback")

    with pytest.raises(LookupError, match="from the callback"):
        train(
            module,
            lambda batch: squared_error(module, batch),
            Shuffled(50, 16),
            Optimization(2, 0.05),
            generator(),
            fail,
        )


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(),
    reason="only the main thread sees an interrupt",
)
def test_ctrl_c_stops_soon() -> None:
    module, steps = network(), []
    main = threading.main_thread().ident

    def loss(batch: Tensor) -> Tensor:
        steps.append(batch)
        if len(steps) == 10:
            signal.pthread_kill(main, signal.SIGINT)
        time.sleep(0.001)
        return squared_error(module, batch)

    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(module, loss, Shuffled(50, 16), Optimization(10_000, 0.05), generator())
    finally:
        signal.signal(signal.SIGINT, usual)

    assert 10 <= len(steps) < 1000
    assert not module.training
