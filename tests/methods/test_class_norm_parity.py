"""Class Normalization against a plain restatement, written from the specification alone."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from torch.testing import assert_close

from unseen.benchmark.recipes import RECIPES
from unseen.data.dataset import ZeroShotData
from unseen.methods import network as methods_network
from unseen.methods.class_norm import ClassNorm
from unseen.training.loop import EpochReport, Monitor

GAMMA = 5.0


class DividesByVariance(nn.Module):
    """The notebook's layer: no square root, and the statistics are parameters of no optimizer."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    def forward(self, h: Tensor) -> Tensor:
        if not self.training:
            return (h - self.running_mean) / (self.running_var + 1e-5)
        mean, var = h.mean(0), h.var(0)
        self.running_mean = 0.9 * self.running_mean + 0.1 * mean.detach()
        self.running_var = 0.9 * self.running_var + 0.1 * var.detach()

        return (h - mean) / (var + 1e-5)


def plain(
    attributes: int, hidden: int, features: int, before: Callable, after: Callable
) -> nn.Module:
    """Returns section 3 of the specification."""
    return nn.Sequential(
        nn.Linear(attributes, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        before(hidden),
        nn.ReLU(),
        after(hidden),
        nn.Linear(hidden, features),
        nn.ReLU(),
    )


def nothing(_: int) -> nn.Module:
    return nn.Identity()


def by_std(size: int) -> nn.Module:
    return nn.BatchNorm1d(size, affine=False)


RESTATED = {
    "class-norm-paper": (nothing, by_std),
    "class-norm-notebook": (DividesByVariance, DividesByVariance),
    "class-norm-src": (nn.BatchNorm1d, by_std),
    "mlp-paper": (nothing, nothing),
    "mlp+9": (nothing, by_std),
    "mlp+10": (nothing, nothing),
}


def logits(network: nn.Module, features: Tensor, table: Tensor) -> Tensor:
    table = table.shape[1] ** 0.5 * normalize(table, dim=1)  # (c, a)
    prototypes = network(table)  # (c, d)

    return (GAMMA * normalize(features, dim=1)) @ (GAMMA * normalize(prototypes, dim=1)).T


class Run(NamedTuple):
    """A training of one step, and the plain network with the weights it began with."""

    model: ClassNorm
    embedder: nn.Module
    plain: nn.Module
    loss: float


@pytest.fixture(params=RESTATED, scope="module")
def run(request: pytest.FixtureRequest, toy: ZeroShotData) -> Run:
    model = copy.deepcopy(RECIPES[request.param]().method)
    model.set_params(hidden=48, epochs=1, random_state=0)
    train, initial, reports = toy.subset("train"), [], []
    usual = methods_network.train

    def keep_and_train(module: nn.Module, *arguments: object, **named: object) -> None:
        initial.append(copy.deepcopy(module.embedder))
        usual(module, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods_network, "train", keep_and_train)
        model.fit(
            train.features, train.labels, toy.class_attributes, monitor=Monitor(reports.append)
        )

    network = plain(8, 48, 16, *RESTATED[request.param])
    with torch.no_grad():
        ours, theirs = list(initial[0].parameters()), list(network.parameters())
        for mine, other in zip(ours, theirs, strict=True):
            other.copy_(mine)

    return Run(model, initial[0], network, _only(reports).loss)


def _only(reports: list[EpochReport]) -> EpochReport:
    (report,) = reports

    return report


def tensors(toy: ZeroShotData) -> tuple[Tensor, Tensor, Tensor]:
    """Returns training features, labels from 0 to k - 1, and the k seen descriptions."""
    train = toy.subset("train")
    rows = np.searchsorted(np.flatnonzero(toy.seen), train.labels)
    table = torch.from_numpy(toy.class_attributes[toy.seen])

    return torch.from_numpy(train.features), torch.from_numpy(rows), table


def test_forward_pass_in_training(run: Run, toy: ZeroShotData) -> None:
    X, _, table = tensors(toy)
    embedder, network = copy.deepcopy(run.embedder).train(), copy.deepcopy(run.plain).train()

    assert_close(logits(embedder, X, table), logits(network, X, table), rtol=0, atol=1e-5)


def test_loss_of_the_first_step(run: Run, toy: ZeroShotData) -> None:
    X, rows, table = tensors(toy)
    network = copy.deepcopy(run.plain).train()

    assert cross_entropy(logits(network, X, table), rows).item() == pytest.approx(
        run.loss, abs=1e-5
    )


def test_one_step_of_adam(run: Run, toy: ZeroShotData) -> None:
    X, rows, table = tensors(toy)
    network = copy.deepcopy(run.plain).train().double()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4, weight_decay=1e-4)
    cross_entropy(logits(network, X.double(), table.double()), rows).backward()
    optimizer.step()

    # A norm cancels the gradient of what shifts a unit for all classes alike. In float32 rounding
    # is left of it, which Adam divides by itself: there, and only there, signs may differ.
    largest = max(parameter.grad.abs().max() for parameter in network.parameters())
    trained, compared, entries = run.model.network_.embedder.parameters(), 0, 0
    for ours, before, theirs in zip(
        trained, run.plain.parameters(), network.parameters(), strict=True
    ):
        sure = theirs.grad.abs() > 1e-6 * largest
        assert_close(ours[sure], theirs[sure].float(), rtol=0, atol=1e-5)
        assert (ours - before).abs().max() <= 5e-4 + 1e-6
        compared, entries = compared + int(sure.sum()), entries + sure.numel()
    assert compared > 0.5 * entries  # units that no class passes have no gradient at all


def test_evaluation_after_the_step(run: Run, toy: ZeroShotData) -> None:
    X, _, table = tensors(toy)
    network = copy.deepcopy(run.plain).train()
    with torch.no_grad():
        logits(network, X, table)  # moves the running statistics, as the step did
        trained = run.model.network_.embedder
        for ours, theirs in zip(trained.parameters(), network.parameters(), strict=True):
            theirs.copy_(ours)
        expected = logits(
            network.eval(), torch.from_numpy(toy.features), torch.from_numpy(toy.class_attributes)
        )

    assert_allclose(run.model.decision_function(toy.features), expected, rtol=0, atol=1e-5)


def test_the_step_is_not_small(run: Run) -> None:
    for before, after in zip(
        run.embedder.parameters(), run.model.network_.embedder.parameters(), strict=True
    ):
        assert (before - after).abs().max() > 1e-4


def test_every_recipe_is_restated() -> None:
    family = {name for name, make in RECIPES.items() if isinstance(make().method, ClassNorm)}

    assert set(RESTATED) == family
