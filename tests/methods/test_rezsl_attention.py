"""ReZSL with attention over regions: the contract of all methods, and what is its own."""

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.methods.rezsl import ReZSL
from unseen.nets.attribute_attention import compactness
from unseen.training.checkpoint import CheckpointError
from unseen.training.loop import EpochReport, Monitor

REGIONS, CHANNELS, ATTRIBUTES = 4, 4, 8  # of the 16 features of toy data
KNOWN = {"Method", "small", "model", "toy", "tmp_path"}
SMALL = {"regions": REGIONS, "attention_size": 8, "epochs": 4, "batch_size": 50, "random_state": 0}


def beside(name: str) -> ModuleType:
    """Imports a file of this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    return module


CHECKS = {
    name: check
    for name, check in vars(beside("test_contract")).items()
    if name.startswith("test_")
    and set(inspect.signature(check).parameters) <= KNOWN
    and {"small", "model"} & set(inspect.signature(check).parameters)
    and name != "test_fit_starts_anew"  # on 7 features, which are not 4 regions
}


def small(Method: type = ReZSL, **settings: Any) -> ReZSL:
    return Method(**(SMALL | settings))


def fit(model: ReZSL, data: ZeroShotData, monitor: Monitor | None = None) -> ReZSL:
    train = data.subset("train")

    return model.fit(train.features, train.labels, data.class_attributes, monitor=monitor)


def write_words(path: Path, seed: int) -> NDArray:
    vectors = np.random.default_rng(seed).normal(size=(ATTRIBUTES, 5)).astype(np.float32)
    np.savez(path, vectors=vectors)

    return vectors


@pytest.fixture
def words(tmp_path: Path) -> str:
    write_words(tmp_path / "words.npz", 0)

    return str(tmp_path / "words.npz")


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_contract_holds(check: Callable[..., None], toy: ZeroShotData, tmp_path: Path) -> None:
    known = {"Method": ReZSL, "small": small, "toy": toy, "tmp_path": tmp_path}
    known["model"] = fit(small(), toy)

    check(**{name: known[name] for name in inspect.signature(check).parameters})


def test_the_contract_is_not_empty() -> None:
    assert len(CHECKS) > 15


def test_attention_comes_out_row_by_row(toy: ZeroShotData) -> None:
    model = fit(small(), toy)
    attention = model.attention(toy.features)

    assert attention.shape == (len(toy.features), ATTRIBUTES, REGIONS)
    assert attention.dtype == np.float32
    assert_allclose(attention.sum(axis=2), 1, rtol=1e-5)
    assert_allclose(model.attention(toy.features[[5]])[0], attention[5], rtol=1e-4)


def test_all_regions_are_treated_alike(toy: ZeroShotData) -> None:
    """Moved regions, in training and in a test, move the attention and leave the rest."""

    def moved(X: NDArray, order: list[int]) -> NDArray:
        return X.reshape(-1, REGIONS, CHANNELS)[:, order].reshape(len(X), -1)

    train, order, X = toy.subset("train"), [2, 0, 3, 1], toy.features
    model = fit(small(feature_preprocessing="standardize"), toy)
    other = small(feature_preprocessing="standardize")
    other.fit(moved(train.features, order), train.labels, toy.class_attributes)

    for one in (model, other):
        assert_allclose(
            one.decision_function(moved(X, order)), model.decision_function(X), rtol=1e-3, atol=1e-3
        )
        assert_allclose(one.attention(moved(X, order)), model.attention(X)[:, :, order], atol=1e-3)


def test_features_are_prepared_by_channel(toy: ZeroShotData) -> None:
    model = fit(small(feature_preprocessing="standardize"), toy)
    rows = toy.subset("train").features.reshape(-1, CHANNELS)

    assert_allclose(model.network_.features.mean, rows.mean(axis=0), rtol=1e-4, atol=1e-5)
    assert_allclose(model.network_.features.divisor, rows.std(axis=0), rtol=1e-4)
    x = model.network_.prepare(torch.from_numpy(toy.features[:3]))
    wanted = (toy.features[:3].reshape(-1, CHANNELS) - rows.mean(axis=0)) / rows.std(axis=0)
    assert_allclose(x, wanted.reshape(3, -1), rtol=1e-3, atol=1e-4)


def test_without_ratio_only_the_mean_of_the_regions_counts(toy: ZeroShotData) -> None:
    X = toy.features
    mean = X.reshape(-1, REGIONS, CHANNELS).mean(axis=1, keepdims=True)
    flat = np.broadcast_to(mean, (len(X), REGIONS, CHANNELS)).reshape(len(X), -1)
    pooled, attentive = (fit(small(ratio=ratio, hidden=0), toy) for ratio in (0.0, 1.0))

    assert_allclose(pooled.predict_attributes(flat), pooled.predict_attributes(X), atol=1e-4)
    assert not np.allclose(attentive.predict_attributes(flat), attentive.predict_attributes(X))


def hidden_among_others(seed: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Makes rows of which one region shows the class, and bears a mark; others show any class.

    Returns the rows, their classes, the descriptions, and the place of the marked region.
    """
    rng = np.random.default_rng(seed)
    S = rng.random((40, ATTRIBUTES)).astype(np.float32)
    labels = np.tile(np.arange(40), 30)
    content = S[rng.integers(0, 40, (len(labels), REGIONS))]  # (n, R, a)
    places = rng.integers(0, REGIONS, len(labels))
    rows = np.arange(len(labels))
    content[rows, places] = S[labels]
    marks = np.zeros((len(labels), REGIONS, 1))
    marks[rows, places] = 1
    X = np.concatenate([content, marks], axis=2) + 0.05 * rng.normal(size=(*marks.shape[:2], 9))

    return X.reshape(len(X), -1).astype(np.float32), labels, S, places


@pytest.mark.parametrize("hidden", [0, 16])
def test_it_finds_the_region_that_says_what_is_asked(hidden: int) -> None:
    X, labels, S, places = hidden_among_others(0)
    seen = labels < 30
    found = {}
    for ratio in (0.0, 1.0):
        model = small(ratio=ratio, hidden=hidden, epochs=40, lr=0.01)
        model.fit(X[seen], labels[seen], S)
        found[ratio] = (model.predict(X[~seen], S[30:]) + 30 == labels[~seen]).mean()

    right = model.attention(X[~seen])[np.arange((~seen).sum()), :, places[~seen]]  # (m, a)
    assert right.mean() > 0.4  # by chance 1 / 4
    assert found[1.0] > found[0.0] + 0.5


def test_a_saved_model_needs_no_file(toy: ZeroShotData, tmp_path: Path, words: str) -> None:
    model = fit(small(attribute_vectors=words), toy)
    model.save_pretrained(tmp_path / "model")
    Path(words).unlink()
    again = ReZSL.from_pretrained(tmp_path / "model")

    assert_array_equal(again.decision_function(toy.features), model.decision_function(toy.features))
    assert_array_equal(again.attention(toy.features), model.attention(toy.features))
    assert_array_equal(again.vectors_, model.vectors_)
    assert again.get_params() == model.get_params()


def test_words_matter(toy: ZeroShotData, tmp_path: Path) -> None:
    """Of two files of one width; the initial weights are the same."""
    attentions = []
    for seed in (0, 1):
        path = tmp_path / f"{seed}.npz"
        vectors = write_words(path, seed)
        model = fit(small(attribute_vectors=str(path)), toy)
        assert_array_equal(model.vectors_, vectors)
        attentions.append(model.attention(toy.features))

    assert not np.allclose(*attentions)
    assert fit(small(), toy).vectors_ is None


def test_a_training_does_not_resume_with_other_words(
    toy: ZeroShotData, tmp_path: Path, words: str
) -> None:
    path = tmp_path / "run.ckpt"

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(small(attribute_vectors=words), toy, Monitor(stop, path))
    write_words(Path(words), 1)
    with pytest.raises(CheckpointError, match="other settings, seed or data"):
        fit(small(attribute_vectors=words), toy, Monitor(checkpoint=path))

    write_words(Path(words), 0)
    resumed = fit(small(attribute_vectors=words), toy, Monitor(checkpoint=path))
    whole = fit(small(attribute_vectors=words), toy)
    assert_array_equal(resumed.attention(toy.features), whole.attention(toy.features))


def test_compactness_draws_attention_together(toy: ZeroShotData) -> None:
    def spread(weight: float) -> float:
        model = fit(small(compactness_weight=weight, epochs=20), toy)
        return float(compactness(torch.from_numpy(model.attention(toy.features))))

    assert spread(1000.0) < 0.9 * spread(0.0)


def test_a_model_without_regions_attends_to_none(toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match="fitted without `regions`"):
        fit(ReZSL(epochs=1), toy).attention(toy.features)
    with pytest.raises(ValueError, match="not fitted"):
        small().attention(toy.features)
    with pytest.raises(ValueError, match=r"ratio=0: .* nothing is attended to"):
        fit(small(ratio=0.0), toy).attention(toy.features)


def test_attention_checks_its_input(toy: ZeroShotData) -> None:
    model = fit(small(), toy)
    with pytest.raises(ValueError, match="NaN"):
        model.attention(np.full_like(toy.features, np.nan))
    with pytest.raises(ValueError, match="expecting 16"):
        model.attention(toy.features[:, :12])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"regions": 5}, "`regions` must divide .*: 16 features are not 5 regions"),
        ({"regions": 0}, "`regions` must be a whole number at least 1"),
        ({"regions": 2.0}, "`regions` must be a whole number"),
        ({"regions": 2, "compactness_weight": 1.0}, "2 is no square number"),
        ({"regions": None, "compactness_weight": 1.0}, "set `regions`"),
        ({"regions": None, "attribute_vectors": "words.npz"}, "set `regions`"),
        ({"compactness_weight": -1.0}, "`compactness_weight` must be"),
        ({"compactness_weight": 1.0, "ratio": 0.0}, "of which ratio=0 takes nothing"),
        ({"attention_size": 0}, "`attention_size` must be"),
        ({"ratio": -0.1}, "`ratio` must be"),
        ({"attribute_vectors": "no-such-file.npz"}, "no-such-file.npz: Cannot be read: No such"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(small(**settings), toy)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": np.ones((7, 3))}, "one row for each of the 8 attributes .*, got 7"),
        ({"vectors": np.ones(8)}, r"got float64 of shape \(8,\)"),
        ({"vectors": np.full((8, 3), np.nan)}, "NaN or infinite values, first in row 0"),
        ({"words": np.ones((8, 3))}, "'vectors' is missing; the file has the keys words"),
    ],
)
def test_vectors_of_no_use(
    toy: ZeroShotData, tmp_path: Path, arrays: dict[str, NDArray], message: str
) -> None:
    np.savez(tmp_path / "words.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        fit(small(attribute_vectors=str(tmp_path / "words.npz")), toy)


def test_the_words_of_the_benchmark_can_be_read(real_data: Path) -> None:
    data = simulate_toy(attributes=85, features=8)
    path = real_data / "attribute_word_vectors" / "AWA2.npz"
    model = fit(small(attribute_vectors=str(path)), data)

    assert model.vectors_.shape == (85, 300)
    assert 2.35 < float(model.vectors_[0].norm()) < 2.66  # as the specification's load check says
