"""Data with regions in the commands: told where they are not used, refused where they clash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.benchmark.recipes import RECIPES, Recipe
from unseen.data.dataset import ZeroShotData
from unseen.methods.rezsl import ReZSL

Command = Callable[..., Any]
QUICK = ("--penalty", "none", "--set", "epochs=1")
NOTE = "rezsl attends to them with regions=4"


@pytest.fixture(scope="module")
def maps(toy: ZeroShotData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns toy data whose rows are 4 regions of 4 channels: do not write to it."""
    path = tmp_path_factory.mktemp("maps") / "maps.npz"
    np.savez(
        path,
        features=toy.features.reshape(len(toy.features), 4, 4),
        labels=toy.labels,
        class_attributes=toy.class_attributes,
        class_names=toy.class_names,
        train=toy.train,
        test_seen=toy.test_seen,
        test_unseen=toy.test_unseen,
    )

    return path


def test_train_refuses_regions_that_are_not_those_of_the_data(
    command: Command, maps: Path, tmp_path: Path
) -> None:
    train = ("train", maps, "-m", "rezsl", "-o", tmp_path / "model", *QUICK)
    wrong = command(*train, "--set", "regions=8")

    assert wrong.code == 2
    assert (
        "`regions=8`, but a row of maps.npz is 4 regions of 4 channels: set regions=4." in wrong.err
    )
    assert not list(tmp_path.iterdir())
    assert command(*train, "--set", "regions=4").code == 0


def test_any_regions_will_do_for_data_without(command: Command, toys: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    train = ("train", toys / "toy.npz", "-m", "rezsl", "-o", model, *QUICK, "--set", "regions=8")

    assert command(*train).code == 0


def test_train_tells_of_regions_that_it_leaves_alone(
    command: Command, maps: Path, toys: Path, tmp_path: Path
) -> None:
    def err(data: Path, method: str, *settings: str) -> str:
        return command("train", data, "-m", method, "-o", tmp_path / "m", *QUICK, *settings).err

    assert NOTE in err(maps, "rezsl")
    assert NOTE not in err(maps, "rezsl", "--set", "regions=4")
    assert NOTE not in err(maps, "mlp")
    assert NOTE not in err(toys / "toy.npz", "rezsl")


def test_benchmark_refuses_them_before_anything_starts(
    command: Command, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(regions: int) -> Any:
        recipe = Recipe(ReZSL(regions=regions, epochs=1, attention_size=4))
        monkeypatch.setitem(RECIPES, "attentive", lambda: recipe)
        words = ("-m", "mlp,attentive", "--seeds", 1, "--workers", 1, "--selection", "last")
        return command("benchmark", maps, "-o", tmp_path / "runs", *words)

    wrong = run(2)
    assert wrong.code == 2
    assert "a row of maps.npz is 4 regions of 4 channels: set regions=4." in wrong.err
    assert not list(tmp_path.iterdir())
    assert run(4).code == 0
