"""Class Normalization itself: every variant trains, every wrong setting is named, nothing leaks."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from unseen.data.dataset import ZeroShotData
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.nets.attribute_embedder import AttributeEmbedder
from unseen.nets.initialization import INITIALIZATIONS
from unseen.training.loop import EpochReport, Monitor, Optimization, TrainingError

VARIANTS = [
    {"depth": 0, "norm": None},
    *({"depth": depth} for depth in (1, 3)),
    {"norm": None},
    {"norm": "layer"},
    {"norm": "dynamic", "init": "kaiming-fan-in"},
    *({"norm_position": position} for position in ("before-relu", "last")),
    {"divide_by": "var"},
    {"ddof": 1, "eps": 1e-3, "momentum": 0.3},
    *({"affine": which} for which in ("first", "last", "both")),
    {"statistics": "exact"},
    *({"init": name} for name in INITIALIZATIONS),
    {"final_activation": "relu", "feature_preprocessing": "none"},
    {"final_activation": None, "feature_preprocessing": "l2"},
    {"feature_preprocessing": "centre"},
    {"scale": None, "lr": 1e-3},
    *({"scale": scale} for scale in (1, 20)),
    *({"attribute_normalization": name} for name in ("unit", "raw", "standardize")),
    {"attribute_normalization": "standardize-all"},
    {"smoothing": 0.9},
    {"smoothing": 0.9, "legacy_smoothing": True},
    *({"optimizer": name} for name in ("adamw", "sgd")),
    *({"schedule": name} for name in ("constant", "step")),
    {"clip_norm": 1.0},
    {"precision": "float32"},
    {"precision": "bfloat16"},
]


def fit(model: ClassNorm, data: ZeroShotData, **options: object) -> ClassNorm:
    train = data.subset("train")

    return model.fit(train.features, train.labels, data.class_attributes, **options)


def losses(model: ClassNorm, data: ZeroShotData) -> list[float]:
    reports: list[EpochReport] = []
    fit(model, data, monitor=Monitor(reports.append))

    return [report.loss for report in reports]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_variant_learns(variant: dict, toy: ZeroShotData) -> None:
    settings = {"hidden": 32, "epochs": 6, "batch_size": 50, "random_state": 0} | variant
    model = ClassNorm(**settings)
    history = losses(model, toy)

    assert history[-1] < 0.99 * history[0]
    assert np.isfinite(model.decision_function(toy.features)).all()


def test_mlp_is_class_norm_without_norm_and_initialization(toy: ZeroShotData) -> None:
    settings = {"hidden": 32, "epochs": 3, "random_state": 0}
    plain = fit(MLP(**settings), toy)
    stripped = fit(ClassNorm(norm=None, init="pytorch", **settings), toy)

    assert_array_equal(
        plain.decision_function(toy.features), stripped.decision_function(toy.features)
    )


def test_u3_the_embedder_never_receives_an_unseen_description_in_training(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[Tensor] = []

    def spy(embedder: AttributeEmbedder, table: Tensor) -> Tensor:
        received.append(table.detach().clone())
        return torch.nn.Sequential.forward(embedder, table)

    monkeypatch.setattr(AttributeEmbedder, "forward", spy)
    model = ClassNorm(
        hidden=16, epochs=2, batch_size=50, attribute_normalization="raw", random_state=0
    )
    fit(model, toy)

    assert len(received) == 2 * 3  # each step sends all seen classes once
    for table in received:
        assert_array_equal(table, toy.class_attributes[toy.seen])


def test_only_the_ablation_is_not_inductive(toy: ZeroShotData) -> None:
    ablation = ClassNorm(
        hidden=16, epochs=2, attribute_normalization="standardize-all", random_state=0
    )
    train, changed = toy.subset("train"), toy.class_attributes.copy()
    changed[~toy.seen] *= 2
    first = fit(ablation, toy).decision_function(toy.features, toy.class_attributes)
    ablation.fit(train.features, train.labels, changed)

    assert ClassNorm().setting == ClassNorm(attribute_normalization="standardize").setting
    assert ClassNorm().setting == "inductive"
    assert ablation.setting == "semantic-transductive"
    assert (ablation.decision_function(toy.features, toy.class_attributes) != first).any()


def test_u6_logits_of_raw_features_lie_between_zero_and_the_squared_scale(
    toy: ZeroShotData,
) -> None:
    model = ClassNorm(hidden=32, feature_preprocessing="none", epochs=3, random_state=0)
    scores = fit(model, toy).decision_function(toy.features)

    assert model.final_relu_
    assert scores.min() >= 0
    assert scores.max() <= 25 + 1e-4
    assert_allclose(model.decision_function(100 * toy.features), scores, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"feature_preprocessing": "none"}])
def test_u15_a_row_of_zeros_has_finite_scores(settings: dict, toy: ZeroShotData) -> None:
    train = toy.subset("train")
    train.features[0] = 0
    model = ClassNorm(hidden=16, epochs=2, random_state=0, **settings)
    model.fit(train.features, train.labels, toy.class_attributes)

    assert np.isfinite(model.decision_function(np.zeros((1, 16)))).all()


def test_u15_a_dead_prototype_has_finite_scores(toy: ZeroShotData) -> None:
    model = fit(ClassNorm(hidden=16, epochs=1, feature_preprocessing="none", random_state=0), toy)
    model.network_.embedder[-2].bias.data.fill_(-1e3)  # no unit of any class passes the ReLU

    assert_array_equal(model.decision_function(toy.features), np.zeros((len(toy.features), 12)))


@pytest.mark.parametrize(
    ("preprocessing", "activation", "expected"),
    [
        ("none", "auto", True),
        ("l2", "auto", True),
        ("centre", "auto", False),
        ("l2-centre", "auto", False),
        ("centre", "relu", True),
        ("none", None, False),
    ],
)
def test_final_relu_where_no_prepared_feature_is_negative(
    toy: ZeroShotData, preprocessing: str, activation: str | None, expected: bool
) -> None:
    model = ClassNorm(
        hidden=8, epochs=1, feature_preprocessing=preprocessing, final_activation=activation
    )

    assert fit(model, toy).final_relu_ is expected


def test_exact_statistics_repeat_the_training_pass(toy: ZeroShotData) -> None:
    model = ClassNorm(hidden=32, epochs=3, statistics="exact", random_state=0)
    embedder = fit(model, toy).network_.embedder
    table = model.network_.attributes(torch.from_numpy(toy.class_attributes[toy.seen]))
    with torch.no_grad():
        settled = embedder(table)
        trained = embedder.train()(table)
        embedder.eval()

    assert_allclose(settled, trained, atol=1e-5)


def test_every_setting_of_the_descent_reaches_the_loop() -> None:
    settings = {
        "epochs": 7,
        "lr": 0.03,
        "weight_decay": 0.2,
        "optimizer": "adamw",
        "beta2": 0.8,
        "schedule": "constant",
        "step_epochs": 4,
        "step_factor": 0.7,
        "clip_norm": 0.6,
    }

    assert {field.name for field in fields(Optimization)} == {*settings, "networks"}
    assert ClassNorm(**settings)._optimization() == Optimization(**settings)


def test_a_fit_descends_by_stairs_with_a_clipped_gradient(toy: ZeroShotData) -> None:
    """SGD steps by the rate times a velocity: the gradient, and 0.9 of the velocity before."""
    rates, clip_norm, weights = (0.5, 0.25, 0.125), 0.01, []
    model = ClassNorm(
        hidden=32,
        epochs=3,
        batch_size=1000,  # a step an epoch
        lr=0.5,
        weight_decay=0.0,
        optimizer="sgd",
        schedule="step",
        step_epochs=1,
        step_factor=0.5,
        clip_norm=clip_norm,
        random_state=0,
    )

    def keep(_: object) -> None:
        parameters = model.network_.embedder.parameters()
        weights.append(parameters_to_vector(parameters).detach().double())

    fit(model, toy, monitor=Monitor(keep, before_step=keep))
    velocity = torch.zeros(())
    for rate, before, after in zip(rates, weights[::2], weights[1::2], strict=True):
        gradient = (before - after) / rate - 0.9 * velocity
        velocity = (before - after) / rate

        assert gradient.norm().item() == pytest.approx(clip_norm, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"norm": "clas"}, r"`norm` must be one of .*; got 'clas'\. Did you mean 'class'\?"),
        ({"norm_position": "after"}, "`norm_position` must be one of"),
        ({"divide_by": "sd"}, r"`divide_by` must be one of 'std', 'var'; got 'sd'"),
        ({"affine": True}, "`affine` must be one of"),
        ({"statistics": "batch"}, "`statistics` must be one of"),
        ({"init": "class_norm"}, r"Did you mean 'class-norm'\?"),
        ({"final_activation": "tanh"}, "`final_activation` must be one of"),
        ({"attribute_normalization": "l2"}, "`attribute_normalization` must be one of"),
        ({"feature_preprocessing": "center"}, r"Did you mean 'centre'\?"),
        ({"optimizer": "adm"}, r"Did you mean 'adam'\?"),
        ({"schedule": "cosine"}, "`schedule` must be one of"),
        ({"precision": "float16"}, "`precision` must be"),
        ({"device": "gpu"}, "`device` must be"),
        ({"depth": -1}, "`depth` must be a whole number at least 0 and at most 20; got -1"),
        ({"hidden": 0}, "`hidden` must be a whole number at least 1; got 0"),
        ({"hidden": 64.0}, r"`hidden` must be a whole number at least 1; got 64\.0"),
        ({"hidden": "64"}, "`hidden` must be a whole number"),
        ({"epochs": 0}, "`epochs` must be"),
        ({"epochs": True}, "`epochs` must be a whole number at least 1; got True"),
        ({"batch_size": 1.5}, "`batch_size` must be a whole number"),
        ({"step_epochs": 0}, "`step_epochs` must be"),
        ({"lr": 0}, "`lr` must be a number greater than 0; got 0"),
        ({"lr": float("nan")}, "`lr` must be a number greater than 0; got nan"),
        ({"weight_decay": -1e-4}, "`weight_decay` must be a number at least 0"),
        ({"step_factor": 0}, "`step_factor` must be"),
        ({"eps": 0}, "`eps` must be"),
        ({"momentum": 1.5}, "`momentum` must be a number at least 0 and at most 1; got 1.5"),
        ({"smoothing": 0}, "`smoothing` must be a number greater than 0 and at most 1"),
        ({"scale": -5}, "`scale` must be"),
        ({"clip_norm": 0}, "`clip_norm` must be"),
        ({"ddof": 2}, "`ddof` must be a whole number at least 0 and at most 1"),
        ({"beta2": -0.1}, "`beta2` must be"),
        ({"beta2": 1}, "`beta2` must be a number at least 0 and below 1; got 1"),
        ({"depth": 0}, "`depth=0` has no hidden layer to normalise; set norm=None"),
    ],
    ids=str,
)
def test_wrong_settings_are_named(settings: dict, message: str, toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match=message):
        fit(ClassNorm(**({"hidden": 8, "epochs": 1} | settings)), toy)


def test_numpy_scalars_are_numbers(toy: ZeroShotData) -> None:
    settings = {"hidden": np.int64(8), "lr": np.float32(1e-3), "scale": np.float64(4)}

    assert fit(ClassNorm(epochs=np.int32(1), **settings), toy).network_.scale == 4


def test_divergence_is_reported_not_returned(toy: ZeroShotData) -> None:
    with pytest.raises(TrainingError, match=r"in epoch \d+ of 30\. Likely causes"):
        fit(ClassNorm(hidden=16, epochs=30, lr=1e30, scale=None, norm=None), toy)
