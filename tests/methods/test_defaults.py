"""Defaults that the specifications state; others are of a short training of ours."""

import pytest

from unseen.methods import METHODS

CLASS_NORM = {  # class-normalization.md, section 5
    "depth": 2,
    "hidden": 1024,
    "scale": 5.0,
    "attribute_normalization": "sqrt",
    "weight_decay": 1e-4,
}
RANKING = {"margin": 1.0}  # ALE's, in baselines.md, section 2.5; of LatEm, its Algorithm 1
PUBLISHED: dict[str, dict[str, object]] = {
    "class-norm": CLASS_NORM
    | {
        "norm": "class",
        "norm_position": "both",
        "divide_by": "std",
        "ddof": None,
        "eps": 1e-5,
        "momentum": 0.1,
        "affine": "none",
        "statistics": "running",
        "init": "class-norm",
        "smoothing": 1.0,
        "optimizer": "adam",
        "step_epochs": 25,
        "step_factor": 0.1,
        "clip_norm": None,
    },
    "mlp": CLASS_NORM,
    # baselines.md, from here on
    "eszsl": {"negative_target": -1.0},  # 2.1
    "dap": {"prior": "seen"},  # 2.3
    "conse": {"top": 10},  # 2.4
    "devise": RANKING,
    "ale": RANKING,
    "sje": RANKING,
    "latem": RANKING,
    "dem": {"similarity": "distance"},  # 3.1
    "relation-net": {"step_factor": 0.5},  # 3.2
    "dcn": {"seen_temperature": 2.0, "schedule": "linear"},  # 3.3, AwA
    "cvc-zsl": {  # 3.4
        "ways": 16,
        "weight_decay": 1e-4,
        "step_epochs": 500,
        "step_factor": 0.5,
    },
    "rezsl": {  # remse.md, sections 1.4 to 1.6 and 2.6 to 2.8
        "scale": 20.0,
        "regression": "remse",
        "p": 1.0,
        "p2": 0.1,
        "normalize": True,
        "tracker": "in_batch",
        "mean_normalize": False,
        "noise": 0.1,
        "ways": 16,
        "shots": 2,
        "weight_decay": 1e-5,
        "step_epochs": 10,
        "step_factor": 0.1,
    },
    "izf": {  # izf.md, sections 1.3, 2.1, 2.4 and 4
        "blocks": 5,
        "scale_bound": 2.0,
        "likelihood": "sum",
        "likelihood_weight": 2.0,
        "centre_weight": 1.0,
        "separation_weight": 0.1,
        "weight_decay": 1e-5,
        "clip_norm": 10.0,
    },
}
UNPUBLISHED = {"sae", "recursive-ridge", "tied-gaussian"}


def test_every_method_is_specified() -> None:
    assert {*PUBLISHED, *UNPUBLISHED} == set(METHODS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_defaults_are_the_published_ones(name: str) -> None:
    settings = METHODS[name]().get_params()

    assert {key: settings[key] for key in PUBLISHED[name]} == PUBLISHED[name]
