r"""Structured joint embedding (SJE): only the worst violation counts.

References:
    Evaluation of Output Embeddings for Fine-Grained Image Classification
    (Akata, Reed, Walter, Lee & Schiele, 2015)
    https://arxiv.org/abs/1409.8403
"""

__all__ = ["SJE"]

from torch import Tensor

from unseen.methods.bilinear_ranking import BilinearRankingClassifier


class SJE(BilinearRankingClassifier):
    r"""Ranks by :math:`F(x, c) = x^T W a_c`, with the greatest violated margin as its loss.

    .. math:: L(x, y) = \max_c \, (m [c \neq y] + F(x, c) - F(x, y))_+

    Differences from the paper:
        :math:`W` starts at zero. Batches and momentum 0.9 stand for single examples without.

    Each setting is as in ``BilinearRankingClassifier``.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> model = SJE(random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> test = data.subset("test_unseen")
        >>> bool(model.score(test.features, test.labels) > 1 / 12)
        True
    """

    def _ranking_loss(self, violations: Tensor) -> Tensor:
        return violations.amax(dim=1)
