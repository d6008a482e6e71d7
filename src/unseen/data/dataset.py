"""The one container of a zero-shot data set: features, labels, class descriptions, splits."""

__all__ = ["DataError", "Source", "Subset", "ZeroShotData"]

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unseen.data.blocks import release

Split = Literal["train", "test_seen", "test_unseen"]

SPLITS: tuple[Split, ...] = ("train", "test_seen", "test_unseen")
DECODE_ROWS = 1024  # rows decoded at a time: 8 MB of float32 at 2,048 features


class DataError(ValueError):
    """Lists everything that is wrong with a data set, one problem a line.

    Arguments:
        problems: One sentence each: what is wrong, where (file, row, class), what to do.
        where: The file or folder that was read, if any.
    """

    def __init__(self, problems: Sequence[str], where: str | None = None) -> None:
        self.problems = list(problems)
        self.where = where

        start = f"{where}: " if where else ""
        if len(self.problems) == 1:
            text = start + self.problems[0]
        else:
            head = f"{start}{len(self.problems)} problems found:"
            text = "\n".join([head, *(f"  - {problem}" for problem in self.problems)])

        super().__init__(text)


@dataclass(frozen=True)
class Source:
    """Says where a data set comes from.

    Arguments:
        name: The name of the data set.
        path: The file or folder it was read from; empty if it was made in memory.
        sha256: The SHA-256 of each file that was read, by file name.
        licence: The terms under which the data may be used, as far as known.
        split_version: Which circulating version of the splits the file contents are.
        feature_names: The names of the feature columns, if it was read from tables.
        attribute_names: The names of the attribute columns, likewise.
    """

    name: str = "unnamed"
    path: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    licence: str = "not stated"
    split_version: str = "not stated"
    feature_names: tuple[str, ...] = ()
    attribute_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subset:
    """The rows of one split.

    Arguments:
        features: The features, with shape :math:`(n, d)`.
        labels: The row of ``class_attributes`` of each example, with shape :math:`(n,)`.
    """

    features: NDArray
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ZeroShotData:
    r"""Holds features, labels, class descriptions and splits, checked at construction.

    Arguments:
        features: One row per example, with shape :math:`(n, d)`: float32, or, to save memory,
            float16, int8 or uint8 (see ``feature_scale``). May be memory-mapped.
        labels: The row of ``class_attributes`` of each example, with shape :math:`(n,)`, int64.
        class_attributes: One description per class, seen or unseen, with shape :math:`(c, a)`.
        class_names: The :math:`c` names, unique.
        train: The rows to learn from, as indices.
        test_seen: Held-out rows of classes in ``train``, as indices.
        test_unseen: Rows of classes with no row in ``train``, as indices.
        validation: The data set's own hidden-class splits, each a triple of indices
            (training rows, rows of seen classes, rows of hidden classes), all inside ``train``.
        feature_scale: The factor of each feature column, with shape :math:`(d,)`; ``None`` is 1.
        image_shape: Height, width and channels, where the features are the pixels of images,
            uint8 without ``feature_scale``: ``features[i].reshape(image_shape)`` can be plotted.
        region_count: The number of regions, where a row is the channels of one region of an image
            after another: ``features[i].reshape(region_count, -1)`` has a region in each row.
        source: Where the data comes from.
        notes: What the reader noticed and left out, one sentence each.

    Raises:
        DataError: If anything is wrong; every problem is listed at once.

    Example:
        >>> from unseen.data.digits import load_digits
        >>> data = load_digits()
        >>> data.subset("train").features.shape[1]
        64
    """

    features: NDArray
    labels: NDArray[np.int64]
    class_attributes: NDArray[np.float32]
    class_names: tuple[str, ...]
    train: NDArray[np.int64]
    test_seen: NDArray[np.int64]
    test_unseen: NDArray[np.int64]
    validation: tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], ...] = ()
    feature_scale: NDArray[np.float32] | None = None
    image_shape: tuple[int, int, int] | None = None
    region_count: int | None = None
    source: Source = field(default_factory=Source)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        from unseen.data.checks import check_data

        problems = check_data(self)
        if problems:
            raise DataError(problems, where=self.source.path or None)

    def __repr__(self) -> str:
        """Says what there is in one line; the arrays themselves would fill the screen."""
        (n, d), (c, a) = self.features.shape, self.class_attributes.shape
        rows = ", ".join(f"{split} {len(getattr(self, split)):,}" for split in SPLITS)

        return (
            f"ZeroShotData({self.source.name!r}: {n:,} x {d:,} {self.features.dtype}, "
            f"{c} classes of {a} attributes, {self.seen.sum()} seen; {rows})"
        )

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which classes have a training row, with shape :math:`(c,)`."""
        seen = np.zeros(len(self.class_attributes), dtype=bool)
        seen[self.labels[self.train]] = True

        return seen

    @property
    def test(self) -> NDArray[np.int64]:
        """The rows to judge: those of ``test_seen``, then those of ``test_unseen``."""
        return np.concatenate([self.test_seen, self.test_unseen])

    @property
    def compact_type(self) -> type[np.float16] | type[np.float32]:
        """The type of decoded rows that keeps small features small.

        It is float16 where features are stored in 8 bits and their scales lie within its range:
        it then loses less than the 8 bits did. Half-precision features without scale keep theirs.
        """
        if self.features.dtype.itemsize > 2:
            return np.float32
        if self.feature_scale is None:
            return np.float16

        scale = np.abs(self.feature_scale[self.feature_scale != 0])
        limits = np.finfo(np.float16)
        fits = not len(scale) or (scale.min() >= limits.tiny and 255 * scale.max() < limits.max)

        return np.float16 if self.features.dtype.itemsize == 1 and fits else np.float32

    def rows(self, index: NDArray[np.int64], dtype: DTypeLike = np.float32) -> NDArray:
        """Returns decoded features of the given rows.

        Arguments:
            index: The rows, with shape :math:`(m,)`.
            dtype: The type of the result; float16 halves the memory of 8-bit data.

        Returns:
            The features times ``feature_scale``, with shape :math:`(m, d)`, as a fresh array.
        """
        decoded = np.empty((len(index), self.features.shape[1]), dtype=dtype)

        for start in range(0, len(index), DECODE_ROWS):
            chunk = index[start : start + DECODE_ROWS]
            block = self.features[chunk]
            if self.feature_scale is not None:
                block = block.astype(np.float32) * self.feature_scale
            decoded[start : start + len(chunk)] = block
            release(self.features)

        return decoded

    def subset(self, split: Split, dtype: DTypeLike = np.float32) -> Subset:
        """Returns the decoded rows of one split.

        Arguments:
            split: ``"train"``, ``"test_seen"`` or ``"test_unseen"``.
            dtype: The type of the features.

        Raises:
            ValueError: If there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")

        index = getattr(self, split)

        return Subset(self.rows(index, dtype), self.labels[index])
