"""Compressed replay: all examples stay, in fewer bytes, and enter the loss."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unseen.continual.compressors import Compressed, Compressor
from unseen.continual.dem import COMPRESSORS, CompressedReplay
from unseen.continual.heads import class_norm_head
from unseen.continual.learner import ContinualLearner
from unseen.continual.sequential import Sequential
from unseen.continual.strategy import Step, Strategy, masked_cross_entropy
from unseen.data.dataset import ZeroShotData
from unseen.methods.saving import ModelError
from unseen.models import load_model

TASKS = ([3, 8, 0], [11, 5], [1, 6, 9])


def learned(
    toy: ZeroShotData, strategy: Strategy, tasks: tuple[list[int], ...] = TASKS
) -> ContinualLearner:
    head = class_norm_head().set_params(hidden=12, epochs=2, batch_size=16, lr=0.01)
    model = ContinualLearner(head, strategy, random_state=3)
    for classes in tasks:
        rows = np.flatnonzero(np.isin(toy.labels, classes))
        model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)

    return model


def weights(model: ContinualLearner) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.network_.parameters()])


@pytest.mark.parametrize(
    ("compressor", "items", "key"),
    [
        ("auto", 16 * 2, 0),
        ("float16", 16 * 2, 0),
        ("int8", 16, 8 * 160),
        ("pca", 4 * 4, 5 * 16 * 4),
    ],
)
def test_all_examples_stay(toy: ZeroShotData, compressor: str, items: int, key: int) -> None:
    model = learned(toy, CompressedReplay(compressor, components=4))
    rows = np.concatenate([np.flatnonzero(np.isin(toy.labels, classes)) for classes in TASKS])
    strategy = model.strategy_
    assert isinstance(strategy, CompressedReplay)

    assert strategy.labels_.tolist() == toy.labels[rows].tolist()
    assert model.memory_bytes() == {
        "items": items * len(rows),
        "key": key,
        "labels": len(rows) * 8,
        "tasks": len(rows) * 8 + 8 * 16,
    }
    inputs = model.network_.head.prepare(torch.from_numpy(toy.rows(rows)).float())
    lost = (strategy._inputs(torch.arange(len(rows))) - inputs).norm() / inputs.norm()
    assert lost < (0.6 if compressor == "pca" else 0.01)


class Identity(Compressor):
    def add(self, kept: Compressed | None, rows: Tensor) -> Compressed:
        codes = rows if kept is None else torch.cat([kept.codes, rows])

        return Compressed(codes, rows.new_empty(0))

    def restore(self, kept: Compressed, which: Tensor) -> Tensor:
        return kept.codes[which]


def test_a_compressor_of_ones_own(toy: ZeroShotData, tmp_path: Path) -> None:
    model = learned(toy, CompressedReplay(Identity()))
    assert model.memory_bytes()["items"] == len(model.strategy_.labels_) * 16 * 4
    with pytest.raises(ModelError, match="which config"):
        model.save_pretrained(tmp_path / "model")


@pytest.mark.parametrize("compressor", COMPRESSORS[:-1])
def test_every_compressor_goes_on_after_a_pause(
    toy: ZeroShotData, compressor: str, tmp_path: Path
) -> None:
    strategy = CompressedReplay(compressor, components=4, matching=0.1)
    whole, parts = learned(toy, strategy), learned(toy, strategy, TASKS[:2])
    parts.save_pretrained(tmp_path / "model")
    parts = load_model(tmp_path / "model")
    rows = np.flatnonzero(np.isin(toy.labels, TASKS[2]))
    parts.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)

    assert torch.equal(weights(whole), weights(parts))


@pytest.mark.parametrize("first", [True, False])
def test_the_terms_of_compressed_examples(toy: ZeroShotData, first: bool) -> None:
    """Restates both terms, on the examples as the memory keeps them after the task."""
    strategy = CompressedReplay("int8", weight=0.0, compressed_loss=0.5, matching=2.0)
    model = learned(toy, strategy, TASKS[:1] if first else TASKS[:2])
    own = model.strategy_
    assert isinstance(own, CompressedReplay)
    rows = np.flatnonzero(np.isin(toy.labels, TASKS[0] if first else TASKS[2]))
    if first:  # as if it were to come
        model = ContinualLearner(model.method, strategy, random_state=3)
        X, y = toy.rows(rows), toy.labels[rows]
        model.partial_fit(X, y, toy.class_attributes)
        model.tasks_, own = 0, model.strategy_
    model.seen_ = model.seen_ | np.isin(np.arange(len(toy.class_names)), toy.labels[rows])
    task, network = model._task_rows(toy.rows(rows), toy.labels[rows]), model.network_
    own.before_task(network, task)
    batch = torch.tensor([5, 0, 17])
    target = task.columns(task.labels)[batch]
    step = Step(network, task, task.inputs[batch], target, batch[:0], batch)
    found = own.penalty(step)
    assert found is not None

    inputs = task.inputs[batch]
    low, high = inputs.amin(dim=1, keepdim=True), inputs.amax(dim=1, keepdim=True)
    lossy = low + ((inputs - low) / (high - low) * 255).round() * (high - low) / 255
    scores = step.scores(lossy)
    expected = 0.5 * masked_cross_entropy(scores, target, task.new)
    expected = expected + 2.0 * (scores - step.logits).square().mean()
    torch.testing.assert_close(found, expected)
    parameters = [p for p in network.parameters() if p.requires_grad]
    for one, other in zip(
        torch.autograd.grad(found, parameters, retain_graph=True),
        torch.autograd.grad(expected, parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_without_weights_it_is_sequential(toy: ZeroShotData) -> None:
    plain = learned(toy, Sequential())
    settings = {"weight": 0.0, "compressed_loss": 0.0, "matching": 0.0}
    assert torch.equal(weights(learned(toy, CompressedReplay(**settings))), weights(plain))
    for name in settings:
        other = learned(toy, CompressedReplay("int8", **{**settings, name: 1.0}))
        assert not torch.equal(weights(other), weights(plain)), name


class Halver(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8 * 8 * 3, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.float() / 255).relu()


def test_pictures_are_kept_smaller() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (60, 8 * 8 * 3)).astype(np.float32), np.repeat([0, 1, 2, 3], 15)
    head = class_norm_head().set_params(hidden=6, epochs=1)
    model = ContinualLearner(head, CompressedReplay(factor=4), backbone=Halver(), random_state=0)
    for task in (slice(30), slice(30, 60)):
        model.partial_fit(X[task], y[task], np.eye(4, 5))
    strategy = model.strategy_
    assert isinstance(strategy, CompressedReplay)

    assert model.memory_bytes()["items"] == 60 * 2 * 2 * 3
    found = strategy._inputs(torch.tensor([31])).view(8, 8, 3)
    mean = torch.from_numpy(X[31]).view(8, 8, 3)[:4, :4].mean(dim=(0, 1))
    assert (found[0, 0] - mean).abs().max() <= 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"compressor": "int4"}, "`compressor` must be one of .* Did you mean 'int8'"),
        ({"components": 0}, "`components` must be a whole number"),
        ({"factor": 1}, "`factor` must be a whole number at least 2"),
        ({"compressed_loss": -1}, "`compressed_loss` must be a number at least 0"),
        ({"matching": -1}, "`matching` must be a number at least 0"),
        ({"weight": -1}, "`weight` must be a number at least 0"),
        ({"compressor": "pooled"}, "keeps pictures"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learned(toy, CompressedReplay(**settings), TASKS[:1])
