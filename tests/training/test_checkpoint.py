"""Checkpoints: resumed to the bit, refused when damaged or of another run."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from unseen.training import checkpoint as checkpoint_module
from unseen.training.batches import Shuffled
from unseen.training.checkpoint import Checkpoint, CheckpointError
from unseen.training.loop import EpochReport, Optimization, train

X = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randn(50, 1, generator=torch.Generator().manual_seed(1))


class KilledError(Exception):
    """Stands for a process that ends after some epochs."""


def network() -> nn.Module:
    generator = torch.Generator().manual_seed(2)
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)

    return module


def run(
    optimization: Optimization, checkpoint: Checkpoint | None = None, until: int | None = None
) -> tuple[dict[str, Tensor], list[float]]:
    """Trains, dies after the epoch ``until``, and returns the state and the loss of each epoch."""
    module, losses = network(), []

    def report(done: EpochReport) -> None:
        losses.append(done.loss)
        if done.epoch == until:
            raise KilledError

    def loss(batch: Tensor) -> Tensor:
        return (module(X[batch]) - Y[batch]).square().mean()

    generator = torch.Generator().manual_seed(3)
    try:
        train(module, loss, Shuffled(50, 16), optimization, generator, report, checkpoint)
    except KilledError:
        assert until is not None

    return copy.deepcopy(module.state_dict()), losses


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["constant", "linear", "step"])
def test_resumed_training_is_bit_identical(tmp_path: Path, optimizer: str, schedule: str) -> None:
    optimization = Optimization(
        7, 0.01, 1e-3, optimizer=optimizer, schedule=schedule, step_epochs=2
    )
    checkpoint = Checkpoint(tmp_path / "run.ckpt", {"seed": 3})
    whole, losses = run(optimization)

    _, first = run(optimization, checkpoint, until=2)
    _, second = run(optimization, checkpoint, until=5)
    parts, third = run(optimization, checkpoint)

    assert_same(parts, whole)
    assert (len(first), len(second), len(third)) == (2, 3, 2)
    assert first + second + third == losses


def test_a_finished_run_is_restored_without_training(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run.ckpt", {})
    whole, _ = run(Optimization(3, 0.01), checkpoint)
    again, losses = run(Optimization(3, 0.01), checkpoint)

    assert_same(again, whole)
    assert losses == []


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\xff" * 200])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.ckpt"
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match=r"run\.ckpt: the checkpoint is damaged .* Delete it"):
        run(Optimization(2, 0.01), Checkpoint(path, {}))


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    run(Optimization(1, 0.01), Checkpoint(path, {}))
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(CheckpointError, match="the checkpoint is damaged"):
        run(Optimization(2, 0.01), Checkpoint(path, {}))


@pytest.mark.parametrize("metadata", [None, {"epoch": "1"}])
def test_another_safetensors_file_is_refused(
    tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    path = tmp_path / "run.ckpt"
    save_file({"weight": torch.zeros(2)}, path, metadata)

    with pytest.raises(CheckpointError, match="or other settings"):
        run(Optimization(2, 0.01), Checkpoint(path, {}))


@pytest.mark.parametrize("other", [{"seed": 4, "data": "a"}, {"seed": 3, "data": "b"}, {"seed": 3}])
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, other: dict) -> None:
    path = tmp_path / "run.ckpt"
    run(Optimization(1, 0.01), Checkpoint(path, {"seed": 3, "data": "a"}))

    with pytest.raises(CheckpointError, match="other settings, seed or data"):
        run(Optimization(2, 0.01), Checkpoint(path, other))


def test_the_order_of_settings_carries_no_meaning(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    first, second = {"seed": 3, "data": "a"}, {"data": "a", "seed": 3}

    assert Checkpoint(path, first).fingerprint == Checkpoint(path, second).fingerprint


def test_a_failed_write_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.ckpt"
    run(Optimization(3, 0.01), Checkpoint(path, {}), until=1)
    before = path.read_bytes()

    def fill_the_disk(_: dict, file: Path, **__: object) -> None:
        Path(file).write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_module, "save_file", fill_the_disk)
    with pytest.raises(CheckpointError, match=r"cannot be written .*No space left"):
        run(Optimization(3, 0.01), Checkpoint(path, {}))

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.ckpt"]
