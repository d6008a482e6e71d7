"""Models on disk: a folder that anyone can read, written in one step, checked when read."""

__all__ = [
    "ModelError",
    "check_plain",
    "is_model_folder",
    "load_model",
    "method_name",
    "save_model",
    "shown_name",
]

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save

from unseen.data.arguments import nearest
from unseen.data.dataset import Source
from unseen.decide import SeenPenalty, check_penalty

if TYPE_CHECKING:
    from unseen.methods.base import ZeroShotClassifier

FORMAT = 1
CONFIG, TENSORS, CLASSES = "config.json", "model.safetensors", "classes.csv"
MISFITS = (AttributeError, LookupError, TypeError, ValueError, RuntimeError, SafetensorError)
LIBRARIES = ("unseen", "torch", "numpy", "scikit-learn")


class ModelError(ValueError):
    """Says what is wrong with a model folder, and what to do."""


def save_model(model: "ZeroShotClassifier", folder: Path) -> None:
    """Writes a fitted model as a folder; a model that stands there is replaced in one step.

    Arguments:
        model: The fitted model.
        folder: The folder.

    Raises:
        ModelError: If something else than a model stands there, or it cannot be written.
    """
    if folder.exists() and not _is_empty(folder) and not is_model_folder(folder):
        raise ModelError(
            f"{folder} exists and is not a model folder, or holds more than a model; nothing was "
            "written. Choose another name."
        )

    penalty = check_penalty(model.seen_penalty_)
    tensors = {name: value.detach().cpu().contiguous() for name, value in model._state().items()}
    weights, classes = save(tensors), _classes_csv(model).encode()
    config = {
        "format": FORMAT,
        "method": method_name(model),
        "setting": model.setting,
        "settings": model._settings(),
        "n_features": model.n_features_in_,
        "feature_names": getattr(model, "feature_names_in_", np.array(None)).tolist(),
        "ordinary": model.ordinary_,
        "labels": model.classes_.tolist() if model.ordinary_ else None,
        "fitted": model._fitted(),
        "seen_penalty": None if penalty is None else asdict(penalty),
        "source": asdict(model.source_),
        "versions": {name: version(name) for name in LIBRARIES},
        "sha256": {TENSORS: _sha256(weights), CLASSES: _sha256(classes)},
    }
    config["sha256"][CONFIG] = _config_sha256(config)
    text = json.dumps(config, indent=2, default=_plain)

    try:
        target = folder.resolve()  # of a link: it is what it points to that is replaced
        if target == Path.cwd():  # the process would be left in a folder that is gone
            raise ModelError(f"{folder} is the folder you stand in; name a folder in it.")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            (temporary / TENSORS).write_bytes(weights)
            (temporary / CLASSES).write_bytes(classes)
            (temporary / CONFIG).write_text(text)
            temporary.chmod(0o755)
            _replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except (OSError, RuntimeError) as error:  # the latter for links that lead in a circle
        reason = getattr(error, "strerror", None) or error
        raise ModelError(
            f"{folder}: the model cannot be written ({reason}); nothing was changed. Check the "
            "folder's permissions and the space on the disk."
        ) from error


def check_plain(settings: dict[str, Any]) -> None:
    """Raises a ``ModelError`` if settings hold what a configuration cannot.

    Arguments:
        settings: The settings by name.
    """
    json.dumps(settings, default=_plain)


def is_model_folder(folder: Path) -> bool:
    """Says whether a folder holds a model of ours and nothing else, so that it may be replaced.

    Arguments:
        folder: The folder.
    """
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {CONFIG, TENSORS, CLASSES}:
        return False
    try:
        config = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError):
        return False

    return isinstance(config, dict) and {"format", "method", "sha256"} <= config.keys()


def method_name(model: "ZeroShotClassifier") -> str:
    """Returns the name of a model's method in ``METHODS``, or the one it is saved under.

    Raises:
        ModelError: If it is not there.
    """
    from unseen.methods import METHODS

    for name, method in METHODS.items():
        if type(model) is method:
            return name
    if model.saved_as is not None:
        return model.saved_as
    raise ModelError(f"{type(model).__name__} is not in METHODS: it could not be read back.")


def shown_name(model: "ZeroShotClassifier") -> str:
    """Returns the name that results show: that of the method, or of a class of the user's own.

    Example:
        >>> from unseen.methods.eszsl import ESZSL
        >>> class Mine(ESZSL):
        ...     pass
        >>> shown_name(ESZSL()), shown_name(Mine())
        ('eszsl', 'Mine')
    """
    try:
        return method_name(model)
    except ModelError:  # it cannot be saved, and need not be
        return type(model).__name__


def load_model(
    path: str | Path, further: Mapping[str, "type[ZeroShotClassifier]"] | None = None
) -> "ZeroShotClassifier":
    """Reads a model folder, of any method.

    Arguments:
        path: The folder that ``save_pretrained`` wrote.
        further: Classifiers beside those in ``METHODS``, by the name they are saved under.

    Returns:
        The fitted model.

    Raises:
        ModelError: If the folder is missing, damaged, edited, or of a newer version.
    """
    from unseen.methods import METHODS

    folder = Path(path)
    config = _read_config(folder)
    files = {name: _read(folder, name, config) for name in (TENSORS, CLASSES)}

    name, kinds = config["method"], {**METHODS, **(further or {})}
    if name not in kinds:
        raise ModelError(
            f"{folder}: there is no method {name!r} in METHODS.{nearest(str(name), kinds)} If "
            "`unseen.load_model` does not read it either, it is of another version of unseen."
        )
    try:
        model = kinds[name]._from_settings(config["settings"])
        names, seen, table = _parse_classes(files[CLASSES].decode())
        model.n_features_in_ = config["n_features"]
        if (columns := config.get("feature_names")) is not None:  # older models have none
            model.feature_names_in_ = np.array(columns, dtype=object)
        model.ordinary_ = config["ordinary"]
        model.class_names_, model.seen_, model.class_attributes_ = names, seen, table
        labels = config["labels"]
        model.classes_ = np.arange(len(table)) if labels is None else np.array(labels)
        penalty = config["seen_penalty"]
        model.seen_penalty_ = None if penalty is None else SeenPenalty(**penalty)
        source = config["source"].items()
        lists = {key: tuple(value) for key, value in source if isinstance(value, list)}
        model.source_ = Source(**(config["source"] | lists))
        for attribute, value in config["fitted"].items():
            setattr(model, attribute, value)
        model._restore(load(files[TENSORS]))
    except ModelError as error:
        raise ModelError(f"{folder}: {error}") from error
    except MISFITS as error:
        raise ModelError(
            f"{folder}: {CONFIG} does not fit the other files ({error}). It was edited or "
            "damaged; save the model again."
        ) from error

    return model


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ModelError(f"{folder} {what}; give the folder that `unseen train -o` wrote.")
    if not (folder / CONFIG).exists():
        raise ModelError(f"{folder} is not a model folder: it has no {CONFIG}.")

    try:
        config = json.loads((folder / CONFIG).read_text())
    except (ValueError, OSError) as error:
        raise ModelError(
            f"{folder / CONFIG} cannot be read ({error}). It was edited or cut off; save the "
            "model again."
        ) from error
    if not isinstance(config, dict) or "format" not in config:
        raise ModelError(f"{folder / CONFIG} is not the configuration of an unseen model.")
    if config["format"] != FORMAT:
        raise ModelError(
            f"{folder}: the model has format {config['format']}, this version of unseen reads "
            f"format {FORMAT}. Update unseen."
        )
    kinds = {"method": str, "settings": dict, "sha256": dict, "fitted": dict}
    missing = [key for key, kind in kinds.items() if not isinstance(config.get(key), kind)]
    if missing:
        raise ModelError(
            f"{folder / CONFIG} lacks {', '.join(missing)}, or was edited; save the model again."
        )

    if config["sha256"].get(CONFIG) != _config_sha256(config):
        raise ModelError(
            f"{folder / CONFIG} is not what was saved: it was edited since. Save the model again; "
            "settings are changed by training anew, the penalty through `model.seen_penalty_`."
        )

    return config


def _config_sha256(config: dict[str, Any]) -> str:
    """Returns the hash of a configuration without its own hash."""
    hashes = {name: value for name, value in config["sha256"].items() if name != CONFIG}
    text = json.dumps(config | {"sha256": hashes}, sort_keys=True, default=_plain)

    return _sha256(text.encode())


def _read(folder: Path, name: str, config: dict[str, Any]) -> bytes:
    """Reads a file and compares its hash with the one in the configuration."""
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder}: {name} cannot be read ({error.strerror}).") from error
    if _sha256(content) != config["sha256"].get(name):
        raise ModelError(
            f"{folder / name} is not the file that was saved: it was cut off or edited since. "
            "Save the model again; new classes come in with `model.add_classes` or "
            "`unseen predict --classes`."
        )

    return content


def _classes_csv(model: "ZeroShotClassifier") -> str:
    """Returns one line per class: name, 1 if seen, and its description to the last bit."""
    out = io.StringIO()
    returns = any("\r" in name for name in model.class_names_)  # which csv leaves unquoted
    quoting = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    writer = csv.writer(out, lineterminator="\n", quoting=quoting)
    width = model.class_attributes_.shape[1]
    writer.writerow(["name", "seen", *(f"a{i}" for i in range(width))])
    for name, seen, row in zip(
        model.class_names_, model.seen_, model.class_attributes_, strict=True
    ):
        writer.writerow([name, int(seen), *(str(value) for value in row)])

    return out.getvalue()


def _parse_classes(text: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    rows = list(csv.reader(io.StringIO(text)))[1:]
    names = tuple(row[0] for row in rows)
    seen = np.array([row[1] == "1" for row in rows])
    table = np.array([row[2:] for row in rows], dtype=np.float32)

    return names, seen, table


def _plain(value: object) -> object:
    """Turns a NumPy scalar, as grid searches set them, into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    raise ModelError(
        f"The settings or labels hold {value!r}, which {CONFIG} cannot; use numbers, names or None "
        "(`random_state=0`) and fit again."
    )


def _replace(temporary: Path, folder: Path) -> None:
    """Puts a new folder in the place of an old one, in two renames; there is never half of one."""
    if not folder.exists():
        temporary.rename(folder)
        return

    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.rename(old)
    try:
        temporary.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)  # the new model stands: what is left does no harm


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
