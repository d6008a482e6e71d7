"""The run store: kills, neighbours, damage."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unseen.benchmark.store import FORMAT, MEASURES, Record, RunStore, read_records
from unseen.data.dataset import DataError


def record(key: str, **more: object) -> Record:
    choice = {"fits": 3, "seconds": 1.0, "penalty": None}
    start = {"format": FORMAT, "kind": "choice", "key": key, "seconds": 1.0}

    return {**start, "chosen": {}, "choice": choice, **more}


def run_record(**more: object) -> Record:
    metrics = dict.fromkeys(MEASURES) | {"ausuc": 0.5}
    seconds = {"fit": 1.0, "predict": 0.1}
    start = {"format": FORMAT, "kind": "run", "key": "r", "seed": 0, "chosen": {}}

    return {**start, "choice": None, "metrics": metrics, "seconds": seconds, **more}


def keys(folder: Path) -> list[str]:
    return [each["key"] for each in read_records(folder)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a store with two records."""
    store = RunStore(tmp_path / "runs")
    store.append(record("a", text="né\n"))
    store.append(record("b"))

    return tmp_path / "runs"


def test_records_come_back_in_their_order(folder: Path) -> None:
    assert read_records(folder) == [record("a", text="né\n"), record("b")]
    assert read_records(folder / "runs.jsonl") == read_records(folder)
    assert RunStore(folder).records() == {each["key"]: each for each in read_records(folder)}


def test_a_key_is_written_once(folder: Path) -> None:
    before = (folder / "runs.jsonl").read_bytes()

    assert not RunStore(folder).append(record("a", other=1))
    assert (folder / "runs.jsonl").read_bytes() == before


def test_a_full_disk_is_told_with_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store, before = RunStore(folder), (folder / "runs.jsonl").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(DataError, match=r"runs\.jsonl.*No space left.*make room"):
            store.append(record("c"))

    assert (folder / "runs.jsonl").read_bytes() == before
    assert store.append(record("c"))


def test_a_store_that_is_gone_is_told_with_its_folder(folder: Path) -> None:
    store = RunStore(folder)
    (folder / "runs.jsonl").unlink()
    folder.rmdir()

    with pytest.raises(DataError, match=rf"The folder {folder} is gone"):
        store.records()
    with pytest.raises(DataError, match=rf"The folder {folder} is gone"):
        store.append(record("c"))


def test_a_store_sees_what_others_append(folder: Path) -> None:
    first, second = RunStore(folder), RunStore(folder)

    assert first.append(record("c"))
    assert not second.append(record("c"))
    assert second.append(record("d"))
    assert list(first.records()) == ["a", "b", "c", "d"]


def test_nan_is_refused_and_leaves_no_trace(folder: Path) -> None:
    before = (folder / "runs.jsonl").read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunStore(folder).append(record("c", value=float("nan")))

    assert (folder / "runs.jsonl").read_bytes() == before


def test_a_line_cut_at_any_byte_is_mended(folder: Path) -> None:
    whole = (folder / "runs.jsonl").read_bytes()
    first = whole.index(b"\n") + 1

    for end in range(first, len(whole)):
        (folder / "runs.jsonl").write_bytes(whole[:end])
        assert keys(folder) == ["a"]
        store = RunStore(folder)
        assert store.append(record("b"))
        assert (folder / "runs.jsonl").read_bytes() == whole


def test_a_broken_line_longer_than_the_next_is_cut_off(folder: Path) -> None:
    with (folder / "runs.jsonl").open("ab") as file:
        file.write(b'{"format": 1, "key": "c", "text": "' + b"x" * 500)
    RunStore(folder).append(record("d"))

    assert keys(folder) == ["a", "b", "d"]
    assert b"xx" not in (folder / "runs.jsonl").read_bytes()


def test_a_last_line_of_zeros_is_cut_off(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = (folder / "runs.jsonl").read_bytes()
    (folder / "runs.jsonl").write_bytes(whole + b"\0" * 40 + b"\n")

    assert keys(folder) == ["a", "b"]
    assert "the last line, 3, is damaged and left out" in caplog.text
    RunStore(folder).append(record("c"))
    assert (folder / "runs.jsonl").read_bytes().startswith(whole + b'{"format"')
    assert keys(folder) == ["a", "b", "c"]


@pytest.mark.parametrize("line", [b"{broken", b"[1]", b'{"format": 1}', b"\xff\xfe"])
def test_damage_in_the_middle_names_the_line(folder: Path, line: bytes) -> None:
    first, second = (folder / "runs.jsonl").read_bytes().splitlines()
    (folder / "runs.jsonl").write_bytes(b"\n".join([first, line, second, b""]))

    for read in (RunStore, read_records):
        with pytest.raises(DataError, match=r"runs\.jsonl: Line 2 is damaged\. Delete that line"):
            read(folder)


def test_damage_that_comes_later_names_the_line(folder: Path) -> None:
    store = RunStore(folder)
    with (folder / "runs.jsonl").open("ab") as file:
        file.write(b"{broken\n" + json.dumps(record("c")).encode() + b"\n")

    with pytest.raises(DataError, match="Line 3 is damaged"):
        store.append(record("d"))


INCOMPLETE = [
    (record("c", kind=None), "kind"),
    (record("c", kind="other"), "kind"),
    (record("c", chosen=None), "chosen"),
    (record("c", choice=None), "choice"),
    (record("c", choice={"seconds": 1.0, "penalty": None}), "choice.fits"),
    (run_record(seed=None), "seed"),
    (run_record(metrics=None), "metrics"),
    (run_record(metrics={"ausuc": 0.5}), "metrics.zsl_accuracy"),
    (run_record(seconds=1.0), "seconds"),
    (run_record(seconds={"fit": 1.0}), "seconds.predict"),
]


@pytest.mark.parametrize(("line", "name"), INCOMPLETE)
def test_an_incomplete_record_names_the_line(folder: Path, line: Record, name: str) -> None:
    with (folder / "runs.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")

    for read in (RunStore, read_records):
        with pytest.raises(DataError, match=f"Line 3, record . lacks '{name}'. Delete its line"):
            read(folder)


def test_whole_records_of_both_kinds_are_read(folder: Path) -> None:
    RunStore(folder).append(run_record())

    assert read_records(folder)[-1] == run_record()


def test_blank_lines_are_skipped(folder: Path) -> None:
    first, second = (folder / "runs.jsonl").read_bytes().splitlines()
    (folder / "runs.jsonl").write_bytes(b"\n".join([b"", first, b" ", second, b"", b""]))

    assert keys(folder) == ["a", "b"]
    assert RunStore(folder).append(record("c"))
    assert keys(folder) == ["a", "b", "c"]


@pytest.mark.parametrize("content", [b"<!doctype html>\n<p>\n", b"hello", b"[1]\n", b"PK\x03\n"])
def test_another_file_is_not_a_run_store(folder: Path, content: bytes) -> None:
    (folder / "runs.jsonl").write_bytes(content)

    for read in (RunStore, read_records):
        with pytest.raises(DataError, match="is not a run store"):
            read(folder)
    assert (folder / "runs.jsonl").read_bytes() == content


def test_an_empty_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError, match=f"no run store in {tmp_path};"):
        read_records(Path())


def test_another_format_is_not_read(folder: Path) -> None:
    with (folder / "runs.jsonl").open("a") as file:
        file.write(json.dumps({"format": 2, "key": "c"}) + "\n")

    with pytest.raises(DataError, match="Line 3 has format 2"):
        RunStore(folder)


def test_a_store_begun_anew_is_read_anew(folder: Path) -> None:
    store = RunStore(folder)
    (folder / "runs.jsonl").write_text(json.dumps(record("z")) + "\n")

    assert list(store.records()) == ["z"]
    assert store.append(record("a"))
    assert keys(folder) == ["z", "a"]


def test_places_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match=r"mkdir -p"):
        RunStore(tmp_path / "no" / "runs")
    with pytest.raises(DataError, match="is a file"):
        RunStore(tmp_path / "file")
    with pytest.raises(DataError, match="There is no run store"):
        read_records(tmp_path)


APPENDING = """
import sys
from pathlib import Path
from unseen.benchmark.store import RunStore
store = RunStore(Path(sys.argv[1]))
start = int(sys.argv[2])
whole = {"format": 1, "kind": "choice", "seconds": 1.0, "chosen": {}}
whole["choice"] = {"fits": 3, "seconds": 1.0, "penalty": None}
written = sum(store.append({**whole, "key": str(n), "text": "x" * (n % 7) * 3000})
              for n in range(start, start + 400))
print(written)
"""


def test_processes_at_once_neither_corrupt_nor_repeat(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDING, str(tmp_path / "runs"), str(start)],
            stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for start in (0, 200, 400)
    ]
    written = [int(process.communicate()[0]) for process in processes]

    assert sum(written) == 800
    assert sorted(keys(tmp_path / "runs"), key=int) == [str(n) for n in range(800)]
