"""What all methods share that make features of classes: generation, then a last layer."""

__all__ = ["FinalLayer", "GenerativeZeroShotClassifier"]

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from unseen.data.arguments import check_number
from unseen.methods.class_table import row_places
from unseen.methods.network import NetworkClassifier
from unseen.nets.noise import CountedNoise
from unseen.nets.preprocessing import FeaturePreprocessing
from unseen.training.batches import RandomRows
from unseen.training.loop import Monitor, Optimization, train
from unseen.training.resident import CHUNK_ROWS, to_device

FINAL_BATCH = 256
FINAL = "final."


class FinalLayer(nn.Module):
    """A linear map of prepared features to classes, and the noise of what it is taught with.

    Its weights begin at zero: the loss is convex, so that nothing is gained by chance.

    Arguments:
        features: The number :math:`d` of features.
        classes: The number :math:`c` of classes.
        seed: The seed of the synthetic examples.
    """

    def __init__(self, features: int, classes: int, seed: int) -> None:
        super().__init__()

        self.linear = nn.Linear(features, classes, device="meta").to_empty(device="cpu")
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.noise = CountedNoise(seed)

    def forward(self, x: Tensor) -> Tensor:
        """Scores prepared features (n, d) for classes, with shape (n, c)."""
        return self.linear(x)


class GenerativeZeroShotClassifier(NetworkClassifier):
    """A classifier whose network makes features of any described class.

    A method writes ``_synthesize``, beside what a ``NetworkClassifier`` writes.

    When the network has learned, a last layer is trained **once** on real examples of the seen
    classes and synthetic ones of the unseen classes. The scores are its logits. For a table of
    classes that it was trained on, in any order or selection, they are its columns. For a table
    with a new description, a last layer is trained anew on synthetic examples of all its classes,
    the seen ones too, as the real ones are not kept; the network stays as it is. That costs
    ``final_steps`` steps and is kept until another table comes.

    Arguments:
        synthetic_per_class: How many synthetic examples of each class are made at once for the
            last layer; ``None`` makes new ones in every step.
        final_steps: The number of steps of the last layer's training.
        final_lr: The learning rate of the last layer.

    Attributes:
        seed_: The seed of ``fit``, from which all synthetic examples follow.
        final_: The last layer; ``None`` if ``fit`` had not all descriptions.
    """

    synthetic_per_class: int | None = None
    final_steps: int = 1000
    final_lr: float = 1e-3

    seed_: int
    final_: FinalLayer | None

    @abstractmethod
    def _synthesize(self, S: Tensor, noise: CountedNoise) -> Tensor:
        """Makes one prepared row of features, with shape (m, d), for each row of S.

        Arguments:
            S: Normalised descriptions, with shape (m, a).
            noise: The only source of randomness.
        """

    def generate(
        self,
        class_attributes: ArrayLike,
        n_per_class: int,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Makes features of classes, seen or never seen, in the units of the training features.

        Where the preparation of features brings rows to length 1, so are these.

        Arguments:
            class_attributes: The descriptions, with shape :math:`(c, a)`.
            n_per_class: The number of rows of each class.
            random_state: The seed.

        Returns:
            The features, with shape (c * n_per_class, d), class after class, and the row of
            ``class_attributes`` of each, with shape (c * n_per_class,).

        Raises:
            ValueError: If a description or the number is of no use, or the model knows no table.
        """
        parts = list(self.generate_chunks(class_attributes, n_per_class, random_state))
        labels = np.repeat(np.arange(len(np.asarray(class_attributes))), n_per_class)

        return np.concatenate(parts), labels

    def generate_chunks(
        self,
        class_attributes: ArrayLike,
        n_per_class: int,
        random_state: int | np.random.RandomState | None = None,
    ) -> Iterator[NDArray[np.float32]]:
        """Yields the features of ``generate`` in parts, so that they need not fit in memory.

        Arguments:
            class_attributes: The descriptions, with shape :math:`(c, a)`.
            n_per_class: The number of rows of each class.
            random_state: The seed.

        Yields:
            The features of the next rows, with shape (m, d).

        Raises:
            ValueError: If a description or the number is of no use, or the model knows no table.
        """
        check_is_fitted(self)
        check_number("n_per_class", n_per_class, 1, whole=True)
        if self.ordinary_:
            raise ValueError(
                "This model was fitted without a class table, so no class can be described to it; "
                "fit it with `fit(X, y, class_attributes)` first."
            )
        device = next(self.network_.parameters()).device
        S = self._described(self._check_table(class_attributes), device)
        seed = int(check_random_state(random_state).randint(2**31))
        noise = CountedNoise(seed).to(device)

        return self._generated(S, n_per_class, noise)

    @torch.no_grad()
    def _generated(
        self, S: Tensor, n_per_class: int, noise: CountedNoise
    ) -> Iterator[NDArray[np.float32]]:
        for classes in _repeated(len(S), n_per_class, S.device):
            x = self._synthesize(S.index_select(0, classes), noise)
            yield _undone(self.network_.features, x).cpu().numpy()

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_number("final_steps", self.final_steps, 1, whole=True)
        check_number("final_lr", self.final_lr, 0, open_low=True)
        if self.synthetic_per_class is not None:
            check_number("synthetic_per_class", self.synthetic_per_class, 1, whole=True)

    def _seed(self) -> int:
        self.seed_ = super()._seed()

        return self.seed_

    def _fit(
        self, X: NDArray, rows: NDArray[np.int64], S: NDArray[np.float32], monitor: Monitor
    ) -> None:
        if hasattr(self, "final_"):  # with it, a table's last layer is kept for the next call
            del self.final_
        self._latest = None
        super()._fit(X, rows, S, monitor)

    def _finish(self, X: NDArray, rows: NDArray[np.int64]) -> None:
        """Trains the last layer on real examples (n, d) of classes (n,), and synthetic ones."""
        self.final_ = None
        if not np.isfinite(self.class_attributes_).all():
            return  # a table that describes all classes has to come first

        device = next(self.network_.parameters()).device
        x = to_device(X, self.network_.prepare, X.shape[1], device, torch.float32)
        self.final_ = self._final_layer(
            self.class_attributes_,
            torch.from_numpy(np.flatnonzero(~self.seen_)).to(device),
            x,
            torch.from_numpy(rows).to(device),
        )

    def _final_layer(
        self, table: NDArray[np.float32], made: Tensor, x: Tensor, labels: Tensor
    ) -> FinalLayer:
        """Trains a last layer.

        Arguments:
            table: The descriptions of its classes, with shape (c, a).
            made: The classes to make examples of, with shape (u,).
            x: Real examples, prepared, with shape (n, d); n may be 0.
            labels: Their classes, with shape (n,).
        """
        layer = FinalLayer(self.n_features_in_, len(table), self.seed_)
        layer.to(made.device)
        S = self._described(table, made.device)
        fresh = self.synthetic_per_class is None
        if not fresh and len(made):
            synthetic, classes = self._synthetic(S, made, layer.noise)
            x, labels = torch.cat([x, synthetic]), torch.cat([labels, classes])

        def loss(batch: Tensor) -> Tensor:
            taught, target = x, labels
            if len(x):
                taught, target = x.index_select(0, batch), labels.index_select(0, batch)
            if fresh and len(made):
                drawn = made[layer.noise.integers(len(batch), len(made))]
                with torch.no_grad():
                    row = self._synthesize(S.index_select(0, drawn), layer.noise)
                taught, target = torch.cat([taught, row]), torch.cat([target, drawn])

            return F.cross_entropy(layer(taught), target)

        steps = RandomRows(max(len(x), 1), FINAL_BATCH, self.final_steps)
        optimization = Optimization(epochs=1, lr=self.final_lr, schedule="linear")
        train(layer, loss, steps, optimization, torch.Generator().manual_seed(self.seed_))

        return layer

    @torch.no_grad()
    def _synthetic(self, S: Tensor, made: Tensor, noise: CountedNoise) -> tuple[Tensor, Tensor]:
        """Makes the fixed number of rows of each class to be made, and says their classes."""
        count = self.synthetic_per_class or 0
        drawn = [made[part] for part in _repeated(len(made), count, made.device)]
        rows = [self._synthesize(S.index_select(0, classes), noise) for classes in drawn]

        return torch.cat(rows), torch.cat(drawn)

    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        layer, columns = self._layer_for(S)

        return self._over_rows(X, layer)[:, columns]  # (n, c)

    def _layer_for(self, S: NDArray[np.float32]) -> tuple[FinalLayer, NDArray[np.int64]]:
        """Returns a last layer, and which of its columns are the classes of a table (c, a)."""
        final = getattr(self, "final_", None)
        if final is not None:
            stored = self.class_attributes_[: final.linear.out_features]
            columns = row_places(S, stored)
            if np.array_equal(S, stored):  # names tell apart what looks the same
                columns = np.arange(len(S))
            if columns.min() >= 0:
                return final, columns

        if self._latest is None or not np.array_equal(self._latest[0], S):
            device = next(self.network_.parameters()).device
            none = torch.zeros(0, self.n_features_in_, device=device)
            every = torch.arange(len(S), device=device)
            layer = self._final_layer(S, every, none, every[:0])
            if not hasattr(self, "final_"):  # a monitor looks at a network that still learns
                return layer, np.arange(len(S))
            self._latest = S.copy(), layer

        return self._latest[1], np.arange(len(S))

    def _fitted(self) -> dict[str, int]:
        return {**super()._fitted(), "seed_": self.seed_}

    def _state(self) -> dict[str, Tensor]:
        layer = getattr(self, "final_", None)
        final = {} if layer is None else layer.state_dict(prefix=FINAL)

        return {**super()._state(), **final}

    def _restore(self, state: dict[str, Tensor]) -> None:
        final = {name: state.pop(name) for name in list(state) if name.startswith(FINAL)}
        super()._restore(state)
        self.final_, self._latest = None, None
        if final:
            classes, features = final[f"{FINAL}linear.weight"].shape
            self.final_ = FinalLayer(features, classes, 0)
            self.final_.load_state_dict({name[len(FINAL) :]: t for name, t in final.items()})
            self.final_.to(next(self.network_.parameters()).device).eval()

    _latest: tuple[NDArray[np.float32], FinalLayer] | None


def _repeated(classes: int, count: int, device: torch.device) -> Iterator[Tensor]:
    """Yields each class so many times, in order, in parts (m,) of at most ``CHUNK_ROWS``."""
    for start in range(0, classes * count, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, classes * count)
        yield torch.arange(start, stop, device=device) // count


def _undone(features: FeaturePreprocessing, x: Tensor) -> Tensor:
    """Takes back the preparation of rows (n, d), as far as it can be."""
    x = x if features.divisor is None else x * features.divisor

    return x + features.mean if features.centre else x
