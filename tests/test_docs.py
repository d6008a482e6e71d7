"""The documentation: its Python runs, its commands exist, its links lead somewhere."""

__all__: list[str] = []

import json
import re
import shlex
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What a page reads from the working folder, as the user's own files, by its place in the real data.
NEEDS = {"proposed-splits.md": "xlsa17/AWA2"}

# A fenced block, and the comment on the line above: `<!-- not run: reason -->` skips Python,
# `<!-- run -->` runs a command that is otherwise only parsed.
FENCE = re.compile(
    r"^(?:<!-- (?P<mark>not run: .+|run) -->\n)?```(?P<language>[\w{}]*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!\w+:)(?P<target>[^)#\s]+)?(?:#(?P<anchor>[^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    mark: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")

    return [
        Block(
            match["language"],
            match["mark"] or "",
            match["text"],
            text.count("\n", 0, match.start("text")) + 1,
        )
        for match in FENCE.finditer(text)
    ]


def commands(block: Block) -> list[list[str]]:
    """Returns the words after `unseen` of each command of a block."""
    if block.language == "console":
        lines = re.findall(r"^\$ (.+)$", block.text.replace("\\\n", ""), re.MULTILINE)
    elif block.language in ("", "sh", "bash"):
        lines = block.text.replace("\\\n", "").splitlines()
    else:
        lines = []
    words = [shlex.split(line, comments=True) for line in lines]

    return [rest for first, *rest in filter(None, words) if first == "unseen"]


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


def pages_with(kind: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == kind for block in blocks(page))]


@pytest.mark.parametrize("page", pages_with("python"), ids=relative)
def test_python_runs(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    from unseen.cli import main

    if page.name in NEEDS:
        needed = request.getfixturevalue("real_data") / NEEDS[page.name]
        (tmp_path / needed.name).symlink_to(needed)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}

    for block in blocks(page):
        if block.language == "python" and not block.mark.startswith("not run"):
            # Empty lines before it, so that a traceback has the line numbers of the page.
            code = "\n" * (block.line - 1) + block.text
            exec(compile(code, str(page), "exec"), names)
        elif block.mark == "run":
            for words in commands(block):
                assert main(words) == 0, shlex.join(["unseen", *words])


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_commands_exist(page: Path) -> None:
    from unseen.cli.app import app

    for block in blocks(page):
        for words in commands(block):
            app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))

    for link in LINK.finditer(text):
        target = page.parent / link["target"] if link["target"] else page
        assert target.exists(), link[0]
        if link["anchor"] and target.suffix == ".md":
            assert link["anchor"] in anchors(target), link[0]


def anchors(page: Path) -> list[str]:
    """Returns the anchors of headings, made as GitHub and MyST make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading).strip().lower() for heading in HEADING.findall(text))

    return [heading.replace(" ", "-") for heading in kept]


def test_every_page_is_in_a_contents_list() -> None:
    listed: set[Path] = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for text in re.findall(r"```{toctree}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            entries = [line for line in text.split() if not line.startswith(":")]
            listed |= {page.parent / f"{entry}.md" for entry in entries}

    index = ROOT / "docs" / "index.md"
    assert set((ROOT / "docs").rglob("*.md")) - {index} <= listed


def test_api_page_has_every_public_name() -> None:
    import unseen

    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: unseen\.(\w+)$", text, re.MULTILINE))

    assert documented == set(unseen.__all__)


def test_class_norm_page_has_every_setting_with_its_default() -> None:
    from unseen.methods.class_norm import ClassNorm

    page = ROOT / "docs" / "methods" / "class-norm.md"
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert dict(rows) == {name: repr(value) for name, value in ClassNorm().get_params().items()}


def test_each_method_has_a_page_with_its_recipes() -> None:
    from unseen import METHODS, RECIPES
    from unseen.methods.saving import method_name

    folder = ROOT / "docs" / "methods"
    pages = {
        name: (folder / f"{'class-norm' if name == 'mlp' else name}.md").read_text("utf-8")
        for name in METHODS
    }

    for name, make in RECIPES.items():
        assert f"`{name}`" in pages[method_name(make().method)], name


def test_what_is_cited_is_this_version() -> None:
    import unseen

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "citing.md").read_text(encoding="utf-8")

    assert f"\nversion: {unseen.__version__}\n" in citation
    assert f"version = {{{unseen.__version__}}}" in page


def test_the_table_of_the_readme_is_of_the_committed_runs() -> None:
    results = defaultdict(list)
    for line in (ROOT / "benchmarks" / "results" / "comparison.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "run":
            data = f"{record['data']['name']} {record['data']['attributes'] or 'pictograms'}"
            results[record["method"], data].append(100 * record["metrics"]["harmonic_mean"])
    readme = (ROOT / "README.md").read_text("utf-8")
    heads, *rows = re.findall(r"^\| ([^-].*) \|$", readme, re.MULTILINE)
    columns = [head if " " in head else f"{head} pictograms" for head in heads.split(" | ")[1:]]

    assert len(rows) * len(columns) == len(results)
    for row in rows:
        method, *cells = row.replace("*", "").split(" | ")
        for data, cell in zip(columns, cells, strict=True):
            values = results[method, data]
            assert len(values) == 5
            mean, deviation = f"{np.mean(values):.1f}", f"{np.std(values, ddof=1):.1f}"
            assert cell in (f"{mean} ± {deviation}", mean), (method, data)
