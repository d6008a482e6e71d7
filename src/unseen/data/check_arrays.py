"""Checks of features and labels as arrays: types, shapes, NaN and infinity."""

__all__ = [
    "FEATURE_TYPES",
    "FeatureType",
    "check_feature_values",
    "check_features",
    "check_feature_type",
    "check_feature_scale",
    "check_image_shape",
    "check_region_count",
    "check_labels",
    "check_row_counts",
    "check_finite_features",
    "is_index",
]

from collections.abc import Callable
from math import prod
from numbers import Integral
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unseen.data.blocks import blocks
from unseen.data.dataset import ZeroShotData
from unseen.data.wording import NAMED, counted, describe, listed, name_class

FeatureType = Literal["float32", "float16", "int8", "uint8"]

FEATURE_TYPES: tuple[FeatureType, ...] = get_args(FeatureType)


def check_feature_values(
    features: NDArray, name_row: Callable[[int], str] = "row {}".format
) -> list[str]:
    """Looks for NaN and infinity a few rows at a time: a memory-mapped file is never copied.

    Arguments:
        features: The features, with shape :math:`(n, d)`.
        name_row: How the sentence names a row.

    Returns:
        One sentence with the count and the first places; empty if all values are finite.

    Example:
        >>> check_feature_values(np.array([[0.0, 1.0], [np.nan, 1.0]]))
        ['`features` hold 1 NaN or infinite value: row 1, column 0 (nan); mend or drop the row.']
    """
    if features.dtype.kind != "f":
        return []

    count, rows, places = 0, 0, []
    for start, block in blocks(features):
        if all_finite(block):
            continue
        bad = ~np.isfinite(block)
        bad_rows = np.flatnonzero(bad.any(axis=1))
        count, rows = count + int(bad.sum()), rows + len(bad_rows)
        for row in bad_rows[: NAMED - len(places)].tolist():
            column = int(bad[row].argmax())
            places.append(f"{name_row(start + row)}, column {column} ({block[row, column]})")

    if not count:
        return []

    more = f" and {rows - len(places):,} more rows" if rows > len(places) else ""
    mend = "the row" if rows == 1 else "the rows"

    return [
        f"`features` hold {counted(count, 'NaN or infinite value')}: "
        f"{'; '.join(places)}{more}; mend or drop {mend}."
    ]


# Types and shapes


def check_features(data: ZeroShotData) -> list[str]:
    """Features are an array of rows, and neither rows nor columns are missing."""
    features = data.features
    if not isinstance(features, np.ndarray):
        return [f"`features` must be a NumPy array, got {type(features).__name__}."]

    if features.ndim != 2 or 0 in features.shape:
        return [
            "`features` must have one row per example and at least one column, "
            f"got the shape {features.shape}."
        ]

    return []


def check_feature_type(data: ZeroShotData) -> list[str]:
    """Features are of a type that is stored and decoded."""
    if data.features.dtype in FEATURE_TYPES:
        return []

    return [
        f"`features` must be {' or '.join(FEATURE_TYPES)}, got {data.features.dtype}; "
        "convert them with `features.astype(np.float32)`."
    ]


def check_feature_scale(data: ZeroShotData) -> list[str]:
    """The scale, if there is one, is a finite factor for each column."""
    scale, columns = data.feature_scale, data.features.shape[1]
    if scale is None:
        return []
    if not isinstance(scale, np.ndarray) or scale.dtype != np.float32 or scale.shape != (columns,):
        return [
            f"`feature_scale` must be float32 with one factor for each of the {columns} feature "
            f"columns, got {describe(scale)}."
        ]

    bad = np.flatnonzero(~np.isfinite(scale))
    if len(bad):
        return [f"`feature_scale` is NaN or infinite in column {listed(bad)}."]

    return []


def check_image_shape(data: ZeroShotData) -> list[str]:
    """The shape of images, if there is one, fits the columns, which are pixels."""
    shape, columns = data.image_shape, data.features.shape[1]
    if shape is None:
        return []
    if not isinstance(shape, tuple) or len(shape) != 3 or not all(is_count(n) for n in shape):
        return [f"`image_shape` must be (height, width, channels), each at least 1, got {shape!r}."]
    if prod(shape) != columns:
        return [
            f"`image_shape` {shape} means {prod(shape)} pixel values, "
            f"but there are {columns} feature columns."
        ]
    if data.features.dtype != np.uint8 or data.feature_scale is not None:
        scaled = "" if data.feature_scale is None else " with `feature_scale`"
        return [
            "`image_shape` is for features that are pixels, uint8 from 0 to 255 without "
            f"`feature_scale`, got {data.features.dtype}{scaled}; leave it out for other features."
        ]

    return []


def check_region_count(data: ZeroShotData) -> list[str]:
    """The number of regions, if there is one, divides the columns."""
    count, columns = data.region_count, data.features.shape[1]
    if count is None:
        return []
    if data.image_shape is not None:
        return ["`image_shape` and `region_count` exclude each other: pixels have no regions."]
    if not is_count(count):
        return [f"`region_count` must be a whole number, at least 1, got {count!r}."]
    if columns % count:
        return [f"`region_count` {count} does not divide the {columns} feature columns."]

    return []


def is_count(number: object) -> bool:
    """Whether this is a whole number from 1, of Python or of NumPy."""
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) > 0


def check_labels(data: ZeroShotData) -> list[str]:
    """Labels are an array of integers, one a row."""
    labels = data.labels
    if not is_index(labels):
        return [
            "`labels` must be a one-dimensional int64 array (the row of each example's class in "
            f"`class_attributes`), got {describe(labels)}."
        ]

    return []


def check_row_counts(data: ZeroShotData) -> list[str]:
    """There are as many labels as rows of features."""
    rows, labels = len(data.features), len(data.labels)
    if rows == labels:
        return []

    return [f"There are {counted(rows, 'row')} of features but {counted(labels, 'label')}."]


def is_index(array: object) -> bool:
    """Whether this is an array of row numbers: one axis, int64."""
    return isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype == np.int64


# Values


def check_finite_features(data: ZeroShotData) -> list[str]:
    """No feature is NaN or infinite."""

    def name_row(row: int) -> str:
        if not is_index(data.labels) or row >= len(data.labels):
            return f"row {row}"

        names = data.class_names if isinstance(data.class_names, tuple) else None

        return f"row {row} of {name_class(int(data.labels[row]), names)}"

    return check_feature_values(data.features, name_row)


def all_finite(block: NDArray) -> bool:
    """Whether a block is free of NaN and infinity; a sum is faster than a look at each value."""
    with np.errstate(all="ignore"):
        total = block.sum(dtype=np.float32)

    # a sum may overflow though every value is finite: only then look closely
    return bool(np.isfinite(total)) or bool(np.isfinite(block).all())
