"""What a docstring in Google's style says, for people at a terminal."""

__all__ = ["read_arguments", "read_link", "read_paragraphs", "read_reference"]

import inspect
import re

SECTION = r"^{name}:\n((?:[ ]+.*\n|\n)*)"
ROLE = re.compile(r":math:`([^`]*)`|``([^`]*)``|`([^`]*)`")


def read_paragraphs(docstring: str) -> list[str]:
    """Returns each paragraph on one line; what a function returns is what it is here.

    Example:
        >>> read_paragraphs("Returns the\\nbaseline.\\n\\nCommand: ``unseen train``")
        ['The baseline.', 'Command: unseen train']
    """
    first, *others = map(plain, inspect.cleandoc(docstring).split("\n\n"))
    first = first.removeprefix("Returns ")

    return [first[:1].upper() + first[1:], *others]


def read_arguments(docstring: str) -> dict[str, str]:
    """Returns the explanation of each argument.

    Example:
        >>> read_arguments("Adds.\\n\\nArguments:\\n    lr: The rate,\\n        a number.\\n")
        {'lr': 'The rate, a number.'}
    """
    arguments: dict[str, str] = {}
    name = ""
    for line in section(docstring, "Arguments").splitlines():
        start = re.match(r"(\w+): (.*)", line)
        if start:
            name, arguments[name] = start[1], start[2]
        elif line.strip():
            arguments[name] += " " + line.strip()

    return {name: plain(text) for name, text in arguments.items()}


def read_reference(docstring: str) -> str:
    """Returns title, authors and year of the first publication, and nothing if there is none.

    Example:
        >>> read_reference("CN.\\n\\nReferences:\\n    A title\\n    (Ann, 2021)\\n    https://a.b\\n")
        'A title (Ann, 2021)'
    """
    lines = section(docstring, "References").split("http")[0]

    return " ".join(lines.split())


def read_link(docstring: str) -> str:
    """Returns the address of the first publication, and nothing if there is none.

    Example:
        >>> read_link("CN.\\n\\nReferences:\\n    A title\\n    (Ann, 2021)\\n    https://a.b\\n")
        'https://a.b'
    """
    found = re.search(r"https?://\S+", section(docstring, "References"))

    return found[0] if found else ""


def section(docstring: str, name: str) -> str:
    text = inspect.cleandoc(docstring) + "\n"
    found = re.search(SECTION.format(name=name), text, re.MULTILINE)

    return inspect.cleandoc("\n" + found[1]) if found else ""


def plain(text: str) -> str:
    """Takes away marks that a terminal does not know."""
    unmarked = ROLE.sub(lambda match: match[1] or match[2] or match[3], text)

    return " ".join(unmarked.replace("\\", "").split())
