r"""An invertible network of permutations and affine couplings, on zuko's transforms.

References:
    Density Estimation using Real NVP (Dinh, Sohl-Dickstein & Bengio, 2017)
    https://arxiv.org/abs/1605.08803
"""

__all__ = ["AffineCoupling", "BoundedAffine", "coupling_flow", "dependence"]

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Transform, constraints

from unseen.nets.linear import linear, linear_with_rounded_gradients

_validates = Distribution._validate_args
from zuko.lazy import LazyComposedTransform, LazyTransform, UnconditionalTransform  # noqa: E402
from zuko.transforms import CouplingTransform, PermutationTransform  # noqa: E402

Distribution.set_default_validate_args(_validates)  # zuko switches it off for the whole process

SLOPE = 0.2  # of LeakyReLU for negative numbers
LEAST_BLOCKS = 4  # with fewer, some outputs cannot depend on some inputs
DRAWS = 1000


class Halves(CouplingTransform):
    """A coupling that keeps the first half of the columns; to cut costs less than masks."""

    def __init__(self, meta: "AffineCoupling", kept: int) -> None:
        Transform.__init__(self)

        self.meta = meta.affine
        self.kept = kept

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Cuts columns (n, d) into those kept and those changed."""
        a, b = x.split([self.kept, x.shape[-1] - self.kept], dim=-1)

        return a, b

    def merge(self, x_a: Tensor, x_b: Tensor, shape: torch.Size) -> Tensor:  # noqa: ARG002
        """Joins what ``split`` cut."""
        return torch.cat([x_a, x_b], dim=-1)

    def _inverse(self, y: Tensor) -> Tensor:
        a, b = self.split(y)
        # not by `.inv`: a transform and its inverse refer to each other, and so would keep all
        # tensors of a step until the garbage collector comes by
        return self.merge(a, self.meta(a)._inverse(b), y.shape)


class Reordering(PermutationTransform):
    """A permutation of columns whose gradient is the permutation back, not a sum by index."""

    def _call(self, x: Tensor) -> Tensor:
        return _Reorder.apply(x, self.order, self._back())

    def _inverse(self, y: Tensor) -> Tensor:
        return _Reorder.apply(y, self._back(), self.order)

    def _back(self) -> Tensor:
        place = torch.arange(len(self.order), device=self.order.device)

        return torch.empty_like(self.order).scatter_(0, self.order, place)


class _Reorder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)

        return _columns(x, order)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (back,) = ctx.saved_tensors

        return _columns(grad_outputs[0], back), None, None


def _columns(x: Tensor, order: Tensor) -> Tensor:
    """Returns columns of x (..., d) in an order (d,); ``index_select`` does the same, slower."""
    return x.gather(-1, order.expand_as(x))


class BoundedAffine(Transform):
    r"""Maps :math:`b' = s b + t` with :math:`\log s = r / (1 + |r| / B)`, within :math:`\pm B`.

    The same as zuko's ``MonotonicAffineTransform``, in fewer passes over the memory.

    Arguments:
        parameters: The shifts :math:`t`, then the :math:`r`, with shape :math:`(n, 2 m)`.
        bound: The :math:`B`.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, parameters: Tensor, bound: float) -> None:
        super().__init__()

        self.parameters = parameters
        self.bound = bound

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Maps rows (n, m), and returns the log-determinants, with shape (n,)."""
        return _Affine.apply(x, self.parameters, self.bound)

    def _call(self, x: Tensor) -> Tensor:
        return self.call_and_ladj(x)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        return _AffineInverse.apply(y, self.parameters, self.bound)


def _log_scale(parameters: Tensor, bound: float) -> tuple[Tensor, Tensor, Tensor]:
    """Returns shift, logarithm of the scale and what it is damped by, each with shape (n, m)."""
    shift, raw = parameters.chunk(2, dim=-1)
    damping = raw.abs().div_(bound).add_(1).reciprocal_()

    return shift, raw * damping, damping


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, parameters: Tensor, bound: float) -> tuple[Tensor, Tensor]:
        shift, log_scale, damping = _log_scale(parameters, bound)
        log_det = log_scale.sum(dim=-1)
        scale = log_scale.exp_()
        ctx.save_for_backward(x, scale, damping)

        return torch.addcmul(shift, x, scale), log_det

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        gradient, log_det_gradient = grad_outputs
        x, scale, damping = ctx.saved_tensors
        of_x = gradient * scale
        # the derivative of r / (1 + |r| / B) is the square of the damping
        of_raw = torch.addcmul(log_det_gradient.unsqueeze(-1), of_x, x).mul_(damping).mul_(damping)

        return of_x, torch.cat([gradient, of_raw], dim=-1), None


class _AffineInverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, parameters: Tensor, bound: float) -> Tensor:
        shift, log_scale, damping = _log_scale(parameters, bound)
        inverse = log_scale.neg_().exp_()
        x = (y - shift).mul_(inverse)
        ctx.save_for_backward(x, inverse, damping)

        return x

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, inverse, damping = ctx.saved_tensors
        of_y = grad_outputs[0] * inverse
        of_raw = (grad_outputs[0] * x).mul_(damping).mul_(damping)

        return of_y, torch.cat([of_y, of_raw], dim=-1).neg_(), None


class AffineCoupling(LazyTransform):
    r"""Keeps one half of the columns, :math:`a`, and maps the other: :math:`b' = s(a) b + t(a)`.

    The logarithm of :math:`s` lies within ``scale_bound`` of 0. The last layer of the network of
    :math:`s` and :math:`t` begins with zeros: at first, nothing is changed.

    Arguments:
        features: The number :math:`d \ge 2` of columns; :math:`a` has half of them, rounded down.
        hidden: The width of the hidden layer of the network.
        scale_bound: The bound of :math:`|\log s|`.
        generator: The source of randomness of the initial weights.

    Attributes:
        rounded_gradients: Whether training multiplies the gradients in bfloat16.
    """

    def __init__(
        self, features: int, hidden: int, scale_bound: float, generator: torch.Generator
    ) -> None:
        super().__init__()

        self.kept = features // 2
        self.bound = scale_bound
        self.rounded_gradients = False
        self.first = nn.Linear(self.kept, hidden, device="meta").to_empty(device="cpu")
        self.second = nn.Linear(hidden, 2 * (features - self.kept), device="meta")
        self.second.to_empty(device="cpu")
        bound = 1 / math.sqrt(self.kept)
        for tensor in (self.first.weight, self.first.bias):
            nn.init.uniform_(tensor, -bound, bound, generator=generator)
        for tensor in (self.second.weight, self.second.bias):
            nn.init.zeros_(tensor)

    def forward(self, c: Tensor | None = None) -> Transform:  # noqa: ARG002
        """Returns the transform; a context, which a flow of zuko hands over, has no part in it."""
        return Halves(self, self.kept)

    def affine(self, a: Tensor) -> Transform:
        """Returns the map of the other half, given the kept one, with shape (n, d // 2)."""
        if not self.training:
            product = F.linear  # whose rows depend less on others
        else:
            product = linear_with_rounded_gradients if self.rounded_gradients else linear
        first, second = (
            [tensor.to(a.dtype) for tensor in (layer.weight, layer.bias)]
            for layer in (self.first, self.second)
        )
        hidden = F.leaky_relu(product(a, *first), SLOPE)

        return BoundedAffine(product(hidden, *second), self.bound)


def coupling_flow(
    features: int, blocks: int, hidden: int, scale_bound: float, generator: torch.Generator
) -> LazyComposedTransform:
    """Returns blocks of a permutation and an affine coupling.

    The permutations are random and fixed; they are saved with the weights. Every other one moves
    what the coupling before it kept into the half that is changed, so that no column passes
    through two blocks unchanged: with free permutations, one column in 32 would be a mere copy
    after five blocks. They are drawn again until every output depends on every input.

    Arguments:
        features: The number of columns, at least 2.
        blocks: The number of blocks, at least 4.
        hidden: The width of the hidden layer of each coupling.
        scale_bound: The bound of the logarithm of each coupling's scales.
        generator: The source of randomness of permutations and initial weights.

    Raises:
        ValueError: If there are too few columns or blocks.

    Example:
        >>> flow = coupling_flow(5, 4, 8, 2.0, torch.Generator().manual_seed(0))
        >>> x = torch.ones(3, 5)
        >>> torch.equal(flow().inv(flow()(x)), x)
        True
    """
    if features < 2 or blocks < LEAST_BLOCKS:
        raise ValueError(
            f"A flow needs 2 columns and {LEAST_BLOCKS} blocks or more; got {features} and "
            f"{blocks}."
        )
    transforms: list[LazyTransform] = []
    for order in _orders(features, blocks, generator):
        transforms.append(UnconditionalTransform(Reordering, order, buffer=True))
        transforms.append(AffineCoupling(features, hidden, scale_bound, generator))

    return LazyComposedTransform(*transforms)


def _orders(features: int, blocks: int, generator: torch.Generator) -> list[Tensor]:
    """Returns permutations (d,) with which every output depends on every input."""
    for _ in range(DRAWS):
        orders = [_order(features, block % 2 == 1, generator) for block in range(blocks)]
        if bool(dependence(orders).all()):
            return orders

    raise ValueError(f"No {blocks} permutations of {features} columns mix them all; add a block.")


def _order(features: int, swap: bool, generator: torch.Generator) -> Tensor:
    """Returns a random permutation (d,); with ``swap``, one that brings the changed half first."""
    order = torch.randperm(features, generator=generator)
    if not swap:
        return order

    changed = order >= features // 2

    return torch.cat([order[changed], order[~changed]])


def dependence(orders: list[Tensor]) -> Tensor:
    """Says which outputs of a flow can depend on which inputs, given its permutations.

    Arguments:
        orders: The permutation of each block, with shape :math:`(d,)`.

    Returns:
        An array of shape :math:`(d, d)`, a row an output.

    Example:
        >>> dependence([torch.tensor([0, 1])])
        tensor([[ True, False],
                [ True,  True]])
    """
    features = len(orders[0])
    reached = torch.eye(features, dtype=torch.bool)
    for order in orders:
        reached = reached[order]
        reached[features // 2 :] |= reached[: features // 2].any(dim=0)

    return reached
