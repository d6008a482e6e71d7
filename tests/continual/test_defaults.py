"""Defaults of the streams: what the specification says, setting by setting."""

import pytest

from unseen.continual import STRATEGIES
from unseen.continual.heads import HEADS
from unseen.continual.learner import ContinualLearner

SPECIFIED: dict[str, dict[str, object]] = {
    "sequential": {},  # section 5.1
    "joint": {"budget": "sequential"},  # 5.2: steps near those of sequential training
    "ewc": {  # 5.3
        "weight": 10.0,
        "decay": 0.99,
        "rescale": True,
        "competing": "task",
        "labels": "data",
        "legacy_importance": False,
    },
    "mas": {  # 5.4
        "weight": 1e-4,
        "decay": 0.95,
        "competing": "task",
        "legacy_importance": False,
    },
    "lwf": {"weight": 1.0, "temperature": 2.0},  # 5.9
    "agem": {"per_class": 10, "memory_batch": 128},  # 5.5, of CUB
    "replay": {  # 5.8: as many as A-GEM keeps of CUB, and in a step the batch of the task
        "capacity": 10 * 200,
        "weight": 1.0,
        "memory_batch": None,
        "balanced": False,
        "competing": "seen",
    },
    "icarl": {  # 5.6, without the options of the full method; its temperature is that of 5.9
        "capacity": 1000,
        "weight": 1.0,
        "memory_batch": 10,
        "distillation": 0.0,
        "temperature": 2.0,
        "prediction": "prototypes",
    },
    "dem": {  # 5.7, which leaves the axes open
        "compressor": "auto",
        "weight": 1.0,
        "memory_batch": 10,
        "components": 64,
        "factor": 256 // 64,
        "compressed_loss": 0.0,
        "matching": 0.0,
    },
}
# Sections 4 and 6.
HEAD = {
    "depth": 1,
    "hidden": 256,
    "norm_position": "last",
    "divide_by": "std",
    "affine": "none",
    "scale": 10.0,
    "attribute_normalization": "sqrt",
    "epochs": 10,
    "batch_size": 32,
    "lr": 1e-3,
    "optimizer": "sgd",
    "weight_decay": 0.0,
    "schedule": "constant",
    "clip_norm": None,
}
DIFFERENCES = {
    "class-norm": {"norm": "class", "init": "class-norm"},
    "mlp": {"norm": None, "init": "kaiming-fan-in"},
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_have_the_specified_defaults(name: str) -> None:
    assert STRATEGIES[name]().get_params() == SPECIFIED[name]


@pytest.mark.parametrize("name", HEADS)
def test_heads_have_the_papers_settings(name: str) -> None:
    head, wanted = HEADS[name](), HEAD | DIFFERENCES[name]

    assert {setting: getattr(head, setting) for setting in wanted} == wanted


def test_the_learner_has_the_specified_defaults() -> None:
    learner = ContinualLearner()

    assert learner.backbone_lr == 5e-3  # section 6
    assert not learner.freeze_norm  # as in the release, section 8.7
    assert learner.old_classes is None  # section 4: all of L_t take part
