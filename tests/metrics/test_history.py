"""The history of a stream refuses what its measures could not be trusted on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from unseen.metrics.continual import summary
from unseen.metrics.history import History


@pytest.fixture
def history() -> History:
    """Returns two tasks, of classes 2 and 0 and of class 1, with 5 rows."""
    seen = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 1]], dtype=bool)

    return History(
        logits=np.random.default_rng(0).normal(size=(3, 5, 3)).astype(np.float32),
        labels=np.array([0, 1, 2, 0, 1]),
        task_classes=(np.array([2, 0]), np.array([1])),
        seen=seen,
        unseen=~seen,
        candidates=np.ones((3, 3), dtype=bool),
        batch_accuracy=np.array([[0.1, np.nan], [0.2, 0.3]]),
    )


def test_what_follows_from_it(history: History) -> None:
    assert (history.tasks, history.classes) == (2, 3)
    assert_array_equal(history.members, [[1, 0, 1], [0, 1, 0]])
    assert_array_equal(history.predictions, history.logits.argmax(axis=2))
    assert_array_equal(history.final_predictions, [history.logits[2].argmax(axis=1)] * 3)


def test_a_mapped_file_will_do(history: History, tmp_path: Path) -> None:
    np.save(tmp_path / "logits.npy", history.logits)
    mapped = replace(history, logits=np.load(tmp_path / "logits.npy", mmap_mode="r"))

    assert summary(mapped).to_json() == summary(history).to_json()


def spoiled(array: np.ndarray, place: Any, value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value

    return array


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("logits", lambda x: x[1:], r"shape \(3, n, K\).*after each of the 2 tasks; got float32 "),
        ("logits", lambda x: x.astype(int), r"must be floats of shape \(3, n, K\)"),
        ("logits", lambda x: x[0], r"got float32 of shape \(5, 3\)"),
        ("logits", lambda x: x.tolist(), "got list"),
        ("logits", lambda x: x[:, :0], r"got float32 of shape \(3, 0, 3\)"),
        (
            "logits",
            lambda x: spoiled(x, (2, 3, 1), np.nan),
            "at step 2 the score of row 3 for class 1 is nan",
        ),
        ("logits", lambda x: spoiled(x, (0, 1, 2), -np.inf), "step 0 .* row 1 for class 2 is -inf"),
        ("labels", lambda y: y[1:], r"shape \(5,\).*got int64 of shape \(4,\)"),
        ("labels", lambda y: y / 1, "`labels` must be whole numbers"),
        ("labels", lambda y: spoiled(y, 4, 3), "from 0 to 2.*row 4 has 3"),
        ("labels", lambda y: spoiled(y, 1, -1), "row 1 has -1"),
        ("task_classes", lambda _: (), "at least one task"),
        ("task_classes", lambda c: (c[0], c[1][:0]), "classes of task 2 .* at least one"),
        ("task_classes", lambda c: (c[0], [1]), "classes of task 2 .* got list"),
        ("task_classes", lambda c: (c[0], c[1] + 2), "task 2 must be from 0 to 2; they are 3"),
        ("task_classes", lambda c: (c[0], np.array([1, 0])), "share no class.*see class 0"),
        ("task_classes", lambda c: c[::-1], "`seen` must be the classes of the tasks so far"),
        ("seen", lambda m: m[1:], r"`seen` must be bool of shape \(3, 3\)"),
        ("seen", lambda m: m.astype(int), "`seen` must be bool .* got int64"),
        ("seen", lambda m: spoiled(m, (0, 1), 1), "none at step 0; at step 0 see class 1"),
        ("unseen", lambda m: spoiled(m, (1, 2), 1), "no seen class; at step 1 see class 2"),
        ("candidates", lambda m: spoiled(m, (2, 1), 0), "`candidates` .* at step 2 see class 1"),
        ("unseen", lambda m: spoiled(m, (1, 1), 0), "`candidates` .* at step 1 see class 1"),
        ("batch_accuracy", lambda r: r[:1], r"`batch_accuracy` .* shape \(2, b\)"),
        ("batch_accuracy", lambda r: 100 * r, "fractions from 0 to 1; they reach from 10.0 to 30"),
    ],
)
def test_what_it_refuses(history: History, name: str, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(history, **{name: change(getattr(history, name))})
