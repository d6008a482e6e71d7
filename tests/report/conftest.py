"""What the tests of reports share: a store of simulated runs, its page, and a browser."""

import os
import sys
from pathlib import Path

import pytest

from unseen.report.html import render_report
from unseen.report.records import read_runs
from unseen.report.stores import read_stores

sys.path.insert(0, str(Path(__file__).parent))  # pytest imports tests by path, not their helpers

from browser import NAMES, find_browser
from stores import make_record, write_store
from stream_stores import make_stream_record

STRATEGIES = ("sequential", "joint", "ewc", "lwf", "replay")
METHODS = ("class-norm", "mlp", "eszsl", "sae", "dap", "ale", "dcn")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a store of seven methods on two data sets, one of them also chosen on test."""
    skills = dict(zip(METHODS, (1.6, 1.4, 1.3, 1.1, 0.8, 1.2, 1.0), strict=True))
    records = [
        make_record(method, seed, skill, data)
        for data in ("animals", "awa1_pca")
        for method, skill in skills.items()
        for seed in range(3)
    ]
    records += [make_record("class-norm", seed, 1.8, selection="oracle") for seed in range(3)]

    return write_store(tmp_path_factory.mktemp("store"), records)


@pytest.fixture(scope="session")
def page(store: Path) -> str:
    """Returns the page of that store."""
    return render_report(read_runs([store]))


@pytest.fixture(scope="session")
def stream_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a store of two heads with five strategies, and an exact method, in three orders."""
    heads = {"class-norm": 1.3, "mlp": 1.0}
    records = [
        make_stream_record(head, strategy, seed, skill + 0.1 * number, tasks=7)
        for head, skill in heads.items()
        for number, strategy in enumerate(STRATEGIES)
        for seed in (1, 2, 3)
    ]
    records += [make_stream_record("recursive-ridge", None, seed, tasks=7) for seed in (1, 2, 3)]

    return write_store(tmp_path_factory.mktemp("streams"), records)


@pytest.fixture(scope="session")
def stream_page(stream_store: Path) -> str:
    """Returns the page of that store."""
    finished = read_stores([stream_store])

    return render_report(finished.runs, streams=finished.streams)


@pytest.fixture(scope="session")
def browser() -> str:
    """Returns the path of a browser; skips without one, but not on the build server."""
    found = find_browser()
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no browser: none of {', '.join(NAMES)} is installed")

    pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
