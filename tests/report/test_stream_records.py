"""Records of streams become runs, each once; what is damaged is named."""

import math
from pathlib import Path

import numpy as np
import pytest
from stores import make_record, write_store
from stream_stores import make_stream_record

from unseen.data.dataset import DataError
from unseen.report.measures import COURSES, STREAM_RESULTS
from unseen.report.stores import read_stores
from unseen.report.stream_records import read_streams


def test_a_record_is_read_whole(tmp_path: Path) -> None:
    record = make_stream_record("mlp", "ewc", seed=3)
    (run,) = read_streams([write_store(tmp_path, [record])])

    assert (run.label, run.seed, run.selection) == ("mlp + ewc", 3, "last")
    for measure in STREAM_RESULTS:
        assert run.measures[measure.name] == record["result"][measure.name]
    assert run.measures["seconds"] == 2.0
    assert run.measures["kept_mb"] == pytest.approx(4 * 1800 / 1e6)  # after the fourth task
    assert run.settings["lr"] == 0.01
    assert run.settings["ewc.weight"] == 10.0
    assert "random_state" not in run.settings
    assert math.isnan(run.rate)


def test_step_0_is_left_out_and_what_was_not_measured_is_nan(tmp_path: Path) -> None:
    record = make_stream_record("mlp")
    (run,) = read_streams([write_store(tmp_path, [record])])

    for measure in COURSES:
        expected = np.array(record["result"][measure.name][1:], dtype=float)
        np.testing.assert_array_equal(run.courses[measure.name], expected)
    assert np.isnan(run.courses["unseen"][-1])  # nothing is unseen after the last task
    np.testing.assert_array_equal(run.accuracy, record["result"]["accuracy"][1:])


def test_a_chosen_rate_is_no_setting(tmp_path: Path) -> None:
    (run,) = read_streams([write_store(tmp_path, [make_stream_record("mlp", tuned=3, lr=0.1)])])

    assert run.rate == 0.1
    assert "lr" not in run.settings
    assert run.tried == {0.001: 0.2, 0.01: 0.4, 0.1: 0.3}


def test_an_exact_method_has_no_strategy(tmp_path: Path) -> None:
    record = make_stream_record("recursive-ridge", None)
    (run,) = read_streams([write_store(tmp_path, [record])])

    assert run.label == "recursive-ridge"
    assert run.settings == {"feature_penalty": 1.0}


def test_both_kinds_of_one_store_are_read(tmp_path: Path) -> None:
    records = [make_record("mlp"), make_stream_record("mlp"), make_stream_record("mlp", seed=2)]
    first = write_store(tmp_path / "a", records)
    again = write_store(tmp_path / "b", records[:2])
    finished = read_stores([first, again])

    assert (len(finished.runs), len(finished.streams), len(finished)) == (1, 2, 3)


def test_a_store_is_read_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = write_store(tmp_path, [make_record("mlp"), make_stream_record("mlp")])
    with (store / "runs.jsonl").open("a") as file:
        file.write("\0\0\n")

    assert len(read_stores([store])) == 2
    assert len(caplog.messages) == 1
    assert "the last line, 3, is damaged" in caplog.text


def test_stores_without_runs_say_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run in it: let `unseen benchmark` or"):
        read_stores([write_store(tmp_path, [])])


def test_what_lacks_something_names_its_command(tmp_path: Path) -> None:
    record = make_stream_record("mlp")
    del record["result"]["mean_ausuc"]

    with pytest.raises(DataError, match=r"lacks 'mean_ausuc'.*same `unseen continual` will repeat"):
        read_streams([write_store(tmp_path, [record])])


def test_a_curve_of_another_length_is_damaged(tmp_path: Path) -> None:
    record = make_stream_record("mlp")
    record["result"]["seen"].pop()

    with pytest.raises(DataError, match=r"is damaged \(expected numbers of shape \(5,\)"):
        read_streams([write_store(tmp_path, [record])])
