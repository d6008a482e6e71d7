"""Recognises classes nobody has labelled, from features and class descriptions.

The public names load when they are first used: ``import unseen`` loads neither PyTorch nor
matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unseen.benchmark.evaluation import Evaluation, evaluate
    from unseen.benchmark.recipes import RECIPES
    from unseen.continual import STRATEGIES
    from unseen.continual.learner import ContinualLearner
    from unseen.continual.run import StreamRun, run_stream
    from unseen.continual.streams import Stream, make_stream
    from unseen.data.dataset import DataError, Subset, ZeroShotData
    from unseen.data.load import load, save
    from unseen.data.splits import HiddenClassFolds
    from unseen.decide import (
        SeenPenalty,
        choose_epochs,
        choose_seen_penalty,
        oracle_epochs,
        oracle_seen_penalty,
    )
    from unseen.methods import METHODS
    from unseen.methods.ale import ALE
    from unseen.methods.base import ZeroShotClassifier
    from unseen.methods.class_norm import MLP, ClassNorm
    from unseen.methods.conse import ConSE
    from unseen.methods.continual import ContinualClassifier
    from unseen.methods.cvc import CVC
    from unseen.methods.dap import DAP
    from unseen.methods.dcn import DCN
    from unseen.methods.dem import DEM
    from unseen.methods.devise import DeViSE
    from unseen.methods.eszsl import ESZSL
    from unseen.methods.gaussian_nb import TiedGaussian
    from unseen.methods.generative import GenerativeZeroShotClassifier
    from unseen.methods.izf import IZF
    from unseen.methods.latem import LatEm
    from unseen.methods.many_seeds import fit_seeds
    from unseen.methods.recursive_ridge import RecursiveRidge
    from unseen.methods.relation_net import RelationNet
    from unseen.methods.rezsl import ReZSL
    from unseen.methods.sae import SAE
    from unseen.methods.saving import ModelError
    from unseen.methods.sje import SJE
    from unseen.metrics.gzsl import GZSLResult
    from unseen.metrics.history import History
    from unseen.models import load_model
    from unseen.nets.resnet import SmallResNet

HOMES = {
    "ALE": "methods.ale",
    "CVC": "methods.cvc",
    "ClassNorm": "methods.class_norm",
    "ConSE": "methods.conse",
    "ContinualClassifier": "methods.continual",
    "ContinualLearner": "continual.learner",
    "DAP": "methods.dap",
    "DCN": "methods.dcn",
    "DEM": "methods.dem",
    "DataError": "data.dataset",
    "DeViSE": "methods.devise",
    "ESZSL": "methods.eszsl",
    "Evaluation": "benchmark.evaluation",
    "GZSLResult": "metrics.gzsl",
    "GenerativeZeroShotClassifier": "methods.generative",
    "HiddenClassFolds": "data.splits",
    "History": "metrics.history",
    "IZF": "methods.izf",
    "LatEm": "methods.latem",
    "METHODS": "methods",
    "MLP": "methods.class_norm",
    "ModelError": "methods.saving",
    "RECIPES": "benchmark.recipes",
    "ReZSL": "methods.rezsl",
    "RecursiveRidge": "methods.recursive_ridge",
    "RelationNet": "methods.relation_net",
    "SAE": "methods.sae",
    "SJE": "methods.sje",
    "STRATEGIES": "continual",
    "SeenPenalty": "decide",
    "SmallResNet": "nets.resnet",
    "Stream": "continual.streams",
    "StreamRun": "continual.run",
    "Subset": "data.dataset",
    "TiedGaussian": "methods.gaussian_nb",
    "ZeroShotClassifier": "methods.base",
    "ZeroShotData": "data.dataset",
    "choose_epochs": "decide",
    "choose_seen_penalty": "decide",
    "evaluate": "benchmark.evaluation",
    "fit_seeds": "methods.many_seeds",
    "load": "data.load",
    "load_model": "models",
    "make_stream": "continual.streams",
    "oracle_epochs": "decide",
    "oracle_seen_penalty": "decide",
    "run_stream": "continual.run",
    "save": "data.load",
}

__version__ = "0.1.0"
__all__ = [
    "ALE",
    "CVC",
    "DAP",
    "DCN",
    "DEM",
    "ESZSL",
    "IZF",
    "METHODS",
    "MLP",
    "RECIPES",
    "SAE",
    "SJE",
    "ClassNorm",
    "ConSE",
    "DataError",
    "DeViSE",
    "Evaluation",
    "GZSLResult",
    "GenerativeZeroShotClassifier",
    "HiddenClassFolds",
    "LatEm",
    "ModelError",
    "ReZSL",
    "RecursiveRidge",
    "RelationNet",
    "SeenPenalty",
    "SmallResNet",
    "Subset",
    "TiedGaussian",
    "ZeroShotClassifier",
    "ZeroShotData",
    "choose_epochs",
    "choose_seen_penalty",
    "evaluate",
    "fit_seeds",
    "load",
    "load_model",
    "oracle_epochs",
    "oracle_seen_penalty",
    "save",
    "ContinualClassifier",
    "ContinualLearner",
    "History",
    "STRATEGIES",
    "Stream",
    "StreamRun",
    "make_stream",
    "run_stream",
]


if not TYPE_CHECKING:  # a type checker knows all names already, and so finds mistyped ones

    def __getattr__(name: str) -> Any:
        if name not in HOMES:
            raise AttributeError(f"module 'unseen' has no attribute {name!r}")

        return getattr(import_module(f"unseen.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
