"""ReZSL against a plain restatement: a step of training, its scores, its tracker, resuming."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor, nn

from unseen.data.dataset import ZeroShotData
from unseen.data.simulate import simulate_toy
from unseen.losses import ReMSE
from unseen.methods import network as methods_network
from unseen.methods.network import NetworkClassifier
from unseen.methods.rezsl import REGRESSIONS, ReZSL
from unseen.methods.saving import CONFIG, _config_sha256, load_model
from unseen.training.loop import EpochReport, Monitor
from unseen.training.weight_history import EpochWeights

PLAIN = {"feature_preprocessing": "none", "random_state": 0}


def fit(model: ReZSL, data: ZeroShotData, monitor: Monitor | None = None) -> ReZSL:
    train = data.subset("train")

    return model.fit(train.features, train.labels, data.class_attributes, monitor=monitor)


def regression(
    kind: str | None, p: Tensor, a: Tensor, y: Tensor, k: int, normalize: bool = True
) -> Tensor:
    """Returns the regression loss of predictions p and targets a, (n, a), as its paper has it."""
    if kind is None:
        return torch.zeros(())
    if kind == "mse":
        return ((p - a) ** 2).sum() / p.numel()

    u, t = (rows / rows.norm(dim=1, keepdim=True) if normalize else rows for rows in (p, a))
    errors = (u - t) ** 2
    if kind == "normalized-mse":
        return errors.sum() / p.numel()
    if kind == "balanced-mse":
        noise = 0.3
        density = torch.exp(-((u[:, None] - t) ** 2).sum(dim=2) / (2 * noise**2))  # (n, n)
        own = (density * (y[:, None] == y)).sum(dim=1)
        return -2 * noise**2 * (own / density.sum(dim=1)).log().mean()

    E = torch.stack([errors[y == c].mean(dim=0) for c in range(k)]).detach()
    W = (1 + (E / E.amin(dim=0)).log()) ** 1.5 * (1 + (E.T / E.amin(dim=1)).log().T) ** 0.5
    return (W[y] * errors).sum() / p.numel()


@pytest.mark.parametrize(
    ("kind", "normalize"), [*((kind, True) for kind in REGRESSIONS), ("remse", False)]
)
@pytest.mark.parametrize("hidden", [0, 20])
def test_one_step_follows_the_loss_of_the_paper(
    toy: ZeroShotData,
    monkeypatch: pytest.MonkeyPatch,
    kind: str | None,
    normalize: bool,
    hidden: int,
) -> None:
    train, initial = toy.subset("train"), []
    usual = methods_network.train

    def keep_and_train(module: nn.Module, *arguments: object, **named: object) -> None:
        initial.append(copy.deepcopy(module))
        usual(module, *arguments, **named)

    monkeypatch.setattr(methods_network, "train", keep_and_train)
    model = ReZSL(
        hidden=hidden,
        scale=7.0,
        regression=kind,
        regression_weight=30.0,
        p=1.5,
        p2=0.5,
        normalize=normalize,
        noise=0.3,
        attribute_normalization="raw",
        epochs=1,
        batch_size=len(train.labels),
        lr=0.01,
        weight_decay=0.3,
        **PLAIN,
    )
    fit(model, toy)

    parameters = list(initial[0].parameters())
    x, S = torch.from_numpy(train.features), torch.from_numpy(toy.class_attributes[toy.seen])
    y = torch.from_numpy(np.searchsorted(np.flatnonzero(toy.seen), train.labels))
    p = x @ parameters[0].T + parameters[1]
    if hidden:
        p = torch.where(p > 0, p, 0.1 * p) @ parameters[2].T + parameters[3]
    scores = 7 * (p @ S.T) / p.norm(dim=1, keepdim=True) / S.norm(dim=1)
    right = scores.softmax(dim=1)[torch.arange(len(y)), y]
    loss = -right.log().mean() + 30 * regression(kind, p, S[y], y, len(S), normalize)
    loss = loss + 0.3 / 2 * sum((weight**2).sum() for weight in parameters)
    optimizer = torch.optim.Adam(parameters, 0.01)
    loss.backward()
    optimizer.step()

    for ours, theirs in zip(model.network_.parameters(), parameters, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_each_regression_learns_something_of_its_own(toy: ZeroShotData) -> None:
    settings = {"regression_weight": 10.0, "epochs": 2} | PLAIN
    models = [fit(ReZSL(regression=kind, **settings), toy) for kind in REGRESSIONS]
    models += [
        fit(ReZSL(**change, **settings), toy)
        for change in (
            {"p": 0.5},
            {"p2": 0.5},
            {"tracker": "cross_batch", "batches": "episodes", "ways": 3},
            {"batches": "episodes", "ways": 3},
            {"mean_normalize": True},
        )
    ]
    scores = [model.decision_function(toy.features) for model in models]

    for i, ours in enumerate(scores):
        assert not any(np.allclose(ours, other, atol=1e-4) for other in scores[:i])


def test_without_weight_every_regression_is_the_cross_entropy(toy: ZeroShotData) -> None:
    wanted = fit(ReZSL(regression=None, epochs=2, **PLAIN), toy).decision_function(toy.features)

    for kind in REGRESSIONS:
        model = fit(ReZSL(regression=kind, regression_weight=0.0, epochs=2, **PLAIN), toy)
        assert_allclose(model.decision_function(toy.features), wanted, atol=1e-5)


@pytest.mark.parametrize("attribute_normalization", ["unit", "sqrt", "raw"])
def test_scores_are_cosines_of_predicted_attributes(
    toy: ZeroShotData, attribute_normalization: str
) -> None:
    model = ReZSL(hidden=8, scale=7.0, attribute_normalization=attribute_normalization)
    fit(model.set_params(random_state=0), toy)

    predicted, S = model.predict_attributes(toy.features), toy.class_attributes
    lengths = np.linalg.norm(predicted, axis=1)[:, None] * np.linalg.norm(S, axis=1)
    assert_allclose(
        model.decision_function(toy.features), 7 * predicted @ S.T / lengths, rtol=1e-4, atol=1e-4
    )


def test_predicted_attributes_resemble_the_descriptions() -> None:
    data = simulate_toy(classes=60, unseen=20, features=64)
    model = fit(ReZSL(regression_weight=100.0, random_state=0), data)
    test = data.subset("test_unseen")
    predicted = model.predict_attributes(test.features)

    wanted = data.class_attributes[test.labels]
    centred = wanted - data.class_attributes.mean(axis=0)
    correlation = np.corrcoef((predicted - predicted.mean(axis=0)).ravel(), centred.ravel())[0, 1]
    assert correlation > 0.5


def test_predicting_attributes_checks_its_input(toy: ZeroShotData) -> None:
    model = ReZSL(random_state=0)
    with pytest.raises(ValueError, match="not fitted"):
        model.predict_attributes(toy.features)
    fit(model, toy)
    with pytest.raises(ValueError, match="NaN"):
        model.predict_attributes(np.full_like(toy.features, np.nan))
    with pytest.raises(ValueError, match="features"):
        model.predict_attributes(toy.features[:, :-1])


# The tracker.


def test_the_tracker_sees_every_step_and_class(toy: ZeroShotData) -> None:
    settings = {"batches": "episodes", "ways": 3, "shots": 2, "episodes": 7, "epochs": 5}
    tracked = {
        tracker: fit(ReZSL(tracker=tracker, **settings, **PLAIN), toy).network_.remse
        for tracker in ("in_batch", "cross_batch")
    }

    for remse in tracked.values():
        assert isinstance(remse, ReMSE)
        assert remse.errors.shape == (8, 8)
        assert remse.steps == 35
        assert (remse.weights() > 1).any()
    assert tracked["in_batch"].filled.sum() == 3
    assert tracked["cross_batch"].filled.all()


@pytest.mark.parametrize("tracker", ["in_batch", "cross_batch"])
def test_a_resumed_training_has_its_tracker(
    toy: ZeroShotData, tmp_path: Path, tracker: str
) -> None:
    settings = {"tracker": tracker, "batches": "episodes", "ways": 3, "episodes": 5, "epochs": 6}
    settings |= {"regression_weight": 50.0, **PLAIN}
    whole, path = fit(ReZSL(**settings), toy), tmp_path / "run.ckpt"

    def stop_after_three(report: EpochReport) -> None:
        if report.epoch == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(ReZSL(**settings), toy, Monitor(stop_after_three, path))
    resumed = fit(ReZSL(**settings), toy, Monitor(checkpoint=path))

    assert whole.network_.remse.steps == resumed.network_.remse.steps == 30
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(resumed.network_.state_dict()[name], value), name


def test_a_loaded_model_has_its_tracker_after_classes_were_added(
    toy: ZeroShotData, tmp_path: Path
) -> None:
    model = fit(ReZSL(**PLAIN), toy)
    model.add_classes(["gnu"], np.random.default_rng(0).random((1, 8)))
    model.save_pretrained(tmp_path / "model")
    again = ReZSL.from_pretrained(tmp_path / "model")

    assert_array_equal(again.network_.remse.errors, model.network_.remse.errors)
    assert_array_equal(
        again.predict_attributes(toy.features), model.predict_attributes(toy.features)
    )


# The weights of each epoch.

EPISODES = {"batches": "episodes", "ways": 3, "shots": 2, "episodes": 5, "epochs": 6} | PLAIN


@pytest.mark.parametrize("tracker", ["in_batch", "cross_batch"])
def test_the_weights_of_each_epoch_are_those_of_the_formula(
    toy: ZeroShotData, tracker: str
) -> None:
    model, expected = ReZSL(p=1.5, p2=0.5, tracker=tracker, **EPISODES), []

    def restate(report: EpochReport) -> None:
        remse = model.network_.remse
        E = remse.errors[remse.filled].double().numpy()  # only of classes that it knows
        W = (1 + np.log(E / E.min(axis=0))) ** 1.5
        W *= (1 + np.log(E / E.min(axis=1, keepdims=True))) ** 0.5
        expected.append((report.epoch, W.mean(), W.max()))

    fit(model, toy, Monitor(restate))

    assert len(expected) == 6
    assert_allclose(model.weight_history_, expected, rtol=1e-5)
    assert model.weight_history_[0] != model.weight_history_[1]
    assert len(fit(model, toy).weight_history_) == 6


def test_keeping_weights_changes_nothing_that_is_trained(toy: ZeroShotData) -> None:
    class Unwatched(ReZSL):
        def _train(self, *arguments: Any, **named: Any) -> None:
            NetworkClassifier._train(self, *arguments, **named)

    kept, unwatched = fit(ReZSL(**EPISODES), toy), fit(Unwatched(**EPISODES), toy)

    assert not hasattr(unwatched, "weight_history_")
    for name, value in unwatched.network_.state_dict().items():
        assert torch.equal(kept.network_.state_dict()[name], value), name


@pytest.mark.parametrize(("killed", "known"), [(3, [4, 5, 6]), (6, [6])])
def test_a_resumed_training_has_the_weights_since_then_and_the_last(
    toy: ZeroShotData, tmp_path: Path, killed: int, known: list[int]
) -> None:
    whole, path = fit(ReZSL(**EPISODES), toy), tmp_path / "run.ckpt"

    def stop(report: EpochReport) -> None:
        if report.epoch == killed:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit(ReZSL(**EPISODES), toy, Monitor(stop, path))
    resumed = fit(ReZSL(**EPISODES), toy, Monitor(checkpoint=path))

    assert [weights.epoch for weights in whole.weight_history_] == [1, 2, 3, 4, 5, 6]
    assert resumed.weight_history_ == [whole.weight_history_[epoch - 1] for epoch in known]


def test_a_saved_model_has_the_weights_of_each_epoch(toy: ZeroShotData, tmp_path: Path) -> None:
    model, folder = fit(ReZSL(epochs=3, **PLAIN), toy), tmp_path / "model"
    model.save_pretrained(folder)
    again = ReZSL.from_pretrained(folder)

    assert again.weight_history_ == model.weight_history_
    assert isinstance(again.weight_history_[0], EpochWeights)
    again.save_pretrained(tmp_path / "again")
    assert (folder / CONFIG).read_bytes() == (tmp_path / "again" / CONFIG).read_bytes()

    older = json.loads((folder / CONFIG).read_text())
    del older["fitted"]["weight_history_"]
    older["sha256"][CONFIG] = _config_sha256(older)
    (folder / CONFIG).write_text(json.dumps(older))
    assert load_model(folder).weight_history_ == []


@pytest.mark.parametrize("kind", ["mse", "balanced-mse", None])
def test_other_regressions_have_no_weights(toy: ZeroShotData, kind: str | None) -> None:
    assert fit(ReZSL(regression=kind, epochs=2, **PLAIN), toy).weight_history_ == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"regression": "remsse"}, "Did you mean 'remse'"),
        ({"tracker": "in-batch"}, "Did you mean 'in_batch'"),
        ({"normalize": "no"}, "`normalize` must be one of True, False; got 'no'"),
        ({"mean_normalize": "x"}, "`mean_normalize` must be one of True, False; got 'x'"),
        ({"batches": "episode"}, "Did you mean 'episodes'"),
        ({"optimizer": "sdg"}, "Did you mean 'sgd'"),
        ({"attribute_normalization": "standardize"}, "`attribute_normalization` must be one of"),
        ({"hidden": -1}, "`hidden` must be a whole number at least 0"),
        ({"scale": 0}, "`scale` must be a number greater than 0"),
        ({"regression_weight": -1}, "`regression_weight` must be"),
        ({"p": -0.5}, "`p` must be a number at least 0"),
        ({"p2": -0.5}, "`p2` must be a number at least 0"),
        ({"noise": 0}, "`noise` must be a number greater than 0"),
        ({"ways": 1}, "`ways` must be"),
        ({"shots": 0}, "`shots` must be"),
        ({"episodes": 0}, "`episodes` must be"),
        ({"step_epochs": 0}, "`step_epochs` must be"),
        ({"step_factor": 0}, "`step_factor` must be"),
    ],
)
def test_settings_of_no_use(toy: ZeroShotData, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(ReZSL(**settings), toy)
