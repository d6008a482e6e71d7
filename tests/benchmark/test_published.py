"""Published numbers: the table is whole, consistent, and knows its own doubts."""

import math
from importlib.resources import files

import pytest

from unseen.benchmark import published
from unseen.benchmark.published import PEERS, peers, published_results
from unseen.methods import METHODS

CHECKED = [row for row in published_results() if not math.isnan(row.mismatch)]

# H does not follow from U and S, though no status says so: the table of the first was read from an
# image, the second is unverified.
KNOWN_MISMATCHES = {("CUB", "CADA-VAE", "re-run (independent)"), ("CUB", "CADA-VAE", "unverified")}


def test_every_line_is_read() -> None:
    text = files("unseen.benchmark").joinpath(published.TABLE).read_text(encoding="utf-8")

    assert len(published_results()) == len(text.splitlines()) - 1
    assert len(CHECKED) > 150


def test_h_is_the_harmonic_mean_but_where_it_is_flagged() -> None:
    wrong = {(row.dataset, row.method, row.status) for row in CHECKED if row.mismatch > 0}

    assert wrong == KNOWN_MISMATCHES | {("AwA2", "RN", "suspect")}


def test_a_misprint_is_measured() -> None:
    (row,) = [row for row in CHECKED if row.status == "suspect" and row.method == "RN"]

    assert row.mismatch == pytest.approx(46.44 - 45.3, abs=0.15)


def test_what_is_suspect_says_why() -> None:
    doubtful = [row for row in published_results() if row.status in ("suspect", "corrected")]

    assert doubtful
    assert all(row.note for row in doubtful)


def test_percent_and_years_are_plausible() -> None:
    for row in published_results():
        values = (
            row.zsl_accuracy,
            row.unseen_accuracy,
            row.seen_accuracy,
            row.harmonic_mean,
        )
        assert all(math.isnan(value) or 0 <= value <= 100 for value in values), row
        assert not all(map(math.isnan, values)), row
        assert 2009 <= row.year <= 2026, row


def test_every_peer_is_in_the_table() -> None:
    printed = {row.method for row in published_results()}

    assert {name for names in PEERS.values() for name in names} <= printed


def test_every_method_that_the_table_prints_is_a_peer() -> None:
    printed = {row.method.lower(): row.method for row in published_results()}

    for method in METHODS.keys() & printed.keys():
        assert printed[method] in peers(method)


@pytest.mark.parametrize(
    ("method", "expected"),
    [("mlp", "mlp"), ("mlp+9", "mlp+9"), ("mlp-paper", "mlp"), ("sae-paper", "sae"), ("sa", None)],
)
def test_recipes_belong_to_their_method(method: str, expected: str | None) -> None:
    assert peers(method) == PEERS.get(expected or "", ())


def test_an_unknown_status_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown status: 'rumoured'"):
        published.status("rumoured")
