"""A method trained once per seed."""

from typing import Any

import pytest
import torch
from numpy.typing import NDArray

from unseen.benchmark import seeds
from unseen.benchmark.seeds import train_seeds
from unseen.data.dataset import ZeroShotData
from unseen.methods.class_norm import MLP
from unseen.methods.many_seeds import fit_seeds
from unseen.training.loop import TrainingError


def test_all_seeds_train_at_once_where_there_is_a_gpu(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[int]] = []

    def at_once(method: MLP, X: NDArray, y: NDArray, S: NDArray, seeds: list[int], **_: Any) -> Any:
        calls.append(seeds)
        if method.lr > 1:
            raise TrainingError("one seed diverged")
        return fit_seeds(method, X, y, S, seeds)

    monkeypatch.setattr(seeds, "fit_seeds", at_once)
    small = MLP(hidden=8, epochs=1, device="cpu")
    assert len(list(train_seeds(small, toy, [0, 1]))) == 2
    assert calls == []

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    models = [model for model, _ in train_seeds(small, toy, [0, 1])]
    assert [model.random_state for model in models] == [0, 1]
    list(train_seeds(MLP(hidden=8, epochs=1, device="cpu", lr=2.0), toy, [0, 1]))
    assert calls == [[0, 1], [0, 1]]  # and after the error each alone
