"""Batches as properties: what an epoch holds, whatever the sizes and the seed."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from unseen.training.batches import (
    Batches,
    Episodes,
    FirstOf,
    RandomRows,
    Recalling,
    Shuffled,
    SideBySide,
)

seeds = st.integers(0, 2**31)


def draw(batches: Batches, seed: int) -> list[Tensor]:
    return list(batches.epoch(torch.Generator().manual_seed(seed)))


@given(rows=st.integers(1, 60), batch_size=st.integers(1, 70), seed=seeds)
def test_shuffled_takes_every_row_once(rows: int, batch_size: int, seed: int) -> None:
    steps = draw(Shuffled(rows, batch_size), seed)

    assert torch.cat(steps).sort().values.tolist() == list(range(rows))
    assert {len(step) for step in steps[:-1]} <= {batch_size}
    assert 1 <= len(steps[-1]) <= batch_size


@given(
    counts=st.lists(st.integers(1, 7), min_size=1, max_size=8),
    ways=st.integers(1, 10),
    shots=st.integers(1, 5),
    episodes=st.integers(1, 6),
    seed=seeds,
)
def test_episodes_hold_some_rows_of_some_classes(
    counts: list[int], ways: int, shots: int, episodes: int, seed: int
) -> None:
    order = torch.randperm(sum(counts), generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))[order]
    steps = draw(Episodes(labels, ways, shots, episodes), seed)

    assert len(steps) == episodes
    for step in steps:
        drawn = labels[step].unflatten(0, (-1, shots))  # (w, s)
        classes = labels[step][::shots].tolist()
        assert len(step) == min(ways, len(counts)) * shots
        assert (drawn == drawn[:, :1]).all()
        assert len(set(classes)) == len(classes)


@given(
    rows=st.integers(1, 20),
    batch_size=st.integers(1, 30),
    steps=st.integers(1, 6),
    seed=seeds,
)
def test_random_rows_are_as_many_as_asked_for(
    rows: int, batch_size: int, steps: int, seed: int
) -> None:
    drawn = draw(RandomRows(rows, batch_size, steps), seed)

    assert [len(step) for step in drawn] == [batch_size] * steps
    assert set(torch.cat(drawn).tolist()) <= set(range(rows))


def test_random_rows_are_any_rows() -> None:
    steps = draw(RandomRows(rows=10, batch_size=7, steps=50), 0)

    assert torch.cat(steps).unique().tolist() == list(range(10))


@given(rows=st.integers(2, 40), seed=seeds)
def test_the_seed_alone_decides(rows: int, seed: int) -> None:
    labels = torch.arange(rows) % 2
    for batches in (
        Shuffled(rows, 3),
        RandomRows(rows, 3, 2),
        Episodes(labels, 2, shots=3, episodes=2),
    ):
        state = torch.get_rng_state()
        first, again = draw(batches, seed), draw(batches, seed)

        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        assert torch.equal(torch.get_rng_state(), state)


def test_another_epoch_is_another_draw() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 10
    for batches in (Shuffled(100, 100), Episodes(labels, ways=10, shots=10, episodes=1)):
        assert not torch.equal(batches.epoch(generator)[0], batches.epoch(generator)[0])


def test_episodes_draw_classes_and_their_rows_evenly() -> None:
    labels = torch.tensor([0] * 2 + [1] * 30 + [2] * 4 + [3] * 4)
    steps = torch.cat(draw(Episodes(labels, ways=2, shots=5, episodes=4000), 0))
    by_class = labels[steps].bincount() / len(steps)
    by_row = steps.bincount(minlength=40) / len(steps)

    assert torch.allclose(by_class, torch.full((4,), 0.25), atol=0.02)  # however many rows
    assert torch.allclose(by_row[:2], torch.full((2,), 0.125), atol=0.02)
    assert torch.allclose(by_row[2:32], torch.full((30,), 0.25 / 30), atol=0.003)


@given(rows=st.integers(1, 30), memory=st.integers(1, 30), recalled=st.integers(0, 40), seed=seeds)
def test_recalled_rows_come_behind_batches_that_they_do_not_change(
    rows: int, memory: int, recalled: int, seed: int
) -> None:
    plain = Shuffled(rows, batch_size=4)
    steps = draw(Recalling(plain, memory, recalled, seed=0), seed)

    for step, batch in zip(steps, draw(plain, seed), strict=True):
        behind = step[len(batch) :].tolist()
        assert torch.equal(step[: len(batch)], batch)
        assert len(behind) == len(set(behind)) == min(recalled, memory)
        assert set(behind) <= set(range(memory))


def test_a_memory_is_drawn_from_by_its_seed_and_the_state_of_the_batches() -> None:
    def recalled(seed: int, state: int) -> list[int]:
        (step,) = draw(Recalling(Shuffled(5, 5), memory=1000, recalled=20, seed=seed), state)
        return step[5:].tolist()

    assert recalled(seed=0, state=0) == recalled(seed=0, state=0)
    assert recalled(seed=0, state=0) != recalled(seed=1, state=0)
    assert recalled(seed=0, state=0) != recalled(seed=0, state=1)


def test_the_first_steps_are_those_of_the_whole_epoch() -> None:
    whole, first = Shuffled(20, batch_size=4), FirstOf(Shuffled(20, batch_size=4), steps=3)

    assert [step.tolist() for step in draw(first, 7)] == [s.tolist() for s in draw(whole, 7)[:3]]
    assert len(draw(FirstOf(whole, steps=9), 7)) == 5


def test_networks_side_by_side_take_the_rows_that_each_would_alone() -> None:
    plain = Shuffled(7, batch_size=3)
    generators = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
    steps = draw(SideBySide(plain, generators), seed=0)

    for step, *alone in zip(steps, draw(plain, 3), draw(plain, 4), strict=True):
        assert torch.equal(step, torch.stack(alone, dim=1))
