"""Several networks of one architecture as one: each learned tensor gets a leading axis."""

__all__ = ["stack_networks", "unstack_network"]

import copy
from collections.abc import Sequence

import torch
from torch import nn

from unseen.nets.scoring_network import ScoringNetwork

PREPARATIONS = ("features", "attributes")  # of a ScoringNetwork: they are the same for all


def stack_networks(networks: Sequence[ScoringNetwork]) -> ScoringNetwork:
    """Returns one network whose learned tensors hold those of several, along a first axis.

    Arguments:
        networks: The networks, which differ in nothing but learned parameters and buffers.

    Example:
        >>> from unseen.nets.attribute_embedder import AttributeEmbedder
        >>> from unseen.nets.preprocessing import AttributeNormalization, FeaturePreprocessing
        >>> from unseen.nets.scoring_network import ScaledCosineNetwork
        >>> sides = FeaturePreprocessing("centre", 3), AttributeNormalization("sqrt", 2)
        >>> embedder = AttributeEmbedder(2, [], 3, generator=torch.Generator().manual_seed(0))
        >>> networks = [ScaledCosineNetwork(*sides, embedder, 5.0)] * 4
        >>> stacked = stack_networks(networks)
        >>> tuple(stacked.embedder.final_weight.shape), tuple(stacked.features.mean.shape)
        ((4, 3, 2), (3,))
        >>> tuple(stacked.embed(torch.ones(5, 2)).shape)
        (4, 5, 3)
    """
    stacked = copy.deepcopy(networks[0])
    for name, module in stacked.named_modules():
        if name.partition(".")[0] in PREPARATIONS:
            continue
        alike = [network.get_submodule(name) for network in networks]
        for key in dict(module.named_parameters(recurse=False)):
            values = torch.stack([getattr(one, key).detach() for one in alike])
            module.register_parameter(key, nn.Parameter(values))
        for key in dict(module.named_buffers(recurse=False)):
            module.register_buffer(key, torch.stack([getattr(one, key) for one in alike]))

    return stacked


def unstack_network(stacked: ScoringNetwork, networks: Sequence[ScoringNetwork]) -> None:
    """Copies the state of a network that ``stack_networks`` made back to those it was made of.

    Arguments:
        stacked: The network.
        networks: Those it was made of, in their order.
    """
    state = stacked.state_dict()
    for i, network in enumerate(networks):
        network.load_state_dict(
            {
                name: value if name.partition(".")[0] in PREPARATIONS else value[i]
                for name, value in state.items()
            }
        )
