"""Settings of the documentation: Markdown pages, and the API from the docstrings."""

__all__: list[str] = []

import re
from typing import Any

from numpy.typing import ArrayLike, DTypeLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

from unseen import __version__

project = "unseen"
author = "The unseen developers"
copyright = f"2026, {author}"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"unseen {release}"
html_copy_source = False

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"member-order": "bysource"}
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88
napoleon_custom_sections = ["Differences from the paper"]

# A name of ours must resolve; those of NumPy, PyTorch and Python have no inventory offline.
nitpick_ignore_regex = [
    ("py:.*", r"(?!unseen\.).*"),
    ("py:class", r"unseen\.methods\.base\.Method"),
]

NAMED_TYPES = {"ArrayLike": ArrayLike, "DTypeLike": DTypeLike}
ALIASES = {stringify_annotation(alias, "smart"): name for name, alias in NAMED_TYPES.items()}
ANY_ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[([^\]]+)\]\]"
)


def shorten(text: str) -> str:
    """Writes NumPy's type aliases by their names, and defaults as Python can read them."""
    for alias, name in ALIASES.items():
        text = text.replace(alias, name)
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text).replace("<factory>", "...")

    return ANY_ARRAY.sub(
        lambda match: "NDArray" if "_ScalarT" in match[1] else f"NDArray[{match[1]}]", text
    )


def shorten_signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    return signature and shorten(signature), returns and shorten(returns)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-signature", shorten_signature)
