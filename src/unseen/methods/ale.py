r"""Attribute label embedding (ALE): a ranking loss that cares most for the top of the list.

References:
    Label-Embedding for Image Classification (Akata, Perronnin, Harchaoui & Schmid, 2016)
    https://arxiv.org/abs/1503.08677
"""

__all__ = ["ALE"]

import torch
from torch import Tensor

from unseen.methods.bilinear_ranking import BilinearRankingClassifier


class ALE(BilinearRankingClassifier):
    r"""Ranks by :math:`F(x, c) = x^T W a_c`, with violated margins weighted by their number.

    .. math:: L(x, y) = \frac{l_r}{r} \sum_{c \neq y} \max(0, m + F(x, c) - F(x, y)), \qquad
        l_r = \sum_{k=1}^{r} \frac{1}{k}

    with :math:`r` the number of violated margins: one class more matters less the more there are.

    Differences from the paper:
        :math:`r` is counted, where the paper estimates it from how many classes it has to draw
        until one violates the margin.
        :math:`W` starts at zero. Batches and momentum 0.9 stand for single examples without.

    Each setting is as in ``BilinearRankingClassifier``.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = ALE(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    def _ranking_loss(self, violations: Tensor) -> Tensor:
        ranks = torch.arange(1, violations.shape[1] + 1, device=violations.device)
        weights = ranks.reciprocal().cumsum(0) / ranks  # l_r / r, from r = 1
        r = (violations > 0).sum(dim=1)  # (b,)

        return weights[(r - 1).clamp_min(0)] * violations.sum(dim=1)  # without violations 0
