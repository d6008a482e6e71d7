"""Published numbers of streams: the table is whole, and says what the paper says."""

from importlib.resources import files

import pytest

from unseen.benchmark import published_continual
from unseen.benchmark.published_continual import PEERS, published_streams
from unseen.continual import STRATEGIES


def test_every_line_is_read() -> None:
    text = files("unseen.benchmark").joinpath(published_continual.TABLE).read_text(encoding="utf-8")

    assert len(published_streams()) == len(text.splitlines()) - 1 == 20


def test_percent_is_percent() -> None:
    for row in published_streams():
        values = (row.mean_ausuc, row.mean_harmonic_mean, row.mean_joint_accuracy)
        assert all(1 < value < 100 for value in values), row
        assert 0 <= row.forgetting < 100, row
        assert row.forgetting == int(row.forgetting), row  # two decimals of a fraction


def test_class_norm_raises_what_the_paper_says_it_raises() -> None:
    rows = {(row.dataset, row.strategy, row.class_norm): row for row in published_streams()}
    without = [key for key in rows if not key[2]]

    assert len(without) == 10
    for dataset, strategy, _ in without:
        before, after = rows[dataset, strategy, False], rows[dataset, strategy, True]
        assert after.mean_ausuc > before.mean_ausuc
        assert after.mean_harmonic_mean > before.mean_harmonic_mean
        assert after.mean_joint_accuracy > before.mean_joint_accuracy


def test_peers_are_in_the_table_and_among_the_strategies() -> None:
    assert set(PEERS.values()) == {row.strategy for row in published_streams()}
    assert set(PEERS) <= set(STRATEGIES)


def test_anything_but_yes_and_no_is_an_error() -> None:
    with pytest.raises(ValueError, match="it says 'maybe'"):
        published_continual.is_yes("maybe")
