"""Which rows make the steps of an epoch: all in random order, any of them, or episodes."""

__all__ = ["Batches", "Episodes", "FirstOf", "RandomRows", "Recalling", "Shuffled", "SideBySide"]

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Batches(ABC):
    """Draws the row numbers of each step of an epoch, on the CPU, from a generator."""

    @abstractmethod
    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Draws one epoch: a tensor of row numbers, with shape :math:`(b,)`, per step."""


class Shuffled(Batches):
    """Takes every row once, in random order.

    Arguments:
        rows: The number of rows.
        batch_size: The number of rows of a step; the last of an epoch may be smaller.

    Example:
        >>> batches = Shuffled(rows=5, batch_size=2).epoch(torch.Generator().manual_seed(0))
        >>> [len(batch) for batch in batches]
        [2, 2, 1]
    """

    def __init__(self, rows: int, batch_size: int) -> None:
        self.rows = rows
        self.batch_size = batch_size

    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Draws one epoch: a tensor of row numbers, with shape :math:`(b,)`, per step."""
        return torch.randperm(self.rows, generator=generator).split(self.batch_size)


class Episodes(Batches):
    """Draws small tasks: some classes without repetition, and some rows of each.

    A step holds ``ways * shots`` rows, class after class, so that ``labels[rows][::shots]`` are
    the classes of the episode. Rows are drawn with repetition.

    Arguments:
        labels: The class of each row, with shape :math:`(n,)`, from 0 without gaps.
        ways: The number of classes of an episode; at most all there are.
        shots: The number of rows of each.
        episodes: The number of episodes of an epoch.

    Example:
        >>> labels = torch.tensor([0, 1, 1, 2, 2, 2])
        >>> episodes = Episodes(labels, ways=2, shots=3, episodes=4)
        >>> labels[episodes.epoch(torch.Generator().manual_seed(0))[0]]
        tensor([2, 2, 2, 0, 0, 0])
    """

    def __init__(self, labels: Tensor, ways: int, shots: int, episodes: int) -> None:
        labels = labels.cpu()
        self.by_class = labels.argsort(stable=True)  # (n,)
        self.count = labels.bincount()  # (k,)
        self.start = self.count.cumsum(0) - self.count  # (k,)
        self.ways = min(ways, len(self.count))
        self.shots = shots
        self.episodes = episodes

    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Draws one epoch: a tensor of row numbers, with shape :math:`(ways * shots,)`, a step."""
        order = torch.rand(self.episodes, len(self.count), generator=generator).argsort(dim=1)
        classes = order[:, : self.ways, None]  # (e, w, 1)
        where = torch.rand(self.episodes, self.ways, self.shots, generator=generator)
        position = (where * self.count[classes]).long()  # (e, w, s)
        # float32 below 1 times a count can round up to the count itself
        position = position.minimum(self.count[classes] - 1)
        rows = self.by_class[self.start[classes] + position]  # (e, w, s)

        return rows.flatten(start_dim=1).unbind()


class RandomRows(Batches):
    """Draws a fixed number of batches of any rows, with repetition.

    Arguments:
        rows: The number of rows.
        batch_size: The number of rows of a step.
        steps: The number of steps of an epoch.

    Example:
        >>> batches = RandomRows(rows=5, batch_size=2, steps=3)
        >>> [len(batch) for batch in batches.epoch(torch.Generator().manual_seed(0))]
        [2, 2, 2]
    """

    def __init__(self, rows: int, batch_size: int, steps: int) -> None:
        self.rows = rows
        self.batch_size = batch_size
        self.steps = steps

    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Draws one epoch: a tensor of row numbers, with shape :math:`(b,)`, per step."""
        drawn = torch.randint(self.rows, (self.steps, self.batch_size), generator=generator)

        return drawn.unbind()


class FirstOf(Batches):
    """Takes the first steps of each epoch of other batches, and leaves the rest out.

    Arguments:
        batches: The other batches.
        steps: The greatest number of steps of an epoch.

    Example:
        >>> batches = FirstOf(Shuffled(rows=100, batch_size=8), steps=3)
        >>> [len(batch) for batch in batches.epoch(torch.Generator().manual_seed(0))]
        [8, 8, 8]
    """

    def __init__(self, batches: Batches, steps: int) -> None:
        self.batches = batches
        self.steps = steps

    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Draws one epoch: a tensor of row numbers, with shape :math:`(b,)`, per step."""
        return self.batches.epoch(generator)[: self.steps]


class Recalling(Batches):
    """Adds rows of a memory, drawn without replacement in each step, behind those of a batch.

    They are drawn by a generator of their own, which follows from the state of the one that draws
    the batches and does not move it: the batches are the same with a memory and without, and a
    resumed training recalls what the undisturbed one would.

    Arguments:
        batches: The batches.
        memory: The number of rows of the memory.
        recalled: The number of them in each step, at most all.
        seed: What tells this memory's draws from another's.

    Example:
        >>> batches = Recalling(Shuffled(rows=4, batch_size=2), memory=100, recalled=3, seed=0)
        >>> [len(batch) for batch in batches.epoch(torch.Generator().manual_seed(0))]
        [5, 5]
    """

    def __init__(self, batches: Batches, memory: int, recalled: int, seed: int) -> None:
        self.batches = batches
        self.memory = memory
        self.recalled = min(recalled, memory)
        self.seed = seed

    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:
        """Draws one epoch: rows of the batch, then of the memory, with shape (b + m,), a step."""
        state = generator.get_state().numpy().tobytes() + self.seed.to_bytes(8, "little")
        seed = int.from_bytes(hashlib.sha256(state).digest()[:7], "little")
        own = np.random.default_rng(seed)  # draws few of many without touching all

        return [
            torch.cat([batch, torch.from_numpy(own.choice(self.memory, self.recalled, False))])
            for batch in self.batches.epoch(generator)
        ]


class SideBySide(Batches):
    """Draws for several networks at once what each would draw alone.

    Arguments:
        batches: What each network draws.
        generators: The generator of each; that of the loop is not used.

    Example:
        >>> generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
        >>> batches = SideBySide(Shuffled(rows=5, batch_size=2), generators)
        >>> [tuple(batch.shape) for batch in batches.epoch(torch.Generator())]
        [(2, 2), (2, 2), (1, 2)]
    """

    def __init__(self, batches: Batches, generators: Sequence[torch.Generator]) -> None:
        self.batches = batches
        self.generators = generators

    def epoch(self, generator: torch.Generator) -> Sequence[Tensor]:  # noqa: ARG002
        """Draws one epoch: row numbers with shape :math:`(b, s)`, a column a network, per step."""
        drawn = [self.batches.epoch(own) for own in self.generators]

        return [torch.stack(step, dim=1) for step in zip(*drawn, strict=True)]
