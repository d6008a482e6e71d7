"""Data and their class table in one word, such as ``gtsrb.npz:words``."""

__all__ = ["join_table", "split_table"]

from pathlib import Path


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
