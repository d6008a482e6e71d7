"""``unseen methods``: what there is, with settings, information setting and source."""

__all__ = ["methods"]

import inspect
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from unseen.cli.console import print_json, results
from unseen.cli.docstrings import read_arguments, read_link, read_paragraphs, read_reference
from unseen.cli.settings import find_recipe

if TYPE_CHECKING:
    from unseen.methods.base import ZeroShotClassifier

NAMES = re.compile(r"([Aa]) name in ([A-Z_]+)")  # of something in a module of the method


def methods(
    name: str | None = None,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """List the methods and recipes, or all settings of one.

    Arguments:
        name: A method or a recipe.
        as_json: Print the results as JSON.
    """
    value = describe_all() if name is None else describe_one(name)
    if as_json:
        print_json(value)
    elif name is None:
        show_all(value)
    else:
        show_one(value)


def describe_all() -> dict[str, Any]:
    """Returns every method with its recipes."""
    from unseen.benchmark.recipes import RECIPES
    from unseen.methods import METHODS

    described = {}
    for name, method in METHODS.items():
        recipes = {
            recipe: read_paragraphs(make.__doc__ or "")[0]
            for recipe, make in RECIPES.items()
            if type(make().method) is method
        }
        described[name] = {
            "summary": read_paragraphs(method.__doc__ or "")[0],
            "setting": method().setting,
            **source(method),
            "recipes": recipes,
        }

    return described


def describe_one(name: str) -> dict[str, Any]:
    """Returns the settings of a method or recipe, explained, and what a comparison tries.

    Raises:
        UserError: If there is no such method.
    """
    from unseen.benchmark.recipes import RECIPES

    method = find_recipe(name).method
    told = explanations(type(method))
    if name in RECIPES:
        text = read_paragraphs(RECIPES[name].__doc__ or "")
    else:
        text = read_paragraphs(type(method).__doc__ or "")[:1]
    values = method.get_params()

    return {
        "name": name,
        "text": text,
        "setting": method.setting,
        **source(type(method)),
        "settings": {
            setting: {"value": values[setting], "explanation": told.get(setting, "")}
            for setting in inspect.signature(type(method)).parameters
        },
        # a recipe keeps its settings
        "candidates": {} if name in RECIPES else {k: [*v] for k, v in method.search_space.items()},
    }


def source(method: "type[ZeroShotClassifier]") -> dict[str, str]:
    """Returns the publication that a class cites, or else its file: one paper, one file."""
    docstring = method.__doc__ or ""
    if not read_reference(docstring):
        docstring = sys.modules[method.__module__].__doc__ or ""

    return {"source": read_reference(docstring), "link": read_link(docstring)}


def explanations(method: "type[ZeroShotClassifier]") -> dict[str, str]:
    """Returns the explanation of each setting; a variant inherits those of its parent."""
    told: dict[str, str] = {}
    for parent in reversed(inspect.getmro(method)):
        told |= read_arguments(parent.__doc__ or "")
    known = vocabulary(method)

    def names(match: re.Match[str]) -> str:
        one = "One" if match[1] == "A" else "one"
        return f"{one} of {', '.join(known[match[2]])}" if match[2] in known else match[0]

    return {setting: NAMES.sub(names, text) for setting, text in told.items()}


def vocabulary(method: "type[ZeroShotClassifier]") -> dict[str, Any]:
    """Returns what the modules of a class and its parents define, and how data are prepared."""
    from unseen.nets import preprocessing

    known = dict(vars(preprocessing))
    for parent in reversed(inspect.getmro(method)):
        known |= vars(sys.modules[parent.__module__])

    return known


def show_all(described: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("setting")
    table.add_column("source", overflow="fold")
    for name, method in described.items():
        table.add_row(name, method["setting"], method["source"], style="bold")
        for recipe, summary in method["recipes"].items():
            table.add_row(f"  {recipe}", "", summary)

    results().print(table)


def show_one(method: dict[str, Any]) -> None:
    from rich.table import Table

    console = results()
    console.print(method["name"], style="bold")
    for paragraph in method["text"]:
        console.print(paragraph)
    console.print(f"Setting: {method['setting']}")
    console.print(f"Source: {method['source']}")
    console.print(method["link"], soft_wrap=True)
    console.print()

    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True, style="bold")
    table.add_column("value", no_wrap=True)
    table.add_column("explanation", overflow="fold")
    for name, setting in method["settings"].items():
        table.add_row(name, str(setting["value"]), setting["explanation"])
    console.print(table)
    if method["candidates"]:
        console.print("\n`unseen benchmark` chooses, on hidden seen classes, among:")
        for name, values in method["candidates"].items():
            console.print(f"  {name}: {', '.join(map(str, values))}")
