"""Data of any requested shape, for speed work and tests; the field's six shapes by name."""

__all__ = ["BENCHMARK_SHAPES", "Shape", "simulate", "simulate_toy", "write_xlsa17_folder"]

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from unseen.data.atomic import writing
from unseen.data.dataset import DataError, Source, ZeroShotData

CHUNK_ROWS = 4096  # rows simulated at a time: 32 MB of float32 at 2,048 features

VARIATION = 0.2  # within a class, along the attributes: what confuses neighbouring classes
UNDESCRIBED = 0.5  # of a class, in no attribute: what makes unseen classes harder than seen ones
NOISE = 0.5  # of each feature on its own


@dataclass(frozen=True)
class Shape:
    """Sizes a data set: its classes, the rows of its splits, the widths of its tables.

    Arguments:
        seen: The number of classes with training rows.
        unseen: The number of classes without.
        train: The number of training rows, at least one per seen class.
        test_seen: The number of held-out rows of seen classes.
        test_unseen: The number of rows of unseen classes.
        attributes: The number of attributes :math:`a`.
        features: The number of features :math:`d`.
    """

    seen: int
    unseen: int
    train: int
    test_seen: int
    test_unseen: int
    attributes: int
    features: int = 2048

    @property
    def classes(self) -> int:
        """The number of classes, seen and unseen."""
        return self.seen + self.unseen

    @property
    def rows(self) -> int:
        """The number of rows of all splits together."""
        return self.train + self.test_seen + self.test_unseen

    def with_rows(self, rows: int) -> "Shape":
        """Returns the same shape with so many rows, or more for one per class and split.

        Arguments:
            rows: The wanted number of rows of all splits together.

        Example:
            >>> BENCHMARK_SHAPES["CUB"].with_rows(1179).train
            706
        """
        train = max(self.seen, round(rows * self.train / self.rows))
        test_seen = max(self.seen, round(rows * self.test_seen / self.rows))
        test_unseen = max(self.unseen, rows - train - test_seen)

        return replace(self, train=train, test_seen=test_seen, test_unseen=test_unseen)


# Sizes of trainval_loc, test_seen_loc and test_unseen_loc of the Proposed Split, and of att.
BENCHMARK_SHAPES: dict[str, Shape] = {
    "CUB": Shape(150, 50, 7057, 1764, 2967, attributes=312),
    "SUN": Shape(645, 72, 10320, 2580, 1440, attributes=102),
    "AWA1": Shape(40, 10, 19832, 4958, 5685, attributes=85),
    "AWA2": Shape(40, 10, 23527, 5882, 7913, attributes=85),
    "APY": Shape(20, 12, 5932, 1483, 7924, attributes=64),
    "FLO": Shape(82, 20, 5631, 1403, 1155, attributes=1024),
}


def simulate(
    shape: str | Shape,
    class_attributes: NDArray | None = None,
    rows: int | None = None,
    random_state: int = 0,
) -> ZeroShotData:
    r"""Simulates features that follow their class descriptions, as ResNet features do.

    .. math:: x_i = \max(0, (s_{y_i} + 0.2 \sqrt{a} \, z_i) W + 0.5 \, b_{y_i} + 0.5 \, e_i)

    where :math:`s_j` are the attributes of class :math:`j`, standardised over the classes,
    :math:`W` is a random map of attributes to features, and :math:`z_i`, :math:`b_j` and
    :math:`e_i` are standard normal: variation within a class along the attributes, what no
    attribute says about a class, and noise. Which classes are unseen is drawn at random, and
    each split is spread evenly over its classes.

    Arguments:
        shape: The sizes, or the name of a benchmark: CUB, SUN, AWA1, AWA2, APY or FLO.
        class_attributes: The class table, with shape :math:`(c, a)`; by default a random one,
            non-negative, each row of length 1. Its width replaces ``shape.attributes``.
        rows: The number of rows, if not those of ``shape``; see :meth:`Shape.with_rows`.
        random_state: The seed; the same seed gives the same data.

    Returns:
        The data, its features non-negative float32.

    Raises:
        DataError: If the name is unknown, a size is impossible, or the table does not fit.

    Example:
        >>> data = simulate("AWA1", rows=1000)
        >>> data.features.shape, data.class_attributes.shape
        ((1000, 2048), (50, 85))
    """
    name, shape = ("simulated", shape) if isinstance(shape, Shape) else (shape, _named(shape))
    shape = shape if rows is None else shape.with_rows(rows)
    _check_shape(shape)
    rng = np.random.default_rng(random_state)

    if class_attributes is None:
        class_attributes = _random_attributes(shape, rng)
    class_attributes = np.asarray(class_attributes, dtype=np.float32)
    _check_table(class_attributes, shape)

    splits = np.split(rng.permutation(shape.rows), [shape.train, shape.train + shape.test_seen])
    train, test_seen, test_unseen = (np.sort(split) for split in splits)

    seen, unseen = np.split(rng.permutation(shape.classes), [shape.seen])
    labels = np.empty(shape.rows, dtype=np.int64)
    for split, classes in ((train, seen), (test_seen, seen), (test_unseen, unseen)):
        labels[split] = rng.permutation(np.resize(classes, len(split)))

    return ZeroShotData(
        features=_features(labels, class_attributes, shape.features, rng),
        labels=labels,
        class_attributes=class_attributes,
        class_names=tuple(f"class_{j:03d}" for j in range(1, shape.classes + 1)),
        train=train,
        test_seen=test_seen,
        test_unseen=test_unseen,
        source=Source(name=name, licence="simulated, free of rights"),
    )


def simulate_toy(
    classes: int = 12,
    unseen: int = 4,
    rows_per_class: int = 20,
    features: int = 16,
    attributes: int = 8,
    random_state: int = 0,
) -> ZeroShotData:
    """Simulates a data set small enough for a test: some milliseconds.

    Arguments:
        classes: The number of classes, seen and unseen.
        unseen: The number of unseen classes.
        rows_per_class: The rows of each class; of a seen one, a fifth is held out.
        features: The number of features.
        attributes: The number of attributes.
        random_state: The seed; the same seed gives the same data.

    Raises:
        DataError: If a size is impossible.

    Example:
        >>> data = simulate_toy()
        >>> len(data.train), len(data.test_seen), len(data.test_unseen)
        (128, 32, 80)
    """
    seen = classes - unseen
    held_out = max(1, rows_per_class // 5)

    return simulate(
        Shape(
            seen=seen,
            unseen=unseen,
            train=seen * (rows_per_class - held_out),
            test_seen=seen * held_out,
            test_unseen=unseen * rows_per_class,
            attributes=attributes,
            features=features,
        ),
        random_state=random_state,
    )


def write_xlsa17_folder(data: ZeroShotData, folder: Path, compress: bool = False) -> None:
    """Writes data as the field's benchmark has it: ``res101.mat`` and ``att_splits.mat``.

    Matrices are doubles and transposed, indices 1-based, names nested. The first validation
    split, if there is one, becomes ``train_loc`` and ``val_loc``. ``original_att`` repeats
    ``att``, as the data holds one class table.

    Arguments:
        data: The data to write.
        folder: The folder, made if missing; each file is replaced at once or not at all.
        compress: Whether to compress, as MATLAB does by default; slow on large data.

    Raises:
        DataError: If a file cannot be written.
        OSError: If the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)

    every_row = np.arange(len(data.labels))
    image_files = [f"images/{data.class_names[y]}/{i:05d}.jpg" for i, y in enumerate(data.labels)]
    features = {
        "features": data.rows(every_row, dtype=np.float64).T,  # (d, n)
        "image_files": _cells(image_files),
        "labels": _one_based(data.labels).astype(np.float64),
    }

    splits = {
        "allclasses_names": _cells(data.class_names),
        "att": data.class_attributes.T.astype(np.float64),  # (a, c)
        "original_att": data.class_attributes.T.astype(np.float64),
        "trainval_loc": _one_based(data.train),
        "test_seen_loc": _one_based(data.test_seen),
        "test_unseen_loc": _one_based(data.test_unseen),
    }
    if data.validation:
        train, _, hidden = data.validation[0]
        splits |= {"train_loc": _one_based(train), "val_loc": _one_based(hidden)}

    _save(folder / "res101.mat", features, compress)
    _save(folder / "att_splits.mat", splits, compress)


def _named(name: str) -> Shape:
    if name in BENCHMARK_SHAPES:
        return BENCHMARK_SHAPES[name]

    near = difflib.get_close_matches(name.upper(), BENCHMARK_SHAPES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(BENCHMARK_SHAPES)}."
    raise DataError([f"There is no benchmark shape {name!r}; {hint}"])


def _check_shape(shape: Shape) -> None:
    least = {
        "seen": 2,
        "unseen": 1,
        "train": shape.seen,
        "test_seen": shape.seen,
        "test_unseen": shape.unseen,
        "attributes": 1,
        "features": 1,
    }
    problems = [
        f"`{name}` of the shape must be at least {low}, got {getattr(shape, name)}."
        for name, low in least.items()
        if getattr(shape, name) < low
    ]
    if problems:
        raise DataError(problems)


def _check_table(class_attributes: NDArray, shape: Shape) -> None:
    if class_attributes.ndim != 2 or len(class_attributes) != shape.classes:
        raise DataError(
            [
                f"`class_attributes` must have one row per class: expected {shape.classes} rows "
                f"({shape.seen} seen, {shape.unseen} unseen), got shape {class_attributes.shape}."
            ]
        )


def _random_attributes(shape: Shape, rng: np.random.Generator) -> NDArray:
    table = rng.random((shape.classes, shape.attributes))

    return table / np.linalg.norm(table, axis=1, keepdims=True)


def _features(
    labels: NDArray, class_attributes: NDArray, width: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    classes, attributes = class_attributes.shape
    spread = class_attributes.std(axis=0)
    spread[spread == 0] = 1  # an attribute that all classes share tells them not apart
    S = (class_attributes - class_attributes.mean(axis=0)) / spread  # (c, a)

    W = _normal(rng, attributes, width) / np.float32(attributes**0.5)  # (a, d)
    centres = S @ W + UNDESCRIBED * _normal(rng, classes, width)  # (c, d)
    along = VARIATION * attributes**0.5 * W  # (a, d)

    features = np.empty((len(labels), width), dtype=np.float32)
    for start in range(0, len(labels), CHUNK_ROWS):
        rows = labels[start : start + CHUNK_ROWS]
        block = NOISE * _normal(rng, len(rows), width)
        block += _normal(rng, len(rows), attributes) @ along
        block += centres[rows]
        np.maximum(block, 0, out=features[start : start + len(rows)])

    return features


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape, dtype=np.float32)


def _one_based(index: NDArray) -> NDArray:
    return (index + 1)[:, None]  # (n, 1)


def _cells(texts: list[str] | tuple[str, ...]) -> NDArray:
    cells = np.empty((len(texts), 1), dtype=object)
    cells[:, 0] = texts

    return cells


def _save(path: Path, variables: dict[str, Any], compress: bool) -> None:
    with writing(path) as file:
        savemat(file, variables, do_compression=compress)
