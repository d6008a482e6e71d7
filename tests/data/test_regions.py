"""Features of regions: three axes in a file, rows in memory, three axes in a file again."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from safetensors.numpy import save_file

from unseen.data.dataset import DataError
from unseen.data.load import load, save
from unseen.data.notes import notes_on
from unseen.data.tables import read_features

N, R, C = 24, 4, 3
MAPS = np.random.default_rng(0).normal(size=(N, R, C)).astype(np.float32)
SCALE = np.linspace(1, 2, R * C, dtype=np.float32).reshape(R, C)


def arrays(**changes: Any) -> dict[str, NDArray]:
    labels = np.repeat(np.arange(4), 6)
    fields = {
        "features": MAPS,
        "labels": labels,
        "class_attributes": np.random.default_rng(1).random((4, 5)).astype(np.float32),
        "train": np.flatnonzero((np.arange(N) % 6 < 4) & (labels < 3)),
        "test_seen": np.flatnonzero((np.arange(N) % 6 >= 4) & (labels < 3)),
        "test_unseen": np.flatnonzero(labels == 3),
    }

    return fields | changes


def write_npz(path: Path, **changes: Any) -> Path:
    np.savez(path.with_suffix(".npz"), class_names=list("abcd"), **arrays(**changes))

    return path.with_suffix(".npz")


def write_safetensors(path: Path, **changes: Any) -> Path:
    path = path.with_suffix(".safetensors")
    save_file(arrays(**changes), path, {"class_names": '["a", "b", "c", "d"]'})

    return path


every_format = pytest.mark.parametrize("write", [write_npz, write_safetensors])


@every_format
def test_three_axes_become_rows_that_stay_in_the_file(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    data = load(write(tmp_path / "maps"))

    assert data.features.shape == (N, R * C)
    assert data.region_count == R
    assert data.image_shape is None
    assert isinstance(data.features, np.memmap)
    assert_array_equal(data.features[7].reshape(R, C), MAPS[7])
    assert_array_equal(data.rows(np.array([5, 2])), MAPS[[5, 2]].reshape(2, -1))
    assert any("4 regions of 3 channels" in note for note in notes_on(data))


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "maps.npz"
    np.savez_compressed(path, class_names=list("abcd"), **arrays())

    assert_array_equal(load(path).features, MAPS.reshape(N, -1))


def test_two_axes_have_no_regions(tmp_path: Path) -> None:
    data = load(write_npz(tmp_path / "rows", features=MAPS.reshape(N, -1)))

    assert data.region_count is None
    assert not any("region" in note for note in notes_on(data))


@every_format
@pytest.mark.parametrize("scale", [SCALE, SCALE.ravel()])
def test_scales_may_have_the_shape_of_a_row_or_of_its_regions(
    tmp_path: Path, write: Callable[..., Path], scale: NDArray
) -> None:
    whole = np.random.default_rng(2).integers(-127, 128, size=(N, R, C)).astype(np.int8)
    path = write(tmp_path / "maps", features=whole, feature_scale=scale)
    wanted = (whole * SCALE).reshape(N, -1)

    assert_array_equal(load(path).rows(np.arange(N)), wanted)
    assert_array_equal(read_features(path), wanted)


@every_format
@pytest.mark.parametrize(
    ("features", "scale"),
    [
        (MAPS, SCALE.T),  # of channels and regions
        (MAPS, SCALE[:, :2]),
        (MAPS.reshape(N, -1), SCALE),  # of rows without regions
        (MAPS.reshape(N, -1), SCALE.reshape(1, -1)),
    ],
    ids=["transposed", "narrow", "regions for a row", "a row in two axes"],
)
def test_scales_of_another_shape_are_refused(
    tmp_path: Path, write: Callable[..., Path], features: NDArray, scale: NDArray
) -> None:
    scale = np.ascontiguousarray(scale)
    path = write(tmp_path / "maps", features=features, feature_scale=scale)

    with pytest.raises(DataError, match="factor for each of the 12 feature"):
        load(path)
    with pytest.raises(DataError, match="one factor per column"):
        read_features(path)


@pytest.mark.parametrize("name", ["again.npz", "again.safetensors"])
@pytest.mark.parametrize("dtype", [None, "float16", "int8"])
def test_what_is_saved_has_its_three_axes_again(tmp_path: Path, name: str, dtype: Any) -> None:
    data = load(write_npz(tmp_path / "maps"))
    save(data, tmp_path / name, dtype=dtype)
    again = load(tmp_path / name)

    assert again.region_count == R
    assert again.features.dtype == np.dtype(dtype or "float32")
    np.testing.assert_allclose(again.rows(np.arange(N)), data.features, atol=0.02)
    if name.endswith("npz"):
        with np.load(tmp_path / name) as stored:
            assert stored["features"].shape == (N, R, C)


def test_features_alone_may_have_three_axes(tmp_path: Path) -> None:
    np.savez(tmp_path / "new.npz", features=MAPS)
    np.save(tmp_path / "new.npy", MAPS)

    for name in ("new.npz", "new.npy"):
        assert_array_equal(read_features(tmp_path / name), MAPS.reshape(N, -1))


def test_tables_say_what_they_leave_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = load(write_npz(tmp_path / "maps"))
    with caplog.at_level(logging.WARNING):
        save(data, tmp_path / "tables" / "rows.csv")

    assert "number of regions is left out" in caplog.text
    assert load(tmp_path / "tables").region_count is None


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (MAPS[:, :, :0], r"got the shape \(24, 4, 0\)"),
        (MAPS[:, :, :, None], r"got the shape \(24, 4, 3, 1\)"),
        (
            np.where(np.isclose(MAPS, MAPS[7, 1, 2], rtol=0, atol=1e-9), np.nan, MAPS),
            "row 7 .*, column 5",
        ),
    ],
)
def test_features_of_no_use(tmp_path: Path, features: NDArray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write_npz(tmp_path / "maps", features=features))
