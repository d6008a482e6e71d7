"""Splits of seen classes into shown and hidden ones, for choices that must not see test classes."""

__all__ = ["LEAST_CLASSES", "HiddenClassFold", "HiddenClassFolds", "own_folds", "rank_in_class"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_CLASSES = 4  # seen ones: two to learn from, two to hide


@dataclass(frozen=True)
class HiddenClassFold:
    """One rehearsal of the test: some seen classes play the unseen ones.

    Arguments:
        train: The rows to learn from, as indices.
        validation_seen: Held-out rows of the classes in ``train``.
        validation_unseen: All rows of the hidden classes.
        hidden: The hidden classes, as rows of the class table.
    """

    train: NDArray[np.int64]
    validation_seen: NDArray[np.int64]
    validation_unseen: NDArray[np.int64]
    hidden: NDArray[np.int64]


@dataclass(frozen=True)
class HiddenClassFolds:
    """Cuts training rows into folds that rehearse the test with seen classes only.

    In each fold other classes are hidden. Of the rest, the last rows of each class in file order
    are held out: rows that stand together (frames of one video, photographs of one sign) then stay
    on one side, and held-out rows are as new to the method as test rows are.

    Arguments:
        folds: The number of folds.
        hidden: The share of the seen classes that is hidden in each fold; at least two classes
            are hidden, and two are left.
        held_out: The share of the rows of each other class that is held out.
        random_state: The seed of the choice of classes.

    Raises:
        ValueError: If ``folds`` is less than 1, or a share not between 0 and 1.

    Example:
        >>> folds = HiddenClassFolds(folds=2, hidden=0.5)
        >>> labels = np.repeat(np.arange(4), 5)
        >>> [fold.hidden.tolist() for fold in folds.split(labels)]
        [[0, 2], [1, 3]]
    """

    folds: int = 5
    hidden: float = 0.2
    held_out: float = 0.2
    random_state: int = 0

    def __post_init__(self) -> None:
        for name in ("hidden", "held_out"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` of HiddenClassFolds must be a share between 0 and 1; "
                    f"got {getattr(self, name)!r}."
                )
        if self.folds < 1:
            raise ValueError(f"`folds` must be at least 1; got {self.folds!r}.")

    def split(
        self, labels: NDArray[np.int64], rows: NDArray[np.int64] | None = None
    ) -> Iterator[HiddenClassFold]:
        """Cuts the given rows.

        Arguments:
            labels: The class of every example of the data set, with shape :math:`(n,)`.
            rows: The training rows, as indices into ``labels``; by default all.

        Yields:
            The folds, one after another.

        Raises:
            ValueError: If there are fewer than four classes.
        """
        rows = np.arange(len(labels)) if rows is None else np.sort(rows)
        classes = np.unique(labels[rows])
        if len(classes) < LEAST_CLASSES:
            raise ValueError(
                "Hiding classes needs at least four seen classes (two to learn from, two to "
                f"hide); got {len(classes)}."
            )
        size = int(np.clip(round(self.hidden * len(classes)), 2, len(classes) - 2))
        generator = np.random.default_rng(self.random_state)

        order = np.empty(0, dtype=np.int64)
        for _ in range(self.folds):
            while len(order) < size:  # every class is hidden once before one is hidden twice
                again = generator.permutation(classes)
                left = np.isin(again, order)  # last, so that no class is twice in one fold
                order = np.concatenate([order, again[~left], again[left]])
            hidden, order = np.sort(order[:size]), order[size:]
            yield self.fold(labels, rows, hidden)

    def fold(
        self, labels: NDArray[np.int64], rows: NDArray[np.int64], hidden: NDArray[np.int64]
    ) -> HiddenClassFold:
        """Makes the fold that hides the given classes.

        Arguments:
            labels: The class of every example of the data set, with shape :math:`(n,)`.
            rows: The training rows, as ascending indices into ``labels``.
            hidden: The classes to hide.

        Returns:
            The fold; a class with one row alone has none held out.
        """
        of_hidden = np.isin(labels[rows], hidden)
        shown = rows[~of_hidden]

        rank, size = rank_in_class(labels[shown])
        held_out = rank >= np.maximum(1, np.floor((1 - self.held_out) * size))

        return HiddenClassFold(
            train=shown[~held_out],
            validation_seen=shown[held_out],
            validation_unseen=rows[of_hidden],
            hidden=hidden,
        )


def rank_in_class(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts the rows of each class, in their order.

    Arguments:
        labels: The class of each row, with shape :math:`(n,)`.

    Returns:
        For each row, the number of rows of its class before it, and that of all its class; each
        with shape :math:`(n,)`.

    Example:
        >>> rank, size = rank_in_class(np.array([7, 2, 7, 7]))
        >>> rank.tolist(), size.tolist()
        ([0, 0, 1, 2], [3, 1, 3, 3])
    """
    order = np.argsort(labels, kind="stable")
    _, first, count = np.unique(labels[order], return_index=True, return_counts=True)
    rank, size = np.empty_like(order), np.empty_like(order)
    rank[order] = np.arange(len(order)) - np.repeat(first, count)
    size[order] = np.repeat(count, count)

    return rank, size


def own_folds(
    labels: NDArray[np.int64],
    validation: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]],
) -> list[HiddenClassFold]:
    """Returns a data set's own hidden-class splits as folds.

    Where such a split has no rows of seen classes to judge, the last rows of each class in file
    order are held out from its training rows, as ``HiddenClassFolds`` does.

    Arguments:
        labels: The class of every example of the data set, with shape :math:`(n,)`.
        validation: Triples of training rows, rows of seen classes and rows of hidden classes.

    Returns:
        A fold for each of them.

    Raises:
        ValueError: If there is no such split.

    Example:
        >>> labels, none = np.repeat(np.arange(4), 5), np.empty(0, dtype=np.int64)
        >>> fold = own_folds(labels, [(np.arange(10), none, np.arange(10, 20))])[0]
        >>> fold.train.tolist(), fold.validation_seen.tolist()
        ([0, 1, 2, 3, 5, 6, 7, 8], [4, 9])
    """
    if not validation:
        raise ValueError(
            "The data set has no hidden-class split of its own; use HiddenClassFolds()."
        )

    folds = []
    for train, seen, unseen in validation:
        hidden = np.unique(labels[unseen])
        if len(seen):
            folds.append(HiddenClassFold(np.sort(train), np.sort(seen), np.sort(unseen), hidden))
        else:
            rows = np.sort(np.concatenate([train, unseen]))
            folds.append(HiddenClassFolds().fold(labels, rows, hidden))

    return folds
