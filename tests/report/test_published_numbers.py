"""Published numbers stand beside ours only where they are of the same features."""

from pathlib import Path
from typing import Any

import pytest
from stores import make_record, write_store

from unseen.report.published_numbers import PublishedNumbers, find_published
from unseen.report.records import read_runs
from unseen.report.summary import summarize

BENCHMARK = {"name": "AWA1", "features": 2048, "split_version": "as in version 2.0"}


def find(folder: Path, method: str = "eszsl", **data: Any) -> PublishedNumbers | None:
    record = make_record(method)
    record["data"] = record["data"] | data
    (summary,) = summarize(read_runs([write_store(folder, [record])]))

    return find_published(summary)


def test_the_benchmark_itself_is_comparable(tmp_path: Path) -> None:
    found = find(tmp_path, **BENCHMARK)

    assert found is not None
    assert found.benchmark == "AwA1"
    assert not found.obstacle
    ((method, rows),) = found.beside
    assert method.name == "eszsl"
    assert {row.method for row in rows} == {"ESZSL"}
    assert all(row.has_standard_features and row.dataset == "AwA1" for row in rows)


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"name": "awa1_pca", "features": 1024}, "awa1_pca has 1,024 features of its own"),
        ({"split_version": "not stated"}, "nothing says that AWA1 holds"),
        ({"attributes": "words"}, "described by the table 'words'"),
    ],
)
def test_anything_else_is_not(tmp_path: Path, change: dict[str, Any], obstacle: str) -> None:
    found = find(tmp_path, **BENCHMARK | change)

    assert found is not None
    assert obstacle in found.obstacle


@pytest.mark.parametrize("name", ["gtsrb", "digits", "cubes", "my awa1"])
def test_of_other_data_nothing_is_published(tmp_path: Path, name: str) -> None:
    assert find(tmp_path, **BENCHMARK | {"name": name}) is None


def test_rows_come_with_the_greatest_h_first(tmp_path: Path) -> None:
    found = find(tmp_path, **BENCHMARK)

    assert found is not None
    printed = [row.harmonic_mean for row in found.standard if row.harmonic_mean >= 0]
    assert printed == sorted(printed, reverse=True)
    assert len(printed) < len(found.standard)  # those without H stand last
