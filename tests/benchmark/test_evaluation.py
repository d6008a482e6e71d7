"""The judgement of a model: each number from another way, each mismatch named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline

from unseen.benchmark.evaluation import Evaluation, evaluate, judge_scores
from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.decide import SeenPenalty
from unseen.methods.class_norm import ClassNorm
from unseen.metrics.gzsl import Weighting, seen_unseen_curve


def mean_recall(labels: NDArray, predictions: NDArray) -> float:
    return recall_score(labels, predictions, labels=np.unique(labels), average="macro")


MEASURES = {"zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc"}


@pytest.fixture(scope="module")
def data() -> ZeroShotData:
    return simulate_toy(classes=40, unseen=10, features=32)


@pytest.fixture(scope="module")
def model(data: ZeroShotData) -> ClassNorm:
    train = data.subset("train")
    model = ClassNorm(hidden=32, epochs=8, batch_size=100, random_state=0)
    model.fit(train.features, train.labels, data.class_attributes)
    model.seen_penalty_ = SeenPenalty("offset", 3.0, "chosen on hidden seen classes")

    return model


@pytest.fixture(scope="module")
def evaluation(model: ClassNorm, data: ZeroShotData) -> Evaluation:
    return evaluate(model, data)


def test_a_method_of_ones_own_is_judged(evaluation: Evaluation, data: ZeroShotData) -> None:
    class Own(ClassNorm):
        pass

    train, own = data.subset("train"), Own(hidden=8, epochs=1, random_state=0)
    own.fit(train.features, train.labels, data.class_attributes)

    assert (evaluate(own, data).method, evaluation.method) == ("Own", "class-norm")


def test_measures_are_those_of_the_predictions(
    evaluation: Evaluation, model: ClassNorm, data: ZeroShotData
) -> None:
    seen, unseen = data.subset("test_seen"), data.subset("test_unseen")
    S = mean_recall(seen.labels, model.predict(seen.features))
    U = mean_recall(unseen.labels, model.predict(unseen.features))
    among = np.flatnonzero(~data.seen)
    best = model.decision_function(unseen.features, data.class_attributes[among]).argmax(axis=1)
    stored = evaluation.stored

    assert stored.seen_accuracy == pytest.approx(S)
    assert stored.unseen_accuracy == pytest.approx(U)
    assert stored.harmonic_mean == pytest.approx(2 * S * U / (S + U))
    assert stored.zsl_accuracy == pytest.approx(mean_recall(unseen.labels, among[best]))
    assert evaluation.harmonic_mean == stored.harmonic_mean


def test_bare_stored_and_oracle(
    evaluation: Evaluation, model: ClassNorm, data: ZeroShotData
) -> None:
    test = np.concatenate([data.test_seen, data.test_unseen])
    scores = model.decision_function(data.rows(test))
    curve = seen_unseen_curve(scores, data.labels[test], data.seen)
    bare, stored, oracle = evaluation.no_penalty, evaluation.stored, evaluation.oracle

    assert bare.unseen_accuracy < stored.unseen_accuracy
    assert bare.seen_accuracy > stored.seen_accuracy
    assert oracle.harmonic_mean == pytest.approx(curve.harmonic_means.max())
    assert oracle.harmonic_mean >= max(bare.harmonic_mean, stored.harmonic_mean)
    assert bare.ausuc == stored.ausuc == oracle.ausuc == pytest.approx(curve.area)
    assert (bare.penalty, bare.selection) == ("none", "none")
    assert stored.selection == "chosen on hidden seen classes"
    assert oracle.selection == "oracle: chosen on test classes"


def test_json(evaluation: Evaluation, data: ZeroShotData) -> None:
    result = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))

    assert set(result) == MEASURES | {
        *("penalty", "no_penalty", "hidden_class_penalty", "oracle"),
        *("method", "setting", "data", "split_version", "sha256", "selection", "per_class"),
        "most_often_taken_for",
    }
    for part, of in [
        ("no_penalty", evaluation.no_penalty),
        ("hidden_class_penalty", evaluation.stored),
        ("oracle", evaluation.oracle),
    ]:
        assert set(result[part]) == MEASURES | {"penalty", "selection"}
        assert all(result[part][name] == getattr(of, name) for name in MEASURES)
    assert {name: result[name] for name in MEASURES} == {
        name: result["hidden_class_penalty"][name] for name in MEASURES
    }
    assert result["method"] == "class-norm"
    assert result["setting"] == "inductive"
    assert result["data"] == "simulated"
    assert list(result["per_class"]) == list(data.class_names)


def test_samples_may_count_instead_of_classes(model: ClassNorm, data: ZeroShotData) -> None:
    fewer = replace(data, test_seen=data.test_seen[: len(data.test_seen) // 2 + 7])
    fewer = replace(fewer, test_seen=np.union1d(fewer.test_seen, one_of_each(data)))
    seen = fewer.subset("test_seen")
    by_sample = evaluate(model, fewer, weighting="sample").stored

    assert by_sample.seen_accuracy == pytest.approx(
        (model.predict(seen.features) == seen.labels).mean()
    )
    assert by_sample.seen_accuracy != evaluate(model, fewer).stored.seen_accuracy


@pytest.mark.parametrize("weighting", ["class", "sample"])
def test_the_oracle_is_the_best_as_classes_or_samples_count(
    model: ClassNorm, data: ZeroShotData, weighting: Weighting
) -> None:
    """With classes of very different size."""
    fewer = replace(data, test_seen=np.union1d(data.test_seen[:30], one_of_each(data)))
    labels = data.labels[fewer.test]
    for seed in range(5):
        scores = np.random.default_rng(seed).normal(size=(len(labels), 40))
        scores += 2 * np.eye(40)[labels]
        judged = judge_scores(model, fewer, scores, weighting)

        curve = seen_unseen_curve(scores, labels, data.seen, weighting)
        assert judged.oracle.harmonic_mean == pytest.approx(curve.harmonic_means.max())


def one_of_each(data: ZeroShotData) -> np.ndarray:
    _, first = np.unique(data.labels[data.test_seen], return_index=True)

    return data.test_seen[first]


def test_nothing_measured_is_null(evaluation: Evaluation) -> None:
    accuracies = np.full(40, np.nan)
    unmeasured = replace(
        evaluation.stored, harmonic_mean=np.nan, ausuc=np.nan, class_accuracies=accuracies
    )
    result = replace(evaluation, stored=unmeasured).to_json()

    assert result["harmonic_mean"] is None
    assert result["hidden_class_penalty"]["ausuc"] is None
    assert result["seen_accuracy"] == evaluation.stored.seen_accuracy
    assert set(result["per_class"].values()) == {None}
    json.dumps(result, allow_nan=False)


def test_another_order_of_classes_changes_nothing(
    model: ClassNorm, data: ZeroShotData, evaluation: Evaluation
) -> None:
    order = np.random.default_rng(0).permutation(40)
    moved = replace(
        data,
        labels=np.argsort(order)[data.labels],
        class_attributes=data.class_attributes[order],
        class_names=tuple(data.class_names[i] for i in order),
    )
    again = evaluate(model, moved)

    for name in MEASURES:
        assert getattr(again.stored, name) == pytest.approx(getattr(evaluation.stored, name))


def test_what_is_no_fitted_method_or_no_data_is_named(model: ClassNorm, data: ZeroShotData) -> None:
    with pytest.raises(NotFittedError, match="This ClassNorm instance is not fitted"):
        evaluate(ClassNorm(), data)
    with pytest.raises(TypeError, match=r"takes a fitted method.* got Pipeline and ZeroShotData"):
        evaluate(make_pipeline(model), data)
    with pytest.raises(TypeError, match="got ClassNorm and Subset"):
        evaluate(model, data.subset("train"))


def test_a_number_is_no_seen_penalty(
    model: ClassNorm, data: ZeroShotData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(model, "seen_penalty_", 0.3)
    wanted = r"`seen_penalty_` must be None or as SeenPenalty.*got 0\.3"
    with pytest.raises(TypeError, match=wanted):
        evaluate(model, data)
    with pytest.raises(TypeError, match=wanted):
        model.predict(data.features)
    with pytest.raises(TypeError, match=wanted):
        model.save_pretrained(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_other_seen_classes_are_refused(model: ClassNorm, data: ZeroShotData) -> None:
    changed = data.class_attributes.copy()
    changed[np.flatnonzero(data.seen)[:2]] += 0.5
    with pytest.raises(ValueError, match="which classes are seen: 2 of 40 differ"):
        evaluate(model, replace(data, class_attributes=changed))

    train = data.subset("train")
    labels = train.labels.copy()
    labels[labels == labels[0]] = labels[labels != labels[0]][0]
    fewer = ClassNorm(hidden=8, epochs=1).fit(train.features, labels, data.class_attributes)
    with pytest.raises(ValueError, match="which classes are seen: 1 of 40 differ"):
        evaluate(fewer, data)


def test_a_class_that_training_saw_cannot_count_as_unseen(data: ZeroShotData) -> None:
    every = ClassNorm(hidden=8, epochs=1).fit(data.features, data.labels, data.class_attributes)

    with pytest.raises(ValueError, match="which classes are seen: 10 of 40 differ"):
        evaluate(every, data)
