"""Joint training: on which rows, among which classes, and for how many steps."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from unseen.continual.joint import Joint
from unseen.continual.strategy import StreamNetwork, TaskRows

NETWORK = StreamNetwork(None, nn.Identity(), False)  # joint training does not ask it


def task(number: int, classes: list[int], seen: list[int], of_each: int = 3) -> TaskRows:
    """Returns a task whose inputs say their class and task."""
    labels = torch.tensor(classes).repeat_interleave(of_each)

    return TaskRows(
        number=number,
        inputs=torch.stack([labels, torch.full_like(labels, number)], dim=1).float(),
        labels=labels,
        classes=torch.tensor(sorted(classes)),
        seen=torch.tensor(seen),
        S=torch.zeros(len(seen), 1),
        seed=0,
    )


def drawn(strategy: Joint, own: TaskRows, trained: TaskRows, batch_size: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)

    return list(strategy.batches(own, trained, batch_size).epoch(generator))


@pytest.fixture
def strategy() -> Joint:
    """Returns joint training after two tasks, of 4 and 1 classes with three rows each."""
    strategy = Joint()
    strategy.after_task(NETWORK, task(1, [5, 0, 3, 8], [0, 3, 5, 8]))
    strategy.after_task(NETWORK, task(2, [6], [0, 3, 5, 6, 8]))

    return strategy


def test_the_first_task_is_trained_as_it_is() -> None:
    first = task(1, [5, 0], [0, 5])
    assert Joint().before_task(NETWORK, first) is first


def test_all_rows_so_far_are_trained_on_as_one_task(strategy: Joint) -> None:
    third = task(3, [1, 2], [0, 1, 2, 3, 5, 6, 8])
    trained = strategy.before_task(NETWORK, third)

    assert trained.labels.tolist() == [k for k in (5, 0, 3, 8, 6, 1, 2) for _ in range(3)]
    assert trained.inputs[:, 0].tolist() == trained.labels.tolist()
    assert trained.inputs[:, 1].tolist() == [1] * 12 + [2] * 3 + [3] * 6
    assert trained.classes.tolist() == third.seen.tolist()
    assert (trained.seen is third.seen, trained.number, trained.seed) == (True, 3, 0)


def test_all_classes_seen_compete(strategy: Joint) -> None:
    third = task(3, [1, 2], [0, 1, 2, 3, 5, 6, 8])

    assert strategy.mask(third).tolist() == [True] * 7
    assert third.new.sum() == 2


def test_rows_of_classes_that_take_no_part_are_kept_but_not_trained_on(strategy: Joint) -> None:
    third = task(3, [1, 2], [1, 2, 3, 6])  # with two old classes of five
    trained = strategy.before_task(NETWORK, third)
    assert trained.labels.unique().tolist() == [1, 2, 3, 6]
    assert trained.inputs[:, 0].tolist() == trained.labels.tolist()

    strategy.after_task(NETWORK, third)
    assert strategy.labels_.unique().tolist() == [0, 1, 2, 3, 5, 6, 8]
    assert strategy.memory_bytes() == {"items": 21 * 2 * 4, "labels": 21 * 8}


def test_the_sequential_budget_is_the_steps_of_the_task_alone(strategy: Joint) -> None:
    third = task(3, [1, 2], [0, 1, 2, 3, 5, 6, 8])
    trained = strategy.before_task(NETWORK, third)
    steps = drawn(strategy, third, trained, batch_size=4)

    assert [len(rows) for rows in steps] == [4, 4]  # six rows: a whole step and a part
    rows = torch.cat(steps)
    assert len(rows.unique()) == 8
    assert len(trained.inputs[rows, 1].unique()) > 1  # old rows among them
    alone = replace(third, labels=third.labels[:4])
    assert len(drawn(strategy, alone, trained, batch_size=4)) == 1


def test_the_full_budget_is_every_row_once(strategy: Joint) -> None:
    third = task(3, [1, 2], [0, 1, 2, 3, 5, 6, 8])
    trained = strategy.before_task(NETWORK, third)
    rows = torch.cat(drawn(Joint("full"), third, trained, batch_size=4))

    assert sorted(rows.tolist()) == list(range(21))
