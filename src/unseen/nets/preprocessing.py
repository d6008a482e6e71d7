"""Preparations of features and of class descriptions, fitted on the seen classes."""

__all__ = [
    "ATTRIBUTE_NORMALIZATIONS",
    "FEATURE_PREPROCESSINGS",
    "INDUCTIVE_NORMALIZATIONS",
    "AttributeNormalization",
    "FeaturePreprocessing",
]

from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor, nn

from unseen.nets.cosine_head import normalize_rows

FEATURE_PREPROCESSINGS = (
    "none",
    "l2",
    "centre",
    "l2-centre",
    "centre-scale",
    "standardize",
    "standardize-max",
)
INDUCTIVE_NORMALIZATIONS = ("sqrt", "unit", "raw", "standardize")
ATTRIBUTE_NORMALIZATIONS = (*INDUCTIVE_NORMALIZATIONS, "standardize-all")
CONSTANT = 1e-6  # a deviation below this share of the mean is rounding, not variation


class FeaturePreprocessing(nn.Module):
    r"""Brings features to one length, mean or deviation, or leaves them as they are.

    Arguments:
        kind: A name in ``FEATURE_PREPROCESSINGS``: ``"none"``, ``"l2"`` (unit rows), ``"centre"``
            (the mean of the training rows is subtracted), ``"l2-centre"`` (first the one, then
            the other), ``"centre-scale"`` (centred, all divided by one number, so that the root
            mean square of the training rows is 1), ``"standardize"`` (centred, each feature
            divided by its own deviation) or ``"standardize-max"`` (standardised, then all divided
            by the greatest value of the training rows).
        features: The number :math:`d` of features.

    Example:
        >>> preprocessing = FeaturePreprocessing("l2-centre", 2)
        >>> _ = preprocessing.fit([torch.tensor([[3.0, 4.0], [4.0, 3.0]])])
        >>> preprocessing(torch.tensor([[3.0, 4.0]]))
        tensor([[-0.1000,  0.1000]])
    """

    mean: Tensor
    divisor: Tensor | None

    def __init__(self, kind: str, features: int) -> None:
        super().__init__()

        self.kind = kind
        self.l2 = kind.startswith("l2")
        self.centre = kind not in ("none", "l2")
        self.divide = kind in ("centre-scale", "standardize", "standardize-max")
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("divisor", torch.ones(features) if self.divide else None)

    def fit(self, chunks: Iterable[Tensor]) -> Self:
        """Takes means and deviations of the training rows, in chunks of shape :math:`(m, d)`."""
        if not self.centre:
            return self

        total, rows = torch.zeros_like(self.mean, dtype=torch.float64), 0
        squares, greatest = total.clone(), torch.full_like(self.mean, -torch.inf)
        for chunk in map(self.scaled, chunks):
            total += chunk.sum(dim=0, dtype=torch.float64)
            rows += len(chunk)
            if self.divide:
                squares += chunk.double().square().sum(dim=0)
                greatest = greatest.maximum(chunk.amax(dim=0))
        self.settle(total / rows, squares / rows, greatest)

        return self

    def settle(self, mean: Tensor, mean_square: Tensor, greatest: Tensor) -> None:
        """Takes what is known of the training rows after their first part, each of shape (d,).

        Arguments:
            mean: The mean of each feature.
            mean_square: The mean of its square.
            greatest: Its greatest value.
        """
        if self.centre:
            self.mean.copy_(mean)
        if self.divisor is not None:
            self.divisor.copy_(self._divisor(mean, mean_square, greatest))

    def _divisor(self, mean: Tensor, mean_square: Tensor, greatest: Tensor) -> Tensor:
        """Returns the divisors, with shape (d,); 1 where nothing varies."""
        variance = mean_square - mean.square()
        variance = torch.where(variance > CONSTANT**2 * mean_square, variance, 0.0)
        if self.kind == "centre-scale":
            return _or_one(variance.mean().sqrt()).expand_as(mean)

        deviation = _or_one(variance.sqrt())
        if self.kind == "standardize":
            return deviation

        return deviation * _or_one(((greatest - mean) / deviation).max())

    def scaled(self, X: Tensor) -> Tensor:
        """Applies the first part, the length of the rows."""
        return normalize_rows(X) if self.l2 else X

    def forward(self, X: Tensor) -> Tensor:
        """Prepares rows of shape :math:`(n, d)`; the shape stays."""
        X = self.scaled(X) - self.mean if self.centre else self.scaled(X)

        return X if self.divisor is None else X / self.divisor

    def nonnegative(self, chunks: Iterable[Tensor]) -> bool:
        """Says whether no prepared feature of some rows, in chunks (m, d), is negative."""
        return all(bool((self(chunk) >= 0).all()) for chunk in chunks)


def _or_one(divisor: Tensor) -> Tensor:
    return torch.where(divisor > 0, divisor, 1.0)


class AttributeNormalization(nn.Module):
    r"""Normalises class descriptions.

    Arguments:
        kind: A name in ``ATTRIBUTE_NORMALIZATIONS``: ``"sqrt"`` (length :math:`\sqrt{d_a}`, so
            that the root mean square is 1), ``"unit"`` (length 1), ``"raw"``, ``"standardize"``
            (each dimension, over the seen classes), or ``"standardize-all"`` (over all classes:
            an ablation of the authors that uses unseen descriptions in training).
        attributes: The length :math:`d_a` of a description.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, kind: str, attributes: int) -> None:
        super().__init__()

        self.kind = kind
        self.register_buffer("mean", torch.zeros(attributes))
        self.register_buffer("std", torch.ones(attributes))

    def fit(self, class_attributes: Tensor) -> Self:
        """Takes mean and deviation over the classes, given with shape :math:`(c, d_a)`."""
        if self.kind.startswith("standardize"):
            self.mean.copy_(class_attributes.mean(dim=0))
            std = class_attributes.std(dim=0, correction=0)
            self.std.copy_(torch.where(std > 0, std, 1.0))  # a constant attribute says nothing

        return self

    def forward(self, class_attributes: Tensor) -> Tensor:
        """Normalises descriptions of shape :math:`(c, d_a)`; the shape stays."""
        if self.kind == "sqrt":
            return normalize_rows(class_attributes, class_attributes.shape[1] ** 0.5)
        if self.kind == "unit":
            return normalize_rows(class_attributes)
        if self.kind == "raw":
            return class_attributes

        return (class_attributes - self.mean) / self.std
