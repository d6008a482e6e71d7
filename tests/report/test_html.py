"""The page says what the store says, and marks what saw the test rows."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from balance import Balance
from stores import make_record, write_store

from unseen.decide import SeenPenalty
from unseen.report.html import penalties, render_report
from unseen.report.records import read_runs


def render(folder: Path, *records: dict) -> str:
    return render_report(read_runs([write_store(folder, records)]))


def rows(page: str, method: str) -> list[str]:
    """Returns the rows of a method in tables of results."""
    tables = re.findall(r'<table class="results">.*?</table>', page, re.DOTALL)

    return [
        row
        for table in tables
        for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)
        if f'<th scope="row">{method}</th>' in row
    ]


def test_the_page_is_whole(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    names = re.findall(r'\bid="([^"]+)"', page)

    assert parser.open == []
    assert len(names) == len(set(names))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(names)


def test_the_page_asks_for_nothing(page: str) -> None:
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page
    assert "@import" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_a_way_of_choosing_that_is_not_known_is_named(tmp_path: Path) -> None:
    page = render(tmp_path, make_record("mlp", selection="by hand"), make_record("mlp", data="b"))

    assert '<th scope="row">mlp (by hand)</th>' in page


def test_a_dollar_sign_in_a_name_is_no_mathematics(tmp_path: Path) -> None:
    page = render(tmp_path, make_record("$\\bad{$ x"), make_record("a$b$c"))

    assert page.count(">$\\bad{$ x</text>") == page.count(">a$b$c</text>") >= 4


def test_numbers_are_those_of_the_records(tmp_path: Path) -> None:
    record = make_record("mlp")
    page = render(tmp_path, record)
    (row,) = rows(page, "mlp")

    for name in ("zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc"):
        assert f">{100 * record['metrics'][name]:.1f}<" in row
    for block in ("no_penalty", "oracle"):
        assert f">{100 * record['metrics'][block]['harmonic_mean']:.1f}<" in row
    assert f">{record['peak_memory_mb']:,.0f}<" in row


def test_the_overview_joins_only_what_is_of_one_name(tmp_path: Path) -> None:
    """Two settings of a method are two rows, and two files of a name two columns."""
    records = [make_record("mlp", skill=skill, key=str(skill)) for skill in (0.5, 2.0)]
    records[1]["settings"] = records[0]["settings"] | {"scale": 9.0}
    other = make_record("mlp", key="other")
    other["data"] = other["data"] | {"path": "b/animals.npz", "sha256": {"animals.npz": "f" * 64}}
    page = render(tmp_path, *records, other)
    overview = page[page.index("At a glance") :].partition("</table>")[0]

    assert [overview.count(f">{name}</th>") for name in ("mlp", "mlp (scale=5.0)")] == [1, 1]
    assert overview.count(">mlp (scale=9.0)</th>") == 1
    assert "b/animals.npz, sha256=ffffffff)" in overview
    assert len(set(re.findall(r"<h2 id=.data-\d.>(.*?)</h2>", page))) == 2


def test_runs_that_were_made_again_are_left_out_and_said(tmp_path: Path) -> None:
    record = make_record("mlp")
    again = record | {"key": "again", "finished": "2026-02-01T00:00:00+00:00"}
    page = render(tmp_path / "both", record, again)
    (row,) = rows(page, "mlp")

    assert "from 1 finished run (1 more is left out" in page
    assert '<td class="number">1</td>' in row  # seed
    assert "left out" not in render(tmp_path / "one", record)


def test_what_has_no_randomness_has_no_deviation(tmp_path: Path) -> None:
    closed = [make_record("eszsl", seed) for seed in range(2)]
    for record in closed:
        del record["settings"]["random_state"]
    records = [make_record("mlp", seed) for seed in range(2)]
    page = render(tmp_path / "both", *closed, *records)
    (without,), (with_,) = rows(page, "eszsl"), rows(page, "mlp")

    assert "±" not in without
    assert with_.count("±") == 7
    assert "no randomness" in page
    assert "no randomness" not in render(tmp_path / "random", *records)


def test_the_best_is_marked_once_in_each_column(page: str) -> None:
    for table in re.findall(r'<table class="results">.*?</table>', page, re.DOTALL):
        body = re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]
        assert sum(row.count("<strong>") for row in body) == 7  # five accuracies, two costs


def test_the_oracle_is_red_and_never_the_best(page: str) -> None:
    red, honest = sorted(rows(page, "class-norm")[:2], key=lambda row: "hidden classes" in row)

    assert '<tr class="oracle">' in red
    assert "test (oracle)" in red
    assert "<strong>" not in red
    assert '<tr class="oracle">' not in honest
    assert '<td class="number aside oracle">' in honest  # its H with the oracle's penalty


def test_an_oracle_as_good_as_the_best_is_not_marked(tmp_path: Path) -> None:
    honest = [make_record("mlp"), make_record("sae", skill=0.2)]
    oracle = make_record("mlp") | {"key": "another", "selection": "oracle"}
    red, other = sorted(
        rows(render(tmp_path, *honest, oracle), "mlp"), key=lambda row: "hidden classes" in row
    )

    assert "<strong>" not in red
    assert "<strong>" in other


def test_arrows_say_which_direction_is_better(page: str) -> None:
    head = re.search(r'<table class="results">.*?</thead>', page, re.DOTALL)

    assert head is not None
    assert head[0].count("↑") == 5
    assert head[0].count("↓") == 2


def test_what_was_chosen_is_shown_with_its_candidates(page: str) -> None:
    block = re.search(r'<details class="choice">.*?</details>', page, re.DOTALL)

    assert block is not None
    assert "penalty -0.4 (chosen on hidden seen classes)" in block[0]
    assert "<strong><code>scale=5.0 norm=class</code></strong>, chosen" in block[0]
    assert block[0].count("<tr>") == 4
    assert "diverged" in block[0]
    assert "9 trainings in 64 seconds" in block[0]


def test_how_it_was_made_is_all_there(page: str, store: Path) -> None:
    (command,) = {run.command for run in read_runs([store])}
    hashes = {value for run in read_runs([store]) for value in run.data["sha256"].values()}

    assert command in page
    assert all(value in page for value in hashes)
    assert "cpu: a processor; cores: 2; memory gb: 8" in page
    assert "torch: 2.13.0" in page


def test_published_numbers_stand_apart_where_they_are_not_comparable(page: str) -> None:
    assert "Published numbers that cannot be compared" in page
    assert "Awa1_pca has 1,024 features of its own" in page
    assert "Beside published numbers" not in page
    assert "No numbers are published on this data set" in page  # of the made-up animals


def test_published_numbers_stand_beside_ours_and_suspect_ones_are_flagged(tmp_path: Path) -> None:
    record = make_record("relation-net")
    record["data"] |= {"name": "AWA2", "features": 2048, "split_version": "as in version 2.0"}
    page = render(tmp_path, record)
    beside = page[page.index("Beside published numbers") :]

    assert "relation-net, ours" in beside
    assert ">1 seed<" in beside
    assert "whether the features are its own, nothing here can tell" in beside
    assert '<td class="words">the default table</td>' in beside
    suspect = re.search(
        r'<tr class="suspect">\s*<th scope="row">RN</th>.*?</tr>', beside, re.DOTALL
    )
    assert suspect is not None
    assert "H does not follow from U and S." in suspect[0]
    assert "authors report 30.0" in suspect[0]
    assert "attributes 85" in suspect[0]
    assert '<span class="oracle">GZSL, checkpoint by best test T1</span>' in suspect[0]


def test_texts_of_users_are_escaped(tmp_path: Path) -> None:
    classes = ["<script>alert(1)</script>", *(f"class {row} & $x$" for row in range(14))]
    page = render(tmp_path, make_record("mlp", data='"><b>', classes=classes))

    assert "<script" not in page
    assert '"><b>' not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "missing",
    [("zsl_accuracy",), ("seen_accuracy", "harmonic_mean", "ausuc")],
    ids=["no T1", "no test rows of seen classes"],
)
def test_what_was_not_measured_is_a_dash(tmp_path: Path, missing: tuple[str, ...]) -> None:
    record = make_record("mlp", peak_memory_mb=None)
    record["curve"] = None if "ausuc" in missing else record["curve"]
    for block in (record["metrics"], *map(record["metrics"].get, ("no_penalty", "oracle"))):
        block |= dict.fromkeys(missing)
    page = render(tmp_path, record)
    (row,) = rows(page, "mlp")

    assert row.count(">–<") == len(missing) + 1 + 2 * ("harmonic_mean" in missing)
    assert "nan" not in re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_a_method_that_finds_nothing_has_a_page(tmp_path: Path) -> None:
    record = make_record("mlp", curve={"seen": [0.0, 0.0], "unseen": [0.0, 0.0]})
    for block in (record["metrics"], *map(record["metrics"].get, ("no_penalty", "oracle"))):
        block |= dict.fromkeys(("unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc"), 0.0)

    assert render(tmp_path, record).count("<svg") == 4


def test_published_settings_have_no_choice(tmp_path: Path) -> None:
    page = render(tmp_path, make_record("mlp", selection="last", choice=None))

    assert "settings as given" in page
    assert "trainings in" not in page


def test_progress_counts_data_sets(store: Path) -> None:
    seen: list[tuple[int, int]] = []
    render_report(read_runs([store]), lambda done, of: seen.append((done, of)))

    assert seen == [(1, 2), (2, 2)]


def test_the_page_is_the_same_every_time(page: str, store: Path) -> None:
    assert render_report(read_runs([store])) == page


def test_a_penalty_of_zero_is_none() -> None:
    """Also in older stores, which have it with a sign."""
    told = [str(SeenPenalty("offset", value, "chosen")) for value in (0.0, 0.5)]
    runs = [SimpleNamespace(penalty=each) for each in (*told, "-0 (chosen)")]

    assert penalties(SimpleNamespace(runs=runs)) == "none, -0.5 (chosen)"
