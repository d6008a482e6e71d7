"""Content hashes of files: what a data set or a split file *is*, whatever it is called."""

__all__ = ["file_sha256"]

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, read in blocks so that memory stays flat.

    Arguments:
        path: The file to hash.

    Returns:
        The digest as 64 lower-case hexadecimal digits.

    Raises:
        OSError: If the file cannot be opened or read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "empty"
        ...     _ = path.write_bytes(b"")
        ...     file_sha256(path)[:8]
        'e3b0c442'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
