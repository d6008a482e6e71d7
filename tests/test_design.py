"""The table of rooms in docs/design.md is of the code as it stands."""

import ast
import re
from pathlib import Path

import pytest

import unseen

ROOT = Path(unseen.__file__).parent
TABLE = re.compile(r"^\| `(\w+(?:\.py)?)` \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
ROWS = {
    row[0]: row[1:]
    for row in TABLE.findall((Path(__file__).parents[1] / "docs/design.md").read_text())
}
ROOMS = sorted(path.name for path in ROOT.iterdir() if path.name[0].islower())


def files(room: str) -> list[Path]:
    return [ROOT / room] if room.endswith(".py") else list((ROOT / room).glob("*.py"))


def functions(path: Path) -> list[tuple[int, str]]:
    """Returns the lines of each function without its docstring, and its name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0] if ast.get_docstring(node) else None
            text = first.end_lineno - first.lineno + 1 if first and first.end_lineno else 0
            found.append(((node.end_lineno or 0) - node.lineno + 1 - text, node.name))

    return found


def number(cell: str) -> int:
    return int(re.sub(r"`.*?`", "", cell).split(":")[0])


@pytest.mark.parametrize("room", [name for name in ROOMS if name != "py.typed"])
def test_longest_file_and_function(room: str) -> None:
    """The names are exact, so that a new giant is seen; the lines are about right."""
    _, file, function = ROWS[room]
    lines, path = max((len(path.read_text().splitlines()), path.name) for path in files(room))
    assert room.endswith(".py") or file.startswith(f"`{path}`")
    assert number(file) == pytest.approx(lines, rel=0.1)
    longest, name = max(pair for path in files(room) for pair in functions(path))
    assert re.match(rf"`(\w+\.)?{name}` ", function), (name, longest)
    assert number(function) == pytest.approx(longest, rel=0.1)


@pytest.mark.parametrize("room", [name for name in ROOMS if name not in {"py.typed", "cli"}])
def test_imports(room: str) -> None:
    text = "\n".join(path.read_text() for path in files(room))
    found = set(re.findall(r"^\s*from unseen\.(\w+)", text, re.MULTILINE))
    named = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", ROWS[room][0])))
    assert named == found - {room.removesuffix(".py")}
