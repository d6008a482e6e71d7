"""A benchmark as a whole: what a store lacks is run, and recorded as it comes."""

__all__ = ["compare", "left_to_do"]

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace

from unseen.benchmark.map_runs import map_runs
from unseen.benchmark.runs import Failure, Outcome, Unit
from unseen.benchmark.store import Record, RunStore


def compare(
    units: Iterable[Unit], store: RunStore, workers: int = 1
) -> Generator[tuple[Unit, Outcome], None, None]:
    """Runs what is not in the store yet, and yields each outcome once it is recorded.

    Arguments:
        units: The units of work.
        store: Where finished runs are, and go to. What other processes add to it in the meantime
            is not repeated, if its unit has not begun here.
        workers: The number of processes.

    Yields:
        A unit with one of its outcomes: the record of a choice or a run, or a failure.
    """
    waiting = (rest for unit in units if (rest := left_to_do(unit, store.records())) is not None)
    with closing(map_runs(waiting, workers)) as outcomes:
        for unit, outcome in outcomes:
            if not isinstance(outcome, Failure):
                store.append(outcome)
            yield unit, outcome


def left_to_do(unit: Unit, records: Mapping[str, Record]) -> Unit | None:
    """Returns a unit with the seeds that are not recorded yet; nothing if all are.

    Arguments:
        unit: The unit.
        records: The finished runs and choices, by key.
    """
    seeds = tuple(seed for seed in unit.seeds if unit.key(seed) not in records)

    return replace(unit, seeds=seeds, choice=records.get(unit.key())) if seeds else None
