"""A lock beside an output: written whole, or not there."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


def test_the_name_that_the_user_knows(tmp_path: Path) -> None:
    (tmp_path / "streams.lock").write_text("1 elsewhere")
    with (
        pytest.raises(UserError, match="writes to runs "),
        locking(tmp_path / "streams", named=Path("runs")),
    ):
        pass
