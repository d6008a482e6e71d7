"""Notes on data that bear on training and judging."""

__all__ = ["show_notes"]

from typing import TYPE_CHECKING

from unseen.cli.console import note

if TYPE_CHECKING:
    from unseen.data.dataset import ZeroShotData


def show_notes(data: "ZeroShotData") -> None:
    """Prints what changes results; ``data info`` and ``data check`` have all notes."""
    from unseen.data.notes import note_untested
    from unseen.data.xlsa17 import NO_FOLDS

    for text in (*data.notes, *count_same(data), *note_untested(data)):
        if NO_FOLDS not in text:
            note(text)


def count_same(data: "ZeroShotData") -> list[str]:
    """Returns the note on equal descriptions in short: classes that cannot be told apart."""
    from unseen.data.descriptions import same_descriptions
    from unseen.data.wording import counted

    same = same_descriptions(data.class_attributes)
    if not same:
        return []

    where = data.source.path or data.source.name

    return [
        f"{counted(len(same), 'group')} of classes share one description: "
        f"`unseen data check {where}` names them."
    ]
