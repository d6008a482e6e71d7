"""The check of an argument that is one of some names."""

__all__ = ["check_choice"]


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises an error unless an argument is one of its choices.

    Arguments:
        name: The name of the argument.
        value: What was given.
        choices: What it may be; two at least.

    Raises:
        ValueError: Names the argument, its choices and the value.

    Example:
        >>> check_choice("weighting", "rows", ("class", "sample"))
        Traceback (most recent call last):
        ValueError: `weighting` must be 'class' or 'sample'; got 'rows'.
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"`{name}` must be {', '.join(others)} or {last}; got {value!r}.")
