"""One way in and one way out: ``load`` picks the reader, ``save`` the writer."""

__all__ = ["TABLE_FILES", "attribute_tables", "load", "save"]

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.data.array_data import ARRAY_SUFFIXES, read_arrays, write_arrays
from unseen.data.arrays import opening
from unseen.data.check_arrays import FEATURE_TYPES, FeatureType
from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.folder_data import COLUMN_SUFFIXES, read_folder, write_folder
from unseen.data.tables import list_attribute_tables

FORMATS = (
    "a folder with res101.mat and att_splits.mat, a folder with rows.csv and classes.csv "
    "(or .parquet), an .npz or a .safetensors file"
)
MODEL_FILES = {"config.json", "model.safetensors"}
TABLE_FILES = tuple(f"rows{end}" for end in COLUMN_SUFFIXES)


def load(name_or_path: str | Path, attributes: str | None = None) -> ZeroShotData:
    """Loads a data set, whatever its format.

    Arguments:
        name_or_path: The name of an embedded data set (``"digits"``), or the path of a folder
            of the field's benchmark (``res101.mat`` and ``att_splits.mat``), of a folder with
            ``rows.csv`` and ``classes.csv`` (or parquet), of an npz or of a safetensors file.
        attributes: Which class table to take, where there are several.

    Returns:
        The data set, checked.

    Raises:
        DataError: If there is no such data set, or anything in it is wrong.

    Example:
        >>> load("digits").features.shape
        (1797, 64)
    """
    if str(name_or_path) in EMBEDDED:
        return load_embedded(str(name_or_path), attributes)

    path = Path(name_or_path)
    path = path.parent if path.name in TABLE_FILES else path
    with opening(path):
        if not path.exists():
            raise DataError([missing(path)])
        if path.is_dir():
            return load_folder(path, attributes)
        if path.suffix.lower() not in ARRAY_SUFFIXES:
            raise DataError([wrong_file(path)])

        return read_arrays(path, attributes)


def save(
    data: ZeroShotData,
    path: str | Path,
    dtype: FeatureType | None = None,
    tables: Mapping[str, NDArray] | None = None,
) -> None:
    """Saves a data set in the format its path names.

    Arguments:
        data: The data set.
        path: A file with the suffix ``.npz`` or ``.safetensors``, or ``FOLDER/rows.csv`` or
            ``FOLDER/rows.parquet``, beside which the classes are written.
        dtype: The type of the stored features, ``"float32"``, ``"float16"``, ``"int8"`` or
            ``"uint8"``; ``None`` keeps them as they are. CSV and parquet take float32 only.
        tables: Further class tables by name, each with shape :math:`(c, a)`.

    Raises:
        DataError: If the format is unknown, or the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     save(load("digits"), f"{folder}/digits.safetensors", dtype="uint8")
        ...     load(f"{folder}/digits.safetensors").features.dtype
        dtype('uint8')
    """
    path = Path(path)
    if dtype is not None and dtype not in FEATURE_TYPES:
        raise DataError([f"There is no feature type {dtype!r}: use {', '.join(FEATURE_TYPES)}."])

    if path.suffix.lower() in ARRAY_SUFFIXES:
        write_arrays(data, path, dtype, tables)
    elif path.name not in TABLE_FILES:
        raise DataError([unknown_target(path)])
    elif dtype not in (None, "float32"):
        raise DataError([f"{path.suffix} tables hold float32 features; use .npz for {dtype}."])
    else:
        write_folder(data, path, tables)


def attribute_tables(name_or_path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Returns the class tables of a data set that have a name.

    In a folder of the benchmark all have one; in other formats all but the default one.

    Arguments:
        name_or_path: What :func:`load` takes.

    Returns:
        The tables that ``load(..., attributes=name)`` can take, each with shape :math:`(c, a)`.

    Raises:
        DataError: If there is no such data set, or it cannot be read.

    Example:
        >>> attribute_tables("digits")
        {}
    """
    if str(name_or_path) in EMBEDDED:
        return {}

    path = Path(name_or_path)
    path = path.parent if path.name in TABLE_FILES else path
    with opening(path):
        if not path.exists():
            raise DataError([missing(path)])
        if is_benchmark(path):
            from unseen.data.xlsa17 import attribute_tables as benchmark_tables

            return benchmark_tables(path)
        if path.is_file() and path.suffix.lower() not in ARRAY_SUFFIXES:
            raise DataError([wrong_file(path)])

        return list_attribute_tables(path)


def read_digits() -> ZeroShotData:
    from unseen.data.digits import load_digits

    return load_digits()


EMBEDDED: dict[str, Callable[[], ZeroShotData]] = {"digits": read_digits}


def load_embedded(name: str, attributes: str | None) -> ZeroShotData:
    if attributes is not None:
        raise DataError([f"{name} has one class table only, and none called {attributes!r}."])

    return EMBEDDED[name]()


def load_folder(folder: Path, attributes: str | None) -> ZeroShotData:
    if is_benchmark(folder):
        from unseen.data.xlsa17 import read_xlsa17

        return read_xlsa17(folder, attributes)
    if {item.name for item in folder.iterdir()} >= MODEL_FILES and not any(folder.glob("rows.*")):
        raise DataError([f"{folder} is a model folder, and data are wanted here."])
    if is_tables(folder):
        return read_folder(folder, attributes)

    raise DataError([wrong_folder(folder)])


def is_benchmark(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*_splits.mat"))


def is_tables(folder: Path) -> bool:
    tables = [path for end in COLUMN_SUFFIXES for path in folder.glob(f"*{end}")]

    return any(path.stem == "rows" or path.stem.startswith("classes") for path in tables)


def missing(path: Path) -> str:
    """Says what is near a path that does not exist."""
    beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    close = get_close_matches(path.name, beside, n=1)
    hint = f" Did you mean {str(path.parent / close[0])!r}?" if close else ""
    if named := get_close_matches(str(path).lower(), EMBEDDED, n=1):
        hint = f" Did you mean the embedded data {named[0]!r}?"
    file, colon, table = str(path).rpartition(":")
    if colon and Path(file).exists():
        hint = f" Name the class table apart from the file: --attributes {table}."

    return f"There is no file, folder or embedded data set {str(path)!r}.{hint}"


def wrong_file(path: Path) -> str:
    if path.suffix == ".mat":
        return f"{path} is one file of a data set: give the folder {str(path.parent)!r}."
    if path.suffix.lower() in COLUMN_SUFFIXES:
        end = path.suffix.lower()
        return (
            f"{path} is one table, and a data set has two: put the examples into "
            f"FOLDER/rows{end}, the classes into FOLDER/classes{end}, and give FOLDER."
        )

    return f"{path} has the unknown suffix {path.suffix!r}: a data set is {FORMATS}."


def wrong_folder(folder: Path) -> str:
    inner = sorted(
        item
        for item in folder.iterdir()
        if item.is_dir() and (is_benchmark(item) or is_tables(item))
    )
    files = sorted(item for item in folder.iterdir() if item.suffix.lower() in ARRAY_SUFFIXES)
    near = [str(item) for item in (inner + files)[:5]]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""

    return f"{folder} holds no data set: it must be {FORMATS}.{hint}"


def unknown_target(path: Path) -> str:
    if path.suffix.lower() in COLUMN_SUFFIXES:
        return (
            f"A data set is two tables: save it to {path.with_suffix('') / f'rows{path.suffix}'}."
        )

    return (
        f"{path} has the unknown suffix {path.suffix!r}: "
        "use .npz, .safetensors, FOLDER/rows.csv or FOLDER/rows.parquet."
    )
