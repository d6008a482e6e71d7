"""Which rows of a data set a stream trains on, and which it is scored on."""

__all__ = ["Split", "stream_rows"]

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.splits import rank_in_class
from unseen.data.wording import NAMED, capitalised, name_class

Split = Literal["proposed", "spare", "random80"]
Rows = tuple[NDArray[np.int64], NDArray[np.int64]]

HOLD_OUT = 1  # keeps the draws of rows apart from other draws with the same seed
MENDS = {
    "proposed": "merge or drop such classes",
    "spare": 'take split="proposed", which holds rows out',
    "random80": 'take split="proposed", which draws within each class',
}


def stream_rows(data: ZeroShotData, split: Split, held_out: float, seed: int) -> Rows:
    """Returns training and test rows of every class, seen or unseen in the Proposed Split.

    Classes with rows in ``train`` keep these, and ``test_seen``. Of the others, which have none:

    - ``"proposed"`` draws test rows from ``test_unseen``, class by class, and trains on the rest;
    - ``"spare"`` tests on ``test_unseen`` and trains on their rows that are in no split. Rows
      that belong together, such as photographs of one traffic sign, then stay on one side.

    ``"random80"`` leaves the Proposed Split aside, as the release of BD-CGZSL does: one random
    fifth of all rows is the test, that of scikit-learn's
    ``train_test_split(test_size=0.2, random_state=42)`` whatever the seed.

    Arguments:
        data: The data set.
        split: Where the rows come from.
        held_out: The share of the rows of each class that ``"proposed"`` draws; at least one
            row is drawn and one is left.
        seed: The seed of that draw.

    Returns:
        Training rows and test rows, ascending.

    Raises:
        DataError: If a class is left without a training row or without a test row.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> train, test = stream_rows(simulate_toy(), "proposed", 0.2, seed=1)
        >>> len(train), len(test)
        (192, 48)
    """
    if split == "random80":
        train, test = _random80(len(data.labels))
    elif split == "spare":
        train, test = _spare(data)
    else:
        train, test = _hold_out(data, held_out, seed)

    problems = _missing_rows(data, split, train, "training") + _missing_rows(
        data, split, test, "test"
    )
    if problems:
        raise DataError(problems, where=data.source.path or None)

    return np.sort(train), np.sort(test)


def _hold_out(data: ZeroShotData, share: float, seed: int) -> Rows:
    rows = np.sort(data.test_unseen)
    keys = np.random.default_rng([seed, HOLD_OUT]).random(len(rows))
    shuffled = rows[np.argsort(keys, kind="stable")]

    rank, size = rank_in_class(data.labels[shuffled])
    test = rank < np.minimum(np.maximum(1, np.rint(share * size)), size - 1)

    return (
        np.concatenate([data.train, shuffled[~test]]),
        np.concatenate([data.test_seen, shuffled[test]]),
    )


def _spare(data: ZeroShotData) -> Rows:
    free = ~data.seen[data.labels]
    free[data.test_unseen] = False

    return (
        np.concatenate([data.train, np.flatnonzero(free)]),
        data.test,
    )


def _random80(rows: int) -> Rows:
    permutation = np.random.RandomState(42).permutation(rows)  # the release's draw
    size = int(np.ceil(0.2 * rows))

    return permutation[size:], permutation[:size]


def _missing_rows(
    data: ZeroShotData, split: Split, rows: NDArray[np.int64], part: str
) -> list[str]:
    count = np.bincount(data.labels[rows], minlength=len(data.class_names))
    missing = np.flatnonzero(count == 0).tolist()

    return [
        f"{capitalised(name_class(row, data.class_names))} has no {part} row: {MENDS[split]}."
        for row in missing[:NAMED]
    ] + ([f"{len(missing) - NAMED} more classes likewise."] if len(missing) > NAMED else [])
