"""The small residual network: its arithmetic, its statistics and its seeds."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from unseen.nets.resnet import SmallResNet

SMALL = {"channels": 2, "size": 6, "width": 4, "blocks": (1, 2), "shift": 0}


def make(seed: int = 0, **changes: object) -> SmallResNet:
    return SmallResNet(**(SMALL | changes), generator=torch.Generator().manual_seed(seed))


def pixels(rows: int = 5, net: SmallResNet | None = None, seed: int = 1) -> Tensor:
    size, channels = (6, 2) if net is None else (net.size, net.channels)
    generator = torch.Generator().manual_seed(seed)

    return torch.randint(0, 256, (rows, size * size * channels), generator=generator).float()


def trained(net: SmallResNet, steps: int = 3) -> SmallResNet:
    """Returns the network with statistics and scales of its own."""
    for seed in range(steps):
        net(pixels(16, net, seed=seed))
    for i, norm in enumerate(module for module in net.modules() if hasattr(module, "running_mean")):
        nn.init.uniform_(norm.weight, 0.5, 1.5, generator=torch.Generator().manual_seed(i))
        nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(100 + i))

    return net


def plain(net: SmallResNet, x: Tensor) -> Tensor:
    """Returns the feature map by the papers' equations, each unit written out."""

    def norm_relu(layer: nn.BatchNorm2d, h: Tensor) -> Tensor:
        mean, var = layer.running_mean[:, None, None], layer.running_var[:, None, None]
        scaled = (h - mean) / (var + layer.eps).sqrt()
        return (scaled * layer.weight[:, None, None] + layer.bias[:, None, None]).clamp(min=0)

    images = torch.stack(
        [row.view(net.size, net.size, net.channels).permute(2, 0, 1).contiguous() for row in x]
    )
    h = F.conv2d((images - 127.5) / 64, net.first.weight, stride=2, padding=1)
    for unit in net.units:
        inner = F.conv2d(
            norm_relu(unit.norm1, h), unit.convolution1.weight, stride=unit.stride, padding=1
        )
        inner = F.conv2d(norm_relu(unit.norm2, inner), unit.convolution2.weight, padding=1)
        shortcut = torch.zeros_like(inner)
        shortcut[:, : h.shape[1]] = h[:, :, :: unit.stride, :: unit.stride]
        h = inner + shortcut

    return norm_relu(net.norm, h)


def test_it_computes_what_the_papers_say() -> None:
    net, x = trained(make()).eval(), pixels()
    wanted = plain(net, x)

    assert wanted.shape == (5, 8, 2, 2)
    assert_close(net.feature_map(x), wanted, rtol=1e-4, atol=1e-4)
    assert_close(net(x), wanted.flatten(2).mean(dim=2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({"channels": 3, "size": 32, "width": 32, "blocks": (1, 1, 1)}, (128, 4, 4)),
        ({"channels": 1, "size": 28, "width": 3, "blocks": (2,)}, (3, 14, 14)),
        ({"channels": 3, "size": 9, "width": 2, "blocks": (1, 1, 1, 1)}, (16, 1, 1)),
    ],
)
def test_shapes(changes: dict[str, object], shape: tuple[int, int, int]) -> None:
    net = make(**changes)
    x = pixels(4, net)

    assert net.feature_map(x).shape == (4, *shape)
    assert net(x).shape == (4, net.out_features)
    assert net.out_features == shape[0]


@pytest.mark.parametrize("kind", [torch.uint8, torch.float16])
def test_compact_pixels_give_the_same_features(kind: torch.dtype) -> None:
    net = make().eval()

    assert torch.equal(net(pixels().to(kind)), net(pixels()))


def test_images_are_taken_as_they_lie_in_memory() -> None:
    feature_map = make(channels=3, width=8).feature_map(pixels(5, make(channels=3)))

    assert feature_map.is_contiguous(memory_format=torch.channels_last)


# Randomness


def test_weights_follow_from_the_generator_alone() -> None:
    state = torch.get_rng_state()
    one, two, other = make(), make(), make(seed=1)

    for (name, parameter), same in zip(one.named_parameters(), two.parameters(), strict=True):
        assert torch.equal(parameter, same)
        if "norm" not in name:
            assert not torch.equal(parameter, other.get_parameter(name))
    one(pixels())
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_start_as_those_of_pytorch() -> None:
    for layer in make(width=32).modules():
        if isinstance(layer, nn.Conv2d):
            bound = (9 * layer.in_channels) ** -0.5
            assert 0.95 * bound < layer.weight.abs().max() <= bound


def test_a_copy_is_a_network_of_its_own() -> None:
    net = make(shift=1)
    twin = copy.deepcopy(net)
    assert torch.equal(twin(pixels()), net(pixels()))

    before = net.eval()(pixels())
    with torch.no_grad():
        twin.first.weight.zero_()
    assert torch.equal(net(pixels()), before)
    assert not torch.equal(twin.eval()(pixels()), before)


def test_shift_is_for_training_only() -> None:
    still, moved = make(), make(shift=2)

    assert torch.equal(still.first.weight, moved.first.weight)
    assert torch.equal(moved.eval()(pixels()), still.eval()(pixels()))
    still.train()
    moved.train()
    assert torch.equal(still(pixels()), still(pixels()))
    assert not torch.equal(moved(pixels()), still(pixels()))


# Statistics


def test_settled_statistics_are_the_means_over_the_chunks() -> None:
    net = trained(make(shift=2))
    chunks = [pixels(8, seed=seed) for seed in range(3)]
    net.settle(chunks)

    first = [F.conv2d(to_images(chunk), net.first.weight, stride=2, padding=1) for chunk in chunks]
    norm = net.units[0].norm1
    mean = torch.stack([h.mean(dim=(0, 2, 3)) for h in first]).mean(dim=0)
    var = torch.stack([h.var(dim=(0, 2, 3)) for h in first]).mean(dim=0)
    assert_close(norm.running_mean, mean, rtol=1e-4, atol=1e-5)
    assert_close(norm.running_var, var, rtol=1e-4, atol=1e-5)
    assert norm.momentum == 0.1
    assert all(module.training for module in net.modules())


def to_images(x: Tensor) -> Tensor:
    return (x.view(-1, 6, 6, 2).permute(0, 3, 1, 2) - 127.5) / 64


def test_a_settled_network_keeps_its_features_in_proportion() -> None:
    net = make(blocks=(1, 1, 1), size=16)
    net.settle([pixels(64, net)])
    features = net.eval().feature_map(pixels(64, net))

    assert features.mean().item() == pytest.approx(0.4, abs=0.05)  # of ReLU(N(0, 1)): 0.399


# Bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "`width` of SmallResNet must be at least 1, got 0"),
        ({"size": -1}, "`size`"),
        ({"channels": 0}, "`channels`"),
        ({"blocks": ()}, "at least one residual unit"),
        ({"blocks": (1, 0)}, r"such as \(1, 1, 1\), got \(1, 0\)"),
        ({"shift": 6}, "`shift` of SmallResNet must be from 0 to 5 pixels"),
        ({"shift": -1}, "`shift`"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize("shape", [(5, 71), (72,), (5, 6, 6, 2)])
def test_rows_of_another_length_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"takes rows of 6 x 6 x 2 = 72 pixels, got the shape"):
        make()(torch.zeros(shape))
