"""Rehearsals of the test: tasks over seen classes alone, on which every choice is made."""

__all__ = ["Folds", "Rehearsal", "final_test", "rehearsals"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from unseen.data.dataset import ZeroShotData
from unseen.data.splits import HiddenClassFold, HiddenClassFolds, own_folds
from unseen.metrics.gzsl import Kind, SeenUnseenCurve, gzsl_result, seen_unseen_curve
from unseen.training.loop import Monitor

Folds = HiddenClassFolds | Literal["own"] | None


@dataclass(frozen=True)
class Rehearsal:
    """Rows to learn from, rows to judge, and the classes to choose from.

    Arguments:
        data: Where the rows come from.
        class_attributes: The classes to choose from, with shape :math:`(c, a)`.
        labels: The row of ``class_attributes`` of each example of ``data``, with shape
            :math:`(n,)`; -1 where its class is not among them.
        train: The rows to learn from, as indices.
        judged: The rows to judge, as indices.
    """

    data: ZeroShotData
    class_attributes: NDArray[np.float32]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    judged: NDArray[np.int64]

    def fit(self, model: Any, monitor: Monitor | None = None) -> Any:
        """Trains a model on the rows to learn from, and returns it."""
        return model.fit(
            self.data.rows(self.train, self.data.compact_type),
            self.labels[self.train],
            class_attributes=self.class_attributes,
            monitor=monitor,
        )

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which classes have rows to learn from, with shape :math:`(c,)`."""
        return np.isin(np.arange(len(self.class_attributes)), self.labels[self.train])

    def scores(self, model: Any) -> NDArray:
        """Scores the :math:`m` rows to judge with a trained model, with shape :math:`(m, c)`."""
        rows = self.data.rows(self.judged, self.data.compact_type)

        return model.decision_function(rows, self.class_attributes)

    def curve(self, scores: NDArray, kind: Kind = "offset") -> SeenUnseenCurve:
        """Judges scores of shape :math:`(m, c)` under every penalty of a kind."""
        return seen_unseen_curve(scores, self.labels[self.judged], self.seen, kind=kind)

    def bare_harmonic_mean(self, scores: NDArray) -> float:
        """Returns H, a fraction, of scores of shape :math:`(m, c)` without penalty.

        Ties are decided as ``predict`` decides them.
        """
        return gzsl_result(scores, self.labels[self.judged], self.seen).harmonic_mean

    def areas_by_epoch(self, method: Any) -> list[float]:
        """Returns AUSUC, a fraction, after each epoch of a training.

        Arguments:
            method: An estimator; it is cloned and stays as it is.

        Raises:
            ValueError: If it does not learn in epochs, or its schedule is ``"linear"``.
        """
        settings = method.get_params()
        if "epochs" not in settings:
            raise ValueError(
                f"{type(method).__name__} does not learn in epochs: there is nothing to choose."
            )
        if settings.get("schedule") == "linear":
            raise ValueError(
                "With schedule='linear', fewer epochs are another training: choose the number of "
                "epochs with schedule='step' or 'constant'."
            )
        model = clone(method)
        areas: list[float] = []
        self.fit(
            model, Monitor(callback=lambda _: areas.append(self.curve(self.scores(model)).area))
        )

        return areas


def rehearsals(data: ZeroShotData, folds: Folds = None) -> list[Rehearsal]:
    """Returns tasks over the seen classes alone.

    The descriptions of truly unseen classes are not in the table, so that nothing can use them.

    Arguments:
        data: The data; only its training rows and the descriptions of their classes are used.
        folds: How to hide classes; by default a fifth of the seen ones in each of five folds.
            ``"own"`` takes the data set's own split, ``data.validation``.

    Raises:
        TypeError: If the data are no ``ZeroShotData``, or ``folds`` no way to hide classes.
        ValueError: If there are fewer than four seen classes, no split of the data set's own, or a
            fold without rows of seen classes to judge, as where each class has one training row.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> len(rehearsals(simulate_toy()))
        5
    """
    _check_data(data)
    if not (folds is None or isinstance(folds, HiddenClassFolds) or folds == "own"):
        raise TypeError(
            f'`folds` must be a `HiddenClassFolds`, "own" or None; got {folds!r}. '
            "For three folds, give HiddenClassFolds(folds=3)."
        )
    table = np.flatnonzero(data.seen)
    known = data.seen[data.labels]
    labels = np.where(known, np.searchsorted(table, data.labels), -1)

    if folds == "own":
        cut = own_folds(data.labels, data.validation)
    else:
        cut = list((folds or HiddenClassFolds()).split(data.labels, data.train))
    _check_judged(cut)

    return [
        Rehearsal(
            data,
            data.class_attributes[table],
            labels,
            fold.train,
            np.concatenate([fold.validation_seen, fold.validation_unseen]),
        )
        for fold in cut
    ]


def final_test(data: ZeroShotData) -> Rehearsal:
    """Returns the test itself; what is chosen on it is an oracle.

    Arguments:
        data: The data, whose test rows are the rows to judge.

    Raises:
        TypeError: If the data are no ``ZeroShotData``.
    """
    _check_data(data)

    return Rehearsal(data, data.class_attributes, data.labels, data.train, data.test)


def _check_judged(cut: Sequence[HiddenClassFold]) -> None:
    empty = sum(not len(fold.validation_seen) for fold in cut)
    if empty:
        raise ValueError(
            "While some seen classes are hidden, none of the others can be judged as seen: in "
            f"{empty} of {len(cut)} folds none has two training rows, one to learn from and one "
            "to judge. Add training rows, or set by hand what was to be chosen."
        )


def _check_data(data: ZeroShotData) -> None:
    if not isinstance(data, ZeroShotData):
        raise TypeError(
            "`data` must be a `ZeroShotData`, which has features, labels and classes in one; got "
            f"{type(data).__name__}. Make one with `unseen.ZeroShotData(...)` or "
            "`unseen.load(path)`."
        )
