"""The cache of arrays: hit, miss, change, damage, and folders that cannot be written."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from unseen.data.arrays import ArrayStream
from unseen.data.cache import Arrays, cache_folder, cached_arrays, remembered_sha256
from unseen.data.hashing import file_sha256

N, D = 700, 512  # large enough to be memory-mapped


class Builder:
    """Makes arrays out of a one-number file, and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        features = np.arange(N * D, dtype=np.float32).reshape(N, D) + int(self.path.read_text())
        chunks = (features[start : start + 100] for start in range(0, N, 100))

        return {
            "features": ArrayStream(np.dtype("<f4"), (N, D), chunks),
            "labels": np.arange(N),
            "empty": np.empty(0),
        }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.mat"
    path.write_text("1")
    return path


def test_second_load_is_mapped(source: Path, folder: Path) -> None:
    build = Builder(source)
    digest, first = cached_arrays(source, build)
    again, second = cached_arrays(source, build)
    assert build.calls == 1

    shutil.rmtree(folder)
    folder.touch()  # no cache at all
    _, plain = cached_arrays(source, build)

    assert digest == again == file_sha256(source)
    assert isinstance(second["features"], np.memmap)
    assert not second["features"].flags.writeable
    assert type(plain["features"]) is np.ndarray
    for name in plain:
        assert first[name].dtype == second[name].dtype == plain[name].dtype
        assert_array_equal(first[name], plain[name])
        assert_array_equal(second[name], plain[name])


def test_changed_file_is_read_anew(source: Path) -> None:
    build = Builder(source)
    cached_arrays(source, build)
    status = source.stat()
    source.write_text("2")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))  # same size, same time

    _, arrays = cached_arrays(source, build)

    assert arrays["features"][0, 0] == 2
    assert build.calls == 2


def test_renamed_file_keeps_its_entry(source: Path, tmp_path: Path) -> None:
    build = Builder(source)
    cached_arrays(source, build)
    copy = tmp_path / "copy.mat"
    copy.write_text("1")

    cached_arrays(copy, build)

    assert build.calls == 1


def test_hash_is_remembered(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = remembered_sha256(source)
    monkeypatch.setattr("unseen.data.cache.file_sha256", lambda path: pytest.fail(f"hashed {path}"))

    assert remembered_sha256(source) == digest


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def stretch(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0")


def reshape(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros((D, N), dtype=np.float32))


def garble(path: Path) -> None:
    path.write_bytes(b"nonsense")


@pytest.mark.parametrize("name", ["features.npy", "labels.npy", "manifest.json"])
@pytest.mark.parametrize("damage", [cut, flip, stretch, reshape, garble, Path.unlink])
def test_damaged_entry_is_made_anew(
    name: str, damage: Callable[[Path], None], source: Path, folder: Path
) -> None:
    build = Builder(source)
    digest, _ = cached_arrays(source, build)
    damage(folder / digest / name)

    _, arrays = cached_arrays(source, build)
    cached_arrays(source, build)

    assert build.calls == 2
    assert arrays["features"][1, 0] == D + 1
    assert_array_equal(arrays["labels"], np.arange(N))


@pytest.mark.parametrize("content", ["[]", "{", '{"format": 0}', '{"format": 1}', '{"seen": 1}'])
def test_strange_notes_are_made_anew(content: str, source: Path, folder: Path) -> None:
    build = Builder(source)
    digest, _ = cached_arrays(source, build)
    (folder / digest / "manifest.json").write_text(content)
    for note in (folder / "hashes").iterdir():
        note.write_text(content)

    assert cached_arrays(source, build)[0] == digest
    assert build.calls == 2
    assert json.loads((folder / digest / "manifest.json").read_text())["format"] == 1


def test_unwritable_cache_costs_a_warning(
    source: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file where the folder should be")

    for _ in range(2):
        _, arrays = cached_arrays(source, Builder(source))

    assert type(arrays["features"]) is np.ndarray
    assert arrays["features"][0, 0] == 1
    (warning,) = caplog.messages
    assert f"The cache {folder} cannot be written" in warning
    assert "UNSEEN_CACHE names another folder" in warning


def test_without_a_home_the_cache_is_a_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UNSEEN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as where nobody knows the user

    assert cache_folder() == Path(tempfile.gettempdir()) / "cache" / "unseen"


def test_full_disk_leaves_nothing_half_written(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unseen.data.cache.write_npy", fail)
    digest, arrays = cached_arrays(source, Builder(source))

    assert arrays["features"].shape == (N, D)
    assert list((folder / digest).iterdir()) == []


def test_failing_reader_leaves_nothing_half_written(source: Path, folder: Path) -> None:
    def build() -> Arrays:
        def chunks() -> object:
            yield np.ones((100, D), dtype=np.float32)
            raise ValueError("damaged")

        return {"features": ArrayStream(np.dtype("<f4"), (N, D), chunks())}

    with pytest.raises(ValueError, match="damaged"):
        cached_arrays(source, build)

    assert list((folder / file_sha256(source)).iterdir()) == []


def test_many_at_once(source: Path) -> None:
    def load(_: int) -> float:
        return float(cached_arrays(source, Builder(source))[1]["features"].sum())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(load, range(16)))) == 1


def test_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert cache_folder() == folder
    monkeypatch.delenv("UNSEEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/unseen")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder() == Path("/home/me/.cache/unseen")
