"""The model that a command is given, or what stands there instead."""

__all__ = ["is_model", "read_model"]

from pathlib import Path
from typing import TYPE_CHECKING

from unseen.cli.errors import UserError

if TYPE_CHECKING:
    from unseen.methods.base import ZeroShotClassifier


def read_model(folder: Path, data: str | Path) -> "ZeroShotClassifier":
    """Returns the model of a folder.

    Arguments:
        folder: The folder that the user named as the model.
        data: What the user named after it.

    Raises:
        UserError: If the two stand in the wrong order.
        ModelError: If there is no sound model.
    """
    from unseen.methods.saving import ModelError
    from unseen.models import load_model

    try:
        return load_model(folder)
    except ModelError as error:
        if is_model(Path(data)) and not is_model(folder):
            raise UserError(
                f"{data} is a model folder: it comes first, and then {folder}."
            ) from error
        raise


def is_model(folder: Path) -> bool:
    """Says whether a model stands in a folder, whatever else does."""
    from unseen.methods.saving import CONFIG, TENSORS

    return (folder / CONFIG).is_file() and (folder / TENSORS).is_file()
