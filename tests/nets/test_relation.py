"""The relation module against pairs that are put together, as the paper has them."""

import pytest
import torch
from torch import Tensor, nn

from unseen.nets.relation import TILE, Relation

D, H = 6, 10


@pytest.fixture
def relation() -> Relation:
    return Relation(D, H, torch.Generator().manual_seed(0))


def put_together(relation: Relation, x: Tensor, prototypes: Tensor) -> Tensor:
    """Returns the relation of the paper, one pair after another."""
    plain = nn.Sequential(nn.Linear(2 * D, H), nn.ReLU(), nn.Linear(H, 1))
    with torch.no_grad():
        weights = [relation.of_classes.weight, relation.of_examples.weight]
        plain[0].weight.copy_(torch.cat(weights, dim=1))
        plain[0].bias.copy_(relation.of_classes.bias)
        plain[2].load_state_dict(relation.output.state_dict())

        pairs = [[torch.cat([p, row]) for p in prototypes] for row in x]
        return torch.stack([torch.cat([plain(pair) for pair in row]) for row in pairs])


@pytest.mark.parametrize(("rows", "classes"), [(1, 1), (5, 3), (TILE + 3, 2), (2, TILE + 1)])
def test_split_halves_give_what_put_together_pairs_give(
    relation: Relation, rows: int, classes: int
) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, D, generator=generator)
    prototypes = torch.randn(classes, D, generator=generator)
    embedded, wanted = relation.of_classes(prototypes), put_together(relation, x, prototypes)

    assert wanted.shape == (rows, classes)
    torch.testing.assert_close(relation(x, embedded), wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(relation.eval()(x, embedded), wanted, rtol=1e-5, atol=1e-5)


def test_weights_start_as_those_of_one_map_of_both(relation: Relation) -> None:
    wide = Relation(100, 200, torch.Generator().manual_seed(0))
    for parameter in (*wide.of_classes.parameters(), *wide.of_examples.parameters()):
        assert 0.9 * 200**-0.5 < parameter.abs().max() <= 200**-0.5
    assert relation.output.weight.abs().max() <= H**-0.5
