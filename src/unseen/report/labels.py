"""Labels beside points, placed so that none covers another, nor a point."""

__all__ = ["Box", "place_labels"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import hypot

# Rings around the point, nearest first; to the right before the left, beside before above.
DIRECTIONS = ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
RINGS = 24


@dataclass(frozen=True)
class Box:
    """A rectangle, by its corners.

    Example:
        >>> Box(0, 0, 2, 2).overlap(Box(1, 1, 5, 5)), Box(0, 0, 1, 1).overlap(Box(1, 0, 2, 1))
        (1, 0)
    """

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "Box") -> float:
        """Returns the area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)

        return max(width, 0) * max(height, 0)

    def outside(self, frame: "Box") -> float:
        """Returns the area that lies outside of a frame."""
        return (self.right - self.left) * (self.top - self.bottom) - self.overlap(frame)


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    radius: float,
) -> list[Box]:
    """Returns a place for the label of each point: the nearest that is still free.

    Labels are placed one after the other; where no place is free, the one that covers least is
    taken.

    Arguments:
        points: The points, as x and y.
        sizes: The width and height of each label, in the unit of the points.
        frame: Where labels may stand.
        radius: The radius of the dots, which labels keep clear of.

    Example:
        >>> first, second = place_labels([(5, 5), (5, 6)], [(3, 1)] * 2, Box(0, 0, 20, 20), 0.5)
        >>> first.overlap(second)
        0.0
    """
    dots = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    placed: list[Box] = []

    for point, size in zip(points, sizes, strict=True):
        taken = [*dots, *placed]
        best, *others = candidates(point, size, radius)
        least = covered(best, taken, frame)
        for box in others:
            if least <= 0:
                break
            if (area := covered(box, taken, frame)) < least:
                best, least = box, area
        placed.append(best)

    return placed


def covered(box: Box, taken: Sequence[Box], frame: Box) -> float:
    """Returns the area that a box takes from others, or that lies outside of the frame."""
    return box.outside(frame) + sum(box.overlap(other) for other in taken)


def candidates(
    point: tuple[float, float], size: tuple[float, float], radius: float
) -> Iterator[Box]:
    """Yields places for a label, from near to far."""
    (x, y), (width, height) = point, size
    step = height / 2
    offers = sorted(
        product(range(RINGS), DIRECTIONS),
        key=lambda offer: offer[0] * hypot(*offer[1]),  # diagonals of a ring are farther away
    )

    for ring, (right, up) in offers:
        gap = 1.5 * radius + ring * step
        left = x + right * gap + (right - 1) * width / 2
        bottom = y + up * gap + (up - 1) * height / 2
        yield Box(left, bottom, left + width, bottom + height)
