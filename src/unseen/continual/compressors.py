"""Compressors: how a memory keeps rows in fewer bytes."""

__all__ = [
    "Compressed",
    "Compressor",
    "EightBits",
    "HalfPrecision",
    "PooledPixels",
    "PrincipalComponents",
]

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from unseen.data.arguments import check_number

LEVELS = 255  # steps between the least and the greatest number of a row
HALF_MAX = 65504.0  # the greatest number of half precision


@dataclass(frozen=True)
class Compressed:
    """Rows in fewer bytes.

    Arguments:
        codes: What is kept of each row, with shape (n, ...).
        key: What else restores them: a line for each row, or for all together; may be empty.
    """

    codes: Tensor
    key: Tensor


class Compressor(ABC):
    """Keeps rows in fewer bytes, and restores what is left of them.

    It holds settings only. What it returns is new; what it is given stays as it was. ``restore``
    runs in the steps of training, so it asks the device for no number and draws none.
    """

    def check(self, rows: Tensor) -> None:
        """Raises a ``ValueError`` for rows (n, ...) that it cannot keep."""
        if rows.dtype == torch.uint8:
            raise ValueError(
                f"{type(self).__name__} keeps features, and these are pictures, which have a byte "
                "a number already: take compressor='pooled'."
            )

    @abstractmethod
    def add(self, kept: Compressed | None, rows: Tensor) -> Compressed:
        """Returns what is kept once rows (n, ...) stand behind those kept before."""

    @abstractmethod
    def restore(self, kept: Compressed, which: Tensor) -> Tensor:
        """Restores some rows, given by their numbers (b,), with shape (b, ...)."""


class HalfPrecision(Compressor):
    """Keeps numbers in half precision: 2 bytes each, with a relative error below 0.0005.

    Example:
        >>> kept = HalfPrecision().add(None, torch.tensor([[1.0, 1.0001]]))
        >>> kept.codes.nbytes, HalfPrecision().restore(kept, torch.tensor([0]))
        (4, tensor([[1., 1.]]))
    """

    def check(self, rows: Tensor) -> None:
        """Raises a ``ValueError`` for numbers beyond 65,504."""
        super().check(rows)
        greatest = rows.abs().max().item()
        if greatest > HALF_MAX:
            raise ValueError(
                f"A feature is as large as {greatest:g}, and half precision ends at "
                f"{HALF_MAX:g}; take compressor='int8', or divide the features."
            )

    def add(self, kept: Compressed | None, rows: Tensor) -> Compressed:
        """Rounds the rows."""
        return _behind(kept, Compressed(rows.half(), rows.new_empty(0, 0)))

    def restore(self, kept: Compressed, which: Tensor) -> Tensor:
        """Returns the rounded rows in single precision."""
        return kept.codes[which].float()


class EightBits(Compressor):
    r"""Keeps numbers in one byte each, in 255 steps from the least to the greatest of their row.

    The error is at most half a step. Two numbers a row, 8 bytes, say where it starts and how long
    its step is, so that rows of later tasks need not be of the size of the first ones.

    Example:
        >>> kept = EightBits().add(None, torch.tensor([[0.0, 0.1, 51.0]]))
        >>> kept.codes, EightBits().restore(kept, torch.tensor([0]))
        (tensor([[  0,   0, 255]], dtype=torch.uint8), tensor([[ 0.,  0., 51.]]))
    """

    def add(self, kept: Compressed | None, rows: Tensor) -> Compressed:
        """Rounds the rows."""
        low, high = rows.amin(dim=1, keepdim=True), rows.amax(dim=1, keepdim=True)
        step = (high - low) / LEVELS
        codes = ((rows - low) / torch.where(step > 0, step, 1.0)).round()

        return _behind(kept, Compressed(codes.byte(), torch.cat([low, step], dim=1)))

    def restore(self, kept: Compressed, which: Tensor) -> Tensor:
        """Returns the rounded rows in single precision."""
        low, step = kept.key[which].split(1, dim=1)

        return low + step * kept.codes[which]


class PrincipalComponents(Compressor):
    r"""Keeps the coordinates of rows along the principal axes of all rows so far.

    With each task the axes are fitted anew, to its rows and to what is left of the earlier ones,
    which are then expressed by the new axes: the bytes of the axes do not grow with the tasks, and
    old rows lose a little with each. The scatter of earlier rows follows from their coordinates,
    so that none of them is restored for it (as in Ross et al., 2008).

    References:
        Incremental Learning for Robust Visual Tracking (Ross et al., 2008)
        https://doi.org/10.1007/s11263-007-0075-7

    Arguments:
        components: The greatest number of axes.

    Example:
        >>> pca, rows = PrincipalComponents(components=1), torch.tensor([[1.0, 2.0], [3.0, 6.0]])
        >>> kept = pca.add(None, rows)
        >>> kept.codes.shape, pca.restore(kept, torch.tensor([1])).round(decimals=3)
        (torch.Size([2, 1]), tensor([[3., 6.]]))
    """

    def __init__(self, components: int = 64) -> None:
        self.components = components

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_number("components", self.components, 1, whole=True)

    def add(self, kept: Compressed | None, rows: Tensor) -> Compressed:
        """Fits the axes to all rows, and expresses all by them; the key is centre and axes."""
        if kept is None:
            centre = rows.mean(dim=0)
            axes = self._axes(rows - centre)

            return Compressed((rows - centre) @ axes.T, torch.cat([centre[None], axes]))

        codes, old_centre, old_axes = kept.codes, kept.key[0], kept.key[1:]
        old_mean = old_centre + codes.mean(dim=0) @ old_axes
        centre = torch.lerp(old_mean, rows.mean(dim=0), len(rows) / (len(codes) + len(rows)))
        # an old row is [codes, 1] @ frame from the new centre
        frame = torch.cat([old_axes, (old_centre - centre)[None]])  # (p + 1, d)
        codes = F.pad(codes, (0, 1), value=1.0)
        scatter = torch.linalg.qr(codes, mode="r").R @ frame  # (p + 1, d) for all old rows
        axes = self._axes(torch.cat([scatter, rows - centre]))

        return Compressed(
            torch.cat([codes @ (frame @ axes.T), (rows - centre) @ axes.T]),
            torch.cat([centre[None], axes]),
        )

    def restore(self, kept: Compressed, which: Tensor) -> Tensor:
        """Returns the rows from their coordinates."""
        return kept.key[0] + kept.codes[which] @ kept.key[1:]

    def _axes(self, centred: Tensor) -> Tensor:
        """Returns the axes (p, d) along which rows (n, d) are longest."""
        count = min(self.components, *centred.shape)
        _, _, axes = randomized_svd(centred.cpu().numpy(), count, random_state=0)

        return torch.from_numpy(axes.copy()).to(centred)


class PooledPixels(Compressor):
    """Keeps pictures smaller: the means of squares of pixels, each put for its whole square.

    A picture is a row of pixels from 0 to 255, line by line, of one or three channels, as many
    pixels high as wide. The paper's streams keep 64 x 64 of 256 x 256 pixels: 12,288 bytes of
    196,608.

    Arguments:
        factor: The height and width of the squares, in pixels.

    Example:
        >>> pooled, picture = PooledPixels(factor=2), torch.arange(16, dtype=torch.uint8)[None]
        >>> kept = pooled.add(None, picture)
        >>> kept.codes
        tensor([[ 2,  4, 10, 12]], dtype=torch.uint8)
        >>> pooled.restore(kept, torch.tensor([0])).view(4, 4)[0]
        tensor([2, 2, 4, 4], dtype=torch.uint8)
    """

    def __init__(self, factor: int = 4) -> None:
        self.factor = factor

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_number("factor", self.factor, 2, whole=True)

    def check(self, rows: Tensor) -> None:
        """Raises a ``ValueError`` for rows that are no pictures, or cannot be cut in squares."""
        side, channels = _picture(rows.shape[1])
        if rows.dtype != torch.uint8 or side * side * channels != rows.shape[1]:
            raise ValueError(
                "compressor='pooled' keeps pictures: rows of whole numbers from 0 to 255, as many "
                f"pixels high as wide; got {rows.shape[1]} numbers a row of {rows.dtype}. "
                "Features are kept by 'float16', 'int8' or 'pca'."
            )
        if side % self.factor:
            raise ValueError(
                f"`factor` must divide the {side} pixels of a side of the pictures; "
                f"got {self.factor}."
            )

    def add(self, kept: Compressed | None, rows: Tensor) -> Compressed:
        """Takes the means of squares."""
        side, channels = _picture(rows.shape[1])
        pixels = rows.view(-1, side, side, channels).permute(0, 3, 1, 2).float()
        means = F.avg_pool2d(pixels, self.factor).round().byte()
        codes = means.permute(0, 2, 3, 1).flatten(start_dim=1)

        return _behind(kept, Compressed(codes, rows.new_empty(0, 0)))

    def restore(self, kept: Compressed, which: Tensor) -> Tensor:
        """Puts each mean for its whole square."""
        side, channels = _picture(kept.codes.shape[1])
        pixels = kept.codes[which].view(-1, side, side, channels)
        pixels = pixels.repeat_interleave(self.factor, dim=1)

        return pixels.repeat_interleave(self.factor, dim=2).flatten(start_dim=1)


def _behind(kept: Compressed | None, new: Compressed) -> Compressed:
    """Puts new codes, and their lines of the key, behind those kept before."""
    if kept is None:
        return new

    return Compressed(torch.cat([kept.codes, new.codes]), torch.cat([kept.key, new.key]))


def _picture(width: int) -> tuple[int, int]:
    """Returns the side and the channels of a square picture of so many numbers."""
    channels = 3 if width % 3 == 0 and math.isqrt(width // 3) ** 2 == width // 3 else 1

    return math.isqrt(width // channels), channels
