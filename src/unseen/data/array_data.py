"""Data sets in npz and safetensors files."""

__all__ = [
    "ARRAY_SUFFIXES",
    "further_arrays",
    "read_arrays",
    "read_class_arrays",
    "read_feature_arrays",
    "to_rows",
    "write_arrays",
]

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.data.arrays import (
    ArrayFile,
    ArrayStream,
    open_arrays,
    reading,
    write_npz,
    write_safetensors,
)
from unseen.data.check_arrays import FEATURE_TYPES, FeatureType
from unseen.data.class_tables import checked_tables, choose_table, shorten
from unseen.data.dataset import SPLITS, DataError, Source, ZeroShotData
from unseen.data.encoding import encode_features
from unseen.data.hashing import file_sha256

ARRAY_SUFFIXES = (".npz", ".safetensors")
IMAGES = "images"  # may stand in the place of features
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
    keys = (*file.keys, *(key for key in ("class_names",) if key in file.metadata))
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
        problems.append(f"The file has the keys {shorten(keys) or '(none)'}.")

    return problems


def note_unknown(keys: Sequence[str]) -> list[str]:
    known = (*REQUIRED, *VALIDATION, "feature_scale")
    unknown = [key for key in keys if key not in (*known, IMAGES) and not key.startswith(TABLE)]
    notes = [f"Left out, as the keys are unknown: {shorten(unknown)}."] if unknown else []
    if IMAGES in keys and "features" in keys:
        notes.append("Left out: `images`, as there are `features`.")

    return notes


def table_key(keys: Sequence[str], attributes: str | None, path: Path) -> str:
    if attributes is None:
        return "class_attributes"

    return TABLE + choose_table(further_tables(keys), attributes, path)


def further_tables(keys: Sequence[str]) -> list[str]:
    return [key.removeprefix(TABLE) for key in keys if key.startswith(TABLE)]


# Features, of whole images or of their regions, or the pixels of images


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


# Types


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


def to_integers(array: NDArray) -> NDArray:
    return np.array(array, dtype=np.int64 if array.dtype.kind in "iu" else None)


def to_index(array: NDArray, rows: int) -> NDArray:
    """Returns row numbers, from row numbers or from a mask over all rows."""
    if array.dtype == bool and array.shape == (rows,):
        return np.flatnonzero(array)

    return to_integers(array)


# Parts


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


def read_feature_arrays(path: Path) -> NDArray:
    file = open_arrays(path)
    if "features" not in file.keys and IMAGES in file.keys:
        return read_images(file)[0]
    if "features" not in file.keys:
        raise DataError([missing_keys(file.keys)[0]], str(path))

    stored = file.read("features")
    features, scale = to_rows(stored), read_scale(file, stored.shape[1:])
    if scale is None:
        return features

    if features.ndim != 2 or scale.shape != features.shape[1:] or features.dtype.kind not in "fiub":
        problem = (
            f"`feature_scale` has the shape {scale.shape}, `features` {features.shape}; "
            "there must be one factor per column."
        )
        raise DataError([problem], str(path))

    return features * scale


def read_class_arrays(path: Path, attributes: str | None) -> tuple[tuple[str, ...], NDArray]:
    file = open_arrays(path)
    keys = (*file.keys, *(key for key in ("class_names",) if key in file.metadata))
    wanted = ("The key 'class_attributes'", "The key 'class_names'")  # splits are not needed
    if problems := [text for text in missing_keys(keys) if text.startswith(wanted)]:
        raise DataError(problems, str(path))

    table = np.atleast_1d(to_float32(file.read(table_key(keys, attributes, path))))

    return read_class_names(file), table


def further_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the further class tables of an npz or safetensors file by name."""
    file = open_arrays(path)

    return {name: to_float32(file.read(TABLE + name)) for name in further_tables(file.keys)}
