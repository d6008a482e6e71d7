"""Finished runs of a benchmark, read from its stores and checked."""

__all__ = ["SEED", "Run", "Stored", "number", "of_kind", "read_all", "read_runs", "runs_of"]

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.benchmark.store import Record, read_records
from unseen.data.dataset import DataError
from unseen.report.measures import ACCURACIES

COMMANDS = {"run": "unseen benchmark", "stream": "unseen continual"}  # what makes each kind
BLOCKS = ("no_penalty", "oracle")  # beside the measures with the stored penalty
SEED = "random_state"
NO_CURVE = {"seen": [0.0], "unseen": [0.0]}  # without test rows of both kinds

Parsed = TypeVar("Parsed")
Stored = tuple[Path, Record]  # the store, and a record in it


@dataclass(frozen=True)
class Run:
    """Holds what one training and its test gave.

    Arguments:
        key: What identifies the run.
        name: The recipe, or else the method.
        setting: What the method used in training.
        selection: How settings and penalty were chosen: ``"hidden"``, ``"last"`` or ``"oracle"``.
        settings: The settings, but for the seed.
        chosen: The settings among them that were chosen.
        seed: The seed.
        is_random: Whether the method depends on the seed; closed forms do not.
        data: The description of the data, as the record has it.
        choice: What the choice of settings took and found; empty if none was made.
        measures: The measures with the stored penalty, by name: fractions, and the costs.
        bare: The accuracies without penalty.
        oracle: The accuracies with the penalty that is best on the test rows.
        penalty: The stored penalty, in words.
        per_class: The accuracy of each class, by name; NaN where nothing was measured.
        unseen_classes: The names of the unseen classes.
        seen_curve: Seen accuracy for some penalties, with shape :math:`(m,)`.
        unseen_curve: Unseen accuracy for the same penalties.
        warnings: What the libraries warned of, in training or test.
        versions: The versions of what it ran on.
        machine: The machine it ran on.
        command: The command that made it.
        finished: When it was finished, as the record has it; empty where it does not say.
    """

    key: str
    name: str
    setting: str
    selection: str
    settings: Mapping[str, Any]
    chosen: Mapping[str, Any]
    seed: int
    is_random: bool
    data: Mapping[str, Any]
    choice: Mapping[str, Any]
    measures: Mapping[str, float]
    bare: Mapping[str, float]
    oracle: Mapping[str, float]
    penalty: str
    per_class: Mapping[str, float]
    unseen_classes: frozenset[str]
    seen_curve: NDArray[np.float64]
    unseen_curve: NDArray[np.float64]
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    command: str
    finished: str


def read_runs(stores: Sequence[Path]) -> list[Run]:
    """Reads the finished benchmark runs of some stores; one that stands in several counts once.

    Arguments:
        stores: Folders that ``unseen benchmark`` wrote, or their ``runs.jsonl``.

    Raises:
        DataError: If a store is missing, damaged or of another version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     read_runs([Path(folder)])
        Traceback (most recent call last):
        unseen.data.dataset.DataError: There is no run store...
    """
    return runs_of(read_all(stores))


def read_all(stores: Sequence[Path]) -> list[Stored]:
    """Reads the records of some stores, of every kind, each with its store."""
    return [(store, record) for store in stores for record in read_records(store)]


def runs_of(records: Iterable[Stored]) -> list[Run]:
    """Returns the finished benchmark runs among records; one that stands in several counts once.

    Raises:
        DataError: If a record lacks something, or is of wrong types.
    """
    return of_kind(records, "run", parse)


def of_kind(
    records: Iterable[Stored], kind: str, parse: Callable[[Record], Parsed]
) -> list[Parsed]:
    """Returns the records of one kind, parsed; of those with the same key the last one counts.

    Raises:
        DataError: If a record lacks something, or is of wrong types.
    """
    found = {}
    for store, record in records:
        try:
            if record["kind"] == kind:
                found[record["key"]] = parse(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else f"is damaged ({error})"
            raise DataError(
                [
                    f"The record {str(record['key'])[:12]} {what}. Delete its line: the same "
                    f"`{COMMANDS[kind]}` will repeat that run, the others not."
                ],
                str(store),
            ) from error

    return list(found.values())


def parse(record: Mapping[str, Any]) -> Run:
    """Returns what a record of a benchmark run says."""
    metrics, curve = record["metrics"], record["curve"] or NO_CURVE
    settings = {name: value for name, value in record["settings"].items() if name != SEED}
    costs = {
        "fit_seconds": number(record["seconds"]["fit"]),
        "peak_memory_mb": number(record["peak_memory_mb"]),
    }
    bare, oracle = (accuracies(metrics[block]) for block in BLOCKS)

    return Run(
        key=record["key"],
        name=record["recipe"] or record["method"],
        setting=record["setting"],
        selection=record["selection"],
        settings=settings,
        chosen=record["chosen"] or {},
        seed=record["seed"],
        is_random=SEED in record["settings"],
        data=record["data"],
        choice=record["choice"] or {},
        measures=accuracies(metrics) | costs,
        bare=bare,
        oracle=oracle,
        penalty=metrics["penalty"],
        per_class={name: number(value) for name, value in record["per_class"].items()},
        unseen_classes=frozenset(record["data"]["unseen_classes"]),
        seen_curve=np.array(curve["seen"], dtype=float),
        unseen_curve=np.array(curve["unseen"], dtype=float),
        warnings=tuple(record["warnings"]),
        versions=record["versions"],
        machine=record["machine"],
        command=record["command"],
        finished=record.get("finished") or "",
    )


def accuracies(block: Mapping[str, Any]) -> dict[str, float]:
    """Returns the accuracies of a block of a record, by name: fractions."""
    return {measure.name: number(block[measure.name]) for measure in ACCURACIES}


def number(value: float | None) -> float:
    """Returns a number of a record, which writes what was not measured as ``null``."""
    return math.nan if value is None else float(value)
