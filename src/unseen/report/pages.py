"""What the pages of reports share: how a template is filled, and what stands for no number."""

__all__ = ["NOTHING", "render"]

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

NOTHING = "–"
STYLE = "report.css"


def render(
    template: str, context: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]
) -> str:
    """Returns a page, which asks for nothing from anywhere.

    Arguments:
        template: The file of the template, in this folder.
        context: What it shows, by name, beside ``style``, the style sheet of all pages.
        filters: The filters that it uses, by name.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("unseen", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    style = files("unseen.report").joinpath(STYLE).read_text(encoding="utf-8")

    return environment.get_template(template).render(style=style, **context)
