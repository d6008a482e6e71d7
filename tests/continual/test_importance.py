"""Importances: one gradient an example, whatever the network; nothing of it moves."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torch.testing import assert_close

from unseen.continual import importance
from unseen.continual.importance import Examples, gradient_sizes
from unseen.continual.mas import squared_length
from unseen.continual.strategy import StreamNetwork, TaskRows
from unseen.methods.class_norm import ClassNorm
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing


def stream_network(backbone: nn.Module | None = None, **settings: object) -> StreamNetwork:
    """Makes a network with the oneDNN layers of the library, and statistics of some training."""
    method = ClassNorm(depth=1, hidden=6, norm_position="last", scale=3.0, **settings)  # ty: ignore
    method.final_relu_ = False
    generator = torch.Generator().manual_seed(0)
    features, attributes = FeaturePreprocessing("none", 5), AttributeNormalization("sqrt", 4)
    network = StreamNetwork(backbone, method._network(features, attributes, generator))
    network.train().head.embed(torch.rand(7, 4, generator=generator))

    return network


def convolutions() -> nn.Module:
    torch.manual_seed(0)

    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(3, 5),
    )  # fmt: skip


def examples_of(*shape: int) -> Examples:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(shape, generator=generator)

    return Examples(inputs, torch.arange(len(inputs)) % 3, torch.rand(3, 4, generator=generator))


def by_hand(
    network: StreamNetwork, examples: Examples, value: Callable, size: Callable, group: int
) -> Tensor:
    """Takes the gradients one by one, as a reader of the formula would."""
    network = copy.deepcopy(network).eval()
    parameters = [p for p in network.parameters() if p.requires_grad]
    total = torch.zeros(sum(p.numel() for p in parameters))
    for inputs, target in zip(
        examples.inputs.split(group), examples.target.split(group), strict=True
    ):
        scalar = value(network(inputs, examples.S), target)
        gradient = torch.autograd.grad(scalar, parameters)
        total += size(parameters_to_vector(gradient))

    return total / len(examples.target)


@pytest.mark.parametrize("group", [1, 4])  # 11 rows: the last group is smaller
@pytest.mark.parametrize(
    ("value", "size"), [(F.cross_entropy, Tensor.square_), (squared_length, Tensor.abs_)]
)
@pytest.mark.parametrize("norm", ["class", None])
@pytest.mark.parametrize("images", [False, True])
def test_sizes_are_those_of_single_gradients(
    value: Callable,
    size: Callable,
    group: int,
    norm: str | None,
    images: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = stream_network(convolutions() if images else None, norm=norm)
    examples = examples_of(11, 2, 6, 6) if images else examples_of(11, 5)
    expected = by_hand(network, examples, value, size, group)

    assert_close(gradient_sizes(network, examples, value, size, group), expected, rtol=1e-5, atol=0)

    monkeypatch.setattr(importance, "CHUNK_NUMBERS", 1)  # one group at a time
    assert_close(gradient_sizes(network, examples, value, size, group), expected, rtol=1e-5, atol=0)


def test_nothing_of_the_network_moves() -> None:
    network = stream_network(convolutions()).train()
    before = copy.deepcopy(network.state_dict())
    linear = type(network.head.embedder[0])

    gradient_sizes(network, examples_of(11, 2, 6, 6), F.cross_entropy, Tensor.square_)

    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    assert type(network.head.embedder[0]) is linear
    assert all(p.grad is None for p in network.parameters())


def test_frozen_weights_have_no_importance() -> None:
    network = stream_network(convolutions())
    assert network.backbone is not None
    whole = gradient_sizes(network, examples_of(4, 2, 6, 6), F.cross_entropy, Tensor.square_)
    network.backbone.requires_grad_(False)
    head = gradient_sizes(network, examples_of(4, 2, 6, 6), F.cross_entropy, Tensor.square_)

    assert len(head) == sum(p.numel() for p in network.head.parameters())
    assert_close(head, whole[-len(head) :])


def test_the_classes_that_compete() -> None:
    S = torch.arange(8.0).reshape(4, 2)
    task = TaskRows(
        number=2,
        inputs=torch.zeros(3, 1),
        labels=torch.tensor([9, 4, 9]),
        classes=torch.tensor([4, 9]),
        seen=torch.tensor([1, 4, 7, 9]),
        S=S,
        seed=0,
    )
    own, seen = Examples.of(task, "task"), Examples.of(task, "seen")

    assert own.target.tolist() == [1, 0, 1]
    assert torch.equal(own.S, S[[1, 3]])
    assert seen.target.tolist() == [3, 1, 3]
    assert torch.equal(seen.S, S)
