"""Finished runs along streams of tasks, read from run stores and checked."""

__all__ = ["MEGABYTE", "StreamRecord", "flatten", "read_streams", "streams_of"]

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.metrics.memory import MemoryCurve, memory_curve
from unseen.report.measures import COURSES, STREAM_RESULTS
from unseen.report.records import SEED, Stored, number, of_kind, read_all

MEGABYTE = 1e6  # bytes


@dataclass(frozen=True, eq=False)
class StreamRecord:
    """Holds what one model gave along one stream.

    Arguments:
        key: What identifies the run.
        method: The head, or the exact method.
        strategy: The strategy; ``None`` for an exact method.
        setting: What was used in training.
        selection: How the learning rate was chosen: ``"last"`` is as given.
        settings: All settings by the names that ``--set`` takes, but for the seed and those chosen.
        rate: The learning rate of the run, if one was chosen; else NaN.
        chosen_rate: The chosen one, which is greater where training diverged at it.
        tried: What each rate reached on the first tasks; empty if none was chosen.
        seed: The seed of the order of the classes, of weights and batches.
        data: The description of the data, as the record has it.
        stream: That of the stream, likewise, but for its seed.
        test_rows: The number of rows that are scored after each task.
        measures: The measures of the whole run and its costs, by name: fractions, seconds, and
            megabytes.
        courses: The measures after tasks 1 to :math:`T`, each with shape (T,), by name.
        accuracy: The accuracy on each task after each, with shape (T, T).
        memory: What was kept after each task.
        versions: The versions of what it ran on.
        machine: The machine it ran on.
        command: The command that made it.
        finished: When it was finished, as the record has it; empty where it does not say.
    """

    key: str
    method: str
    strategy: str | None
    setting: str
    selection: str
    settings: Mapping[str, Any]
    rate: float
    chosen_rate: float
    tried: Mapping[float, float]
    seed: int
    data: Mapping[str, Any]
    stream: Mapping[str, Any]
    test_rows: int
    measures: Mapping[str, float]
    courses: Mapping[str, NDArray[np.float64]]
    accuracy: NDArray[np.float64]
    memory: MemoryCurve
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    command: str
    finished: str

    @property
    def label(self) -> str:
        """The head and its strategy, or the exact method."""
        return self.method if self.strategy is None else f"{self.method} + {self.strategy}"


def read_streams(stores: Sequence[Path]) -> list[StreamRecord]:
    """Reads the finished streams of some stores; one that stands in several counts once.

    Arguments:
        stores: Folders that ``unseen continual`` wrote, or their ``runs.jsonl``.

    Raises:
        DataError: If a store is missing, damaged or of another version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     read_streams([Path(folder)])
        Traceback (most recent call last):
        unseen.data.dataset.DataError: There is no run store...
    """
    return streams_of(read_all(stores))


def streams_of(records: Iterable[Stored]) -> list[StreamRecord]:
    """Returns the finished streams among records; one that stands in several counts once.

    Raises:
        DataError: If a record lacks something, or is of wrong types.
    """
    return of_kind(records, "stream", parse)


def parse(record: Mapping[str, Any]) -> StreamRecord:
    """Returns what a record of a stream says."""
    result, chosen, stream = record["result"], record["chosen"], dict(record["stream"])
    del stream["seed"]
    test_rows = stream.pop("test_rows")
    memory = memory_curve(record["memory_bytes"])
    tasks = len(stream["classes_per_task"])
    courses = {one.name: series(result[one.name], (tasks + 1,))[1:] for one in COURSES}
    costs = {"seconds": float(sum(record["seconds"]["fit"])), "kept_mb": memory.peak / MEGABYTE}

    return StreamRecord(
        key=record["key"],
        method=record["method"],
        strategy=record["strategy"],
        setting=record["setting"],
        selection=record["selection"],
        settings={
            name: value
            for name, value in flatten(record["settings"])
            if name != SEED and name not in chosen
        },
        rate=number(chosen.get("lr")),
        chosen_rate=number(chosen.get("lowered_from", chosen.get("lr"))),
        tried={float(rate): number(value) for rate, value in chosen.get("tried", {}).items()},
        seed=record["seed"],
        data=record["data"],
        stream=stream,
        test_rows=test_rows,
        measures={one.name: number(result[one.name]) for one in STREAM_RESULTS} | costs,
        courses=courses,
        accuracy=series(result["accuracy"], (tasks + 1, tasks))[1:],
        memory=memory,
        versions=record["versions"],
        machine=record["machine"],
        command=record["command"],
        finished=record.get("finished") or "",
    )


def flatten(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields settings by the names that ``--set`` takes.

    Example:
        >>> ewc = {"name": "ewc", "settings": {"decay": 0.9}}
        >>> dict(flatten({"method": {"name": "mlp", "settings": {"lr": 1}}, "strategy": ewc}))
        {'lr': 1, 'ewc.decay': 0.9}
    """
    for name, value in settings.items():
        if name == "method" and isinstance(value, Mapping):
            yield from value["settings"].items()
        elif name == "strategy" and isinstance(value, Mapping):
            for inner, setting in value["settings"].items():
                yield f"{value['name']}.{inner}", setting
        else:
            yield name, value


def series(values: Sequence[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns numbers of a record, NaN where nothing was measured.

    Raises:
        ValueError: If they are not of that shape.
    """
    array = np.array(values, dtype=float)  # `None` becomes NaN
    if array.shape != shape:
        raise ValueError(f"expected numbers of shape {shape}, got {array.shape}")

    return array
