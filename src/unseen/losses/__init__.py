"""One loss, one file."""

__all__ = ["ReMSE", "balanced_mse", "negative_mmd", "normalized_mse", "smoothed_cross_entropy"]

from unseen.losses.balanced_mse import balanced_mse
from unseen.losses.mmd import negative_mmd
from unseen.losses.normalized_mse import normalized_mse
from unseen.losses.remse import ReMSE
from unseen.losses.smoothed_cross_entropy import smoothed_cross_entropy
