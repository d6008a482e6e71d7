"""A flow of features whose first outputs are the description of the class."""

__all__ = ["SemanticFlow"]

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from unseen.nets.flow import AffineCoupling, coupling_flow
from unseen.nets.noise import CountedNoise
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork

EXACT = "donot_use_mm_for_euclid_dist"


class SemanticFlow(ScoringNetwork):
    r"""Maps features to a semantic part and the rest, invertibly, and scores by the former.

    Columns that do not vary in training, and those added beyond the features, would make the
    density unbounded: they carry standard normal noise in training, and 0 elsewhere.

    Arguments:
        features: The preparation of features.
        attributes: The normalisation of descriptions.
        semantic: The length :math:`d_c` of the semantic part; below the length of a description,
            that is reduced to principal components.
        width: The number of columns of the flow, at least the number :math:`d` of features.
        blocks: The number of blocks.
        hidden: The width of the hidden layers.
        scale_bound: The bound of the logarithm of each coupling's scales.
        semantic_std: The deviation :math:`\sigma_c` of the semantic part.
        input_noise: The deviation of the noise on columns that vary, in training.
        generator: The source of randomness of permutations, initial weights and noise.
    """

    centre: Tensor
    axes: Tensor | None
    steady: Tensor
    constants: Tensor

    def __init__(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        *,
        semantic: int,
        width: int,
        blocks: int,
        hidden: int,
        scale_bound: float,
        semantic_std: float,
        input_noise: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__(features, attributes)

        d, a = len(features.mean), len(attributes.mean)
        self.semantic, self.width, self.rest = semantic, width, width - semantic
        self.semantic_std = semantic_std
        self.input_noise = input_noise
        self.flow = coupling_flow(width, blocks, hidden, scale_bound, generator)
        self.noise = CountedNoise(int(torch.randint(2**31, (), generator=generator)))
        self.register_buffer("centre", torch.zeros(a))
        self.register_buffer("axes", torch.zeros(a, semantic) if semantic < a else None)
        self.register_buffer("steady", torch.zeros(width, dtype=torch.bool))
        self.register_buffer("constants", torch.zeros(d))

    def round_gradients(self, dtype: torch.dtype) -> None:
        """Multiplies gradients in bfloat16, if that is the type; the map stays float32."""
        for module in self.flow.modules():
            if isinstance(module, AffineCoupling):
                module.rounded_gradients = dtype == torch.bfloat16

    @torch.no_grad()
    def look_at(self, x: Tensor, S: Tensor) -> None:
        """Finds the columns that do not vary, and principal components of descriptions.

        Arguments:
            x: The prepared features of training, with shape (n, d).
            S: The normalised descriptions of the seen classes, with shape (k, a).
        """
        still = x.amin(dim=0) == x.amax(dim=0)
        self.steady.copy_(F.pad(still, (0, self.width - x.shape[1]), value=True))
        self.constants.copy_(torch.where(still, x[0], 0.0))
        if self.axes is not None:
            self.centre.copy_(S.mean(dim=0))
            directions = torch.linalg.svd((S - self.centre).double(), full_matrices=False)[2]
            self.axes.copy_(directions[: self.semantic].T)

    def embed(self, normalized: Tensor) -> Tensor:
        """Returns the means of the semantic part, with shape (c, d_c)."""
        return normalized if self.axes is None else (normalized - self.centre) @ self.axes

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Scores prepared features (n, d) for class vectors (c, d_c), with shape (n, c).

        The flow stretches, and rounding with it, which differs with the number of rows: hence
        float64, here alone.
        """
        semantic = self.encode(self.fill(x).double())[0][:, : self.semantic]
        distances = torch.cdist(semantic, embedded.double(), compute_mode=EXACT)

        return -distances.square() / (2 * self.semantic_std**2)

    def fill(self, x: Tensor) -> Tensor:
        """Returns what the flow takes, with shape (n, width), of prepared features (n, d)."""
        return F.pad(x, (0, self.width - x.shape[1])).masked_fill(self.steady, 0.0)

    def noised(self, x: Tensor, noise: CountedNoise) -> Tensor:
        """Returns the same, with the noise of training."""
        drawn = noise.normal(len(x), self.width)

        return self.fill(x) + drawn * torch.where(self.steady, 1.0, self.input_noise)

    def encode(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Maps filled rows (n, width) to latent ones, with the log-determinants (n,)."""
        return self.flow().call_and_ladj(v)

    def invert(self, semantic: Tensor, rest: Tensor) -> Tensor:
        """Maps latent rows, (n, d_c) and (n, rest), to filled ones, with shape (n, width)."""
        return self.flow().inv(torch.cat([semantic, rest], dim=1))

    def decode(self, semantic: Tensor, rest: Tensor) -> Tensor:
        """Maps latent rows, (n, d_c) and (n, rest), to prepared features, with shape (n, d)."""
        d = len(self.constants)

        return torch.where(self.steady[:d], self.constants, self.invert(semantic, rest)[:, :d])

    def log_density(self, v: Tensor, c: Tensor) -> Tensor:
        r"""Returns :math:`\log p(v | c)` of filled rows (n, width), given (n, d_c), shape (n,)."""
        latent, log_det = self.encode(v)
        semantic, rest = latent.split([self.semantic, self.rest], dim=1)
        error = (semantic - c).square().sum(dim=1) / (2 * self.semantic_std**2)
        volume = self.semantic * math.log(self.semantic_std)
        volume += self.width / 2 * math.log(2 * math.pi)

        return log_det - error - rest.square().sum(dim=1) / 2 - volume

    @torch.no_grad()
    def round_trip_error(self, x: Tensor) -> float:
        """Returns the greatest error of the flow and its inverse over prepared features (n, d)."""
        v = self.fill(x)

        return (self.flow().inv(self.encode(v)[0]) - v).abs().max().item()
