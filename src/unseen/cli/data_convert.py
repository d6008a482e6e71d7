"""``unseen data convert``: another format, another feature type, every class table."""

__all__ = ["convert"]

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unseen.cli.console import results
from unseen.cli.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unseen.data.dataset import ZeroShotData

FORMER = "former_default"
FeatureType = Literal["float32", "float16", "int8", "uint8"]


def convert(
    data: str,
    out: Path,
    /,
    *,
    dtype: FeatureType | None = None,
    attributes: str | None = None,
) -> None:
    """Write a data set in another format, with all its class tables, in chunks.

    Each class table keeps its name. What stands at OUT already is not replaced.

    Arguments:
        data: A folder with rows.csv and classes.csv, or with res101.mat and att_splits.mat, an npz
            or safetensors file, or "digits", which is embedded.
        out: NAME.npz, NAME.safetensors, FOLDER/rows.csv or FOLDER/rows.parquet.
        dtype: The type of the stored features; 8 bits come with a factor per column.
        attributes: The class table that becomes the default one, and whose splits are taken.
    """
    from unseen.data.load import load, save

    check_target(out)
    loaded = load(data, attributes)
    tables = named_tables(data, attributes)
    save(loaded, out, dtype, tables)

    more = f", class tables: {list_tables(loaded, tables)}" if tables else ""
    results().print(
        f"{out}: {len(loaded.features):,} rows of {dtype or loaded.features.dtype}{more}",
        soft_wrap=True,
    )


def check_target(out: Path) -> None:
    """Raises where data stand already: they may be all that someone has."""
    from unseen.data.folder_data import COLUMN_SUFFIXES
    from unseen.data.load import TABLE_FILES

    beside = [
        path
        for stem in ("rows", "classes*")
        for end in COLUMN_SUFFIXES
        for path in out.parent.glob(stem + end)
    ]
    there = [out] if out.exists() else beside if out.name in TABLE_FILES else []
    if there:
        advice = "Choose another name" + ("." if out.is_dir() else ", or delete it first.")
        raise UserError(f"'{there[0]}' exists already. {advice}")


def named_tables(data: str, attributes: str | None) -> "dict[str, NDArray]":
    """Returns every class table by name; a former default one that had no name gets one."""
    import numpy as np

    from unseen.data.load import attribute_tables, load

    tables = dict(attribute_tables(data))
    if attributes is None:
        return tables

    former = load(data).class_attributes
    if not any(np.array_equal(former, table) for table in tables.values()):
        name = FORMER
        while name in tables:
            name += "_"
        tables[name] = former

    return tables


def list_tables(data: "ZeroShotData", tables: "dict[str, NDArray]") -> str:
    """Returns the names of the tables, the default one first."""
    import numpy as np

    same = [name for name in tables if np.array_equal(tables[name], data.class_attributes)]
    default = f"{same[0]} (default)" if same else "default"

    return ", ".join([default, *(name for name in tables if name not in same[:1])])
