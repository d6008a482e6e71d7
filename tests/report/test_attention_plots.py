"""Figures of attention: whole files, the same again, and what is bright is where it should be."""

import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from unseen.data.dataset import DataError
from unseen.report import attention_plots
from unseen.report.attention_plots import draw_overlay, plot_attention

NAMES = ["red", "$round_", "<word>"]
CLASSES = ["Zèbre & co", "a very long name of a class that needs more than one line"]


def given(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(2, 12, 16, 3), dtype=np.uint8)
    attention = rng.dirichlet(np.ones(9), (2, 3)).astype(np.float32)

    return {"images": images, "attention": attention, "attribute_names": NAMES} | changes


@pytest.mark.parametrize(
    "further",
    [
        {},
        {"chosen": [2, 0]},
        {"classes": CLASSES},
        {"predicted": CLASSES},
        {"classes": CLASSES, "predicted": CLASSES[::-1]},
    ],
)
def test_png_and_svg_are_whole_and_the_same_again(tmp_path: Path, further: dict) -> None:
    for name in ("a.png", "a.svg"):
        plot_attention(**given(**further), path=tmp_path / name, title="$A_$ title")
        first = (tmp_path / name).read_bytes()
        plot_attention(**given(**further), path=tmp_path / name, title="$A_$ title")
        assert (tmp_path / name).read_bytes() == first

    png = (tmp_path / "a.png").read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG")
    assert width > 400
    assert height > 400
    ElementTree.parse(tmp_path / "a.svg")
    assert len(list(tmp_path.iterdir())) == 2


def test_classes_and_attributes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(
        attention_plots.figure_files, "save", lambda figure, _: figures.append(figure)
    )
    further = {"classes": ["zebra", "horse"], "predicted": ["zebra", "cow"], "chosen": [1, 0]}
    plot_attention(**given(**further), path=tmp_path / "a.png", title="A title")

    panels = figures[0].axes
    texts = [[text.get_text() for text in axes.texts] for axes in panels if axes.texts]
    assert texts == [["zebra", "recognised"], ["horse", "taken for cow"]]
    titles = [axes.get_title() for axes in panels if axes.get_title()]
    assert titles == ["image", "$round_", "red"]
    overlays = [axes.images[1].get_array() for axes in panels if len(axes.images) == 2]
    attention = given()["attention"]
    assert len(overlays) == 4
    for drawn, wanted in zip(overlays, attention[:, [1, 0]].reshape(4, 3, 3), strict=True):
        np.testing.assert_allclose(drawn, wanted)


def test_a_region_covers_its_own_part_of_the_image(tmp_path: Path) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    figure = Figure(figsize=(2, 2), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    attention = np.array([[0.0, 1.0], [0.0, 0.0]])  # top right
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[:4, :4] = 255  # top left
    scale = ScalarMappable(Normalize(0, 1), ListedColormap([(0, 0, 0, 0), (1, 1, 1, 1)]))
    draw_overlay(axes, image, attention, scale)
    figure.savefig(tmp_path / "a.png")

    pixels = imread(tmp_path / "a.png")[..., 0]
    assert min(pixels[50, 50], pixels[50, 150]) > 0.9
    assert max(pixels[150, 50], pixels[150, 150]) < 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((2, 8, 8), np.uint8)}, r"shape \(n, h, w, 3\), got \(2, 8, 8\)"),
        ({"images": np.zeros((0, 8, 8, 3), np.uint8)}, r"got \(0, 8, 8, 3\)"),
        ({"attention": np.zeros((2, 2, 9))}, r"must have the shape \(2, 3, regions\)"),
        ({"attention": np.zeros((2, 3, 8))}, "8 is no square number"),
        ({"attention": np.zeros((2, 3, 0))}, "0 is no square number"),
        ({"attention": np.full((2, 3, 9), np.nan)}, "finite numbers of 0 or more"),
        ({"attention": np.full((2, 3, 9), -0.1)}, "finite numbers of 0 or more"),
        ({"images": np.zeros((2, 8, 8, 3))}, "must be uint8 from 0 to 255, got float64"),
        ({"chosen": []}, "`chosen` names no attribute"),
        ({"chosen": [0, 3]}, "`chosen` must hold attributes from 0 to 2, got 3"),
        ({"chosen": [-1]}, "`chosen` must hold attributes from 0 to 2, got -1"),
        ({"classes": ["zebra"]}, "`classes` must name 2 classes, got 1"),
        ({"predicted": ["zebra"]}, "`predicted` must name 2 classes, got 1"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_attention(**given(**changes), path=tmp_path / "a.png", title="A")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        plot_attention(**given(), path=tmp_path / "nowhere" / "a.png", title="A")
