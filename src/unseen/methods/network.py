"""What all methods share that learn a network by gradient descent."""

__all__ = ["NetworkClassifier", "PrototypeClassifier"]

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from torch import Tensor

from unseen.data.arguments import check_choice, check_number
from unseen.methods.base import Setting, ZeroShotClassifier
from unseen.methods.saving import shown_name
from unseen.nets.preprocessing import (
    ATTRIBUTE_NORMALIZATIONS,
    FEATURE_PREPROCESSINGS,
    AttributeNormalization,
    FeaturePreprocessing,
)
from unseen.nets.scoring_network import ScoringNetwork
from unseen.training.batches import Batches, Shuffled, SideBySide
from unseen.training.checkpoint import Checkpoint
from unseen.training.device import choose_device, choose_precision, device_here
from unseen.training.loop import Monitor, Optimization, train
from unseen.training.resident import chunks, to_device
from unseen.training.schedules import SCHEDULES


@dataclass
class Given:
    """What a network learns from, on its device.

    Arguments:
        features: The prepared features, in the type of the products, with shape (n, d).
        labels: Their rows of the seen descriptions, with shape (n,).
        seen: The normalised descriptions of the seen classes, with shape (k, a).
        unseen: Those of the unseen classes, with shape (u, a); none for an inductive method.
    """

    features: Tensor
    labels: Tensor
    seen: Tensor
    unseen: Tensor

    def release(self) -> None:
        """Frees the features; a cycle of references would keep them until a collection."""
        self.features = self.features.new_empty(0)


class NetworkClassifier(ZeroShotClassifier):
    """A classifier whose scores come from a network of two sides, trained on the one loop.

    A method writes its constructor, ``_network`` and ``_loss``. Its constructor stores at least
    the settings below; those with a value here may be left out.

    Arguments:
        attribute_normalization: A name in ``ATTRIBUTE_NORMALIZATIONS``.
        feature_preprocessing: A name in ``FEATURE_PREPROCESSINGS``.
        epochs: The number of passes over the examples.
        batch_size: The number of examples of a step; ``None`` is a twentieth of all, between 32
            and 512: from 640 examples on, ten epochs are then 200 steps or more.
        lr: The learning rate.
        weight_decay: The L2 penalty.
        schedule: ``"linear"``, ``"step"`` or ``"constant"``.
        precision: The type of the matrix products: ``"float32"``, ``"bfloat16"``, or ``"auto"``:
            bfloat16 where the hardware is faster at it. Norms and loss stay float32.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights and batches.

    ``stackable`` says that ``_loss`` also takes a network that stacks several, whose learned
    tensors have a leading axis; ``fit_seeds`` then trains all seeds at once.

    Attributes:
        network_: The trained ``ScoringNetwork``.
    """

    stackable: ClassVar[bool] = False

    network_: ScoringNetwork

    attribute_normalization: str
    feature_preprocessing: str
    epochs: int
    lr: float
    batch_size: int | None = None
    weight_decay: float = 0.0
    optimizer: str = "adam"
    beta2: float = 0.999
    schedule: str = "linear"
    step_epochs: int = 25
    step_factor: float = 0.1
    clip_norm: float | None = None
    precision: str = "float32"
    device: str = "auto"
    random_state: int | None = None

    @property
    def setting(self) -> Setting:
        """Inductive, unless descriptions are standardised over all classes, unseen ones too."""
        transductive = self.attribute_normalization == "standardize-all"

        return "semantic-transductive" if transductive else "inductive"

    @abstractmethod
    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,
    ) -> ScoringNetwork:
        """Makes the network; all its initial weights come from the generator.

        ``len(features.mean)`` and ``len(attributes.mean)`` are d and a.
        """

    @abstractmethod
    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:
        """Returns the loss of a batch.

        Arguments:
            x: The prepared features, with shape (b, d); (s, b, d) for a stack of s networks.
            target: Their rows of S, with shape (b,) or (s, b).
            S: The normalised descriptions of the seen classes, with shape (k, a).
            unseen: Those of the unseen classes, with shape (u, a); none for an inductive method.
        """

    def _batches(self, labels: Tensor) -> Batches:
        """Says which rows make a step, given the class of each, with shape (n,)."""
        return Shuffled(len(labels), self._batch_size(len(labels)))

    def _look_at(self, features: FeaturePreprocessing, X: NDArray) -> None:
        """Sets what the network depends on beside sizes, given the fitted preparation."""

    def _further_inputs(self) -> dict[str, str]:
        """Returns a hash of each file that a prepared training learns from beside its data."""
        return {}

    def _settle(self, S: Tensor) -> None:
        """Ends the training, given the normalised descriptions of the seen classes, (k, a)."""

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        check_choice(
            "attribute_normalization", self.attribute_normalization, ATTRIBUTE_NORMALIZATIONS
        )
        check_choice("feature_preprocessing", self.feature_preprocessing, FEATURE_PREPROCESSINGS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_number("epochs", self.epochs, 1, whole=True)
        if self.batch_size is not None:
            check_number("batch_size", self.batch_size, 1, whole=True)
        check_number("lr", self.lr, 0, open_low=True)
        check_number("weight_decay", self.weight_decay, 0)

    def _fit(
        self, X: NDArray, rows: NDArray[np.int64], S: NDArray[np.float32], monitor: Monitor
    ) -> None:
        seed = self._seed()
        generator = torch.Generator().manual_seed(seed)
        self.network_ = self._network(*self._preparations(X, S), generator)

        checkpoint = self._checkpoint(monitor, seed, X, rows, S)
        given = self._given(X, rows, S)
        self._train(given, [generator], monitor, checkpoint)
        given.release()
        self._settle(given.seen)

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31))

    def _preparations(
        self, X: NDArray, S: NDArray[np.float32]
    ) -> tuple[FeaturePreprocessing, AttributeNormalization]:
        """Fits what comes before the network, and looks at its result."""
        features = FeaturePreprocessing(self.feature_preprocessing, X.shape[1]).fit(chunks(X))
        attributes = AttributeNormalization(self.attribute_normalization, S.shape[1])
        inductive = self.setting == "inductive"
        attributes.fit(torch.from_numpy(S if inductive else self.class_attributes_))
        self._look_at(features, X)

        return features, attributes

    def _given(self, X: NDArray, rows: NDArray[np.int64], S: NDArray[np.float32]) -> Given:
        """Brings to the device what the network learns from, and the network."""
        device = choose_device(self.device)
        dtype = choose_precision(self.precision, device)
        self.network_.to(device)
        inductive = self.setting == "inductive"
        others = self.class_attributes_[:0] if inductive else self.class_attributes_[~self.seen_]

        return Given(
            to_device(X, self.network_.prepare, X.shape[1], device, dtype),
            torch.from_numpy(rows).to(device),
            self._described(S, device),
            self._described(others, device),
        )

    def _train(
        self,
        given: Given,
        generators: Sequence[torch.Generator],
        monitor: Monitor,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Trains ``network_``, which stacks as many networks as there are generators, if not 1."""
        device, dtype = given.features.device, given.features.dtype

        def loss(batch: Tensor) -> Tensor:
            # each weight is cast once a step; a cache could outlive it in a caller's own autocast
            with torch.autocast(
                device.type, dtype, enabled=dtype != torch.float32, cache_enabled=False
            ):
                x, target = _take(given.features, batch), _take(given.labels, batch)
                return self._loss(x, target, given.seen, given.unseen)

        batches, optimization = self._batches(given.labels), self._optimization()
        if len(generators) > 1:
            batches = SideBySide(batches, generators)
            optimization = replace(optimization, networks=len(generators))
        train(
            self.network_,
            loss,
            batches,
            optimization,
            generators[0],
            monitor.callback,
            checkpoint,
            before_step=monitor.before_step,
        )

    @torch.no_grad()
    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        device = next(self.network_.parameters()).device
        embedded = self.network_.describe(torch.tensor(S, device=device))  # (c, e)

        return self._over_rows(X, lambda x: self.network_.score(x, embedded))  # (n, c)

    @torch.no_grad()
    def _over_rows(self, X: NDArray, ask: Callable[[Tensor], Tensor]) -> NDArray:
        """Asks of features (n, d), prepared in parts (m, d) on the device; joins the answers."""
        device = next(self.network_.parameters()).device
        answers = [ask(self.network_.prepare(chunk.to(device))).cpu() for chunk in chunks(X)]

        return torch.cat(answers).numpy()

    def _state(self) -> dict[str, Tensor]:
        return self.network_.state_dict()

    def _restore(self, state: dict[str, Tensor]) -> None:
        self.check_settings()
        self.network_ = self._network(
            FeaturePreprocessing(self.feature_preprocessing, self.n_features_in_),
            AttributeNormalization(self.attribute_normalization, self.class_attributes_.shape[1]),
            torch.Generator(),
        )
        self.network_.load_state_dict(state)
        self.network_.to(device_here(self.device)).eval()

    def _batch_size(self, rows: int) -> int:
        return self.batch_size or int(np.clip(rows // 20, 32, 512))

    def _described(self, table: NDArray[np.float32], device: torch.device) -> Tensor:
        return self.network_.attributes(torch.from_numpy(table).to(device))

    def _optimization(self) -> Optimization:
        return Optimization(
            epochs=self.epochs,
            lr=self.lr,
            weight_decay=self.weight_decay,
            optimizer=self.optimizer,
            beta2=self.beta2,
            schedule=self.schedule,
            step_epochs=self.step_epochs,
            step_factor=self.step_factor,
            clip_norm=self.clip_norm,
        )

    def _checkpoint(
        self, monitor: Monitor, seed: int, X: NDArray, rows: NDArray, S: NDArray
    ) -> Checkpoint | None:
        """Returns the checkpoint of this very training: same method, settings, seed and data."""
        if monitor.checkpoint is None:
            return None
        described = S if self.setting == "inductive" else self.class_attributes_
        run = {
            "method": shown_name(self),
            "settings": self.get_params(),
            "seed": seed,
            "data": monitor.data_hash,
            "rows": [*X.shape, hashlib.sha256(rows.tobytes() + described.tobytes()).hexdigest()],
            **self._further_inputs(),
        }

        return Checkpoint(monitor.checkpoint, run)


def _take(table: Tensor, batch: Tensor) -> Tensor:
    """Returns the rows of a batch (b,), or (s, b, ...) of a batch of several networks (b, s)."""
    if batch.dim() == 1:
        return table.index_select(0, batch)

    return table.index_select(0, batch.T.flatten()).unflatten(0, (batch.shape[1], -1))


class PrototypeClassifier(NetworkClassifier):
    """A network classifier with prototypes, which may end in a ReLU.

    Arguments:
        final_activation: ``"relu"``, ``None``, or ``"auto"``: a ReLU where no prepared feature is
            negative.

    Attributes:
        final_relu_: Whether prototypes pass through a ReLU.
    """

    final_activation: str | None
    final_relu_: bool

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        super().check_settings()
        check_choice("final_activation", self.final_activation, ("auto", "relu", None))

    def _look_at(self, features: FeaturePreprocessing, X: NDArray) -> None:
        """A ReLU would forbid prototypes the signs that centred or signed features have."""
        self.final_relu_ = self.final_activation == "relu" or (
            self.final_activation == "auto" and features.nonnegative(chunks(X))
        )

    def _fitted(self) -> dict[str, bool]:
        return {"final_relu_": self.final_relu_}
