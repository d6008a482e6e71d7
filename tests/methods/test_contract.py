"""The contract of all methods: written once, for every method there is."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from unseen import load_model
from unseen.data.dataset import DataError, ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.decide import SeenPenalty
from unseen.methods import METHODS
from unseen.methods.base import CHECKED_ROWS, ZeroShotClassifier
from unseen.training.loop import EpochReport, Monitor

Make = Callable[..., ZeroShotClassifier]
every_method = pytest.mark.parametrize("Method", METHODS.values(), ids=METHODS)
RANDOM = {
    name: Method for name, Method in METHODS.items() if "random_state" in Method().get_params()
}
every_random_method = pytest.mark.parametrize(
    "Method", RANDOM.values(), ids=RANDOM
)  # not closed forms


@pytest.fixture(params=METHODS.values(), ids=list(METHODS), scope="module")
def model(request: pytest.FixtureRequest, small: Make, toy: ZeroShotData) -> ZeroShotClassifier:
    """Returns a model of each method, fitted on toy data; no test may change it."""
    return fit(small(request.param), toy)


def fit(
    model: ZeroShotClassifier, data: ZeroShotData, table: NDArray | None = None, **options: object
) -> ZeroShotClassifier:
    train = data.subset("train")
    table = data.class_attributes if table is None else table

    return model.fit(train.features, train.labels, table, **options)


def weights(model: ZeroShotClassifier) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model._state().items()}


def assert_same_weights(ours: ZeroShotClassifier, theirs: ZeroShotClassifier) -> None:
    ours, theirs = weights(ours), weights(theirs)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


# What comes out.


def test_features_too_large_for_float32_are_refused(
    model: ZeroShotClassifier, toy: ZeroShotData
) -> None:
    X = toy.features[:3].astype(np.float64)
    X[1, 0] = 1e39

    with pytest.raises(ValueError, match=r"X contains infinity or a value too large for .*float32"):
        model.predict(X)


def test_scores_and_predictions(model: ZeroShotClassifier, toy: ZeroShotData) -> None:
    X = toy.features
    scores = model.decision_function(X)

    assert scores.shape == (len(X), 12)
    assert np.isfinite(scores).all()
    assert_array_equal(model.predict(X), scores.argmax(axis=1))
    assert_array_equal(model.decision_function(X, toy.class_attributes), scores)
    assert_array_equal(model.predict(X, toy.class_attributes), scores.argmax(axis=1))
    probabilities = model.predict_proba(X)
    assert_allclose(probabilities.sum(axis=1), 1)
    assert_array_equal(probabilities.argmax(axis=1), scores.argmax(axis=1))


def test_fitted_attributes(model: ZeroShotClassifier, toy: ZeroShotData) -> None:
    assert_array_equal(model.classes_, np.arange(12))
    assert_array_equal(model.seen_, toy.seen)
    assert_array_equal(model.class_attributes_, toy.class_attributes)
    assert model.class_names_ == tuple(str(i) for i in range(12))
    assert model.n_features_in_ == 16
    assert model.seen_penalty_ is None
    assert model.setting in ("inductive", "semantic-transductive", "transductive")


@every_method
def test_seen_and_unseen_classes_are_recognised(Method: type, small: Make) -> None:
    data = simulate_toy(classes=60, unseen=20, features=64)
    options = {"epochs": 15} if "epochs" in Method().get_params() else {}
    model = fit(small(Method, **options), data)
    seen, unseen, among = data.subset("test_seen"), data.subset("test_unseen"), ~data.seen
    scores = model.decision_function(unseen.features, data.class_attributes[among])
    zsl_accuracy = (np.flatnonzero(among)[scores.argmax(axis=1)] == unseen.labels).mean()

    assert model.score(seen.features, seen.labels) > 0.4  # chance is 1 / 60
    assert zsl_accuracy > 0.4  # chance is 1 / 20


def test_a_new_class_table_needs_no_training(model: ZeroShotClassifier, toy: ZeroShotData) -> None:
    before = weights(model)
    table = np.random.default_rng(1).random((5, 8))
    scores = model.decision_function(toy.features, table)

    assert scores.shape == (len(toy.features), 5)
    assert_array_equal(model.predict(toy.features, table), scores.argmax(axis=1))
    for name, value in weights(model).items():
        assert torch.equal(value, before[name])


@given(order=st.permutations(range(12)))
def test_permuting_classes_permutes_scores(
    model: ZeroShotClassifier, toy: ZeroShotData, order: list[int]
) -> None:
    X = toy.features[:20]
    scores = model.decision_function(X)

    assert_allclose(
        model.decision_function(X, toy.class_attributes[order]), scores[:, order], atol=1e-4
    )


@given(kept=st.sets(st.integers(0, 11), min_size=1))
def test_u2_scores_of_a_class_do_not_depend_on_the_others(
    model: ZeroShotClassifier, toy: ZeroShotData, kept: set[int]
) -> None:
    X, kept = toy.features[:20], sorted(kept)
    scores = model.decision_function(X, toy.class_attributes[kept])

    assert_allclose(scores, model.decision_function(X)[:, kept], atol=1e-4)


def test_scores_of_a_row_do_not_depend_on_the_others(
    model: ZeroShotClassifier, toy: ZeroShotData
) -> None:
    scores = model.decision_function(toy.features)

    for i in (0, 5, 100):
        assert_allclose(model.decision_function(toy.features[[i]])[0], scores[i], atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_any_float_type_will_do(model: ZeroShotClassifier, toy: ZeroShotData, dtype: type) -> None:
    X = toy.features.astype(np.float16)
    scores = model.decision_function(X.astype(np.float32))

    assert_allclose(model.decision_function(X.astype(dtype)), scores, atol=1e-4)


# Seen classes and their penalty.


@every_method
def test_rows_and_columns_may_be_a_view_turned_round(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    train, S = toy.subset("train"), toy.class_attributes
    view = train.features[::-1, ::-1], train.labels[::-1], S[:, ::-1]
    model, of_copies = (
        small(Method).fit(X, y, table)
        for X, y, table in (view, [np.ascontiguousarray(array) for array in view])
    )

    assert_array_equal(
        model.decision_function(view[0]), of_copies.decision_function(view[0].copy())
    )


@every_method
def test_predictions_take_the_seen_penalty_and_scores_do_not(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    model = fit(small(Method), toy)
    scores = model.decision_function(toy.features)
    model.seen_penalty_ = SeenPenalty("offset", 1e4)

    assert_array_equal(model.decision_function(toy.features), scores)
    assert not toy.seen[model.predict(toy.features)].any()
    assert model.predict_proba(toy.features)[:, toy.seen].max() < 1e-6
    order = np.random.default_rng(0).permutation(12)
    moved = model.predict(toy.features, toy.class_attributes[order])
    assert not toy.seen[order][moved].any()


def test_seen_classes_are_known_by_their_description(
    model: ZeroShotClassifier, toy: ZeroShotData
) -> None:
    order = np.random.default_rng(0).permutation(12)
    table = np.concatenate([toy.class_attributes[order], np.random.default_rng(1).random((2, 8))])

    assert_array_equal(model.seen_in(table), [*toy.seen[order], False, False])
    assert_array_equal(model.seen_in(), toy.seen)


# New classes.


def test_twenty_thousand_classes_are_named_and_known_at_once(toy: ZeroShotData) -> None:
    model, many = fit(METHODS["eszsl"](), toy), 20_000
    names = [f"class {i}" for i in range(many)]
    start = time.perf_counter()
    model.add_classes(names, np.random.default_rng(0).random((many, 8)))
    model.seen_ = np.ones_like(model.seen_)

    assert model.seen_in(model.class_attributes_[::-1]).all()
    assert time.perf_counter() - start < 2  # 12 when each was compared with all others


@every_method
def test_added_classes_are_known_from_then_on(
    Method: type, small: Make, toy: ZeroShotData, tmp_path: Path
) -> None:
    model = fit(small(Method), toy)
    new = np.random.default_rng(1).random((2, 8)).astype(np.float32)
    expected = model.decision_function(toy.features, np.concatenate([toy.class_attributes, new]))
    assert model.add_classes(["gnu", "emu"], new) is model

    assert_array_equal(model.decision_function(toy.features), expected)
    assert model.class_names_[-2:] == ("gnu", "emu")
    assert_array_equal(model.seen_, [*toy.seen, False, False])
    assert_array_equal(model.predict(toy.features), expected.argmax(axis=1))

    model.save_pretrained(tmp_path / "model")
    again = Method.from_pretrained(tmp_path / "model")
    assert again.class_names_ == model.class_names_
    assert_array_equal(again.decision_function(toy.features), expected)


@every_method
def test_classes_are_added_whole_or_not_at_all(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    model = fit(small(Method), toy, class_names=[f"class {i}" for i in range(12)])
    for names, table, message in [
        (["class 3"], np.ones((1, 8)) * np.arange(8), "must be unique; more than once: class 3"),
        (["gnu", "gnu"], np.random.default_rng(1).random((2, 8)), "more than once: gnu"),
        (["gnu"], np.random.default_rng(1).random((2, 8)), "one row per name: expected 1, got 2"),
        (["gnu"], np.random.default_rng(1).random((1, 7)), "must have 8 columns, as in `fit`"),
        (["gnu"], np.zeros((1, 8)), "all-zero description"),
        (["gnu"], np.full((1, 8), np.nan), "must be finite"),
        ("gnu", np.random.default_rng(1).random((3, 8)), r"`names` .* a text: write \['gnu'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.add_classes(names, table)

    assert len(model.class_names_) == len(model.class_attributes_) == len(model.seen_) == 12


@every_method
def test_classes_cannot_be_added_to_an_ordinary_classifier(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    model = small(Method).fit(train.features, train.labels)

    with pytest.raises(ValueError, match="fitted without a class table"):
        model.add_classes(["gnu"], np.random.default_rng(0).random((1, 8)))


# Saving.


@every_method
def test_saved_and_loaded_models_give_the_same_scores(
    Method: type, small: Make, toy: ZeroShotData, tmp_path: Path
) -> None:
    names = ["horse", "Zèbre", "a,b", 'say "x"', *(f"class {i}" for i in range(8))]
    model = fit(small(Method), toy, class_names=names)
    model.seen_penalty_ = SeenPenalty("offset", 0.25, "chosen on hidden seen classes")
    model.source_ = toy.source
    model.save_pretrained(tmp_path / "model")

    for again in (Method.from_pretrained(tmp_path / "model"), load_model(str(tmp_path / "model"))):
        assert type(again) is Method
        assert_array_equal(
            again.decision_function(toy.features), model.decision_function(toy.features)
        )
        assert_array_equal(again.predict(toy.features), model.predict(toy.features))
        assert again.get_params() == model.get_params()
        assert again.class_names_ == tuple(names)
        assert again.seen_penalty_ == model.seen_penalty_
        assert again.source_ == toy.source
        assert_array_equal(again.seen_, toy.seen)
        assert_array_equal(again.class_attributes_, model.class_attributes_)


@every_method
@pytest.mark.parametrize("labels", [np.array(list("pqr")), np.array([7, -2, 30])])
def test_an_ordinary_classifier_keeps_its_labels(
    Method: type, small: Make, toy: ZeroShotData, tmp_path: Path, labels: NDArray
) -> None:
    train = toy.subset("train")
    y = labels[train.labels % 3]
    model = small(Method).fit(train.features, y)
    model.save_pretrained(tmp_path / "model")
    again = load_model(tmp_path / "model")

    assert_array_equal(model.classes_, np.unique(labels))
    assert_array_equal(again.classes_, model.classes_)
    assert set(model.predict(train.features)) <= set(labels.tolist())
    assert_array_equal(again.predict(train.features), model.predict(train.features))


# Randomness and the process around.


@every_random_method
def test_u14_the_same_seed_gives_the_same_scores(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    first, again = (fit(small(Method), toy) for _ in range(2))
    other = fit(small(Method, random_state=1), toy)

    assert_same_weights(first, again)
    assert_array_equal(first.decision_function(toy.features), again.decision_function(toy.features))
    assert (first.decision_function(toy.features) != other.decision_function(toy.features)).any()


@every_method
def test_fit_starts_anew(Method: type, small: Make, toy: ZeroShotData) -> None:
    other = simulate_toy(classes=9, unseen=2, features=7, attributes=5, random_state=3)
    model = fit(small(Method), other)
    model.seen_penalty_ = SeenPenalty("offset", 1.0)
    fit(model, toy)

    assert_same_weights(model, fit(small(Method), toy))
    assert model.seen_penalty_ is None
    assert model.class_attributes_.shape == (12, 8)


@every_method
def test_the_process_stays_as_it_was(Method: type, small: Make, toy: ZeroShotData) -> None:
    torch.manual_seed(5)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()

    model = fit(small(Method), toy)
    model.predict(toy.features)

    assert torch.equal(torch.get_rng_state(), torch_state)
    for before, after in zip(numpy_state, np.random.get_state(), strict=True):  # noqa: NPY002
        assert_array_equal(after, before)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled() == grad
    assert torch.get_default_dtype() == torch.float32
    assert (torch.tensor(1e-40) * 1).item() > 0  # denormals live


@every_random_method
def test_without_a_seed_pytorchs_global_state_stays_too(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, other = (fit(small(Method, random_state=None), toy) for _ in range(2))

    assert torch.equal(torch.get_rng_state(), state)
    assert (first.decision_function(toy.features) != other.decision_function(toy.features)).any()


@every_method
def test_arguments_are_left_unchanged(Method: type, small: Make, toy: ZeroShotData) -> None:
    train = toy.subset("train")
    X, y, S = train.features.copy(), train.labels.copy(), toy.class_attributes.copy()
    for array in (X, y, S):
        array.setflags(write=False)
    model = small(Method).fit(X, y, S)
    model.predict(X, S)

    assert_array_equal(X, train.features)
    assert_array_equal(S, toy.class_attributes)


@every_method
def test_a_changed_table_does_not_change_the_model(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    table = toy.class_attributes.copy()
    model = fit(small(Method), toy, table)
    scores = model.decision_function(toy.features)
    table[:] = 7

    assert_array_equal(model.decision_function(toy.features), scores)


# No leak.


@every_method
def test_u3_unseen_descriptions_do_not_reach_training(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    model = small(Method)
    if model.setting != "inductive":
        pytest.skip(f"{Method.__name__} is {model.setting}: it may use unseen descriptions")
    hidden = np.where(toy.seen[:, None], toy.class_attributes, np.nan)
    without = toy.class_attributes[toy.seen]
    train = toy.subset("train")
    rows = np.searchsorted(np.flatnonzero(toy.seen), train.labels)

    fit(model, toy)
    assert_same_weights(model, fit(small(Method), toy, hidden))
    assert_same_weights(model, small(Method).fit(train.features, rows, without))


@every_method
def test_undescribed_classes_cannot_be_predicted(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    hidden = np.where(toy.seen[:, None], toy.class_attributes, np.nan)
    model = small(Method)
    if model.setting != "inductive":
        with pytest.raises(DataError, match="must be finite"):
            fit(model, toy, hidden)
        return

    fit(model, toy, hidden)
    with pytest.raises(DataError, match="must be finite"):
        model.predict(toy.features)
    assert model.predict(toy.features, toy.class_attributes).shape == (len(toy.features),)


def test_nan_is_found_beyond_the_first_part_of_the_rows() -> None:
    X = np.zeros((2 * CHECKED_ROWS, 3), dtype=np.float16)
    X[-1, 1] = np.nan

    with pytest.raises(ValueError, match="Input X contains NaN"):
        METHODS["eszsl"]().fit(X, np.arange(len(X)) % 2)


# Looking on.


@every_method
def test_monitors_see_every_epoch_and_step_and_resume(
    Method: type, small: Make, toy: ZeroShotData, tmp_path: Path
) -> None:
    if "epochs" not in Method().get_params():
        pytest.skip(f"{Method.__name__} is not trained in epochs")
    whole, reports, steps = fit(small(Method), toy), [], []

    def stop_after_two(report: EpochReport) -> None:
        reports.append((report.epoch, report.epochs))
        if report.epoch == 2:
            raise InterruptedError

    path, further = tmp_path / "run.ckpt", {"before_step": steps.append}
    with pytest.raises(InterruptedError):
        fit(small(Method), toy, monitor=Monitor(stop_after_two, path, "hash", **further))
    assert reports == [(1, 4), (2, 4)]

    parts = small(Method)
    note = Monitor(lambda r: reports.append((r.epoch, r.epochs)), path, "hash", **further)
    fit(parts, toy, monitor=note)
    assert reports == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(steps) >= 4
    assert steps == list(range(len(steps)))
    assert_same_weights(parts, whole)


@every_method
def test_only_the_same_training_is_resumed(
    Method: type, small: Make, toy: ZeroShotData, tmp_path: Path
) -> None:
    if "epochs" not in Method().get_params():
        pytest.skip(f"{Method.__name__} is not trained in epochs")
    path, changed = tmp_path / "run.ckpt", toy.class_attributes + ~toy.seen[:, None]
    fit(small(Method, random_state=np.int64(0)), toy, monitor=Monitor(None, path, "hash"))

    def resume(method: type, data_hash: str, table: NDArray | None = None, seed: int = 0) -> None:
        monitor = Monitor(None, path, data_hash)
        fit(small(method, random_state=seed), toy, table, monitor=monitor)

    resume(Method, "hash")
    others = [(Method, "another"), (type("Other", (Method,), {}), "hash")]
    others += [(Method, "hash", None, 1)]
    if Method().setting == "inductive":
        resume(Method, "hash", changed)  # unseen classes have no part in it
    else:
        others += [(Method, "hash", changed)]
    for other in others:
        with pytest.raises(ValueError, match="another method or other settings, seed or data"):
            resume(*other)


# Errors.


def broken(toy: ZeroShotData, what: str) -> tuple[NDArray, NDArray, NDArray | None, dict]:
    train = toy.subset("train")
    X, y, S, options = train.features, train.labels.copy(), toy.class_attributes.copy(), {}
    if what == "label too large":
        y[7] = 12
    elif what == "negative label":
        y[3] = -1
    elif what == "float labels":
        y = y.astype(np.float64)
    elif what == "labels that are names":
        y = np.array([f"class {label}" for label in y])
    elif what == "one class":
        y[:] = 4
    elif what == "fewer labels":
        y = y[:-1]
    elif what == "nan feature":
        X = X.copy()
        X[2, 3] = np.nan
    elif what == "nan description":
        S[np.flatnonzero(toy.seen)[0], 2] = np.nan
    elif what == "zero description":
        S[np.flatnonzero(toy.seen)[0]] = 0
    elif what == "flat table":
        S = S[0]
    elif what == "too few names":
        options = {"class_names": ["horse", "zebra"]}
    elif what == "one text of names":
        options = {"class_names": "abcdefghijkl"}
    elif what == "same names":
        options = {"class_names": ["horse"] * 2 + [f"class {i}" for i in range(10)]}

    return X, y, S, options


@every_method
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("label too large", r"got 12 rows, but row 7 of `y` is of class 12 \(1 such rows\)"),
        ("negative label", r"row 3 of `y` is of class -1"),
        ("float labels", r"`y` must hold its row numbers \(integers from 0\); got float64"),
        ("labels that are names", r"`y = \[class_names\.index\(label\) for label in labels\]`"),
        ("one class", r"examples of one class only, '4': .* needs two or more seen classes"),
        ("fewer labels", r"inconsistent numbers of samples"),
        ("nan feature", r"Input X contains NaN"),
        ("nan description", r"Descriptions must be finite, but are NaN .* in attribute 2"),
        ("zero description", r"has an all-zero description"),
        ("flat table", r"Expected 2D array, got 1D"),
        ("too few names", r"`class_names` must have 12 names; got 2"),
        ("one text of names", r"`class_names` must be a list of names; got a text"),
        ("same names", r"must be unique; more than once: horse"),
    ],
)
def test_wrong_input_to_fit(
    Method: type, small: Make, toy: ZeroShotData, what: str, message: str
) -> None:
    X, y, S, options = broken(toy, what)
    model = small(Method)

    with pytest.raises(ValueError, match=message):
        model.fit(X, y, S, **options)
    with pytest.raises(NotFittedError):
        model.predict(toy.features)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("one class", "examples of one class only"),
        ("nan feature", "Input X contains NaN"),
        ("zero description", "all-zero description"),
        ("same names", "must be unique"),
    ],
)
def test_a_failed_fit_leaves_no_part_of_the_model_before(
    toy: ZeroShotData, what: str, message: str
) -> None:
    other = simulate_toy(classes=9, unseen=2, features=7, attributes=5, random_state=3)
    model = fit(METHODS["eszsl"](), other)
    X, y, S, options = broken(toy, what)

    with pytest.raises(ValueError, match=message):
        model.fit(X, y, S, **options)
    with pytest.raises(NotFittedError):
        model.predict(other.features)


@pytest.mark.parametrize("call", ["decision_function", "predict", "predict_proba"])
def test_wrong_input_to_a_fitted_model(
    model: ZeroShotClassifier, toy: ZeroShotData, call: str
) -> None:
    X, S = toy.features, toy.class_attributes
    nan = np.where(np.arange(12)[:, None] == 5, np.nan, S)
    for arguments, message in [
        ((X[:, :15],), "X has 15 features, but .* is expecting 16"),
        ((X, S[:, :7]), "`class_attributes` must have 8 columns, as in `fit`; got 7"),
        ((X, nan), "Descriptions must be finite, but are NaN or infinite for class 5"),
        ((X, 0 * S), "all-zero description"),
        ((X, S[:0]), "0 sample"),
    ]:
        with pytest.raises(ValueError, match=message):
            getattr(model, call)(*arguments)


@every_method
def test_a_table_needs_a_model_that_knows_tables(
    Method: type, small: Make, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    model = small(Method).fit(train.features, train.labels)

    with pytest.raises(ValueError, match="fitted without a class table"):
        model.predict(train.features, toy.class_attributes)


@every_method
def test_an_unfitted_model_says_so(
    Method: type, small: Make, toy: ZeroShotData, tmp_path: Path
) -> None:
    model = small(Method)
    for use in (
        lambda: model.predict(toy.features),
        lambda: model.save_pretrained(tmp_path / "model"),
        lambda: model.add_classes(["gnu"], toy.class_attributes[:1]),
    ):
        with pytest.raises(NotFittedError):
            use()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name, kind in METHODS.items() if kind.same_as])
def test_what_is_the_same_as_another_method_is_so(name: str, toy: ZeroShotData) -> None:
    one, other = METHODS[name], METHODS[METHODS[name].same_as]
    ours, theirs = (fit(kind(), toy).decision_function(toy.features) for kind in (one, other))

    assert one().get_params() == other().get_params()
    assert one.search_space == other.search_space
    assert_allclose(ours, theirs, rtol=0, atol=1e-8 * abs(theirs).max())


def test_every_method_has_its_name_and_reference() -> None:
    for name, Method in METHODS.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert issubclass(Method, ZeroShotClassifier)
        assert Method.__doc__
        module = __import__(Method.__module__, fromlist=["__doc__"])
        assert "References:" in module.__doc__
        assert "https://" in module.__doc__
