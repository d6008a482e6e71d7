"""Means over seeds, by data set and method."""

import math
from pathlib import Path

import numpy as np
import pytest
from stores import make_record, write_store

from unseen.report.records import Run, read_runs
from unseen.report.summary import Spread, drop_repeated, mean_curve, summarize


def read(folder: Path, *records: dict) -> list[Run]:
    return read_runs([write_store(folder, records)])


def test_mean_and_deviation_are_of_the_seeds(tmp_path: Path) -> None:
    records = [make_record("mlp", seed) for seed in range(4)]
    values = [record["metrics"]["harmonic_mean"] for record in records]
    ((method,),) = (summary.methods for summary in summarize(read(tmp_path, *records)))

    assert [run.seed for run in method.runs] == [0, 1, 2, 3]
    assert method.harmonic_mean == pytest.approx(np.mean(values))
    assert method.measures["harmonic_mean"].deviation == pytest.approx(np.std(values, ddof=1))


def test_one_seed_has_no_deviation() -> None:
    assert math.isnan(Spread.of([0.5]).deviation)
    assert math.isnan(Spread.of([]).mean)


def test_a_seed_counts_once_and_the_latest_run_of_it(tmp_path: Path) -> None:
    old = make_record("mlp", skill=0.1, key="old", finished="2025-06-01T00:00:00+00:00")
    other = make_record("mlp", seed=1, finished="2025-01-01T00:00:00+00:00")
    runs = read(tmp_path, make_record("mlp", skill=2.0), old, other)
    ((method,),) = (summary.methods for summary in summarize(runs))

    assert [run.seed for run in method.runs] == [0, 1]
    assert "old" not in [run.key for run in method.runs]
    assert drop_repeated(runs) == [runs[0], runs[2]]


def test_without_a_time_the_last_run_of_a_seed_counts(tmp_path: Path) -> None:
    first, last = make_record("mlp"), make_record("mlp", key="another")
    del first["finished"], last["finished"]
    runs = read(tmp_path, first, last)

    assert drop_repeated(runs) == [runs[1]]


def test_settings_selection_and_class_table_are_kept_apart(tmp_path: Path) -> None:
    other = make_record("mlp", seed=1)
    other["settings"] = other["settings"] | {"epochs": 20}
    table = make_record("mlp", seed=2)
    table["data"] = table["data"] | {"attributes": "words"}
    runs = read(tmp_path, make_record("mlp"), other, table, make_record("mlp", selection="oracle"))
    summaries = summarize(runs)

    assert [len(summary.methods) for summary in summaries] == [3, 1]


def test_the_order_is_that_of_h_and_what_was_not_measured_comes_last(tmp_path: Path) -> None:
    unknown = make_record("sae")
    unknown["metrics"]["harmonic_mean"] = None
    records = (make_record("mlp", skill=0.5), unknown, make_record("dap", skill=2.0))
    (summary,) = summarize(read(tmp_path, *records))

    assert [method.name for method in summary.methods] == ["dap", "mlp", "sae"]


def test_the_oracle_is_never_the_best(tmp_path: Path) -> None:
    runs = read(
        tmp_path,
        make_record("mlp", skill=0.5),
        make_record("dap", skill=2.5, selection="oracle"),
    )
    (summary,) = summarize(runs)

    assert summary.methods[0].is_oracle
    assert [method.name for method in summary.results] == ["mlp"]
    assert summary.best["harmonic_mean"] == summary.results[0].harmonic_mean


def test_less_time_is_better(tmp_path: Path) -> None:
    records = [make_record("mlp"), make_record("sae")]
    (summary,) = summarize(read(tmp_path, *records))

    assert summary.best["fit_seconds"] == min(record["seconds"]["fit"] for record in records)


def test_a_mean_curve_keeps_the_area(tmp_path: Path) -> None:
    records = [make_record("mlp", seed) for seed in range(3)]
    ((method,),) = (summary.methods for summary in summarize(read(tmp_path, *records)))
    band = method.curve

    assert np.trapezoid(band.mean, band.unseen) == pytest.approx(
        method.measures["ausuc"].mean, abs=0.01
    )
    assert (band.low <= band.mean).all()
    assert (band.mean <= band.high).all()


def test_a_mean_curve_does_not_mind_the_direction() -> None:
    unseen, seen = np.array([0.6, 0.5, 0.0]), np.array([0.0, 0.4, 0.9])

    np.testing.assert_array_equal(
        mean_curve([(unseen, seen)]).mean, mean_curve([(unseen[::-1], seen[::-1])]).mean
    )


def test_results_of_one_name_are_told_apart_by_their_settings(tmp_path: Path) -> None:
    records = [make_record("mlp", skill=skill, key=str(skill)) for skill in (1.0, 2.0)]
    records[1]["settings"] = records[0]["settings"] | {"scale": 9.0}
    records += [make_record("mlp", selection="oracle"), make_record("eszsl")]
    (summary,) = summarize(read(tmp_path, *records))

    assert sorted(method.name for method in summary.methods) == [
        "eszsl",
        "mlp",
        "mlp (scale=5.0)",
        "mlp (scale=9.0)",
    ]
    assert [method.name for method in summary.methods if method.is_oracle] == ["mlp"]
