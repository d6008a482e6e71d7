"""Class Normalization against a plain restatement, written from the specification alone."""

import copy
from collections.abc import Callable
from functools import partial
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
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.training.loop import EpochReport, Monitor

GAMMA = 5.0


class DividesByVariance(nn.Module):
    """The notebook's layer: no square root, and the statistics are parameters of no optimizer.

    With ``power=0.5`` and ``ddof=0`` it is Eq. (9).
    """

    def __init__(
        self,
        size: int,
        power: float = 1.0,
        ddof: int = 1,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        self.power, self.ddof, self.eps, self.momentum = power, ddof, eps, momentum
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    def forward(self, h: Tensor) -> Tensor:
        if not self.training:
            return (h - self.running_mean) / (self.running_var + self.eps) ** self.power
        mean, old, new = h.mean(0), 1 - self.momentum, self.momentum
        self.running_mean = old * self.running_mean + new * mean.detach()
        self.running_var = old * self.running_var + new * h.var(0).detach()

        return (h - mean) / (h.var(0, correction=self.ddof) + self.eps) ** self.power


class DividesBySquaredNorm(nn.Module):
    """The dynamic normalisation of section 5, with a running average as class norm has."""

    def __init__(self, _: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum, self.running = momentum, 1.0

    def forward(self, h: Tensor) -> Tensor:
        if not self.training:
            return h / self.running**2
        norm = (h**2).sum(1).sqrt().mean()
        self.running = (1 - self.momentum) * self.running + self.momentum * norm.item()

        return h / norm**2


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


def twice(norm: Callable, **settings: float) -> tuple[Callable, Callable]:
    return partial(norm, **settings), partial(norm, **settings)


# Section 5: what each option of the norms puts before and after the last hidden ReLU.
NORMS: list[tuple[dict[str, object], tuple[Callable, Callable]]] = [
    ({}, (by_std, by_std)),
    ({"norm": None}, (nothing, nothing)),
    ({"norm": "layer"}, (nn.LayerNorm, nn.LayerNorm)),
    ({"norm": "layer", "norm_position": "last"}, (nothing, nn.LayerNorm)),
    ({"norm": "dynamic"}, twice(DividesBySquaredNorm)),
    ({"norm": "dynamic", "momentum": 0.4}, twice(DividesBySquaredNorm, momentum=0.4)),
    ({"norm_position": "before-relu"}, (by_std, nothing)),
    ({"norm_position": "last"}, (nothing, by_std)),
    ({"affine": "first"}, (nn.BatchNorm1d, by_std)),
    ({"affine": "last"}, (by_std, nn.BatchNorm1d)),
    ({"affine": "both"}, (nn.BatchNorm1d, nn.BatchNorm1d)),
    ({"divide_by": "var"}, twice(DividesByVariance)),
    ({"divide_by": "var", "ddof": 0}, twice(DividesByVariance, ddof=0)),
    ({"ddof": 1}, twice(DividesByVariance, power=0.5)),
    ({"eps": 0.3}, twice(DividesByVariance, power=0.5, ddof=0, eps=0.3)),
    ({"momentum": 0.4}, twice(DividesByVariance, power=0.5, ddof=0, momentum=0.4)),
]


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Gives a network the weights of one with the same, layer by layer."""
    with torch.no_grad():
        for ours, theirs in zip(source.parameters(), target.parameters(), strict=True):
            theirs.copy_(ours)


@pytest.mark.parametrize(("settings", "norms"), NORMS, ids=[str(row[0]) for row in NORMS])
def test_norms_are_those_of_the_settings(settings: dict, norms: tuple[Callable, Callable]) -> None:
    generator = torch.Generator().manual_seed(0)
    model = ClassNorm(hidden=32, **settings)
    model.final_relu_ = True  # as the fit to raw features finds
    sides = FeaturePreprocessing("none", 16), AttributeNormalization("raw", 8)
    embedder = model._network(*sides, generator).embedder
    for parameter in embedder.parameters():  # an affine map begins as none
        nn.init.normal_(parameter, 0.2, 0.3, generator=generator)
    network = plain(8, 32, 16, *norms)
    copy_weights(embedder, network)

    with torch.no_grad():
        for table in torch.rand(4, 12, 8, generator=generator):
            assert_close(embedder.train()(table), network.train()(table), rtol=1e-4, atol=1e-5)
            assert_close(embedder.eval()(table), network.eval()(table), rtol=1e-4, atol=1e-5)


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
    copy_weights(initial[0], network)

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
        copy_weights(run.model.network_.embedder, network)
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


@pytest.mark.parametrize(
    ("settings", "share", "other"),  # of the target: the true class, and each of the 7 others
    [
        ({}, 1.0, 0.0),
        ({"smoothing": 0.9}, 0.9, 0.1 / 7),
        ({"smoothing": 0.9, "legacy_smoothing": True}, 0.9, 0.1 / 8),  # F5: it sums to less than 1
        ({"scale": 2.0}, 1.0, 0.0),
        ({"scale": None}, 1.0, 0.0),
    ],
    ids=str,
)
def test_scores_and_loss_follow_scale_and_smoothing(
    settings: dict, share: float, other: float, toy: ZeroShotData
) -> None:
    train, (X, rows, table) = toy.subset("train"), tensors(toy)
    model = ClassNorm(
        hidden=16,
        epochs=1,
        attribute_normalization="raw",
        feature_preprocessing="none",
        random_state=0,
        **settings,
    ).fit(train.features, train.labels, toy.class_attributes)
    with torch.no_grad():
        prototypes = model.network_.embedder(table)
        scores = X @ prototypes.T
        if model.scale is not None:
            scores *= model.scale**2 / torch.outer(X.norm(dim=1), prototypes.norm(dim=1))
        target = torch.full_like(scores, other).scatter(1, rows[:, None], share)
        prepared = model.network_.prepare(X)
        loss = model._loss(prepared, rows, table, table[:0])

    assert_allclose(model.decision_function(X, table), scores, rtol=1e-4, atol=1e-5)
    wanted = -(target * scores.log_softmax(dim=1)).sum(dim=1).mean()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
