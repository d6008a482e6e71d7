"""The one contract of all methods: scikit-learn's, with a table of class descriptions."""

__all__ = ["FLOATS", "Method", "Setting", "ZeroShotClassifier", "fitted_attributes", "with_seed"]

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from unseen.data.check_classes import check_class_attributes
from unseen.data.dataset import Source
from unseen.data.descriptions import row_keys
from unseen.decide import SeenPenalty, check_penalty
from unseen.methods.class_table import check_labels, check_names, check_no_text, raise_problems
from unseen.training.loop import Monitor

Method = TypeVar("Method", bound="ZeroShotClassifier")
Setting = Literal["inductive", "semantic-transductive", "transductive"]

FLOATS = [np.float32, np.float64, np.float16]  # the first is what other types become
CHECKED_ROWS = 4096


class ZeroShotClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of classes that it may never have seen.

    A method writes ``_fit``, ``_scores``, ``_state`` and ``_restore``. It gets the descriptions of
    the seen classes alone, with labels re-numbered to match, so that it cannot leak. One that can
    go on learning, task by task, is a ``ContinualClassifier``.

    ``search_space`` names the settings that a comparison chooses on hidden seen classes, with the
    values it tries; every combination is a candidate. ``saved_as`` is the name in a model folder
    of a classifier that is not in ``METHODS``. ``same_as`` names the method whose solution is the
    very same on all examples at once: a comparison of all methods has that one alone.

    Attributes:
        classes_: The label of each row of the class table.
        class_names_: The name of each row of the class table.
        class_attributes_: The class table, with shape :math:`(c, a)`.
        seen_: Which rows of the class table had examples in ``fit``, with shape :math:`(c,)`.
        seen_penalty_: What ``predict`` takes from the scores of seen classes; ``None`` is nothing.
        source_: Where the training data came from.
    """

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    saved_as: ClassVar[str | None] = None
    same_as: ClassVar[str | None] = None

    @property
    def setting(self) -> Setting:
        """What the method uses in training beside labelled examples of seen classes."""
        return "inductive"

    def check_settings(self) -> None:
        """Raises a ``ValueError`` for a setting of no use; ``fit`` begins with it."""

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        class_attributes: ArrayLike | None = None,
        *,
        class_names: Sequence[str] | None = None,
        monitor: Monitor | None = None,
    ) -> Self:
        """Learns from examples of the seen classes; if it fails on them, no model is left.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            y: The row of ``class_attributes`` of each example, with shape :math:`(n,)`; any labels
                if there is no class table.
            class_attributes: One description per class, seen or unseen, with shape :math:`(c, a)`.
                Classes without an example in ``y`` are unseen. ``None`` describes each class by
                itself (one-hot): an ordinary classifier.
            class_names: The names of the classes; by default their labels.
            monitor: What may look on: a callback, a checkpoint.

        Raises:
            ValueError: If shapes, labels or descriptions are wrong.
            TrainingError: If the training of a network diverges.
        """
        self.check_settings()
        try:
            X, y = validate_data(self, X, y, dtype=FLOATS, ensure_all_finite=False)
            self._check_finite(X)
            check_classification_targets(y)
            self._open_table(y, class_attributes, None, class_names)
            rows = self._rows_of(y)
            self.seen_ = np.isin(np.arange(len(self.classes_)), rows)
            self._fit_seen(X, rows, monitor or Monitor())
        except BaseException:  # half a training is none
            for name in fitted_attributes(self):
                delattr(self, name)
            raise

        return self

    def fit_candidates(
        self,
        X: ArrayLike,
        y: ArrayLike,
        class_attributes: ArrayLike,
        candidates: Sequence[Mapping[str, Any]],
    ) -> Iterator[Self]:
        """Yields one fitted copy per candidate; closed forms share the costly part of the work.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            y: The row of ``class_attributes`` of each example, with shape :math:`(n,)`.
            class_attributes: One description per class, with shape :math:`(c, a)`.
            candidates: The settings of each copy, which overrule those of this estimator.
        """
        for settings in candidates:
            yield clone(self).set_params(**settings).fit(X, y, class_attributes)

    def decision_function(self, X: ArrayLike, class_attributes: ArrayLike | None = None) -> NDArray:
        """Scores each example for each class; the seen penalty is not in the scores.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            class_attributes: The classes to score, with shape :math:`(c, a)`; by default the
                stored table. Classes that training never saw need no new training.

        Returns:
            The scores, with shape :math:`(n, c)`, larger is better. An ordinary classifier of two
            classes returns their difference, with shape :math:`(n,)`, as scikit-learn expects.
        """
        scores = self._table_scores(X, class_attributes)
        if self.ordinary_ and class_attributes is None and scores.shape[1] == 2:
            # rounded to float32, it would order rows otherwise than predict_proba
            return np.subtract(scores[:, 1], scores[:, 0], dtype=np.float64)

        return scores

    def predict(self, X: ArrayLike, class_attributes: ArrayLike | None = None) -> NDArray:
        """Returns the best class of each example, after the seen penalty.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            class_attributes: The classes to choose from, with shape :math:`(c, a)`; by default the
                stored table. A row counts as seen if training saw a class with this description.

        Returns:
            The row of ``class_attributes`` of the best class, or, without a table, its label in
            ``classes_``, with shape :math:`(n,)`.
        """
        best = self._penalized(X, class_attributes).argmax(axis=1)

        return best if class_attributes is not None else self.classes_[best]

    def predict_proba(self, X: ArrayLike, class_attributes: ArrayLike | None = None) -> NDArray:
        """Returns the softmax of the scores, after the seen penalty.

        Arguments:
            X: The features, with shape :math:`(n, d)`.
            class_attributes: The classes to choose from, as in ``predict``.

        Returns:
            The probability of each class, with shape :math:`(n, c)`; each row sums to 1.
        """
        return softmax(self._penalized(X, class_attributes).astype(np.float64), axis=1)

    def add_classes(self, names: Sequence[str], class_attributes: ArrayLike) -> Self:
        """Adds classes to the stored table, without training.

        Arguments:
            names: The names of the new classes, not yet in use.
            class_attributes: Their descriptions, with shape :math:`(len(names), a)`.

        Raises:
            ValueError: If a name is taken, the shapes are wrong, or there is no class table.
        """
        check_is_fitted(self)
        if self.ordinary_:
            raise ValueError(
                "This model was fitted without a class table, so new classes cannot be described "
                "to it; fit it with `fit(X, y, class_attributes)` first."
            )
        check_no_text(names, "names")
        table = self._check_table(class_attributes)
        if len(names) != len(table):
            raise ValueError(
                f"`class_attributes` must have one row per name: expected {len(names)}, "
                f"got {len(table)}."
            )

        table = np.concatenate([self.class_attributes_, table])
        self.class_names_ = check_names([*self.class_names_, *names], np.arange(len(table)))
        self.class_attributes_ = table
        self.classes_ = np.arange(len(table))
        self.seen_ = np.append(self.seen_, np.zeros(len(names), dtype=bool))

        return self

    def save_pretrained(self, path: str | Path) -> None:
        """Writes a folder with ``config.json``, ``model.safetensors`` and ``classes.csv``.

        Arguments:
            path: The folder; a model that stands there is replaced, once the new one is whole.

        Raises:
            ModelError: If something else than a model stands there, or it cannot be written.
        """
        from unseen.methods.saving import save_model

        check_is_fitted(self)
        save_model(self, Path(path))

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Reads a folder that ``save_pretrained`` wrote.

        Arguments:
            path: The folder.

        Raises:
            ModelError: If it is damaged, edited, of a newer version, or of another method.
        """
        from unseen.methods.saving import ModelError, load_model

        model = load_model(path, {} if cls.saved_as is None else {cls.saved_as: cls})
        if not isinstance(model, cls):
            raise ModelError(
                f"{path} holds a model of {type(model).__name__}, not of {cls.__name__}; "
                "`unseen.load_model` reads any method."
            )

        return model

    def seen_in(self, class_attributes: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Says which classes of a table training saw: those with a description of a seen class.

        Arguments:
            class_attributes: The table, with shape :math:`(c, a)`; by default the stored one.

        Returns:
            An array of shape :math:`(c,)`.
        """
        if class_attributes is None:
            return self.seen_
        table = self._check_table(class_attributes)
        if np.array_equal(table, self.class_attributes_):  # names tell apart what looks the same
            return self.seen_
        known = set(row_keys(self.class_attributes_[self.seen_]))

        return np.array([key in known for key in row_keys(table)])

    @abstractmethod
    def _fit(
        self, X: NDArray, rows: NDArray[np.int64], S: NDArray[np.float32], monitor: Monitor
    ) -> None:
        """Learns from features (n, d), rows (n,) of S, and seen descriptions S (k, a)."""

    def _finish(self, X: NDArray, rows: NDArray[np.int64]) -> None:
        """Ends ``fit`` when ``class_attributes_`` is whole; ``rows`` (n,) are those of the table.

        What is learned of seen classes is learned by then; unseen ones may be described by NaN.
        """

    @abstractmethod
    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        """Scores features (n, d) for descriptions (c, a): an array of shape (n, c)."""

    def _fit_seen(self, X: NDArray, rows: NDArray[np.int64], monitor: Monitor) -> None:
        """Gives ``_fit`` the seen classes of features (n, d) and their rows (n,) of the table."""
        table, seen = self.class_attributes_, np.flatnonzero(self.seen_)
        if len(seen) < 2:
            raise ValueError(
                f"`y` has examples of one class only, {self.class_names_[seen[0]]!r}: "
                "a classifier needs two or more seen classes."
            )
        if self.setting == "inductive":  # what `_fit` cannot see, it cannot use
            self.class_attributes_ = np.where(self.seen_[:, None], table, np.float32(np.nan))
            table_names = [self.class_names_[i] for i in seen]
            raise_problems(check_class_attributes(table[seen], table_names))
        else:
            raise_problems(check_class_attributes(table, self.class_names_))

        self._fit(X, np.searchsorted(seen, rows), table[seen], monitor)
        self.class_attributes_ = table
        self._finish(X, rows)

    def _open_table(
        self,
        y: NDArray,
        class_attributes: ArrayLike | None,
        classes: ArrayLike | None,
        class_names: Sequence[str] | None,
    ) -> None:
        """Begins the class table; without descriptions, that of ``classes`` or the labels."""
        if class_attributes is None:
            self.classes_ = np.unique(y if classes is None else np.asarray(classes))
            self.class_attributes_ = np.eye(len(self.classes_), dtype=np.float32)
        else:
            self.class_attributes_ = self._check_table(class_attributes, finite=False)
            self.classes_ = np.arange(len(self.class_attributes_))
        self.ordinary_ = class_attributes is None
        self.class_names_ = check_names(class_names, self.classes_)
        self.seen_ = np.zeros(len(self.classes_), dtype=bool)
        self.seen_penalty_: SeenPenalty | None = None
        self.source_ = Source()

    def _rows_of(self, y: NDArray) -> NDArray[np.int64]:
        """Returns the row of the class table of each label, with shape (n,)."""
        if self.ordinary_:
            return np.searchsorted(self.classes_, y)

        return check_labels(y, len(self.class_attributes_))

    def _settings(self) -> dict[str, Any]:
        """Returns the settings as JSON knows them."""
        return self.get_params()

    @classmethod
    def _from_settings(cls, settings: dict[str, Any]) -> Self:
        """Makes an estimator from what ``_settings`` returned."""
        return cls(**settings)

    def _fitted(self) -> dict[str, Any]:
        """Returns further fitted attributes that are no tensors, by name."""
        return {}

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Returns the fitted tensors, by name."""

    @abstractmethod
    def _restore(self, state: dict[str, Any]) -> None:
        """Takes back the fitted tensors; the attributes of this class are set before."""

    def _checked_rows(self, X: ArrayLike) -> NDArray:
        """Returns features (n, d) of a fitted model, of a type in ``FLOATS``, if they fit it."""
        check_is_fitted(self)
        features: NDArray = validate_data(
            self, X, dtype=FLOATS, reset=False, ensure_all_finite=False
        )
        self._check_finite(features)

        return features

    def _table_scores(self, X: ArrayLike, class_attributes: ArrayLike | None) -> NDArray:
        features = self._checked_rows(X)
        if class_attributes is None:
            table = self.class_attributes_
            raise_problems(
                check_class_attributes(table, self.class_names_)
            )  # `fit` lets unseen rows pass
        elif self.ordinary_:
            raise ValueError(
                "`class_attributes` was given to a model that was fitted without a class table; "
                "fit it with `fit(X, y, class_attributes)` first."
            )
        else:
            table = self._check_table(class_attributes)

        return self._scores(features, table)

    def _penalized(self, X: ArrayLike, class_attributes: ArrayLike | None) -> NDArray:
        scores = self._table_scores(X, class_attributes)
        penalty = check_penalty(self.seen_penalty_)

        return scores if penalty is None else penalty(scores, self.seen_in(class_attributes))

    def _check_finite(self, X: NDArray) -> None:
        """Raises for features that are not finite as float32, in which networks take them.

        In parts, as other types ask for a copy.
        """
        for start in range(0, len(X), CHECKED_ROWS):
            with np.errstate(over="ignore"):
                part = X[start : start + CHECKED_ROWS].astype(np.float32, copy=False)
            assert_all_finite(
                part,
                estimator_name=type(self).__name__,
                input_name="X",
            )

    def _check_table(self, class_attributes: ArrayLike, finite: bool = True) -> NDArray[np.float32]:
        """Returns a class table as float32; during ``fit`` only seen rows need to be finite."""
        table = check_array(
            class_attributes,
            dtype=np.float32,
            ensure_all_finite=False,
            copy=True,  # what the caller does to the table later does not concern the model
            input_name="class_attributes",
        )
        width = getattr(self, "class_attributes_", table).shape[1]
        if finite:
            if table.shape[1] != width:
                raise ValueError(
                    f"`class_attributes` must have {width} columns, as in `fit`; "
                    f"got {table.shape[1]}."
                )
            raise_problems(check_class_attributes(table))

        return table


def fitted_attributes(model: ZeroShotClassifier) -> dict[str, Any]:
    """Returns what ``fit`` found, by name: the attributes whose names end in an underscore.

    Example:
        >>> from unseen.methods.eszsl import ESZSL
        >>> model = ESZSL().fit(np.eye(4), [0, 0, 1, 1])
        >>> fitted_attributes(model)["n_features_in_"]
        4
    """
    return {name: value for name, value in vars(model).items() if name.endswith("_")}


def with_seed(method: Method, seed: int) -> Method:
    """Returns a copy of a method with a seed; a closed form has none, and stays as it is.

    Example:
        >>> from unseen.methods.eszsl import ESZSL
        >>> with_seed(ESZSL(), 3)
        ESZSL()
    """
    model = clone(method)

    return model.set_params(random_state=seed) if "random_state" in model.get_params() else model
