"""IZF: the likelihood and losses by hand, the toy of the paper, and every known pitfall."""

import copy
import logging
import math
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from torch import Tensor

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.decide import choose_epochs
from unseen.losses.mmd import negative_mmd
from unseen.methods import izf
from unseen.methods import network as methods_network
from unseen.methods.izf import IZF
from unseen.metrics.gzsl import gzsl_result
from unseen.nets.noise import CountedNoise
from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
from unseen.nets.semantic_flow import SemanticFlow
from unseen.training.loop import EpochReport, Monitor, TrainingError

SMALL = {"hidden": 16, "epochs": 2, "batch_size": 32, "random_state": 0}
INDUCTIVE = {"separation_weight": 0.0}


def fit(
    data: ZeroShotData,
    table: NDArray | None = None,
    monitor: Monitor | None = None,
    **settings: object,
) -> IZF:
    train = data.subset("train")
    table = data.class_attributes if table is None else table

    return IZF(**{**SMALL, **settings}).fit(train.features, train.labels, table, monitor=monitor)


def make_network(d: int, semantic: int, semantic_std: float = 1.0, width: int = 0) -> SemanticFlow:
    return SemanticFlow(
        FeaturePreprocessing("none", d),
        AttributeNormalization("raw", semantic),
        semantic=semantic,
        width=width or d,
        blocks=5,
        hidden=8,
        scale_bound=2.0,
        semantic_std=semantic_std,
        input_noise=0.0,
        generator=torch.Generator().manual_seed(0),
    ).eval()


def shaken(network: SemanticFlow) -> SemanticFlow:
    """Gives a network weights as training would."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)

    return network


def random_rows(n: int, d: int, seed: int = 2) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


# The density and the losses.


def test_density_of_zeros() -> None:
    network = make_network(4, 2)
    density = network.log_density(torch.zeros(1, 4), torch.zeros(1, 2))

    assert -density.item() == pytest.approx(2 * math.log(2 * math.pi), abs=1e-6)  # 3.675754


@pytest.mark.parametrize("semantic_std", [1.0, 0.3])
def test_density_follows_the_formula(semantic_std: float) -> None:
    network = shaken(make_network(5, 2, semantic_std))
    v, c = random_rows(4, 5), random_rows(4, 2, seed=3)

    for row, mean, density in zip(v, c, network.log_density(v, c), strict=True):
        latent = network.encode(row[None])[0][0]
        jacobian = torch.autograd.functional.jacobian(lambda x: network.encode(x[None])[0][0], row)
        wanted = -((latent[:2] - mean) ** 2).sum() / (2 * semantic_std**2)
        wanted -= 2 * math.log(semantic_std) + 0.5 * (latent[2:] ** 2).sum()
        wanted -= 2.5 * math.log(2 * math.pi) - jacobian.det().abs().log()
        assert density.item() == pytest.approx(wanted.item(), abs=1e-4)


def test_the_density_is_normalised() -> None:
    network = shaken(make_network(2, 1, 0.5))
    step = 0.05
    axis = torch.arange(-12, 12, step)
    v = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = network.log_density(v, torch.full((len(v), 1), 0.4)).exp().sum() * step**2

    assert total.item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("likelihood", ["sum", "per-dimension"])
def test_terms_follow_the_paper(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch, likelihood: str
) -> None:
    """L = 2 L_flow + 1 L_C + 0.1 L_iMMD, of one step on all rows."""
    seen: list[tuple[IZF, Tensor, Tensor]] = []
    usual = IZF._terms

    def keep(self: IZF, *arguments: Tensor) -> dict[str, Tensor]:
        terms = usual(self, *arguments)
        seen.append((copy.deepcopy(self.network_), arguments, terms, self._class_means.clone()))
        return terms

    monkeypatch.setattr(IZF, "_terms", keep)
    model = fit(toy, epochs=2, batch_size=128, likelihood=likelihood, input_noise=0.0, lr=0.01)
    network, (x, target, S, unseen, _), terms, means = seen[-1]
    c, k, u = network.embed(S), len(S), len(unseen)

    density = network.log_density(x, c[target])
    divisor = 16 if likelihood == "per-dimension" else 1
    assert terms["likelihood"].item() == pytest.approx(
        -2 * density.mean().item() / divisor, rel=1e-4
    )
    train = toy.subset("train")
    prepared = model.network_.prepare(torch.from_numpy(train.features))
    classes = np.flatnonzero(toy.seen)
    wanted = [prepared[train.labels == label].mean(dim=0) for label in classes]
    assert_allclose(means, torch.stack(wanted), atol=1e-5)
    prototypes = network.invert(c, torch.zeros(k, network.rest))
    distance = (prototypes - torch.stack(wanted)).square().sum(dim=1).mean()
    assert terms["centre"].item() == pytest.approx(distance.item(), rel=1e-3)

    # another draw of what is made for unseen classes gives nearly the same separation
    drawn, rest = torch.arange(len(x)) % u, random_rows(len(x), network.rest)
    again = negative_mmd(x, network.invert(network.embed(unseen)[drawn], rest))
    assert terms["separation"].item() == pytest.approx(0.1 * again.item(), rel=0.1)


def test_centre_and_separation_train_every_coupling(toy: ZeroShotData) -> None:
    """The inverse passes are not detached."""
    model = fit(toy)
    train = toy.subset("train")
    given = model._given(
        train.features,
        np.searchsorted(np.flatnonzero(toy.seen), train.labels),
        toy.class_attributes[toy.seen],
    )
    model._class_means = model._means(given)
    terms = model._terms(given.features, given.labels, given.seen, given.unseen, CountedNoise(0))
    parameters = dict(model.network_.named_parameters())
    assert len(parameters) == 5 * 4

    for name in ("centre", "separation"):
        gradients = torch.autograd.grad(terms[name], parameters.values(), retain_graph=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            assert gradient.abs().max() > 0, (name, parameter)


def test_prototypes_come_near_the_means_of_their_classes(toy: ZeroShotData) -> None:
    train = toy.subset("train")

    def distance(weight: float) -> float:
        model = fit(toy, epochs=30, lr=5e-3, centre_weight=weight)
        x = model.network_.prepare(torch.from_numpy(train.features)).numpy()
        classes = np.flatnonzero(toy.seen)
        means = np.stack([x[train.labels == c].mean(axis=0) for c in classes])
        with torch.no_grad():
            c = model.network_.describe(torch.from_numpy(toy.class_attributes[classes]))
            prototypes = model.network_.decode(c, c.new_zeros(len(c), model.network_.rest))
        return float(np.square(prototypes.numpy() - means).sum())

    assert distance(1.0) < 0.5 * distance(0.0)


def test_many_classes_are_taken_by_turns(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(izf, "CENTRES", 3)
    seen: list[int] = []
    usual = SemanticFlow.invert

    def count(self: SemanticFlow, semantic: Tensor, rest: Tensor) -> Tensor:
        seen.append(len(semantic))
        return usual(self, semantic, rest)

    monkeypatch.setattr(SemanticFlow, "invert", count)
    fit(toy, **INDUCTIVE)

    assert set(seen) == {3}


# What unseen descriptions may reach.


def test_setting() -> None:
    assert IZF().setting == "semantic-transductive"
    assert IZF(separation_weight=-0.1).setting == "semantic-transductive"
    assert IZF(**INDUCTIVE).setting == "inductive"
    assert IZF(**INDUCTIVE, attribute_normalization="standardize-all").setting != "inductive"


@pytest.mark.parametrize("classifier", ["naive-bayes", "softmax"])
@pytest.mark.parametrize("semantic_size", [None, 3])
def test_without_separation_unseen_descriptions_do_not_reach_training(
    toy: ZeroShotData, classifier: str, semantic_size: int | None
) -> None:
    settings = {**INDUCTIVE, "classifier": classifier, "semantic_size": semantic_size}
    settings["final_steps"] = 20  # of the softmax, which comes after the training
    hidden = np.where(toy.seen[:, None], toy.class_attributes, np.nan)
    model, blind = fit(toy, **settings), fit(toy, hidden, **settings)

    for name, value in model.network_.state_dict().items():
        assert torch.equal(value, blind.network_.state_dict()[name]), name


def test_with_separation_unseen_descriptions_do_reach_it(toy: ZeroShotData) -> None:
    other = np.where(toy.seen[:, None], toy.class_attributes, toy.class_attributes[:, ::-1])
    # in their own units, so that their normalisation does not give them away
    settings = {"attribute_normalization": "raw"}
    first, second = fit(toy, **settings), fit(toy, other, **settings)
    inductive = [fit(toy, table, **settings, **INDUCTIVE) for table in (None, other)]

    weights = [model.network_.flow.state_dict() for model in (first, second, *inductive)]
    assert any((weights[0][name] != weights[1][name]).any() for name in weights[0])
    assert all(torch.equal(weights[2][name], weights[3][name]) for name in weights[2])


def test_without_unseen_classes_there_is_no_separation(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    rows = np.searchsorted(np.flatnonzero(toy.seen), train.labels)
    table = toy.class_attributes[toy.seen]
    models = [IZF(**SMALL, separation_weight=w).fit(train.features, rows, table) for w in (0.1, 0)]

    for first, second in zip(*(m.network_.parameters() for m in models), strict=True):
        assert torch.equal(first, second)


# Recognition.


def test_naive_bayes_is_the_nearest_class_vector(toy: ZeroShotData) -> None:
    model = fit(toy, semantic_std=0.5, feature_preprocessing="none", attribute_normalization="raw")
    x = torch.from_numpy(toy.features)
    with torch.no_grad():
        semantic = model.network_.encode(model.network_.fill(x))[0][:, :8].numpy()
    table = np.concatenate([toy.class_attributes, np.random.default_rng(0).random((2, 8))])
    distances = np.linalg.norm(semantic[:, None] - table, axis=2)

    assert_array_equal(model.predict(toy.features, table), distances.argmin(axis=1))
    assert_allclose(
        model.decision_function(toy.features, table), -(distances**2) / 0.5, rtol=1e-4, atol=1e-4
    )


def test_softmax_recognises_unseen_classes_from_synthetic_rows() -> None:
    """32 features, 6 seen and 3 unseen classes; a softmax of the seen ones has U and H of 0."""
    data = simulate_toy(classes=9, unseen=3, rows_per_class=60, features=32, attributes=8)
    settings = {"hidden": 64, "epochs": 40, "lr": 1e-2, "input_noise": 0.01}  # clusters are tight
    model = fit(data, classifier="softmax", **settings)
    test = np.concatenate([data.test_seen, data.test_unseen])
    result = gzsl_result(model.decision_function(data.features[test]), data.labels[test], data.seen)

    assert result.unseen_accuracy > 2 / 9
    assert result.harmonic_mean > 0.2
    assert result.seen_accuracy > 0.5


@pytest.mark.parametrize("synthetic_per_class", [None, 40])
def test_both_ways_to_teach_the_softmax(toy: ZeroShotData, synthetic_per_class: int | None) -> None:
    model = fit(toy, classifier="softmax", synthetic_per_class=synthetic_per_class, final_steps=50)
    scores = model.decision_function(toy.features)

    assert scores.shape == (len(toy.features), 12)
    assert_array_equal(
        model.decision_function(toy.features, toy.class_attributes[::-1]), scores[:, ::-1]
    )


# The toy of the paper.

CORNERS = np.array([[0, 1], [0, 0], [1, 0], [1, 1]], dtype=np.float32)  # the last one is unseen
SHIFT = np.array([0.01, 0.02], dtype=np.float32)  # no description may be of equal numbers
PAPER = {
    "hidden": 32,
    "semantic_std": 0.3,
    "attribute_normalization": "raw",
    "feature_preprocessing": "none",
    "epochs": 30,
    "batch_size": 512,
    "lr": 5e-3,
    "input_noise": 0.0,
}


def paper_toy(rows: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(4), rows)
    v = 2 * CORNERS[y] - 1 + rng.normal(0, 1 / 3, (len(y), 2))

    return np.concatenate([v, rng.normal(0, 0.05, (len(y), 2))], axis=1).astype(np.float32), y


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_toy_of_the_paper(seed: int) -> None:
    X, y = paper_toy(2000, seed)
    S = CORNERS + SHIFT
    model = IZF(**PAPER, random_state=seed).fit(X[y < 3], y[y < 3], S)
    test, labels = paper_toy(1000, seed + 100)
    result = gzsl_result(model.decision_function(test), labels, np.arange(4) < 3)
    made, _ = model.generate(S[3:], 2000, random_state=0)

    assert result.harmonic_mean >= 0.95
    assert np.linalg.norm(made.mean(axis=0) - [1, 1, 0, 0]) < 1.2


# Pitfalls.


@pytest.mark.parametrize("features", [5, 9, 33])
def test_odd_widths(features: int) -> None:
    data = simulate_toy(features=features, attributes=4)
    model = fit(data)

    assert np.isfinite(model.decision_function(data.features)).all()
    assert model.network_.round_trip_error(torch.from_numpy(data.features)) < 1e-4


@pytest.mark.parametrize("features", [4, 5, 33, 2048])
def test_round_trip_before_and_after_a_hundred_steps(features: int) -> None:
    data = simulate_toy(features=features, attributes=4)
    train, steps, errors, log_dets = data.subset("train"), [], [], []
    model = IZF(**{**SMALL, "epochs": 25})

    def look(step: int) -> None:
        steps.append(step)
        if step in (0, 100):
            network = model.network_
            v = network.fill(network.prepare(torch.from_numpy(data.features)))
            latent, log_det = network.encode(v)
            errors.append((network.flow().inv(latent) - v).abs().max().item())
            log_dets.append(log_det.abs().mean().item())

    monitor = Monitor(before_step=look)
    model.fit(train.features, train.labels, data.class_attributes, monitor=monitor)
    look(100)

    assert steps == [*range(101)]
    assert max(errors) < 1e-4
    assert log_dets[0] == 0
    assert log_dets[1] > 0.1  # it has learned


@pytest.mark.parametrize(("scale_bound", "blocks"), [(0.5, 4), (2.0, 6)])
def test_blocks_and_the_bound_of_their_scales(
    scale_bound: float, blocks: int, toy: ZeroShotData
) -> None:
    network = fit(toy, epochs=1, scale_bound=scale_bound, blocks=blocks).network_
    for name, parameter in network.named_parameters():
        if name.endswith("second.bias"):
            parameter.data.fill_(1e6)  # of shifts, and of scales before their bound
    _, log_det = network.encode(network.fill(torch.from_numpy(toy.features[:5])))

    assert_allclose(log_det.detach(), scale_bound * blocks * 8, rtol=1e-3)


def test_descriptions_as_wide_as_the_features() -> None:
    data = simulate_toy(features=8, attributes=8)
    with pytest.raises(ValueError, match="must be shorter than the features: got 8 and 8"):
        fit(data, semantic_size=None)

    model = fit(data)
    assert model.semantic_size_ == 4  # half of the features
    assert model.decision_function(data.features).shape[1] == 12
    assert fit(data, semantic_size=5).semantic_size_ == 5


def test_reduced_descriptions_keep_the_distances_of_seen_classes() -> None:
    data = simulate_toy(classes=6, unseen=2, features=8, attributes=30)
    model = fit(data, **INDUCTIVE)
    S = torch.from_numpy(data.class_attributes[data.seen])
    normalized = model.network_.attributes(S)

    assert model.semantic_size_ == 3  # four points span three dimensions
    torch.testing.assert_close(
        torch.pdist(model.network_.embed(normalized)), torch.pdist(normalized), rtol=1e-4, atol=1e-4
    )


def test_constant_and_nearly_constant_features(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    X = train.features.copy()
    X[:, 2], X[:, 5] = 7.0, 3.0
    X[0, 5] += 1e-6
    for preprocessing in ("standardize", "none"):
        reports: list[EpochReport] = []
        model = IZF(**{**SMALL, "epochs": 50}, feature_preprocessing=preprocessing)
        model.fit(X, train.labels, toy.class_attributes, monitor=Monitor(reports.append))
        features, _ = model.generate(toy.class_attributes, 3, random_state=0)

        assert len(reports) * 4 == 200  # steps
        assert all(math.isfinite(report.loss) for report in reports)
        assert_allclose(features[:, 2], 7.0, rtol=1e-6)
        moved = X.copy()
        moved[:, 2] = -1e3  # what training could not learn from says nothing
        assert_array_equal(model.predict(moved), model.predict(X))


def test_noise_is_for_training_alone(toy: ZeroShotData) -> None:
    network = fit(toy, input_noise=0.5).network_
    x = network.prepare(torch.from_numpy(toy.features))
    network.train()
    noised = network.noised(x, CountedNoise(0))

    assert (noised - x).std().item() == pytest.approx(0.5, rel=0.05)
    assert torch.equal(network.fill(x), x)


@pytest.mark.parametrize("preprocessing", ["standardize", "none"])
def test_the_scaler_is_fitted_once_on_all_training_rows(
    toy: ZeroShotData, preprocessing: str
) -> None:
    model = fit(toy, feature_preprocessing=preprocessing)
    X = toy.subset("train").features
    prepared = model.network_.prepare(torch.from_numpy(X)).numpy()

    wanted = (X - X.mean(axis=0)) / X.std(axis=0) if preprocessing == "standardize" else X
    assert_allclose(prepared, wanted, atol=1e-4)


def test_a_training_that_diverges_is_an_error(toy: ZeroShotData) -> None:
    with pytest.raises(TrainingError, match=r"loss became|no longer inverted"):
        fit(toy, lr=1e4, epochs=20, clip_norm=None)


def test_a_flow_that_cannot_be_inverted_is_an_error(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SemanticFlow, "round_trip_error", lambda *_: 0.5)

    with pytest.raises(TrainingError, match=r"After epoch 1 .* the error is 0.5. Lower `lr`"):
        fit(toy)


def test_each_epoch_logs_the_terms_and_their_gradients(
    toy: ZeroShotData, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = fit(toy)
    terms, computed = IZF._terms, []
    monkeypatch.setattr(
        IZF, "_terms", lambda *given: computed.append(terms(*given)) or computed[-1]
    )
    with caplog.at_level(logging.INFO, logger="unseen.methods.izf"):
        model = fit(toy)
    assert len(caplog.messages) == 2
    number = r"(-?[\d.e+-]+)"
    pattern = (
        rf"epoch 2 of 2: likelihood {number} \(gradient {number}\), centre {number} "
        rf"\(gradient {number}\), separation {number} \(gradient {number}\); "
        rf"mean log-det {number}; round-trip error {number}; "
        rf"length of prototypes, seen {number}, unseen {number}"
    )
    numbers = re.fullmatch(pattern, caplog.messages[1])
    assert numbers is not None
    shown = list(map(float, numbers.groups()))
    assert shown[:6:2] == pytest.approx([term.item() for term in computed[-1].values()], rel=1e-3)
    parameters = [p for p in model.network_.parameters() if p.requires_grad]
    for term, norm in zip(computed[-1].values(), shown[1:6:2], strict=True):
        gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
        flat = torch.cat([g.flatten() for g in gradients if g is not None])
        assert norm == pytest.approx(float(flat.norm()), rel=1e-2)
    assert shown[7] < 1e-4
    for name, value in model._state().items():  # to look on changes nothing
        assert torch.equal(value, quiet._state()[name]), name


@pytest.mark.parametrize("classifier", ["naive-bayes", "softmax"])
def test_a_killed_training_resumes_to_the_same_weights(
    toy: ZeroShotData, tmp_path_factory: pytest.TempPathFactory, classifier: str
) -> None:
    settings = {"epochs": 4, "classifier": classifier, "final_steps": 20}
    path = tmp_path_factory.mktemp("run") / "izf.ckpt"

    def kill(report: EpochReport) -> None:
        if report.epoch == 2:
            raise InterruptedError

    whole = fit(toy, **settings)
    with pytest.raises(InterruptedError):
        fit(toy, monitor=Monitor(kill, path), **settings)
    epochs: list[int] = []
    rest = fit(toy, monitor=Monitor(lambda report: epochs.append(report.epoch), path), **settings)

    assert epochs == [3, 4]
    for name, value in whole._state().items():
        assert torch.equal(value, rest._state()[name]), name


def test_a_training_that_fails_leaves_nothing_behind(toy: ZeroShotData) -> None:
    def fail(report: EpochReport) -> None:  # noqa: ARG001
        raise InterruptedError

    train, model = toy.subset("train"), IZF(**SMALL)
    with pytest.raises(InterruptedError):
        model.fit(train.features, train.labels, toy.class_attributes, monitor=Monitor(fail))

    assert not [name for name, value in vars(model).items() if isinstance(value, torch.Tensor)]


def test_gradients_in_bfloat16_keep_the_flow_invertible(toy: ZeroShotData) -> None:
    exact, rounded = (
        fit(toy, epochs=3, gradient_precision=precision) for precision in ("float32", "bfloat16")
    )
    x = torch.from_numpy(toy.subset("train").features[:100].astype(np.float32))
    assert rounded.network_.round_trip_error(rounded.network_.features(x)) < 1e-5
    weights = [
        torch.cat([p.detach().flatten() for p in model.network_.parameters()])
        for model in (exact, rounded)
    ]
    assert 1e-4 < torch.dist(*weights) / weights[0].norm() < 0.1


def test_the_number_of_epochs_is_chosen_on_hidden_seen_classes(toy: ZeroShotData) -> None:
    model = IZF(**{**SMALL, "epochs": 3}, schedule="constant")

    assert 1 <= choose_epochs(model, toy) <= 3


def test_one_step_moves_all_weights_and_no_buffer_but_the_count(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[dict[str, Tensor]] = []
    usual = methods_network.train

    def keep(module: SemanticFlow, *arguments: object, **named: object) -> None:
        before.append(copy.deepcopy(module.state_dict()))
        usual(module, *arguments, **named)

    monkeypatch.setattr(methods_network, "train", keep)
    model = fit(toy, epochs=1, batch_size=64)  # two steps: the first meets zeros
    after = model.network_.state_dict()
    same = {name for name in after if torch.equal(after[name], before[0][name])}

    names = {name for name, _ in model.network_.named_buffers()}
    assert same == names - {"noise.calls"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": 3}, "`blocks` must be a whole number at least 4"),
        ({"hidden": 0}, "`hidden` must be a whole number at least 1"),
        ({"scale_bound": 0}, "`scale_bound` must be a number greater than 0"),
        ({"semantic_std": 0}, "`semantic_std` must be a number greater than 0"),
        ({"semantic_size": 8}, "`semantic_size` must be a whole number at least 1 and at most 7"),
        ({"semantic_size": "aut"}, "Did you mean 'auto'"),
        ({"likelihood": "per-dim"}, "Did you mean 'per-dimension'"),
        ({"gradient_precision": "float16"}, "`gradient_precision` must be"),
        ({"likelihood_weight": 0}, "`likelihood_weight` must be a number greater than 0"),
        ({"centre_weight": -1}, "`centre_weight` must be a number at least 0"),
        ({"separation_weight": 11}, "`separation_weight` must be .* at most 10"),
        ({"input_noise": -1}, "`input_noise` must be a number at least 0"),
        ({"classifier": "bayes"}, "`classifier` must be one of"),
        ({"clip_norm": 0}, "`clip_norm` must be a number greater than 0"),
    ],
)
def test_settings_of_no_use(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(simulate_toy(attributes=10), **settings)
