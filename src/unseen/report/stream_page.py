"""What a report shows of runs along streams: a section for each data set and kind of stream."""

__all__ = ["Rates", "StreamSection", "make_stream_sections", "stream_context"]

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unseen.benchmark.published_continual import (
    PublishedStream,
    published_peer,
    published_streams,
)
from unseen.report.measures import COURSES, STREAM_COSTS, STREAM_GAINS, STREAM_RESULTS
from unseen.report.stream_charts import (
    Line,
    assign_lines,
    bands_fit,
    chart_courses,
    chart_family,
    chart_forgetting,
    chart_memory,
    family_of,
)
from unseen.report.stream_gains import Gain, find_gains
from unseen.report.stream_matrices import chart_matrix, shown_tasks
from unseen.report.stream_summary import INTRANSIGENCE, StreamMethod, StreamSummary
from unseen.report.summary import Spread, told_apart

WEIGHTINGS = {"sample": "every row counts the same", "class": "every class counts the same"}
PART = 0.2  # of an accuracy of 1, below which a matrix is scaled no further

Beside = tuple[str, StreamMethod | PublishedStream]  # where it was measured, and what was found


@dataclass(frozen=True)
class Rates:
    """Holds the learning rates that were chosen for one method.

    Arguments:
        name: The method.
        chosen: Each chosen rate, with the number of orders in which it was.
        lowered: Each rate that a run took instead, as training diverged at the chosen one, with the
            number of orders.
        tried: What each rate reached on the first tasks, by the rate.
        at_edge: Whether the least or the greatest rate that was tried was ever chosen, so that a
            wider grid might find better.
    """

    name: str
    chosen: tuple[tuple[float, int], ...]
    lowered: tuple[tuple[float, int], ...]
    tried: Mapping[float, Spread]
    at_edge: bool


@dataclass(frozen=True)
class StreamSection:
    """What a report shows of one kind of stream over one data set.

    Arguments:
        name: The name of its figures and anchors, unique in the page.
        title: What it is called, unique likewise.
        facts: What the stream is, in a few sentences.
        summary: The results.
        lines: How each method is drawn, by its name.
        courses: A figure for each measure after each task; none with one task.
        apart: The same for each strategy and exact method alone, by the symbol of the measure.
        matrices: A figure for each method; none with one task.
        forgetting: The figure of forgetting; empty with one task.
        memory: The figure of memory.
        gains: What class norm adds to each strategy.
        rates: The learning rates that were chosen.
        greatest: The accuracy of full colour in the matrices.
        all_tasks: Whether the matrices show all tasks.
        has_bands: Whether the figures of all methods show bands.
    """

    name: str
    title: str
    facts: str
    summary: StreamSummary
    lines: Mapping[str, Line]
    courses: tuple[str, ...]
    apart: Mapping[str, tuple[str, ...]]
    matrices: tuple[str, ...]
    forgetting: str
    memory: str
    gains: Sequence[Gain]
    rates: Sequence[Rates]
    greatest: float
    all_tasks: bool
    has_bands: bool


def make_stream_sections(
    summaries: Sequence[StreamSummary], advance: Callable[[], None]
) -> list[StreamSection]:
    """Returns the sections of some summaries.

    Arguments:
        summaries: The summaries of a page.
        advance: Called after each section that is drawn.
    """
    families = sorted({family_of(method) for one in summaries for method in one.methods})
    sections = []
    for number, (summary, title) in enumerate(zip(summaries, titles(summaries), strict=True), 1):
        sections.append(make_section(summary, title, f"stream-{number}", families))
        advance()

    return sections


def make_section(
    summary: StreamSummary, title: str, name: str, families: Sequence[str]
) -> StreamSection:
    """Returns the section of a stream, with its figures."""
    methods, lines = summary.methods, assign_lines(summary.methods, families)
    reached = [float(value) for method in methods for value in method.accuracy.flat]
    greatest = max([PART, *(value for value in reached if not math.isnan(value))])
    drawn = COURSES if summary.tasks > 1 else ()
    own = dict.fromkeys(family_of(method) for method in methods)

    return StreamSection(
        name,
        title,
        describe(summary),
        summary,
        lines,
        courses=tuple(
            chart_courses(methods, lines, measure, f"{name}-{measure.name}") for measure in drawn
        ),
        apart={
            measure.symbol: tuple(
                chart_family(family, methods, lines, measure, f"{name}-{measure.name}-{number}")
                for number, family in enumerate(own, start=1)
            )
            for measure in drawn
        },
        matrices=tuple(
            chart_matrix(method, greatest, f"{name}-matrix-{number}")
            for number, method in enumerate(methods, start=1)
            if drawn
        ),
        forgetting=chart_forgetting(methods, lines, f"{name}-forgetting") if drawn else "",
        memory=chart_memory(methods, f"{name}-memory"),
        gains=find_gains(summary),
        rates=[found for method in methods if (found := find_rates(method)).chosen],
        greatest=greatest,
        all_tasks=len(shown_tasks(summary.tasks)) == summary.tasks,
        has_bands=bands_fit(methods),
    )


def titles(summaries: Sequence[StreamSummary]) -> list[str]:
    """Returns what each section is called; those of one name get what they differ in as well."""
    return told_apart(list(map(title, summaries)), list(map(identity, summaries)))


def title(summary: StreamSummary) -> str:
    """Returns the name of the data and the table, the protocol and the tasks."""
    table, left_out = summary.data["attributes"], summary.stream["tasks_left_out"]
    before, tasks = left_out["before"], summary.tasks
    whole = not any(left_out.values())
    number = f"{tasks} task{'' if tasks == 1 else 's'}"
    span = number if whole else f"tasks {before + 1} to {before + tasks}"

    return (
        summary.data["name"]
        + (f", {table}" if table else "")
        + f": {summary.stream['protocol']}, {span}"
    )


def identity(summary: StreamSummary) -> dict[str, Any]:
    """Returns what tells streams apart, the files of the data by the start of their hashes."""
    files = ["".join(value[:8] for value in sorted(summary.data["sha256"].values()))]

    return {**summary.stream, "files": files}


def describe(summary: StreamSummary) -> str:
    """Returns what the stream is, in a few sentences."""
    stream = summary.stream
    classes, left_out = stream["classes_per_task"], stream["tasks_left_out"]["before"]
    described = stream["described_per_task"]
    rows = sorted({run.test_rows for method in summary.methods for run in method.runs})
    tested = " to ".join(f"{number:,}" for number in dict.fromkeys((rows[0], rows[-1])))
    known = f" ({span(described)} with those only described)" if described != classes else ""
    drawn = stream["held_out"]
    held = f", {100 * drawn:.0f} % held out of classes without training rows" if drawn else ""
    sentences = [
        f"{summary.tasks} task{'' if summary.tasks == 1 else 's'} of {span(classes)} classes"
        f"{known}, classes in {stream['order']} order",
        f"{tested} test rows, scored after every task; {WEIGHTINGS[stream['weighting']]}",
        f"Split: {stream['split']}{held}",
        f"mSA is the mean over all tasks{'' if stream['seen_mean'] == 'T' else ' but the last'}",
    ]
    if left_out:
        sentences.append(
            f"The first {left_out} tasks of the stream only served to choose learning rates: their "
            "classes take no part"
        )
    sentences += fixed_features(summary)

    return ". ".join(sentences) + "."


def fixed_features(summary: StreamSummary) -> list[str]:
    """Returns, in a sentence, which methods ran protocol ``class_norm`` without a backbone."""
    fixed = [method.runs[0].settings.get("backbone") is None for method in summary.methods]
    if summary.stream["protocol"] != "class_norm" or not any(fixed):
        return []
    which = "This is" if all(fixed) else "Methods without a backbone are"

    return [f"{which} cn-fixed: on fixed features, not comparable with published runs on pictures"]


def span(sizes: Sequence[int]) -> str:
    """Returns the least and the greatest of some numbers.

    Example:
        >>> span([47, 48, 48]), span([5, 5])
        ('47 to 48', '5')
    """
    return " to ".join(str(number) for number in dict.fromkeys((min(sizes), max(sizes))))


def find_rates(method: StreamMethod) -> Rates:
    """Returns the learning rates that were chosen for a method; none if they were given."""
    counts = Counter(run.chosen_rate for run in method.runs if run.tried)
    lowered = Counter(run.rate for run in method.runs if run.tried and run.rate != run.chosen_rate)
    rates = sorted({rate for run in method.runs for rate in run.tried})
    tried = {
        rate: Spread.of(run.tried[rate] for run in method.runs if rate in run.tried)
        for rate in rates
    }
    at_edge = len(rates) > 1 and any(rate in counts for rate in (rates[0], rates[-1]))

    return Rates(
        method.name, tuple(sorted(counts.items())), tuple(sorted(lowered.items())), tried, at_edge
    )


def stream_context(sections: Sequence[StreamSection]) -> dict[str, Any]:
    """Returns what the part of streams in the template needs."""
    return {
        "streams": sections,
        "stream_results": (*STREAM_RESULTS, INTRANSIGENCE),
        "stream_costs": STREAM_COSTS,
        "stream_gains": STREAM_GAINS,
        "courses": COURSES,
        "beside": compare_published(sections),
        "published_sources": [row.source for row in published_streams()],
    }


def compare_published(sections: Sequence[StreamSection]) -> dict[str, list[Beside]]:
    """Returns our results and the published ones of the same strategy, by the name of that.

    Arguments:
        sections: The sections of a page.

    Returns:
        For each strategy, rows of where it was measured and what was found: first ours, then those
        of the table, each without class norm first.
    """
    beside: dict[str, list[Beside]] = {}
    for section in sections:
        for method in sorted(section.summary.methods, key=lambda one: one.class_norm):
            peer = published_peer(method.strategy)
            if peer and method.strategy is not None:
                beside.setdefault(peer, []).append((section.title, method))
    for row in published_streams():
        if row.strategy in beside:
            beside[row.strategy].append((row.dataset, row))

    return dict(sorted(beside.items()))
