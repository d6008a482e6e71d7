"""Checks of settings, under their former name."""

__all__ = ["check_choice", "check_number", "nearest"]

from unseen.data.arguments import check_choice, check_number, nearest
