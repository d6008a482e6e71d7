from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from unseen.nets import linear as module
from unseen.nets.linear import linear, linear_with_rounded_gradients

VIEWS = {
    "whole": lambda x: x,
    "columns of a wider one": lambda x: F.pad(x, (2, 3))[:, 2:-3],
    "every other row": lambda x: x.repeat_interleave(2, dim=0)[::2],
    "transposed": lambda x: x.t().contiguous().t(),
    "transposed columns": lambda x: F.pad(x.t().contiguous(), (1, 0))[:, 1:].t(),
    "one row, expanded": lambda x: x[:1].expand_as(x),
}


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def with_gradients(product: Callable[..., Tensor], *operands: Tensor) -> list[Tensor]:
    leaves = [operand.detach().requires_grad_() for operand in operands]
    result = product(*leaves)

    return [result.detach(), *torch.autograd.grad(result, leaves, normal(*result.shape))]


BIASES = {
    "none": [],
    "whole": [normal(4)],
    "every other number": [normal(8)[::2]],
    "one number": [normal(1).expand(4)],
}


@pytest.mark.parametrize("of_x", VIEWS)
@pytest.mark.parametrize("of_weight", VIEWS)
@pytest.mark.parametrize("bias", BIASES)
def test_product_and_gradients_equal_pytorchs(of_x: str, of_weight: str, bias: str) -> None:
    operands = [VIEWS[of_x](normal(6, 5)), VIEWS[of_weight](normal(4, 5)), *BIASES[bias]]
    assert_close(with_gradients(linear, *operands), with_gradients(F.linear, *operands))


@pytest.mark.parametrize("of_x", VIEWS)
@pytest.mark.parametrize("of_weight", VIEWS)
def test_second_derivatives_equal_pytorchs(of_x: str, of_weight: str) -> None:
    def twice(product: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        x, weight = normal(6, 5).requires_grad_(), normal(4, 5).requires_grad_()
        result = product(VIEWS[of_x](x), VIEWS[of_weight](weight)).square().sum()
        first = torch.autograd.grad(result, (x, weight), create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), (x, weight))

    assert_close(twice(linear), twice(F.linear), rtol=1e-4, atol=1e-3)


def test_rounded_gradients_have_no_second_derivative() -> None:
    x, weight = normal(6, 5).requires_grad_(), normal(4, 5).requires_grad_()
    result = linear_with_rounded_gradients(x, weight, normal(4)).square().sum()
    (gradient,) = torch.autograd.grad(result, weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_a_gradient_that_is_one_number_for_all() -> None:
    x, weight = normal(6, 5), normal(4, 5).requires_grad_()
    linear(x, weight).sum().backward()
    assert weight.grad is not None
    assert_close(weight.grad, x.sum(dim=0).expand(4, 5))


@pytest.mark.parametrize(("rows", "outputs"), [(0, 4), (1, 4), (3, 0), (0, 0)])
def test_no_row_and_one_row(rows: int, outputs: int) -> None:
    weight = normal(outputs, 5).requires_grad_()
    product = linear(normal(rows, 5), weight)
    product.sum().backward()
    assert product.shape == (rows, outputs)
    assert weight.grad is not None


def test_more_axes_than_two() -> None:
    operands = normal(2, 3, 5), normal(4, 5), normal(4)
    assert_close(with_gradients(linear, *operands), with_gradients(F.linear, *operands))


@pytest.mark.parametrize("view", VIEWS)
def test_onednn_is_given_whole_matrices_or_their_transposes(
    view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of others it takes a path that is a thousand times slower."""
    given = []
    whole = module._whole

    def record(x: Tensor) -> Tensor:
        given.append(whole(x))
        return given[-1]

    monkeypatch.setattr(module, "_whole", record)
    with_gradients(linear, VIEWS[view](normal(6, 5)), VIEWS[view](normal(4, 5)))
    assert len(given) == 6 or not module.has_onednn()
    assert all(x.is_contiguous() or x.t().is_contiguous() for x in given)


def test_rounded_gradients_leave_the_map_as_it_is() -> None:
    operands = normal(40, 30), normal(20, 30), normal(20)
    rounded = with_gradients(linear_with_rounded_gradients, *operands)
    product, *gradients = with_gradients(linear, *operands)
    assert torch.equal(rounded[0], product)
    assert torch.equal(rounded[3], gradients[2])  # the bias's is a sum
    for one, other in zip(rounded[1:3], gradients[:2], strict=True):
        assert one.dtype == torch.float32
        error = torch.dist(one, other) / other.norm()
        assert 1e-4 < error < 2**-7  # bfloat16 has 8 bits
