"""ReMSE: the numbers of its specification, a looped reference, its tracker and its gradient."""

import math
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from unseen.losses import ReMSE
from unseen.nets.cosine_head import normalize_rows

# Section 6 of the specification: three examples, two classes, two attributes.
PREDICTED = torch.tensor([[0.5, 0.2], [0.1, 0.9], [0.3, 0.3]], dtype=torch.float64)
TABLE = torch.tensor([[0.4, 0.6], [0.2, 0.5]], dtype=torch.float64)
CLASSES = torch.tensor([0, 1, 0])
TARGETS = TABLE[CLASSES]


def remse(classes: int = 2, attributes: int = 2, **settings: object) -> ReMSE:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="With p = p2 = 0")
        return ReMSE(classes, attributes, **settings).double()


def filled_with(errors: Tensor, **settings: object) -> ReMSE:
    """Returns a loss whose tracker has just seen some errors, a row per class."""
    loss = remse(*errors.shape, normalize=False, error="mae", **settings)
    loss(errors, torch.zeros_like(errors), torch.arange(len(errors)))

    return loss


def batch(seed: int, rows: int, classes: int, attributes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns random predictions, targets and classes; the last class is never among them."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(classes - 1, (rows,), generator=generator)
    table = torch.rand(classes, attributes, generator=generator, dtype=torch.float64)
    predicted = torch.randn(rows, attributes, generator=generator, dtype=torch.float64)

    return predicted, table[y], y


# The formula.


@pytest.mark.parametrize(
    ("p", "p2", "normalize", "wanted", "weights"),
    [
        (0, 0, False, 0.0733333, [[1, 1], [1, 1]]),
        (1, 0, False, 0.0799163, [[1, 1], [1, 1.246860]]),
        (0, 1, False, 0.2525077, [[1, 3.525729], [1, 3.772589]]),
        (1, 1, False, 0.2773424, [[1, 3.525729], [1, 4.703890]]),
        (0.75, 0.25, False, 0.1059476, None),
        (0, 0, True, 0.0771888, [[1, 1], [1, 1]]),
        (1, 0, True, 0.2066689, [[1.179242, 4.281896], [1, 1]]),
        (1, 1, True, 0.2925748, [[1.179242, 5.717129], [3.767468, 1]]),
    ],
)
@pytest.mark.parametrize("tracker", ["in_batch", "cross_batch"])
def test_the_specified_numbers(
    p: float, p2: float, normalize: bool, wanted: float, weights: list | None, tracker: str
) -> None:
    loss = remse(p=p, p2=p2, normalize=normalize, tracker=tracker)

    assert loss(PREDICTED, TARGETS, CLASSES).item() == pytest.approx(wanted, abs=6e-8)
    if not normalize:
        assert_close(loss.errors, torch.tensor([[0.01, 0.125], [0.01, 0.16]]).double())
    if weights is not None:
        assert_close(loss.weights(), torch.tensor(weights).double(), atol=1e-6, rtol=0)


def test_without_exponents_it_is_a_cosine() -> None:
    predicted, targets, y = batch(0, rows=20, classes=6, attributes=7)
    cosines = torch.nn.functional.cosine_similarity(predicted, targets)

    loss = remse(6, 7, p=0, p2=0)(predicted, targets, y)
    assert_close(loss, 2 * (1 - cosines).mean() / 7, atol=1e-6, rtol=0)


def test_without_exponents_it_warns() -> None:
    with pytest.warns(UserWarning, match="With p = p2 = 0 all weights are 1"):
        ReMSE(2, 2, p=0, p2=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ReMSE(2, 2, p=0)
        ReMSE(2, 2, p2=0)


def test_weights_of_a_two_by_two_matrix() -> None:
    errors = torch.tensor([[1, math.e], [math.e, 1]], dtype=torch.float64)

    for p, p2, wanted in [(1, 0, 2.0), (0, 1, 2.0), (1, 1, 4.0), (2, 1, 8.0)]:
        weights = filled_with(errors, p=p, p2=p2).weights()
        assert_close(weights, torch.tensor([[1, wanted], [wanted, 1]]).double())


@given(
    factor=st.floats(1e-3, 1e3), order=st.permutations(range(5)), across=st.permutations(range(4))
)
def test_weights_know_neither_scale_nor_order(
    factor: float, order: list[int], across: list[int]
) -> None:
    errors = torch.rand(5, 4, generator=torch.Generator().manual_seed(0)).double() + 0.01
    weights = filled_with(errors, p=0.7, p2=1.3).weights()

    assert_close(filled_with(factor * errors, p=0.7, p2=1.3).weights(), weights)
    permuted = filled_with(errors[order][:, across], p=0.7, p2=1.3).weights()
    assert_close(permuted, weights[order][:, across])


def looped(
    predicted: Tensor, targets: Tensor, y: Tensor, k: int, settings: dict
) -> tuple[float, list[list[float]]]:
    """The loss of one batch, entry by entry, as the released program goes."""
    n, a = predicted.shape
    u, t = predicted.tolist(), targets.tolist()
    if settings["normalize"]:
        u = [[v / math.hypot(*row) for v in row] for row in u]
        t = [[v / math.hypot(*row) for v in row] for row in t]
    difference = [[u[i][s] - t[i][s] for s in range(a)] for i in range(n)]
    error = {
        "mse": lambda d: d * d,
        "rmse": lambda d: math.sqrt(d * d + 1e-10),
        "mae": abs,
    }[settings["error"]]
    e = [[error(d) for d in row] for row in difference]

    E = [[0.0] * a for _ in range(k)]
    for c in range(k):
        members = [i for i in range(n) if y[i] == c]
        for s in range(a):
            if members:
                E[c][s] = sum(e[i][s] for i in members) / len(members)
    W = [[1.0] * a for _ in range(k)]
    for c in range(k):
        for s in range(a):
            if E[c][s] > 0:
                column = min(E[other][s] for other in range(k) if E[other][s] > 0)
                row = min(E[c][other] for other in range(a) if E[c][other] > 0)
                W[c][s] = (1 + math.log(E[c][s] / column)) ** settings["p"]
                W[c][s] *= (1 + math.log(E[c][s] / row)) ** settings["p2"]

    return sum(W[y[i]][s] * e[i][s] for i in range(n) for s in range(a)) / (n * a), W


@pytest.mark.parametrize("error", ["mse", "rmse", "mae"])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("p", "p2"), [(1, 0), (0, 0.5), (1.25, 0.1), (2, 2)])
def test_it_equals_loops(error: str, normalize: bool, p: float, p2: float) -> None:
    predicted, targets, y = batch(1, rows=15, classes=7, attributes=5)
    predicted[3], y[3] = targets[3], 6  # a class that is predicted without error, and none of 5
    y[y == 5] = 0
    settings = {"error": error, "normalize": normalize, "p": p, "p2": p2}
    loss = remse(7, 5, **settings)
    wanted, weights = looped(predicted, targets, y, 7, settings)

    assert loss(predicted, targets, y).item() == pytest.approx(wanted, rel=1e-10)
    wanted = torch.tensor(weights, dtype=torch.float64)
    assert_close(loss.weights(), wanted, atol=1e-10, rtol=1e-10)


def test_reductions() -> None:
    kinds = {
        kind: remse(reduction=kind)(PREDICTED, TARGETS, CLASSES) for kind in ("mean", "sum", "none")
    }

    assert kinds["none"].shape == (3, 2)
    assert_close(kinds["none"].sum(), kinds["sum"])
    assert_close(kinds["none"].mean(), kinds["mean"])


# The tracker.


def test_absent_classes_have_weight_one() -> None:
    predicted, targets, y = batch(2, rows=9, classes=5, attributes=3)
    loss = remse(5, 3, p=1, p2=1)
    loss(predicted, targets, y)

    absent = ~torch.isin(torch.arange(5), y)
    assert absent.any()
    assert (loss.weights()[absent] == 1).all()
    assert (loss.errors[absent] == 0).all()
    assert loss.weights().isfinite().all()
    assert torch.equal(loss.filled, ~absent)


def test_a_batch_of_one_class_has_no_other_to_compare_with() -> None:
    loss = remse(3, 2, p=2, p2=0)
    loss(PREDICTED, TARGETS, torch.full((3,), 1))

    assert (loss.weights() == 1).all()
    assert loss.errors[1].gt(0).all()


def test_trackers_differ() -> None:
    (small, zero, y), (large, _, _) = batch(3, 8, classes=4, attributes=3), batch(4, 8, 4, 3)
    first, second = (small, 0 * zero, 0 * y), (10 * large, 0 * zero, 0 * y + 1)
    losses = {}
    for tracker in ("in_batch", "cross_batch"):
        loss = remse(4, 3, p=1, p2=0, normalize=False, tracker=tracker)
        losses[tracker] = [loss(*first).item(), loss(*second).item()]
        wanted = [tracker == "cross_batch", True, False, False]
        assert loss.filled.tolist() == wanted
        assert (loss.errors > 0).any(dim=1).tolist() == wanted
        assert loss.steps == 2

    assert losses["in_batch"][0] == losses["cross_batch"][0]
    assert losses["cross_batch"][1] > losses["in_batch"][1]  # here no other class to compare with


def test_across_batches_a_row_is_overwritten() -> None:
    errors = torch.rand(3, 4).double()
    loss = filled_with(errors, tracker="cross_batch")
    new = torch.rand(2, 4).double()
    loss(new, torch.zeros(2, 4), torch.tensor([2, 2]))

    assert_close(loss.errors[:2], errors[:2], rtol=0, atol=0)
    assert_close(loss.errors[2], new.mean(dim=0))


def test_momentum_keeps_a_share_of_what_is_known() -> None:
    errors = torch.tensor([[1.0, 2.0], [0.0, 3.0]]).double()
    loss = filled_with(errors, tracker="cross_batch", momentum=0.75)
    assert_close(loss.errors, errors)  # nothing was known before

    loss(torch.full((2, 2), 5.0), torch.zeros(2, 2), torch.tensor([0, 1]))
    assert_close(loss.errors, 0.75 * errors + 0.25 * 5)


def test_a_saved_tracker_goes_on_as_if_nothing_had_been() -> None:
    batches = [batch(seed, rows=6, classes=5, attributes=3) for seed in range(8)]
    whole = remse(5, 3, tracker="cross_batch", momentum=0.3)
    losses = [whole(*each).item() for each in batches]

    first, second = (remse(5, 3, tracker="cross_batch", momentum=0.3) for _ in range(2))
    for each in batches[:4]:
        first(*each)
    second.load_state_dict(first.state_dict())
    assert [second(*each).item() for each in batches[4:]] == losses[4:]
    for name, value in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


# The gradient.


@pytest.mark.parametrize("tracker", ["in_batch", "cross_batch"])
def test_weights_carry_no_gradient(tracker: str) -> None:
    predicted, targets, y = batch(5, rows=10, classes=4, attributes=6)
    predicted.requires_grad_()
    loss = remse(4, 6, p=1.5, p2=0.5, normalize=False, tracker=tracker)
    loss(predicted, targets, y).backward()

    wanted = loss.weights()[y] * 2 * (predicted - targets) / predicted.numel()
    assert_close(predicted.grad, wanted.detach())
    assert not loss.weights().requires_grad
    assert not loss.comparable.requires_grad


def test_gradient_is_orthogonal_to_normalized_predictions() -> None:
    predicted, targets, y = batch(6, rows=10, classes=4, attributes=6)
    predicted.requires_grad_()
    remse(4, 6, p=1.5, p2=0.5)(predicted, targets, y).backward()

    along = (predicted.grad * predicted).sum(dim=1).abs()
    lengths = predicted.grad.norm(dim=1) * predicted.norm(dim=1)
    assert (lengths > 0).all()
    assert (along < 1e-6 * lengths).all()


# The guards.


def test_a_tiny_error_does_not_inflate_its_row_and_column() -> None:
    errors = torch.tensor([[1e-30, 1.0], [1.0, 1.0]]).double()
    low = 1 + math.log(1e12)

    weights = filled_with(errors, p=1, p2=1).weights()
    assert_close(weights, torch.tensor([[1.0, low], [low, 1.0]]).double())
    weights = filled_with(errors, p=1, p2=1, min_floor=0.5).weights()
    assert_close(weights[0, 1].item(), 1 + math.log(2))


def test_an_upper_limit_and_a_mean() -> None:
    errors = torch.tensor([[1, math.e], [math.e**3, 1]], dtype=torch.float64)
    weights = filled_with(errors, p=1, p2=1, w_max=5).weights()
    assert_close(weights, torch.tensor([[1, 4], [5, 1]]).double())

    plain, normal = (
        remse(p=1, p2=1, reduction="none", mean_normalize=mean) for mean in (False, True)
    )
    weighted = [loss(PREDICTED, TARGETS, CLASSES) for loss in (plain, normal)]
    factor = plain.weights()[CLASSES].mean()  # over the batch, where class 0 comes twice
    assert factor > 1.5
    assert_close(weighted[0] / factor, weighted[1])


def test_half_precision_is_taken_in_float32() -> None:
    loss = ReMSE(2, 2, p=1, p2=1, normalize=False)
    half = loss(PREDICTED.bfloat16(), TARGETS.bfloat16(), CLASSES)
    rounded = loss(PREDICTED.bfloat16().float(), TARGETS.bfloat16().float(), CLASSES)

    assert half.dtype == torch.float32
    assert_close(half, rounded)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"p": -0.1}, "`p` must be a number at least 0; got -0.1"),
        ({"p2": -1}, "`p2` must be"),
        ({"p": math.nan}, "`p` must be"),
        ({"min_floor": -1}, "`min_floor` must be"),
        ({"error": "msse"}, "`error` must be one of 'mse', 'rmse', 'mae'; got 'msse'. Did you"),
        ({"reduction": "max"}, "`reduction` must be one of"),
        ({"tracker": "in-batch"}, "`tracker` must be one of 'in_batch', 'cross_batch'"),
        ({"momentum": 1.0, "tracker": "cross_batch"}, "at least 0 and below 1"),
        ({"momentum": 0.5}, "`momentum` needs tracker='cross_batch'"),
        ({"w_max": 0.5}, "`w_max` must be at least 1"),
        ({"classes": 0}, "`classes` must be a whole number at least 1"),
    ],
)
def test_settings_of_no_use(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReMSE(**({"classes": 2, "attributes": 2} | settings))


def test_batches_of_no_use() -> None:
    loss = remse()
    before = {name: value.clone() for name, value in loss.state_dict().items()}

    for predicted, targets, classes, message in [
        (PREDICTED, TABLE, CLASSES, r"one row per example .* \(2, 2\).*`table\[classes\]`"),
        (PREDICTED[:, :1], TARGETS[:, :1], CLASSES, "2 columns"),
        (PREDICTED, TARGETS, CLASSES[:2], "one number per example"),
        (PREDICTED, TARGETS, CLASSES + 1, "`classes` must be from 0 to 1; got 1 to 2"),
        (PREDICTED, TARGETS, CLASSES - 1, "`classes` must be from 0 to 1; got -1 to 0"),
        (PREDICTED * math.nan, TARGETS, CLASSES, "not finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            loss(predicted, targets, classes)
    for name, value in loss.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_unchecked_values_show_in_the_loss() -> None:
    loss = remse(check_values=False)

    assert loss(PREDICTED * math.nan, TARGETS, CLASSES).isnan()


# What it is for.


def synthetic(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns features of 40 classes whose noise is in proportion to them, labels, and targets."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.rand(40, 30, generator=generator) ** 2
    mixing = torch.randn(30, 64, generator=generator) / 30**0.5
    y = torch.arange(40).repeat_interleave(30)
    noisy = table[y] * (1 + 0.5 * torch.randn(len(y), 30, generator=generator))
    x = noisy @ mixing + 0.02 * torch.randn(len(y), 64, generator=generator)

    return x, y, normalize_rows(table)


def imbalance(seed: int, p: float) -> tuple[float, float]:
    """Trains, and returns label-error correlation and the Theil index within classes."""
    from unseen.metrics.imbalance import error_matrix, label_error_correlation, theil

    x, y, table = synthetic(seed)
    generator = torch.Generator().manual_seed(seed)
    weight = (0.1 * torch.randn(64, 30, generator=generator)).requires_grad_()
    loss = remse(40, 30, p=p, p2=p, mean_normalize=True).float()
    optimizer = torch.optim.Adam([weight], 0.01)
    for _ in range(400):
        rows = torch.randint(len(y), (64,), generator=generator)
        optimizer.zero_grad()
        loss(x[rows] @ weight, table[y[rows]], y[rows]).backward()
        optimizer.step()

    matrix = error_matrix((x @ weight).detach().numpy(), y.numpy(), table.numpy())
    within = theil(matrix, axis=1).mean()

    return label_error_correlation(matrix, table.numpy()), float(within)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weights_make_errors_more_equal(seed: int) -> None:
    (plain_correlation, plain_theil), (correlation, theil) = (imbalance(seed, p) for p in (0, 1))

    assert correlation < plain_correlation
    assert theil < plain_theil
