"""Records become runs, each once; what is damaged is named."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from stores import make_record, write_store

from unseen.data.dataset import DataError
from unseen.report.records import read_runs


def test_a_record_is_read_whole(tmp_path: Path) -> None:
    record = make_record("mlp", seed=3)
    (run,) = read_runs([write_store(tmp_path, [record])])

    assert (run.name, run.seed, run.selection) == ("mlp", 3, "hidden")
    assert run.measures["ausuc"] == record["metrics"]["ausuc"]
    assert run.measures["fit_seconds"] == record["seconds"]["fit"]
    assert run.bare["harmonic_mean"] == record["metrics"]["no_penalty"]["harmonic_mean"]
    assert run.oracle["harmonic_mean"] == record["metrics"]["oracle"]["harmonic_mean"]
    assert run.settings == {"scale": 5.0, "norm": "class", "epochs": 10}
    assert run.unseen_classes == set(record["data"]["unseen_classes"])
    np.testing.assert_array_equal(run.seen_curve, record["curve"]["seen"])


def test_a_recipe_goes_by_its_name(tmp_path: Path) -> None:
    (run,) = read_runs([write_store(tmp_path, [make_record("mlp", recipe="mlp-paper")])])

    assert run.name == "mlp-paper"


def test_what_was_not_measured_is_nan(tmp_path: Path) -> None:
    record = make_record("mlp", peak_memory_mb=None, curve=None)
    record["metrics"]["harmonic_mean"] = None
    (run,) = read_runs([write_store(tmp_path, [record])])

    assert math.isnan(run.measures["harmonic_mean"])
    assert math.isnan(run.measures["peak_memory_mb"])
    assert run.seen_curve.tolist() == [0.0]


def test_a_run_of_two_stores_counts_once(tmp_path: Path) -> None:
    first = write_store(tmp_path / "a", [make_record("mlp"), make_record("sae")])
    second = write_store(tmp_path / "b", [make_record("mlp"), make_record("mlp", seed=1)])

    assert len(read_runs([first, second / "runs.jsonl"])) == 3


def test_choices_and_broken_last_lines_are_no_runs(tmp_path: Path) -> None:
    choice = make_record("mlp") | {"kind": "choice", "key": "c", "metrics": None}
    store = write_store(tmp_path, [choice, make_record("mlp")])
    with (store / "runs.jsonl").open("a") as file:
        file.write(json.dumps(make_record("mlp", seed=1))[:100])

    assert [run.seed for run in read_runs([store])] == [0]


def test_a_store_without_runs_has_none(tmp_path: Path) -> None:
    assert read_runs([write_store(tmp_path, [])]) == []


def test_a_missing_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run store"):
        read_runs([tmp_path])


@pytest.mark.parametrize(
    ("field", "message"), [("metrics", "lacks 'metrics'"), ("curve", "lacks 'curve'")]
)
def test_a_record_that_lacks_something_is_named(tmp_path: Path, field: str, message: str) -> None:
    record = make_record("mlp")
    del record[field]

    with pytest.raises(DataError, match=f"{record['key'][:12]} {message}. Delete its line"):
        read_runs([write_store(tmp_path, [record])])


def test_a_record_of_wrong_types_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is damaged"):
        read_runs([write_store(tmp_path, [make_record("mlp", per_class=["cat"])])])


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="format 99; this version of unseen reads format 1"):
        read_runs([write_store(tmp_path, [make_record("mlp", format=99)])])
