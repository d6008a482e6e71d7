"""Bytes of memory, of a real strategy with the numbers of the specification (T11)."""

import pytest
import torch

from unseen.continual.joint import Joint
from unseen.metrics.memory import memory_curve


def kept(inputs: torch.Tensor) -> dict[str, int]:
    """Returns the bytes of a strategy that keeps these inputs."""
    strategy = Joint()
    strategy.inputs_, strategy.labels_ = inputs, torch.zeros(len(inputs), dtype=torch.int64)

    return strategy.memory_bytes()


def test_bytes_of_the_specification() -> None:
    features = kept(torch.zeros(10 * 200, 2048))

    assert features == {"items": 16_384_000, "labels": 2000 * 8}
    assert memory_curve([features]).total == (16_384_000 + 16_000,)

    image, small = (kept(torch.zeros(1, s, s, 3, dtype=torch.uint8))["items"] for s in (256, 64))
    assert (image, small, image // small) == (196_608, 12_288, 16)


def test_parts_total_and_peak() -> None:
    curve = memory_curve([{"items": 400}, {"items": 500, "teacher": 1000}, {"items": 9}])

    assert curve.parts == {"items": (400, 500, 9), "teacher": (0, 1000, 0)}
    assert curve.total == (400, 1500, 9)
    assert curve.peak == 1500
    assert curve.to_json() == {
        "parts": {"items": [400, 500, 9], "teacher": [0, 1000, 0]},
        "total": [400, 1500, 9],
        "peak": 1500,
    }


def test_a_strategy_that_keeps_nothing() -> None:
    curve = memory_curve([{}, {}])

    assert (curve.parts, curve.total, curve.peak) == ({}, (0, 0), 0)


def test_a_negative_size() -> None:
    with pytest.raises(ValueError, match="'items' has -4"):
        memory_curve([{"items": 4}, {"items": -4}])
