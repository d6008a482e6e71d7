r"""Deep visual-semantic embedding (DeViSE): every wrong class that comes too close counts.

References:
    DeViSE: A Deep Visual-Semantic Embedding Model (Frome et al., 2013)
    https://papers.nips.cc/paper/5204-devise-a-deep-visual-semantic-embedding-model
"""

__all__ = ["DeViSE"]

from torch import Tensor

from unseen.methods.bilinear_ranking import BilinearRankingClassifier


class DeViSE(BilinearRankingClassifier):
    r"""Ranks by :math:`F(x, c) = x^T W a_c`, with the sum of all violated margins as its loss.

    .. math:: L(x, y) = \sum_{c \neq y} \max(0, m + F(x, c) - F(x, y))

    Differences from the paper:
        Features are given; the paper trains the network below them too.
        :math:`W` starts at zero. Batches and momentum 0.9 stand for single examples without.
        The sum is over all seen classes; the paper stops at the first violation it finds.

    Each setting is as in ``BilinearRankingClassifier``.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = DeViSE(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    def _ranking_loss(self, violations: Tensor) -> Tensor:
        return violations.sum(dim=1)
