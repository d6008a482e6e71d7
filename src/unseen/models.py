"""Models of any kind, read back from their folders."""

__all__ = ["load_model"]

from pathlib import Path

from unseen.continual.learner import ContinualLearner
from unseen.methods import saving
from unseen.methods.base import ZeroShotClassifier


def load_model(path: str | Path) -> ZeroShotClassifier:
    """Reads a model folder, of any method.

    Arguments:
        path: The folder that ``save_pretrained`` or ``unseen train`` wrote.

    Returns:
        The fitted model.

    Raises:
        ModelError: If the folder is missing, damaged, edited, or of a newer version.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from unseen.data.simulate import simulate_toy
        >>> from unseen.methods.eszsl import ESZSL
        >>> data = simulate_toy()
        >>> train = data.subset("train")
        >>> model = ESZSL().fit(train.features, train.labels, data.class_attributes)
        >>> with TemporaryDirectory() as folder:
        ...     model.save_pretrained(f"{folder}/model")
        ...     load_model(f"{folder}/model")
        ESZSL()
    """
    return saving.load_model(path, {"continual": ContinualLearner})
