"""Data and their class table in one word, such as ``gtsrb.npz:words``."""

__all__ = ["join_table", "name_data", "split_table"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def split_table(text: str) -> tuple[str, str | None]:
    """Returns the path in a text such as ``gtsrb.npz:words``, and the class table.

    Example:
        >>> split_table("gtsrb.npz:words"), split_table("digits")
        (('gtsrb.npz', 'words'), ('digits', None))
    """
    path, colon, table = text.rpartition(":")
    if not colon or not path or not table or Path(text).exists():
        return text, None

    return path, table


def join_table(data: str, attributes: str | None) -> str:
    """Returns the name of data, with that of the class table if it is not the default one.

    Example:
        >>> join_table("gtsrb", "words"), join_table("digits", None)
        ('gtsrb:words', 'digits')
    """
    return data if attributes is None else f"{data}:{attributes}"


def name_data(described: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns data with their class tables as a user names them; by path, where names are the same.

    Arguments:
        described: The descriptions of the data, as records have them.

    Example:
        >>> birds = {"name": "birds", "attributes": None, "path": "a/birds.npz", "sha256": "1"}
        >>> name_data([birds, birds]), name_data([birds, birds | {"path": "b.npz", "sha256": "2"}])
        (['birds', 'birds'], ['a/birds.npz', 'b.npz'])
    """
    files: dict[str, list[Any]] = {}
    for one in described:
        known = files.setdefault(one["name"], [])
        if one["sha256"] not in known:
            known.append(one["sha256"])

    return [
        join_table(one["path"] if len(files[one["name"]]) > 1 else one["name"], one["attributes"])
        for one in described
    ]
