"""The bytes that a strategy keeps between tasks: by part, in total, and at their peak."""

__all__ = ["MemoryCurve", "memory_curve"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryCurve:
    """The memory after each task, in bytes.

    Arguments:
        parts: The bytes of each part (items, labels, importances, ...) after each task, with
            :math:`T` entries.
        total: The bytes of all parts after each task.
    """

    parts: dict[str, tuple[int, ...]]
    total: tuple[int, ...]

    @property
    def peak(self) -> int:
        """The largest total; 0 if nothing is kept."""
        return max(self.total, default=0)

    def to_json(self) -> dict[str, object]:
        """Returns parts, total and peak as JSON knows them, in bytes."""
        parts = {name: list(sizes) for name, sizes in self.parts.items()}

        return {"parts": parts, "total": list(self.total), "peak": self.peak}


def memory_curve(sizes: Sequence[Mapping[str, int]]) -> MemoryCurve:
    """Puts the bytes that were measured after each task side by side.

    Arguments:
        sizes: The bytes of each part after each task, as a strategy's ``memory_bytes()`` gives
            them; a part that is not there counts 0.

    Raises:
        ValueError: If a size is negative.

    Example:
        >>> curve = memory_curve([{"items": 400}, {"items": 400, "teacher": 1000}])
        >>> curve.parts["teacher"], curve.total, curve.peak
        ((0, 1000), (400, 1400), 1400)
    """
    names = sorted({name for of_task in sizes for name in of_task})
    parts = {name: tuple(of_task.get(name, 0) for of_task in sizes) for name in names}
    for name, of_part in parts.items():
        if min(of_part) < 0:
            raise ValueError(f"A size is 0 bytes or more; {name!r} has {min(of_part)}.")

    return MemoryCurve(parts, tuple(sum(of_task.values()) for of_task in sizes))
