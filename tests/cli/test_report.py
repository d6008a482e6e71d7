"""``unseen report``: from a real benchmark to a page; what is wrong is said before the work."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from unseen.cli import main


@pytest.fixture(scope="module")
def runs(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the store of a real run on toy.npz: do not write to it."""
    folder = tmp_path_factory.mktemp("benchmark") / "runs"
    words = ["-m", "mlp", "--seeds", "1", "--selection", "last", "-o", str(folder)]
    assert main(["benchmark", str(toys / "toy.npz"), *words]) == 0

    return folder


def test_a_benchmark_becomes_a_page(command: Callable, runs: Path, tmp_path: Path) -> None:
    (record,) = map(json.loads, (runs / "runs.jsonl").read_text().splitlines())
    run = command("report", runs, "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert run.code == 0
    assert run.out == ""
    assert "shows 1 run" in run.err
    assert f">{100 * record['metrics']['ausuc']:.1f}<" in page
    assert page.count("<svg") == 4  # curves, time, unseen classes, and one small curve
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_streams_of_the_same_store_stand_beside_it(
    command: Callable, runs: Path, toys: Path, tmp_path: Path
) -> None:
    store = shutil.copytree(runs, tmp_path / "both")
    words = ("-m", "mlp,recursive-ridge", "--tasks", "3", "--seeds", "2", "--set", "epochs=1")
    words = (*words, "--set", "tune=1")
    assert command("continual", toys / "toy.npz", *words, "-o", store).code == 0
    run = command("report", store, "-o", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    records = [json.loads(line) for line in (store / "runs.jsonl").read_text().splitlines()]
    exact = [
        one["result"]["mean_seen_accuracy"] for one in records if one.get("strategy", 1) is None
    ]

    assert "shows 5 runs" in run.err
    assert "class_norm, tasks 2 to 3</h2>" in page
    assert "Chosen learning rates" in page
    assert len(exact) == 2
    assert f">{100 * sum(exact) / 2:.1f}<" in page


def test_several_stores_become_one_page(command: Callable, runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "more")
    run = command("report", runs, tmp_path / "more", "-o", tmp_path / "report.html")

    assert run.code == 0
    assert "shows 1 run" in run.err  # the same one


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name the folder of `unseen benchmark` or `unseen continual`"),
        (["nowhere"], "no run store"),
        (["."], "no run store"),
        (["RUNS", "-o", "nowhere/report.html"], "does not exist; make it first: mkdir -p"),
        (["RUNS", "-o", "RUNS/runs.jsonl"], "must end in .html"),
        (["RUNS", "-o", "folder.html"], "is a folder"),
    ],
)
def test_wrong_words(
    command: Callable,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    before = (runs / "runs.jsonl").read_bytes()
    run = command("report", *(word.replace("RUNS", str(runs)) for word in words))

    assert run.code == 2
    assert message in run.err
    assert (runs / "runs.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda line: line[:0], "no finished run in it"),
        (lambda line: "{broken\n" + line, "Line 1 is damaged"),
        (lambda line: line.replace('"format": 1', '"format": 7'), "format 7"),
        (lambda line: line.replace('"metrics"', '"measures"'), "lacks 'metrics'"),
    ],
)
def test_damaged_stores(
    command: Callable,
    runs: Path,
    tmp_path: Path,
    damage: Callable[[str], str],
    message: str,
) -> None:
    old = tmp_path / "report.html"
    old.write_text("the page of yesterday")
    store = tmp_path / "runs.jsonl"
    store.write_text(damage((runs / "runs.jsonl").read_text()))
    run = command("report", tmp_path, "-o", old)

    assert run.code == 2
    assert message in run.err
    assert old.read_text() == "the page of yesterday"
