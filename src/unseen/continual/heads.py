"""The heads that learn along a stream, with the paper's settings; and what needs no strategy."""

__all__ = ["EXACT", "HEADS", "class_norm_head", "mlp_head"]

from collections.abc import Callable

from unseen.methods.class_norm import ClassNorm
from unseen.methods.continual import ContinualClassifier
from unseen.methods.gaussian_nb import TiedGaussian
from unseen.methods.recursive_ridge import RecursiveRidge


def class_norm_head() -> ClassNorm:
    """Returns the head of the paper's streams: one hidden layer, one class norm, Eq. (10).

    The learning rate was set for a fine-tuned ResNet-18; on fixed features it is to be chosen on
    the first tasks (``--set tune=3``). The ReLU that ends the release's head is left out where a
    feature of the first task is negative (``final_activation="auto"``), as after a PCA.
    """
    return ClassNorm(
        depth=1,
        hidden=256,
        norm_position="last",
        scale=10.0,
        feature_preprocessing="l2",
        epochs=10,
        batch_size=32,
        lr=1e-3,
        weight_decay=0.0,
        optimizer="sgd",
        schedule="constant",
        precision="float32",
    )


def mlp_head() -> ClassNorm:
    """Returns the paper's baseline: the same head without class norm, Kaiming-uniform."""
    return class_norm_head().set_params(norm=None, init="kaiming-fan-in")


HEADS: dict[str, Callable[[], ClassNorm]] = {"class-norm": class_norm_head, "mlp": mlp_head}
EXACT: dict[str, type[ContinualClassifier]] = {
    "recursive-ridge": RecursiveRidge,
    "tied-gaussian": TiedGaussian,
}
