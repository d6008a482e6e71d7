"""Data sets in npz and safetensors files."""

__all__ = [
    "ARRAY_SUFFIXES",
    "further_arrays",
    "read_arrays",
    "read_class_arrays",
    "read_feature_arrays",
    "write_arrays",
]

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.data.array_examples import (
    IMAGES,
    as_images,
    as_regions,
    read_examples,
    read_images,
    read_scale,
    to_float32,
    to_rows,
)
from unseen.data.arrays import (
    ArrayFile,
    ArrayStream,
    open_arrays,
    reading,
    write_npz,
    write_safetensors,
)
from unseen.data.check_arrays import FeatureType
from unseen.data.check_classes import check_table_shape
from unseen.data.class_tables import checked_tables, choose_table
from unseen.data.dataset import SPLITS, DataError, Source, ZeroShotData
from unseen.data.encoding import encode_features
from unseen.data.hashing import file_sha256
from unseen.data.wording import describe, quoted

ARRAY_SUFFIXES = (".npz", ".safetensors")
REQUIRED = ("features", "labels", "class_attributes", "class_names", *SPLITS)
VALIDATION = ("validation_train", "validation_seen", "validation_unseen")
TABLE = "class_attributes_"  # what the keys of further class tables begin with

Indices = NDArray[np.int64]
Validation = tuple[tuple[Indices, Indices, Indices], ...]


# The whole data set


def read_arrays(path: Path, attributes: str | None = None) -> ZeroShotData:
    """Reads a data set from an npz or safetensors file.

    Features that lie in the file uncompressed are memory-mapped. Without ``features``, the pixels
    of ``images``, uint8 of shape (n, height, width, channels), take their place. Features of
    shape (n, regions, channels) become rows, region by region.

    Arguments:
        path: A file with the suffix ``.npz`` or ``.safetensors``.
        attributes: Which class table to take: ``"words"`` is ``class_attributes_words``.

    Returns:
        The data set; unknown keys are left out with a note.

    Raises:
        DataError: If the file is damaged, a key is missing or the data are unsound.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from unseen.data.digits import load_digits
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "digits.npz"
        ...     write_arrays(load_digits(), path)
        ...     read_arrays(path).class_names[:3]
        ('zero', 'one', 'two')
    """
    file = open_arrays(path)
    keys = all_keys(file)
    if problems := missing_keys(keys):
        raise DataError(problems, str(path))

    features, layout, notes = read_examples(file)
    rows = len(features) if features.ndim else 0
    table = file.read(table_key(keys, attributes, path))

    return ZeroShotData(
        features=features,
        labels=to_integers(file.read("labels")),
        class_attributes=to_float32(table),
        class_names=read_class_names(file),
        train=to_index(file.read("train"), rows),
        test_seen=to_index(file.read("test_seen"), rows),
        test_unseen=to_index(file.read("test_unseen"), rows),
        validation=read_validation(file, rows),
        **layout,
        source=read_source(file),
        notes=(*file.notes, *notes, *note_unknown(file.keys)),
    )


def write_arrays(
    data: ZeroShotData,
    path: Path,
    dtype: FeatureType | None = None,
    tables: Mapping[str, NDArray] | None = None,
) -> None:
    """Writes a data set to an npz or safetensors file, its features a block at a time.

    Arguments:
        data: The data set.
        path: A file with the suffix ``.npz`` or ``.safetensors``; it is replaced atomically.
        dtype: The type of the stored features; ``None`` keeps them as they are.
        tables: Further class tables by name, each with shape :math:`(c, a)`.

    Raises:
        DataError: If the file cannot be written, the type cannot hold the features, or images
            are asked for in another type than uint8.
    """
    if len(data.validation) > 1:
        problem = (
            f"There is room for one validation split, but the data have {len(data.validation)}."
        )
        raise DataError([problem], str(path))

    features, scale = encode_features(data, dtype)
    if data.image_shape is not None:
        features = as_images(features, data.image_shape, path)
    if data.region_count is not None:
        features = as_regions(features, data.region_count)
    arrays = {
        "features" if data.image_shape is None else IMAGES: features,
        "labels": ArrayStream.of(data.labels),
        "class_attributes": ArrayStream.of(data.class_attributes),
        **{split: ArrayStream.of(getattr(data, split)) for split in SPLITS},
    }
    for parts in data.validation:
        arrays |= {key: ArrayStream.of(part) for key, part in zip(VALIDATION, parts, strict=True)}
    if scale is not None:
        arrays["feature_scale"] = ArrayStream.of(scale)
    for name, table in checked_tables(data, tables).items():
        arrays[TABLE + name] = ArrayStream.of(table)

    if path.suffix.lower() == ".npz":
        names = np.array(data.class_names)
        write_npz(path, arrays | {"class_names": ArrayStream.of(names)})
    else:
        write_safetensors(path, arrays, metadata_of(data))


# Keys


def all_keys(file: ArrayFile) -> tuple[str, ...]:
    """Returns the names of the arrays, and ``class_names`` where the metadata have them."""
    return (*file.keys, *(key for key in ("class_names",) if key in file.metadata))


def missing_keys(keys: Sequence[str]) -> list[str]:
    """Returns a sentence for each required key that is not there."""
    unknown = [key for key in keys if key not in REQUIRED]
    problems = []
    for key in REQUIRED:
        if key not in keys and not (key == "features" and IMAGES in keys):
            close = get_close_matches(key, unknown, n=1)
            hint = f"; did you mean {close[0]!r}? Rename it" if close else ""
            problems.append(f"The key {key!r} is missing{hint}.")

    if problems:
        problems.append(f"The file has the keys {quoted(keys) or '(none)'}.")

    return problems


def note_unknown(keys: Sequence[str]) -> list[str]:
    known = (*REQUIRED, *VALIDATION, "feature_scale")
    unknown = [key for key in keys if key not in (*known, IMAGES) and not key.startswith(TABLE)]
    notes = [f"Left out, as the keys are unknown: {quoted(unknown)}."] if unknown else []
    if IMAGES in keys and "features" in keys:
        notes.append("Left out: `images`, as there are `features`.")

    return notes


def table_key(keys: Sequence[str], attributes: str | None, path: Path) -> str:
    if attributes is None:
        return "class_attributes"

    return TABLE + choose_table(further_tables(keys), attributes, path)


def further_tables(keys: Sequence[str]) -> list[str]:
    return [key.removeprefix(TABLE) for key in keys if key.startswith(TABLE)]


# Parts


def to_integers(array: NDArray) -> NDArray:
    return np.array(array, dtype=np.int64 if array.dtype.kind in "iu" else None)


def to_index(array: NDArray, rows: int) -> NDArray:
    """Returns row numbers, from row numbers or from a mask over all rows."""
    if array.dtype == bool and array.shape == (rows,):
        return np.flatnonzero(array)

    return to_integers(array)


def read_class_names(file: ArrayFile) -> tuple[str, ...]:
    """Returns the names: an array of text, or, in safetensors, a JSON list in the metadata."""
    if "class_names" in file.keys:
        names = file.read("class_names")
        if names.ndim != 1 or names.dtype.kind not in "US":
            problem = f"`class_names` must be a list of texts, got {names.dtype} of {names.shape}."
            raise DataError([problem], str(file.path))
        with reading(file.path):
            return tuple(
                np.char.decode(names, "utf-8").tolist()
                if names.dtype.kind == "S"
                else names.tolist()
            )

    with reading(file.path):
        listed = json.loads(file.metadata["class_names"])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise DataError(
            ["`class_names` in the metadata must be a JSON list of texts."], str(file.path)
        )

    return tuple(listed)


def read_validation(file: ArrayFile, rows: int) -> Validation:
    train, seen, unseen = VALIDATION
    present = [key for key in VALIDATION if key in file.keys]
    if not present:
        return ()

    if problems := [
        f"{present[0]!r} is there but {key!r} is missing: a validation split needs both."
        for key in (train, unseen)
        if key not in present
    ]:
        raise DataError(problems, str(file.path))

    empty = np.empty(0, np.int64)

    return (
        (
            to_index(file.read(train), rows),
            to_index(file.read(seen), rows) if seen in present else empty,
            to_index(file.read(unseen), rows),
        ),
    )


def read_source(file: ArrayFile) -> Source:
    def text(key: str, default: str) -> str:
        return str(file.metadata.get(key, default))

    return Source(
        name=text("name", file.path.stem),
        path=str(file.path),
        sha256={file.path.name: file_sha256(file.path)},
        licence=text("licence", Source.licence),
        split_version=text("split_version", Source.split_version),
    )


def metadata_of(data: ZeroShotData) -> dict[str, str]:
    """Returns the texts that a safetensors file has no arrays for."""
    known = {
        key: getattr(data.source, key)
        for key in ("name", "licence", "split_version")
        if getattr(data.source, key) != getattr(Source, key)
    }

    return {"class_names": json.dumps(data.class_names, ensure_ascii=False), **known}


# One part alone


def read_feature_arrays(path: Path) -> NDArray:
    """Reads features, or the pixels of images, from an npz or safetensors file.

    Arguments:
        path: The file; it needs no other key.

    Returns:
        The features, with shape :math:`(n, d)` if they are sound, times ``feature_scale``.

    Raises:
        DataError: If the file is damaged, has neither, or has a scale of another shape.
    """
    file = open_arrays(path)
    if "features" not in file.keys and IMAGES in file.keys:
        return read_images(file)[0]
    if "features" not in file.keys:
        raise DataError([missing_keys(file.keys)[0]], str(path))

    stored = file.read("features")
    features, scale = to_rows(stored), read_scale(file, stored.shape[1:])
    if scale is None:
        return features

    numeric = features.dtype.kind in "fiub" and scale.dtype == np.float32
    if features.ndim != 2 or scale.shape != features.shape[1:] or not numeric:
        problem = (
            f"`feature_scale` is {describe(scale)}, `features` {describe(features)}; "
            "there must be one factor per column."
        )
        raise DataError([problem], str(path))

    return features * scale


def read_class_arrays(path: Path, attributes: str | None) -> tuple[tuple[str, ...], NDArray]:
    """Reads names and descriptions of classes from an npz or safetensors file.

    Arguments:
        path: The file; it needs no examples.
        attributes: Which class table to take; ``None`` is the default one.

    Returns:
        The names, and the descriptions, with shape :math:`(c, a)` if they are sound.

    Raises:
        DataError: If the file is damaged, or a key is missing.
    """
    file = open_arrays(path)
    keys = all_keys(file)
    wanted = ("The key 'class_attributes'", "The key 'class_names'")  # splits are not needed
    if problems := [text for text in missing_keys(keys) if text.startswith(wanted)]:
        raise DataError(problems, str(path))

    table = np.atleast_1d(to_float32(file.read(table_key(keys, attributes, path))))

    return read_class_names(file), table


def further_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the further class tables of an npz or safetensors file by name.

    Arguments:
        path: The file.

    Returns:
        The tables, each with shape :math:`(c, a)`.

    Raises:
        DataError: If the file is damaged, or something under such a key is no table of numbers.
    """
    file = open_arrays(path)
    tables = {name: to_float32(file.read(TABLE + name)) for name in further_tables(file.keys)}
    if problems := [
        f"Class table {name!r}: {problem}"
        for name, table in tables.items()
        for problem in check_table_shape(table)
    ]:
        raise DataError(problems, str(path))

    return tables
