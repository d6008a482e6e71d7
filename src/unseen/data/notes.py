"""Notes on a data set: what is allowed, and worth knowing."""

__all__ = ["note_regions", "note_same_descriptions", "notes_on"]

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unseen.data.check_splits import classes_of
from unseen.data.dataset import SPLITS, ZeroShotData
from unseen.data.descriptions import same_descriptions
from unseen.data.wording import NAMED, counted, counted_regions, listed, name_class


def notes_on(data: ZeroShotData) -> list[str]:
    """Returns what is allowed but worth knowing about a sound data set, one sentence each.

    Arguments:
        data: A data set that passed :func:`check_data`.

    Returns:
        The notes of the reader, then those on descriptions, classes and splits.

    Example:
        >>> from unseen.data.digits import load_digits
        >>> isinstance(notes_on(load_digits()), list)
        True
    """
    return [
        *data.notes,
        *note_pixels(data),
        *note_regions(data),
        *note_same_descriptions(data.class_attributes, data.class_names),
        *note_constant_attributes(data),
        *note_unused_classes(data),
        *note_untested(data),
        *note_unused_rows(data),
    ]


def note_pixels(data: ZeroShotData) -> list[str]:
    if data.image_shape is None:
        return []

    height, width, channels = data.image_shape

    return [
        f"The features are pixels, of images of {height} x {width} with "
        f"{counted(channels, 'channel')}: for methods that train an image network."
    ]


def note_regions(data: ZeroShotData) -> list[str]:
    """Returns a note if the features are those of regions, and which setting attends to them."""
    if data.region_count is None:
        return []

    regions = counted_regions(data.region_count, data.features.shape[1])

    return [
        f"A row of features is {regions}: rezsl attends to them with regions={data.region_count}."
    ]


def note_same_descriptions(table: NDArray, names: Sequence[str]) -> list[str]:
    """Returns a note if classes share a description, and so cannot be told apart by it."""
    same = same_descriptions(table)
    if not same:
        return []

    shown = [" = ".join(name_class(row, names) for row in rows) for rows in same]

    return [
        f"{counted(len(same), 'group')} of classes share one description and cannot be told apart "
        f"by it: {'; '.join(shown[:NAMED])}{'; ...' if len(shown) > NAMED else ''}."
    ]


def note_constant_attributes(data: ZeroShotData) -> list[str]:
    table = data.class_attributes
    constant = np.flatnonzero((table == table[:1]).all(axis=0))
    if not len(constant):
        return []

    names = data.source.attribute_names
    known = len(names) == table.shape[1]
    shown = [repr(names[column]) for column in constant] if known else constant

    return [f"The same value for every class, so of no use: attribute {listed(shown)}."]


def note_unused_classes(data: ZeroShotData) -> list[str]:
    unused = np.flatnonzero(~classes_of(data, np.arange(len(data.labels)))).tolist()
    if not unused:
        return []

    names = listed(name_class(row, data.class_names) for row in unused)

    return [f"Described but without any row, so they can be predicted and not judged: {names}."]


def note_untested(data: ZeroShotData) -> list[str]:
    if len(data.test_unseen):
        return []

    return ["`test_unseen` is empty: the accuracy on unseen classes cannot be measured."]


def note_unused_rows(data: ZeroShotData) -> list[str]:
    unused = len(data.labels) - sum(len(getattr(data, split)) for split in SPLITS)

    return [f"{counted(unused, 'row')} in no split: not used."] if unused else []
