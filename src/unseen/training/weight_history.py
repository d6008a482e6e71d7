r"""The weights of ReMSE on the way of a training.

References:
    Rebalanced Zero-shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
"""

__all__ = ["EpochWeights", "weights_after"]

from typing import NamedTuple

from unseen.losses.remse import ReMSE


class EpochWeights(NamedTuple):
    """The weights of ReMSE after an epoch, over the classes that its tracker then knows.

    Arguments:
        epoch: The number of epochs done, from 1.
        mean: The mean weight; without ``mean_normalize``, about what multiplies the weight of
            the loss.
        greatest: The greatest weight.
    """

    epoch: int
    mean: float
    greatest: float


def weights_after(epoch: int, remse: ReMSE) -> EpochWeights:
    """Returns mean and greatest weight of the classes that a tracker knows after an epoch.

    Arguments:
        epoch: The number of epochs done, from 1.
        remse: The loss of the training; at least one batch has passed through it.

    Example:
        >>> import torch
        >>> remse = ReMSE(2, 2, p=1.0, p2=0.0, normalize=False)
        >>> errors = torch.tensor([[1.0, 1.0], [2.0, 1.0]])
        >>> loss = remse(errors.sqrt(), torch.zeros(2, 2), torch.tensor([0, 1]))
        >>> epoch, mean, greatest = weights_after(1, remse)
        >>> round(mean, 4), round(greatest, 4)
        (1.1733, 1.6931)
    """
    weights = remse.weights()[remse.filled]

    return EpochWeights(epoch, weights.mean().item(), weights.max().item())
