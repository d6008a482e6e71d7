"""The unit of work of a continual comparison: one model, one strategy, one order of classes."""

__all__ = ["LEARNING_RATES", "StreamUnit", "check_model", "tune"]

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from sklearn.base import clone

from unseen.benchmark.machine import machine, peak_memory_mb, start_peak, versions
from unseen.benchmark.runs import Failure, Outcome, load_once, plain
from unseen.benchmark.seeds import warm_up
from unseen.benchmark.store import FORMAT, Record
from unseen.continual import BACKBONES
from unseen.continual.icarl import ICaRL
from unseen.continual.learner import ContinualLearner
from unseen.continual.replay import ExperienceReplay, quota
from unseen.continual.run import StreamRun, run_stream
from unseen.continual.sequential import Sequential
from unseen.continual.streams import Stream, make_stream
from unseen.data.atomic import writing
from unseen.data.dataset import ZeroShotData
from unseen.methods.base import with_seed
from unseen.methods.continual import ContinualClassifier
from unseen.metrics.continual import summary
from unseen.metrics.stepwise import accuracy_matrix
from unseen.training.loop import TrainingError

LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
BACKBONE_RATES = (1e-2, 3e-2, 1e-1)
RATES_WITH_BACKBONE = (3e-4, 1e-3, 3e-3, 1e-2)  # fewer, as a run takes minutes
DIGITS = 6


@dataclass(frozen=True)
class StreamUnit:
    """One model along one stream; called, it yields the record of the run.

    Arguments:
        name: The name of the head or the exact method.
        strategy: The name of the strategy; ``None`` for an exact method.
        model: The estimator.
        path: What ``load`` takes.
        attributes: The class table to take, where there are several.
        data: What ``describe_data`` returned; the data must still be the same when it is called.
        seed: The seed of the order of classes, of weights and of batches.
        stream: The further arguments of ``make_stream``.
        tuned: On how many first tasks the learning rate is chosen, by sequential training, so that
            all strategies of a head and order have the same one; the run has the other tasks. 0
            takes the rate as it is, and runs all.
        folder: Where a killed run keeps what it needs to go on.
        command: What the user typed.
    """

    name: str
    strategy: str | None
    model: ContinualClassifier
    path: str
    attributes: str | None
    data: dict[str, Any]
    seed: int
    stream: dict[str, Any] = field(default_factory=dict)
    tuned: int = 0
    folder: Path | None = None
    command: str = ""

    def __call__(self) -> Iterator[Outcome]:
        """Yields the record, or why there is none; other runs may follow."""
        try:
            warm_up()
            yield self._run()
        except Exception as error:
            yield Failure.of(error, self.seed)

    def key(self) -> str:
        """Returns what identifies the run: a hash of settings, data, stream and seed."""
        text = json.dumps(self._identity, sort_keys=True, default=plain)

        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "kind": "stream",
            "method": self.name,
            "strategy": self.strategy,
            "settings": self.model._settings(),
            "stream": self.stream,
            "tuned": [self.tuned, *self._rates()],
            "seed": self.seed,
            "data": {
                "name": self.data["name"],
                "attributes": self.attributes,
                "sha256": sorted(self.data["sha256"].values()),
            },
        }

    def _rates(self) -> tuple[float | tuple[float, ...], ...]:
        """Returns the rates to choose from, as they identify the run."""
        if not self.tuned or not isinstance(self.model, ContinualLearner):
            return ()
        if self.model.backbone is None:
            return LEARNING_RATES

        return RATES_WITH_BACKBONE, BACKBONE_RATES

    def forget(self) -> None:
        """Removes what a killed run needs to go on, once its record is stored."""
        folder = self._folder()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self) -> Record:
        data = load_once(self.path, self.attributes, json.dumps(self.data["sha256"]))
        stream = make_stream(data, seed=self.seed, **self.stream)
        model = with_seed(self.model, self.seed)
        start_peak()
        if self.tuned:
            stream = stream.after(self.tuned)
        if not self.tuned or not isinstance(model, ContinualLearner):
            run = run_stream(model, stream, data, folder=self._folder())
            return self._record(run, stream, data, {}, 0.0)

        start = time.perf_counter()
        chosen = self._tune(model)
        choosing = time.perf_counter() - start
        run = self._first_that_converges(model, stream, data, chosen)

        return self._record(run, stream, data, chosen, choosing)

    def _first_that_converges(
        self,
        model: ContinualLearner,
        stream: Stream,
        data: ZeroShotData,
        chosen: dict[str, Any],
    ) -> StreamRun:
        """Runs with the chosen rates; with the next smaller one where training diverges.

        A penalty can be too stiff for the rate of sequential training. That training diverges
        shows in its loss alone, so no test row has a say; ``chosen`` keeps what was lowered.
        """
        folder = self._folder()
        if folder is not None:
            folder /= f"lr-{chosen['lr']:g}"
        rated = _with_rates(model, chosen["lr"], chosen.get("backbone_lr"))
        try:
            return run_stream(rated, stream, data, folder=folder)
        except TrainingError:
            smaller = [float(rate) for rate in chosen["tried"] if float(rate) < chosen["lr"]]
            if not smaller:
                raise
            chosen["lowered_from"] = chosen.get("lowered_from", chosen["lr"])
            chosen["lr"] = max(smaller)

            return self._first_that_converges(model, stream, data, chosen)

    def _tune(self, model: ContinualLearner) -> dict[str, Any]:
        """Chooses rates for sequential training, once for all strategies of a head and order."""
        sequential = clone(model).set_params(strategy=Sequential())
        unit = replace(self, model=sequential, strategy=None)
        kept = None if self.folder is None else self.folder / f"tuned-{unit.key()[:16]}.json"
        if kept is not None and kept.exists():
            return json.loads(kept.read_text())

        data = load_once(self.path, self.attributes, json.dumps(self.data["sha256"]))
        stream = make_stream(data, seed=self.seed, **self.stream).first(self.tuned)
        chosen = tune(sequential, stream, data)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with writing(kept) as file:
                file.write(json.dumps(chosen).encode())

        return chosen

    def _folder(self) -> Path | None:
        return None if self.folder is None else self.folder / self.key()[:16]

    def _record(
        self,
        run: StreamRun,
        stream: Stream,
        data: ZeroShotData,
        chosen: dict[str, Any],
        choosing: float,
    ) -> Record:
        start = time.perf_counter()
        result = summary(run.history, weighting=stream.weighting, seen_mean=stream.seen_mean)
        scoring = time.perf_counter() - start
        record = {
            "format": FORMAT,
            "kind": "stream",
            "key": self.key(),
            "method": self.name,
            "strategy": self.strategy,
            "setting": run.model.setting,
            "settings": run.model._settings(),
            "data": self.data,
            "classes": [[data.class_names[row] for row in task.classes] for task in stream],
            "seed": self.seed,
            "stream": stream.record(),
            "selection": f"first {self.tuned} tasks" if chosen else "last",
            "chosen": chosen,
            "result": _rounded(result.to_json()),
            "memory_bytes": run.memory_bytes,
            "seconds": {"fit": run.seconds, "choose": choosing, "measure": scoring},
            "steps": run.steps,
            "peak_memory_mb": peak_memory_mb(),
            "versions": versions(),
            "machine": machine(),
            "command": self.command,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }

        return json.loads(json.dumps(record, default=plain, allow_nan=False))


def check_model(model: ContinualClassifier, stream: Stream, width: int) -> None:
    """Raises for a model that cannot run along a stream, before it has trained for hours.

    Arguments:
        model: The estimator.
        stream: The tasks that it is to run along.
        width: The number of columns of the features.

    Raises:
        ValueError: If the backbone takes no rows of this width, or a memory cannot hold an example
            of each class.
    """
    if not isinstance(model, ContinualLearner):
        return
    if isinstance(model.backbone, str):
        BACKBONES[model.backbone](width, torch.Generator())
    strategy = model.strategy
    if isinstance(strategy, ICaRL) or (
        isinstance(strategy, ExperienceReplay) and strategy.balanced
    ):
        quota(strategy.capacity, sum(len(task.classes) for task in stream))


def tune(
    model: ContinualLearner,
    stream: Stream,
    data: ZeroShotData,
    rates: Sequence[float] | None = None,
    backbone_rates: Sequence[float] = BACKBONE_RATES,
) -> dict[str, Any]:
    """Chooses learning rates on the first tasks of a stream.

    The criterion is the mean accuracy on each task's test rows with the last model, among the
    classes of that task alone, as in the released code. These rows and classes take no part in the
    run that follows. The rate of a backbone is chosen first, with the head's own.

    References:
        Class Normalization for (Continual)? Generalized Zero-Shot Learning
        (Skorokhodov & Elhoseiny, 2021), released code
        https://arxiv.org/abs/2006.11328

    Arguments:
        model: The estimator.
        stream: The first tasks.
        data: The data that the stream was made of.
        rates: The learning rates of the head to try; of equal ones the first is taken.
        backbone_rates: Those of the backbone, where there is one.

    Returns:
        The chosen ``"lr"`` and the ``"tried"`` rates with the accuracy of each; with a backbone
        also its ``"backbone_lr"`` and ``"backbone_tried"``.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> data = simulate_toy()
        >>> stream = make_stream(data, tasks=6).first(3)
        >>> chosen = tune(ContinualLearner(random_state=0), stream, data, rates=(1e-3, 1e-2))
        >>> str(chosen["lr"]) in chosen["tried"]
        True
    """
    chosen: dict[str, Any] = {}
    if model.backbone is not None:
        of_backbone = {
            rate: _first_accuracy(_with_rates(model, None, rate), stream, data)
            for rate in backbone_rates
        }
        best = max(of_backbone, key=lambda rate: of_backbone[rate])
        chosen = {"backbone_lr": best, "backbone_tried": _named(of_backbone)}
        model = _with_rates(model, None, best)

    if rates is None:
        rates = LEARNING_RATES if model.backbone is None else RATES_WITH_BACKBONE
    tried = {rate: _first_accuracy(_with_rates(model, rate, None), stream, data) for rate in rates}

    return {"lr": max(tried, key=lambda rate: tried[rate]), "tried": _named(tried), **chosen}


def _first_accuracy(model: ContinualLearner, stream: Stream, data: ZeroShotData) -> float:
    """Returns the mean accuracy on each task among its classes; 0 if training diverges."""
    try:
        run = run_stream(model, stream, data, curve_batches=None)
    except TrainingError:
        return 0.0

    last = accuracy_matrix(run.history, weighting=stream.weighting, restrict=True)[-1]

    return float(last.mean())


def _with_rates(
    model: ContinualLearner, rate: float | None, backbone_rate: float | None
) -> ContinualLearner:
    copy = clone(model)
    if backbone_rate is not None:
        copy.set_params(backbone_lr=backbone_rate)
    if rate is not None:
        copy.set_params(method=clone(copy.head()).set_params(lr=rate))

    return copy


def _named(tried: Mapping[float, float]) -> dict[str, float]:
    """Returns accuracies by the text of their rate, as JSON has them."""
    return {str(rate): accuracy for rate, accuracy in tried.items()}


def _rounded(value: Any) -> Any:
    """Returns fractions with six digits behind the point: there are many of them."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]

    return round(value, DIGITS) if isinstance(value, float) else value
