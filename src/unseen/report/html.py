"""A report of finished runs: one file of HTML that needs no other, and no network."""

__all__ = ["Progress", "render_report"]

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from unseen.report.charts import (
    chart_class_accuracies,
    chart_curve,
    chart_curves,
    chart_seconds,
)
from unseen.report.measures import ACCURACIES, COSTS, Measure
from unseen.report.pages import NOTHING, render
from unseen.report.published_numbers import PublishedNumbers, find_published
from unseen.report.records import Run
from unseen.report.stream_page import make_stream_sections, stream_context
from unseen.report.stream_records import StreamRecord
from unseen.report.stream_summary import summarize_streams
from unseen.report.summary import DataSummary, MethodSummary, Spread, summarize, told_apart
from unseen.report.svg import SERIES

Progress = Callable[[int, int], None]

TEMPLATE = "report.html.j2"
IN_COLOUR = len(SERIES)  # methods
WITH_BARS = 3
NO_PENALTY = ("0", "-0")  # the latter of older runs
HEADING, STREAM_HEADING = "Zero-shot learning compared", "Continual zero-shot learning compared"
SELECTIONS = {"hidden": "hidden classes", "last": "as given", "oracle": "test (oracle)"}


@dataclass(frozen=True)
class Section:
    """What a report shows of one data set.

    Arguments:
        name: The name of its figures and anchors, unique in the page.
        title: What no other section is called.
        summary: The results.
        published: What is published, if anything is.
        curves: The figure of seen-unseen curves; empty if there is none to show.
        each_curve: A small figure for each method.
        bars: The figure of unseen classes.
        seconds: The figure of H over time.
        classes: Classes with test rows, the easiest first, by what they are.
    """

    name: str
    title: str
    summary: DataSummary
    published: PublishedNumbers | None
    curves: str
    each_curve: tuple[str, ...]
    bars: str
    seconds: str
    classes: Mapping[str, tuple[str, ...]]


def render_report(
    runs: Sequence[Run],
    progress: Progress | None = None,
    streams: Sequence[StreamRecord] = (),
) -> str:
    """Returns the page that shows some runs.

    Arguments:
        runs: The runs of benchmarks, of any data sets, methods and seeds.
        progress: Called with the number of data sets that are drawn, and of all.
        streams: The runs along streams, likewise.

    Returns:
        The page, which asks for nothing from anywhere.
    """
    summaries, of_streams = summarize(runs), summarize_streams(streams)
    shown = [method for one in (*summaries, *of_streams) for method in one.methods]
    kept = {run.key for method in shown for run in method.runs}
    every = (*runs, *streams)
    counted = [run for run in every if run.key in kept]
    drawn = count(1)

    def advance() -> None:
        if progress is not None:
            progress(next(drawn), len(summaries) + len(of_streams))

    sections = []
    for number, (summary, name) in enumerate(zip(summaries, titles(summaries), strict=True), 1):
        sections.append(make_section(summary, name, f"data-{number}"))
        advance()
    stream_sections = make_stream_sections(of_streams, advance)

    context = {
        "heading": HEADING if runs else STREAM_HEADING,
        "runs": counted,
        "left_out": len(every) - len(counted),
        "sections": sections,
        "methods": sorted({method.name for method in shown}),
        "overview": overview(summaries),
        "apart": [one for one in sections if one.published and one.published.obstacle],
        "accuracies": ACCURACIES,
        "costs": COSTS,
        "selections": SELECTIONS,
        "in_colour": IN_COLOUR,
        "commands": unique(run.command for run in counted),
        "versions": unique(on_one_line(run.versions) for run in counted),
        "machines": unique(on_one_line(run.machine) for run in counted),
        "is_best": is_best,
        "penalties": penalties,
        "unique": unique,
        "isnan": math.isnan,
    }

    return render(TEMPLATE, context | stream_context(stream_sections), FILTERS)


def titles(summaries: Sequence[DataSummary]) -> list[str]:
    """Returns the names of data sets, each with its table, and the file where these are the same.

    The start of its hash is there for a file that was changed between two benchmarks.
    """
    tables = [summary.data["attributes"] for summary in summaries]
    names = [summary.data["name"] for summary in summaries]

    return told_apart(
        [name + (f", {table}" if table else "") for name, table in zip(names, tables, strict=True)],
        [
            {
                "path": summary.data["path"],
                "sha256": " ".join(value[:8] for value in sorted(summary.data["sha256"].values())),
            }
            for summary in summaries
        ],
    )


def make_section(summary: DataSummary, title: str, name: str) -> Section:
    """Returns the section of a data set, with its figures."""
    shown = [one for one in summary.results if not math.isnan(one.harmonic_mean)]
    colours = {one.name: colour for one, colour in zip(shown, SERIES, strict=False)}
    classes = group_classes((summary.results or summary.methods)[0])
    unseen = classes["unseen"]

    return Section(
        name,
        title,
        summary,
        find_published(summary),
        curves=chart_curves(shown, IN_COLOUR, f"{name}-curves") if shown else "",
        each_curve=tuple(
            chart_curve(one, shown[0], f"{name}-curve-{number}")
            for number, one in enumerate(shown, start=1)
        ),
        bars=(
            chart_class_accuracies(shown[:WITH_BARS], unseen, f"{name}-bars")
            if shown and unseen
            else ""
        ),
        seconds=chart_seconds(summary.methods, colours, f"{name}-seconds") if shown else "",
        classes=classes,
    )


def group_classes(method: MethodSummary) -> dict[str, tuple[str, ...]]:
    """Returns the unseen and the seen classes with test rows, each the easiest first."""
    unseen = method.runs[0].unseen_classes
    tested = sorted(
        (label for label, accuracy in method.per_class.items() if not math.isnan(accuracy)),
        key=lambda label: -method.per_class[label],
    )

    return {
        "unseen": tuple(label for label in tested if label in unseen),
        "seen": tuple(label for label in tested if label not in unseen),
    }


def overview(summaries: Sequence[DataSummary]) -> dict[str, list[MethodSummary | None]]:
    """Returns the results of each method by data set, the best method on average first."""
    names = unique(label(method) for summary in summaries for method in summary.results)
    rows = {
        name: [
            next((method for method in summary.results if label(method) == name), None)
            for summary in summaries
        ]
        for name in names
    }

    def place(name: str) -> tuple[int, float, str]:
        means = [method.harmonic_mean for method in rows[name] if method is not None]
        measured = [mean for mean in means if not math.isnan(mean)]
        return -len(measured), -sum(measured), name

    return {name: rows[name] for name in sorted(names, key=place)}


def label(method: MethodSummary) -> str:
    """Returns the name, with the way of choosing where it is not the usual one."""
    selection = method.runs[0].selection

    return method.name + (
        "" if selection == "hidden" else f" ({SELECTIONS.get(selection, selection)})"
    )


def is_best(method: MethodSummary, measure: Measure, summary: DataSummary) -> bool:
    """Says whether a result is the best of its column; what was chosen on test never is."""
    return (
        not method.is_oracle
        and len(summary.results) > 1
        and method.measures[measure.name].mean == summary.best[measure.name]
    )


def show_spread(spread: Spread, measure: Measure) -> tuple[str, str]:
    """Returns mean and deviation as a person reads them; the second is empty for one seed.

    Example:
        >>> show_spread(Spread(0.5, 0.012), ACCURACIES[0])
        ('50.0', '1.2')
    """
    if math.isnan(spread.mean):
        return NOTHING, ""

    deviation = "" if math.isnan(spread.deviation) else measure.show(spread.deviation)

    return measure.show(spread.mean), deviation


def percent(fraction: float) -> str:
    """Returns a fraction in whole percent."""
    return NOTHING if math.isnan(fraction) else f"{100 * fraction:.0f}"


def printed(value: float) -> str:
    """Returns a published number as it was printed, in percent with one decimal."""
    return NOTHING if math.isnan(value) else f"{value:.1f}"


def show_settings(settings: Mapping[str, Any]) -> str:
    """Returns settings as ``--set`` takes them.

    Example:
        >>> show_settings({"lr": 0.001, "norm": None, "nesterov": True})
        'lr=0.001 norm=none nesterov=true'
    """
    words = (f"{name}={in_words(value)}" for name, value in settings.items())

    return " ".join(map(shlex.quote, words))


def in_words(value: object) -> str:
    """Returns a setting as ``--set`` takes it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def penalties(method: MethodSummary) -> str:
    """Returns the stored penalties of the seeds, with how they were chosen said once."""
    parts = [run.penalty.partition(" (") for run in method.runs]
    values = ", ".join(unique("none" if value in NO_PENALTY else value for value, _, _ in parts))

    return values + "".join(unique(space + how for _, space, how in parts))


def on_one_line(entries: Mapping[str, Any]) -> str:
    """Returns names with their values, but for those that are unknown.

    Example:
        >>> on_one_line({"cores": 2, "memory_gb": 8, "gpu": None})
        'cores: 2; memory gb: 8'
    """
    known = {name: value for name, value in entries.items() if value is not None}

    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in known.items())


def unique(values: Iterable[str]) -> list[str]:
    """Returns the values in their order, each one once."""
    return list(dict.fromkeys(values))


FILTERS: dict[str, Callable[..., Any]] = {
    "percent": percent,
    "printed": printed,
    "settings": show_settings,
    "spread": show_spread,
}
