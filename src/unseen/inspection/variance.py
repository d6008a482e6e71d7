r"""The variance of logits and hidden activations, as theory predicts it and as it is.

References:
    Class Normalization for (Continual)? Generalized Zero-Shot Learning
    (Skorokhodov & Elhoseiny, 2021)
    https://arxiv.org/abs/2006.11328
"""

__all__ = [
    "LayerVariance",
    "Spread",
    "Variances",
    "measure_variances",
    "predicted_logit_variance",
    "predicted_pre_logit_variance",
]

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unseen.inspection.probe import Probe, training_copy
from unseen.nets.class_standardization import ClassStandardization, DynamicNormalization

KINDS: dict[type[nn.Module], str] = {
    nn.Linear: "linear",
    nn.ReLU: "ReLU",
    nn.LayerNorm: "layer norm",
    ClassStandardization: "class norm",
    DynamicNormalization: "dynamic norm",
}


@dataclass(frozen=True)
class LayerVariance:
    """How large the output of a layer is, and how much it differs between classes.

    Arguments:
        name: The kind of the layer and its number among its kind.
        mean_square: The mean of the squared activations; what is common to all classes counts.
        class_variance: The variance over the classes, averaged over the units.
    """

    name: str
    mean_square: float
    class_variance: float


@dataclass(frozen=True)
class Spread:
    """How scores of all rows for all seen classes are spread.

    Arguments:
        mean: The mean over rows and classes.
        std: The standard deviation over rows and classes.
        class_variance: The variance over the classes, averaged over the rows: what a softmax sees.
    """

    mean: float
    std: float
    class_variance: float


@dataclass(frozen=True)
class Variances:
    r"""What a network computes of its seen classes, in numbers.

    Arguments:
        layers: The layers, in the order of the computation; the last gives the prototypes.
        pre_logits: The spread of :math:`z_i \cdot p_c`, nothing normalised.
        logits: The spread of the logits, scaled if the network scales.
        feature_square: The mean of the squared features, :math:`E[z^2]`.
    """

    layers: tuple[LayerVariance, ...]
    pre_logits: Spread
    logits: Spread
    feature_square: float

    @property
    def preserved(self) -> float:
        """The variance of pre-logits in units of that of features; theory asks for 1."""
        return self.pre_logits.class_variance / self.feature_square


def predicted_logit_variance(scale: float, features: int) -> float:
    r"""Returns the variance :math:`\gamma^4 / d` of logits of independent Gaussian vectors.

    Differences from the paper:
        The paper's :math:`\gamma^4 d / (d - 2)^2` is an approximation of it, 0.2 % larger at
        2,048 features and 14 % at 32.

    Arguments:
        scale: The :math:`\gamma`.
        features: The number :math:`d` of features.

    Example:
        >>> print(f"{predicted_logit_variance(5.0, 2048):.3f}")
        0.305
    """
    return scale**4 / features


def predicted_pre_logit_variance(
    features: int, feature_variance: float, weight_variance: float, hidden_square: float
) -> float:
    r"""Returns :math:`d_z \, \mathrm{Var}[z] \, \mathrm{Var}[V] \, E\|h_c\|^2`.

    With :math:`\mathrm{Var}[V] = 1 / (d_z d_h)`, Eq. (10), and :math:`E\|h_c\|^2 = d_h`, which
    Eq. (9) sees to, that is the variance of the features.

    Arguments:
        features: The number :math:`d_z` of features.
        feature_variance: Their variance :math:`\mathrm{Var}[z]`.
        weight_variance: The variance :math:`\mathrm{Var}[V]` of the last weights.
        hidden_square: The mean :math:`E\|h_c\|^2` of the squared length of the last hidden layer.

    Example:
        >>> round(predicted_pre_logit_variance(2048, 2.89, 1 / (2048 * 1024), 1024), 6)
        2.89
    """
    return features * feature_variance * weight_variance * hidden_square


@torch.no_grad()
def measure_variances(embedder: nn.Module, probe: Probe) -> Variances:
    """Measures what an embedder computes of the seen classes, as in a step of its training.

    Arguments:
        embedder: Maps descriptions to prototypes; it and its running statistics stay as they are.
        probe: The rows and classes.

    Example:
        >>> probe = Probe(torch.eye(2), torch.arange(2), torch.eye(2), scale=None)
        >>> measure_variances(nn.Sequential(nn.ReLU()), probe).logits
        Spread(mean=0.5, std=0.5, class_variance=0.5)
    """
    embedder = training_copy(embedder)
    layers, seen = [], Counter()

    def look(layer: nn.Module, _: object, output: Tensor) -> None:
        kind = next((name for kind, name in KINDS.items() if isinstance(layer, kind)), None)
        kind = kind or type(layer).__name__
        seen[kind] += 1
        layers.append(_layer_variance(f"{kind} {seen[kind]}", output.float()))

    for layer in embedder.modules():
        if not list(layer.children()):
            layer.register_forward_hook(look)
    prototypes = probe.prototypes(embedder)  # (k, d)

    return Variances(
        tuple(layers),
        _spread(probe.features @ prototypes.T),
        _spread(probe.logits(prototypes)),
        probe.features.square().mean().item(),
    )


def _layer_variance(name: str, h: Tensor) -> LayerVariance:
    """Measures activations of shape (k, j)."""
    return LayerVariance(name, h.square().mean().item(), h.var(dim=0).mean().item())


def _spread(scores: Tensor) -> Spread:
    """Measures scores of shape (n, k)."""
    return Spread(
        scores.mean().item(),
        scores.std(correction=0).item(),
        scores.var(dim=1).mean().item(),
    )
