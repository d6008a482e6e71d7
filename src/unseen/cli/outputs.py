"""Where an output can stand, and what it must not replace: what is read, a model, another kind."""

__all__ = ["check_apart", "check_folder", "check_parent", "check_store"]

import shlex
from pathlib import Path

from unseen.cli.errors import UserError
from unseen.cli.models import is_model

TABLES = ("rows", "classes")  # of a folder of data


def check_folder(output: Path) -> None:
    """Raises if a file stands where a folder is going to be.

    Raises:
        UserError: Names it.
    """
    if output.is_file():
        raise UserError(f"{output} is a file; `--output` must name a folder.")


def check_parent(output: Path) -> None:
    """Raises before work whose result would have no folder to stand in.

    Raises:
        UserError: Names the folder, and the command that makes it.
    """
    if not output.parent.is_dir():
        raise UserError(
            f"The folder {output.parent} does not exist; make it first: "
            f"mkdir -p {shlex.quote(str(output.parent))}"
        )


def check_store(output: Path) -> None:
    """Raises if a folder is none for a run store.

    Raises:
        UserError: If it is a file, a model, or the root of all folders.
    """
    check_folder(output)
    place = output.resolve()
    if place == place.parent:
        raise UserError(f"`--output` must name a folder for the runs; got {output}.")
    if is_model(output):
        raise UserError(f"{output} is a model folder; `--output` must name another one.")


def check_apart(output: Path, model: Path, *read: Path | None) -> None:
    """Raises if an output is something that the command reads, or stands in the model's folder.

    Arguments:
        output: The file that is going to be written.
        model: The folder of the model.
        read: Files, and folders of data, that are read.

    Raises:
        UserError: Names what would be lost.
    """
    if model.resolve() in output.resolve().parents:
        raise UserError(f"{output} is in the folder of the model; `--output` must be elsewhere.")
    for path in read:
        if path is None or not output.exists():
            continue
        inside = path.resolve() == output.resolve().parent and output.stem.startswith(TABLES)
        if output.samefile(path) or inside:
            raise UserError(f"{output} is a file that is read; `--output` must name another one.")
