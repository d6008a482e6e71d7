"""What every generator shares: generation, the last layer, and what needs no training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from unseen import load_model
from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.methods.generative import GenerativeZeroShotClassifier
from unseen.methods.izf import IZF
from unseen.nets.noise import CountedNoise
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.scoring_network import ScoringNetwork
from unseen.training.loop import Monitor


class Sampler(ScoringNetwork):
    """A generator without weights to speak of: the description, padded, and some noise."""

    def __init__(self, features: FeaturePreprocessing, attributes: AttributeNormalization) -> None:
        super().__init__(features, attributes)
        self.shift = nn.Parameter(torch.zeros(len(features.mean)))

    def embed(self, normalized: Tensor) -> Tensor:
        return nn.functional.pad(normalized, (0, len(self.shift) - normalized.shape[1]))

    def score(self, x: Tensor, embedded: Tensor) -> Tensor:
        return x @ embedded.T


class Copying(GenerativeZeroShotClassifier):
    """The smallest method there can be: only what the contract asks of a new one."""

    def __init__(
        self,
        *,
        spread: float = 0.1,
        synthetic_per_class: int | None = None,
        final_steps: int = 200,
        final_lr: float = 0.05,
        attribute_normalization: str = "raw",
        feature_preprocessing: str = "none",
        epochs: int = 1,
        lr: float = 1e-3,
        device: str = "auto",
        random_state: int | None = 0,
    ) -> None:
        self.spread = spread
        self.synthetic_per_class = synthetic_per_class
        self.final_steps = final_steps
        self.final_lr = final_lr
        self.attribute_normalization = attribute_normalization
        self.feature_preprocessing = feature_preprocessing
        self.epochs = epochs
        self.lr = lr
        self.device = device
        self.random_state = random_state

    def _network(
        self,
        features: FeaturePreprocessing,
        attributes: AttributeNormalization,
        generator: torch.Generator,  # noqa: ARG002
    ) -> Sampler:
        return Sampler(features, attributes)

    def _loss(self, x: Tensor, target: Tensor, S: Tensor, unseen: Tensor) -> Tensor:  # noqa: ARG002
        return self.network_.shift.square().sum()

    def _synthesize(self, S: Tensor, noise: CountedNoise) -> Tensor:
        rows = self.network_.embed(S)

        return rows + self.spread * noise.normal(*rows.shape)


def corners(seed: int = 0, rows: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns rows about six corners, their classes, and the corners as descriptions."""
    rng = np.random.default_rng(seed)
    S = np.eye(6, dtype=np.float32)
    y = np.repeat(np.arange(6), rows)

    return S[y] + 0.1 * rng.standard_normal((len(y), 6)).astype(np.float32), y, S


def fit(model: GenerativeZeroShotClassifier, unseen: int = 2) -> GenerativeZeroShotClassifier:
    X, y, S = corners()

    return model.fit(X[y < 6 - unseen], y[y < 6 - unseen], S)


@pytest.mark.parametrize("synthetic_per_class", [None, 50])
def test_a_method_of_one_file_recognises_classes_without_examples(
    synthetic_per_class: int | None,
) -> None:
    model = fit(Copying(synthetic_per_class=synthetic_per_class))
    X, y, S = corners(seed=1)

    assert (model.predict(X) == y).mean() > 0.99
    assert (model.predict(X, S) == y).mean() > 0.99


def test_real_and_synthetic_rows_teach_the_last_layer() -> None:
    model = fit(Copying(spread=0.0))
    X, y, S = corners()
    wanted = LogisticRegression(C=np.inf).fit(
        np.concatenate([X[y < 4], np.repeat(S[4:], 80, axis=0)]),
        np.concatenate([y[y < 4], np.repeat([4, 5], 80)]),
    )

    assert (model.predict(X) == wanted.predict(X)).mean() > 0.99
    # a wrong share or label of the synthetic rows would move this
    assert model.decision_function(S[4:]).argmax(axis=1).tolist() == [4, 5]


@pytest.mark.parametrize("steps", [1, 7])
def test_steps_and_rate_of_the_last_layer(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step makes rows anew; the first of Adam is the rate long, and the rate then falls."""
    made: list[Tensor] = []
    usual = Copying._synthesize

    def keep(self: Copying, S: Tensor, noise: CountedNoise) -> Tensor:
        made.append(usual(self, S, noise))
        return made[-1]

    monkeypatch.setattr(Copying, "_synthesize", keep)
    model = fit(Copying(final_steps=steps, final_lr=1e-3))  # too small to turn a gradient
    walked = sum(1 - step / steps for step in range(steps)) * 1e-3

    assert len(made) == steps
    assert model.final_.linear.weight.abs().max().item() == pytest.approx(walked, rel=0.05)


def test_the_upper_bound_is_an_ordinary_softmax() -> None:
    X, y, S = corners()
    rng = np.random.default_rng(3)
    X = X + 0.5 * rng.standard_normal(X.shape).astype(np.float32)
    ours = Copying(final_steps=2000).fit(X, y, S)  # every class has real rows
    theirs = LogisticRegression(C=np.inf).fit(X, y)
    held, labels, _ = corners(seed=5)
    held = held + 0.5 * rng.standard_normal(held.shape).astype(np.float32)

    assert abs(ours.score(held, labels) - theirs.score(held, labels)) < 0.02


@pytest.mark.parametrize("n_per_class", [1, 7, 700])
def test_generation(n_per_class: int) -> None:
    model = fit(Copying(feature_preprocessing="standardize"))
    S = corners()[2][3:]
    features, labels = model.generate(S, n_per_class, random_state=4)
    again, _ = model.generate(S, n_per_class, random_state=4)
    other, _ = model.generate(S, n_per_class, random_state=5)

    assert features.shape == (3 * n_per_class, 6)
    assert features.dtype == np.float32
    assert_array_equal(labels, np.repeat([0, 1, 2], n_per_class))
    assert_array_equal(features, again)
    assert (features != other).any()
    prepared = model.network_.prepare(torch.from_numpy(features)).numpy()
    assert_allclose(prepared - S[labels] @ np.eye(6), 0, atol=0.6)  # in the user's units before
    if n_per_class == 700:
        assert_allclose(
            [features[labels == c].std(axis=0).mean() for c in range(3)],
            0.1 * model.network_.features.divisor.mean(),
            rtol=0.05,
        )


@pytest.mark.parametrize(
    ("table", "rows", "message"),
    [
        (np.ones((1, 6)) * np.arange(6), 0, "`n_per_class` must be a whole number at least 1"),
        (np.ones((1, 6)) * np.arange(6), 2.5, "`n_per_class` must be a whole number"),
        (np.ones((1, 5)) * np.arange(5), 1, "must have 6 columns, as in `fit`"),
        (np.full((1, 6), np.nan), 1, "must be finite"),
        (np.zeros((1, 6)), 1, "all-zero description"),
    ],
)
def test_wrong_input_to_generation(table: np.ndarray, rows: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(Copying()).generate(table, rows)


def test_an_ordinary_classifier_generates_nothing() -> None:
    X, y, _ = corners()
    model = Copying().fit(X, y)

    assert model.score(X, y) > 0.99
    with pytest.raises(ValueError, match="fitted without a class table"):
        model.generate(np.eye(6), 1)


def test_generation_leaves_the_global_state_and_builds_no_graph() -> None:
    model = fit(Copying())
    torch.manual_seed(5)
    state = torch.get_rng_state()
    made = model._synthesize(torch.eye(6), CountedNoise(0))
    model.generate(corners()[2], 2)

    assert torch.equal(torch.get_rng_state(), state)
    assert not made.requires_grad


def spy(monkeypatch: pytest.MonkeyPatch, method: type) -> list[int]:
    """Returns a list that grows with each training of a last layer, by its number of classes."""
    trained: list[int] = []
    usual = method._final_layer

    def count(self: GenerativeZeroShotClassifier, table: np.ndarray, *rest: Tensor) -> nn.Module:
        trained.append(len(table))
        return usual(self, table, *rest)

    monkeypatch.setattr(method, "_final_layer", count)

    return trained


def test_the_last_layer_is_trained_once_for_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = spy(monkeypatch, Copying)
    model = fit(Copying())
    X, _, S = corners(seed=1)
    scores = model.decision_function(X)
    assert trained == [6]

    order = [5, 2, 3]  # known classes: their columns
    assert_array_equal(model.decision_function(X, S[order]), scores[:, order])
    assert trained == [6]
    new = np.concatenate([S, [[1, 1, 0, 0, 0, 0]]])
    first = model.decision_function(X, new)
    assert_array_equal(model.decision_function(X, new), first)
    assert trained == [6, 7]
    assert_array_equal(model.decision_function(X), scores)  # the stored one still stands
    assert model.predict([[1, 1, 0, 0, 0, 0.0]], new).tolist() == [6]


def test_a_monitor_sees_the_network_of_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = spy(monkeypatch, Copying)
    model, X = Copying(epochs=2), corners()[0]
    monitor = Monitor(lambda _: model.decision_function(X, corners()[2]))
    X_train, y, S = corners()
    model.fit(X_train[y < 4], y[y < 4], S, monitor=monitor)

    assert trained == [6, 6, 6]  # after each epoch anew, and the last one


def test_saved_models_keep_the_last_layer_and_its_seed(tmp_path: Path) -> None:
    data = simulate_toy()
    train = data.subset("train")
    model = IZF(hidden=16, epochs=1, classifier="softmax", final_steps=50)  # no seed
    model.fit(train.features, train.labels, data.class_attributes)
    model.save_pretrained(tmp_path / "model")
    again = load_model(tmp_path / "model")
    new = np.random.default_rng(0).random((3, 8)).astype(np.float32)

    assert_array_equal(
        again.decision_function(data.features), model.decision_function(data.features)
    )
    assert_array_equal(
        again.decision_function(data.features, new), model.decision_function(data.features, new)
    )
    scores = model.add_classes(list("xyz"), new).decision_function(data.features)
    assert scores.shape[1] == 15
    assert_array_equal(again.add_classes(list("xyz"), new).decision_function(data.features), scores)


def test_without_all_descriptions_a_table_has_to_come() -> None:
    X, y, S = corners()
    hidden = np.where(np.arange(6)[:, None] < 4, S, np.nan)
    model = Copying().fit(X[y < 4], y[y < 4], hidden)

    assert model.final_ is None
    assert (model.predict(X, S) == y).mean() > 0.99
    with pytest.raises(ValueError, match="must be finite"):
        model.predict(X)


@pytest.mark.parametrize("feature_preprocessing", ["centre", "centre-scale", "standardize", "none"])
def test_what_is_generated_comes_in_the_units_of_the_features(
    toy: ZeroShotData, feature_preprocessing: str
) -> None:
    train = toy.subset("train")
    model = IZF(hidden=8, epochs=1, feature_preprocessing=feature_preprocessing, random_state=0)
    model.fit(10 + 100 * train.features, train.labels, toy.class_attributes)
    noise = CountedNoise(int(np.random.RandomState(3).randint(2**31)))
    S = model.network_.attributes(torch.from_numpy(toy.class_attributes))
    with torch.no_grad():
        prepared = model._synthesize(S, noise)
    features, _ = model.generate(toy.class_attributes, 1, random_state=3)

    back = model.network_.prepare(torch.from_numpy(features))
    torch.testing.assert_close(back, prepared, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"final_steps": 0}, "`final_steps` must be a whole number at least 1"),
        ({"final_lr": 0.0}, "`final_lr` must be a number greater than 0"),
        ({"synthetic_per_class": 0}, "`synthetic_per_class` must be a whole number at least 1"),
    ],
)
def test_settings_of_no_use(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(Copying(**settings))


def test_two_fits_with_one_seed_are_equal() -> None:
    first, again, other = fit(Copying()), fit(Copying()), fit(Copying(random_state=1))

    assert torch.equal(first.final_.linear.weight, again.final_.linear.weight)
    assert not torch.equal(first.final_.linear.weight, other.final_.linear.weight)
    # as many calls were made: what differs is the seed of the synthetic rows
    assert first.final_.noise.calls == again.final_.noise.calls != other.final_.noise.calls


def test_a_failed_fit_leaves_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit(Copying())

    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(Copying, "_final_layer", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        fit(model)
    assert not [name for name in vars(model) if name.endswith("_")]
