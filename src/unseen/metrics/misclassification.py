"""Where the attributes predicted for wrongly classified examples lie, by cosines.

How much nearer are they to the class that was chosen than to the true one, and is the chosen class
the one whose description is most like the true one's?

References:
    Rebalanced Zero-Shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
"""

__all__ = ["Misclassification", "check_predictions", "misclassification", "unit_rows"]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.data.wording import describe

GUARD = 1e-10  # added to lengths, as in the loss
ALIKE = 1e-9  # cosines this near are equal: the guard moves them by less


@dataclass(frozen=True)
class Misclassification:
    """Where predictions of wrongly classified examples lie: means of cosines over those alone.

    All but the counts are NaN where nothing was classified wrongly.

    Arguments:
        examples: The number of examples.
        wrong: The number that was classified wrongly.
        predicted_to_true: Prediction and description of the true class.
        predicted_to_chosen: Prediction and description of the chosen class.
        true_to_chosen: Descriptions of the true and of the chosen class.
        true_to_nearest: Descriptions of the true class and of the class most like it.
        chosen_is_nearest: The share in which the chosen class is the one most like the true one.
    """

    examples: int
    wrong: int
    predicted_to_true: float
    predicted_to_chosen: float
    true_to_chosen: float
    true_to_nearest: float
    chosen_is_nearest: float

    @property
    def gap(self) -> float:
        """How much nearer the prediction is to the chosen class than to the true one."""
        return self.predicted_to_chosen - self.predicted_to_true


def misclassification(
    predicted: NDArray,
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
    class_attributes: NDArray,
) -> Misclassification:
    """Says where the predictions of wrongly classified examples lie.

    Arguments:
        predicted: The predicted attributes, with shape :math:`(n, a)`.
        labels: The true class of each example, with shape :math:`(n,)`.
        chosen: The class that was chosen for it, with shape :math:`(n,)`.
        class_attributes: The class table, with shape :math:`(c, a)`.

    Raises:
        ValueError: If shapes do not fit, or a label or a choice is no row of ``class_attributes``.

    Example:
        >>> table = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> found = misclassification(table[[1]], np.array([0]), np.array([1]), table)
        >>> print(f"{found.predicted_to_chosen:.1f} {found.gap:.1f}")
        1.0 1.0
    """
    check_predictions(predicted, labels, class_attributes)
    if np.shape(chosen) != labels.shape:
        raise ValueError(
            f"`chosen` must have one class per example, {labels.shape}; got {np.shape(chosen)}."
        )
    _check_rows("chosen", chosen, len(class_attributes))
    wrong = np.flatnonzero(chosen != labels)
    if not len(wrong):
        return Misclassification(len(labels), 0, *[np.nan] * 5)

    u, t = unit_rows(predicted[wrong]), unit_rows(class_attributes)
    true, taken = labels[wrong], chosen[wrong]
    cosines = t @ t.T  # (c, c)
    others = cosines.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = others.max(axis=1)[true]
    between = cosines[true, taken]

    return Misclassification(
        examples=len(labels),
        wrong=len(wrong),
        predicted_to_true=float((u * t[true]).sum(axis=1).mean()),
        predicted_to_chosen=float((u * t[taken]).sum(axis=1).mean()),
        true_to_chosen=float(between.mean()),
        true_to_nearest=float(nearest.mean()),
        chosen_is_nearest=float((between >= nearest - ALIKE).mean()),
    )


def unit_rows(x: NDArray) -> NDArray[np.float64]:
    """Scales rows of shape :math:`(m, a)` to length 1, in double precision; zeros stay zero."""
    x = np.asarray(x, dtype=np.float64)

    return x / (np.linalg.norm(x, axis=1, keepdims=True) + GUARD)


def check_predictions(
    predicted: NDArray, labels: NDArray[np.int64], class_attributes: NDArray
) -> None:
    """Raises a ``ValueError`` unless there are finite predictions (n, a) for labels (n,)."""
    n, (c, a) = len(labels), class_attributes.shape
    if not n or predicted.shape != (n, a):
        raise ValueError(
            f"`predicted` must have a row for each of {n} labels (one at least) and {a} columns, "
            f"as `class_attributes` has; got {predicted.shape}."
        )
    _check_rows("labels", labels, c)
    broken = np.flatnonzero(~np.isfinite(predicted).all(axis=1))
    if len(broken):
        raise ValueError(
            f"`predicted` has NaN or infinite values in {len(broken)} of {n} rows, the first is "
            f"row {broken[0]}: look whether the training diverged."
        )


def _check_rows(name: str, labels: NDArray[np.int64], classes: int) -> None:
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be whole numbers of shape (n,), one for each example; got "
            f"{describe(labels)}."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"`{name}` must be rows of `class_attributes`, 0 to {classes - 1}; "
            f"got {labels.min()} to {labels.max()}."
        )
