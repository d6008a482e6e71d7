"""Streams: the published cuts, what holds for any data and protocol, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from unseen.continual.streams import Stream, Task, make_stream
from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.simulate import BENCHMARK_SHAPES, simulate, simulate_toy

PROTOCOLS = ["class_norm", "fixed", "dynamic", "online"]
BY_SPLIT = ["dynamic", "online"]  # seen and unseen as in the Proposed Split


@pytest.fixture(scope="module")
def benchmarks() -> dict[str, ZeroShotData]:
    """Returns data with the classes and names of the field's sets, and fewer rows."""
    return {name: simulate(name, rows=6000) for name in ("CUB", "SUN", "AWA1", "AWA2", "APY")}


def sizes(stream: Stream, part: str = "classes") -> list[int]:
    return [len(getattr(task, part)) for task in stream]


def classes_of(mask: NDArray[np.bool_]) -> set[int]:
    return set(np.flatnonzero(mask).tolist())


def trained_on(stream: Stream) -> NDArray[np.int64]:
    return np.concatenate([task.train for task in stream])


def assert_same(one: Stream, other: Stream) -> None:
    assert one.record() == other.record()
    assert_array_equal(one.test, other.test)
    for left, right in zip(one, other, strict=True):
        for name in Task.__dataclass_fields__:
            assert_array_equal(getattr(left, name), getattr(right, name))


# T1 to T4: the protocols


@pytest.mark.parametrize(
    ("name", "cut", "first"),
    [
        ("CUB", [20] * 10, [58, 40, 34, 102, 184]),
        ("SUN", [47] * 3 + [48] * 12, [59, 60, 383, 159, 8]),
    ],
)
def test_class_norm_cuts_as_published(
    benchmarks: dict[str, ZeroShotData], name: str, cut: list[int], first: list[int]
) -> None:
    stream = make_stream(benchmarks[name])
    classes = np.concatenate([task.classes for task in stream])

    assert sizes(stream) == cut
    assert classes[:5].tolist() == first
    assert_array_equal(np.sort(classes), np.arange(sum(cut)))
    assert_array_equal(np.unique(stream.labels[trained_on(stream)]), np.arange(sum(cut)))
    assert_array_equal(np.unique(stream.labels[stream.test]), np.arange(sum(cut)))


@pytest.mark.parametrize(
    ("name", "tasks"), [("CUB", 20), ("SUN", 15), ("AWA1", 5), ("AWA2", 5), ("APY", 4)]
)
def test_fixed_cuts_as_published(
    benchmarks: dict[str, ZeroShotData], name: str, tasks: int
) -> None:
    """Seen classes grow, unseen ones shrink, and all are always candidates."""
    stream = make_stream(benchmarks[name], "fixed")
    seen = np.array([task.seen.sum() for task in stream])

    assert len(stream) == tasks
    assert max(sizes(stream)) - min(sizes(stream)) <= 1
    assert_array_equal(seen, np.cumsum(sizes(stream)))
    for task in stream:
        assert task.candidates.all()
        assert_array_equal(task.unseen, ~task.seen)
    assert not stream.tasks[-1].unseen.any()


@pytest.mark.parametrize(
    ("name", "cut"),
    [("AWA1", [(8, 2)] * 5), ("CUB", [(7, 3)] * 10 + [(8, 2)] * 10), ("APY", [(5, 3)] * 4)],
)
def test_dynamic_cuts_as_published(
    benchmarks: dict[str, ZeroShotData], name: str, cut: list[tuple[int, int]]
) -> None:
    data = benchmarks[name]
    stream = make_stream(data, "dynamic")
    described = [
        (len(task.classes), len(np.setdiff1d(task.members, task.classes))) for task in stream
    ]
    unseen = np.cumsum([number for _, number in cut])

    assert described == cut
    assert_array_equal([task.candidates.sum() for task in stream], np.cumsum(np.sum(cut, axis=1)))
    assert_array_equal([task.unseen.sum() for task in stream], unseen)
    assert_array_equal(stream.tasks[-1].seen, data.seen)
    assert_array_equal(np.sort(trained_on(stream)), np.sort(data.train))
    assert_array_equal(stream.test, np.sort(np.concatenate([data.test_seen, data.test_unseen])))


def test_online_holds_the_last_class_of_each_task_back(
    benchmarks: dict[str, ZeroShotData],
) -> None:
    data = benchmarks["CUB"]
    dynamic, online = make_stream(data, "dynamic"), make_stream(data, "online")
    held = [task.classes[-1] for task in dynamic.tasks[:-1]]

    for task, following, one in zip(online.tasks[:-1], online.tasks[1:], held, strict=True):
        assert task.unseen[one]
        assert one not in stream_classes(online, task)
        assert following.seen[one]
        assert following.classes[0] == one
        assert one in online.labels[following.train]
    for task, same in zip(online, dynamic, strict=True):
        assert not (task.seen & task.unseen).any()
        assert_array_equal(task.candidates, same.candidates)
        assert_array_equal(task.members, same.members)
    assert_array_equal(online.tasks[-1].seen, data.seen)
    assert_array_equal(np.sort(trained_on(online)), np.sort(data.train))


def stream_classes(stream: Stream, task: Task) -> set[int]:
    return set(stream.labels[task.train].tolist())


def test_two_tasks_are_ordinary_gzsl() -> None:
    """With the Proposed Split's classes in its order, model 1 is the GZSL model."""
    data = simulate_toy()
    stream = make_stream(data, tasks=[8, 4], order="proposed-split")

    assert_array_equal(stream.tasks[0].seen, data.seen)
    assert_array_equal(stream.tasks[0].train, data.train)
    assert set(data.test_seen) <= set(stream.test)


# Any data


@st.composite
def streams(draw: st.DrawFn, least: int = 1) -> tuple[ZeroShotData, dict[str, Any]]:
    """Draws data and the arguments of a stream of it."""
    protocol = draw(st.sampled_from(PROTOCOLS))
    seen, unseen = draw(st.integers(4, 14)), draw(st.integers(1, 8))
    data = simulate_toy(seen + unseen, unseen, rows_per_class=draw(st.integers(2, 9)), features=2)
    most = {"dynamic": seen, "online": seen // 2}.get(protocol, seen + unseen)
    orders = ["random", "natural", *([] if protocol in BY_SPLIT else ["proposed-split"])]

    return data, {
        "protocol": protocol,
        "tasks": draw(st.integers(least, most)),
        "order": draw(st.sampled_from(orders)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "held_out": draw(st.floats(0.01, 0.99)),
    }


@given(case=streams())
def test_what_holds_for_every_stream(case: tuple[ZeroShotData, dict[str, Any]]) -> None:
    data, arguments = case
    stream = make_stream(data, **arguments)
    train = trained_on(stream)
    seen: set[int] = set()
    described: set[int] = set()

    assert len(stream) == arguments["tasks"]
    assert len(set(train.tolist())) == len(train)
    assert not set(train.tolist()) & set(stream.test.tolist())
    assert_array_equal(np.sort(np.concatenate([train, stream.test])), np.arange(len(data.labels)))
    for task in stream:
        assert len(task.train)
        assert stream_classes(stream, task) == set(task.classes.tolist())
        assert not seen & set(task.classes.tolist())
        assert not described & set(task.members.tolist())
        seen |= set(task.classes.tolist())
        described |= set(task.members.tolist())
        known = described if arguments["protocol"] in BY_SPLIT else set(range(len(data.seen)))

        assert classes_of(task.seen) == seen
        assert classes_of(task.candidates) == known
        assert classes_of(task.unseen) == known - seen
    assert described == set(range(len(data.seen)))
    assert set(stream.labels[stream.test].tolist()) == described


@given(case=streams())
def test_one_seed_gives_one_stream(case: tuple[ZeroShotData, dict[str, Any]]) -> None:
    data, arguments = case

    assert_same(make_stream(data, **arguments), make_stream(data, **arguments))


@given(case=streams(least=2), at=st.floats(0, 1))
def test_first_tasks_and_those_after_them_share_nothing(
    case: tuple[ZeroShotData, dict[str, Any]], at: float
) -> None:
    data, arguments = case
    stream = make_stream(data, **arguments)
    cut = 1 + int(at * (len(stream) - 2))
    first, after = stream.first(cut), stream.after(cut)

    assert (len(first), len(after)) == (cut, len(stream) - cut)
    tested = [set(stream.labels[part.test].tolist()) for part in (first, after)]
    assert tested[0] | tested[1] == set(range(len(data.seen)))
    assert not tested[0] & tested[1]
    for part, own in zip((first, after), tested, strict=True):
        for task in part:
            for mask in (task.seen, task.unseen, task.candidates):
                assert classes_of(mask) <= own
            assert stream_classes(part, task) <= own
    for task, whole in zip(first, stream, strict=False):
        assert_array_equal(task.train, whole.train)
    assert not set(trained_on(after).tolist()) & set(trained_on(first).tolist())


def test_the_stream_without_its_first_tasks_says_so(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=6)

    assert stream.after(3).record()["tasks_left_out"] == {"before": 3, "after": 0}
    assert stream.first(3).record()["tasks_left_out"] == {"before": 0, "after": 3}
    assert stream.after(1).first(2).left_out == (1, 3)
    assert [int(task.seen.sum()) for task in stream.after(3)] == [2, 4, 6]
    assert [int(task.unseen.sum()) for task in stream.after(3)] == [4, 2, 0]
    assert [int(task.unseen.sum()) for task in stream.first(3)] == [4, 2, 0]
    assert_same(stream.first(6), stream)


def test_a_class_held_back_in_the_last_tuning_task_is_gone_after_it(toy: ZeroShotData) -> None:
    stream = make_stream(toy, "online", tasks=3)
    held = stream.tasks[1].classes[0]
    after = stream.after(1)

    assert held in stream.tasks[0].members
    assert stream.first(1).tasks[0].unseen[held]
    assert not after.tasks[0].candidates[held]
    assert held not in after.tasks[0].classes
    assert held not in after.labels[np.concatenate([trained_on(after), after.test])]


# Order and rows


def test_orders(toy: ZeroShotData) -> None:
    def order(name: str, seed: int = 1) -> list[int]:
        stream = make_stream(toy, tasks=4, order=name, seed=seed)
        return np.concatenate([task.classes for task in stream]).tolist()

    random = np.random.RandomState(1).permutation(12)
    expected = [*random[toy.seen[random]], *random[~toy.seen[random]]]

    assert order("random") == random.tolist()
    assert order("random", 2) != order("random")
    assert order("natural") == list(range(12))
    assert order("proposed-split") == expected


def test_rows_of_the_proposed_split_stay_where_they_are(toy: ZeroShotData) -> None:
    """Of classes without training rows a fifth is drawn, by class, whatever the order."""
    stream = make_stream(toy, tasks=3)
    train = trained_on(stream)
    drawn = stream.test[~toy.seen[toy.labels[stream.test]]]
    other_order = make_stream(toy, tasks=3, order="natural")
    other_seed = make_stream(toy, tasks=3, seed=2)

    assert set(toy.train) <= set(train)
    assert set(toy.test_seen) <= set(stream.test)
    assert_array_equal(np.bincount(toy.labels[drawn])[~toy.seen], 4)  # of 20
    assert_array_equal(other_order.test, stream.test)
    assert not np.array_equal(other_seed.test, stream.test)
    assert stream.record()["held_out"] == 0.2


def test_held_out_rows_are_drawn_at_random() -> None:
    """Every row is drawn about as often as any other: 100 draws of 4 in 20."""
    data = simulate_toy(features=2)
    times = np.zeros(len(data.labels))
    for seed in range(100):
        times[make_stream(data, tasks=2, seed=seed).test] += 1
    times = times[data.test_unseen]

    assert times.mean() == 20
    assert times.min() > 4  # four deviations of a binomial count
    assert times.max() < 36


@pytest.mark.parametrize("rows_per_class", [20, 33])  # a fifth of 396 is no whole number
def test_random80_is_the_split_of_the_release(rows_per_class: int) -> None:
    data = simulate_toy(rows_per_class=rows_per_class)
    rows = np.arange(len(data.labels))
    train, test = train_test_split(rows, test_size=0.2, random_state=42)
    stream = make_stream(data, "fixed", tasks=3, split="random80", seed=7)

    assert_array_equal(stream.test, np.sort(test))
    assert_array_equal(np.sort(trained_on(stream)), np.sort(train))
    assert stream.record()["held_out"] is None


def with_spare_rows(data: ZeroShotData, per_class: int) -> tuple[ZeroShotData, NDArray[np.int64]]:
    """Takes the first rows of each unseen class out of ``test_unseen``."""
    unseen = np.flatnonzero(~data.seen)
    spare = np.concatenate([np.flatnonzero(data.labels == row)[:per_class] for row in unseen])

    return replace(data, test_unseen=np.setdiff1d(data.test_unseen, spare)), spare


def test_spare_rows_are_trained_on_and_all_test_rows_kept(toy: ZeroShotData) -> None:
    data, spare = with_spare_rows(toy, 15)
    stream = make_stream(data, tasks=3, split="spare")

    assert_array_equal(np.sort(trained_on(stream)), np.sort(np.concatenate([data.train, spare])))
    assert_array_equal(stream.test, np.sort(np.concatenate([data.test_seen, data.test_unseen])))


def test_rows_in_no_split_are_otherwise_left_alone(toy: ZeroShotData) -> None:
    data, spare = with_spare_rows(toy, 5)
    stream = make_stream(data, tasks=3)

    assert not set(spare) & set(np.concatenate([trained_on(stream), stream.test]))


# Defaults and record


@pytest.mark.parametrize(
    ("name", "tasks"),
    [("awa1_pca", 5), ("AWA2", 5), ("AWA", 5), ("awa-2009", 5), ("apy", 5), ("animals", 5)],
)
def test_data_without_a_published_cut_have_five_tasks(name: str, tasks: int) -> None:
    """The name alone does not do: of 20 classes there is no published cut."""
    data = simulate_toy(classes=20, unseen=4, features=2)
    data = replace(data, source=replace(data.source, name=name))

    assert sizes(make_stream(data)) == [4] * tasks


@pytest.mark.parametrize(("name", "tasks"), [("apy", 4), ("APY_res101", 4), ("happy", 5)])
def test_published_cuts_go_by_name_and_number_of_classes(name: str, tasks: int) -> None:
    data = simulate_toy(classes=32, unseen=12, features=2)
    data = replace(data, source=replace(data.source, name=name))

    assert len(make_stream(data)) == tasks
    assert len(make_stream(data, tasks="aPY")) == 4


def test_the_published_shapes_have_the_classes_of_the_cuts() -> None:
    from unseen.continual.cuts import PUBLISHED_CUTS

    for name, (classes, _) in PUBLISHED_CUTS.items():
        assert BENCHMARK_SHAPES["AWA2" if name == "AWA" else name].classes == classes


def test_the_record_states_what_a_result_depends_on(toy: ZeroShotData) -> None:
    record = make_stream(toy, "online", tasks=3, seed=np.int64(4)).record()

    assert record == {
        "protocol": "online",
        "order": "random",
        "seed": 4,
        "split": "proposed",
        "held_out": None,
        "transductive_attributes": False,
        "classes_per_task": [1, 3, 4],
        "described_per_task": [4, 4, 4],
        "tasks_left_out": {"before": 0, "after": 0},
        "test_rows": 112,
        "weighting": "class",
        "seen_mean": "T",
    }


def test_weighting_follows_the_protocol_unless_given(toy: ZeroShotData) -> None:
    weightings = [make_stream(toy, protocol, tasks=2).weighting for protocol in PROTOCOLS]

    assert weightings == ["sample", "class", "class", "class"]
    assert make_stream(toy, tasks=2, weighting="class").weighting == "class"
    assert make_stream(toy, tasks=2, seen_mean="T-1").seen_mean == "T-1"


def test_a_stream_is_shown_in_one_line(toy: ZeroShotData) -> None:
    assert repr(make_stream(toy, tasks=3)) == (
        "Stream('class_norm': 3 tasks of 4+4+4 classes, order 'random', seed 1; train 192, test 48)"
    )


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "clas_norm"}, r"`protocol` must be one of .*; got 'clas_norm'. Did you mean"),
        ({"order": "shuffled"}, r"`order` must be one of 'random', 'natural', 'proposed-split'"),
        ({"split": "random"}, r"`split` must be one of .*Did you mean 'random80'"),
        ({"weighting": "row"}, r"`weighting` must be one of None, 'class', 'sample'; got 'row'"),
        ({"seen_mean": "T-2"}, r"`seen_mean` must be one of 'T', 'T-1'; got 'T-2'"),
        ({"seed": -1}, r"`seed` must be a whole number from 0 to 2\*\*32 - 1; got -1"),
        ({"seed": 1.5}, r"`seed` must be a whole number"),
        ({"held_out": 1}, r"`held_out` must be a share between 0 and 1; got 1"),
        ({"held_out": float("nan")}, r"`held_out` must be a share between 0 and 1; got nan"),
        ({"tasks": 0}, r"`tasks` must be a number from 1 to 12, .*; got 0"),
        ({"tasks": 13}, r"`tasks` must be a number from 1 to 12, .*; got 13"),
        ({"tasks": True}, r"`tasks` must be a number from 1 to 12"),
        ({"tasks": 2.0}, r"`tasks` must be a number from 1 to 12"),
        ({"tasks": [6, 5]}, r"sizes in `tasks` add up to 11, but there are 12 classes"),
        ({"tasks": [12, 0]}, r"`tasks` must list whole numbers from 1 on; got \[12, 0\]"),
        ({"tasks": []}, r"`tasks` must list whole numbers from 1 on; got \[\]"),
        ({"tasks": "CUP"}, r"no published cut 'CUP'; there are CUB, .*Did you mean 'CUB'"),
        ({"tasks": "CUB"}, r"published cut 'CUB' is of 200 classes, but the data have 12"),
        ({"protocol": "dynamic", "tasks": 9}, r"at least 1 seen class a task: 8 seen .* at most 8"),
        ({"protocol": "online", "tasks": 5}, r"2 seen classes a task, as one .*at most 4 .*not 5"),
        ({"protocol": "dynamic", "tasks": [6, 6]}, r"give the number of tasks, not their sizes"),
        ({"protocol": "dynamic", "order": "proposed-split"}, r'is for "class_norm" and "fixed"'),
        ({"protocol": "online", "split": "random80"}, r"takes its rows from the Proposed Split"),
    ],
)
def test_wrong_arguments(toy: ZeroShotData, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_stream(toy, **({"tasks": 3} | arguments))


def test_five_tasks_need_five_classes() -> None:
    data = simulate_toy(classes=4, unseen=1, features=2)
    with pytest.raises(ValueError, match="`tasks` must be a number from 1 to 4"):
        make_stream(data)


def test_every_class_needs_a_training_row_and_a_test_row(toy: ZeroShotData) -> None:
    one, other = np.flatnonzero(~toy.seen)[:2]
    single = np.flatnonzero(toy.labels == one)[1:]  # leaves one row of this class
    data = replace(
        toy,
        test_unseen=np.setdiff1d(toy.test_unseen, single),
        test_seen=toy.test_seen[toy.labels[toy.test_seen] != 0],
    )
    assert toy.seen[0]
    with pytest.raises(DataError) as caught:
        make_stream(data, tasks=3)
    assert caught.value.problems == [
        "Class 0 ('class_001') has no test row: merge or drop such classes.",
        f"Class {one} ('class_{one + 1:03d}') has no test row: merge or drop such classes.",
    ]

    with pytest.raises(DataError) as caught:
        make_stream(data, tasks=3, split="spare")
    assert len(caught.value.problems) == 4  # spare rows only of the first unseen class
    assert f"Class {other} ('class_{other + 1:03d}') has no training row: take split=" in str(
        caught.value
    )
    with pytest.raises(DataError, match=r"There is no test row of class 0 \('class_001'\)"):
        make_stream(data, "dynamic", tasks=3)


@pytest.mark.parametrize("first", [0, 3, 4, -1, 1.0])
def test_some_tasks_must_be_left(toy: ZeroShotData, first: int) -> None:
    stream = make_stream(toy, tasks=3)
    with pytest.raises(ValueError, match=r"`first` must be from 1 to 2 in a stream of 3 tasks"):
        stream.after(first)


def test_first_tasks_must_exist(toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match=r"`number` must be from 1 to 3 .*; got 4"):
        make_stream(toy, tasks=3).first(4)


def changed(number: int, **arrays: Callable[[Task], Any]) -> Callable[[Stream], Stream]:
    """Returns what replaces arrays of one task of a stream."""

    def change(stream: Stream) -> Stream:
        tasks = list(stream.tasks)
        new = {name: make(tasks[number]) for name, make in arrays.items()}
        tasks[number] = replace(tasks[number], **new)

        return replace(stream, tasks=tuple(tasks))

    return change


def flipped(mask: NDArray[np.bool_], at: int) -> NDArray[np.bool_]:
    return mask ^ (np.arange(len(mask)) == at)


# The natural order in three tasks of four classes: task 2 has classes 4 to 7.
PROBLEMS = {
    "no tasks": (lambda stream: replace(stream, tasks=()), "needs at least one task"),
    "index type": (
        changed(1, train=lambda task: task.train.astype(np.int32)),
        "`train` of task 2 must be a one-dimensional int64 array, got int32",
    ),
    "row range": (
        lambda stream: replace(stream, test=np.array([0, 240])),
        "`test` names row 240, but there are 240 rows",
    ),
    "class range": (
        changed(1, classes=lambda _: np.array([4, 12])),
        "`classes` of task 2 names row 12, but there are 12 rows",
    ),
    "mask type": (
        changed(0, seen=lambda task: task.seen.astype(int)),
        "`seen` of task 1 must be bool of shape (12,), got int64 of shape (12,)",
    ),
    "mask shape": (
        changed(0, unseen=lambda task: task.unseen[:-1]),
        "`unseen` of task 1 must be bool of shape (12,), got bool of shape (11,)",
    ),
    "row twice in a task": (
        changed(0, train=lambda task: np.append(task.train, task.train[:1])),
        "Training names row",
    ),
    "test row twice": (
        lambda stream: replace(stream, test=np.append(stream.test, stream.test[0])),
        "`test` names row",
    ),
    "test row trained on": (
        lambda stream: replace(stream, test=np.append(stream.test, stream.tasks[2].train[0])),
        "1 test row (row ",
    ),
    "class twice": (
        changed(1, classes=lambda task: np.append(task.classes, 3)),
        "`classes` name class 3 ('class_004') more than once: tasks are disjoint",
    ),
    "member twice": (
        changed(1, members=lambda task: np.append(task.members, 3)),
        "`members` name class 3 ('class_004') more than once",
    ),
    "foreign rows": (
        changed(1, classes=lambda _: np.array([4, 5, 6])),
        "`train` of task 2 has rows of class 7 ('class_008'), which are not among",
    ),
    "class without rows": (
        changed(1, train=lambda task: task.train[:1]),
        "`train` of task 2 has no row of class",
    ),
    "task without classes": (
        changed(1, classes=lambda _: np.array([], dtype=np.int64)),
        "Task 2 has no classes to train on",
    ),
    "seen without training": (
        changed(0, seen=lambda task: flipped(task.seen, 9)),
        "`seen` of task 1 is not what was trained on so far: it differs in class 9",
    ),
    "seen and unseen": (
        changed(1, unseen=lambda task: flipped(task.unseen, 0)),
        "In task 2 class 0 ('class_001') count as seen and as unseen",
    ),
    "member no candidate": (
        changed(2, seen=lambda task: flipped(task.seen, 11)),
        "`members` up to task 3 are not all among its seen and unseen classes: see class 11",
    ),
    "class without test row": (
        lambda stream: replace(stream, test=stream.test[stream.labels[stream.test] != 5]),
        "There is no test row of class 5 ('class_006')",
    ),
}


@pytest.mark.parametrize(("change", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_unsound_streams(
    toy: ZeroShotData, change: Callable[[Stream], Stream], message: str
) -> None:
    stream = make_stream(toy, tasks=3, order="natural")
    with pytest.raises(DataError) as caught:
        change(stream)

    assert any(
        problem.startswith(message) or message in problem for problem in caught.value.problems
    ), caught.value.problems


def test_what_is_never_a_candidate_is_not_tested(toy: ZeroShotData) -> None:
    stream = make_stream(toy, "dynamic", tasks=2)
    later = stream.tasks[1].members[-1]
    first = stream.first(1)
    row = stream.test[stream.labels[stream.test] == later][:1]
    with pytest.raises(DataError, match=f"`test` has rows of class {later} .* never a candidate"):
        replace(first, test=np.append(first.test, row))


def test_all_problems_are_listed_at_once(toy: ZeroShotData) -> None:
    stream = make_stream(toy, tasks=3, order="natural")
    with pytest.raises(DataError) as caught:
        changed(
            1,
            unseen=lambda task: flipped(task.unseen, 0),
            train=lambda task: task.train[:0],
        )(stream)

    assert len(caught.value.problems) == 2


# Real data


def test_animals_in_ten_tasks(real_data: Path) -> None:
    from unseen.data.load import load

    data = load(real_data / "awa1_pca.npz")
    stream = make_stream(data, tasks=10)
    counts = np.bincount(data.labels)
    shares = np.bincount(data.labels[stream.test]) / counts

    assert sizes(stream) == [5] * 10
    assert sizes(make_stream(data)) == [10] * 5
    assert_array_equal(
        np.sort(np.concatenate([trained_on(stream), stream.test])), np.arange(len(data.labels))
    )
    assert_array_equal(shares[~data.seen].round(2), 0.2)
    assert abs(len(stream.test) / len(data.labels) - 0.2) < 0.005
    assert sizes(make_stream(data, "dynamic"), "members") == [10] * 5
    assert make_stream(data, "online").tasks[-1].seen.sum() == 40


@pytest.mark.parametrize("name", ["gtsrb", "gtsrb_images"])
def test_spare_rows_of_traffic_signs_are_the_official_split(real_data: Path, name: str) -> None:
    """The rows of signs unseen in the Proposed Split have an official training part of their own.

    Photographs of one sign then stay on one side; a random draw would part them.
    """
    with np.load(real_data / f"{name}.npz", allow_pickle=False) as file:
        official = file["official_train"]
        data = ZeroShotData(
            features=np.zeros((len(official), 1), dtype=np.float32),
            class_names=tuple(file["class_names"].tolist()),
            **{
                key: file[key]
                for key in ("labels", "class_attributes", "train", "test_seen", "test_unseen")
            },
        )
    stream = make_stream(data, tasks=8, split="spare")
    unseen = np.flatnonzero(~data.seen[data.labels])
    of_unseen = np.intersect1d(trained_on(stream), unseen)

    assert sizes(stream) == [5] * 5 + [6] * 3
    assert_array_equal(of_unseen, unseen[official[unseen]])
    assert set(data.test_unseen) <= set(stream.test)
    assert not official[stream.test].any()
