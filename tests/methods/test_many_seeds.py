"""Many seeds at once: each copy is what it would be alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from torch import Tensor

from unseen.benchmark.recipes import RECIPES
from unseen.data.dataset import ZeroShotData
from unseen.methods import METHODS, many_seeds
from unseen.methods import network as network_module
from unseen.methods.base import ZeroShotClassifier
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.methods.many_seeds import fit_seeds
from unseen.methods.saving import load_model
from unseen.nets import linear as nets_linear
from unseen.nets.linear import linear
from unseen.nets.scoring_network import ScoringNetwork
from unseen.nets.stacking import stack_networks
from unseen.training.loop import TrainingError
from unseen.training.step import EagerStep, make_optimizer

SEEDS = [0, 1, 7]
STACKABLE = [name for name, make in RECIPES.items() if getattr(make().method, "stackable", False)]
VARIANTS = [
    {"depth": 0, "norm": None},
    *({"depth": depth} for depth in (1, 3)),
    {"norm": None},
    {"norm": "layer"},
    {"norm": "layer", "norm_position": "last"},
    {"norm": "dynamic", "init": "kaiming-fan-in"},
    {"norm": "dynamic", "init": "kaiming-fan-in", "statistics": "exact"},
    *({"norm_position": position} for position in ("before-relu", "last")),
    {"divide_by": "var"},
    {"divide_by": "var", "affine": "both"},
    {"ddof": 1, "eps": 1e-3, "momentum": 0.3},
    *({"affine": which} for which in ("first", "last", "both")),
    {"statistics": "exact"},
    {"final_activation": "relu", "feature_preprocessing": "none"},
    {"final_activation": None, "feature_preprocessing": "standardize"},
    {"scale": None},
    {"attribute_normalization": "standardize"},
    {"attribute_normalization": "standardize-all"},
    {"smoothing": 0.9},
    {"smoothing": 0.9, "legacy_smoothing": True},
    *({"optimizer": name} for name in ("adamw", "sgd")),
    *({"schedule": name} for name in ("constant", "step")),
    {"clip_norm": 0.05},
    {"clip_norm": 0.05, "optimizer": "sgd", "lr": 0.1},
    {"weight_decay": 0.1},
]


@pytest.fixture
def stack_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks on a CPU what only a GPU would, so that the wide presets are judged here too."""
    monkeypatch.setattr(many_seeds, "CPU_PARAMETERS", 10**9)


@pytest.fixture
def stacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Records how many networks each stack held."""
    sizes: list[int] = []

    def record(networks: list) -> ScoringNetwork:
        sizes.append(len(networks))
        return stack_networks(networks)

    monkeypatch.setattr(many_seeds, "stack_networks", record)

    return sizes


def both(
    method: ZeroShotClassifier, data: ZeroShotData, seeds: list[int]
) -> list[tuple[ClassNorm, ClassNorm]]:
    """Returns, for each seed, the copy that was trained with the others, and the one alone."""
    train = data.subset("train")
    given = train.features, train.labels, data.class_attributes
    together = fit_seeds(method, *given, seeds)
    alone = [fit_seeds(method, *given, [seed])[0] for seed in seeds]

    return list(zip(together, alone, strict=True))


def distance(state: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Returns the distance of all tensors from the expected, in units of their length.

    All together, since a bias before a class norm has no gradient but rounding, which Adam brings
    to full size.
    """
    assert list(state) == list(expected)
    one, other = (torch.cat([t.flatten() for t in s.values()]) for s in (state, expected))

    return float(torch.dist(one, other) / other.norm())


def assert_same(pairs: list, data: ZeroShotData, tolerance: float = 1e-4) -> None:
    for model, alone in pairs:
        assert distance(model.network_.state_dict(), alone.network_.state_dict()) < tolerance
        scores, expected = (one.decision_function(data.features) for one in (model, alone))
        assert_allclose(scores, expected, rtol=0, atol=tolerance * max(1, np.abs(expected).max()))


@pytest.mark.usefixtures("stack_all")
@pytest.mark.parametrize("name", STACKABLE)
def test_presets_equal_single_runs_after_an_epoch(
    name: str, toy: ZeroShotData, stacked: list[int]
) -> None:
    method = RECIPES[name]().method.set_params(epochs=1, batch_size=30)
    assert_same(both(method, toy, SEEDS), toy)
    assert stacked == [len(SEEDS)]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_setting_equals_single_runs_after_an_epoch(variant: dict, toy: ZeroShotData) -> None:
    settings = {"hidden": 32, "epochs": 1, "batch_size": 50, "precision": "float32"} | variant
    assert_same(both(ClassNorm(**settings), toy, SEEDS), toy)


@pytest.mark.parametrize("variant", [{}, {"norm": "layer"}, {"norm": "dynamic"}], ids=str)
def test_bfloat16_is_as_near_as_its_rounding(variant: dict, toy: ZeroShotData) -> None:
    settings = {"hidden": 32, "epochs": 1, "batch_size": 50, "precision": "bfloat16"} | variant
    assert_same(both(ClassNorm(**settings), toy, SEEDS), toy, tolerance=1e-2)


def test_without_onednn_nothing_changes(toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, where the products are batched and not a loop."""
    monkeypatch.setattr(nets_linear, "has_onednn", lambda: False)
    for method in (MLP(hidden=32), ClassNorm(hidden=32)):
        method.set_params(epochs=1, batch_size=50, precision="float32")
        assert_same(both(method, toy, SEEDS), toy)


def test_seeds_differ(toy: ZeroShotData) -> None:
    first, second = (model for model, _ in both(ClassNorm(hidden=32, epochs=1), toy, [0, 1]))
    assert distance(first.network_.state_dict(), second.network_.state_dict()) > 0.1


def test_networks_too_wide_for_the_cache_train_in_groups(
    toy: ZeroShotData, stacked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = ClassNorm(hidden=32, epochs=2, precision="float32")
    pairs = both(method, toy, [0])
    parameters = sum(p.numel() for p in pairs[0][0].network_.parameters())

    monkeypatch.setattr(many_seeds, "CPU_PARAMETERS", 2 * parameters)
    assert_same(both(method, toy, [0, 1, 2, 3, 4]), toy)
    assert stacked == [2, 2]

    monkeypatch.setattr(many_seeds, "CPU_PARAMETERS", 1)
    for model, alone in both(method, toy, SEEDS):  # one at a time: equal to the bit
        assert distance(model.network_.state_dict(), alone.network_.state_dict()) == 0


def test_result_is_an_ordinary_estimator(toy: ZeroShotData, tmp_path: Path) -> None:
    train = toy.subset("train")
    method = ClassNorm(hidden=32, epochs=1, affine="both", statistics="exact")
    models = fit_seeds(
        method,
        train.features,
        train.labels,
        toy.class_attributes,
        SEEDS,
        class_names=toy.class_names,
    )
    alone = ClassNorm(**(method.get_params() | {"random_state": 1})).fit(
        train.features, train.labels, toy.class_attributes, class_names=toy.class_names
    )

    assert [model.random_state for model in models] == SEEDS
    assert method.random_state is None
    assert not hasattr(method, "network_")
    assert type(models[1]) is ClassNorm
    assert set(vars(models[1])) == set(vars(alone))
    assert models[1].class_names_ == toy.class_names
    assert not models[1].network_.training
    assert_array_equal(models[1].class_attributes_, toy.class_attributes)

    models[1].save_pretrained(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert_array_equal(
        loaded.decision_function(toy.features), models[1].decision_function(toy.features)
    )


def test_copies_share_nothing(toy: ZeroShotData) -> None:
    models = [model for model, _ in both(ClassNorm(hidden=32, epochs=1), toy, [0, 1])]
    before = models[1].decision_function(toy.features)

    models[0].class_attributes_[:] = 0
    models[0].seen_[:] = False
    with torch.no_grad():
        for tensor in models[0].network_.state_dict().values():
            tensor.fill_(0)

    assert_array_equal(models[1].decision_function(toy.features), before)
    assert models[1].seen_.any()


def test_unseen_descriptions_stay_unseen(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    hidden = np.where(toy.seen[:, None], toy.class_attributes, np.float32(np.nan))
    method = ClassNorm(hidden=32, epochs=1)
    open_eyed = fit_seeds(method, train.features, train.labels, toy.class_attributes, SEEDS)
    blind = fit_seeds(method, train.features, train.labels, hidden, SEEDS)

    for model, other in zip(open_eyed, blind, strict=True):
        assert distance(model.network_.state_dict(), other.network_.state_dict()) == 0


def test_any_method_goes_one_after_another(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    method = METHODS["eszsl"]()  # closed form: the seed does nothing
    models = fit_seeds(method, train.features, train.labels, toy.class_attributes, SEEDS)

    scores = [model.decision_function(toy.features) for model in models]
    assert_array_equal(scores[0], scores[2])
    assert len({id(model) for model in models}) == len(SEEDS)


def test_without_a_table_classes_describe_themselves(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    models = fit_seeds(ClassNorm(hidden=32, epochs=2), train.features, train.labels, None, SEEDS)
    for model in models:
        assert set(model.predict(train.features)) <= set(train.labels)


@pytest.mark.parametrize(
    ("settings", "seeds", "message"),
    [({}, [], "`seeds` is empty"), ({"norm": "clas"}, SEEDS, "Did you mean 'class'")],
)
def test_wrong_calls_are_named(
    settings: dict, seeds: list[int], message: str, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    with pytest.raises(ValueError, match=message):
        fit_seeds(ClassNorm(**settings), train.features, train.labels, toy.class_attributes, seeds)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((4, 3), np.nan), "ClassNorm does not accept missing values"),
        (np.ones((0, 3)), "minimum of 1 is required by ClassNorm"),
    ],
)
def test_messages_name_the_method(X: NDArray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_seeds(ClassNorm(), X, np.arange(len(X)) % 2, None, SEEDS)


def test_a_diverging_training_stops_all(toy: ZeroShotData) -> None:
    train = toy.subset("train")
    method = ClassNorm(
        hidden=32, epochs=3, lr=1e30, optimizer="sgd", scale=None, norm=None, precision="float32"
    )
    with pytest.raises(TrainingError, match="The loss became"):
        fit_seeds(method, train.features, train.labels, toy.class_attributes, SEEDS)


@pytest.mark.parametrize("bias", [True, False])
def test_batched_products_have_the_gradients_of_plain_ones(bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 5, 4), (3, 6, 4), (3, 6)]
    x, weight, shift = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in shapes
    )

    def products(*tensors: Tensor) -> Tensor:
        return linear(*tensors)

    assert torch.autograd.gradcheck(products, (x, weight, shift) if bias else (x, weight))
    linear(x, weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.is_contiguous()  # else each step would copy it


def test_each_network_is_clipped_by_its_own_gradient() -> None:
    weight = torch.nn.Parameter(torch.zeros(2, 3))
    slope = torch.tensor([[3.0, 0.0, 4.0], [0.3, 0.0, 0.4]])
    optimizer = make_optimizer("sgd", [weight], 1.0, 0.0, 0.9, torch.device("cpu"))
    step = EagerStep(lambda _: (weight * slope).sum() / 2, optimizer, clip_norm=1.0, networks=2)
    step(torch.arange(1))

    assert_allclose(weight.detach(), [[-0.6, 0.0, -0.8], [-0.3, 0.0, -0.4]], rtol=1e-5)


def test_a_gpu_trains_all_at_once(toy: ZeroShotData) -> None:
    network = both(ClassNorm(epochs=1), toy, [0])[0][0].network_
    assert many_seeds._networks_at_once(network, torch.device("cpu")) == 1
    assert many_seeds._networks_at_once(network, torch.device("cuda")) > 1000


def test_all_are_brought_to_the_device_of_the_data(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that holds no numbers stands for a GPU: it does not mix with the CPU either."""
    monkeypatch.setattr(network_module, "choose_device", lambda _: torch.device("meta"))
    monkeypatch.setattr(ClassNorm, "_train", lambda *_: None)
    train = toy.subset("train")
    models = fit_seeds(
        ClassNorm(hidden=8, precision="float32"),
        train.features,
        train.labels,
        toy.class_attributes,
        SEEDS,
    )

    places = {weight.device.type for model in models for weight in model.network_.parameters()}
    assert places == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="batched training needs a CUDA device")
@pytest.mark.filterwarnings("error")  # a step that is not captured as a graph warns
@pytest.mark.parametrize("name", STACKABLE)
def test_presets_equal_single_runs_on_a_gpu(name: str, toy: ZeroShotData) -> None:
    method = RECIPES[name]().method.set_params(epochs=1, batch_size=10, device="cuda")
    assert_same(both(method, toy, SEEDS), toy)
