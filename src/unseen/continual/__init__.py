"""Streams of tasks, strategies against forgetting, and the run that measures them."""

__all__ = ["BACKBONES", "STRATEGIES"]

from unseen.continual.agem import AGEM
from unseen.continual.backbones import BACKBONES
from unseen.continual.dem import CompressedReplay
from unseen.continual.ewc import EWC
from unseen.continual.icarl import ICaRL
from unseen.continual.joint import Joint
from unseen.continual.lwf import LwF
from unseen.continual.mas import MAS
from unseen.continual.replay import ExperienceReplay
from unseen.continual.sequential import Sequential
from unseen.continual.strategy import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    "sequential": Sequential,
    "joint": Joint,
    "ewc": EWC,
    "mas": MAS,
    "lwf": LwF,
    "agem": AGEM,
    "replay": ExperienceReplay,
    "icarl": ICaRL,
    "dem": CompressedReplay,
}
