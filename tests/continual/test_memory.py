"""What memories choose and recall, and the bytes that they take."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unseen.continual.agem import AGEM
from unseen.continual.dem import CompressedReplay
from unseen.continual.heads import class_norm_head
from unseen.continual.icarl import ICaRL
from unseen.continual.learner import ContinualLearner
from unseen.continual.memory import MemoryStrategy, first_of_each_class, reservoir
from unseen.continual.replay import ExperienceReplay
from unseen.continual.sequential import Sequential
from unseen.continual.strategy import Step, Strategy, masked_cross_entropy
from unseen.data.dataset import ZeroShotData

TASKS = ([3, 8, 0], [11, 5], [1, 6, 9])
SEEN = {3, 8, 0, 11, 5, 1}  # after two of them and a third of the classes 1 and 8


def learned(
    toy: ZeroShotData, strategy: Strategy, tasks: tuple[list[int], ...] = TASKS
) -> ContinualLearner:
    head = class_norm_head().set_params(hidden=12, epochs=3, batch_size=16, lr=0.01)
    model = ContinualLearner(head, strategy, random_state=3)
    for classes in tasks:
        rows = np.flatnonzero(np.isin(toy.labels, classes))
        model.partial_fit(toy.rows(rows), toy.labels[rows], toy.class_attributes)

    return model


def weights(model: ContinualLearner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.network_.parameters()])


# T17: the reservoir


def test_t17_each_item_is_kept_as_often() -> None:
    kept = torch.zeros(1000)
    for seed in range(2000):
        kept[reservoir(0, 1000, 10, torch.Generator().manual_seed(seed))] += 1

    share = kept.view(10, 100).mean(dim=1) / 2000
    torch.testing.assert_close(share, torch.full((10,), 0.01), rtol=0.1, atol=0)


def test_t17_in_parts_each_item_is_kept_as_often() -> None:
    kept = torch.zeros(1000)
    for seed in range(2000):
        generator, items = torch.Generator().manual_seed(seed), torch.empty(0, dtype=torch.long)
        for start, count in ((0, 4), (4, 296), (300, 700)):
            pool = torch.cat([items, torch.arange(start, start + count)])
            items = pool[reservoir(start, count, 10, generator)]
        assert len(items.unique()) == 10
        kept[items] += 1

    share = kept.view(10, 100).mean(dim=1) / 2000
    torch.testing.assert_close(share, torch.full((10,), 0.01), rtol=0.1, atol=0)


@given(met=st.integers(0, 40), arriving=st.integers(0, 40), capacity=st.integers(1, 30))
def test_a_reservoir_of_any_size(met: int, arriving: int, capacity: int) -> None:
    held = min(met, capacity)
    rows, again = (
        reservoir(met, arriving, capacity, torch.Generator().manual_seed(met)) for _ in range(2)
    )

    assert torch.equal(rows, again)
    assert len(rows) == len(rows.unique()) == min(met + arriving, capacity)
    if len(rows):
        assert rows.min() >= 0
        assert rows.max() < held + arriving
    if met + arriving <= capacity:
        assert rows.tolist() == list(range(met + arriving))


def test_a_reservoir_is_algorithm_r_item_by_item() -> None:
    generator, draws = (torch.Generator().manual_seed(5) for _ in range(2))
    uniform = torch.rand(50, generator=draws, dtype=torch.float64).tolist()
    slots = list(range(6))
    for i, u in enumerate(uniform):
        number = 6 + i + 1
        slot = int(u * number)
        if slot < 6:
            slots[slot] = 6 + i

    assert reservoir(6, 50, 6, generator).tolist() == slots


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    count=st.integers(1, 4),
    seed=st.integers(0, 9),
)
def test_the_first_of_each_class(labels: list[int], count: int, seed: int) -> None:
    keys = np.random.default_rng(seed).integers(0, 5, len(labels))  # with ties
    expected = []
    for label in sorted(set(labels)):
        own = [i for i, other in enumerate(labels) if other == label]
        expected += sorted(own, key=lambda i: keys[i])[:count]

    found = first_of_each_class(torch.tensor(labels), torch.from_numpy(keys), count)
    assert found.tolist() == expected


# What enters the loss


@pytest.mark.parametrize(
    "strategy",
    [
        ExperienceReplay(weight=0.0),
        ExperienceReplay(weight=0.0, balanced=True),
        ICaRL(weight=0.0),
        CompressedReplay(weight=0.0),
    ],
    ids=repr,
)
def test_t20_without_weight_it_is_sequential(toy: ZeroShotData, strategy: MemoryStrategy) -> None:
    ours, plain = learned(toy, strategy), learned(toy, Sequential())
    assert torch.equal(weights(ours), weights(plain))

    strategy.set_params(weight=1.0)
    assert not torch.equal(weights(learned(toy, strategy)), weights(plain))


@pytest.mark.parametrize(
    ("strategy", "rivals"),
    [
        (ExperienceReplay(), [sorted(SEEN)] * 2),
        (ExperienceReplay(competing="own"), [[3, 8, 0], [11, 5]]),
        (ExperienceReplay(competing="earlier"), [[3, 8, 0, 11, 5]] * 2),
        (AGEM(), [[3, 8, 0], [11, 5]]),
        (ICaRL(), [[3, 8, 0, 11, 5]] * 2),
        (CompressedReplay(), [[3, 8, 0, 11, 5]] * 2),
    ],
    ids=repr,
)
def test_which_classes_compete_for_recalled_examples(
    toy: ZeroShotData, strategy: MemoryStrategy, rivals: list[list[int]]
) -> None:
    """Of the third task, with a class that came in the first and comes again in it."""
    model = learned(toy, strategy, ([3, 8, 0], [11, 5]))
    model.seen_ = model.seen_ | np.isin(np.arange(len(toy.class_names)), [1, 8])
    rows = np.flatnonzero(np.isin(toy.labels, [1, 8]))
    task, own = model._task_rows(toy.rows(rows), toy.labels[rows]), model.strategy_
    own.before_task(model.network_, task)
    memory = own.labels_.tolist()
    recalled = torch.tensor([memory.index(8), memory.index(5), memory.index(0)])
    step = Step(
        model.network_,
        task,
        task.inputs[:4],
        task.columns(task.labels)[:4],
        recalled,
        torch.arange(4),
    )

    seen, (of_first, of_second) = sorted(SEEN), rivals
    mask = torch.tensor([[c in r for c in seen] for r in (of_first, of_second, of_first)])
    inputs = own._inputs(recalled)
    expected = masked_cross_entropy(
        step.scores(inputs), torch.tensor([seen.index(c) for c in (8, 5, 0)]), mask
    )

    torch.testing.assert_close(own.memory_loss(step), expected)
    kept = toy.rows(np.flatnonzero(toy.labels == 5))
    nearest = torch.cdist(inputs[1:2], model.network_.head.prepare(torch.from_numpy(kept).float()))
    assert nearest.min() < 0.05  # the row that was asked for


def test_a_step_recalls_as_many_as_a_batch_has(toy: ZeroShotData) -> None:
    """Sixteen rows, also beside the eight of the last batch; a smaller memory is recalled whole."""
    seen: list[tuple[int, int]] = []

    class Counting(ExperienceReplay):
        def penalty(self, step: Step) -> torch.Tensor | None:
            seen.append((len(step.rows), len(step.recalled)))
            return super().penalty(step)

    def counted(**settings: float) -> set[tuple[int, int]]:
        seen.clear()
        learned(toy, Counting(**settings), TASKS[:2])
        return set(seen)

    first = {(16, 0), (12, 0)}
    assert counted() == first | {(16, 16), (8, 16)}
    assert counted(capacity=5) == first | {(16, 5), (8, 5)}
    assert counted(weight=0.0) == first | {(16, 0), (8, 0)}


@pytest.mark.parametrize(
    "strategy",
    [
        AGEM(),
        ExperienceReplay(),
        ExperienceReplay(100, balanced=True, competing="own"),
        ICaRL(100, distillation=1.0),
        CompressedReplay(),
    ],
    ids=repr,
)
def test_only_known_classes_are_recalled(toy: ZeroShotData, strategy: MemoryStrategy) -> None:
    """The learner may draw some of the old classes for a task; the memory keeps all of them."""
    model = learned(toy, strategy).set_params(old_classes=2)
    kept = model.strategy_.labels_.unique()
    model.seen_ = model.seen_ | np.isin(np.arange(len(toy.class_names)), [2, 4])
    rows = np.flatnonzero(np.isin(toy.labels, [2, 4]))
    task, own = model._task_rows(toy.rows(rows), toy.labels[rows]), model.strategy_
    old = sorted(set(task.seen.tolist()) - {2, 4})
    own.before_task(model.network_, task)
    size, _ = own.recall(task, 16)
    assert len(old) == 2
    assert size == sum(int((own.labels_ == c).sum()) for c in old) > 0
    last = torch.tensor([size - 1, 0])
    step = Step(model.network_, task, task.inputs[:2], task.columns(task.labels)[:2], last, last)
    chosen = [[i for i, c in enumerate(own.labels_.tolist()) if c in old][i] for i in (-1, 0)]
    logits = step.scores(own._inputs(torch.tensor(chosen)))
    target = task.columns(own.labels_[chosen])
    every = masked_cross_entropy(logits, target, torch.ones_like(task.new))
    assert 0 <= own.memory_loss(step) <= every + 1e-5  # fewer compete, of the same examples

    own.after_task(model.network_, task)
    assert set(own.labels_.tolist()) == set(kept.tolist()) | {2, 4}


# T11: bytes


def test_t11_ten_of_each_of_200_classes() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.random((2400, 2048), dtype=np.float32), np.repeat(np.arange(200), 12)
    S = rng.random((200, 4), dtype=np.float32)
    head = class_norm_head().set_params(epochs=1, batch_size=2400, hidden=4)
    model = ContinualLearner(head, AGEM(per_class=10), random_state=0)
    for task in np.split(np.arange(2400), 2):
        model.partial_fit(X[task], y[task], S)

    assert model.memory_bytes() == {
        "items": 16_384_000,
        "labels": 2000 * 8,
        "tasks": 2000 * 8 + 200 * 16,
    }


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (ExperienceReplay(capacity=0), "`capacity` must be a whole number at least 1"),
        (ExperienceReplay(weight=-1), "`weight` must be a number at least 0"),
        (ExperienceReplay(memory_batch=0), "`memory_batch` must be a whole number"),
        (ExperienceReplay(competing="all"), "`competing` must be one of"),
        (
            ExperienceReplay(capacity=4, balanced=True),
            "at least the number of classes seen, by now 5",
        ),
        (AGEM(per_class=0), "`per_class` must be a whole number at least 1"),
        (AGEM(memory_batch=0), "`memory_batch` must be a whole number at least 1"),
    ],
    ids=repr,
)
def test_settings_of_no_use(toy: ZeroShotData, strategy: Strategy, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learned(toy, strategy)
