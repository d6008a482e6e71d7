"""The flow: invertible, with the right determinant, mixing all columns, and saved whole."""

import copy
import gc
import math
import subprocess
import sys
import weakref

import pytest
import torch
from torch import Tensor, nn
from zuko.lazy import LazyComposedTransform
from zuko.transforms import DependentTransform, MonotonicAffineTransform

from unseen.nets.flow import AffineCoupling, BoundedAffine, coupling_flow, dependence


def make(features: int, blocks: int = 5, seed: int = 0, std: float = 0.0) -> LazyComposedTransform:
    """Returns a flow whose last layers are random, where a deviation is given."""
    generator = torch.Generator().manual_seed(seed)
    flow = coupling_flow(features, blocks, 16, 2.0, generator)
    for coupling in couplings(flow) if std else []:
        nn.init.normal_(coupling.second.weight, std=std, generator=generator)
        nn.init.normal_(coupling.second.bias, std=std, generator=generator)

    return flow.eval()


def couplings(flow: LazyComposedTransform) -> list[AffineCoupling]:
    return [part for part in flow.modules() if isinstance(part, AffineCoupling)]


def rows(n: int, features: int, seed: int = 1) -> Tensor:
    return torch.randn(n, features, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("features", [2, 3, 4, 5, 33, 2048])
@pytest.mark.parametrize("std", [0.0, 0.1])
def test_round_trip(features: int, std: float) -> None:
    flow, x = make(features, std=std), rows(20, features)
    z = flow()(x)

    assert (flow().inv(z) - x).abs().max() < 1e-4
    assert (flow()(flow().inv(x)) - x).abs().max() < 1e-4
    assert std == 0 or (z.sort().values - x.sort().values).abs().max() > 0.1


@pytest.mark.parametrize("features", [4, 5, 6])
def test_log_determinant_is_that_of_the_jacobian(features: int) -> None:
    flow = make(features, std=0.5)
    for row in rows(5, features):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow()(v[None])[0], row)
        _, log_det = flow().call_and_ladj(row[None])

        assert log_det.item() == pytest.approx(jacobian.det().abs().log().item(), abs=1e-4)
        assert abs(log_det.item()) > 1e-2


@pytest.mark.parametrize("features", [4, 7])
def test_it_begins_as_a_permutation(features: int) -> None:
    z, log_det = make(features)().call_and_ladj(rows(3, features))

    assert torch.equal(z.sort().values, rows(3, features).sort().values)
    assert (log_det == 0).all()


@pytest.mark.parametrize("features", [2, 3, 4, 5, 33])
@pytest.mark.parametrize("blocks", [4, 5])
def test_every_output_depends_on_every_input(features: int, blocks: int) -> None:
    for seed in range(5):
        flow = make(features, blocks, seed, std=0.3)
        row = rows(1, features)[0]
        jacobian = torch.autograd.functional.jacobian(lambda v, f=flow: f()(v[None])[0], row)

        assert (jacobian != 0).all()


def test_no_column_passes_two_blocks_unchanged() -> None:
    orders = [value for name, value in make(101).state_dict().items() if name.endswith("_0")]
    assert len(orders) == 5
    for first, second in zip(orders[::2], orders[1::2], strict=False):
        kept = torch.zeros(101, dtype=torch.bool)
        kept[:50] = True  # of the outputs of the first block
        assert not kept[second][:50].any()
        assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(101))


def test_dependence_follows_the_halves() -> None:
    same = torch.arange(4)

    assert not dependence([same] * 9).all()
    assert dependence([same])[2:, :2].all()
    assert torch.equal(dependence([same])[:2], torch.eye(4, dtype=torch.bool)[:2])


def test_the_affine_map_is_zukos() -> None:
    parameters = (3 * rows(5, 12)).double().requires_grad_()
    x = rows(5, 6, seed=2).double().requires_grad_()
    shift, scale = parameters.chunk(2, dim=1)
    theirs = DependentTransform(MonotonicAffineTransform(shift, scale, slope=math.exp(-1.5)), 1)
    ours = BoundedAffine(parameters, 1.5)

    for image, log_det, wanted, wanted_log_det in [
        (*ours.call_and_ladj(x), *theirs.call_and_ladj(x)),
        (ours.inv(x), torch.zeros(5), theirs.inv(x), torch.zeros(5)),
    ]:
        torch.testing.assert_close(image, wanted)
        torch.testing.assert_close(log_det, wanted_log_det)
        loss, wanted_loss = (
            a.sin().sum() + b.square().sum()
            for a, b in ((image, log_det), (wanted, wanted_log_det))
        )
        torch.testing.assert_close(
            torch.autograd.grad(loss, [x, parameters], retain_graph=True),
            torch.autograd.grad(wanted_loss, [x, parameters], retain_graph=True),
        )


@pytest.mark.parametrize("sign", [-1, 1])
def test_scales_stay_within_their_bound(sign: int) -> None:
    parameters = torch.tensor([[0.0] * 3 + [sign * size for size in (1e-3, 1.0, 1e6)]])
    _, log_scales = BoundedAffine(parameters, 2.0).call_and_ladj(torch.zeros(1, 3))
    expected = sign * (1e-3 / (1 + 5e-4) + 1 / 1.5 + 2 / (1 + 2e-6))

    assert log_scales.item() == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_a_permutation_is_the_permutation_back() -> None:
    flow = make(5)
    x = rows(2, 5).requires_grad_()
    weight = rows(2, 5, seed=4)
    (flow()(x) * weight).sum().backward()

    torch.testing.assert_close(x.grad, flow().inv(weight))


def test_an_inverse_keeps_no_tensor_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref] = []
    init = BoundedAffine.__init__

    def record(self: BoundedAffine, *arguments: object) -> None:
        init(self, *arguments)
        made.append(weakref.ref(self.parameters))

    monkeypatch.setattr(BoundedAffine, "__init__", record)
    flow = coupling_flow(8, 4, 16, 2.0, torch.Generator().manual_seed(0))
    gc.disable()
    try:
        result = flow().inv(torch.ones(3, 8))
        result.sum().backward()
        del result
        assert len(made) == 4
        assert not [tensor for tensor in made if tensor() is not None]
    finally:
        gc.enable()


def test_saved_flows_keep_their_permutations() -> None:
    flow, again, other = make(9, std=0.2), make(9, seed=3), make(9, std=0.2)
    again.load_state_dict(copy.deepcopy(flow.state_dict()))
    x = rows(4, 9)

    assert sum(name.endswith("_0") for name in flow.state_dict()) == 5
    assert torch.equal(again()(x), flow()(x))
    assert torch.equal(other()(x), flow()(x))  # one seed, one flow
    assert not torch.equal(make(9, seed=3, std=0.2)()(x), flow()(x))
    assert not any(name.endswith("_0") for name, _ in flow.named_parameters())


@pytest.mark.parametrize(("features", "blocks"), [(1, 5), (8, 3)])
def test_too_small(features: int, blocks: int) -> None:
    with pytest.raises(ValueError, match="2 columns and 4 blocks or more"):
        coupling_flow(features, blocks, 8, 2.0, torch.Generator())


def test_zuko_does_not_switch_off_the_checks_of_pytorchs_distributions() -> None:
    code = (
        "import torch, unseen.nets.flow\n"
        "try: torch.distributions.Normal(0.0, -1.0)\n"
        "except ValueError: print('checked')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "checked"
