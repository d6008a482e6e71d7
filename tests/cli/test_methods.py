"""``unseen methods``: what an explanation names, it names in words that a person can type."""

import re

import pytest

from unseen.benchmark.recipes import RECIPES
from unseen.cli.methods import describe_one
from unseen.methods import METHODS
from unseen.nets.preprocessing import FEATURE_PREPROCESSINGS

CONSTANT = re.compile(r"[Nn]ame in [A-Z]|\b[A-Z]+_[A-Z_]+\b|\b[A-Z]{6,}\b")


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_explanations_name_no_constant_of_the_code(name: str) -> None:
    for setting, described in describe_one(name)["settings"].items():
        assert not CONSTANT.search(described["explanation"]), setting


@pytest.mark.parametrize("name", METHODS)
def test_explanations_list_what_can_be_chosen(name: str) -> None:
    explanation = describe_one(name)["settings"]["feature_preprocessing"]["explanation"]

    assert ", ".join(FEATURE_PREPROCESSINGS) in explanation
