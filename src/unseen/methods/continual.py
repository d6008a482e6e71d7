"""The contract of methods that go on learning: tasks arrive one by one."""

__all__ = ["ContinualClassifier"]

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from unseen.data.check_classes import check_class_attributes
from unseen.methods.base import FLOATS, ZeroShotClassifier
from unseen.methods.class_table import check_names, raise_problems
from unseen.methods.saving import method_name
from unseen.training.loop import Monitor


class ContinualClassifier(ZeroShotClassifier):
    """A classifier that goes on learning when new classes, or new examples, arrive.

    A method writes ``_partial_fit`` beside what every method writes. It gets the descriptions of
    the classes that have had examples alone: those of later tasks cannot leak into earlier ones.
    """

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        class_attributes: ArrayLike | None = None,
        *,
        classes: ArrayLike | None = None,
        class_names: Sequence[str] | None = None,
        monitor: Monitor | None = None,
    ) -> Self:
        """Learns from the examples of one more task, going on from what was learned before.

        Classes become seen with their first example. If it fails, the model is as it was before.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            y: The row of the class table of each example, with shape :math:`(n,)`; any labels if
                there is no class table.
            class_attributes: One description per class, with shape :math:`(c, a)`; by default the
                stored table. A table given later begins with the rows of the stored one. A class
                that has no example yet may be described by NaN until it has one.
            classes: All labels that will ever occur, needed in the first call without class table
                if not all are in ``y``.
            class_names: The names of the classes; by default those stored, or their labels.
            monitor: What may look on: a callback, a checkpoint.

        Raises:
            ValueError: If shapes, labels or descriptions are wrong, or a description has changed.
        """
        before = dict(vars(self))
        first = not hasattr(self, "classes_")
        self.check_settings()
        try:
            X, y = validate_data(self, X, y, dtype=FLOATS, ensure_all_finite=False, reset=first)
            self._check_finite(X)
            check_classification_targets(y)
            if first:
                self._open_table(y, class_attributes, classes, class_names)
            elif class_attributes is not None:
                self._extend_table(class_attributes, class_names)
            elif class_names is not None:
                self.class_names_ = check_names(class_names, self.classes_)
            rows = self._rows_of(y)

            table = self.class_attributes_
            self.seen_ = self.seen_ | np.isin(np.arange(len(table)), rows)
            seen = np.flatnonzero(self.seen_)
            raise_problems(
                check_class_attributes(table[seen], [self.class_names_[i] for i in seen])
            )
            self.class_attributes_ = np.where(self.seen_[:, None], table, np.float32(np.nan))
            self._partial_fit(X, rows, first, monitor or Monitor())
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        self.class_attributes_ = table

        return self

    def check_savable(self) -> None:
        """Raises a ``ModelError`` if the model, once trained, could not be read back."""
        method_name(self)

    def save_pretrained(self, path: str | Path) -> None:
        """Writes a folder, as every model does, if it could be read back.

        Arguments:
            path: The folder; a model that stands there is replaced, once the new one is whole.

        Raises:
            ModelError: If it could not be read back, something else than a model stands there, or
                it cannot be written.
        """
        self.check_savable()
        super().save_pretrained(path)

    @abstractmethod
    def memory_bytes(self) -> dict[str, int]:
        """Returns the bytes that are kept between tasks beside weights, by what they are."""

    @abstractmethod
    def _partial_fit(
        self, X: NDArray, rows: NDArray[np.int64], first: bool, monitor: Monitor
    ) -> None:
        """Learns from one more task: features (n, d) and their rows (n,) of the class table.

        ``seen_`` already counts this task; ``class_attributes_`` is NaN where it is false. What an
        earlier call made must not be changed in place, so that a failure can be taken back.
        """

    def _extend_table(self, class_attributes: ArrayLike, class_names: Sequence[str] | None) -> None:
        """Takes a table that begins with the stored one, and may describe more of its classes."""
        if self.ordinary_:
            raise ValueError(
                "`class_attributes` was given to a model that began without a class table; begin "
                "with `partial_fit(X, y, class_attributes)`."
            )
        old, table = self.class_attributes_, self._check_table(class_attributes, finite=False)
        if table.shape[1] != old.shape[1] or len(table) < len(old):
            raise ValueError(
                f"`class_attributes` must begin with the stored table of {len(old)} classes and "
                f"{old.shape[1]} attributes; got {len(table)} and {table.shape[1]}."
            )
        known = ~np.isnan(old).any(axis=1)
        changed = known & (table[: len(old)] != old).any(axis=1)
        if changed.any():
            name = self.class_names_[int(np.flatnonzero(changed)[0])]
            raise ValueError(
                f"`class_attributes` describes {int(changed.sum())} classes otherwise than before, "
                f"{name!r} first: classes keep their row and description; add new ones at the end."
            )

        self.classes_ = np.arange(len(table))
        if class_names is None:  # a new class is called by its row
            class_names = [*self.class_names_, *map(str, self.classes_[len(old) :])]
        self.class_names_ = check_names(class_names, self.classes_)
        self.class_attributes_ = table
        self.seen_ = np.append(self.seen_, np.zeros(len(table) - len(old), dtype=bool))

    def _rows_of(self, y: NDArray) -> NDArray[np.int64]:
        """Returns the row of the class table of each label, with shape (n,)."""
        if self.ordinary_ and len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(
                f"`y` has the label {unknown[0]!r}, which is not among the {len(self.classes_)} "
                "classes of the first call; name them all there: "
                "`partial_fit(X, y, classes=[...])`."
            )

        return super()._rows_of(y)
