"""Everything finished that some run stores hold: benchmarks and streams."""

__all__ = ["Finished", "read_stores"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unseen.data.dataset import DataError
from unseen.report.records import Run, read_all, runs_of
from unseen.report.stream_records import StreamRecord, streams_of


@dataclass(frozen=True)
class Finished:
    """Holds what a report can show.

    Arguments:
        runs: The runs of ``unseen benchmark``.
        streams: The runs of ``unseen continual``.
    """

    runs: tuple[Run, ...]
    streams: tuple[StreamRecord, ...]

    def __len__(self) -> int:
        """Returns the number of runs of both kinds."""
        return len(self.runs) + len(self.streams)


def read_stores(stores: Sequence[Path]) -> Finished:
    """Reads the finished runs of some stores; one that stands in several counts once.

    Arguments:
        stores: Folders that ``unseen benchmark`` or ``unseen continual`` wrote, or their
            ``runs.jsonl``.

    Raises:
        DataError: If a store is missing, damaged or of another version, or no run is in any.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     read_stores([Path(folder)])
        Traceback (most recent call last):
        unseen.data.dataset.DataError: There is no run store...
    """
    records = read_all(stores)
    finished = Finished(tuple(runs_of(records)), tuple(streams_of(records)))
    if not len(finished):
        raise DataError(
            [
                "There is no finished run in it: let `unseen benchmark` or `unseen continual` "
                "finish one first."
            ],
            ", ".join(map(str, stores)),
        )

    return finished
