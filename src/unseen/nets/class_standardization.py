r"""Class standardisation: hidden units standardised over the classes, not over the samples.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["ClassStandardization", "DynamicNormalization"]

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClassStandardization(nn.Module):
    r"""Standardises each hidden unit over the classes of the call (Eq. 9).

    .. math:: s_{cj} = \frac{h_{cj} - \mu_j}{\sqrt{\sigma_j^2 + \epsilon}}

    with :math:`\mu_j` and :math:`\sigma_j^2` over the :math:`k` classes in training, and their
    running averages in evaluation: the scores of a class never depend on which others are scored.

    Differences from the paper:
        ``divide_by="var"`` divides by :math:`\sigma_j^2 + \epsilon` without the square root, as
        the authors' notebook does. With one class in training the running statistics serve, since
        a variance over one class is undefined.

    Arguments:
        features: The number of hidden units :math:`j`.
        divide_by: ``"std"`` (Eq. 9) or ``"var"`` (the authors' notebook).
        ddof: The delta degrees of freedom of the training variance; 0 for ``"std"`` and 1 for
            ``"var"`` where ``None``.
        eps: The :math:`\epsilon` added to the variance.
        momentum: The weight of the newest statistics in the running averages.
        affine: Whether to learn a scale and a shift for each unit.

    Example:
        >>> norm = ClassStandardization(2)
        >>> norm(torch.tensor([[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]])).mean(dim=0).abs().max() < 1e-6
        tensor(True)
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        features: int,
        divide_by: str = "std",
        ddof: int | None = None,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
    ) -> None:
        super().__init__()

        self.divide_by = divide_by
        self.ddof = (0 if divide_by == "std" else 1) if ddof is None else ddof
        self.eps = eps
        self.momentum = momentum

        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine else None

        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def extra_repr(self) -> str:
        return f"{len(self.running_mean)}, divide_by={self.divide_by!r}, ddof={self.ddof}"

    def forward(self, h: Tensor) -> Tensor:
        """Standardises the hidden units.

        Arguments:
            h: The hidden activations, with shape :math:`(k, j)`; or those of several networks, with
                shape :math:`(s, k, j)`, where all tensors of this layer have shape :math:`(s, j)`.

        Returns:
            The standardised activations, of the same shape.
        """
        h = h.float() if h.dtype == torch.bfloat16 else h  # statistics keep full precision
        classes = h.shape[-2]
        training = self.training and classes > 1
        if training and self.divide_by == "std" and self.ddof == 0:
            return self._fused(h)

        if training:
            mean = h.mean(dim=-2)  # (j,)
            var = (h - mean.unsqueeze(-2)).square().sum(dim=-2) / (classes - self.ddof)
            self.track(mean.detach(), var.detach() * (classes - self.ddof) / (classes - 1))
        else:
            mean, var = self.running_mean, self.running_var

        scale = torch.rsqrt(var + self.eps) if self.divide_by == "std" else 1 / (var + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        s = (h - mean.unsqueeze(-2)) * scale.unsqueeze(-2)

        return s if self.bias is None else s + self.bias.unsqueeze(-2)

    def _fused(self, h: Tensor) -> Tensor:
        """Standardises in training by one kernel, the units of several networks side by side."""
        mean, var = self.running_mean.view(-1), self.running_var.view(-1)
        weight = None if self.weight is None else self.weight.view(-1)
        bias = None if self.bias is None else self.bias.view(-1)
        if h.dim() == 2:
            return F.batch_norm(h, mean, var, weight, bias, True, self.momentum, self.eps)

        units = h.transpose(0, 1).flatten(start_dim=1)  # (k, s * j)
        s = F.batch_norm(units, mean, var, weight, bias, True, self.momentum, self.eps)

        return s.unflatten(1, (len(h), -1)).transpose(0, 1)  # (s, k, j)

    @torch.no_grad()
    def track(self, mean: Tensor, unbiased_var: Tensor) -> None:
        """Moves the running statistics; both of the authors' codes keep the unbiased variance."""
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(unbiased_var, self.momentum)


class DynamicNormalization(nn.Module):
    r"""Divides the hidden activations by their squared mean norm over the classes.

    .. math:: s_c = h_c \, / \, \bigl( \tfrac{1}{k} \sum_i \|h_i\| \bigr)^2

    An ablation of the paper. In evaluation the running average of the mean norm serves.

    Arguments:
        momentum: The weight of the newest norm in the running average.
    """

    running_norm: Tensor

    def __init__(self, momentum: float = 0.1) -> None:
        super().__init__()

        self.momentum = momentum
        self.register_buffer("running_norm", torch.ones(()))

    def forward(self, h: Tensor) -> Tensor:
        """Normalises activations of shape :math:`(k, j)` or :math:`(s, k, j)`; the shape stays."""
        h = h.float() if h.dtype == torch.bfloat16 else h
        if self.training:
            norm = torch.linalg.vector_norm(h, dim=-1).mean(dim=-1)  # () or (s,)
            with torch.no_grad():
                self.running_norm.lerp_(norm.detach(), self.momentum)
        else:
            norm = self.running_norm

        return h / (norm**2).clamp_min(1e-12)[..., None, None]
