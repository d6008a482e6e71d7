"""What the tests of the command share: toy data in every format, and a model trained on it."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from unseen.cli import main
from unseen.data.dataset import ZeroShotData
from unseen.data.load import load, save
from unseen.data.simulate import simulate_toy, write_xlsa17_folder

SETTINGS = ("hidden=16", "epochs=3", "batch_size=32", "precision=float32")
QUICK = tuple(word for setting in SETTINGS for word in ("--set", setting))


@dataclass(frozen=True)
class Run:
    """What a command did.

    Arguments:
        code: The exit code.
        out: What went to stdout.
        err: What went to stderr.
    """

    code: int
    out: str
    err: str


Command = Callable[..., Run]


@pytest.fixture(autouse=True)
def quiet_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Gives every test a wide terminal without colours, and a cache of its own."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path.parent / f"{tmp_path.name}-cache"))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Returns a function that runs a command in this process."""

    def run(*argv: object) -> Run:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        captured = capsys.readouterr()

        return Run(code, captured.out, captured.err)

    return run


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """Returns what lets no file grow beyond some bytes, as a full disk would."""

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture(scope="session")
def quick() -> tuple[str, ...]:
    """Returns settings with which the toy data train in a moment."""
    return QUICK


@pytest.fixture(scope="session")
def toy() -> ZeroShotData:
    return simulate_toy()


@pytest.fixture(scope="session")
def toys(toy: ZeroShotData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the toy data in each format: do not write to it."""
    folder = tmp_path_factory.mktemp("toys")
    save(toy, folder / "toy.npz", tables={"words": toy.class_attributes[:, ::-1]})
    named = load(folder / "toy.npz")
    save(named, folder / "toy.safetensors")
    (folder / "tables").mkdir()
    save(named, folder / "tables" / "rows.csv")
    write_xlsa17_folder(named, folder / "TOY")

    return folder


@pytest.fixture(scope="session")
def model(toys: Path) -> Path:
    """Returns the folder of a model trained on toy.npz: do not write to it."""
    folder = toys / "model"
    argv = ["train", str(toys / "toy.npz"), "-o", str(folder), *QUICK]
    assert main(argv) == 0

    return folder


# To each odd line that this process reads, a command, it answers with the number of a fork that
# runs it; to each even one, with how that ended.
FORKING = """
import os, sys
from unseen.cli import main
{loading}
null = os.open(os.devnull, os.O_WRONLY)
for line in sys.stdin:
    process = os.fork()
    if not process:
        os.dup2(null, 1)
        os._exit(main(line.split()))
    print(process, flush=True)
    sys.stdin.readline()
    print(os.waitpid(process, 0)[1], flush=True)
"""
Stores = tuple[Path, list[Path]]


@pytest.fixture
def kill_ten_times(tmp_path: Path) -> Callable[[str, str], Stores]:
    """Returns what runs a command to its end, then kills and repeats it until it has ended, too.

    It takes the command without its store, and the lines of Python that load what it needs: forks
    start at once. It returns the undisturbed store, and those in which ten kills fell.
    """

    def run(command: str, loading: str) -> Stores:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        argv = [sys.executable, "-c", FORKING.format(loading=loading)]
        whole, stores, kills = tmp_path / "whole", [tmp_path / "store-0"], 0
        rng = random.Random(3)
        with subprocess.Popen(
            argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True, env=environment
        ) as forks:

            def ask(line: str = "") -> int:
                assert forks.stdin is not None
                assert forks.stdout is not None
                forks.stdin.write(f"{line}\n")
                forks.stdin.flush()

                return int(forks.stdout.readline())

            ask(f"{command} -o {whole}")
            began = time.monotonic()
            assert ask() == 0
            seconds = time.monotonic() - began
            while kills < 10:
                process = ask(f"{command} -o {stores[-1]}")
                time.sleep(rng.uniform(0, seconds))
                os.kill(process, signal.SIGKILL)
                if ask() == 0:  # it was faster: the others are killed on a new store
                    stores.append(tmp_path / f"store-{len(stores)}")
                else:
                    kills += 1
            ask(f"{command} -o {stores[-1]}")
            assert ask() == 0

        return whole, stores

    return run
