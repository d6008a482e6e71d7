"""The streaming reader of MATLAB files, held against SciPy and h5py."""

import struct
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.io import loadmat, savemat

from unseen.data.dataset import DataError
from unseen.data.mat5_elements import FILE_HEADER
from unseen.data.matlab import iter_columns, read_array, read_text, variables

DTYPES = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]


def read_whole(path: Path, columns: int) -> np.ndarray:
    return np.concatenate(list(iter_columns(path, "features", columns)))


def write_v73(path: Path, matrix: np.ndarray, **options: object) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        dataset = file.create_dataset("features", data=matrix.T, **options)
        dataset.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write_big_endian(path: Path, matrix: np.ndarray) -> None:
    """Writes a MATLAB 5 file as an old Sun or PowerPC would, with values as small integers."""
    d, n = matrix.shape
    values = matrix.T.astype("u1").tobytes()
    name = b"features"
    body = struct.pack(">IIII", 6, 8, 6, 0)  # flags: class double
    body += struct.pack(">IIii", 5, 8, d, n)
    body += struct.pack(">II", 1, len(name)) + name
    body += struct.pack(">II", 2, len(values)) + values + bytes(-len(values) % 8)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    path.write_bytes(header + struct.pack(">II", 14, len(body)) + body)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("compressed", [False, True], ids=["v6", "v7"])
@pytest.mark.parametrize("columns", [1, 3, 7, 100])
def test_columns_are_those_scipy_reads(
    dtype: str, compressed: bool, columns: int, tmp_path: Path
) -> None:
    path = tmp_path / "res101.mat"
    matrix = (100 * np.random.default_rng(0).random((5, 7))).astype(dtype)
    savemat(path, {"before": ["a"], "features": matrix, "after": 1.0}, do_compression=compressed)

    rows = read_whole(path, columns)

    assert rows.dtype == np.float32
    assert_array_equal(rows, loadmat(path)["features"].T.astype(np.float32))


def test_values_inside_the_tag(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    savemat(path, {"features": np.array([[1, 2, 3]], dtype=np.uint8)})

    assert_array_equal(read_whole(path, 2), [[1], [2], [3]])


def test_big_endian_with_small_storage(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    matrix = np.arange(15.0).reshape(3, 5)
    write_big_endian(path, matrix)

    assert_array_equal(loadmat(path)["features"], matrix)
    assert_array_equal(read_whole(path, 2), matrix.T)


@pytest.mark.parametrize("columns", [1, 4, 6, 100])
@pytest.mark.parametrize("options", [{}, {"chunks": (4, 2), "compression": "gzip"}])
def test_matlab_73(columns: int, options: dict, tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    matrix = np.random.default_rng(0).random((5, 11))
    write_v73(path, matrix, **options)

    assert variables(path)["features"].shape == (5, 11)
    assert variables(path)["features"].kind == "double"
    assert_array_equal(read_whole(path, columns), matrix.T.astype(np.float32))
    assert_array_equal(read_array(path, "features"), matrix)


def test_matlab_73_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "res101.mat"
    write_v73(path, np.ones((2, 3)))
    monkeypatch.setitem(sys.modules, "h5py", None)

    with pytest.raises(DataError, match=r'pip install "unseen\[mat73\]"'):
        variables(path)


def test_matlab_73_truncated(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    write_v73(path, np.random.default_rng(0).random((50, 70)))
    path.write_bytes(path.read_bytes()[:-1000])

    with pytest.raises(DataError, match=r"truncated or damaged .* download it again"):
        variables(path)


def test_matlab_73_wrong_kind(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    with h5py.File(path, "w") as file:
        file.create_group("features")
        file.create_dataset("cube", data=np.ones((2, 3, 4)))

    with pytest.raises(DataError, match="'features' is missing or not a real numeric array"):
        list(iter_columns(path, "features", 1))
    with pytest.raises(DataError, match="'cube' must be a matrix, not 3-D"):
        list(iter_columns(path, "cube", 1))


def test_variables_match_whosmat(real_data: Path) -> None:
    found = variables(real_data / "xlsa17" / "AWA1" / "att_splits.mat")

    assert found["att"].shape == (85, 50)
    assert found["allclasses_names"].kind == "cell"
    assert found["trainval_loc"].shape == (19832, 1)


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "names.mat"
    cell = np.array([[" polar+bear "], ["Ürson"], [""]], dtype=object)
    pairs = np.array([np.array(["a", "b"], dtype=object), "c"], dtype=object)
    savemat(path, {"cell": cell, "chars": ["ab ", "cde"], "number": np.ones(3)} | {"pairs": pairs})

    assert read_text(path, "cell") == ["polar+bear", "Ürson", ""]
    assert read_text(path, "chars") == ["ab", "cde"]
    with pytest.raises(DataError, match="'number' must be a cell array of strings, but has double"):
        read_text(path, "number")
    with pytest.raises(
        DataError, match=r"'pairs' must be a cell array .* has 2 strings in one cell"
    ):
        read_text(path, "pairs")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((2, 3, 4)), "2 x 3 x 4 double"),
        (np.ones((2, 3)) * 1j, "complex double"),
        (np.array([["a"]], dtype=object), "cell"),
        ({"a": 1}, "struct"),
        ("text", "char"),
    ],
)
def test_wrong_kind(value: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    savemat(path, {"features": value})

    with pytest.raises(DataError, match=f"must be a real numeric matrix, not a .*{message}"):
        list(iter_columns(path, "features", 1))


def test_matlab_73_text_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "att_splits.mat"
    write_v73(path, np.ones((2, 3)))

    with pytest.raises(DataError, match="'features' must be a cell array of strings"):
        read_text(path, "features")


def test_missing_variable(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    savemat(path, {"feature": np.ones((2, 3)), "labels": np.ones(3)})

    with pytest.raises(DataError, match=r"no variable 'features'.* did you mean 'feature'\?"):
        iter_columns(path, "features", 1)
    with pytest.raises(DataError, match="no variable 'xyz' in this file; it has feature, labels"):
        read_array(path, "xyz")


def test_no_matlab_file(tmp_path: Path) -> None:
    (tmp_path / "text.mat").write_text("<html>not found</html>" * 20)
    (tmp_path / "empty.mat").touch()

    for name in ("text.mat", "empty.mat"):
        with pytest.raises(DataError, match="not a MATLAB 5 file"):
            variables(tmp_path / name)
    for name in (".", "absent.mat"):
        with pytest.raises(DataError, match="Cannot be read"):
            variables(tmp_path / name)


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    features = np.random.default_rng(0).random((20, 30))
    savemat(path, {"features": features}, do_compression=compressed)
    whole = path.read_bytes()

    for size in (FILE_HEADER + 3, FILE_HEADER + 40, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=f"Is truncated at byte {size:,} of at least .*again"):
            list(iter_columns(path, "features", 7))


def test_more_strings_than_letters(tmp_path: Path) -> None:
    """A damaged shape: as many empty strings would fill the memory."""
    path = tmp_path / "names.mat"
    savemat(path, {"chars": ["ab", "cd"], "none": ""})
    assert read_text(path, "none") == []
    content = path.read_bytes()
    shape = struct.pack("=ii", 2, 2)
    assert content.count(shape) == 1
    path.write_bytes(content.replace(shape, struct.pack("=ii", 10**6, 2)))

    with pytest.raises(DataError, match="Is damaged before byte"):
        read_text(path, "chars")


def test_flipped_bit_in_compressed_data(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    features = np.random.default_rng(0).random((20, 30))
    savemat(path, {"features": features}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[-500] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"Is damaged before byte .* download it again"):
        list(iter_columns(path, "features", 7))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), compressed=st.booleans())
def test_damage_never_escapes(data: st.DataObject, compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    features = np.random.default_rng(0).random((4, 6))
    savemat(path, {"labels": np.ones(3), "features": features}, do_compression=compressed)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(124, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    try:
        chunks = list(iter_columns(path, "features", 4))
        read_array(path, "labels")
    except DataError:
        return
    assert all(chunk.dtype == np.float32 for chunk in chunks)
