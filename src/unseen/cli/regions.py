"""Whether a method takes the features of regions as the data have them."""

__all__ = ["check_regions", "show_unused_regions"]

from pathlib import Path
from typing import TYPE_CHECKING

from unseen.cli.console import note
from unseen.cli.errors import UserError

if TYPE_CHECKING:
    from unseen.data.dataset import ZeroShotData
    from unseen.methods.base import ZeroShotClassifier

REGIONS = "regions"  # the setting of methods that know them


def check_regions(method: "ZeroShotClassifier", data: "ZeroShotData") -> None:
    """Raises if a method is set to other regions than the data say that they have.

    Raises:
        UserError: Names both, and the setting that fits.
    """
    from unseen.data.wording import counted_regions

    told, count = method.get_params().get(REGIONS), data.region_count
    if told is None or count is None or told == count:
        return

    name = Path(data.source.path).name or data.source.name
    raise UserError(
        f"`{REGIONS}={told}`, but a row of {name} is "
        f"{counted_regions(count, data.features.shape[1])}: set {REGIONS}={count}."
    )


def show_unused_regions(method: "ZeroShotClassifier", data: "ZeroShotData") -> None:
    """Notes that data have regions, if the method could attend to them and is not told to."""
    from unseen.data.notes import note_regions

    settings = method.get_params()
    if REGIONS in settings and settings[REGIONS] is None:
        for text in note_regions(data):
            note(text)
