"""What class norm and old examples do along a stream of real data, as docs/continual/results.md."""

from functools import lru_cache
from pathlib import Path

import pytest

from unseen import STRATEGIES, ContinualLearner, load, make_stream, run_stream
from unseen.continual.heads import HEADS
from unseen.metrics.continual import ContinualResult, summary

ORDERS = (1, 2)


@lru_cache
def run(folder: Path, head: str, strategy: str, seed: int) -> ContinualResult:
    """Returns the measures along animals, ten tasks of five, with the paper's rate."""
    data = load(folder / "awa1_pca.npz")
    model = ContinualLearner(
        HEADS[head]().set_params(batch_size=64), STRATEGIES[strategy](), random_state=seed
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
