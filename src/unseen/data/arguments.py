"""Checks of arguments and settings, with the nearest name for a mistyped one."""

__all__ = ["check_choice", "check_number", "nearest"]

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real


def nearest(name: str, names: Iterable[str]) -> str:
    """Returns `` Did you mean '...'?``, or nothing where no name is near.

    Example:
        >>> nearest("hiden", ["hidden", "lr"])
        " Did you mean 'hidden'?"
    """
    close = difflib.get_close_matches(name, list(names), n=1)

    return f" Did you mean {close[0]!r}?" if close else ""


def check_choice(name: str, value: object, choices: Iterable[str | bool | None]) -> None:
    """Raises an error unless an argument is one of some names, or true or false.

    Arguments:
        name: The name of the argument.
        value: Its value.
        choices: What it may be.

    Raises:
        ValueError: Names the argument, the value, the choices and the nearest of them.

    Example:
        >>> check_choice("norm", "clas", ["class", "layer", None])
        Traceback (most recent call last):
            ...
        ValueError: `norm` must be one of 'class', 'layer', None; got 'clas'. Did you mean 'class'?
    """
    choices = list(choices)
    if value not in choices:
        names = [choice for choice in choices if isinstance(choice, str)]
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}; got {value!r}."
            + nearest(str(value), names)
        )


def check_number(
    name: str,
    value: object,
    low: float,
    high: float = math.inf,
    whole: bool = False,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raises an error unless an argument is a number within bounds.

    Arguments:
        name: The name of the argument.
        value: Its value.
        low: The least value allowed.
        high: The greatest value allowed.
        whole: Whether it must be a whole number.
        open_low: Whether ``low`` itself is not allowed.
        open_high: Whether ``high`` itself is not allowed.

    Raises:
        ValueError: Names the argument, the bounds and the value.

    Example:
        >>> check_number("epochs", 2.5, 1, whole=True)
        Traceback (most recent call last):
            ...
        ValueError: `epochs` must be a whole number at least 1; got 2.5.
    """
    kind = "a whole number" if whole else "a number"
    start = f"greater than {low:g}" if open_low else f"at least {low:g}"
    end = f"below {high:g}" if open_high else f"at most {high:g}"
    bounds = start + ("" if high == math.inf else f" and {end}")

    if isinstance(value, Integral if whole else Real) and not isinstance(value, bool):
        number = float(value)
        above = number > low or (number == low and not open_low)
        below = number < high or (number == high and not open_high)
        if above and below and math.isfinite(number):
            return

    raise ValueError(f"`{name}` must be {kind} {bounds}; got {value!r}.")
