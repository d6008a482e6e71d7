"""Features that live on the device: prepared once, in chunks, in the type of the products."""

__all__ = ["chunks", "to_device"]

from collections.abc import Callable, Iterator

import torch
from numpy.typing import NDArray
from torch import Tensor

CHUNK_ROWS = 1024  # 8 MB of float32 at 2,048 features


def chunks(X: NDArray) -> Iterator[Tensor]:
    """Cuts features into float32 tensors of at most ``CHUNK_ROWS`` rows.

    Arguments:
        X: The features, with shape :math:`(n, d)`, of any numeric type.
    """
    for start in range(0, len(X), CHUNK_ROWS):
        chunk = X[start : start + CHUNK_ROWS]
        # a memory map, or an order turned round: PyTorch has no such tensors
        if not chunk.flags.writeable or min(chunk.strides) < 0:
            chunk = chunk.copy()
        yield torch.from_numpy(chunk).float()


@torch.no_grad()
def to_device(
    X: NDArray,
    prepare: Callable[[Tensor], Tensor],
    width: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """Prepares features chunk by chunk, so that only the result stands in memory as a whole.

    Arguments:
        X: The features, with shape :math:`(n, d)`, of any numeric type.
        prepare: Maps float32 rows on the device, with shape :math:`(m, d)`, to rows of ``width``.
        width: The number of columns of the result.
        device: Where the result lives.
        dtype: The type of the result.

    Returns:
        The prepared features, with shape :math:`(n, width)`.
    """
    features = torch.empty((len(X), width), device=device, dtype=dtype)
    start = 0
    for chunk in chunks(X):
        features[start : start + len(chunk)] = prepare(chunk.to(device))
        start += len(chunk)

    return features
