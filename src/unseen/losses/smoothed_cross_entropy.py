r"""Cross-entropy with smoothed targets, properly normalised or as in the class-norm release."""

__all__ = ["smoothed_cross_entropy"]

import torch.nn.functional as F
from torch import Tensor


def smoothed_cross_entropy(
    logits: Tensor, labels: Tensor, true_share: float = 1.0, legacy: bool = False
) -> Tensor:
    r"""Returns the mean cross-entropy to a target with :math:`q` on the true class.

    The rest of the target, :math:`1 - q`, is spread evenly over the other :math:`k - 1` classes.
    The legacy target gives each of them :math:`(1 - q) / k`, so that it sums to less than 1.

    References:
        Class Normalization for (Continual)? Generalized Zero-Shot Learning
        (Skorokhodov & Elhoseiny, 2021), released code
        https://arxiv.org/abs/2006.11328

    Arguments:
        logits: The logits, with shape :math:`(n, k)`.
        labels: The true classes, with shape :math:`(n,)`.
        true_share: The share :math:`q` of the true class, above :math:`1 / k` and at most 1, which
            is plain cross-entropy.
        legacy: Whether to use the target of the authors' released code.

    Raises:
        ValueError: If the true class would get no more than the others.

    Example:
        >>> import torch
        >>> logits, labels = torch.zeros(1, 4), torch.tensor([0])
        >>> smoothed_cross_entropy(logits, labels, 0.9) / torch.tensor(4.0).log()
        tensor(1.)
        >>> smoothed_cross_entropy(logits, labels, 0.9, legacy=True) / torch.tensor(4.0).log()
        tensor(0.9750)
    """
    k = logits.shape[1]
    if true_share == 1.0:
        return F.cross_entropy(logits, labels)
    if true_share * k <= 1:
        raise ValueError(
            f"The true class must have more than 1 / {k} of the target, what each of {k} classes "
            f"has by chance; got {true_share!r} (`smoothing` of ClassNorm). 1 is no smoothing."
        )
    if not legacy:
        return F.cross_entropy(logits, labels, label_smoothing=(1 - true_share) * k / (k - 1))

    log_probabilities = logits.log_softmax(dim=1)
    true = log_probabilities.gather(1, labels[:, None]).squeeze(1)  # (n,)
    other = log_probabilities.sum(dim=1) - true

    return -(true_share * true + (1 - true_share) / k * other).mean()
