"""Published results of generalized zero-shot learning, with what is doubtful about them."""

__all__ = ["PublishedResult", "peers", "published_results"]

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from unseen.metrics.gzsl import harmonic_mean

Status = Literal["published", "re-run (independent)", "corrected", "suspect", "unverified"]

TABLE = "published_gzsl.csv"
STANDARD_FEATURES = "ResNet-101 2048-d pooled (ImageNet)"
READ_FROM_IMAGE = "+-0.1"
ROUNDING = 0.0501  # of one decimal, with room for an exact half

# The names that the tables give to methods and recipes of this package.
PEERS = {
    "ale": ("ALE",),
    "class-norm": ("Class-Norm: MLP + CN (Eq. 9 + 10)",),
    "conse": ("ConSE",),
    "cvc-zsl": ("CVC-ZSL",),
    "dap": ("DAP",),
    "dcn": ("DCN",),
    "dem": ("DEM",),
    "devise": ("DeViSE",),
    "eszsl": ("ESZSL",),
    "izf": ("IZF-Softmax",),
    "latem": ("LatEm",),
    "mlp": ("Class-Norm: 3-layer MLP (NS+AN)",),
    "mlp+9": ("Class-Norm: MLP + Eq. 9 only",),
    "mlp+10": ("Class-Norm: MLP + Eq. 10 only",),
    "relation-net": ("RN",),
    "sae": ("SAE", "SAE (F->S)", "SAE (S->F)"),
    "sje": ("SJE",),
}


@dataclass(frozen=True)
class PublishedResult:
    """Holds one row of a published table: percent, NaN where nothing was printed.

    Arguments:
        dataset: The benchmark, as the field spells it: ``"CUB"``, ``"AwA1"``.
        method: The method, as the table spells it.
        year: The year of the method.
        features: What the features are.
        semantics: What describes the classes.
        split: Which split, as far as it is stated.
        zsl_accuracy: T1.
        unseen_accuracy: U.
        seen_accuracy: S.
        harmonic_mean: H, as printed.
        protocol: How settings and epoch were chosen, as far as it is stated.
        status: ``"published"``, ``"re-run (independent)"``, ``"corrected"``, ``"suspect"`` or
            ``"unverified"``.
        source: Where the row stands.
        note: What else is known about it.
    """

    dataset: str
    method: str
    year: int
    features: str
    semantics: str
    split: str
    zsl_accuracy: float
    unseen_accuracy: float
    seen_accuracy: float
    harmonic_mean: float
    protocol: str
    status: Status
    source: str
    note: str

    @property
    def has_standard_features(self) -> bool:
        """Says whether it was measured on the pooled features that ``res101.mat`` holds."""
        return self.features == STANDARD_FEATURES

    @property
    def chosen_on_test(self) -> bool:
        """Says whether the protocol admits a look at the test rows: a bound, not a result."""
        return "test" in self.protocol

    @property
    def mismatch(self) -> float:
        """By how much H differs from that of U and S, beyond what rounding explains; in percent.

        NaN where U, S or H is not printed.
        """
        unseen, seen, printed = self.unseen_accuracy, self.seen_accuracy, self.harmonic_mean
        if math.isnan(unseen + seen + printed):
            return math.nan

        slack = 0.1 if READ_FROM_IMAGE in self.note else ROUNDING
        lowest = float(harmonic_mean(max(seen - slack, 0.0), max(unseen - slack, 0.0))) - slack
        highest = float(harmonic_mean(seen + slack, unseen + slack)) + slack

        return max(0.0, lowest - printed, printed - highest)


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Returns every published result that the package knows.

    Example:
        >>> results = published_results()
        >>> max(row.harmonic_mean for row in results if row.dataset == "AwA1" and row.year < 2018)
        47.3
    """
    text = files("unseen.benchmark").joinpath(TABLE).read_text(encoding="utf-8")

    return tuple(map(parse, csv.DictReader(text.splitlines())))


def peers(method: str) -> tuple[str, ...]:
    """Returns the names under which the tables print a method or recipe of this package.

    Example:
        >>> peers("relation-net"), peers("class-norm-paper"), peers("my-own")
        (('RN',), ('Class-Norm: MLP + CN (Eq. 9 + 10)',), ())
    """
    family = max((name for name in PEERS if is_variant(method, name)), key=len, default="")

    return PEERS.get(family, ())


def is_variant(method: str, name: str) -> bool:
    """Says whether a name is that of a method, or of a recipe of it."""
    return method == name or method.startswith(f"{name}-")


def parse(row: dict[str, str]) -> PublishedResult:
    """Returns what a row of the table says."""
    return PublishedResult(
        dataset=row["dataset"],
        method=row["method"],
        year=int(row["year"]),
        features=row["features"],
        semantics=row["semantics"],
        split=row["split"],
        zsl_accuracy=number(row["T1"]),
        unseen_accuracy=number(row["U"]),
        seen_accuracy=number(row["S"]),
        harmonic_mean=number(row["H"]),
        protocol=row["protocol"],
        status=status(row["status"]),
        source=row["source"],
        note=row["note"],
    )


def status(text: str) -> Status:
    """Returns a status of the table; raises a ``ValueError`` for one that is not known."""
    match text:
        case "published" | "re-run (independent)" | "corrected" | "suspect" | "unverified":
            return text
        case _:
            raise ValueError(f"{TABLE} has an unknown status: {text!r}.")


def number(text: str) -> float:
    """Returns a number of the table; NaN for an empty cell."""
    return float(text) if text else math.nan
