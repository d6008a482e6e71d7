"""Figures of matplotlib as SVG that stands inside a page: small, unique, in the page's colours."""

__all__ = ["INK", "MUTED", "MORE", "ORACLE", "PAPER", "RULE", "SERIES", "inline_svg", "variable"]

import html
import re
import warnings
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Stand-ins, which no plot would choose by itself: the page's style sheet says what they look like,
# in light, in dark and on paper.
INK, MUTED, RULE, PAPER, ORACLE = "#010101", "#010102", "#010103", "#010104", "#010105"
SERIES = ("#010111", "#010112", "#010113", "#010114", "#010115")
MORE = ("#010116", "#010117", "#010118", "#010119")  # where many must be told apart
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    ORACLE: "--oracle",
    **{colour: f"--series-{number}" for number, colour in enumerate((*SERIES, *MORE), start=1)},
}

# Not wanted inside a page: metadata, a style of its own, and addresses of name spaces.
UNWANTED = re.compile(
    r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|\s+xmlns(?::\w+)?=\"[^\"]*\"", re.DOTALL
)
NAMES = re.compile(r"(\bid=\"|\"#|url\(#)")
DECIMALS = re.compile(r"(\d\.\d\d)\d+")
PATH = re.compile(r"\sd=\"[^\"]*\"")
SIZE = re.compile(r"\s(?:width|height|version)=\"[^\"]*\"")


def variable(colour: str) -> str:
    """Returns a colour of this module as the style sheet knows it.

    Example:
        >>> variable(SERIES[0])
        'var(--series-1)'
    """
    return f"var({VARIABLES[colour]})"


def inline_svg(figure: "Figure", name: str, description: str) -> str:
    """Returns a figure as an element of HTML, which grows and shrinks with its place.

    Text stays text, in the font of the page; the stand-in colours of this module become variables
    of the page's style sheet.

    Arguments:
        figure: The figure.
        name: What no other figure of the page is called: it begins all names inside.
        description: What the figure shows, for those who do not see it.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure = Figure()
        >>> _ = figure.add_subplot().plot([0, 1], color=INK)
        >>> svg = inline_svg(figure, "line", "A line.")
        >>> svg[:4], "var(--ink)" in svg, "http" in svg
        ('<svg', True, False)
    """
    import matplotlib

    buffer = StringIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the page has its own font
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)

    text = buffer.getvalue()
    text = UNWANTED.sub("", text[text.index("<svg") :]).replace("xlink:href", "href")
    text = PATH.sub(lambda path: DECIMALS.sub(r"\1", path[0]).replace("\n", ""), text)
    text = NAMES.sub(rf"\g<1>{name}-", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")

    opening, rest = text.split(">", 1)
    label = html.escape(description)

    return f'{SIZE.sub("", opening)} role="img" aria-label="{label}">{rest.strip()}'
