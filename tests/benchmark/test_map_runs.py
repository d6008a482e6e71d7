"""Work spread over processes: the same results, and no process that stays behind."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from unseen.benchmark.map_runs import map_runs
from unseen.benchmark.recipes import Recipe
from unseen.benchmark.runs import Failure, Unit, describe_data
from unseen.data.dataset import ZeroShotData
from unseen.data.load import load, save
from unseen.methods.class_norm import MLP


def work(*outcomes: Any) -> Any:
    """Returns a unit of work that a fresh interpreter can read, too."""
    return partial(iter, list(outcomes))


def test_one_worker_works_here_and_in_order() -> None:
    units = [work(os.getpid, 1), work(2), work()]

    assert [outcome for _, outcome in map_runs(units)] == [os.getpid, 1, 2]


def test_no_worker_is_an_error_and_not_the_end() -> None:
    with pytest.raises(ValueError, match="`workers` must be at least 1; got 0"):
        next(map_runs([work(1)], 0))


def test_workers_take_unit_after_unit_and_may_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its share of the cores; one that dies fails its unit alone."""
    monkeypatch.setattr("unseen.benchmark.map_runs._cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    asking = partial(map, os.getenv, ["OMP_NUM_THREADS"])
    dying = partial(map, os._exit, [7])
    asked = []

    def units() -> Any:
        for unit in (asking, dying, work("a", "b"), work(), asking, work("c")):
            asked.append(unit)
            yield unit

    outcomes: list[Any] = []
    for unit, outcome in map_runs(units(), 2):
        if not outcomes:
            assert asked == [asking, dying]  # the others are asked for when a worker is free
        assert isinstance(outcome, Failure) == (unit is dying)
        outcomes.append(outcome)

    assert sorted(map(str, outcomes)) == sorted(
        ["2", "2", "a", "b", "c", str(Failure(None, "The process ended with exit code 7."))]
    )
    assert os.environ["OMP_NUM_THREADS"] == "8"


def test_two_workers_record_what_one_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toy: ZeroShotData
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    path = str(tmp_path / "toy.npz")
    save(toy, path)
    data = describe_data(load(path), path, None)
    tiny: dict[str, Any] = {"hidden": 16, "epochs": 2, "precision": "float32"}
    units = [
        Unit(
            name="mlp",
            recipe=Recipe(MLP(depth=depth, **tiny)),
            path=path,
            attributes=None,
            data=data,
            seeds=(0, 1),
        )
        for depth in (1, 2)
    ]

    def measured(workers: int) -> dict[str, float]:
        return {
            outcome["key"]: outcome["metrics"]["ausuc"]
            for _, outcome in map_runs(units, workers)
            if outcome["kind"] == "run"
        }

    one, two = measured(1), measured(2)
    assert len(one) == 4
    assert two == pytest.approx(one, abs=0.01)  # other threads round otherwise


SLEEPING = r"""
import time
from functools import partial
from unseen.benchmark.map_runs import map_runs
if __name__ == "__main__":
    # one write: two workers' lines must not mix, whether Python buffers its output or not
    work = r"import os, time; os.write(1, b'ready\n'); time.sleep(60)"
    list(map_runs([partial(map, exec, [work]) for _ in range(2)], 2))
"""


def children(process: int) -> list[int]:
    """Returns the processes that a process has started."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()

    return [int(number) for number in text.split()]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, end: signal.Signals) -> None:
    (tmp_path / "sleeping.py").write_text(SLEEPING)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "sleeping.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert parent.stdout is not None
    assert parent.stderr is not None
    with parent.stdout, parent.stderr:
        for _ in range(2):
            assert parent.stdout.readline() == b"ready\n"
        workers = children(parent.pid)
        if end == signal.SIGINT:  # a terminal sends it to all, and it is the parent's business
            for worker in workers:
                os.kill(worker, end)
            time.sleep(0.3)
            assert all(map(is_running, workers))
        parent.send_signal(end)
        parent.wait(timeout=20)
        assert b"SpawnProcess" not in parent.stderr.read()  # workers have nothing to say

    assert len(workers) >= 2
    deadline = time.monotonic() + 10
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [worker for worker in workers if is_running(worker)]
