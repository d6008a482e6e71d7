"""Imports run one way, the package is light, and its public surface is what it says."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import unseen

ROOT = Path(unseen.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

# cli -> benchmark, report, continual -> methods, inspection -> training, decide -> nets, losses
# -> metrics, data (DESIGN.md, section 2)
LEVELS = {
    "metrics": 0,
    "data": 0,
    "nets": 1,
    "losses": 1,
    "training": 2,
    "rehearsal": 2,
    "decide": 2,
    "methods": 3,
    "inspection": 3,
    "benchmark": 4,
    "report": 4,
    "continual": 4,
    "models": 5,
    "cli": 5,
}
HEAVY = ["torch", "matplotlib", "jinja2", "rich", "cyclopts", "sklearn"]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts

    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """Returns the room of a module: the part after ``unseen``, or "" for the package itself."""
    return (*module.split("."), "")[1]


def imported(path: Path) -> Iterator[str]:
    """Yields every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield node.module or ""


def rooms_imported() -> Iterator[tuple[str, str, Path]]:
    for path in SOURCES:
        for module in imported(path):
            here = room(name_of(path))
            if module.split(".")[0] == "unseen" and here and here != room(module):
                yield here, room(module), path


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_room_has_its_place(path: Path) -> None:
    assert name_of(path) == "unseen" or room(name_of(path)) in LEVELS


def test_imports_run_one_way() -> None:
    edges = list(rooms_imported())
    against = [
        f"{path}: {here} imports {there or 'the whole package'}"
        for here, there, path in edges
        if LEVELS[here] < LEVELS.get(there, 5)
    ]

    assert len(edges) > 20
    assert not against


def test_rooms_of_one_level_form_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for here, there, _ in rooms_imported():
        graph.setdefault(here, set()).add(there)

    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("name", ["data", "metrics"])
def test_data_and_metrics_know_no_torch(name: str) -> None:
    for path in (ROOT / name).glob("*.py"):
        assert not [module for module in imported(path) if module.split(".")[0] == "torch"], path


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_opens_with_a_docstring_and_its_names(path: Path) -> None:
    tree = ast.parse(path.read_text())
    docstring = ast.get_docstring(tree)
    assert docstring, "no docstring"
    assert len(docstring.splitlines()[0]) <= 100

    defines = any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        for node in tree.body
    )
    if defines or path.name != "__init__.py":
        second = tree.body[1]
        first_of_package = path == ROOT / "__init__.py"  # its names load when they are used
        assert first_of_package or (
            isinstance(second, ast.Assign)
            and isinstance(second.targets[0], ast.Name)
            and second.targets[0].id == "__all__"
        ), "`__all__` stands after the docstring"
        names = import_module(name_of(path)).__all__
        assert len(set(names)) == len(names)
        for name in names:
            assert hasattr(import_module(name_of(path)), name)


def type_checking_block() -> dict[str, str]:
    tree = ast.parse((ROOT / "__init__.py").read_text())
    block, _ = (node for node in tree.body if isinstance(node, ast.If))

    return {
        alias.name: node.module.removeprefix("unseen.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_public_names_agree() -> None:
    assert len(set(unseen.__all__)) == len(unseen.__all__)
    assert set(unseen.__all__) == set(unseen.HOMES)
    assert type_checking_block() == unseen.HOMES
    assert dir(unseen) == sorted(unseen.__all__)


@pytest.mark.parametrize("name", unseen.__all__)
def test_public_names_are_public_at_home(name: str) -> None:
    home = import_module(f"unseen.{unseen.HOMES[name]}")

    assert getattr(unseen, name) is getattr(home, name)
    assert name in home.__all__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'unseen' has no attribute 'clasnorm'"):
        _ = unseen.clasnorm


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = run(f"import sys, unseen; print([m for m in {HEAVY} if m in sys.modules])")

    assert loaded.strip() == "[]"


def test_reading_data_loads_no_torch() -> None:
    code = (
        "import sys; from unseen import DataError, HiddenClassFolds, ZeroShotData, load, save;"
        f"print([m for m in {[*HEAVY, 'pyarrow', 'h5py', 'pymatreader']} if m in sys.modules])"
    )

    assert run(code).strip() == "[]"


def test_importing_the_package_takes_less_than_a_third_of_a_second() -> None:
    code = "import time; t = time.perf_counter(); import unseen; print(time.perf_counter() - t)"

    assert min(float(run(code)) for _ in range(3)) < 0.3


def is_abstract(kind: type) -> bool:
    return any(getattr(getattr(kind, n), "__isabstractmethod__", False) for n in dir(kind))


def test_every_method_has_its_name_and_is_public() -> None:
    from unseen.methods import METHODS
    from unseen.methods.base import ZeroShotClassifier

    modules = [import_module(name_of(path)) for path in (ROOT / "methods").glob("*.py")]
    found = [getattr(module, name) for module in modules for name in module.__all__]
    written = {
        kind
        for kind in found
        if isinstance(kind, type) and issubclass(kind, ZeroShotClassifier) and not is_abstract(kind)
    }

    assert written == set(METHODS.values())
    assert {kind.__name__ for kind in written} <= set(unseen.__all__)
