"""What class norm and old examples do along a stream of real data, as docs/continual/results.md."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from unseen import STRATEGIES, ContinualLearner, load, make_stream, run_stream
from unseen.continual.heads import HEADS
from unseen.continual.streams import Stream
from unseen.data.dataset import ZeroShotData
from unseen.metrics.continual import ContinualResult, summary

ORDERS = (1, 2)


@lru_cache
def run(folder: Path, head: str, strategy: str, seed: int) -> ContinualResult:
    """Returns the measures along animals, ten tasks of five: the paper's rate, half its epochs."""
    data = load(folder / "awa1_pca.npz")
    model = ContinualLearner(
        HEADS[head]().set_params(batch_size=64, epochs=5), STRATEGIES[strategy](), random_state=seed
    )
    stream = make_stream(data, tasks=10, seed=seed)

    return summary(run_stream(model, stream, data, curve_batches=None).history)


@pytest.mark.parametrize("seed", ORDERS)
def test_class_norm_gains_along_a_stream(real_data: Path, seed: int) -> None:
    with_norm = run(real_data, "class-norm", "sequential", seed)
    without = run(real_data, "mlp", "sequential", seed)

    assert with_norm.mean_ausuc > without.mean_ausuc
    assert with_norm.mean_harmonic_mean > without.mean_harmonic_mean
    assert with_norm.mean_joint_accuracy > without.mean_joint_accuracy


@pytest.mark.parametrize("seed", ORDERS)
def test_old_examples_help(real_data: Path, seed: int) -> None:
    forgetful = run(real_data, "mlp", "sequential", seed)
    replay = run(real_data, "mlp", "replay", seed)

    assert replay.mean_joint_accuracy > forgetful.mean_joint_accuracy
    assert replay.mean_forgetting < forgetful.mean_forgetting


def trained_backbone(data: ZeroShotData, stream: Stream) -> nn.Module:
    """Trains a small ResNet and the plain head on the first three tasks together."""
    rows = np.concatenate([task.train for task in stream.first(3)])
    known = np.isin(np.arange(len(data.class_attributes)), data.labels[rows])
    table = np.where(known[:, None], data.class_attributes, np.float32(np.nan))
    model = ContinualLearner(
        HEADS["mlp"]().set_params(epochs=5), backbone="resnet", backbone_lr=0.01, random_state=1
    )
    model.partial_fit(data.rows(rows), data.labels[rows], table)

    return model.network_.backbone


def test_class_norm_raises_mh_along_pictures(real_data: Path) -> None:
    data = load(real_data / "gtsrb_images.npz")
    stream = make_stream(data, tasks=9, seed=1, split="spare")
    backbone = trained_backbone(data, stream)
    found = {}
    for head in ("class-norm", "mlp"):
        model = ContinualLearner(
            HEADS[head]().set_params(epochs=3, lr=1e-4),
            STRATEGIES["sequential"](),
            backbone=backbone,
            backbone_lr=0.003,
            random_state=1,
        )
        run = run_stream(model, stream.after(3), data, curve_batches=None)
        found[head] = summary(run.history).mean_harmonic_mean

    assert found["class-norm"] > found["mlp"]
