"""A lock beside an output: written whole, or not there."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unseen.cli import lock as lock_module
from unseen.cli.errors import UserError, system_message
from unseen.cli.lock import locking


def test_a_full_disk_leaves_no_lock(full_disk: Callable[[int], Any], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="large") as caught, full_disk(0), locking(tmp_path / "model"):
        pass

    assert not list(tmp_path.iterdir())
    assert str(tmp_path / "model.lock") in system_message(caught.value)


def test_an_empty_lock_stands_while_it_may_be_written(tmp_path: Path) -> None:
    lock = tmp_path / "model.lock"
    lock.touch()
    with pytest.raises(UserError, match="process unknown"), locking(tmp_path / "model"):
        pass

    os.utime(lock, (time.time() - 60,) * 2)
    with locking(tmp_path / "model"):
        assert lock.read_text().startswith(f"{os.getpid()} ")
    assert not lock.exists()


def test_the_lock_of_an_ended_process_is_taken_over_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, fresh = tmp_path / "model.lock", f"{os.getppid()} {platform.node()}"
    lock.write_text(f"{2**22 + 1} {platform.node()}")  # more than Linux counts to
    is_stale = lock_module.is_stale

    def is_stale_and_then_taken(lock: Path) -> bool:
        stale = is_stale(lock)
        lock.write_text(fresh)  # by another process, which was as quick

        return stale

    monkeypatch.setattr(lock_module, "is_stale", is_stale_and_then_taken)
    with pytest.raises(UserError, match=f"process {os.getppid()} "), locking(tmp_path / "model"):
        pass

    assert lock.read_text() == fresh
    assert list(tmp_path.iterdir()) == [lock]


def test_a_kill_while_taking_over_is_no_lock_for_ever(tmp_path: Path) -> None:
    lock, claim = tmp_path / "model.lock", tmp_path / "model.lock.stale"
    lock.write_text(f"{2**22 + 1} {platform.node()}")
    claim.touch()
    with pytest.raises(UserError, match="Another training"), locking(tmp_path / "model"):
        pass

    os.utime(claim, (time.time() - 60,) * 2)
    with locking(tmp_path / "model"):
        assert list(tmp_path.iterdir()) == [lock]
    assert not list(tmp_path.iterdir())


def test_the_name_that_the_user_knows(tmp_path: Path) -> None:
    (tmp_path / "streams.lock").write_text("1 elsewhere")
    with (
        pytest.raises(UserError, match="writes to runs "),
        locking(tmp_path / "streams", named=Path("runs")),
    ):
        pass
