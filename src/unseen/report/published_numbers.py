"""Published numbers beside ours where they are of the same benchmark, apart where they are not."""

__all__ = ["PublishedNumbers", "find_published"]

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unseen.benchmark.published import PublishedResult, peers, published_results
from unseen.report.summary import DataSummary, MethodSummary

# The benchmarks of the field, by the names of their folders in lower case.
BENCHMARKS = {
    "cub": "CUB",
    "sun": "SUN",
    "awa1": "AwA1",
    "awa2": "AwA2",
    "apy": "aPY",
    "flo": "FLO",
}
FEATURES = 2048  # of ResNet-101
UNKNOWN_SPLIT = "not stated"
DEFAULT_TABLES = (None, "", "att")


@dataclass(frozen=True)
class PublishedNumbers:
    """Holds the published numbers of a benchmark that a data set is, or comes from.

    Arguments:
        benchmark: The name of the benchmark.
        obstacle: Why the numbers cannot be compared with ours; empty if they can.
        beside: Our methods, each with what is published of it on the benchmark's features.
        standard: All results on the benchmark's features, the greatest H first.
        others: All results on other features, likewise.
    """

    benchmark: str
    obstacle: str
    beside: tuple[tuple[MethodSummary, tuple[PublishedResult, ...]], ...]
    standard: tuple[PublishedResult, ...]
    others: tuple[PublishedResult, ...]


def find_published(summary: DataSummary) -> PublishedNumbers | None:
    """Returns what is published on the benchmark of a data set; nothing if it is of none."""
    benchmark = BENCHMARKS.get(re.split(r"[^a-z0-9]", summary.data["name"].lower())[0])
    if benchmark is None:
        return None

    rows = sorted(
        (row for row in published_results() if row.dataset == benchmark),
        key=lambda row: (-row.harmonic_mean if row.harmonic_mean >= 0 else 1.0, row.method),
    )
    standard = tuple(row for row in rows if row.has_standard_features)
    beside = (
        (method, tuple(row for row in standard if row.method in peers(method.runs[0].name)))
        for method in summary.results
    )

    return PublishedNumbers(
        benchmark,
        find_obstacle(summary.data, benchmark),
        tuple((method, found) for method, found in beside if found),
        standard,
        tuple(row for row in rows if not row.has_standard_features),
    )


def find_obstacle(data: Mapping[str, Any], benchmark: str) -> str:
    """Returns why numbers on a benchmark are not comparable with ours; empty if they are."""
    name = data["name"]
    if data["features"] != FEATURES:
        return (
            f"{name} has {data['features']:,} features of its own, and the published numbers of "
            f"{benchmark} are of the {FEATURES:,} that a ResNet-101 gives"
        )
    if data["split_version"] == UNKNOWN_SPLIT:
        return (
            f"nothing says that {name} holds the benchmark's own features and split: its files "
            "are not those that the field shares"
        )
    if data["attributes"] not in DEFAULT_TABLES:
        return (
            f"the classes of {name} are described by the table {data['attributes']!r}, those of "
            "the published numbers by the benchmark's attributes"
        )

    return ""
