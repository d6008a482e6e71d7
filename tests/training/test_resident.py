"""Features on the device: prepared in chunks, in the type asked for."""

import numpy as np
import pytest
import torch
from numpy.typing import DTypeLike
from torch import Tensor
from torch.testing import assert_close

from unseen.training import resident
from unseen.training.resident import to_device

CPU = torch.device("cpu")
X = np.random.default_rng(0).integers(0, 100, (50, 6))


@pytest.mark.parametrize("given", [np.float32, np.float64, np.float16, np.uint8])
@pytest.mark.parametrize("wanted", [torch.float32, torch.bfloat16])
def test_chunks_are_the_whole(
    monkeypatch: pytest.MonkeyPatch, given: DTypeLike, wanted: torch.dtype
) -> None:
    monkeypatch.setattr(resident, "CHUNK_ROWS", 16)
    sizes: list[tuple[int, torch.dtype]] = []

    def halve(chunk: Tensor) -> Tensor:
        sizes.append((len(chunk), chunk.dtype))
        return chunk[:, :3] / 2

    features = to_device(X.astype(given), halve, 3, CPU, wanted)

    assert sizes == [(rows, torch.float32) for rows in (16, 16, 16, 2)]
    assert_close(features, (torch.from_numpy(X)[:, :3] / 2).to(wanted))


@pytest.mark.parametrize(
    "view", [X[::-1], X[:, ::-1], X[::-2, ::-1], np.broadcast_to(X[0], (5, 6))]
)
def test_views_that_pytorch_does_not_take(view: np.ndarray) -> None:
    features = to_device(view, lambda chunk: chunk, 6, CPU, torch.float32)

    assert_close(features, torch.from_numpy(view.copy()).float())
