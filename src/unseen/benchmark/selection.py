"""The choice of settings and of the seen penalty, with its cost counted in fits."""

__all__ = [
    "CRITERION",
    "FOLDS",
    "Choice",
    "Judged",
    "Selection",
    "choose",
    "combinations",
    "count_fits",
    "judge",
]

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import check_number
from unseen.data.dataset import ZeroShotData
from unseen.data.splits import HiddenClassFolds
from unseen.decide import HIDDEN, ORACLE, SeenPenalty, penalty_from_rehearsals
from unseen.methods.base import ZeroShotClassifier
from unseen.metrics.gzsl import SeenUnseenCurve, gzsl_result
from unseen.rehearsal import Rehearsal, final_test, rehearsals
from unseen.training.loop import TrainingError

Selection = Literal["hidden", "last", "oracle"]

# A penalty is taken if it gains in every fold: by noise alone, three agree once in eight times.
FOLDS = 3
CRITERION = "ausuc"  # no penalty changes it, so that settings and penalty can be chosen apart
IN_WORDS = {"hidden": HIDDEN, "oracle": ORACLE}


@dataclass(frozen=True)
class Judged:
    """What the tasks showed of one candidate.

    Arguments:
        settings: What the candidate changes in the method.
        ausuc: The mean AUSUC over the tasks; ``None`` where training diverged.
        zsl_accuracy: The mean T1 likewise.
        curves: The seen-unseen curve of each task.
        bare: H without penalty in each task.
    """

    settings: dict[str, Any]
    ausuc: float | None = None
    zsl_accuracy: float | None = None
    curves: tuple[SeenUnseenCurve, ...] = field(default=(), repr=False)
    bare: tuple[float, ...] = ()


@dataclass(frozen=True)
class Choice:
    """What was chosen for a method on a data set, and what it cost.

    Arguments:
        selection: How: ``"hidden"`` or ``"oracle"``.
        settings: The chosen settings, by name; empty if there was nothing to choose from.
        seen_penalty: The chosen penalty; ``None`` leaves it to the final judgement (oracle).
        folds: The number of rehearsals; 0 if the test itself was looked at.
        fits: The number of trainings.
        seconds: The time of all of them.
        candidates: Every candidate, the chosen one among them.
    """

    selection: Selection
    settings: dict[str, Any]
    seen_penalty: SeenPenalty | None
    folds: int
    fits: int
    seconds: float
    candidates: tuple[Judged, ...] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Returns the choice as JSON knows it."""
        return {
            "selection": IN_WORDS[self.selection],
            "criterion": CRITERION,
            "folds": self.folds,
            "fits": self.fits,
            "seconds": self.seconds,
            "penalty": None if self.seen_penalty is None else asdict(self.seen_penalty),
            "candidates": [
                {
                    "settings": judged.settings,
                    "ausuc": judged.ausuc,
                    "zsl_accuracy": judged.zsl_accuracy,
                }
                for judged in self.candidates
            ],
        }


def choose(
    method: ZeroShotClassifier,
    data: ZeroShotData,
    selection: Selection = "hidden",
    trials: int | None = None,
    space: Mapping[str, Sequence[Any]] | None = None,
) -> Choice:
    """Chooses settings of a search space, and the penalty on seen classes.

    Of all candidates, the one of the best mean AUSUC over the tasks is taken, the first of equal
    ones. The penalty comes from the curves of that candidate: it costs no further training.

    Arguments:
        method: The estimator, not fitted; candidates change its settings.
        data: The data. With ``"hidden"`` only its training rows and the descriptions of their
            classes are used.
        selection: ``"hidden"``: the tasks are three folds in which some seen classes play the
            unseen ones. ``"oracle"``: the task is the test itself; a bound, not a result.
        trials: The number of candidates that a wider search draws; by default the candidates are
            all combinations of the search space.
        space: The values to try of each setting; by default the method's search space. An empty
            one leaves the settings, and only the penalty is chosen.

    Raises:
        ValueError: If nothing is to be chosen with this selection, no candidate is to be tried, or
            seen classes, or their rows, are too few to hide some and judge others.
        TrainingError: If the training of every candidate diverged.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import MLP
        >>> choice = choose(MLP(hidden=16, epochs=2, random_state=0), simulate_toy())
        >>> choice.fits == 3 * len(choice.candidates)
        True
    """
    if trials is not None:
        check_number("trials", trials, 1, whole=True)
    start = time.perf_counter()
    if selection == "hidden":
        tasks = rehearsals(data, HiddenClassFolds(folds=FOLDS))
    elif selection == "oracle":
        tasks = [final_test(data)]
    else:
        raise ValueError(f"Nothing is chosen with selection={selection!r}.")

    space = method.search_space if space is None else space
    if trials is None or not space:
        judged = judge(method, tasks, combinations(space))
    else:
        from unseen.benchmark.wider_search import search

        judged = search(space, lambda settings: judge(method, tasks, [settings])[0], trials)

    best = _best(judged)
    hidden = selection == "hidden"

    return Choice(
        selection=selection,
        settings=best.settings,
        seen_penalty=penalty_from_rehearsals(best.curves, best.bare) if hidden else None,
        folds=len(tasks) if hidden else 0,
        fits=len(judged) * len(tasks),
        seconds=time.perf_counter() - start,
        candidates=tuple(judged),
    )


def combinations(space: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Returns every combination of a search space; one without settings if it is empty.

    Example:
        >>> combinations({"scale": [1.0, 5.0], "norm": ["class"]})
        [{'scale': 1.0, 'norm': 'class'}, {'scale': 5.0, 'norm': 'class'}]
        >>> combinations({})
        [{}]
    """
    return [dict(zip(space, values, strict=True)) for values in product(*space.values())]


def count_fits(
    space: Mapping[str, Sequence[Any]], selection: Selection, trials: int | None = None
) -> int:
    """Returns the number of trainings that a choice takes.

    Example:
        >>> count_fits({"scale": [1.0, 5.0]}, "hidden"), count_fits({}, "last")
        (6, 0)
    """
    if selection == "last":
        return 0
    candidates = trials if trials and space else len(combinations(space))

    return candidates * (FOLDS if selection == "hidden" else 1)


def judge(
    method: ZeroShotClassifier,
    tasks: Sequence[Rehearsal],
    candidates: Sequence[Mapping[str, Any]],
) -> list[Judged]:
    """Trains every candidate on every task.

    Arguments:
        method: The estimator; candidates overrule its settings.
        tasks: What to train and judge on.
        candidates: The settings of each candidate.

    Returns:
        One entry per candidate, in their order.
    """
    found: list[list[tuple[SeenUnseenCurve, float, float] | None]] = [[] for _ in candidates]
    for task in tasks:
        for shown, result in zip(found, _on_task(method, task, candidates), strict=True):
            shown.append(result)

    return [
        _summarize(dict(settings), shown) for settings, shown in zip(candidates, found, strict=True)
    ]


def _on_task(
    method: ZeroShotClassifier, task: Rehearsal, candidates: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[SeenUnseenCurve, float, float] | None]:
    """Yields curve, H and T1 of each candidate, or nothing where it diverged."""
    X = task.data.rows(task.train, task.data.compact_type)
    y = task.labels[task.train]
    judged = task.data.rows(task.judged, task.data.compact_type)

    done = 0
    while done < len(candidates):
        try:
            for model in method.fit_candidates(X, y, task.class_attributes, candidates[done:]):
                done += 1
                scores = model.decision_function(judged, task.class_attributes)
                yield None if np.isnan(scores).any() else _measured(task, scores)
        except TrainingError:  # the candidates after this one are still to be tried
            done += 1
            yield None


def _measured(task: Rehearsal, scores: NDArray) -> tuple[SeenUnseenCurve, float, float]:
    result = gzsl_result(scores, task.labels[task.judged], task.seen)

    return task.curve(scores), result.harmonic_mean, result.zsl_accuracy


def _summarize(
    settings: dict[str, Any], shown: Sequence[tuple[SeenUnseenCurve, float, float] | None]
) -> Judged:
    whole = [result for result in shown if result is not None]
    if len(whole) < len(shown):
        return Judged(settings)
    curves, bare, zsl_accuracies = zip(*whole, strict=True)

    return Judged(
        settings=settings,
        ausuc=float(np.mean([curve.area for curve in curves])),
        zsl_accuracy=float(np.mean(zsl_accuracies)),
        curves=curves,
        bare=bare,
    )


def _best(judged: Sequence[Judged]) -> Judged:
    """Returns the candidate of the greatest AUSUC, the first of equal ones."""
    best = max(judged, key=lambda one: -1.0 if one.ausuc is None else one.ausuc)
    if best.ausuc is None:
        raise TrainingError(
            f"Training diverged for each of {len(judged)} candidates of the search space; lower "
            "`lr`, or prepare the features (`feature_preprocessing`)."
        )

    return best
