"""Features in fewer bytes: float32, float16, or 8 bits with one factor per column."""

__all__ = ["decoded_blocks", "encode_features"]

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import ArrayStream
from unseen.data.blocks import blocks
from unseen.data.check_arrays import FeatureType
from unseen.data.dataset import DataError, ZeroShotData


def encode_features(
    data: ZeroShotData, dtype: FeatureType | None = None
) -> tuple[ArrayStream, NDArray[np.float32] | None]:
    r"""Encodes the features of a data set, a block of rows at a time.

    With 8 bits, :math:`x_{ij} \approx q_{ij} s_j` where :math:`s_j = \max_i |x_{ij}| / q_{\max}`
    and :math:`q_{\max}` is 255 for uint8 and 127 for int8: the error is at most :math:`s_j / 2`.

    Arguments:
        data: The data set; its features may be memory-mapped and larger than memory.
        dtype: The type to store; ``None`` keeps features and factors as they are.

    Returns:
        The features :math:`q` as a stream, and the factors :math:`s` with shape :math:`(d,)`,
        or ``None`` where they are all 1.

    Raises:
        DataError: If the type cannot hold the features.

    Example:
        >>> from unseen.data.digits import load_digits
        >>> stream, scale = encode_features(load_digits(), "uint8")
        >>> stream.dtype, stream.shape, scale.shape
        (dtype('uint8'), (1797, 64), (64,))
    """
    shape = data.features.shape
    if dtype is None or dtype == data.features.dtype:
        return ArrayStream(data.features.dtype, shape, stored_blocks(data)), data.feature_scale

    low, high = feature_range(data)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        if max(-low.min(), high.max()) > np.finfo(kind).max:
            raise DataError(["The features are too large for float16; use float32 or int8."])

        return ArrayStream(kind, shape, decoded_blocks(data)), None

    if kind == np.uint8 and low.min() < 0:
        column = int(low.argmin())
        raise DataError(
            [f"uint8 has no negative values, but feature column {column} has; use int8."]
        )

    scale = (np.maximum(-low, high) / np.iinfo(kind).max).astype(np.float32)
    scale[scale == 0] = 1  # a column of zeros
    encoded = (np.rint(block / scale).astype(kind) for block in decoded_blocks(data))

    return ArrayStream(kind, shape, encoded), scale


def stored_blocks(data: ZeroShotData) -> Iterator[NDArray]:
    """Yields the features as they are stored, a block of rows at a time."""
    return (block for _, block in blocks(data.features))


def decoded_blocks(data: ZeroShotData) -> Iterator[NDArray[np.float32]]:
    """Yields the features as numbers, a block of rows at a time."""
    scale = np.float32(1) if data.feature_scale is None else data.feature_scale

    return (block * scale for block in stored_blocks(data))


def feature_range(data: ZeroShotData) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the least and the largest value of each column, zero included."""
    low = high = np.zeros(data.features.shape[1], np.float32)
    for block in decoded_blocks(data):
        low = np.minimum(low, block.min(axis=0))
        high = np.maximum(high, block.max(axis=0))

    return low, high
