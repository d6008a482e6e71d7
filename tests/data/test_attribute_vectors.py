"""Word vectors of attributes: read from both formats, and every wrong file named."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from safetensors.numpy import save_file

from unseen.data.attribute_vectors import read_attribute_vectors
from unseen.data.dataset import DataError

WORDS = np.random.default_rng(0).normal(size=(4, 3))


def test_both_formats_are_read_as_float32(tmp_path: Path) -> None:
    np.savez(tmp_path / "words.npz", vectors=WORDS)
    save_file({"vectors": WORDS}, tmp_path / "words.safetensors")

    for name in ("words.npz", "words.safetensors"):
        read = read_attribute_vectors(tmp_path / name, attributes=4)
        assert read.dtype == np.float32
        assert_array_equal(read, WORDS.astype(np.float32))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (WORDS[0], r"numbers with the shape \(attributes, length\), got float64 of shape \(3,\)"),
        (WORDS[:, :0], r"numbers .* got float64 of shape \(4, 0\)"),
        (WORDS > 0, r"numbers .* got bool of shape \(4, 3\)"),
        (WORDS[:3], "one row for each of the 4 attributes of a description, got 3"),
        (np.where(np.eye(4, 3) * [0, 0, 1], np.nan, WORDS), "NaN or infinite .* first in row 2"),
    ],
)
def test_vectors_of_no_use(tmp_path: Path, vectors: NDArray, message: str) -> None:
    np.savez(tmp_path / "words.npz", vectors=vectors)

    with pytest.raises(DataError, match=message):
        read_attribute_vectors(tmp_path / "words.npz", attributes=4)


def test_a_file_of_other_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "words.npz", embeddings=WORDS, words=WORDS)

    with pytest.raises(DataError, match=r"'vectors' is missing; .* the keys embeddings, words"):
        read_attribute_vectors(tmp_path / "words.npz", attributes=4)
