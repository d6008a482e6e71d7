r"""Compressed replay (DEM): all past examples, in fewer bytes, are rehearsed with every task.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021), released code
    https://arxiv.org/abs/2006.11328
"""

__all__ = ["CompressedReplay"]

import torch
import torch.nn.functional as F
from torch import Tensor

from unseen.continual.compressors import (
    Compressed,
    Compressor,
    EightBits,
    HalfPrecision,
    PooledPixels,
    PrincipalComponents,
)
from unseen.continual.memory import MemoryStrategy
from unseen.continual.strategy import Step, StreamNetwork, TaskRows, masked_cross_entropy
from unseen.data.arguments import check_choice, check_number

COMPRESSORS = ("auto", "float16", "int8", "pca", "pooled")


class CompressedReplay(MemoryStrategy):
    r"""Keeps all examples in compressed form, and rehearses those of earlier tasks.

    .. math:: \mathrm{CE}(B_t; C_t) + \lambda_r \, \mathrm{CE}(B_M; L_{t-1})
        + \lambda_l \, \mathrm{CE}(\tilde B_t; C_t)
        + \lambda_m \, \| y(B_t) - y(\tilde B_t) \|^2

    with :math:`\tilde B_t` the examples of the step as the memory will keep them. The last term
    is the mean over examples and seen classes.

    Differences from the paper:
        The released code keeps pictures of 64 x 64 pixels and enlarges them to 256 x 256
        (``"pooled"``); features are compressed by their own means. There is no learned upsampler.
        The release passes the descriptions of all classes, those of later tasks too, through the
        norm for recalled examples; here the step's own prototypes serve.
        The paper's streams train DEM 5 epochs in batches of 10 (settings of the head).

    Arguments:
        compressor: ``"float16"``, ``"int8"``, ``"pca"``, or ``"pooled"`` for pictures; ``"auto"``
            is pooled for pictures and float16 for features. Or a ``Compressor`` of your own, with
            which a model can be trained but not saved.
        weight: The :math:`\lambda_r`, at least 0, which recalls nothing.
        memory_batch: The number of examples that a step recalls, at least 1.
        components: The number of axes of ``"pca"``, at least 1.
        factor: How many times fewer pixels ``"pooled"`` keeps along each side, at least 2.
        compressed_loss: The :math:`\lambda_l`, at least 0.
        matching: The :math:`\lambda_m`, at least 0.

    Attributes:
        codes_: What is kept of each example, with shape (m, ...).
        key_: What else restores them.
        labels_: The row of the class table of each, with shape (m,).
        tasks_: The number of the task that each came with, with shape (m,).
        members_: The classes so far and the number of their task, with shape (2, o).
    """

    competing = "earlier"

    codes_: Tensor
    key_: Tensor

    def __init__(
        self,
        compressor: str | Compressor = "auto",
        weight: float = 1.0,
        memory_batch: int = 10,
        *,
        components: int = 64,
        factor: int = 4,
        compressed_loss: float = 0.0,
        matching: float = 0.0,
    ) -> None:
        self.compressor = compressor
        self.weight = weight
        self.memory_batch = memory_batch
        self.components = components
        self.factor = factor
        self.compressed_loss = compressed_loss
        self.matching = matching

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        if not isinstance(self.compressor, Compressor):
            check_choice("compressor", self.compressor, COMPRESSORS)
        PrincipalComponents(self.components).check_settings()
        PooledPixels(self.factor).check_settings()
        check_number("compressed_loss", self.compressed_loss, 0)
        check_number("matching", self.matching, 0)

    def before_task(self, network: StreamNetwork, task: TaskRows) -> TaskRows:
        """Looks up earlier classes, and compresses the task's examples where the loss asks."""
        self._chosen = self._choose(task.inputs)
        self._chosen.check(task.inputs)
        if self.compressed_loss > 0 or self.matching > 0:
            self._lossy: Compressed | None = self._compress(task)
        else:
            self._lossy = None

        return super().before_task(network, task)

    def penalty(self, step: Step) -> Tensor | None:
        """Returns the weighted losses of recalled and of compressed examples."""
        loss = super().penalty(step)
        if self._lossy is None:
            return loss
        held = len(self._lossy.codes) - len(step.task.labels)
        lossy = step.scores(self._chosen.restore(self._lossy, held + step.rows))  # (b, k)
        own = self.compressed_loss * masked_cross_entropy(lossy, step.target, step.task.new)
        own = own + self.matching * F.mse_loss(step.logits, lossy)

        return own if loss is None else loss + own

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes of codes, of what restores them, of labels and tasks."""
        return {"items": self.codes_.nbytes, "key": self.key_.nbytes, **super().memory_bytes()}

    def _remember(self, network: StreamNetwork, task: TaskRows) -> None:  # noqa: ARG002
        kept = self._compress(task) if self._lossy is None else self._lossy
        tasks = torch.full_like(task.labels, task.number)
        first = task.number == 1
        self.labels_ = task.labels if first else torch.cat([self.labels_, task.labels])
        self.tasks_ = tasks if first else torch.cat([self.tasks_, tasks])
        self.codes_, self.key_ = kept.codes, kept.key
        self._lossy = None  # of use within a task only

    def _inputs(self, rows: Tensor) -> Tensor:
        return self._chosen.restore(Compressed(self.codes_, self.key_), rows)

    def _compress(self, task: TaskRows) -> Compressed:
        """Returns the memory as it is with the examples of a task."""
        before = None if task.number == 1 else Compressed(self.codes_, self.key_)

        return self._chosen.add(before, task.inputs)

    def _choose(self, inputs: Tensor) -> Compressor:
        """Returns the compressor that was asked for, or the one for inputs of this type."""
        if isinstance(self.compressor, Compressor):
            return self.compressor
        named: dict[str, Compressor] = {
            "float16": HalfPrecision(),
            "int8": EightBits(),
            "pca": PrincipalComponents(self.components),
            "pooled": PooledPixels(self.factor),
        }
        named["auto"] = named["pooled" if inputs.dtype == torch.uint8 else "float16"]

        return named[self.compressor]
