r"""Re-balanced mean squared error (ReMSE): errors weighted by how large they have become.

References:
    Rebalanced Zero-shot Learning (Ye et al., 2023)
    https://arxiv.org/abs/2210.07031
"""

__all__ = ["ERRORS", "REDUCTIONS", "TRACKERS", "ReMSE"]

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from unseen.data.arguments import check_choice, check_number
from unseen.nets.cosine_head import normalize_rows

ERRORS: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": torch.square,
    "rmse": lambda difference: (difference.square() + 1e-10).sqrt(),  # the root has a slope at 0
    "mae": torch.abs,
}
REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": torch.mean,
    "sum": torch.sum,
    "none": lambda errors: errors,
}
TRACKERS = ("in_batch", "cross_batch")


class ReMSE(nn.Module):
    r"""Regresses targets, with weights that grow where a class or an attribute lags behind.

    With :math:`E_{cs}` the mean error of attribute :math:`s` over the examples of class :math:`c`,
    each error :math:`e_{is}` of an example of class :math:`y_i` gets the weight

    .. math:: W_{cs} = \Big(1 + \ln \frac{E_{cs}}{\min_{c'} E_{c's}}\Big)^p
        \Big(1 + \ln \frac{E_{cs}}{\min_{s'} E_{cs'}}\Big)^{p_2},
        \qquad L = \frac{1}{n a} \sum_{i s} W_{y_i s} \, e_{is}

    The first factor compares the classes within an attribute, the second the attributes within a
    class. Errors and weights are of the batch at hand before its step, and no gradient flows into
    them. A class or attribute without error, or not yet seen, has no part in a minimum, and
    weight 1. A weight is at least 1 and, in the formula, has no upper limit: its mean multiplies
    the weight that the loss has beside others. ``mean_normalize`` takes that out.

    The tracker is three buffers, which go into the state dict, so that a training resumes where it
    was: ``comparable``, with shape (k, a), holds :math:`E`, and infinity where there is no error to
    compare with; ``filled``, with shape (k,), says which classes it knows; ``steps`` counts.

    Differences from the paper:
        The formulas are those of the authors' released program. It takes an error of exactly 0 for
        a class that was never seen; ``filled`` tells the two apart here. Its loops over examples,
        classes and attributes are tensor operations here. The guards ``min_floor``, ``w_max`` and
        ``mean_normalize``, and ``momentum``, are ours; by default they change nothing but minima
        below :math:`10^{-12}`.

    Arguments:
        classes: The number :math:`k` of classes; outside zero-shot learning of clusters or bins of
            examples, or 1, where only ``p2`` has an effect.
        attributes: The number :math:`a` of attributes: the outputs of the regression.
        p: The exponent across classes.
        p2: The exponent across attributes.
        error: ``"mse"``, ``"rmse"`` or ``"mae"``.
        normalize: Whether predictions and targets are first brought to length 1, row by row.
        tracker: Which errors weights compare: ``"in_batch"``, those of the classes in the batch;
            or ``"cross_batch"``, where the other classes keep the errors of their last batch.
        momentum: The share of its old error that a class keeps in ``"cross_batch"``.
        min_floor: The least minimum, in units of the error: one that is 0 by accident would
            inflate the weights of its whole row and column.
        w_max: The greatest weight.
        mean_normalize: Whether weights are divided by their mean over the batch.
        reduction: ``"mean"``, ``"sum"`` or ``"none"`` (weighted errors, with shape (n, a)).
        check_values: Whether to raise for classes out of range and errors that are not finite. On
            a GPU each step then waits for the answer, and cannot be captured as a graph.

    Raises:
        ValueError: If a setting is out of bounds.

    Example:
        >>> loss = ReMSE(classes=2, attributes=2, p=1.0, p2=1.0, normalize=False)
        >>> predicted = torch.tensor([[0.5, 0.2], [0.1, 0.9], [0.3, 0.3]])
        >>> classes, table = torch.tensor([0, 1, 0]), torch.tensor([[0.4, 0.6], [0.2, 0.5]])
        >>> loss(predicted, table[classes], classes)
        tensor(0.2773)
        >>> loss.weights()
        tensor([[1.0000, 3.5257],
                [1.0000, 4.7039]])
    """

    comparable: Tensor
    filled: Tensor
    steps: Tensor

    def __init__(
        self,
        classes: int,
        attributes: int,
        *,
        p: float = 1.0,
        p2: float = 1.0,
        error: str = "mse",
        normalize: bool = True,
        tracker: str = "in_batch",
        momentum: float = 0.0,
        min_floor: float = 1e-12,
        w_max: float | None = None,
        mean_normalize: bool = False,
        reduction: str = "mean",
        check_values: bool = True,
    ) -> None:
        super().__init__()

        self.p = p
        self.p2 = p2
        self.error = error
        self.normalize = normalize
        self.tracker = tracker
        self.momentum = momentum
        self.min_floor = min_floor
        self.w_max = w_max
        self.mean_normalize = mean_normalize
        self.reduction = reduction
        self.check_values = check_values
        self._check_settings(classes, attributes)
        self.register_buffer("comparable", torch.full((classes, attributes), torch.inf))
        self.register_buffer("filled", torch.zeros(classes, dtype=torch.bool))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def errors(self) -> Tensor:
        """The error of each class and attribute, with shape (k, a); 0 for a class not seen."""
        return _or_zero(self.comparable)

    def forward(self, predicted: Tensor, targets: Tensor, classes: Tensor) -> Tensor:
        """Tracks the errors of a batch, and returns its loss.

        Arguments:
            predicted: The predictions, with shape :math:`(n, a)`.
            targets: The targets, one row per example, with shape :math:`(n, a)`; of a class table,
                ``table[classes]``.
            classes: The class of each example, from 0, with shape :math:`(n,)`.

        Returns:
            The loss; weighted errors with shape :math:`(n, a)` if ``reduction`` is ``"none"``.

        Raises:
            ValueError: If shapes do not agree; with ``check_values``, if a class is out of range
                or an error is not finite.
        """
        self._check_shapes(predicted, targets, classes)
        errors = self._errors(predicted, targets)
        if self.check_values:
            self._check_values(errors, classes)
        weights = self._track(errors.detach(), classes)

        return REDUCTIONS[self.reduction](weights * errors)

    @torch.no_grad()
    def weights(self) -> Tensor:
        """Returns the weight of each class and attribute, with shape (k, a).

        They are those of the last batch, for all classes, and not divided by any mean.
        """
        return self._weights(self.errors, self.comparable, self.comparable)

    def _errors(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """Returns the error of each attribute of each example, with shape (n, a)."""
        dtype = torch.promote_types(predicted.dtype, torch.float32)  # half precision is too coarse
        predicted, targets = predicted.to(dtype), targets.to(dtype)
        if self.normalize:
            predicted, targets = normalize_rows(predicted), normalize_rows(targets)

        return ERRORS[self.error](predicted - targets)

    @torch.no_grad()
    def _track(self, errors: Tensor, classes: Tensor) -> Tensor:
        """Takes the errors (n, a) of a batch into the tracker; returns their weights (n, a)."""
        rows = self._class_means(errors.to(self.comparable.dtype), classes)  # (n, a)
        if self.momentum:
            old = _or_zero(self.comparable.index_select(0, classes))
            share = self.momentum * self.filled.index_select(0, classes).to(rows.dtype)  # (n,)
            rows = torch.lerp(rows, old, share.unsqueeze(1).expand_as(rows))
        if self.tracker == "in_batch":
            self.comparable.fill_(torch.inf)
            self.filled.fill_(False)

        # the rows of one class are equal, so that it does not matter which one is written last
        comparable = _or_infinity(rows)
        self.comparable.index_copy_(0, classes, comparable)
        self.filled.index_fill_(0, classes, True)
        self.steps.add_(1)

        # in a batch no other class has errors: fewer rows to go through
        known = comparable if self.tracker == "in_batch" else self.comparable
        weights = self._weights(rows, comparable, known)

        return weights / weights.mean() if self.mean_normalize else weights

    def _class_means(self, errors: Tensor, classes: Tensor) -> Tensor:
        """Returns, for each example, the mean error of its class in the batch, (n, a)."""
        sums = torch.zeros_like(self.comparable).index_add_(0, classes, errors)  # (k, a)
        count = errors.new_zeros(len(sums)).index_add_(0, classes, errors.new_ones(len(errors)))
        rows = sums.index_select(0, classes)

        return rows / count.index_select(0, classes).unsqueeze(1)

    def _weights(self, errors: Tensor, comparable: Tensor, known: Tensor) -> Tensor:
        """Returns the weights of some rows (m, a), compared with those of known classes (j, a).

        The rows come twice, with 0 and with infinity where there is no error.
        """
        logs = errors.log()
        across_classes = self._factor(logs, known.amin(dim=0), self.p)
        across_attributes = self._factor(logs, comparable.amin(dim=1, keepdim=True), self.p2)
        weights = across_classes * across_attributes

        return weights if self.w_max is None else weights.clamp_max(self.w_max)

    def _factor(self, logs: Tensor, least: Tensor, exponent: float) -> Tensor:
        """Returns (1 + ln(E / m))^exponent, and 1 where there is no error."""
        if exponent == 0:
            return torch.ones_like(logs)
        ratios = (logs - least.clamp_min(self.min_floor).log()).clamp_min_(0)

        return ratios.add_(1).pow_(exponent)

    def _check_settings(self, classes: int, attributes: int) -> None:
        check_choice("error", self.error, ERRORS)
        check_choice("tracker", self.tracker, TRACKERS)
        check_choice("reduction", self.reduction, REDUCTIONS)
        for name in ("p", "p2", "min_floor"):
            check_number(name, getattr(self, name), 0)
        check_number("classes", classes, 1, whole=True)
        check_number("attributes", attributes, 1, whole=True)
        check_number("momentum", self.momentum, 0, 1, open_high=True)
        if self.momentum and self.tracker == "in_batch":
            raise ValueError(
                "`momentum` needs tracker='cross_batch': a batch alone has no old errors."
            )
        if self.w_max is not None and not self.w_max >= 1:
            raise ValueError(f"`w_max` must be at least 1, the least weight; got {self.w_max!r}.")
        if self.p == self.p2 == 0:
            warnings.warn(
                "With p = p2 = 0 all weights are 1: this is the plain squared error (of rows of "
                "length 1, if `normalize`), at a higher price.",
                stacklevel=3,
            )

    def _check_shapes(self, predicted: Tensor, targets: Tensor, classes: Tensor) -> None:
        shape = (len(predicted), self.comparable.shape[1])
        if predicted.shape != shape or targets.shape != shape or classes.shape != shape[:1]:
            raise ValueError(
                f"`predicted` and `targets` must have one row per example and {shape[1]} columns, "
                f"`classes` one number per example; got shapes {tuple(predicted.shape)}, "
                f"{tuple(targets.shape)} and {tuple(classes.shape)}. "
                "Targets by class are `table[classes]`."
            )

    def _check_values(self, errors: Tensor, classes: Tensor) -> None:
        k = len(self.comparable)
        if not bool(((classes >= 0) & (classes < k)).all()):
            raise ValueError(
                f"`classes` must be from 0 to {k - 1}; got {classes.min()} to {classes.max()}."
            )
        if not bool(errors.isfinite().all()):
            raise ValueError(
                "An error of the regression is not finite: look for NaN in `predicted` and "
                "`targets`, or lower the learning rate."
            )


def _or_infinity(errors: Tensor) -> Tensor:
    """Returns errors with infinity in place of 0, so that no minimum is where none was made."""
    return torch.where(errors > 0, errors, torch.inf)


def _or_zero(comparable: Tensor) -> Tensor:
    """Takes ``_or_infinity`` back."""
    return torch.where(comparable < torch.inf, comparable, 0.0)
