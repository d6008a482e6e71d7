"""Figures of attention: where on an image each attribute looks."""

__all__ = ["plot_attention"]

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unseen.report import figure_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap

HEAT = "inferno"
OPACITY = (0.1, 0.85)  # of no attention and of the most: the image is to be seen
LUMA = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look (ITU-R BT.601)
PANEL = 1.35  # inches
LETTERS = 18  # in a line of text
RIGHT, WRONG = "#448361", "#d9730d"


def plot_attention(
    images: NDArray[np.uint8],
    attention: NDArray,
    attribute_names: Sequence[str],
    path: Path,
    title: str,
    chosen: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    predicted: Sequence[str] | None = None,
) -> None:
    """Draws images, and over each in grey the attention of some attributes, on one colour scale.

    Arguments:
        images: The images, uint8 from 0 to 255, with shape :math:`(n, h, w, 3)`.
        attention: The attention over a square grid of regions row by row, with shape
            :math:`(n, a, R)`.
        attribute_names: The names of the :math:`a` attributes.
        path: The SVG or PNG file; it is replaced atomically.
        title: What stands above.
        chosen: The attributes to draw, in this order; by default all.
        classes: The true class of each image.
        predicted: The class that each was taken for.

    Raises:
        ValueError: If the images are not uint8, the shapes do not fit each other, the regions are
            no square grid, attention is negative or not finite, or there is no attribute to draw.
        DataError: If the file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> rng = np.random.default_rng(0)
        >>> images = rng.integers(0, 256, size=(1, 8, 8, 3), dtype=np.uint8)
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "attention.png"
        ...     attention = rng.dirichlet(np.ones(4), (1, 2))
        ...     plot_attention(images, attention, ["red", "round"], path, "One image")
        ...     path.stat().st_size > 0
        True
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    side = _check(images, attention, attribute_names, classes, predicted)
    columns = _columns(len(attribute_names), chosen)
    shown = attention[:, columns].reshape(len(images), len(columns), side, side)
    scale = ScalarMappable(Normalize(0, shown.max()), _colours())
    texts = classes is not None or predicted is not None
    widths = [1.3] * texts + [1.0] * (1 + len(columns))
    figure = figure_files.new_figure(PANEL * sum(widths), 1.3 + PANEL * len(images))
    figure_files.set_heading(figure, title, 12)
    panels = figure.subplots(len(images), len(widths), squeeze=False, width_ratios=widths)

    for row, image in enumerate(images):
        axes = list(panels[row])
        if texts:
            _write(axes.pop(0), row, classes, predicted)
        _prepare(axes[0], "image" if row == 0 else "")
        axes[0].imshow(image)
        for place, column in enumerate(columns):
            _prepare(axes[1 + place], attribute_names[column] if row == 0 else "")
            draw_overlay(axes[1 + place], image, shown[row, place], scale)
    bar = figure.colorbar(scale, ax=panels, location="bottom", shrink=0.45, aspect=40, pad=0.01)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=figure_files.MUTED, labelsize=7.5)
    bar.set_label(
        f"attention of a region (all alike: {1 / side**2:.3g})",
        color=figure_files.MUTED,
        fontsize=9,
    )

    figure_files.save(figure, path)


def draw_overlay(
    axes: "Axes", image: NDArray[np.uint8], attention: NDArray, scale: "ScalarMappable"
) -> None:
    """Draws attention, with shape (side, side), smoothly over an image in grey."""
    height, width = image.shape[:2]
    axes.imshow(image @ LUMA, cmap="gray", vmin=0, vmax=255)

    axes.imshow(
        attention,
        cmap=scale.cmap,
        vmin=0,
        vmax=scale.get_clim()[1],
        interpolation="bilinear",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )


def _colours() -> "Colormap":
    """Returns colours that cover an image the more, the more attention they stand for."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    colours = colormaps[HEAT](np.linspace(0, 1, 256))
    colours[:, 3] = np.linspace(*OPACITY, 256)

    return ListedColormap(colours)


def _check(
    images: NDArray,
    attention: NDArray,
    names: Sequence[str],
    classes: Sequence[str] | None,
    predicted: Sequence[str] | None,
) -> int:
    """Returns the number of regions along a side of the grid."""
    if images.ndim != 4 or images.shape[3] != 3 or not len(images):
        raise ValueError(f"`images` must have the shape (n, h, w, 3), got {images.shape}.")
    if images.dtype != np.uint8:
        raise ValueError(
            f"`images` must be uint8 from 0 to 255, got {images.dtype}; fractions are brought "
            "there by `(255 * images).round().astype(np.uint8)`."
        )
    if attention.ndim != 3 or attention.shape[:2] != (len(images), len(names)):
        raise ValueError(
            f"`attention` must have the shape ({len(images)}, {len(names)}, regions), for so many "
            f"images and attribute names; got {attention.shape}."
        )
    for what, given in (("classes", classes), ("predicted", predicted)):
        if given is not None and len(given) != len(images):
            raise ValueError(f"`{what}` must name {len(images)} classes, got {len(given)}.")
    side = math.isqrt(attention.shape[2])
    if side**2 != attention.shape[2] or not side:
        raise ValueError(
            f"The regions must be a square grid; {attention.shape[2]} is no square number."
        )
    if not np.isfinite(attention).all() or (attention < 0).any():
        raise ValueError("`attention` must be finite numbers of 0 or more; it has others.")

    return side


def _columns(attributes: int, chosen: Sequence[int] | None) -> list[int]:
    """Returns the attributes to draw."""
    columns = list(range(attributes) if chosen is None else chosen)
    if not columns:
        raise ValueError("`chosen` names no attribute to draw; leave it out to draw all.")
    if wrong := [column for column in columns if not 0 <= column < attributes]:
        raise ValueError(
            f"`chosen` must hold attributes from 0 to {attributes - 1}, got {wrong[0]}."
        )

    return columns


def _prepare(axes: "Axes", name: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    heading = axes.set_title(_lines(name), color=figure_files.INK, fontsize=9, pad=5)
    heading.set_parse_math(False)


def _write(
    axes: "Axes", row: int, classes: Sequence[str] | None, predicted: Sequence[str] | None
) -> None:
    """Writes the class of an image beside it, and below what it was taken for."""
    axes.set_axis_off()
    if classes is not None:
        axes.text(
            0.0,
            0.55,
            _lines(classes[row]),
            color=figure_files.INK,
            weight="bold",
            fontsize=9,
            va="bottom",
            parse_math=False,
            transform=axes.transAxes,
        )
    if predicted is not None:
        right = classes is not None and predicted[row] == classes[row]
        axes.text(
            0.0,
            0.45,
            "recognised" if right else _lines(f"taken for {predicted[row]}"),
            color=RIGHT if right else WRONG,
            fontsize=9,
            va="top",
            parse_math=False,
            transform=axes.transAxes,
        )


def _lines(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LETTERS))
