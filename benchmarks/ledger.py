"""What a long benchmark has done so far, so that one that was stopped goes on."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Ledger:
    """Keeps a line of JSON for each measurement, by what was measured.

    Arguments:
        path: The file.
        names: What tells measurements apart, such as data set, method and seed.
        common: What all measurements of the file have in common, such as the number of epochs.
    """

    def __init__(self, path: Path, names: tuple[str, ...], common: Record | None = None) -> None:
        self.path = path
        self.names = names
        self.common = common or {}
        self.records: dict[tuple, Record] = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # a run was killed while it wrote
                continue
            self.records[tuple(record[name] for name in names)] = record

    def once(self, key: tuple, measure: Callable[..., Record], *arguments: Any) -> Record:
        """Returns what is known of a key, or measures, writes and prints it."""
        if key not in self.records:
            start = time.perf_counter()
            found = measure(*arguments)
            place = dict(zip(self.names, key, strict=True))
            self.records[key] = place | self.common | found
            self.records[key] |= {"seconds": round(time.perf_counter() - start, 2)}
            self._append(self.records[key])
            print(*key, f"{self.records[key]['seconds']:.1f} s", flush=True)
        for name, value in self.common.items():
            if self.records[key][name] != value:
                raise SystemExit(f"{self.path} has runs of another {name}.")

        return self.records[key]

    def _append(self, record: Record) -> None:
        text = self.path.read_text() if self.path.exists() else ""
        start = "\n" if text and not text.endswith("\n") else ""  # behind a line that was cut off
        with self.path.open("a") as file:
            file.write(f"{start}{json.dumps(record)}\n")
