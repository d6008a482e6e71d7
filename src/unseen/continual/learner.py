"""A class-norm classifier that learns task by task, with a strategy against forgetting."""

__all__ = ["ContinualLearner", "task_seed"]

import copy
import hashlib
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state
from torch import Tensor, nn

from unseen.continual import BACKBONES, STRATEGIES
from unseen.continual.heads import class_norm_head
from unseen.continual.sequential import Sequential
from unseen.continual.strategy import (
    Step,
    Strategy,
    StreamNetwork,
    TaskRows,
    masked_cross_entropy,
)
from unseen.data.arguments import check_choice, check_number
from unseen.data.descriptions import row_keys
from unseen.methods import METHODS
from unseen.methods.base import Setting
from unseen.methods.class_norm import ClassNorm
from unseen.methods.continual import ContinualClassifier
from unseen.methods.saving import ModelError, check_plain, method_name
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.training.batches import Batches, Recalling
from unseen.training.checkpoint import Checkpoint
from unseen.training.device import choose_device, device_here
from unseen.training.loop import Monitor, train
from unseen.training.resident import chunks, to_device

SETTLED_ROWS = 64  # at a time, as in training
NOT_USED = {  # of the head, and what it may be all the same
    "smoothing": (1.0,),
    "legacy_smoothing": (False,),
    "precision": ("auto", "float32"),
    "device": ("auto",),
    "random_state": (None,),
}


class ContinualLearner(ContinualClassifier):
    r"""Learns a stream of tasks with one network, whose classes keep arriving.

    Each call of ``partial_fit`` is a task. The network scores as in ``ClassNorm``; its loss is the
    cross-entropy among the classes of the task, plus what the strategy adds. In training,
    prototypes come from the descriptions of classes that have had examples, and no others.

    Arguments:
        method: The network, its loss's scale, epochs, batch size and learning rate: a
            ``ClassNorm`` or ``MLP``. ``None`` is the head of the paper's streams: one hidden layer
            of 256, one class norm, :math:`\gamma = 10`, SGD with momentum 0.9. Its products are
            in float32 and its targets without smoothing; device and seed are those below.
        strategy: What is done against forgetting; ``None`` is nothing.
        backbone: What maps inputs to features and is trained along the stream: a module, of which
            a copy is trained, or the name of one in ``BACKBONES``, which gets its own seed.
            ``None`` takes the inputs as features.
        backbone_lr: The learning rate of the backbone, whose momentum is 0 with SGD.
        freeze_norm: Whether BatchNorm of the backbone keeps the statistics that it comes with, or,
            in a new network, those of the first task's rows before training.
        old_classes: How many classes of earlier tasks, drawn anew for each task, take part in its
            training, beside its own: in the statistics of the class norm, among those that compete
            in a loss, and in what a memory recalls. ``None`` is all; with a number, the time of a
            task does not grow with the classes that came before it.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        random_state: The seed of initial weights, batches and memories.

    Attributes:
        network_: The trained network.
        strategy_: The strategy with what it keeps.
        tasks_: The number of tasks learned.
        steps_: The number of steps of the last one.
        bytes_: Whether inputs to a backbone are stored in a byte each: where those of the first
            task are whole numbers from 0 to 255.

    Example:
        >>> from unseen.continual.ewc import EWC
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy(classes=12, unseen=4)
        >>> train = data.subset("train")
        >>> first = train.labels < 4
        >>> model = ContinualLearner(strategy=EWC(), random_state=0)
        >>> for task in (first, ~first):
        ...     model = model.partial_fit(
        ...         train.features[task], train.labels[task], data.class_attributes
        ...     )
        >>> model.tasks_, int(model.seen_.sum())
        (2, 8)
    """

    saved_as = "continual"

    network_: StreamNetwork
    strategy_: Strategy
    tasks_: int
    steps_: int
    bytes_: bool

    def __init__(
        self,
        method: ClassNorm | None = None,
        strategy: Strategy | None = None,
        *,
        backbone: str | nn.Module | None = None,
        backbone_lr: float = 5e-3,
        freeze_norm: bool = False,
        old_classes: int | None = None,
        device: str = "auto",
        random_state: int | None = None,
    ) -> None:
        self.method = method
        self.strategy = strategy
        self.backbone = backbone
        self.backbone_lr = backbone_lr
        self.freeze_norm = freeze_norm
        self.old_classes = old_classes
        self.device = device
        self.random_state = random_state

    @property
    def setting(self) -> Setting:
        """Inductive: no description is used before its class has an example."""
        return "inductive"

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use."""
        method = self.head()
        if not isinstance(method, ClassNorm):
            raise ValueError(
                f"`method` must be a ClassNorm or MLP, whose scores a strategy can follow; got "
                f"{type(method).__name__}."
            )
        if not isinstance(self._strategy(), Strategy):
            raise ValueError(
                f"`strategy` must be a Strategy, such as EWC(); got {self.strategy!r}."
            )
        method.check_settings()
        self._check_not_used(method)
        self._strategy().check_settings()
        if method.attribute_normalization == "standardize-all":
            raise ValueError(
                "A stream does not know all descriptions: use 'standardize' or 'sqrt'."
            )
        if self.backbone is not None:
            check_choice("feature_preprocessing", method.feature_preprocessing, ("none", "l2"))
        if isinstance(self.backbone, str):
            check_choice("backbone", self.backbone, BACKBONES)
        check_number("backbone_lr", self.backbone_lr, 0, open_low=True)
        if self.old_classes is not None:
            check_number("old_classes", self.old_classes, 0, whole=True)
        choose_device(self.device)

    def _check_not_used(self, method: ClassNorm) -> None:
        """Raises for a setting of the head that would do nothing, and stand in a record."""
        for name, values in NOT_USED.items():
            value = getattr(method, name)
            if value not in values:
                own = f" ContinualLearner has a `{name}` of its own." if hasattr(self, name) else ""
                raise ValueError(
                    f"`{name}={value!r}` of the head does nothing along a stream; leave it at "
                    f"{' or '.join(map(repr, values))}.{own}"
                )

    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes that the strategy keeps between tasks, by what they are."""
        return self.strategy_.memory_bytes()

    def check_savable(self) -> None:
        """Raises a ``ModelError`` if the model, once trained, could not be read back."""
        super().check_savable()
        if self.strategy_name() not in STRATEGIES:
            raise ModelError(_own("strategy", self.strategy_name()))
        if isinstance(self.backbone, nn.Module):
            raise ModelError(_own("backbone", type(self.backbone).__qualname__))
        check_plain(self._settings())

    def head(self) -> ClassNorm:
        """Returns the method, as it was given or by default."""
        return class_norm_head() if self.method is None else self.method

    def strategy_name(self) -> str:
        """Returns the name of the strategy in ``STRATEGIES``, or that of a class of one's own."""
        return _strategy_name(self._strategy())

    def _strategy(self) -> Strategy:
        return Sequential() if self.strategy is None else self.strategy

    def _fit(
        self, X: NDArray, rows: NDArray[np.int64], S: NDArray[np.float32], monitor: Monitor
    ) -> None:
        """Learns all at once, as a stream of one task."""
        table = np.flatnonzero(self.seen_)
        del S  # `class_attributes_` holds the same rows, at their places
        self._partial_fit(X, table[rows], True, monitor)

    def _partial_fit(
        self, X: NDArray, rows: NDArray[np.int64], first: bool, monitor: Monitor
    ) -> None:
        if first:
            self.bytes_ = self.backbone is not None and _fits_bytes(X)
            self.seed_ = int(check_random_state(self.random_state).randint(2**31))
            self.tasks_, self.steps_ = 0, 0
            self.strategy_ = clone(self._strategy())
            self.network_ = self._network(X)
        network, strategy = copy.deepcopy(self.network_), copy.copy(self.strategy_)
        self.network_, self.strategy_ = network, strategy  # the old ones stay as they were
        task = self._task_rows(X, rows)

        checkpoint = self._checkpoint(monitor, X, rows)
        self._train(task, strategy.before_task(network, task), monitor, checkpoint)
        if self.head().statistics == "exact":
            network.head.settle(self._described(np.flatnonzero(self.seen_)))
        network.eval()
        strategy.after_task(network, task)
        self.tasks_ = task.number

    def _train(
        self, task: TaskRows, trained: TaskRows, monitor: Monitor, checkpoint: Checkpoint | None
    ) -> None:
        network, strategy = self.network_, self.strategy_
        columns, mask = trained.columns(trained.labels), strategy.mask(task)
        size = self.head()._batch_size(len(task.labels))
        memory, recalled = strategy.recall(task, size)
        recalled = min(memory, recalled)

        def loss(batch: Tensor) -> Tensor:
            own = batch[: len(batch) - recalled]
            drawn = batch[len(batch) - recalled :]
            step = Step(network, task, trained.inputs[own], columns[own], drawn, own)
            main = masked_cross_entropy(step.logits, step.target, mask)
            penalty = strategy.penalty(step)
            return main if penalty is None else main + penalty

        parameters = [p for p in network.parameters() if p.requires_grad]
        batches: Batches = strategy.batches(task, trained, size)
        self.steps_ = self.head().epochs * len(batches.epoch(torch.Generator()))
        if recalled:  # as many steps, and a memory takes longer to draw from
            batches = Recalling(batches, memory, recalled, task.seed)
        train(
            network,
            loss,
            batches,
            self.head()._optimization(),
            torch.Generator().manual_seed(task.seed),
            monitor.callback,
            checkpoint,
            groups=self._groups(),
            edit=lambda: strategy.after_backward(parameters),
            before_step=monitor.before_step,
        )

    def _groups(self) -> list[dict[str, Any]] | None:
        """Gives the backbone its own rate; the paper's has no momentum."""
        network = self.network_
        if network.backbone is None:
            return None
        head = [p for p in network.head.parameters() if p.requires_grad]
        backbone = [p for p in network.backbone.parameters() if p.requires_grad]
        own: dict[str, Any] = {"params": backbone, "lr": self.backbone_lr}
        if self.head().optimizer == "sgd":
            own["momentum"] = 0.0

        return [{"params": head}, own] if backbone else [{"params": head}]

    def _network(self, X: NDArray) -> StreamNetwork:
        """Makes the network from the first task's rows (n, d)."""
        generator = torch.Generator().manual_seed(self.seed_)
        backbone = self._backbone(X, generator)
        if backbone is not None:
            with torch.no_grad():
                X = backbone.eval()(next(chunks(X))).numpy()
        method = clone(self.head())
        S = self.class_attributes_[self.seen_]
        features, attributes = method._preparations(X, S)
        self.final_relu_, self.width_ = method.final_relu_, X.shape[1]
        head = method._network(features, attributes, generator)

        return StreamNetwork(backbone, head, self.freeze_norm).to(choose_device(self.device))

    def _backbone(self, X: NDArray, generator: torch.Generator) -> nn.Module | None:
        """Returns a new network for rows (n, w), or a copy of the one that was given."""
        if not isinstance(self.backbone, str):
            return None if self.backbone is None else copy.deepcopy(self.backbone).cpu()

        backbone = BACKBONES[self.backbone](X.shape[1], generator)
        if self.freeze_norm and len(X):
            parts = (part for chunk in chunks(X) for part in chunk.split(SETTLED_ROWS))
            backbone.settle(parts)  # its statistics were no one's

        return backbone

    def _task_rows(self, X: NDArray, rows: NDArray[np.int64]) -> TaskRows:
        network, device = self.network_, choose_device(self.device)
        network.to(device)
        if network.backbone is None:
            inputs = to_device(X, network.head.prepare, X.shape[1], device, torch.float32)
        else:
            inputs = self._stored(X).to(device)
        number, classes = self.tasks_ + 1, np.unique(rows)
        seed = task_seed(self.seed_, number)
        taking_part = self._taking_part(classes, seed)

        return TaskRows(
            number=number,
            inputs=inputs,
            labels=torch.from_numpy(rows).to(device),
            classes=torch.from_numpy(classes).to(device),
            seen=torch.from_numpy(taking_part).to(device),
            S=self._described(taking_part),
            seed=seed,
        )

    def _stored(self, X: NDArray) -> Tensor:
        """Returns a task's inputs to a backbone (n, w) as those of the first task are stored."""
        if not self.bytes_:
            return torch.from_numpy(X.copy())  # a memory may keep it; X stays the caller's
        if not _fits_bytes(X):
            raise ValueError(
                "The inputs of the first task were whole numbers from 0 to 255, as pictures have, "
                "and are stored in a byte each; those of this task are not. Give all tasks "
                "pictures alike, or scale them all."
            )

        return torch.from_numpy(X.astype(np.uint8))

    def _taking_part(self, classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Returns the classes of a task and of earlier ones, sorted, that its training knows."""
        seen = np.flatnonzero(self.seen_)
        old = np.setdiff1d(seen, classes)
        if self.old_classes is None or len(old) <= self.old_classes:
            return seen
        drawn = np.random.default_rng(seed).choice(old, self.old_classes, replace=False)

        return np.union1d(classes, drawn)

    def _described(self, classes: NDArray[np.int64]) -> Tensor:
        """Returns the normalised descriptions (k, a) of rows (k,) of the class table."""
        head = self.network_.head
        device = next(head.parameters()).device

        return head.attributes(torch.from_numpy(self.class_attributes_[classes]).to(device))

    @torch.no_grad()
    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        network = self.network_
        training = network.training  # where somebody looks on between two steps
        if training:
            network.eval()
        device = next(network.parameters()).device
        embedded = network.head.describe(torch.from_numpy(S).to(device))  # (c, e)
        if self.tasks_:
            embedded = self.strategy_.class_points(embedded, self._places(S).to(device))
        prepare = network.head.prepare if network.backbone is None else network.features
        scores = [
            network.head.score(prepare(chunk.to(device)), embedded).cpu() for chunk in chunks(X)
        ]
        if training:
            network.train()

        return torch.cat(scores).numpy()  # (n, c)

    def _places(self, S: NDArray[np.float32]) -> Tensor:
        """Returns the row of the class table of each description (c, a); -1 is none of them.

        Of classes that look the same, one that stands at its own place is meant.
        """
        own, asked = row_keys(self.class_attributes_), row_keys(S)
        place = {key: i for i, key in reversed(list(enumerate(own)))}
        places = [
            i if own[i : i + 1] == [key] else place.get(key, -1) for i, key in enumerate(asked)
        ]

        return torch.tensor(places)

    def _checkpoint(self, monitor: Monitor, X: NDArray, rows: NDArray) -> Checkpoint | None:
        """Returns the checkpoint of this very task: same settings, seed, data and tasks before."""
        if monitor.checkpoint is None:
            return None
        weights = hashlib.sha256()
        for value in self.network_.state_dict().values():
            weights.update(value.cpu().numpy().tobytes())
        run = {
            "settings": self._settings(),
            "seed": self.seed_,
            "task": self.tasks_ + 1,
            "start": weights.hexdigest(),
            "data": monitor.data_hash,
            "rows": [*X.shape, hashlib.sha256(rows.tobytes()).hexdigest()],
        }

        return Checkpoint(monitor.checkpoint, run)

    def _settings(self) -> dict[str, Any]:
        """Returns the settings as JSON knows them."""
        method, strategy = self.head(), self._strategy()
        backbone = self.backbone
        if isinstance(backbone, nn.Module):
            backbone = {"module": type(backbone).__qualname__}

        return {
            "method": {"name": method_name(method), "settings": method.get_params()},
            "strategy": {"name": self.strategy_name(), "settings": strategy.get_params()},
            "backbone": backbone,
            "backbone_lr": self.backbone_lr,
            "freeze_norm": self.freeze_norm,
            "old_classes": self.old_classes,
            "device": self.device,
            "random_state": self.random_state,
        }

    @classmethod
    def _from_settings(cls, settings: dict[str, Any]) -> Self:
        given = dict(settings)
        if isinstance(given["backbone"], dict):
            raise ModelError(_own("backbone", given["backbone"]["module"]))
        method, strategy = given.pop("method"), given.pop("strategy")
        if strategy["name"] not in STRATEGIES:
            raise ModelError(_own("strategy", strategy["name"]))

        return cls(
            METHODS[method["name"]](**method["settings"]),  # ty: ignore
            STRATEGIES[strategy["name"]](**strategy["settings"]),
            **given,
        )

    def _fitted(self) -> dict[str, Any]:
        return {
            "seed_": self.seed_,
            "tasks_": self.tasks_,
            "steps_": self.steps_,
            "final_relu_": self.final_relu_,
            "width_": self.width_,
            "bytes_": self.bytes_,
        }

    def _state(self) -> dict[str, Tensor]:
        network = {f"network.{name}": value for name, value in self.network_.state_dict().items()}

        return network | {
            f"strategy.{name}": value for name, value in self.strategy_.state().items()
        }

    def _restore(self, state: dict[str, Tensor]) -> None:
        generator = torch.Generator().manual_seed(self.seed_)
        backbone = self._backbone(np.empty((0, self.n_features_in_)), generator)
        method = clone(self.head())
        method.final_relu_ = self.final_relu_
        head = method._network(
            FeaturePreprocessing(method.feature_preprocessing, self.width_),
            AttributeNormalization(method.attribute_normalization, self.class_attributes_.shape[1]),
            generator,
        )
        self.network_ = StreamNetwork(backbone, head, self.freeze_norm)
        self.network_.load_state_dict(_under("network.", state))
        device = device_here(self.device)
        self.network_.to(device).eval()
        self.strategy_ = clone(self._strategy())
        kept = _under("strategy.", state)
        self.strategy_.restore({name: value.to(device) for name, value in kept.items()})


def _under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def _strategy_name(strategy: Strategy) -> str:
    for name, kind in STRATEGIES.items():
        if type(strategy) is kind:
            return name

    return type(strategy).__qualname__  # of a user's own: it can run, but not be read back


def task_seed(seed: int, number: int) -> int:
    """Returns the seed of a task: the same whether the stream was interrupted or not."""
    digest = hashlib.sha256(f"{seed} {number}".encode()).digest()

    return int.from_bytes(digest[:7], "little")


def _own(part: str, name: str) -> str:
    return (
        f"A {part} of your own, here a {name}, cannot be read back: a model folder holds names and "
        "numbers, and no code. Keep the weights, `model.network_.state_dict()`, and load them into "
        "a model that you fit with that class again."
    )


def _fits_bytes(X: NDArray) -> bool:
    """Says whether inputs are whole numbers from 0 to 255, as pictures have."""
    if X.min() < 0 or X.max() > 255:
        return False

    return np.array_equal(X.astype(np.uint8), X)
