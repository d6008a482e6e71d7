r"""How unequally the error of attribute predictions falls on classes and on attributes.

The error matrix :math:`E` holds, for each class and attribute, the mean error of the class's
examples. All else here reads it: how its values spread, and whether they follow the value of the
label.

References:
    Rebalanced Zero-Shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031

    Economics and Information Theory (Theil, 1967)
"""

__all__ = [
    "Error",
    "ErrorSpread",
    "Imbalance",
    "Mode",
    "TheilIndices",
    "count_error_correlation",
    "error_matrix",
    "error_spread",
    "label_error_correlation",
    "measure_imbalance",
    "theil",
    "theil_indices",
    "worst_attributes",
]

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from unseen.data.arguments import check_choice
from unseen.metrics.misclassification import (
    Misclassification,
    check_predictions,
    misclassification,
    unit_rows,
)

Error = Literal["mse", "rmse", "mae"]
Mode = Literal["class", "attribute"]

ROOT_GUARD = 1e-12  # inside the root, as in the released test statistics
ROUNDING = 1e-12  # a deviation below this share of the greatest value is rounding


@dataclass(frozen=True)
class ErrorSpread:
    """The mean error of each attribute: how large it is, and how much it differs.

    Arguments:
        mean: The mean over the attributes.
        deviation: The standard deviation over the attributes (``n - 1``); NaN for one attribute.
    """

    mean: float
    deviation: float

    @property
    def variation(self) -> float:
        """The coefficient of variation, deviation over mean; 0 where there is no error."""
        return self.deviation / self.mean if self.mean else 0.0


@dataclass(frozen=True)
class TheilIndices:
    r"""Theil indices of an error matrix: 0 where all errors are equal.

    Total is exactly a between part and the mean within part weighted by shares of the error. The
    within parts here are plain means, which is what is compared between losses.

    Arguments:
        total: Over all entries.
        within_classes: Over the attributes of one class, the mean over the classes.
        within_attributes: Over the classes of one attribute, the mean over the attributes.
        between_classes: Over the mean errors of the classes.
        between_attributes: Over the mean errors of the attributes.
    """

    total: float
    within_classes: float
    within_attributes: float
    between_classes: float
    between_attributes: float


@dataclass(frozen=True)
class Imbalance:
    """The imbalance of attribute predictions on some examples.

    Arguments:
        classes: The classes with examples, as rows of the class table, with shape :math:`(k,)`.
        matrix: The error matrix, with shape :math:`(k, a)`.
        spread: The mean error of the attributes and its deviation.
        class_correlation: Of label value and error over the attributes, the mean over the classes;
            NaN where it is not defined, as all are equal.
        attribute_correlation: Over the classes, the mean over the attributes; likewise.
        theil: The Theil indices.
        misclassification: Where wrongly classified examples lie.
    """

    classes: NDArray[np.int64] = field(repr=False, compare=False)
    matrix: NDArray[np.float64] = field(repr=False, compare=False)
    spread: ErrorSpread
    class_correlation: float
    attribute_correlation: float
    theil: TheilIndices
    misclassification: Misclassification


def error_matrix(
    predicted: NDArray,
    labels: NDArray[np.int64],
    class_attributes: NDArray,
    error: Error = "mse",
    *,
    normalize: bool = True,
) -> NDArray[np.float64]:
    r"""Returns the mean error of each class and attribute.

    .. math:: E_{cs} = \frac{1}{n_c} \sum_{i: y_i = c} e(u_{is}, t_{cs})

    with :math:`u_i` and :math:`t_c` the prediction and the description, scaled to length 1 if
    ``normalize``, and :math:`e` the squared error, its root
    :math:`\sqrt{(u - t)^2 + 10^{-12}}`, or :math:`|u - t|`.

    Arguments:
        predicted: The predicted attributes of each example, with shape :math:`(n, a)`.
        labels: The row of ``class_attributes`` of each example, with shape :math:`(n,)`.
        class_attributes: The class table, with shape :math:`(c, a)`.
        error: ``"mse"``, ``"rmse"`` or ``"mae"``.
        normalize: Whether predictions and descriptions are scaled to length 1.

    Returns:
        The errors, with shape :math:`(k, a)`: a row per class with an example, in the order of
        ``np.unique(labels)``.

    Raises:
        ValueError: If shapes do not fit, a label has no description, a prediction is not finite,
            or there is no such error.

    Example:
        >>> predicted = np.array([[0.5, 0.2], [0.1, 0.9], [0.3, 0.3]])
        >>> table = np.array([[0.4, 0.6], [0.2, 0.5]])
        >>> error_matrix(predicted, np.array([0, 1, 0]), table, normalize=False).round(3)
        array([[0.01 , 0.125],
               [0.01 , 0.16 ]])
    """
    check_predictions(predicted, labels, class_attributes)
    check_choice("error", error, get_args(Error))
    u, t = (
        unit_rows(x) if normalize else np.asarray(x, dtype=np.float64)
        for x in (predicted, class_attributes)
    )

    errors = np.abs(u - t[labels])  # (n, a)
    if error != "mae":
        errors = np.square(errors)
    if error == "rmse":
        errors = np.sqrt(errors + ROOT_GUARD)

    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)

    return np.add.reduceat(errors[order], starts, axis=0) / counts[:, None]


def error_spread(matrix: NDArray) -> ErrorSpread:
    r"""Returns mean and deviation over the attributes of :math:`\bar e_s`, the mean over classes.

    Arguments:
        matrix: The error matrix, with shape :math:`(k, a)`.

    Raises:
        ValueError: If it is no such matrix.

    Example:
        >>> error_spread(np.array([[1.0, 2.0], [1.0, 4.0]]))
        ErrorSpread(mean=2.0, deviation=1.4142135623730951)
    """
    means = _check_matrix(matrix).mean(axis=0)  # (a,)

    return ErrorSpread(float(means.mean()), float(means.std(ddof=1)) if len(means) > 1 else np.nan)


def label_error_correlation(
    matrix: NDArray,
    class_attributes: NDArray,
    mode: Mode = "class",
    *,
    undefined: float = 0.0,
) -> float:
    r"""Returns Pearson's correlation of label value and error, in :math:`[-1, 1]`.

    In the mode ``"class"`` it is taken over the attributes of each class, and averaged over the
    classes: the length of a description changes nothing. In the mode ``"attribute"`` it is taken
    over the classes for each attribute, with descriptions of length 1, and averaged over the
    attributes.

    Differences from the paper's code:
        Where all errors or all labels are equal, up to rounding, the correlation counts as 0;
        there a constant of :math:`10^{-12}` in the denominator does the same, and lowers the
        correlation where errors are small.

    Arguments:
        matrix: The error matrix, or a quotient of two such (the speed at which errors fall), with
            shape :math:`(k, a)`.
        class_attributes: The description of each of its rows, with shape :math:`(k, a)`.
        mode: ``"class"`` or ``"attribute"``.
        undefined: What is returned where no correlation is defined, as in none of them both errors
            and labels differ.

    Raises:
        ValueError: If shapes do not fit, or there is no such mode.

    Example:
        >>> table = np.array([[0.1, 0.5, 0.9], [0.8, 0.2, 0.5]])
        >>> print(f"{label_error_correlation(3 * table, table):.2f}")
        1.00
    """
    matrix = _check_matrix(matrix)
    check_choice("mode", mode, get_args(Mode))
    if matrix.shape != class_attributes.shape:
        raise ValueError(
            f"`class_attributes` must describe the {len(matrix)} rows of the error matrix, with "
            f"shape {matrix.shape}; got {class_attributes.shape}. The rows are the classes with "
            "examples: pass `class_attributes[np.unique(labels)]`."
        )
    if mode == "class":
        return _mean_correlation(class_attributes, matrix, undefined)

    return _mean_correlation(unit_rows(class_attributes).T, matrix.T, undefined)


def count_error_correlation(matrix: NDArray, counts: NDArray, *, undefined: float = 0.0) -> float:
    """Returns Pearson's correlation of a class's mean error and its number of examples.

    Arguments:
        matrix: The error matrix, with shape :math:`(k, a)`.
        counts: The number of training examples of each of its rows, with shape :math:`(k,)`.
        undefined: What is returned where all errors or all numbers are equal.

    Returns:
        The correlation, in [-1, 1].

    Raises:
        ValueError: If there is not one number for each row.

    Example:
        >>> errors, counts = np.array([[1.0, 1.0], [2.0, 4.0]]), np.array([20, 10])
        >>> print(f"{count_error_correlation(errors, counts):.2f}")
        -1.00
    """
    means = _check_matrix(matrix).mean(axis=1)  # (k,)
    if np.shape(counts) != means.shape:
        raise ValueError(
            f"There must be one number of examples for each of {len(means)} rows; got shape "
            f"{np.shape(counts)}."
        )

    return _mean_correlation(np.asarray(counts)[None], means[None], undefined)


def theil(values: NDArray, axis: int | None = None) -> NDArray[np.float64]:
    r"""Returns the Theil index :math:`T = \frac{1}{m} \sum_k \frac{e_k}{\mu} \ln \frac{e_k}{\mu}`.

    It is 0 where all values are equal and :math:`\ln m` where one value is all there is;
    :math:`0 \ln 0 = 0`.

    Arguments:
        values: Values of 0 or more, of any shape.
        axis: The axis to take it over; by default over all values.

    Returns:
        The index, with the shape of ``values`` without ``axis``.

    Raises:
        ValueError: If a value is negative or not finite.

    Example:
        >>> print(f"{theil(np.array([1.0, 0.0])):.4f}")
        0.6931
    """
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("The Theil index is of finite values of 0 or more; got others.")

    mean = values.mean(axis=axis, keepdims=True)
    share = np.divide(values, mean, out=np.ones_like(values), where=mean > 0)

    return xlogy(share, share).mean(axis=axis)


def theil_indices(matrix: NDArray) -> TheilIndices:
    """Returns the Theil indices of an error matrix.

    Arguments:
        matrix: The error matrix, with shape :math:`(k, a)`.

    Raises:
        ValueError: If it is no such matrix, or an error is negative or not finite.

    Example:
        >>> theil_indices(np.array([[1.0, 1.0], [3.0, 3.0]])).within_classes
        0.0
    """
    matrix = _check_matrix(matrix)

    return TheilIndices(
        total=float(theil(matrix)),
        within_classes=float(theil(matrix, axis=1).mean()),
        within_attributes=float(theil(matrix, axis=0).mean()),
        between_classes=float(theil(matrix.mean(axis=1))),
        between_attributes=float(theil(matrix.mean(axis=0))),
    )


def worst_attributes(
    matrix: NDArray, names: Sequence[str], top: int = 20
) -> list[tuple[str, float]]:
    """Returns the attributes of greatest mean error over the classes, the worst first.

    Arguments:
        matrix: The error matrix, with shape :math:`(k, a)`.
        names: The names of the attributes.
        top: How many; all, if there are fewer.

    Raises:
        ValueError: If there is not one name for each attribute.

    Example:
        >>> worst_attributes(np.array([[0.1, 0.3], [0.1, 0.5]]), ["furry", "fast"], top=1)
        [('fast', 0.4)]
    """
    means = _check_matrix(matrix).mean(axis=0)  # (a,)
    if len(names) != len(means):
        raise ValueError(
            f"There must be one name for each of {len(means)} attributes; got {len(names)}."
        )

    return [(names[s], float(means[s])) for s in np.argsort(-means, kind="stable")[:top]]


def measure_imbalance(
    predicted: NDArray,
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
    class_attributes: NDArray,
    error: Error = "mse",
) -> Imbalance:
    """Measures all of it on some examples, with predictions and descriptions of length 1.

    Arguments:
        predicted: The predicted attributes, with shape :math:`(n, a)`.
        labels: The true class of each example, with shape :math:`(n,)`.
        chosen: The class that was chosen for it, with shape :math:`(n,)`.
        class_attributes: The class table, with shape :math:`(c, a)`.
        error: ``"mse"``, ``"rmse"`` or ``"mae"``.

    Raises:
        ValueError: If shapes do not fit, a prediction is not finite, or there is no such error.

    Example:
        >>> table = np.array([[0.1, 0.5, 0.9], [0.8, 0.2, 0.5]])
        >>> found = measure_imbalance(table, np.arange(2), np.arange(2), table)
        >>> found.spread.mean, found.theil.total, found.misclassification.wrong
        (0.0, 0.0, 0)
    """
    matrix = error_matrix(predicted, labels, class_attributes, error)
    classes = np.unique(labels)
    described = class_attributes[classes]

    return Imbalance(
        classes=classes,
        matrix=matrix,
        spread=error_spread(matrix),
        class_correlation=label_error_correlation(matrix, described, undefined=np.nan),
        attribute_correlation=label_error_correlation(
            matrix, described, "attribute", undefined=np.nan
        ),
        theil=theil_indices(matrix),
        misclassification=misclassification(predicted, labels, chosen, class_attributes),
    )


def _mean_correlation(x: NDArray, y: NDArray, undefined: float) -> float:
    """Returns the mean correlation of rows of x with those of y, (m, j); 0 where one is constant.

    It is NaN where a number is, and ``undefined`` where one is constant in each pair of rows.
    """
    x, y = _centred(x), _centred(y)
    if not (x.any(axis=1) & y.any(axis=1)).any():
        return undefined

    return float((x * y).sum(axis=1).clip(-1, 1).mean())


def _centred(x: NDArray) -> NDArray[np.float64]:
    """Centres rows (m, j) and scales them to length 1; constant rows become zero."""
    x = np.asarray(x, dtype=np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    least = ROUNDING * np.abs(x).max(axis=1, keepdims=True) * np.sqrt(x.shape[1])

    return np.divide(centred, length, out=np.zeros_like(centred), where=~(length <= least))


def _check_matrix(matrix: NDArray) -> NDArray[np.float64]:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(
            "An error matrix has a row per class and a column per attribute, one at least; got "
            f"shape {matrix.shape}."
        )

    return matrix
