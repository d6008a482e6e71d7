"""Files that are whole or not there."""

from pathlib import Path

import pytest

from unseen.data.atomic import writing
from unseen.data.dataset import DataError


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail() -> None:
        with writing(path) as file:
            file.write(b"half of the n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    with writing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a regular file"), writing(tmp_path):
        pytest.fail("nothing may be written")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "/"])
def test_a_path_without_a_name_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match="not a regular file"), writing(Path(name)):
        pass


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with pytest.raises(DataError, match=r"the folder .*/a does not exist"), writing(path):
        pytest.fail("nothing may be written")
