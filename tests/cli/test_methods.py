"""``unseen methods``: what an explanation names, it names in words that a person can type."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unseen.benchmark.recipes import RECIPES
from unseen.cli.methods import describe_all, describe_one, methods
from unseen.methods import METHODS
from unseen.nets.preprocessing import FEATURE_PREPROCESSINGS

Command = Callable[..., Any]

ROOT = Path(__file__).parents[2]
CONSTANT = re.compile(r"[Nn]ame in [A-Z]|\b[A-Z]+_[A-Z_]+\b|\b[A-Z]{6,}\b")


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_explanations_name_no_constant_of_the_code(name: str) -> None:
    for setting, described in describe_one(name)["settings"].items():
        assert not CONSTANT.search(described["explanation"]), setting


@pytest.mark.parametrize("name", METHODS)
def test_the_paper_to_cite_has_its_address(name: str) -> None:
    page = ROOT / "docs" / "methods" / f"{'class-norm' if name == 'mlp' else name}.md"
    described = describe_one(name)

    assert re.search(r"\([A-Z].+, (19|20)\d\d\)$", described["source"])
    assert described["link"] == describe_all()[name]["link"]
    assert f"({described['link']})" in page.read_text(encoding="utf-8")


def test_the_address_is_shown_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    methods("eszsl")

    assert "\nhttps://proceedings.mlr.press/v37/romera-paredes15.html\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_every_setting_is_explained(name: str) -> None:
    described = describe_one(name)

    assert described["source"]
    assert [key for key, told in described["settings"].items() if not told["explanation"]] == []


@pytest.mark.parametrize("name", METHODS)
def test_explanations_list_what_can_be_chosen(name: str) -> None:
    explanation = describe_one(name)["settings"]["feature_preprocessing"]["explanation"]

    assert ", ".join(FEATURE_PREPROCESSINGS) in explanation


def test_what_a_comparison_tries_is_shown_and_a_recipe_keeps_its_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    methods("sae")
    shown = " ".join(capsys.readouterr().out.split())
    space = METHODS["sae"].search_space
    assert space
    for name, values in space.items():
        assert f"{name}: {', '.join(map(str, values))}" in shown
    assert describe_one("sae-awa1")["candidates"] == {}


def test_methods_lists_all(command: Command) -> None:
    shown = command("methods").out
    listed = json.loads(command("methods", "--json").out)

    assert listed.keys() == METHODS.keys()
    assert {name for method in listed.values() for name in method["recipes"]} == RECIPES.keys()
    assert all(name in shown for name in (*METHODS, *RECIPES))
    assert "Skorokhodov & Elhoseiny, 2021" in listed["class-norm"]["source"]


def test_methods_shows_a_recipe(command: Command) -> None:
    run = command("methods", "class-norm-notebook")

    assert "T1 69.7" in run.out
    assert re.search(r"divide_by +var ", run.out)
