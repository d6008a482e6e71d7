"""The unit of work of a benchmark: one method on one data set, first the choice, then the seeds."""

__all__ = [
    "Failure",
    "Outcome",
    "Unit",
    "describe_data",
    "load_once",
    "plain",
]

import hashlib
import json
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from unseen.benchmark.evaluation import judge_scores
from unseen.benchmark.machine import machine, peak_memory_mb, start_peak, versions
from unseen.benchmark.recipes import RECIPES, Recipe
from unseen.benchmark.seeds import train_seeds, warm_up
from unseen.benchmark.selection import (
    CRITERION,
    FOLDS,
    Selection,
    choose,
    combinations,
    count_fits,
)
from unseen.benchmark.store import FORMAT, Record
from unseen.data.dataset import SPLITS, DataError, ZeroShotData
from unseen.data.load import load
from unseen.decide import SeenPenalty, oracle_seen_penalty
from unseen.methods.base import ZeroShotClassifier, with_seed
from unseen.methods.saving import method_name
from unseen.metrics.gzsl import MEASURES, SeenUnseenCurve, seen_unseen_curve
from unseen.training.loop import TrainingError

CURVE_POINTS = 101
SEED = "random_state"
EXPECTED = (TrainingError, ValueError, MemoryError)  # their message says it all


@dataclass(frozen=True)
class Failure:
    """A run that did not end well; it is not recorded, and so is tried again the next time.

    Arguments:
        seed: Its seed; ``None`` if all runs of the unit failed with it.
        message: What happened; the traceback if it was not to be expected.
    """

    seed: int | None
    message: str

    @classmethod
    def of(cls, error: Exception, seed: int | None) -> "Failure":
        """Returns the failure that an error is."""
        if isinstance(error, EXPECTED):
            return cls(seed, str(error) or type(error).__name__)

        return cls(seed, "".join(traceback.format_exception(error)).strip())


Outcome = Record | Failure


@dataclass(frozen=True)
class Unit:
    """One method on one data set; called, it yields a record for the choice and one per seed.

    Arguments:
        name: The method or recipe, as a user names it. What is in ``RECIPES`` keeps its settings.
        recipe: The method with its settings.
        path: What ``load`` takes.
        attributes: The class table to take, where there are several.
        data: What ``describe_data`` returned; the data must still be the same when it is called.
        seeds: The seeds to run.
        selection: How settings and penalty are chosen.
        trials: The number of candidates of a wider search; ``None`` tries the search space itself.
        command: What the user typed.
        choice: The record of the choice, if it was made before.
    """

    name: str
    recipe: Recipe
    path: str
    attributes: str | None
    data: dict[str, Any]
    seeds: tuple[int, ...]
    selection: Selection = "hidden"
    trials: int | None = None
    command: str = ""
    choice: Record | None = None

    def __call__(self) -> Iterator[Outcome]:
        """Yields each record as soon as it is there; a failed run does not stop the others."""
        try:
            warm_up()
            data = load_once(self.path, self.attributes, json.dumps(self.data["sha256"]))
            choice = self.choice
            if choice is None and self.selection != "last":
                choice = self._choose(data)
                yield choice
            yield from self._run(data, choice)
        except Exception as error:  # hours of other runs may follow
            yield Failure.of(error, None)

    @cached_property
    def method_name(self) -> str:
        """The name of the method in ``METHODS``."""
        return method_name(self.recipe.method)

    @property
    def space(self) -> Mapping[str, Sequence[Any]]:
        """The values to choose from, by setting; none for a recipe, which keeps its settings."""
        return {} if self.name in RECIPES else self.recipe.method.search_space

    @property
    def choice_fits(self) -> int:
        """The number of trainings that the choice takes."""
        return count_fits(self.space, self.selection, self.trials)

    def candidates(self) -> Iterator[ZeroShotClassifier]:
        """Yields the method with the settings of each candidate."""
        chosen = self.selection != "last"
        for settings in combinations(self.space if chosen else {}):
            yield clone(self.recipe.method).set_params(**settings)

    def key(self, seed: int | None = None) -> str:
        """Returns what identifies a run, or, without a seed, the choice.

        It is a hash of the method, its settings, what is chosen from and how, the content of the
        data, and the seed: not of times, places and machines.
        """
        kind = {"kind": "choice"} if seed is None else {"kind": "run", "seed": seed}
        text = json.dumps(self._identity | kind, sort_keys=True, default=plain)

        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _identity(self) -> dict[str, Any]:
        method, penalty = self.recipe.method, self.recipe.seen_penalty
        given = {"penalty": None if penalty is None else asdict(penalty)}
        searched = {
            "space": {name: list(values) for name, values in self.space.items()},
            "trials": self.trials if self.space else None,
            "folds": FOLDS,
            "criterion": CRITERION,
        }

        return {
            "format": FORMAT,
            "method": self.method_name,
            "recipe": self._recipe_name,
            "settings": {key: value for key, value in method.get_params().items() if key != SEED},
            "selection": self.selection,
            "search": given if self.selection == "last" else searched,
            "data": {
                "name": self.data["name"],
                "attributes": self.attributes,
                "sha256": sorted(self.data["sha256"].values()),
            },
        }

    @property
    def _recipe_name(self) -> str | None:
        return None if self.name == self.method_name else self.name

    def _choose(self, data: ZeroShotData) -> Record:
        method = with_seed(self.recipe.method, 0)
        start_peak()
        with _collecting() as warned:
            choice = choose(method, data, self.selection, self.trials, self.space)

        return self._record(
            "choice",
            method,
            seed=None,
            chosen=choice.settings,
            choice=choice.to_json(),
            seconds=choice.seconds,
            warnings=warned,
        )

    def _run(self, data: ZeroShotData, choice: Record | None) -> Iterator[Outcome]:
        chosen = {} if choice is None else choice["chosen"]
        method = clone(self.recipe.method).set_params(**chosen)

        trained = train_seeds(method, data, self.seeds)
        for seed in self.seeds:
            start_peak()
            with _collecting() as warned:
                fitted, seconds = next(trained)
                judged = self._judge(fitted, seconds, data, choice)
            if isinstance(judged, Exception):
                yield Failure.of(judged, seed)
            else:
                block = None if choice is None else choice["choice"]
                yield self._record(
                    "run", fitted, seed, chosen=chosen, choice=block, warnings=warned, **judged
                )

    def _judge(
        self,
        fitted: ZeroShotClassifier | Exception,
        fit_seconds: float,
        data: ZeroShotData,
        choice: Record | None,
    ) -> dict[str, Any] | Exception:
        """Returns what the test rows show of a fitted method, or why they cannot."""
        if isinstance(fitted, Exception):
            return fitted
        try:
            return self._results(fitted, fit_seconds, data, choice)
        except Exception as error:
            return error

    def _results(
        self,
        model: ZeroShotClassifier,
        fit_seconds: float,
        data: ZeroShotData,
        choice: Record | None,
    ) -> dict[str, Any]:
        rows = data.test
        features, labels = data.rows(rows, data.compact_type), data.labels[rows]
        start = time.perf_counter()
        scores = model.decision_function(features, data.class_attributes)
        seconds = {"fit": fit_seconds, "predict": time.perf_counter() - start}

        model.seen_penalty_ = self._penalty(choice, scores, labels, data.seen)
        both = len(data.test_seen) and len(data.test_unseen)
        curve = _points(seen_unseen_curve(scores, labels, data.seen)) if both else None
        results = judge_scores(model, data, scores).to_json()
        measures = ("penalty", "selection", "no_penalty", "hidden_class_penalty", "oracle")

        return {
            "metrics": {name: results[name] for name in (*MEASURES, *measures)},
            "per_class": results["per_class"],
            "curve": curve,
            "seconds": seconds,
        }

    def _penalty(
        self, choice: Record | None, scores: NDArray, labels: NDArray, seen: NDArray
    ) -> SeenPenalty | None:
        if choice is None:
            return self.recipe.seen_penalty
        if self.selection == "oracle":
            return oracle_seen_penalty(scores, labels, seen)

        return SeenPenalty(**choice["choice"]["penalty"])

    def _record(
        self, kind: str, model: ZeroShotClassifier, seed: int | None, **results: Any
    ) -> Record:
        record = {
            "format": FORMAT,
            "kind": kind,
            "key": self.key(seed),
            "method": self.method_name,
            "recipe": self._recipe_name,
            "setting": model.setting,
            "settings": model.get_params(),
            "data": self.data,
            "seed": seed,
            "selection": self.selection,
            **results,
            "peak_memory_mb": peak_memory_mb(),
            "versions": versions(),
            "machine": machine(),
            "command": self.command,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }

        return json.loads(json.dumps(record, default=plain, allow_nan=False))  # as it will be read


def describe_data(data: ZeroShotData, path: str, attributes: str | None) -> dict[str, Any]:
    """Returns what a record says of its data.

    Arguments:
        data: The data set.
        path: What it was loaded by.
        attributes: The class table that was asked for.

    Example:
        >>> described = describe_data(load("digits"), "digits", None)
        >>> described["rows"], described["classes"]
        ({'train': 1006, 'test_seen': 252, 'test_unseen': 539}, {'seen': 7, 'unseen': 3})
    """
    seen = int(data.seen.sum())

    return {
        "name": data.source.name,
        "attributes": attributes,
        "path": path,
        "sha256": data.source.sha256,
        "split_version": data.source.split_version,
        "rows": {split: len(getattr(data, split)) for split in SPLITS},
        "classes": {"seen": seen, "unseen": len(data.seen) - seen},
        "unseen_classes": [data.class_names[row] for row in np.flatnonzero(~data.seen)],
        "features": data.features.shape[1],
    }


@lru_cache(maxsize=1)
def load_once(path: str, attributes: str | None, sha256: str) -> ZeroShotData:
    """Loads a data set, once for the units that follow each other on it in one process."""
    data = load(path, attributes)
    if json.dumps(data.source.sha256) != sha256:
        raise DataError(["The data changed since the benchmark began; start it again."], path)

    return data


@contextmanager
def _collecting() -> Iterator[list[str]]:
    """Collects warnings, each once: a process among several has nobody to show them to."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        yield texts
    texts += dict.fromkeys(str(warning.message) for warning in caught)


def _points(curve: SeenUnseenCurve) -> dict[str, list[float]]:
    """Returns a curve at some of its steps, from all penalties to none."""
    last = len(curve.thresholds)
    steps = np.unique(np.linspace(0, last, CURVE_POINTS).round().astype(np.int64))

    return {
        "seen": curve.seen_accuracy[steps].round(5).tolist(),
        "unseen": curve.unseen_accuracy[steps].round(5).tolist(),
    }


def plain(value: object) -> object:
    """Turns a NumPy scalar into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"The settings hold {value!r}, which a record cannot.")
