"""The methods: one paper, one file."""

__all__ = ["METHODS"]

from unseen.methods.ale import ALE
from unseen.methods.base import ZeroShotClassifier
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.methods.conse import ConSE
from unseen.methods.cvc import CVC
from unseen.methods.dap import DAP
from unseen.methods.dcn import DCN
from unseen.methods.dem import DEM
from unseen.methods.devise import DeViSE
from unseen.methods.eszsl import ESZSL
from unseen.methods.gaussian_nb import TiedGaussian
from unseen.methods.izf import IZF
from unseen.methods.latem import LatEm
from unseen.methods.recursive_ridge import RecursiveRidge
from unseen.methods.relation_net import RelationNet
from unseen.methods.rezsl import ReZSL
from unseen.methods.sae import SAE
from unseen.methods.sje import SJE

METHODS: dict[str, type[ZeroShotClassifier]] = {
    "class-norm": ClassNorm,
    "mlp": MLP,
    "dap": DAP,
    "conse": ConSE,
    "devise": DeViSE,
    "ale": ALE,
    "sje": SJE,
    "latem": LatEm,
    "eszsl": ESZSL,
    "recursive-ridge": RecursiveRidge,
    "sae": SAE,
    "tied-gaussian": TiedGaussian,
    "dem": DEM,
    "relation-net": RelationNet,
    "dcn": DCN,
    "cvc-zsl": CVC,
    "rezsl": ReZSL,
    "izf": IZF,
}
