"""Checks of settings, with the nearest name for a mistyped one."""

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


def check_choice(setting: str, value: object, choices: Iterable[str | bool | None]) -> None:
    """Raises an error unless a setting is one of some names, or true or false.

    Arguments:
        setting: The name of the setting.
        value: Its value.
        choices: What it may be.

    Raises:
        ValueError: Names the setting, the value, the choices and the nearest of them.

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
            f"`{setting}` must be one of {', '.join(map(repr, choices))}; got {value!r}."
            + nearest(str(value), names)
        )


def check_number(
    setting: str,
    value: object,
    low: float,
    high: float = math.inf,
    whole: bool = False,
    open_low: bool = False,
) -> None:
    """Raises an error unless a setting is a number within bounds.

    Arguments:
        setting: The name of the setting.
        value: Its value.
        low: The least value allowed.
        high: The greatest value allowed.
        whole: Whether it must be a whole number.
        open_low: Whether ``low`` itself is not allowed.

    Raises:
        ValueError: Names the setting, the bounds and the value.

    Example:
        >>> check_number("epochs", 2.5, 1, whole=True)
        Traceback (most recent call last):
            ...
        ValueError: `epochs` must be a whole number at least 1; got 2.5.
    """
    kind = "a whole number" if whole else "a number"
    start = f"greater than {low:g}" if open_low else f"at least {low:g}"
    bounds = start + ("" if high == math.inf else f" and at most {high:g}")

    if isinstance(value, Integral if whole else Real) and not isinstance(value, bool):
        number = float(value)
        above = number > low or (number == low and not open_low)
        if above and number <= high and math.isfinite(number):
            return

    raise ValueError(f"`{setting}` must be {kind} {bounds}; got {value!r}.")
