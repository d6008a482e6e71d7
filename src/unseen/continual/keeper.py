"""What a run along a stream has reached: its scores and its model, so that a kill loses little."""

__all__ = ["PROGRESS", "Keeper"]

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.data.atomic import writing
from unseen.data.dataset import DataError
from unseen.methods.continual import ContinualClassifier
from unseen.methods.saving import ModelError

PROGRESS = "progress.json"
NOTE = ("seconds", "steps", "bytes")  # of each task


class Keeper:
    """Keeps what a run has reached, on disk if there is a folder; each file is whole or not there.

    ``progress.json`` is written first, to say whose folder it is, and again after each task, when
    its model and scores are there.

    Arguments:
        folder: The folder, which is made if need be; ``None`` keeps all in memory.
        identity: What the run depends on, as a hash: a folder of another run is refused.

    Raises:
        DataError: If the folder is of another run, damaged, or cannot be written; so do the
            methods.
    """

    def __init__(self, folder: Path | None, identity: str) -> None:
        self.folder, self.identity = folder, identity
        self.arrays: dict[str, NDArray] = {}
        self.notes: list[dict[str, Any]] = []
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"The folder cannot be made: {error.strerror or error}; name another."
            raise DataError([problem], where=str(folder)) from error
        file = folder / PROGRESS
        if not file.exists():
            self._write_progress(folder)
            return
        try:
            kept = json.loads(file.read_text())
            self.notes = [{name: note[name] for name in NOTE} for note in kept["tasks"]]
            known = kept["identity"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise self._damaged(PROGRESS, error) from error
        if known != identity:
            raise DataError(
                [
                    "It holds a run of other settings, data or stream, or of an older unseen; "
                    "delete it to start anew."
                ],
                where=str(folder),
            )

    def resume(self, model: ContinualClassifier) -> ContinualClassifier:
        """Returns the model as it was after the last task that was learned."""
        if self.folder is None or not self.notes:
            return model
        folder = self._model(len(self.notes))
        try:
            return type(model).from_pretrained(folder)
        except ModelError as error:
            raise self._damaged(folder.name, error) from error

    def checkpoint(self, number: int) -> Path | None:
        """Returns the file that keeps the training of a task after each epoch."""
        return None if self.folder is None else self.folder / f"task-{number}.safetensors"

    def keep(self, name: str, array: NDArray) -> None:
        """Keeps an array."""
        self.arrays[name] = array.copy()
        if self.folder is not None:
            with writing(self.folder / f"{name}.npy") as file:
                np.save(file, array, allow_pickle=False)

    def array(self, name: str) -> NDArray | None:
        """Returns an array that was kept, or nothing."""
        if name not in self.arrays and self.folder is not None:
            file = self.folder / f"{name}.npy"
            if file.exists():
                try:
                    self.arrays[name] = np.load(file, allow_pickle=False)
                except (OSError, ValueError, EOFError) as error:
                    raise self._damaged(file.name, error) from error

        return self.arrays.get(name)

    def done(self, model: ContinualClassifier, note: dict[str, Any]) -> None:
        """Keeps the model and a note after a task, and drops what only the task needed."""
        self.notes.append(note)
        number = len(self.notes)
        if self.folder is None:
            return
        model.save_pretrained(self._model(number))
        self._write_progress(self.folder)

        shutil.rmtree(self._model(number - 1), ignore_errors=True)
        for name in (f"task-{number}.safetensors", f"seconds-{number}.npy"):
            (self.folder / name).unlink(missing_ok=True)

    def _write_progress(self, folder: Path) -> None:
        with writing(folder / PROGRESS) as file:
            file.write(json.dumps({"identity": self.identity, "tasks": self.notes}).encode())

    def _damaged(self, name: str, error: Exception) -> DataError:
        what = f"{name} cannot be read ({error}); delete the folder to start anew."

        return DataError([what], where=str(self.folder))

    def _model(self, number: int) -> Path:
        assert self.folder is not None

        return self.folder / f"model-{number}"
