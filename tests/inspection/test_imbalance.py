"""The imbalance of models: groups, read-out, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.decide import SeenPenalty
from unseen.inspection.imbalance import ImbalanceReport, _places, inspect_imbalance
from unseen.methods.base import ZeroShotClassifier
from unseen.methods.class_norm import ClassNorm
from unseen.methods.eszsl import ESZSL
from unseen.methods.rezsl import ReZSL
from unseen.metrics.gzsl import gzsl_result
from unseen.metrics.imbalance import error_matrix, measure_imbalance


class Telling(ESZSL):
    """Says attributes by itself: always those of the first class, three times as long."""

    def predict_attributes(self, X: NDArray) -> NDArray:
        return np.tile(3 * self.class_attributes_[0], (len(X), 1))


def fit(data: ZeroShotData, model: ZeroShotClassifier | None = None) -> ZeroShotClassifier:
    train = data.subset("train")

    return (model or ESZSL()).fit(train.features, train.labels, data.class_attributes)


@pytest.fixture(scope="module")
def report(toy: ZeroShotData) -> ImbalanceReport:
    return inspect_imbalance(fit(toy), toy)


def test_groups_are_the_test_rows_each_once(toy: ZeroShotData, report: ImbalanceReport) -> None:
    seen, unseen, whole = (report.groups[name] for name in ("seen", "unseen", "all"))

    assert toy.seen[seen.classes].all()
    assert not toy.seen[unseen.classes].any()
    assert sorted([*seen.classes, *unseen.classes]) == whole.classes.tolist()
    assert seen.misclassification.examples == len(toy.test_seen)
    assert unseen.misclassification.examples == len(toy.test_unseen)
    for group in (seen, unseen):
        assert_allclose(whole.matrix[np.isin(whole.classes, group.classes)], group.matrix)


def test_the_readout_reads_what_scores_hold() -> None:
    """Where scores are attributes, seen through a map of full rank, they are found again."""
    data = simulate_toy()
    report = inspect_imbalance(fit(data), data)

    for name, found in report.groups.items():
        assert found.spread.mean < 0.7 * report.baselines[name].mean


def test_one_seed_gives_equal_numbers(toy: ZeroShotData, report: ImbalanceReport) -> None:
    assert (inspect_imbalance(fit(toy), toy).whole.matrix == report.whole.matrix).all()


def test_a_method_that_tells_is_asked(toy: ZeroShotData) -> None:
    model = fit(toy, Telling())
    report = inspect_imbalance(model, toy)
    labels = toy.subset("test_unseen").labels
    expected = error_matrix(
        np.tile(toy.class_attributes[0], (len(labels), 1)), labels, toy.class_attributes
    )

    assert report.method == "Telling"
    assert "predicted by the method" in report.prediction
    assert_allclose(report.groups["unseen"].matrix, expected, atol=1e-7)


def test_rezsl_tells(toy: ZeroShotData) -> None:
    model = fit(toy, ReZSL(epochs=2, random_state=0))
    report = inspect_imbalance(model, toy)
    rows = toy.subset("test_seen")
    expected = error_matrix(
        model.predict_attributes(rows.features), rows.labels, toy.class_attributes
    )

    assert "predicted by the method" in report.prediction
    assert_allclose(report.groups["seen"].matrix, expected, atol=1e-7)


EPISODES = {"batches": "episodes", "ways": 3, "epochs": 2, "random_state": 0}


def weigh(E: NDArray) -> NDArray:
    """Returns the weights of errors (k, a), with both exponents 1."""
    across_classes = 1 + np.log(E / E.min(axis=0))

    return across_classes * (1 + np.log(E / E.min(axis=1, keepdims=True)))


def test_weights_are_those_of_the_formula_and_nothing_elsewhere(toy: ZeroShotData) -> None:
    model = fit(toy, ReZSL(p=1.0, p2=1.0, **EPISODES))
    found = inspect_imbalance(model, toy).weights
    remse = model.network_.remse
    known = remse.filled.numpy()
    expected = weigh(remse.errors[remse.filled].numpy())

    assert found is not None
    assert known.sum() == 3
    assert found.classes.tolist() == np.flatnonzero(toy.seen).tolist()
    assert found.known.tolist() == known.tolist()
    assert_allclose(found.matrix[known], expected, rtol=1e-5)
    assert np.isnan(found.matrix[~known]).all()
    assert found.mean == pytest.approx(expected.mean(), rel=1e-5)
    assert found.greatest == pytest.approx(expected.max(), rel=1e-5)
    assert found.history == tuple(model.weight_history_)
    assert found.history[-1] == pytest.approx((2, found.mean, found.greatest))
    assert not found.mean_normalized


def test_weights_of_all_classes_that_any_batch_had(toy: ZeroShotData) -> None:
    model = fit(toy, ReZSL(tracker="cross_batch", mean_normalize=True, **EPISODES))
    found = inspect_imbalance(model, toy).weights

    assert found is not None
    assert found.mean_normalized
    assert found.known.all()
    assert found.mean > 1.5


def test_weights_follow_their_classes_into_another_table(toy: ZeroShotData) -> None:
    model = fit(toy, ReZSL(**EPISODES))
    found = inspect_imbalance(model, toy).weights
    order = np.random.default_rng(0).permutation(len(toy.class_names))
    shuffled = replace(
        toy,
        labels=np.argsort(order)[toy.labels],
        class_attributes=toy.class_attributes[order],
        class_names=tuple(toy.class_names[label] for label in order),
        validation=(),
    )
    other = inspect_imbalance(model, shuffled).weights

    assert found is not None
    assert other is not None
    assert other.classes.tolist() != found.classes.tolist()
    assert order[other.classes].tolist() == found.classes.tolist()
    assert_allclose(other.matrix, found.matrix)


def test_weights_of_classes_that_the_data_lack_are_left_out(toy: ZeroShotData) -> None:
    model = fit(toy, ReZSL(tracker="cross_batch", **EPISODES))
    whole = inspect_imbalance(model, toy).weights
    (first, *_) = np.flatnonzero(toy.seen)
    left = np.arange(len(toy.class_names)) != first
    rows = {
        name: getattr(toy, name)[toy.labels[getattr(toy, name)] != first]
        for name in ("train", "test_seen", "test_unseen")
    }
    fewer = replace(
        toy,
        labels=np.where(toy.labels > first, toy.labels - 1, toy.labels),
        class_attributes=toy.class_attributes[left],
        class_names=tuple(np.array(toy.class_names)[left]),
        validation=(),
        **rows,
    )
    found = inspect_imbalance(model, fewer).weights

    assert whole is not None
    assert found is not None
    assert len(found.classes) == len(whole.classes) - 1
    assert found.classes.tolist() == np.flatnonzero(fewer.seen).tolist()
    assert_allclose(found.matrix, whole.matrix[1:])


def test_weights_of_classes_described_the_same_are_all_there(toy: ZeroShotData) -> None:
    """Two seen classes, and beside them an unseen one, have one description."""
    (first, second, *_), (unseen, *_) = np.flatnonzero(toy.seen), np.flatnonzero(~toy.seen)
    table = toy.class_attributes.copy()
    table[second] = table[first]
    same = replace(toy, class_attributes=table)
    model = fit(same, ReZSL(tracker="cross_batch", **EPISODES))
    found = inspect_imbalance(model, same).weights
    order = np.arange(len(table))[::-1]
    order = np.concatenate([[first, second], order[~np.isin(order, [first, second])]])
    shuffled = replace(
        same,
        labels=np.argsort(order)[same.labels],
        class_attributes=table[order],
        class_names=tuple(same.class_names[label] for label in order),
        validation=(),
    )
    other = inspect_imbalance(model, shuffled).weights

    assert found is not None
    assert other is not None
    assert order[other.classes].tolist() == found.classes.tolist()
    assert sorted(other.classes) == np.flatnonzero(shuffled.seen).tolist()
    assert_allclose(other.matrix, found.matrix)

    table[unseen] = table[first]
    assert _places(table[[second, first]], replace(same, class_attributes=table)).tolist() == [
        first,
        second,
    ]
    assert _places(table[[first] * 3], same).tolist() == [first, second, -1]


@pytest.mark.parametrize("kind", ["normalized-mse", None])
def test_no_weights_without_remse(
    toy: ZeroShotData, report: ImbalanceReport, kind: str | None
) -> None:
    model = fit(toy, ReZSL(regression=kind, epochs=1, random_state=0))

    assert inspect_imbalance(model, toy).weights is None
    assert report.weights is None


def test_the_stored_penalty_decides_what_is_chosen(toy: ZeroShotData) -> None:
    model = fit(toy)
    bare = inspect_imbalance(model, toy)
    model.seen_penalty_ = SeenPenalty("offset", 1e6)
    report = inspect_imbalance(model, toy)

    assert report.stored.seen_accuracy == 0
    assert report.groups["seen"].misclassification.wrong == len(toy.test_seen)
    assert report.bare.seen_accuracy == bare.stored.seen_accuracy > 0
    assert report.stored.penalty.startswith("-1e+06")


def test_accuracies_and_curve_are_those_of_the_judgement(
    toy: ZeroShotData, report: ImbalanceReport
) -> None:
    rows = np.concatenate([toy.test_seen, toy.test_unseen])
    scores = fit(toy).decision_function(toy.rows(rows), toy.class_attributes)
    expected = gzsl_result(scores, toy.labels[rows], toy.seen)

    assert report.bare == report.stored == expected
    assert report.curve is not None
    assert report.curve.area == expected.ausuc
    wrong = report.whole.misclassification.wrong
    assert wrong == (scores.argmax(axis=1) != toy.labels[rows]).sum()


def test_the_baseline_is_the_mean_seen_description(
    toy: ZeroShotData, report: ImbalanceReport
) -> None:
    table = toy.class_attributes / np.linalg.norm(toy.class_attributes, axis=1, keepdims=True)
    labels = toy.subset("test_seen").labels
    same = np.tile(table[toy.seen].mean(axis=0), (len(labels), 1))
    expected = measure_imbalance(same, labels, labels, toy.class_attributes)

    assert report.baselines["seen"].mean == pytest.approx(expected.spread.mean)
    assert report.baselines["seen"].class_correlation == pytest.approx(expected.class_correlation)


def test_data_without_unseen_classes(toy: ZeroShotData) -> None:
    seen = np.flatnonzero(toy.seen)
    rows = np.concatenate([toy.train, toy.test_seen])
    data = replace(
        toy,
        features=toy.rows(rows),
        labels=np.searchsorted(seen, toy.labels[rows]),
        class_attributes=toy.class_attributes[seen],
        class_names=tuple(toy.class_names[label] for label in seen),
        train=np.arange(len(toy.train)),
        test_seen=np.arange(len(toy.train), len(rows)),
        test_unseen=np.empty(0, dtype=np.int64),
        validation=(),
    )
    report = inspect_imbalance(fit(data), data)

    assert list(report.groups) == ["seen", "all"]
    assert report.curve is None
    assert_allclose(report.whole.matrix, report.groups["seen"].matrix)


def test_errors_beside_numbers_of_training_rows(toy: ZeroShotData, report: ImbalanceReport) -> None:
    left = np.concatenate(
        [toy.train[toy.labels[toy.train] == c][: 4 + c] for c in np.flatnonzero(toy.seen)]
    )
    fewer = inspect_imbalance(fit(replace(toy, train=left)), replace(toy, train=left))
    counts = [4 + c for c in np.flatnonzero(toy.seen)]
    means = fewer.groups["seen"].matrix.mean(axis=1)

    assert np.isnan(report.count_correlation)  # all classes have as many rows
    assert fewer.count_correlation == pytest.approx(np.corrcoef(counts, means)[0, 1])


def test_attributes_have_the_names_of_their_columns(
    toy: ZeroShotData, report: ImbalanceReport
) -> None:
    names = tuple("abcdefgh")
    told = replace(toy, source=replace(toy.source, attribute_names=names))
    taught = fit(toy)
    taught.source_ = told.source

    assert inspect_imbalance(fit(toy), told).attribute_names == names
    assert inspect_imbalance(taught, toy).attribute_names == names
    assert inspect_imbalance(taught, told, list("ijklmnop")).attribute_names == (*"ijklmnop",)
    taught.source_ = replace(told.source, attribute_names=names[:3])  # of another class table
    assert inspect_imbalance(taught, toy).attribute_names == report.attribute_names
    assert report.attribute_names == tuple(f"attribute {number}" for number in range(8))


def test_networks_too(toy: ZeroShotData) -> None:
    model = fit(toy, ClassNorm(hidden=16, epochs=5, random_state=0))

    assert np.isfinite(inspect_imbalance(model, toy).whole.matrix).all()


def test_wrong_input(toy: ZeroShotData) -> None:
    model = fit(toy)
    other = replace(toy, class_attributes=toy.class_attributes[::-1].copy())

    with pytest.raises(ValueError, match="do not agree on which classes are seen"):
        inspect_imbalance(model, other)
    with pytest.raises(ValueError, match="each of 8 attributes; got 2"):
        inspect_imbalance(model, toy, ["furry", "fast"])
    with pytest.raises(ValueError, match=r"must be unique; more than once: fast, furry\."):
        inspect_imbalance(model, toy, ["furry", "fast"] * 2 + list("abcd"))
    few = simulate_toy(classes=5, unseen=2)
    with pytest.raises(ValueError, match=r"at least four seen classes; got 3.*such as rezsl"):
        inspect_imbalance(fit(few), few)
    own = fit(few, ReZSL(epochs=1, random_state=0))
    assert np.isfinite(inspect_imbalance(own, few).whole.matrix).all()
    one = replace(toy, class_attributes=toy.class_attributes[:, :1])
    with pytest.raises(ValueError, match="needs two at least, and these data have one"):
        inspect_imbalance(fit(one), one)
