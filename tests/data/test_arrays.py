"""Files of arrays, byte by byte: old and new layouts, and bytes that cannot be true."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy
from numpy.testing import assert_array_equal

from unseen.data.arrays import open_arrays, reading
from unseen.data.dataset import DataError

NUMBERS = np.arange(12, dtype=np.float32).reshape(3, 4)


def write_member(path: Path, version: tuple[int, int], compression: int) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive, archive.open("x.npy", "w") as member:
        npy.write_array(member, NUMBERS, version=version)


def write_tensors(path: Path, header: dict[str, Any], content: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_old_and_new_headers_of_npy(
    tmp_path: Path, version: tuple[int, int], compression: int
) -> None:
    write_member(tmp_path / "x.npz", version, compression)

    assert_array_equal(open_arrays(tmp_path / "x.npz").read("x"), NUMBERS)


def test_a_header_of_unicode_names_is_refused(tmp_path: Path) -> None:
    write_member(tmp_path / "x.npz", (3, 0), zipfile.ZIP_STORED)

    with pytest.raises(DataError, match=r"npy version 3\.0 is not supported"):
        open_arrays(tmp_path / "x.npz").read("x")


def test_an_array_larger_than_any_memory(tmp_path: Path) -> None:
    """A small compressed file may claim to hold an exabyte."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**9)}
    with (
        zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w") as member,
    ):
        npy.write_array_header_1_0(member, header)

    with pytest.raises(DataError, match="`x` is damaged: its size is not that of"):
        open_arrays(tmp_path / "x.npz").read("x")
    with pytest.raises(DataError, match="Does not fit in memory"), reading(tmp_path / "x.npz"):
        np.empty(10**18)


def test_tensors_with_metadata_and_empty_ones(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"made_by": "hand"},
        "none": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]},
        "x": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
    }
    write_tensors(tmp_path / "x.safetensors", header, NUMBERS.tobytes())
    file = open_arrays(tmp_path / "x.safetensors")

    assert file.keys == ("none", "x")
    assert file.read("none").shape == (0, 4)
    assert_array_equal(file.read("x"), NUMBERS)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"__metadata__": [1]}, "its __metadata__ is no object"),
        (
            {"x": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 48]}},
            r"`x` is damaged: its size is not that of \(3, 5\)",
        ),
        (
            {"x": {"dtype": "F32", "shape": [-3, -4], "data_offsets": [0, 48]}},
            r"`x` is damaged: its size is not that of \(-3, -4\)",
        ),
        (
            {"x": {"dtype": "F32", "shape": [3, 4], "data_offsets": [-8, 40]}},
            "`x` is damaged",
        ),
    ],
)
def test_a_header_that_cannot_be_true(tmp_path: Path, header: dict[str, Any], message: str) -> None:
    write_tensors(tmp_path / "x.safetensors", header, NUMBERS.tobytes())

    with pytest.raises(DataError, match=message):
        open_arrays(tmp_path / "x.safetensors").read("x")
