"""Methods by name, and settings from text: typed by their annotations, checked by their names."""

__all__ = [
    "Whole",
    "WholeOrNone",
    "apply_settings",
    "check_once",
    "check_seed",
    "find_recipe",
    "parse_value",
]

import inspect
from collections.abc import Sequence
from contextlib import suppress
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args

from cyclopts import Parameter, Token

from unseen.cli.errors import UserError

if TYPE_CHECKING:
    from unseen.benchmark.recipes import Recipe
    from unseen.methods.base import ZeroShotClassifier

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a name"}
NONE = ("none", "null")
SEED = "random_state"
MOST_WHOLE = 2**62  # beyond, PyTorch speaks of its own types
MOST_SEED = 2**32 - 1  # of NumPy


def read_whole(_: Any, tokens: Sequence[Token]) -> int:
    """Returns a whole number; cyclopts would round others."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f'it takes a whole number; got "{tokens[0].value}".') from None


Whole: TypeAlias = Annotated[int, Parameter(converter=read_whole)]
WholeOrNone: TypeAlias = Annotated[int | None, Parameter(converter=read_whole)]


def find_recipe(name: str) -> "Recipe":
    """Returns the method or recipe of that name.

    Raises:
        UserError: If there is none; the nearest name is given.
    """
    from unseen.benchmark.recipes import RECIPES, Recipe
    from unseen.data.arguments import nearest
    from unseen.methods import METHODS

    if name in METHODS:
        return Recipe(METHODS[name]())
    if name in RECIPES:
        return RECIPES[name]()

    names = [*METHODS, *RECIPES]
    raise UserError(
        f"There is no method or recipe {name!r}.{nearest(name, names)} "
        f"`unseen methods` lists them: {', '.join(names)}."
    )


def apply_settings(method: "ZeroShotClassifier", settings: Sequence[str]) -> None:
    """Sets settings of a method from texts such as ``hidden=512``.

    Arguments:
        method: The method, not yet fitted.
        settings: One text per setting.

    Raises:
        UserError: Lists every text that names no setting of the method, or no value of its type.
    """
    from unseen.methods.saving import method_name

    annotations = {
        name: parameter.annotation
        for name, parameter in inspect.signature(type(method)).parameters.items()
    }
    listed = f"`unseen methods {method_name(method)}` lists those of this method."
    values, problems = {}, []
    for text in settings:
        name, equals, value = text.partition("=")
        try:
            check_name(name, equals, annotations, listed)
            values[name] = parse_value(name, value, annotations[name])
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n  ".join(problems))

    method.set_params(**values)


def check_once(settings: Sequence[str]) -> None:
    """Raises if a setting is given twice, in texts such as ``hidden=512``.

    Raises:
        UserError: Names it.
    """
    names = [text.partition("=")[0] for text in settings]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise UserError(
                f"`--set {name}` is given twice, as {settings[names.index(name)]} and as "
                f"{settings[i]}: leave one out."
            )


def check_seed(seed: int) -> None:
    """Raises unless a number can be a seed.

    Raises:
        UserError: If it is negative or too large.
    """
    if not 0 <= seed <= MOST_SEED:
        raise UserError(f"`--seed` must be a whole number from 0 to {MOST_SEED}; got {seed}.")


def check_name(name: str, equals: str, names: dict[str, Any], listed: str) -> None:
    """Raises unless a setting is one of some names.

    Arguments:
        name: The name.
        equals: The sign after it.
        names: What can be set, by name.
        listed: Where the names are listed, for the error.
    """
    from unseen.data.arguments import nearest

    if not equals:
        raise UserError(f"`--set` takes name=value, as in hidden=512; got {name!r}.")
    if name in (SEED, "seed"):
        raise UserError(f"`{name}` is set by `--seed`, or by `--seeds` where a command has that.")
    if name not in names:
        raise UserError(f"There is no setting {name!r}.{nearest(name, names)} {listed}")


def parse_value(name: str, text: str, annotation: Any) -> bool | int | float | str | None:
    """Returns the value that a text stands for.

    Arguments:
        name: The name of the setting, for the error.
        text: The text; ``none`` and ``null`` are ``None`` where the setting may be ``None``.
        annotation: The type of the setting, such as ``float | None``; of several, a name is the
            last that is tried.

    Raises:
        UserError: If the text is no value of the type.

    Example:
        >>> parse_value("scale", "none", float | None), parse_value("hidden", "512", int)
        (None, 512)
        >>> parse_value("size", "auto", int | str), parse_value("size", "3", int | str)
        ('auto', 3)
    """
    types = get_args(annotation) or (annotation,)
    if NoneType in types and text.lower() in NONE:
        return None

    kinds = sorted((kind for kind in types if kind is not NoneType), key=lambda kind: kind is str)
    for kind in kinds:
        with suppress(KeyError, ValueError):
            return read_kind(text, kind)

    wanted = [KINDS[kind] for kind in kinds] + ["none"] * (NoneType in types)
    raise UserError(f"`{name}` must be {' or '.join(wanted)}; got {text!r}.")


def read_kind(text: str, kind: type) -> bool | int | float | str:
    """Returns the value of one type that a text stands for; raises if it stands for none."""
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    if kind is int and abs(int(text)) > MOST_WHOLE:
        raise ValueError(text)

    return kind(text)
