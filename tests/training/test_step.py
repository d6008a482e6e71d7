"""One step: PyTorch's optimizers, clipping, and the captured graph against the eager one."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.testing import assert_close

from unseen.training.step import OPTIMIZERS, CapturedStep, EagerStep, make_optimizer

CPU = torch.device("cpu")
X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randn(40, 1, generator=torch.Generator().manual_seed(1))
needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="a captured graph needs a CUDA device"
)


def network(device: torch.device = CPU) -> nn.Module:
    generator = torch.Generator().manual_seed(2)
    module = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1))
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)

    return module.to(device)


def squared_error(module: nn.Module, device: torch.device = CPU) -> Callable[[Tensor], Tensor]:
    x, y = X.to(device), Y.to(device)

    return lambda batch: (module(x[batch]) - y[batch]).square().mean()


def optimizer_of(module: nn.Module, name: str = "adam", weight_decay: float = 0.0) -> Optimizer:
    parameters = list(module.parameters())

    return make_optimizer(name, parameters, 0.01, weight_decay, 0.95, parameters[0].device)


def state(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().cpu() for parameter in module.parameters()]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("adam", lambda p: torch.optim.Adam(p, 0.01, (0.9, 0.95), weight_decay=0.1)),
        ("adamw", lambda p: torch.optim.AdamW(p, 0.01, (0.9, 0.95), weight_decay=0.1)),
        ("sgd", lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, weight_decay=0.1)),
    ],
)
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_steps_are_pytorchs(name: str, make: Callable, clip_norm: float | None) -> None:
    ours, theirs = network(), network()
    step = EagerStep(squared_error(ours), optimizer_of(ours, name, 0.1), clip_norm)
    optimizer, loss = make(theirs.parameters()), squared_error(theirs)

    for batch in torch.arange(40).split(16):
        optimizer.zero_grad()
        expected = loss(batch)
        expected.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip_norm)
        optimizer.step()
        assert_close(step(batch), expected.detach())

    assert_close(state(ours), state(theirs), rtol=1e-5, atol=1e-7)


def test_every_optimizer_is_tested() -> None:
    assert set(OPTIMIZERS) == {"adam", "adamw", "sgd"}


def test_the_rate_is_that_of_the_next_step() -> None:
    module = network()
    before = copy.deepcopy(state(module))
    step = EagerStep(squared_error(module), optimizer_of(module), None)

    step.scale_lr(0.0)
    step(torch.arange(40))
    assert_close(state(module), before, rtol=0, atol=0)
    step.scale_lr(1.0)
    step(torch.arange(40))
    assert not torch.equal(state(module)[0], before[0])


def run(make: type[EagerStep], clip_norm: float | None) -> tuple[list[Tensor], list[Tensor]]:
    device = torch.device("cuda")
    module = network(device)
    optimizer = optimizer_of(module, weight_decay=1e-4)
    step = make(squared_error(module, device), optimizer, clip_norm)
    losses = []
    for epoch in range(10):
        order = torch.randperm(40, generator=torch.Generator().manual_seed(epoch)).to(device)
        step.scale_lr(0.9**epoch)
        losses += [step(batch).cpu() for batch in order.split(16)]  # 16, 16 and 8 rows

    return losses, state(module)


@needs_gpu
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_a_captured_step_is_an_eager_step(clip_norm: float | None) -> None:
    eager, captured = run(EagerStep, clip_norm), run(CapturedStep, clip_norm)

    assert_close(captured, eager, rtol=1e-5, atol=1e-6)


@needs_gpu
def test_a_step_that_cannot_be_captured_runs_eagerly() -> None:
    device = torch.device("cuda")
    module = network(device)
    loss = squared_error(module, device)

    def reads_a_number(batch: Tensor) -> Tensor:
        value = loss(batch)
        return value * (2.0 if value.item() > 1e9 else 1.0)

    optimizer = optimizer_of(module)
    step = CapturedStep(reads_a_number, optimizer, None)
    with pytest.warns(UserWarning, match="cannot be captured"):
        losses = [step(torch.arange(40, device=device)).item() for _ in range(8)]

    assert step.captured is None
    assert losses == sorted(losses, reverse=True)
