"""Checks of arguments: bounds, kinds of number, the nearest name."""

import numpy as np
import pytest

from unseen.data.arguments import check_choice, check_number, nearest


@pytest.mark.parametrize("value", [1, 2.5, np.float32(1), np.int64(3), np.float64(3.0)])
def test_numbers_within_bounds_pass(value: object) -> None:
    check_number("lr", value, 1, 3)


@pytest.mark.parametrize("value", [0.999, 3.001, True, None, "2", float("nan"), np.bool_(True), 1j])
def test_others_do_not(value: object) -> None:
    with pytest.raises(ValueError, match="`lr` must be a number at least 1 and at most 3; got"):
        check_number("lr", value, 1, 3)


@pytest.mark.parametrize("value", [2.0, np.float64(2.0), float("inf")])
def test_whole_numbers_are_integers(value: object) -> None:
    with pytest.raises(ValueError, match="`epochs` must be a whole number"):
        check_number("epochs", value, 1, whole=True)


def test_an_open_bound_is_left_out() -> None:
    check_number("lr", 0, 0)
    with pytest.raises(ValueError, match="greater than 0; got 0"):
        check_number("lr", 0, 0, open_low=True)
    check_number("beta2", 1, 0, 1)
    with pytest.raises(ValueError, match="at least 0 and below 1; got 1"):
        check_number("beta2", 1, 0, 1, open_high=True)


def test_choices() -> None:
    check_choice("norm", None, ("class", None))
    with pytest.raises(ValueError, match=r"`norm` must be one of 'class', None; got 'clss'\. Did"):
        check_choice("norm", "clss", ("class", None))


def test_nothing_is_near() -> None:
    assert nearest("zzz", ["hidden", "lr"]) == ""
