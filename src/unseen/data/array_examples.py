"""The examples of npz and safetensors files: features, of whole images or of regions, or pixels."""

__all__ = [
    "IMAGES",
    "as_images",
    "as_regions",
    "read_examples",
    "read_images",
    "read_scale",
    "to_float32",
    "to_rows",
]

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import ArrayFile, ArrayStream
from unseen.data.check_arrays import FEATURE_TYPES
from unseen.data.dataset import DataError

IMAGES = "images"  # the key that may stand in the place of `features`


def read_examples(file: ArrayFile) -> tuple[NDArray, dict[str, Any], list[str]]:
    """Returns rows of features, what of the data set says how they are to be read, and notes."""
    if "features" in file.keys:
        features, notes = to_features(file.read("features"))
        regions = features.shape[1] if features.ndim == 3 else None
        scale = read_scale(file, features.shape[1:])
        return to_rows(features), {"region_count": regions, "feature_scale": scale}, notes

    pixels, image_shape = read_images(file)
    scale = read_scale(file, pixels.shape[1:])

    return pixels, {"image_shape": image_shape, "feature_scale": scale}, []


def to_rows(features: NDArray) -> NDArray:
    """Joins the axes of regions and channels, (n, R, C), to one: (n, R * C).

    What is memory-mapped stays so. An array without values is left to the checks.
    """
    if features.ndim != 3 or 0 in features.shape:
        return features

    return features.reshape(len(features), -1)


def read_scale(file: ArrayFile, shape: tuple[int, ...]) -> NDArray | None:
    """Returns the factor of each column, if there are any, given the shape of a stored example.

    Only factors of that very shape are joined to a row; others are left to the checks.
    """
    if "feature_scale" not in file.keys:
        return None
    scale = to_float32(file.read("feature_scale"))

    return scale.reshape(-1) if scale.shape == shape else scale


def as_regions(rows: ArrayStream, count: int) -> ArrayStream:
    """Returns the same bytes under the shape of regions, (n, R, C)."""
    n, columns = rows.shape

    return ArrayStream(rows.dtype, (n, count, columns // count), rows.blocks)


def read_images(file: ArrayFile) -> tuple[NDArray[np.uint8], tuple[int, int, int]]:
    """Returns the pixels, with shape (n, h * w * c), memory-mapped if they can be, and (h, w, c).

    Raises:
        DataError: If the images are not uint8 with shape (n, h, w, c).
    """
    images = file.read(IMAGES)
    if images.ndim != 4 or images.dtype != np.uint8 or 0 in images.shape:
        problem = (
            "`images` must be uint8 from 0 to 255 with the shape (n, height, width, channels), "
            f"got {images.dtype} of shape {images.shape}; grey ones have one channel."
        )
        raise DataError([problem], str(file.path))

    rows, height, width, channels = images.shape
    if height in (1, 3, 4) and channels > 4:
        problem = (
            f"`images` of shape {images.shape} seem to have their channels first; "
            "they come last: `np.moveaxis(images, 1, 3)`."
        )
        raise DataError([problem], str(file.path))

    return images.reshape(rows, -1), (height, width, channels)


def as_images(pixels: ArrayStream, image_shape: tuple[int, int, int], path: Path) -> ArrayStream:
    """Returns the same bytes under the shape of images, (n, h, w, c)."""
    if pixels.dtype != np.uint8:
        problem = f"Images are stored as uint8, not {pixels.dtype}: leave out the type."
        raise DataError([problem], str(path))

    return ArrayStream(pixels.dtype, (pixels.shape[0], *image_shape), pixels.blocks)


def to_features(array: NDArray) -> tuple[NDArray, list[str]]:
    """Returns features of a type the project knows, and a note if they were converted."""
    known = array.dtype in tuple(np.dtype(name) for name in FEATURE_TYPES)
    if known or array.dtype.kind not in "fiub":
        return array, []

    return to_float32(array), [f"`features` were {array.dtype}: converted to float32."]


def to_float32(array: NDArray) -> NDArray:
    """Returns real numbers as a float32 array in memory; anything else as it is, for the checks."""
    if array.dtype.kind not in "fiub":
        return array

    with np.errstate(over="ignore"):  # what is too large becomes infinite, which the checks name
        return np.array(array, dtype=np.float32)
