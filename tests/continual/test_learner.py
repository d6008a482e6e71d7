"""The learner: its network, its loss, its seeds, its checkpoints, and models on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import Tensor, nn

from unseen.continual import STRATEGIES
from unseen.continual.compressors import HalfPrecision
from unseen.continual.dem import CompressedReplay
from unseen.continual.heads import HEADS, class_norm_head, mlp_head
from unseen.continual.joint import Joint
from unseen.continual.learner import ContinualLearner, task_seed
from unseen.continual.sequential import Sequential
from unseen.continual.strategy import Step, Strategy, masked_cross_entropy
from unseen.data.dataset import ZeroShotData
from unseen.methods.class_norm import ClassNorm
from unseen.methods.dem import DEM
from unseen.methods.saving import ModelError, _config_sha256
from unseen.models import load_model
from unseen.nets.class_standardization import ClassStandardization
from unseen.training.loop import Monitor


def tasks_of(data: ZeroShotData, number: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    train, found = data.subset("train"), []
    for classes in np.array_split(np.flatnonzero(data.seen), number):
        rows = np.isin(train.labels, classes)
        found.append((train.features[rows], train.labels[rows]))

    return found


def learn(model: ContinualLearner, data: ZeroShotData, number: int = 3) -> ContinualLearner:
    for X, y in tasks_of(data, number):
        model.partial_fit(X, y, data.class_attributes)

    return model


def small(strategy: Strategy | None = None, **settings: object) -> ContinualLearner:
    head = class_norm_head().set_params(hidden=16, epochs=2, lr=0.01, **settings)

    return ContinualLearner(head, strategy, random_state=0)


def weights(model: ContinualLearner) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.network_.state_dict().items()}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


@parametrize_with_checks([ContinualLearner(ClassNorm(hidden=32))])
def test_scikit_learn(estimator: BaseEstimator, check: Callable, run_check: Callable) -> None:
    run_check(estimator, check)


# The paper's head (T22, T23).


def test_t22_the_last_layer_has_the_deviation_of_eq_10() -> None:
    X = np.random.default_rng(0).random((60, 512), dtype=np.float32)
    y = np.repeat([0, 1, 2], 20)
    S = np.random.default_rng(1).random((3, 312), dtype=np.float32)
    head = class_norm_head().set_params(epochs=1, lr=1e-30)
    model = ContinualLearner(head, random_state=0).fit(X, y, S)
    V = model.network_.head.embedder.final_weight
    assert V.std().item() == pytest.approx(2.7621e-3, rel=0.03)
    assert V.abs().max().item() == pytest.approx(4.7842e-3, rel=0.01)


@pytest.mark.parametrize(("attributes", "count"), [(312, 211_712), (102, 157_952)])
def test_t23_parameter_counts_of_the_head(attributes: int, count: int) -> None:
    X = np.random.default_rng(0).random((9, 512), dtype=np.float32)
    S = np.random.default_rng(1).random((3, attributes), dtype=np.float32)
    head = class_norm_head().set_params(epochs=1)
    model = ContinualLearner(head, random_state=0).fit(X, np.repeat([0, 1, 2], 3), S)

    assert sum(p.numel() for p in model.network_.parameters()) == count


def test_the_baseline_has_no_norm() -> None:
    network = learn_once(mlp_head().set_params(lr=1e-30)).network_
    assert ClassStandardization not in {type(layer) for layer in network.modules()}
    greatest = network.head.embedder.final_weight.abs().max().item()
    assert greatest == pytest.approx((6 / 256) ** 0.5, rel=0.01)  # Kaiming-uniform, by the fan in
    assert HEADS.keys() == {"class-norm", "mlp"}


def learn_once(head: ClassNorm) -> ContinualLearner:
    X = np.random.default_rng(0).random((9, 8), dtype=np.float32)

    return ContinualLearner(head, random_state=0).fit(X, np.repeat([0, 1, 2], 3), np.eye(3))


# The loop.


def test_sequential_training_is_plain_descent(toy: ZeroShotData) -> None:
    """Restates section 4 of the specification with PyTorch's own pieces, bit for bit."""
    settings = {"hidden": 16, "epochs": 2, "lr": 0.01, "batch_size": 20}
    model = ContinualLearner(class_norm_head().set_params(**settings), random_state=3)
    first, second, _ = tasks_of(toy)
    model.partial_fit(*first, toy.class_attributes)
    network = model.network_
    plain = {name: value.detach().clone() for name, value in network.named_parameters()}
    running = {name: value.clone() for name, value in network.named_buffers()}
    norm = next(m for m in network.modules() if isinstance(m, ClassStandardization))
    eps, momentum = norm.eps, norm.momentum
    model.partial_fit(*second)

    X, y = second
    seen = np.flatnonzero(model.seen_)
    S = torch.from_numpy(toy.class_attributes[seen])
    S = S * (S.shape[1] ** 0.5 / S.norm(dim=1, keepdim=True))
    Z = torch.from_numpy(X).float()
    Z = Z * (1 / Z.norm(dim=1, keepdim=True))
    Z = Z * (10 / Z.norm(dim=1, keepdim=True))
    target = torch.from_numpy(np.searchsorted(seen, y))
    new = torch.from_numpy(np.isin(seen, y))
    names = [name for name in plain if name.startswith("head.embedder")]
    w1, b1, w2, b2 = (plain[name].requires_grad_() for name in names)
    mean, var = (value for name, value in running.items() if "running" in name)
    optimizer = torch.optim.SGD([w1, b1, w2, b2], 0.01, momentum=0.9)
    generator = torch.Generator().manual_seed(task_seed(model.seed_, 2))
    for _ in range(2):
        for batch in torch.randperm(len(y), generator=generator).split(20):
            h = F.relu(F.linear(S, w1, b1))
            m, v = h.mean(dim=0), h.var(dim=0, correction=0)
            mean = (1 - momentum) * mean + momentum * m.detach()
            var = (1 - momentum) * var + momentum * h.detach().var(dim=0)
            P = F.linear((h - m) / (v + eps).sqrt(), w2, b2)
            if model.final_relu_:
                P = F.relu(P)
            P = P * (10 / P.norm(dim=1, keepdim=True))
            logits = (Z[batch] @ P.T).masked_fill(~new, -torch.inf)
            optimizer.zero_grad()
            F.cross_entropy(logits, target[batch]).backward()
            optimizer.step()

    ours = model.network_.state_dict()
    for name, value in zip(names, (w1, b1, w2, b2), strict=True):
        torch.testing.assert_close(ours[name], value.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        [value for name, value in ours.items() if "running" in name], [mean, var]
    )


def test_masked_classes_get_no_probability() -> None:
    logits = torch.tensor([[1.0, 5.0, 2.0], [0.0, 7.0, 0.0]])
    mask = torch.tensor([[True, False, True], [True, True, False]])
    expected = -(
        torch.tensor([1.0, 2.0]).log_softmax(0)[1] + torch.tensor([0.0, 7.0]).log_softmax(0)[0]
    )
    found = masked_cross_entropy(logits, torch.tensor([2, 0]), mask)
    assert found.item() == pytest.approx(expected.item() / 2)


def test_one_pass_of_descriptions_a_step(toy: ZeroShotData) -> None:
    """Running statistics move once a step, however many batches share it."""
    (X, y), *_ = tasks_of(toy)
    model = small().partial_fit(X, y, toy.class_attributes)
    task, network = model._task_rows(X, y), model.network_.train()
    before = weights(model)
    rows = torch.arange(5)
    target = task.columns(task.labels[:5])
    step = Step(network, task, task.inputs[:5], target, torch.empty(0), rows)
    once = weights(model)
    _ = step.logits, step.scores(task.inputs[5:9])
    assert_same(weights(model), once)
    assert not torch.equal(*(w["head.embedder.2.running_mean"] for w in (before, once)))


@pytest.mark.parametrize("statistics", ["running", "exact"])
@pytest.mark.parametrize("divide_by", ["std", "var"])
def test_a_class_alone_does_not_break_the_norm(
    divide_by: str, statistics: str, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    first = train.labels == np.flatnonzero(toy.seen)[0]
    model = small(divide_by=divide_by, statistics=statistics)
    model.partial_fit(train.features[first], train.labels[first], toy.class_attributes)
    assert np.isfinite(model.decision_function(toy.features)).all()


def test_exact_statistics_are_those_of_the_seen_classes(toy: ZeroShotData) -> None:
    model = learn(small(statistics="exact"), toy)
    network = model.network_
    S = network.head.attributes(torch.from_numpy(toy.class_attributes[model.seen_]))
    layers = list(network.head.embedder)
    h = layers[1](layers[0](S))

    torch.testing.assert_close(layers[2].running_mean, h.mean(dim=0).detach())
    torch.testing.assert_close(layers[2].running_var, h.var(dim=0, correction=0).detach())


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_a_seed_gives_one_result(strategy: type[Strategy], toy: ZeroShotData) -> None:
    torch.manual_seed(1)
    one = learn(small(strategy()), toy)
    torch.manual_seed(2)
    two = learn(small(strategy()), toy)
    other = small(strategy()).set_params(random_state=1)

    assert_same(weights(one), weights(two))
    assert not torch.equal(
        *(m.network_.head.embedder.final_weight for m in (one, learn(other, toy)))
    )


# What the strategies are given.


def test_joint_keeps_all_examples(toy: ZeroShotData) -> None:
    model = learn(small(Joint()), toy)
    rows = sum(len(y) for _, y in tasks_of(toy))

    assert model.memory_bytes() == {"items": rows * 16 * 4, "labels": rows * 8}
    assert_array_equal(model.strategy_.labels_.unique(), np.flatnonzero(toy.seen))


def test_joint_takes_as_many_steps_as_sequential_training(toy: ZeroShotData) -> None:
    counts = {}
    for name, strategy in {"j": Joint(), "s": Sequential(), "f": Joint("full")}.items():
        model, counts[name] = small(strategy), []
        for X, y in tasks_of(toy):
            steps: list[int] = []
            monitor = Monitor(before_step=steps.append)
            model.partial_fit(X, y, toy.class_attributes, monitor=monitor)
            counts[name].append(len(steps))

    assert counts["j"] == counts["s"]
    assert counts["f"][2] > 2 * counts["s"][2]


# A backbone that is trained along.


class Halver(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.linear(x))


def test_a_backbone_is_trained_at_its_own_rate(toy: ZeroShotData) -> None:
    backbone = Halver()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    model = learn(small().set_params(backbone=backbone, backbone_lr=0.1), toy)
    slow = learn(small().set_params(backbone=backbone, backbone_lr=1e-12), toy)

    assert_same(backbone.state_dict(), before)  # a copy learns
    moved = (model.network_.backbone.linear.weight - before["linear.weight"]).abs().max()
    still = (slow.network_.backbone.linear.weight - before["linear.weight"]).abs().max()
    assert moved > 1e-3
    assert still < 1e-6
    assert model.decision_function(toy.features).shape == (len(toy.features), 12)


def test_the_backbone_descends_without_momentum(toy: ZeroShotData) -> None:
    """Its steps add up to its gradients; that of the head is in plain descent, above."""
    gradients = []

    class Watching(Sequential):
        def after_backward(self, parameters: list[nn.Parameter]) -> None:
            gradients.append(parameters[0].grad.clone())

    backbone = Halver()
    model = learn(small(Watching()).set_params(backbone=backbone, backbone_lr=0.1), toy, 1)
    moved = model.network_.backbone.linear.weight - backbone.linear.weight

    assert len(gradients) > 2
    torch.testing.assert_close(moved, -0.1 * torch.stack(gradients).sum(dim=0))


class Own(Sequential):
    pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": Halver()}, r"A backbone of your own, here a Halver.*network_\.state_dict"),
        ({"strategy": Own()}, "A strategy of your own, here a Own, cannot be read back"),
        (
            {"strategy": CompressedReplay(HalfPrecision())},
            "The settings or labels hold <.*HalfPrecision.*use numbers, names",
        ),
        ({"random_state": np.random.RandomState(0)}, "The settings or labels hold RandomState"),
    ],
)
def test_what_could_not_be_read_back_is_not_saved(
    settings: dict, message: str, toy: ZeroShotData, tmp_path: Path
) -> None:
    model = small().set_params(**settings)
    with pytest.raises(ModelError, match=message):
        model.check_savable()
    learn(model, toy)
    with pytest.raises(ModelError, match=message):
        model.save_pretrained(tmp_path / "model")

    assert not list(tmp_path.iterdir())
    again = learn(small().set_params(**settings), toy, 1)  # the way that the message names
    again.network_.load_state_dict(model.network_.state_dict())
    assert_same(weights(again), weights(model))


@pytest.mark.parametrize(
    ("part", "value"),
    [("backbone", {"module": "Halver"}), ("strategy", {"name": "Own", "settings": {}})],
)
def test_a_folder_with_ones_own_parts_is_not_called_damaged(
    part: str, value: dict, toy: ZeroShotData, tmp_path: Path
) -> None:
    """As another version may have written it."""
    learn(small(), toy, 1).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["settings"][part] = value
    config["sha256"]["config.json"] = _config_sha256(config)
    (tmp_path / "config.json").write_text(json.dumps(config))

    with pytest.raises(ModelError, match=f"A {part} of your own") as caught:
        load_model(tmp_path)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_what_a_memory_keeps_is_its_own(kind: type, toy: ZeroShotData) -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, 16)).astype(kind)
    X = X if kind is np.uint8 else X / 2  # that are no pictures
    model = small(Joint()).set_params(backbone=Halver())
    model.partial_fit(X, np.repeat([0, 1, 2], 10), toy.class_attributes)
    kept = model.strategy_.inputs_.clone()
    X[:] = 0

    assert torch.equal(model.strategy_.inputs_, kept)


@pytest.mark.parametrize("backbone", ["resnet", nn.Flatten()])
def test_rows_that_cannot_be_written_are_taken(backbone: str | nn.Module) -> None:
    X, y, S = pictures()
    ours = X / np.float32(2)
    ours.flags.writeable = False
    model = small(Joint()).set_params(backbone=backbone, freeze_norm=True)
    torch.set_warn_always(True)  # else the first such row of the process alone would show
    try:
        model.partial_fit(ours, y, S)
    finally:
        torch.set_warn_always(False)

    assert np.isfinite(model.decision_function(ours)).all()


class Elsewhere(Halver):
    """Stands for a network on another device: it takes no rows until it was moved."""

    moved = False

    def _apply(self, *words: Any, **more: Any) -> Self:
        self.moved = True
        return super()._apply(*words, **more)

    def forward(self, x: Tensor) -> Tensor:
        if not self.moved:
            raise RuntimeError("Expected all tensors to be on the same device")
        return super().forward(x)


def test_a_backbone_may_come_from_another_device(toy: ZeroShotData) -> None:
    backbone = Elsewhere()
    learn(small().set_params(backbone=backbone), toy)

    assert not backbone.moved  # a copy was


def test_pictures_stay_bytes(toy: ZeroShotData) -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, 16)).astype(np.float32)
    model = small(Joint()).set_params(backbone=Halver())
    model.partial_fit(X, np.repeat([0, 1, 2], 10), toy.class_attributes)
    assert model.memory_bytes()["items"] == 30 * 16

    before = weights(model)
    with pytest.raises(ValueError, match=r"whole numbers from 0 to 255.*of this task are not"):
        model.partial_fit(X / 2, np.repeat([3, 4, 5], 10))
    assert_same(weights(model), before)
    model.partial_fit(X, np.repeat([3, 4, 5], 10))
    assert model.strategy_.inputs_.dtype == torch.uint8


def test_inputs_that_began_as_floats_stay_floats(toy: ZeroShotData) -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, 16)).astype(np.float32)
    model = small(Joint()).set_params(backbone=Halver())
    model.partial_fit(X / 2, np.repeat([0, 1, 2], 10), toy.class_attributes)
    model.partial_fit(X, np.repeat([3, 4, 5], 10))

    assert model._task_rows(X, np.repeat([3, 4, 5], 10)).inputs.dtype == torch.float32
    assert model.memory_bytes()["items"] == 60 * 16 * 4
    assert model.strategy_.inputs_.dtype == torch.float32


def test_only_one_who_scores_sees_the_network_in_evaluation_mode(toy: ZeroShotData) -> None:
    (X, y), *_ = tasks_of(toy)
    model, modes, scores = small(), [], []

    def look(done: int) -> None:
        modes.append(model.network_.training)
        if done:
            scores.append(model.decision_function(X, toy.class_attributes))
            scores.append(model.decision_function(X, toy.class_attributes))
        modes.append(model.network_.training)

    model.partial_fit(X, y, toy.class_attributes, monitor=Monitor(before_step=look))
    assert all(modes)
    assert_array_equal(scores[0], scores[1])  # running statistics do not move
    assert_same(weights(model), weights(small().partial_fit(X, y, toy.class_attributes)))


# Settings of no use.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": DEM()}, "must be a ClassNorm or MLP"),
        ({"strategy": "ewc"}, "must be a Strategy"),
        ({"strategy": Joint("half")}, "`budget` must be one of"),
        ({"method": ClassNorm(hidden=0)}, "`hidden` must be a whole number"),
        ({"method": ClassNorm(attribute_normalization="standardize-all")}, "does not know all"),
        ({"backbone": Halver()}, "`feature_preprocessing` must be one of"),
        ({"method": class_norm_head(), "backbone": "resnt"}, "`backbone` must be one of"),
        ({"backbone_lr": 0}, "`backbone_lr` must be a number"),
        ({"device": "gpu"}, "`device` must be"),
        ({"method": ClassNorm(smoothing=0.9)}, "`smoothing=0.9` of the head does nothing"),
        ({"method": ClassNorm(legacy_smoothing=True)}, "`legacy_smoothing=True` of the head"),
        ({"method": ClassNorm(precision="bfloat16")}, "leave it at 'auto' or 'float32'"),
        ({"method": ClassNorm(device="cpu")}, "ContinualLearner has a `device` of its own"),
        ({"method": ClassNorm(random_state=0)}, "has a `random_state` of its own"),
    ],
)
def test_settings_of_no_use(settings: dict, message: str, toy: ZeroShotData) -> None:
    given = {"method": ClassNorm(), **settings}
    with pytest.raises(ValueError, match=message):
        learn(ContinualLearner(**given), toy)


def test_clones_carry_settings_and_nothing_learned(toy: ZeroShotData) -> None:
    model = learn(small(Joint()), toy)
    copy = clone(model)
    assert copy.get_params()["method__lr"] == 0.01
    assert not [name for name in vars(copy.strategy) if name.endswith("_")]


# A bound on what earlier classes cost.


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_of_earlier_classes_some_may_take_part(strategy: type[Strategy], toy: ZeroShotData) -> None:
    model, known = small(strategy()).set_params(old_classes=2), []
    for X, y in tasks_of(toy):
        model.partial_fit(X, y, toy.class_attributes)
        known.append(len(model._task_rows(X, y).seen))
    assert known == [3, 5, 4]  # three, three and two classes, and two of those before
    assert np.isfinite(model.decision_function(toy.features)).all()

    wide = learn(small(strategy()).set_params(old_classes=100), toy)
    assert_same(weights(wide), weights(learn(small(strategy()), toy)))


def test_exact_statistics_need_all_classes(toy: ZeroShotData) -> None:
    model = learn(small(statistics="exact").set_params(old_classes=1), toy)
    network = model.network_
    layers = list(network.head.embedder)
    S = network.head.attributes(torch.from_numpy(toy.class_attributes[model.seen_]))

    torch.testing.assert_close(layers[2].running_mean, layers[1](layers[0](S)).mean(dim=0).detach())


def pictures(rows: int = 40, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (rows, 8 * 8 * 3)).astype(np.uint8)

    return X, np.arange(rows) % classes, rng.random((classes, 5), dtype=np.float32)


def test_a_resnet_is_made_from_the_seed_and_read_back(tmp_path: Path) -> None:
    X, y, S = pictures()
    model = small(Joint()).set_params(backbone="resnet")
    model.partial_fit(X[y < 2], y[y < 2], S).partial_fit(X[y > 1], y[y > 1])
    again = small(Joint()).set_params(backbone="resnet")
    again.partial_fit(X[y < 2], y[y < 2], S)
    again.save_pretrained(tmp_path / "model")
    again = load_model(tmp_path / "model").partial_fit(X[y > 1], y[y > 1])

    assert_array_equal(model.decision_function(X), again.decision_function(X))
    with pytest.raises(ValueError, match="square pictures in colour"):
        small().set_params(backbone="resnet").partial_fit(X[:, :100], y, S)


@pytest.mark.parametrize("freeze", [True, False])
def test_batch_norm_of_the_backbone_may_be_frozen(freeze: bool) -> None:
    X, y, S = pictures()
    model = small().set_params(backbone="resnet", freeze_norm=freeze, backbone_lr=0.1)
    model.partial_fit(X[y < 2], y[y < 2], S)
    before = model.network_.backbone.norm.running_mean.clone()
    weight = model.network_.backbone.norm.weight.detach().clone()
    assert before.abs().sum() > 0  # settled on the first task, not at its start
    model.partial_fit(X[y > 1], y[y > 1])

    assert torch.equal(model.network_.backbone.norm.running_mean, before) == freeze
    assert not torch.equal(model.network_.backbone.norm.weight, weight)


def test_frozen_statistics_serve_in_training() -> None:
    X, y, S = pictures()
    network = small().set_params(backbone="resnet", freeze_norm=True).fit(X, y, S).network_
    rows = torch.from_numpy(X)
    with torch.no_grad():
        wanted = network.eval().features(rows)
        frozen = network.train().features(rows)
        network.freeze_norm = False
        learning = network.train().features(rows)

    assert network.backbone is not None
    assert network.backbone.training
    assert torch.equal(frozen, wanted)
    assert not torch.equal(learning, wanted)
