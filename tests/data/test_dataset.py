"""The data set as an object: what it says of itself, and how it decodes its rows."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from unseen.data.dataset import ZeroShotData
from unseen.data.notes import notes_on
from unseen.data.simulate import simulate_toy


def test_it_says_what_there_is_in_one_line(toy: ZeroShotData) -> None:
    counts = [f"{split} {len(getattr(toy, split))}" for split in ("test_seen", "test_unseen")]

    assert repr(toy) == (
        f"ZeroShotData({toy.source.name!r}: {len(toy.labels)} x 16 float32, "
        f"12 classes of 8 attributes, 8 seen; train {len(toy.train)}, {', '.join(counts)})"
    )


@pytest.mark.parametrize(
    ("stored", "scale", "compact"),
    [
        (np.float32, None, np.float32),
        (np.float16, None, np.float16),
        (np.float16, 1.0, np.float32),  # the product may need more than half precision
        (np.uint8, None, np.float16),
        (np.uint8, 0.01, np.float16),
        (np.uint8, 0.0, np.float16),
        (np.uint8, 1e-6, np.float32),  # below the smallest normal number of float16
        (np.uint8, 300.0, np.float32),  # 255 * 300 is above the largest
    ],
)
def test_small_features_stay_small_where_nothing_is_lost(
    toy: ZeroShotData, stored: type, scale: float | None, compact: type
) -> None:
    features = (np.abs(toy.features) * 10).astype(stored)
    scales = None if scale is None else np.full(features.shape[1], scale, dtype=np.float32)
    data = replace(toy, features=features, feature_scale=scales)

    assert data.compact_type is compact
    assert_array_equal(
        data.rows(toy.train, data.compact_type),
        (features[toy.train].astype(np.float32) * (1 if scale is None else scale)).astype(compact),
    )


def test_there_are_three_splits(toy: ZeroShotData) -> None:
    assert_array_equal(toy.subset("train").labels, toy.labels[toy.train])

    with pytest.raises(ValueError, match="no split 'validation'; choose one of train, test_seen"):
        toy.subset("validation")


def test_pixels_are_said_to_be_pixels() -> None:
    toy = simulate_toy(features=48)
    pixels = np.random.default_rng(0).integers(0, 256, toy.features.shape, dtype=np.uint8)
    data = replace(toy, features=pixels, image_shape=(4, 4, 3))
    (note,) = (note for note in notes_on(data) if "pixels" in note)

    assert "images of 4 x 4 with 3 channels" in note
