"""Compressors: what they lose, what they take, and that they add up along a stream."""

import numpy as np
import pytest
import torch
from torch import Tensor

from unseen.continual.compressors import (
    Compressed,
    Compressor,
    EightBits,
    HalfPrecision,
    PooledPixels,
    PrincipalComponents,
)

EVERY = [HalfPrecision(), EightBits(), PrincipalComponents(24), PooledPixels(2)]


def rows_for(compressor: Compressor, rows: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if isinstance(compressor, PooledPixels):
        return torch.randint(256, (rows, 8 * 8 * 3), generator=generator, dtype=torch.uint8)

    return 3 * torch.randn(rows, 24, generator=generator) + seed


def restored(compressor: Compressor, kept: Compressed) -> Tensor:
    return compressor.restore(kept, torch.arange(len(kept.codes)))


@pytest.mark.parametrize("compressor", EVERY, ids=lambda c: type(c).__name__)
def test_rows_of_tasks_stand_behind_each_other(compressor: Compressor) -> None:
    parts = [rows_for(compressor, rows, seed) for seed, rows in enumerate((9, 40, 5))]
    kept = None
    for part in parts:
        compressor.check(part)
        before = None if kept is None else Compressed(kept.codes.clone(), kept.key.clone())
        old, kept = kept, compressor.add(kept, part)
        if old is not None and before is not None:
            assert torch.equal(old.codes, before.codes)
            assert torch.equal(old.key, before.key)

    found = restored(compressor, kept)
    whole = torch.cat(parts)
    assert found.shape == whole.shape
    assert found.dtype == whole.dtype
    some = torch.tensor([50, 3, 3])
    torch.testing.assert_close(compressor.restore(kept, some), found[some])
    if not isinstance(compressor, PooledPixels):
        torch.testing.assert_close(found, whole, rtol=1e-3, atol=0.05)


def test_half_precision_loses_little() -> None:
    rows = rows_for(HalfPrecision(), 200)
    kept = HalfPrecision().add(None, rows)
    assert kept.codes.nbytes + kept.key.nbytes == rows.nbytes / 2
    torch.testing.assert_close(restored(HalfPrecision(), kept), rows, rtol=5e-4, atol=1e-6)


def test_eight_bits_lose_half_a_step() -> None:
    rows = torch.cat(
        [rows_for(EightBits(), 200), 1000 * rows_for(EightBits(), 10), torch.ones(1, 24)]
    )
    kept = EightBits().add(None, rows)
    half = (rows.amax(dim=1) - rows.amin(dim=1)) / 255 / 2
    error = (restored(EightBits(), kept) - rows).abs().amax(dim=1)

    assert (error <= half * 1.001 + 1e-6).all()
    assert kept.codes.nbytes + kept.key.nbytes == len(rows) * (24 + 8)


def test_principal_components_are_those_of_all_rows() -> None:
    """Where few axes say all, nothing is lost over tasks; the next axis is not kept."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(40, 5)))[0].T
    rows = torch.from_numpy(rng.normal(size=(90, 5)) * [9, 7, 5, 3, 2] @ basis + 4).float()
    for count, exact in ((5, True), (4, False)):
        pca, kept = PrincipalComponents(count), None
        for part in rows.split([3, 50, 37]):
            kept = pca.add(kept, part)
        found = restored(pca, kept)
        error = (found - rows).norm() / (rows - rows.mean(dim=0)).norm()
        assert bool(error < 1e-4) is exact
        assert kept.codes.shape == (90, count)
        assert kept.key.shape == (count + 1, 40)
        torch.testing.assert_close(
            kept.key[1:] @ kept.key[1:].T, torch.eye(count), atol=1e-4, rtol=0
        )
        if exact:
            torch.testing.assert_close(kept.key[0], rows.mean(dim=0), rtol=1e-4, atol=1e-4)


def test_the_axes_of_a_stream_are_near_those_of_one_fit() -> None:
    rng = np.random.default_rng(1)
    rows = torch.from_numpy(rng.normal(size=(300, 30)) * np.geomspace(10, 0.3, 30)).float()
    pca, kept = PrincipalComponents(8), None
    for part in rows.split(60):
        kept = pca.add(kept, part)
    centred = rows - rows.mean(dim=0)
    best = torch.linalg.svdvals(centred)[8:].norm()
    lost = (restored(pca, kept) - rows).norm()

    assert best <= lost * 1.0001
    assert lost < 1.1 * best


def test_fewer_rows_than_axes() -> None:
    pca = PrincipalComponents(64)
    kept = pca.add(None, rows_for(pca, 3))
    assert kept.codes.shape == (3, 3)
    kept = pca.add(kept, rows_for(pca, 1, seed=1))
    assert kept.codes.shape == (4, 4)
    assert pca.add(kept, rows_for(pca, 90, seed=2)).codes.shape == (94, 24)


def test_t11_pictures_take_a_sixteenth() -> None:
    picture = torch.randint(256, (2, 256 * 256 * 3), dtype=torch.uint8)
    kept = PooledPixels(4).add(None, picture)
    assert picture[0].nbytes == 196_608
    assert kept.codes[0].nbytes == 64 * 64 * 3 == 12_288
    assert kept.key.nbytes == 0


def test_pooled_pixels_are_means_of_squares_put_for_the_whole() -> None:
    pooled, rows = PooledPixels(2), rows_for(PooledPixels(2), 5)
    found = restored(pooled, pooled.add(None, rows)).view(5, 8, 8, 3)
    pictures = rows.view(5, 8, 8, 3).float()
    for i, j in ((0, 0), (3, 6), (7, 1)):
        square = pictures[:, i // 2 * 2 :, j // 2 * 2 :][:, :2, :2].mean(dim=(1, 2))
        assert (found[:, i, j] - square).abs().max() <= 0.5


@pytest.mark.parametrize(
    ("compressor", "rows", "message"),
    [
        (HalfPrecision(), torch.full((2, 3), 1e6), "as large as 1e[+]06"),
        (EightBits(), torch.zeros(2, 3, dtype=torch.uint8), "these are pictures"),
        (PooledPixels(2), torch.zeros(2, 12), "as many pixels high as wide; got 12 numbers"),
        (PooledPixels(2), torch.zeros(2, 13, dtype=torch.uint8), "as many pixels high as wide"),
        (PooledPixels(3), torch.zeros(2, 48, dtype=torch.uint8), "must divide the 4 pixels"),
    ],
)
def test_rows_that_cannot_be_kept(compressor: Compressor, rows: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compressor.check(rows)
