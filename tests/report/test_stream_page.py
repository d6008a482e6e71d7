"""The part of streams says what the store says, for any strategy that is in it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balance import Balance
from stores import make_record, write_store
from stream_stores import make_stream_record

from unseen.report.html import render_report
from unseen.report.measures import COURSES, STREAM_RESULTS
from unseen.report.stores import read_stores
from unseen.report.stream_charts import assign_lines, chart_courses, family_of
from unseen.report.stream_matrices import chart_matrix
from unseen.report.stream_records import read_streams
from unseen.report.stream_summary import StreamSummary, summarize_streams


def render(folder: Path, *records: dict[str, Any]) -> str:
    finished = read_stores([write_store(folder, records)])

    return render_report(finished.runs, streams=finished.streams)


def summarize(folder: Path, *records: dict[str, Any]) -> StreamSummary:
    (summary,) = summarize_streams(read_streams([write_store(folder, records)]))

    return summary


def row(page: str, kind: str, name: str) -> str:
    """Returns the only row of a name in the tables of a kind."""
    tables = re.findall(rf'<table class="{kind}">.*?</table>', page, re.DOTALL)
    (found,) = [
        line
        for table in tables
        for line in re.findall(r"<tr.*?</tr>", table, re.DOTALL)
        if f'<th scope="row">{name}</th>' in line
    ]

    return found


def test_the_page_is_whole_and_asks_for_nothing(stream_page: str) -> None:
    parser = Balance()
    parser.feed(stream_page)
    names = re.findall(r'\bid="([^"]+)"', stream_page)

    assert parser.open == []
    assert len(names) == len(set(names))
    assert "http:" not in stream_page
    assert "https:" not in stream_page
    assert "#0101" not in stream_page  # every colour is one of the page's


def test_parts_appear_only_with_their_runs(tmp_path: Path, page: str) -> None:
    streams = render(tmp_path / "streams", make_stream_record("mlp"))
    both = render(tmp_path / "both", make_stream_record("mlp"), make_record("mlp"))

    assert "How to read streams" not in page
    assert 'id="reading"' not in streams
    assert "Continual zero-shot learning compared" in streams
    assert "1 method on 1 stream of tasks, from 1 finished run." in streams
    assert 'id="reading"' in both
    assert "How to read streams" in both
    assert "on 1 data set and 1 stream of tasks, from 2 finished runs" in both


def test_numbers_are_those_of_the_records(tmp_path: Path) -> None:
    record = make_stream_record("mlp", "joint")
    found = row(render(tmp_path, record), "results", "mlp + joint")

    for measure in STREAM_RESULTS:
        assert f">{100 * record['result'][measure.name]:.1f}<" in found
    assert ">2.0<" in found  # seconds
    assert ">0.02<" in found  # megabytes
    assert "as given" in found


def test_the_best_is_marked_once_and_joint_is_grey(stream_page: str) -> None:
    (table,) = re.findall(r'<table class="results">.*?</table>', stream_page, re.DOTALL)
    head, *body = re.findall(r"<tr.*?</tr>", table, re.DOTALL)

    assert (head.count("↑"), head.count("↓")) == (7, 5)
    for column in range(len(STREAM_RESULTS)):
        marked = [re.findall(r"<td.*?</td>", line, re.DOTALL)[column] for line in body]
        assert sum("<strong>" in cell for cell in marked) == 1
    joint = [line for line in body if "+ joint" in line]
    assert len(joint) == 2
    assert all('<tr class="bound">' in line and "<strong>" not in line for line in joint)


def test_what_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    record = make_stream_record("recursive-ridge", None)
    record["result"]["learning_curve_area"] = None

    assert row(render(tmp_path, record), "results", "recursive-ridge").count(">–<") == 2  # and I


def test_one_task_has_no_courses(tmp_path: Path) -> None:
    page = render(tmp_path, make_stream_record("mlp", tasks=1))

    assert "mlp + sequential" in page
    assert page.count("<figure>") == 1  # memory
    assert row(page, "results", "mlp + sequential").count(">–<") == 7


def test_any_strategy_is_shown(tmp_path: Path) -> None:
    names = [f"strategy-{number}" for number in range(12)]
    page = render(tmp_path, *(make_stream_record("mlp", name) for name in names))

    for name in names:
        assert row(page, "results", f"mlp + {name}")
    assert page.count("<figure>") == 5 + 5 * 12 + 2 + 12


def test_gains_say_in_how_many_orders(tmp_path: Path) -> None:
    records = [make_stream_record("class-norm", "ewc", seed, skill=1.6) for seed in (1, 2, 3)]
    records += [make_stream_record("mlp", "ewc", seed, skill=0.6) for seed in (1, 2, 3)]
    found = row(render(tmp_path, *records), "gains", "ewc")
    values = [record["result"]["mean_ausuc"] for record in records]
    gain = 100 * (np.mean(values[:3]) - np.mean(values[3:]))

    assert f"+{gain:.1f}<" in found
    assert "3&nbsp;of&nbsp;3" in found


def test_without_pairs_there_are_no_gains(tmp_path: Path) -> None:
    assert "What class norm adds</h3>" not in render(tmp_path, make_stream_record("mlp"))


def test_chosen_rates_are_counted_and_the_edge_is_flagged(tmp_path: Path) -> None:
    rates = {1: 0.01, 2: 0.1, 3: 0.01}
    inside = [make_stream_record("mlp", "ewc", seed, tuned=3) for seed in rates]
    edge = [make_stream_record("mlp", "lwf", seed, tuned=3, lr=lr) for seed, lr in rates.items()]
    exact = make_stream_record("recursive-ridge", None, tuned=3)
    page = render(tmp_path, *inside, *edge, exact)

    assert "0.01&nbsp;(3)</td>" in row(page, "rates", "mlp + ewc")
    flagged = row(page, "rates", "mlp + lwf")
    assert "0.01&nbsp;(2), 0.1&nbsp;(1)" in flagged
    assert "at the edge" in flagged
    assert ">40.0<" in flagged
    assert page.count('<h2 id="stream-') == 1  # the exact method ran on the same stream
    assert "animals: class_norm, tasks 4 to 7" in page
    assert "first 3 tasks" in row(page, "results", "mlp + lwf")


def test_intransigence_is_a_column(tmp_path: Path) -> None:
    ours, joint = make_stream_record("mlp", "ewc"), make_stream_record("mlp", "joint")
    page = render(tmp_path, ours, joint)
    A, bound = (np.array(one["result"]["accuracy"], dtype=float) for one in (ours, joint))
    worse = 100 * np.diagonal(bound[1:] - A[1:]).mean()

    assert "intransigence: how much worse a task was learned" in page
    cells = re.findall(r'<td class="number">(.*?)</td>', row(page, "results", "mlp + ewc"))
    assert f"{worse:.1f}" in cells[len(STREAM_RESULTS)].replace("−", "-")


def test_no_description_of_an_unseen_class_is_said_to_be_used(tmp_path: Path) -> None:
    record = make_stream_record("mlp")
    record["stream"]["transductive_attributes"] = True

    assert "descriptions of unseen classes" not in render(tmp_path, record)


def test_class_norm_streams_without_a_backbone_are_cn_fixed(tmp_path: Path) -> None:
    fixed, pictures = make_stream_record("mlp"), make_stream_record("mlp", "ewc")
    pictures["settings"]["backbone"] = "resnet"
    other = make_stream_record("mlp")
    other["stream"]["protocol"] = "fixed"
    exact = make_stream_record("recursive-ridge", None)

    assert "This is cn-fixed: " in render(tmp_path / "1", fixed, exact)
    assert "Methods without a backbone are cn-fixed: " in render(tmp_path / "2", fixed, pictures)
    assert "cn-fixed" not in render(tmp_path / "3", pictures)
    assert "cn-fixed" not in render(tmp_path / "4", other)


def test_published_numbers_stand_beside_ours(tmp_path: Path) -> None:
    record = make_stream_record("class-norm", "joint")
    record["result"]["mean_forgetting_code"] = 0.777
    page = render(tmp_path, record, make_stream_record("class-norm", "lwf"))
    (table,) = re.findall(r'<table class="beside">.*?</table>', page, re.DOTALL)
    ours = row(page, "beside", "class-norm + joint")

    assert ">77.7<" in ours
    assert table.count('<th scope="row">Multi-task</th>') == 4
    assert ">26.5<" in table
    assert "EWC-online" not in table  # it did not run
    assert "Not comparable: the published runs fine-tune an ImageNet ResNet-18" in page


def test_without_a_published_strategy_there_is_no_table(tmp_path: Path) -> None:
    page = render(tmp_path, make_stream_record("mlp", "lwf"))

    assert "beside published numbers" not in page


def test_streams_of_one_name_say_what_they_differ_in(tmp_path: Path) -> None:
    natural = make_stream_record("mlp", "ewc")
    natural["stream"]["order"] = "natural"
    page = render(tmp_path, make_stream_record("mlp"), natural)

    assert "animals: class_norm, 4 tasks (order=random)</h2>" in page
    assert "animals: class_norm, 4 tasks (order=natural)</h2>" in page
    assert "classes in natural order" in page


def test_a_strategy_keeps_its_colour_and_class_norm_is_solid(tmp_path: Path) -> None:
    records = [
        make_stream_record(method, strategy, lr=lr)
        for method in ("class-norm", "mlp")
        for strategy in ("sequential", "joint", "ewc", "lwf")
        for lr in (0.1, 0.2)
    ]
    records += [make_stream_record(name, None) for name in ("recursive-ridge", "tied-gaussian")]
    methods = summarize(tmp_path, *records).methods
    families = sorted({family_of(method) for method in methods})
    lines = assign_lines(methods, families)
    apart = {(line.colour, line.dashes) for line in lines.values()}

    assert len(apart) == len(methods) == 18
    colours = {family_of(method): lines[method.name].colour for method in methods}
    assert len(set(colours.values())) == len(families)
    solid = [method for method in methods if not lines[method.name].dashes]
    assert {method.method for method in solid} == {"class-norm"}
    assert len(solid) == 4
    without = [m for m in methods if m.strategy == "lwf" and m.method == "mlp"]
    alone = assign_lines(without, families)
    assert {line.colour for line in alone.values()} == {colours["lwf"]}
    assert all(line.dashes for line in alone.values())


def test_bands_are_drawn_where_they_can_be_told_apart(tmp_path: Path) -> None:
    def bands(number: int) -> int:
        records = [
            make_stream_record("mlp", f"s{row}", seed) for row in range(number) for seed in (1, 2)
        ]
        methods = summarize(tmp_path / str(number), *records).methods
        lines = assign_lines(methods, [family_of(method) for method in methods])
        return chart_courses(methods, lines, COURSES[0], "figure").count("opacity: 0.12")

    assert bands(6) == 6
    assert bands(7) == 0


@pytest.mark.parametrize(("tasks", "numbers"), [(4, 16), (7, 0), (40, 0)])
def test_a_matrix_writes_numbers_where_they_fit(tmp_path: Path, tasks: int, numbers: int) -> None:
    (method,) = summarize(tmp_path, make_stream_record("mlp", tasks=tasks)).methods
    svg = chart_matrix(method, 1.0, "matrix")
    drawn = re.findall(r"<text[^>]*>(\d+)</text>", svg)

    assert len(drawn) - 4 == numbers  # four on the axes
    if numbers:
        assert f"{100 * method.accuracy[0, 0]:.0f}" in drawn


def test_texts_of_users_are_escaped(tmp_path: Path) -> None:
    record = make_stream_record("mlp", "<script>$\\bad{$", data='"><i>')
    page = render(tmp_path, record)

    assert "<script" not in page
    assert '"><i>' not in page
    assert "&lt;script&gt;$\\bad{$" in page


def test_runs_that_were_made_again_are_left_out_and_said(tmp_path: Path) -> None:
    record = make_stream_record("mlp")
    again = record | {"key": "again", "finished": "2026-02-01T00:00:00+00:00"}

    assert "from 1 finished run (1 more is left out" in render(tmp_path, record, again)


def test_progress_counts_both_kinds(tmp_path: Path) -> None:
    finished = read_stores([write_store(tmp_path, [make_record("mlp"), make_stream_record("mlp")])])
    seen: list[tuple[int, int]] = []
    render_report(finished.runs, lambda done, of: seen.append((done, of)), finished.streams)

    assert seen == [(1, 2), (2, 2)]


def test_the_page_is_the_same_every_time(stream_page: str, stream_store: Path) -> None:
    finished = read_stores([stream_store])

    assert render_report(finished.runs, streams=finished.streams) == stream_page
