"""Means over class orders, by data set and stream; what class norm adds, paired by order."""

import math
from pathlib import Path

import numpy as np
import pytest
from stores import write_store
from stream_stores import make_stream_record

from unseen.continual.heads import HEADS
from unseen.metrics.forgetting import intransigence
from unseen.report.measures import STREAM_GAINS
from unseen.report.stream_gains import OF_CLASS_NORM, Paired, find_gains
from unseen.report.stream_page import find_rates
from unseen.report.stream_records import read_streams
from unseen.report.stream_summary import (
    INTRANSIGENCE,
    StreamMethod,
    StreamSummary,
    drop_repeated_streams,
    summarize_streams,
)

WITH, WITHOUT = "class-norm", "mlp"


def summarize(folder: Path, *records: dict) -> list[StreamSummary]:
    return summarize_streams(read_streams([write_store(folder, records)]))


def named(summary: StreamSummary, name: str) -> StreamMethod:
    (method,) = [method for method in summary.methods if method.name == name]

    return method


def test_mean_and_deviation_are_of_the_orders(tmp_path: Path) -> None:
    records = [make_stream_record("mlp", "ewc", seed) for seed in (2, 1, 3)]
    (summary,) = summarize(tmp_path, *records)
    (method,) = summary.methods
    values = [record["result"]["mean_ausuc"] for record in records]
    seen = np.array([record["result"]["seen"][1:] for record in records])
    matrices = [record["result"]["accuracy"][1:] for record in records]

    assert [run.seed for run in method.runs] == [1, 2, 3]
    assert method.measures["mean_ausuc"].mean == pytest.approx(np.mean(values))
    assert method.measures["mean_ausuc"].deviation == pytest.approx(np.std(values, ddof=1))
    np.testing.assert_allclose(method.courses["seen"].mean, seen.mean(axis=0))
    np.testing.assert_array_equal(method.courses["seen"].low, seen.min(axis=0))
    np.testing.assert_array_equal(method.courses["seen"].high, seen.max(axis=0))
    assert np.isnan(method.courses["harmonic"].mean).tolist() == [False, False, False, True]
    np.testing.assert_allclose(method.accuracy, np.mean(matrices, axis=0))


def test_memory_is_that_of_the_task_with_most(tmp_path: Path) -> None:
    record = make_stream_record("mlp")
    record["memory_bytes"] = [{"items": 5}, {"items": 90, "teacher": 10}, {"teacher": 50}, {}]
    (summary,) = summarize(tmp_path, record)

    assert summary.methods[0].memory == {"items": 90.0, "teacher": 10.0}


def test_streams_that_differ_are_kept_apart(tmp_path: Path) -> None:
    records = [make_stream_record("mlp"), make_stream_record("mlp", tasks=5)]
    records += [make_stream_record("mlp", data="plants"), make_stream_record("mlp", tuned=3)]
    online = make_stream_record("mlp", seed=2)
    online["stream"]["protocol"] = "online"

    assert len(summarize(tmp_path, *records, online)) == 5


def test_a_chosen_rate_does_not_tell_methods_apart_but_a_given_one_does(tmp_path: Path) -> None:
    chosen = [make_stream_record("mlp", "ewc", seed, tuned=3, lr=seed / 100) for seed in (1, 10)]
    given = [make_stream_record("mlp", "ewc", 1, lr=lr) for lr in (0.1, 0.2)]
    first, second = summarize(tmp_path, *chosen, *given)

    assert [len(method.runs) for method in first.methods] == [2]
    assert {method.name for method in second.methods} == {
        "mlp + ewc (lr=0.1)",
        "mlp + ewc (lr=0.2)",
    }


def test_an_order_counts_once_and_the_latest_run_of_it(tmp_path: Path) -> None:
    old = make_stream_record("mlp", key="old", finished="2025-01-01T00:00:00+00:00")
    runs = read_streams([write_store(tmp_path, [make_stream_record("mlp"), old])])

    assert [run.key for run in drop_repeated_streams(runs)] == [runs[0].key]
    assert len(summarize_streams(runs)[0].methods[0].runs) == 1


def test_joint_is_never_the_best(tmp_path: Path) -> None:
    joint = make_stream_record("mlp", "joint", skill=5.0)
    others = [make_stream_record("mlp", name, skill=0.5) for name in ("ewc", "sequential")]
    (summary,) = summarize(tmp_path, joint, *others)

    assert summary.methods[0].keeps_all
    best = max(record["result"]["mean_ausuc"] for record in others)
    assert summary.best["mean_ausuc"] == best
    assert not summary.is_best(summary.methods[0], STREAM_GAINS[0])
    assert summary.is_best(summary.methods[1], STREAM_GAINS[0])


def test_intransigence_is_against_joint_training_of_the_same_head_and_order(
    tmp_path: Path,
) -> None:
    records = {
        (head, strategy, seed): make_stream_record(head, strategy, seed)
        for head in (WITH, WITHOUT)
        for strategy in ("joint", "ewc")
        for seed in (1, 2)
    }
    lonely = [make_stream_record(WITH, "ewc", 3), make_stream_record("recursive-ridge", None)]
    (summary,) = summarize(tmp_path, *records.values(), *lonely)

    for head in (WITH, WITHOUT):
        expected = []
        for seed in (1, 2):
            ours, joint = (
                np.array(records[head, strategy, seed]["result"]["accuracy"], dtype=float)
                for strategy in ("ewc", "joint")
            )
            expected.append(intransigence(ours, joint).mean())
        found = named(summary, f"{head} + ewc").measures[INTRANSIGENCE.name]
        assert found.mean == pytest.approx(np.mean(expected))
        assert found.deviation == pytest.approx(np.std(expected, ddof=1))
        bound = named(summary, f"{head} + joint").measures[INTRANSIGENCE.name]
        assert math.isnan(bound.mean)
    exact = named(summary, "recursive-ridge").measures[INTRANSIGENCE.name]
    assert math.isnan(exact.mean)
    assert not math.isnan(summary.best[INTRANSIGENCE.name])


def test_joint_training_of_other_settings_or_twice_gives_no_intransigence(tmp_path: Path) -> None:
    ewc, joint = make_stream_record(WITH, "ewc"), make_stream_record(WITH, "joint")
    other = make_stream_record(WITH, "joint", lr=0.5)
    full = make_stream_record(WITH, "joint", key="full")
    full["settings"]["strategy"]["settings"]["budget"] = "full"

    for number, (beside, measured) in enumerate(
        [([], False), ([other], False), ([joint, other], True), ([joint, full], False)]
    ):
        (summary,) = summarize(tmp_path / str(number), ewc, *beside)
        found = named(summary, f"{WITH} + ewc").measures[INTRANSIGENCE.name].mean
        assert math.isnan(found) != measured


def test_gains_are_paired_by_order(tmp_path: Path) -> None:
    with_ = [make_stream_record(WITH, "ewc", seed, skill=1.5) for seed in (1, 2, 3)]
    without = [make_stream_record(WITHOUT, "ewc", seed, skill=1.0) for seed in (4, 3, 2)]
    lonely = make_stream_record(WITH, "lwf")
    (summary,) = summarize(tmp_path, *with_, *without, lonely)
    (gain,) = find_gains(summary)

    assert gain.name == "ewc"
    for measure in STREAM_GAINS:
        one, other = (
            {record["seed"]: record["result"][measure.name] for record in records}
            for records in (with_, without)
        )
        differences = [one[seed] - other[seed] for seed in (2, 3)]
        found = gain.measures[measure.name]
        sign = 1 if measure.higher_is_better else -1
        assert found.orders == 2
        assert found.spread.mean == pytest.approx(np.mean(differences))
        assert found.better == sum(sign * value > 0 for value in differences)


def test_heads_of_other_settings_are_no_pair(tmp_path: Path) -> None:
    (summary,) = summarize(
        tmp_path, make_stream_record(WITH, lr=0.1), make_stream_record(WITHOUT, lr=0.2)
    )

    assert find_gains(summary) == []


def test_class_norm_is_that_of_the_settings_not_of_the_name(tmp_path: Path) -> None:
    bare = make_stream_record(WITH)
    bare["settings"]["method"]["settings"]["norm"] = None
    (summary,) = summarize(tmp_path, bare, make_stream_record(WITHOUT))

    assert find_gains(summary) == []
    assert not any(method.class_norm for method in summary.methods)


def test_a_lowered_rate_is_not_the_chosen_one(tmp_path: Path) -> None:
    joint = make_stream_record(WITH, "joint", tuned=2, lr=0.1)
    ewc = make_stream_record(WITH, "ewc", tuned=2, lr=0.1)
    ewc["chosen"] |= {"lr": 0.001, "lowered_from": 0.1}
    (summary,) = summarize(tmp_path, joint, ewc)
    method = named(summary, f"{WITH} + ewc")

    assert (find_rates(method).chosen, find_rates(method).lowered) == (((0.1, 1),), ((0.001, 1),))
    assert find_rates(named(summary, f"{WITH} + joint")).lowered == ()
    assert math.isnan(method.measures[INTRANSIGENCE.name].mean)  # it compares what is learned alike


def test_the_heads_differ_in_what_pairs_may_differ_in() -> None:
    one, other = (HEADS[name]().get_params() for name in (WITH, WITHOUT))

    assert {name for name in one if one[name] != other[name]} == set(OF_CLASS_NORM)


def test_less_forgetting_is_better() -> None:
    found = Paired.of([-0.2, -0.3, 0.1, math.nan, 0.0], higher_is_better=False)

    assert (found.better, found.orders) == (2, 4)
    assert found.spread.mean == pytest.approx(-0.1)
