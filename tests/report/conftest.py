"""What the tests of reports share: a store of simulated runs, its page, and a browser."""

import os
import sys
from pathlib import Path

import pytest

from unseen.report.html import render_report
from unseen.report.records import read_runs

sys.path.insert(0, str(Path(__file__).parent))  # pytest imports tests by path, not their helpers

from browser import NAMES, find_browser
from stores import make_record, write_store

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
def browser() -> str:
    """Returns the path of a browser; skips without one, but not on the build server."""
    found = find_browser()
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no browser: none of {', '.join(NAMES)} is installed")

    pytest.skip(f"no browser is installed ({', '.join(NAMES)})")
