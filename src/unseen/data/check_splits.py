"""Checks of splits: their rows, their classes, and the validation splits inside `train`."""

__all__ = [
    "check_splits",
    "check_validation",
    "check_empty_splits",
    "check_split_range",
    "check_validation_range",
    "check_split_repeats",
    "check_validation_repeats",
    "check_overlaps",
    "check_seen_count",
    "check_test_seen_classes",
    "check_test_unseen_classes",
    "check_untested_classes",
    "check_validation_rows",
    "check_validation_classes",
    "classes_of",
]

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from unseen.data.check_arrays import is_index
from unseen.data.dataset import SPLITS, ZeroShotData
from unseen.data.wording import (
    capitalised,
    counted,
    describe,
    listed,
    listed_rows,
    mask_hint,
    name_class,
    shortened,
)

FILLING = {
    "train": (
        "there is nothing to learn from, and nothing tells which classes are seen. To judge a "
        "model on a test table of its own (`evaluate`), put the rows it was trained on beside it"
    ),
    "test_seen": "hold out some rows of the classes in `train`",
}
DAMAGED_TEST = "scores would be measured on rows that were learned"


# Types


def check_splits(data: ZeroShotData) -> list[str]:
    """Every split is an array of row numbers."""
    return [
        f"`{split}` must be a one-dimensional int64 array of row numbers, got "
        f"{describe(getattr(data, split))}{mask_hint(getattr(data, split), rows_of(data))}."
        for split in SPLITS
        if not is_index(getattr(data, split))
    ]


def check_validation(data: ZeroShotData) -> list[str]:
    """Every validation split is a triple of arrays of row numbers."""
    problems = [
        f"validation[{number}] must be a triple of indices (training rows, rows of seen classes, "
        "rows of hidden classes)."
        for number, parts in enumerate(data.validation)
        if not isinstance(parts, tuple) or len(parts) != 3
    ]

    return problems or [
        f"{part} must be a one-dimensional int64 array of row numbers, got "
        f"{describe(index)}{mask_hint(index, rows_of(data))}."
        for part, index in validation_parts(data)
        if not is_index(index)
    ]


# Rows


def check_empty_splits(data: ZeroShotData) -> list[str]:
    """There are rows to learn from, and held-out rows of seen classes."""
    return [
        f"The split `{split}` is empty: {FILLING[split]}."
        for split in SPLITS[:2]
        if not len(getattr(data, split))
    ]


def check_split_range(data: ZeroShotData) -> list[str]:
    """Every split names rows that there are."""
    return check_range([(f"`{split}`", getattr(data, split)) for split in SPLITS], len(data.labels))


def check_validation_range(data: ZeroShotData) -> list[str]:
    """Every validation split names rows that there are."""
    return check_range(validation_parts(data), len(data.labels))


def check_range(parts: Iterable[tuple[str, NDArray]], rows: int) -> list[str]:
    problems = []
    for part, index in parts:
        bad = index[(index < 0) | (index >= rows)]
        if len(bad):
            problems.append(
                f"{part} names {listed_rows(bad)}, but there are {rows:,} rows (0 to {rows - 1}); "
                "indices count from 0."
            )

    return problems


def check_split_repeats(data: ZeroShotData) -> list[str]:
    """No split names a row twice."""
    return check_repeats((f"`{split}`", getattr(data, split)) for split in SPLITS)


def check_validation_repeats(data: ZeroShotData) -> list[str]:
    """No part of a validation split names a row twice."""
    return check_repeats(validation_parts(data))


def check_repeats(parts: Iterable[tuple[str, NDArray]]) -> list[str]:
    problems = []
    for part, index in parts:
        values, counts = np.unique(index, return_counts=True)
        if (counts > 1).any():
            problems.append(f"{part} names {listed_rows(values[counts > 1])} more than once.")

    return problems


def check_overlaps(data: ZeroShotData) -> list[str]:
    """No row is in two splits."""
    problems = []
    for one, other in combinations(SPLITS, 2):
        shared = np.intersect1d(getattr(data, one), getattr(data, other))
        if len(shared):
            problems.append(
                f"`{one}` and `{other}` share {counted(len(shared), 'row')} "
                f"({listed_rows(shared)}): {DAMAGED_TEST if one == 'train' else 'keep each once'}."
            )

    return problems


# Classes


def check_seen_count(data: ZeroShotData) -> list[str]:
    """At least two classes are seen."""
    seen = int(data.seen.sum())
    if seen >= 2 or not len(data.train):  # an empty split has its own sentence
        return []

    return [f"`train` has rows of {counted(seen, 'class')} only: at least two are needed."]


def check_test_seen_classes(data: ZeroShotData) -> list[str]:
    """Rows of `test_seen` are of classes with training rows."""
    if not len(data.train):  # an empty split has its own sentence
        return []

    labels = data.labels[data.test_seen]
    wrong = np.unique(labels[~data.seen[labels]]).tolist()

    problems = [
        f"`test_seen` has {counted(int((labels == row).sum()), 'row')} of "
        f"{name_class(row, data.class_names)} (first: row {data.test_seen[labels == row][0]}), "
        "which has no row in `train`: move them to `test_unseen`."
        for row in wrong
    ]

    return shortened(problems, "classes")


def check_test_unseen_classes(data: ZeroShotData) -> list[str]:
    """Rows of `test_unseen` are of classes without training rows."""
    labels, trained = data.labels[data.test_unseen], data.labels[data.train]
    wrong = np.unique(labels[data.seen[labels]]).tolist()

    problems = [
        f"{capitalised(name_class(row, data.class_names))} is tested as unseen "
        f"(row {data.test_unseen[labels == row][0]} of `test_unseen`) but has "
        f"{counted(int((trained == row).sum()), 'training row')} "
        f"(first: row {data.train[trained == row][0]}): an unseen class has none."
        for row in wrong
    ]

    return shortened(problems, "classes")


def check_untested_classes(data: ZeroShotData) -> list[str]:
    """An empty ``test_unseen`` is right only if there is no row that could be in it."""
    waiting = np.flatnonzero(classes_of(data, np.arange(len(data.labels))) & ~data.seen)
    if len(data.test_unseen) or not len(waiting) or not len(data.train):
        return []

    names = listed(name_class(row, data.class_names) for row in waiting.tolist())

    return [f"The split `test_unseen` is empty, though there are rows of unseen classes: {names}."]


# Validation splits


def check_validation_rows(data: ZeroShotData) -> list[str]:
    """Every validation split lies inside ``train`` and its parts are disjoint and filled."""
    problems = []
    for part, index in validation_parts(data):
        outside = np.setdiff1d(index, data.train)
        if len(outside):
            problems.append(
                f"{part} has {counted(len(outside), 'row')} outside `train` "
                f"({listed_rows(outside)}): validation must not touch test rows."
            )
        if not len(index) and not part.endswith(" seen"):
            problems.append(f"{part} is empty.")

    for (one, left), (other, right) in combinations(validation_parts(data), 2):
        shared = np.intersect1d(left, right)
        if one.split()[0] == other.split()[0] and len(shared):
            problems.append(
                f"{one} and {other} share {counted(len(shared), 'row')} ({listed_rows(shared)})."
            )

    return problems


def check_validation_classes(data: ZeroShotData) -> list[str]:
    """Hidden classes have no row in the training part; seen ones have."""
    problems = []
    for number, (train, seen, unseen) in enumerate(data.validation):
        trained = classes_of(data, train)
        leaking = np.flatnonzero(classes_of(data, unseen) & trained).tolist()
        untrained = np.flatnonzero(classes_of(data, seen) & ~trained).tolist()
        hiding = [
            f"validation[{number}] hides {name_class(row, data.class_names)}, "
            "but its training part has rows of it."
            for row in leaking
        ]
        judging = [
            f"validation[{number}] seen has rows of {name_class(row, data.class_names)}, "
            "but its training part has none."
            for row in untrained
        ]
        problems += [*shortened(hiding, "classes"), *shortened(judging, "classes")]

    return problems


# What the checks share


def classes_of(data: ZeroShotData, index: NDArray) -> NDArray[np.bool_]:
    """Returns which classes have a row in ``index``, with shape :math:`(c,)`."""
    present = np.zeros(len(data.class_attributes), dtype=bool)
    present[data.labels[index]] = True

    return present


def rows_of(data: ZeroShotData) -> int | None:
    """Returns the number of rows, or None where features are no array of rows."""
    features = data.features

    return len(features) if isinstance(features, np.ndarray) and features.ndim else None


def validation_parts(data: ZeroShotData) -> Iterator[tuple[str, NDArray]]:
    """Yields the name and the index of each part of each validation split."""
    for number, parts in enumerate(data.validation):
        for part, index in zip(("train", "seen", "unseen"), parts, strict=True):
            yield f"validation[{number}] {part}", index
