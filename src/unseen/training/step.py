"""One step of gradient descent: eager, or captured as a CUDA graph."""

__all__ = ["OPTIMIZERS", "CapturedStep", "EagerStep", "make_optimizer"]

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

OPTIMIZERS = ("adam", "adamw", "sgd")
EAGER_STEPS = 3  # before a capture: optimizer state and library workspaces come into being


def make_optimizer(
    name: str,
    parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
    lr: float,
    weight_decay: float,
    beta2: float,
    device: torch.device,
) -> Optimizer:
    """Makes an optimizer that updates all parameters in one kernel.

    Arguments:
        name: A name in ``OPTIMIZERS``.
        parameters: The parameters, or groups of them as PyTorch takes them; a group may have a
            ``lr`` and ``momentum`` of its own.
        lr: The learning rate.
        weight_decay: The L2 penalty, added to the gradient (``"adamw"`` decouples it).
        beta2: The decay of Adam's mean of squared gradients.
        device: The device of the parameters.
    """
    # a captured graph reads its learning rate anew at each replay only if that is a tensor
    optimizer: Optimizer
    if name == "sgd":
        optimizer = SGD(parameters, lr, momentum=0.9, weight_decay=weight_decay, fused=True)
    else:
        kind = AdamW if name == "adamw" else Adam
        optimizer = kind(parameters, lr, (0.9, beta2), weight_decay=weight_decay, fused=True)
    if device.type == "cuda":
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"], device=device)

    return optimizer


class EagerStep:
    """Computes a loss, its gradient, and one step of the optimizer.

    Arguments:
        loss: Returns the loss of a batch, given its row numbers.
        optimizer: The optimizer over the parameters of the loss.
        clip_norm: The greatest norm of the whole gradient; ``None`` does not clip.
        networks: The number of networks that the parameters stack, if they do. The loss is then
            the mean of theirs, and each descends, and is clipped, as if it were alone.
        edit: Called when the gradients are there, to change them in place.
    """

    def __init__(
        self,
        loss: Callable[[Tensor], Tensor],
        optimizer: Optimizer,
        clip_norm: float | None,
        networks: int | None = None,
        edit: Callable[[], None] | None = None,
    ) -> None:
        self.loss = loss
        self.optimizer = optimizer
        self.clip_norm = clip_norm
        self.networks = networks
        self.edit = edit
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.rates = [float(group["lr"]) for group in optimizer.param_groups]

    def scale_lr(self, factor: float) -> None:
        """Sets the learning rate of the next step to a share of what it was at first."""
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor

    def __call__(self, batch: Tensor) -> Tensor:
        """Steps on the rows of a batch, with shape :math:`(b,)`, and returns the loss."""
        self.optimizer.zero_grad()
        loss = self.loss(batch)
        loss.backward(None if self.networks is None else torch.full_like(loss, self.networks))
        if self.edit is not None:
            self.edit()
        if self.clip_norm is not None:
            self._clip(self.clip_norm)
        self.optimizer.step()

        return loss.detach()

    def _clip(self, clip_norm: float) -> None:
        if self.networks is None:
            torch.nn.utils.clip_grad_norm_(self.parameters, clip_norm)
            return

        gradients = [p.grad.flatten(start_dim=1) for p in self.parameters if p.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(g, dim=1) for g in gradients])
        norm = torch.linalg.vector_norm(norms, dim=0)  # (s,)
        factor = (clip_norm / (norm + 1e-6)).clamp_max(1)  # as PyTorch's own clipping
        for gradient in gradients:
            gradient.mul_(factor.unsqueeze(1))


@dataclass(frozen=True)
class Captured:
    """A graph with its input, the row numbers of a batch, and its output, the loss."""

    graph: torch.cuda.CUDAGraph
    batch: Tensor
    loss: Tensor


class CapturedStep(EagerStep):
    """Replays a step as one CUDA graph, without the launches in between.

    The first steps run eagerly, then one of full size is captured. A batch of another size, as the
    last of an epoch, runs eagerly. Where capture fails (a loss that asks for a number on the host,
    say), every step does, and a warning says why.
    """

    def __init__(
        self,
        loss: Callable[[Tensor], Tensor],
        optimizer: Optimizer,
        clip_norm: float | None,
        networks: int | None = None,
        edit: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(loss, optimizer, clip_norm, networks, edit)

        self.device = self.parameters[0].device
        self.stream = torch.cuda.Stream(self.device)
        self.size = 0
        self.steps = 0
        self.failed = False
        self.captured: Captured | None = None

    def __call__(self, batch: Tensor) -> Tensor:
        """Steps on the rows of a batch, with shape :math:`(b,)`, and returns the loss."""
        self.size = max(self.size, len(batch))
        full = len(batch) == self.size
        self.steps += 1
        if full and self.captured is None and self.steps > EAGER_STEPS and not self.failed:
            self._capture(batch)
        if self.captured is None or not full:
            return self._eager(batch)

        self.captured.batch.copy_(batch)
        self.captured.graph.replay()

        return self.captured.loss.clone()

    def _eager(self, batch: Tensor) -> Tensor:
        """Steps on the side stream, where a capture expects the first steps to have run."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            loss = super().__call__(batch)
        current.wait_stream(self.stream)

        return loss

    def _capture(self, batch: Tensor) -> None:
        graph, static = torch.cuda.CUDAGraph(), batch.clone()
        current = torch.cuda.current_stream(self.device)
        self._set_capturable(True)
        try:
            with torch.cuda.graph(graph, stream=self.stream):
                loss = super().__call__(static)
        except RuntimeError as error:
            torch.cuda.set_stream(current)  # a capture that breaks off may leave its own behind
            torch.cuda.synchronize(self.device)
            self.failed = True
            warnings.warn(
                f"This training step cannot be captured as a CUDA graph and runs slower: {error}",
                stacklevel=2,
            )
        else:
            self.captured = Captured(graph, static, loss)
        finally:
            self._set_capturable(False)

    def _set_capturable(self, capturable: bool) -> None:
        """Adam asks for this flag in a capture, and warns of it outside."""
        for group in self.optimizer.param_groups:
            if "capturable" in group:
                group["capturable"] = capturable
