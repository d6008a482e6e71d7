"""The judgement of a trained model on the test rows of a data set."""

__all__ = ["Evaluation", "evaluate", "judge_scores"]

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from unseen.data.dataset import ZeroShotData
from unseen.data.descriptions import row_keys
from unseen.decide import SeenPenalty, check_penalty, oracle_seen_penalty
from unseen.methods.base import ZeroShotClassifier
from unseen.methods.saving import shown_name
from unseen.metrics.gzsl import MEASURES, GZSLResult, Kind, Weighting, gzsl_result


@dataclass(frozen=True)
class Evaluation:
    """Holds the results of one model on one data set.

    Arguments:
        method: The name of the method.
        setting: What the method used in training.
        data: The name of the data set.
        split_version: Which circulating version of the splits its files contain.
        sha256: The SHA-256 of each of its files, by name.
        class_names: The names of the classes.
        seen: Which classes are seen, with shape :math:`(c,)`.
        no_penalty: The result of the bare scores.
        stored: The result with the penalty that is stored in the model: what ``predict`` gives.
        oracle: The result with the penalty that is best on these test rows: a bound.
    """

    method: str
    setting: str
    data: str
    split_version: str
    sha256: dict[str, str]
    class_names: tuple[str, ...]
    seen: NDArray[np.bool_]
    no_penalty: GZSLResult
    stored: GZSLResult
    oracle: GZSLResult

    def __str__(self) -> str:
        """Returns the three results in percent, a line each."""
        return "\n".join(map(str, (self.no_penalty, self.stored, self.oracle)))

    @property
    def harmonic_mean(self) -> float:
        """H with the stored penalty."""
        return self.stored.harmonic_mean

    def to_json(self) -> dict[str, Any]:
        """Returns the results as JSON knows them: fractions, ``None`` where nothing was measured.

        The measures with the stored penalty stand at the top; all three stand under
        ``no_penalty``, ``hidden_class_penalty`` and ``oracle``.
        """
        return {
            **_measures(self.stored),
            "no_penalty": _measures(self.no_penalty),
            "hidden_class_penalty": _measures(self.stored),
            "oracle": _measures(self.oracle),
            "method": self.method,
            "setting": self.setting,
            "data": self.data,
            "split_version": self.split_version,
            "sha256": self.sha256,
            "per_class": {
                name: _number(accuracy)
                for name, accuracy in zip(
                    self.class_names, self.stored.class_accuracies, strict=True
                )
            },
            "most_often_taken_for": {
                name: None
                if other < 0
                else {"class": self.class_names[other], "share": float(share)}
                for name, other, share in zip(
                    self.class_names, self.stored.taken_for, self.stored.taken_share, strict=True
                )
            },
        }


def evaluate(
    model: ZeroShotClassifier, data: ZeroShotData, weighting: Weighting = "class"
) -> Evaluation:
    """Judges a trained model on the test rows of a data set.

    Arguments:
        model: The fitted model.
        data: The data set. Its class table is scored, and classes with a training row count as
            seen.
        weighting: Whether each class counts the same, or each sample.

    Returns:
        The results without penalty, with the stored one, and with the oracle's.

    Raises:
        NotFittedError: If the model is not fitted.
        TypeError: If it is no method of this library's kind, or the data no ``ZeroShotData``.
        ValueError: If the model was trained on other classes than ``data`` calls seen, or on
            features or descriptions of another width, or there is no such weighting.

    Example:
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.class_norm import ClassNorm
        >>> data = simulate_toy()
        >>> train = data.subset("train")
        >>> model = ClassNorm(hidden=32, random_state=0)
        >>> model = model.fit(train.features, train.labels, data.class_attributes)
        >>> 0 <= evaluate(model, data).harmonic_mean <= 1
        True
    """
    if not isinstance(model, ZeroShotClassifier) or not isinstance(data, ZeroShotData):
        raise TypeError(
            "`evaluate(model, data)` takes a fitted method, such as ClassNorm(), and a "
            f"ZeroShotData; got {type(model).__name__} and {type(data).__name__}. A method "
            "prepares features by itself (`feature_preprocessing`), and needs no Pipeline."
        )
    check_is_fitted(model)
    _check_seen(model, data)
    rows = data.test
    features = data.rows(rows, data.compact_type)

    return judge_scores(
        model, data, model.decision_function(features, data.class_attributes), weighting
    )


def judge_scores(
    model: ZeroShotClassifier, data: ZeroShotData, scores: NDArray, weighting: Weighting = "class"
) -> Evaluation:
    """Judges scores that a trained model gave to the test rows, as ``evaluate`` does.

    Arguments:
        model: The fitted model.
        data: The data set.
        scores: Its scores of ``data.test_seen``, then ``data.test_unseen``, for all classes, with
            shape :math:`(n, c)`.
        weighting: Whether each class counts the same, or each sample.

    Returns:
        The results without penalty, with the stored one, and with the oracle's.

    Raises:
        ValueError: If the scores have another shape, or one is NaN.
    """
    labels = data.labels[data.test]

    def result(penalty: SeenPenalty | None) -> GZSLResult:
        return gzsl_result(
            scores,
            labels,
            data.seen,
            penalized=None if penalty is None else penalty(scores, data.seen),
            weighting=weighting,
            penalty="none" if penalty is None else str(penalty),
            selection="none" if penalty is None else penalty.selection,
        )

    bare = result(None)
    bounds = [bare]
    if len(data.test_seen) and len(data.test_unseen):
        positive = bool((scores[:, data.seen] > 0).all())  # what a factor can lower
        kinds: tuple[Kind, ...] = ("offset", "factor") if positive else ("offset",)
        bounds = [
            result(oracle_seen_penalty(scores, labels, data.seen, kind, weighting))
            for kind in kinds
        ]

    return Evaluation(
        method=shown_name(model),
        setting=model.setting,
        data=data.source.name,
        split_version=data.source.split_version,
        sha256=data.source.sha256,
        class_names=data.class_names,
        seen=data.seen,
        no_penalty=bare,
        stored=result(check_penalty(model.seen_penalty_)),
        oracle=max(bounds, key=lambda bound: bound.harmonic_mean),
    )


def _check_seen(model: ZeroShotClassifier, data: ZeroShotData) -> None:
    """A class that training saw must not count as unseen in the results, nor the other way round.

    Descriptions are compared, not positions: the table may have more rows, or another order.
    """
    trained = set(row_keys(model.class_attributes_[model.seen_]))
    table = row_keys(data.class_attributes)
    seen = {row for row, is_seen in zip(table, data.seen, strict=True) if is_seen}
    wrong = [
        name
        for name, row, is_seen in zip(data.class_names, table, data.seen, strict=True)
        if (is_seen and row not in trained) or (row in trained and row not in seen)
    ]
    if wrong:
        raise ValueError(
            f"The model and the data do not agree on which classes are seen: {len(wrong)} of "
            f"{len(table)} differ ({', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}). "
            f"The model was trained on {model.source_.name!r}; evaluate it on that data, with the "
            "same class table."
        )


def _measures(result: GZSLResult) -> dict[str, Any]:
    measures = {name: _number(getattr(result, name)) for name in MEASURES}

    return measures | {"penalty": result.penalty, "selection": result.selection}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
