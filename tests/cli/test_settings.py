"""``--set``: what a setting can be in Python, a person can type."""

import inspect

import pytest

from unseen.cli.errors import UserError
from unseen.cli.settings import SEED, apply_settings, parse_value
from unseen.methods import METHODS


@pytest.mark.parametrize("name", METHODS)
def test_every_default_can_be_typed(name: str) -> None:
    defaults = METHODS[name]().get_params()
    for setting in inspect.signature(METHODS[name]).parameters:
        if setting != SEED:  # of which `--seed` is in charge
            method = METHODS[name]()
            apply_settings(method, [f"{setting}={defaults[setting]}"])

            assert method.get_params() == defaults


def test_a_number_is_a_number_wherever_it_can_be_one() -> None:
    for annotation in (int | str | None, str | int | None):
        assert parse_value("size", "3", annotation) == 3
        assert parse_value("size", "auto", annotation) == "auto"
        assert parse_value("size", "None", annotation) is None


def test_an_error_names_every_type() -> None:
    with pytest.raises(UserError, match=r"`n` must be a whole number or none; got '1.5'\."):
        parse_value("n", "1.5", int | None)
    with pytest.raises(UserError, match=r"`n` must be true or false or a number; got 'x'\."):
        parse_value("n", "x", bool | float)
