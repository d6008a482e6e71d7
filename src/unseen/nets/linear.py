"""Linear maps, through the faster of the libraries that multiply float32 matrices on a CPU."""

__all__ = ["Linear", "has_onednn", "linear", "linear_with_rounded_gradients"]

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Returns ``x @ weight.T + bias``.

    PyTorch gives float32 products on a CPU to MKL, which on AMD's processors reaches half of what
    oneDNN does; here they go to the latter. The result is the same up to rounding.

    Arguments:
        x: The rows, with shape :math:`(n, d)`.
        weight: The weight, with shape :math:`(m, d)`; or those of several networks, with shape
            :math:`(s, m, d)`, whose rows may be the same for all or have shape :math:`(s, n, d)`.
        bias: The bias, with shape :math:`(m,)` or :math:`(s, m)`.

    Returns:
        The products, with shape :math:`(n, m)` or :math:`(s, n, m)`.

    Example:
        >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[11.,  2.]])
    """
    if weight.dim() == 3:
        return _linear_each(x.expand(len(weight), *x.shape[-2:]), weight, bias)
    if _through_onednn(x, weight):
        return _OneDNN.apply(x, weight, bias)

    return F.linear(x, weight, bias)


class _OneDNN(torch.autograd.Function):
    """The product of oneDNN that compiled models of PyTorch call.

    It takes ordinary tensors, transposed ones too; through ``to_mkldnn``, the public way to it,
    each operand would be copied.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        bias = None if bias is None else bias.contiguous()

        return torch.ops.mkldnn._linear_pointwise(_whole(x), _whole(weight), bias, "none", [], "")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = grad_outputs[0]
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        rows = gradient.reshape(-1, len(weight))

        return (
            linear(gradient, weight.t()) if needs_x else None,
            linear(rows.t(), x.reshape(-1, weight.shape[1]).t()) if needs_weight else None,
            rows.sum(dim=0) if needs_bias else None,
        )


def linear_with_rounded_gradients(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Returns the product of ``linear``, whose gradients are products of bfloat16.

    Two thirds of the arithmetic of a training lie there. The map itself is exact, as that of an
    invertible network has to be.

    Arguments:
        x: The rows, with shape :math:`(n, d)`.
        weight: The weight, with shape :math:`(m, d)`.
        bias: The bias, with shape :math:`(m,)`; its gradient is a sum, and stays float32.

    Example:
        >>> weight = torch.tensor([[1 / 3]], requires_grad=True)
        >>> product = linear_with_rounded_gradients(torch.tensor([[3.0]]), weight, torch.zeros(1))
        >>> print(product.item(), *torch.autograd.grad(1.001 * product, weight))
        1.0 tensor([[3.]])
    """
    return _RoundedGradients.apply(x, weight, bias)


class _RoundedGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x.bfloat16(), weight)

        return linear(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(  # pyrefly: ignore, the decorator hides the name of the first argument
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = grad_outputs[0].bfloat16()
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad

        return (
            (gradient @ weight.bfloat16()).float() if needs_x else None,
            (gradient.t() @ x).float() if needs_weight else None,
            grad_outputs[0].sum(dim=0) if needs_bias else None,
        )


def _linear_each(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Returns the products (s, n, m) of each network's rows (s, n, d) and weight (s, m, d)."""
    if _through_onednn(x, weight):  # which has no float32 product of batches
        biases = [None] * len(weight) if bias is None else bias
        return torch.stack([linear(*each) for each in zip(x, weight, biases, strict=True)])
    if torch.is_autocast_enabled(x.device.type):  # which knows nothing of a function of our own
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)

    return _Products.apply(x, weight, bias)


class _Products(torch.autograd.Function):
    """Batched products whose gradients are laid out as the weights are.

    PyTorch's own come out transposed, and are then copied, which takes longer than the products.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        if bias is None:
            return torch.bmm(x, weight.mT)

        return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = grad_outputs
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad

        return (
            torch.bmm(gradient, weight) if needs_x else None,
            torch.bmm(gradient.mT, x) if needs_weight else None,
            gradient.sum(dim=1) if needs_bias else None,
        )


def _whole(x: Tensor) -> Tensor:
    """Returns a copy of what is neither a whole matrix nor the transpose of one.

    oneDNN would multiply these a thousand times slower.
    """
    return x if x.is_contiguous() or x.transpose(0, -1).is_contiguous() else x.contiguous()


def _through_onednn(x: Tensor, weight: Tensor) -> bool:
    plain_float32 = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"

    some = x.numel() > 0 and weight.numel() > 0  # oneDNN takes no axis of length 0

    return plain_float32 and some and not torch.is_autocast_enabled("cpu") and has_onednn()


def has_onednn() -> bool:
    """Says whether this build of PyTorch has oneDNN, and the user has not switched it off."""
    return (
        torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # which no release promises to keep
    )


class Linear(nn.Linear):
    """PyTorch's linear layer, with the product of ``linear``."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, the name of the parent's argument
        """Maps rows of shape :math:`(n, d)` to rows of shape :math:`(n, m)`."""
        return linear(input, self.weight, self.bias)
