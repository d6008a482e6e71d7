"""What all tests share: data, real and simulated, and an environment of their own."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from unseen.data.dataset import ZeroShotData

# A busy machine is no defect, and a failure must come again.
settings.register_profile("unseen", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("unseen")


def pytest_configure(config: pytest.Config) -> None:
    """Sets the environment, before NumPy, PyTorch and matplotlib load.

    The workers of pytest-xdist share the cores, and small tensors gain nothing from more than
    four.
    """
    workers = config.getoption("numprocesses", None) or 1
    threads = max(1, min(4, (os.cpu_count() or 1) // workers))

    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ["MPLBACKEND"] = "Agg"
    # A shell lets its background jobs ignore Ctrl-C, and the tests' own processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets two workers begin with what is long, and end with what is short.

    Each gets one half of the list, and the one that runs out takes over the last tests of the
    other. Those of one file may share models, which two workers would both train.
    """
    shared, long, short = [], [], []
    for item in items:
        if item.path.name == "test_real_data.py":
            shared.append(item)
        elif "real" in item.path.parts or item.path.name == "test_docs.py":
            long.append(item)
        else:
            short.append(item)
    cut = max(0, len(items) // 2 - len(shared))
    items[:] = [*shared, *short[:cut], *long, *short[cut:]]


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps the tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNSEEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Returns the folder of real data sets; skips without one, but not on the build server."""
    named = os.environ.get("UNSEEN_DATA", "")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    if named and os.environ.get("CI"):
        pytest.fail(f"UNSEEN_DATA names {named!r}, which is no folder")

    pytest.skip("set UNSEEN_DATA to the folder of real data sets (data/README.md)")


# The checks of scikit-learn that compare what one row and many rows give, to float64's 1e-7.
OF_OTHER_ROWS = ("check_methods_subset_invariance", "check_methods_sample_order_invariance")


@pytest.fixture
def run_check(monkeypatch: pytest.MonkeyPatch) -> Callable[["BaseEstimator", Callable], None]:
    """Returns what runs a check of scikit-learn; networks may round as float32 does.

    How products of float32 round depends on their shape and on the processor.
    """
    from numpy.testing import assert_allclose
    from sklearn.utils import estimator_checks

    def assert_close(x: object, y: object, **_: object) -> None:
        assert_allclose(x, y, rtol=1e-4, atol=1e-4)

    def run(estimator: "BaseEstimator", check: Callable) -> None:
        if check.func.__name__ in OF_OTHER_ROWS:
            for name in ("assert_allclose", "assert_allclose_dense_sparse"):
                monkeypatch.setattr(estimator_checks, name, assert_close)
        check(estimator)

    return run


@pytest.fixture(scope="session")
def toy() -> "ZeroShotData":
    """Returns simulated data of 12 classes, 4 of them unseen; no test may change it."""
    from unseen.data.simulate import simulate_toy  # not before the environment is set

    return simulate_toy()
