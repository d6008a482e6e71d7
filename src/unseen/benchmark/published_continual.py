"""Published results of continual zero-shot learning, of the class-norm protocol on images."""

__all__ = ["PublishedStream", "published_peer", "published_streams"]

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

TABLE = "published_continual.csv"

# The names that the table gives to strategies of this package.
PEERS = {
    "agem": "A-GEM",
    "ewc": "EWC-online",
    "joint": "Multi-task",
    "mas": "MAS-online",
    "sequential": "Sequential",
}


@dataclass(frozen=True)
class PublishedStream:
    """Holds one row of the published table, in percent.

    Arguments:
        dataset: The benchmark: ``"CUB"`` or ``"SUN"``.
        strategy: The strategy, as the table spells it.
        class_norm: Whether the head has class norm.
        mean_ausuc: mAUC.
        mean_harmonic_mean: mH.
        mean_joint_accuracy: mJA.
        forgetting: The forgetting, as the authors' code measures it.
        source: Where the row stands.
    """

    dataset: str
    strategy: str
    class_norm: bool
    mean_ausuc: float
    mean_harmonic_mean: float
    mean_joint_accuracy: float
    forgetting: float
    source: str


@cache
def published_streams() -> tuple[PublishedStream, ...]:
    """Returns every published result along a stream that the package knows.

    Example:
        >>> rows = [row for row in published_streams() if row.dataset == "CUB"]
        >>> max(rows, key=lambda row: row.mean_ausuc).strategy
        'Multi-task'
    """
    text = files("unseen.benchmark").joinpath(TABLE).read_text(encoding="utf-8")

    return tuple(map(parse, csv.DictReader(text.splitlines())))


def published_peer(strategy: str | None) -> str:
    """Returns the name under which the table prints a strategy; empty if it does not.

    Example:
        >>> published_peer("ewc"), published_peer("lwf"), published_peer(None)
        ('EWC-online', '', '')
    """
    return "" if strategy is None else PEERS.get(strategy, "")


def parse(row: dict[str, str]) -> PublishedStream:
    """Returns what a row of the table says."""
    return PublishedStream(
        dataset=row["dataset"],
        strategy=row["method"],
        class_norm=is_yes(row["class_norm"]),
        mean_ausuc=float(row["mAUC"]),
        mean_harmonic_mean=float(row["mH"]),
        mean_joint_accuracy=float(row["mJA"]),
        forgetting=float(row["forgetting"]),
        source=row["source"],
    )


def is_yes(text: str) -> bool:
    """Returns a yes or no of the table; raises a ``ValueError`` for anything else."""
    if text not in ("yes", "no"):
        raise ValueError(f"{TABLE} must say 'yes' or 'no' of class norm; it says {text!r}.")

    return text == "yes"
