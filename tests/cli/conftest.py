"""What the tests of the command share: toy data in every format, and a model trained on it."""

import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

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


# It has loaded what commands load, so that a fork of it starts at once, and reads requests, a line
# of JSON each. To a command it answers with the number of the fork that runs it; to such a number,
# with the exit code of that fork.
FORKING = """
import json, os, sys
import unseen.benchmark.comparison, unseen.cli.app, unseen.continual.units, unseen.data.load
from unseen.cli import main
from unseen.data.simulate import simulate_toy
from unseen.methods.class_norm import MLP
toy = simulate_toy()
MLP(hidden=8, epochs=1).fit(toy.features, toy.labels, toy.class_attributes)  # loads more of PyTorch
for line in sys.stdin:
    request = json.loads(line)
    if isinstance(request, int):
        answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
    else:
        answer = os.fork()
        if not answer:
            words, folder, before, files = request
            for number, file in enumerate(files, start=1):
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
            os.chdir(folder)
            exec(before)
            sys.argv = ["unseen", *words]
            code = main()
            sys.stdout.flush()
            os._exit(code)  # to take all modules apart would take a second
    print(answer, flush=True)
"""
LONGEST = 60  # seconds that a test waits for a command
Forks = Callable[[object], int]


@dataclass(frozen=True)
class Fork:
    """A command in a process of its own.

    Arguments:
        pid: The number of the process.
        forks: What answers with its exit code when it has ended.
        out: The file that is its stdout.
        err: The file that is its stderr.
    """

    pid: int
    forks: Forks
    out: Path
    err: Path

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Waits for what the command does."""
        deadline = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < deadline, self.err.read_text()
            time.sleep(0.01)

    def end(self) -> Run:
        """Waits for its end."""
        code, device = self.forks(self.pid), self.err.is_char_device()

        return Run(code, self.out.read_text(), "" if device else self.err.read_text())


StartFork = Callable[..., Fork]


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Returns what asks one process to fork, and for exit codes."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    argv = [sys.executable, "-c", FORKING]
    with subprocess.Popen(argv, stdin=PIPE, stdout=PIPE, text=True, env=environment) as process:

        def ask(request: object) -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{json.dumps(request)}\n")
            process.stdin.flush()
            assert select.select([process.stdout], [], [], LONGEST)[0], f"no end: {request}"

            return int(process.stdout.readline())

        yield ask
        process.kill()


@pytest.fixture
def fork(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> StartFork:
    """Returns what starts a command in a process of its own, without its three to five seconds.

    It takes the words of the command, the folder to run it in, lines of Python to run before, and
    where stderr goes, by default a file. Like a user's, the process ends with the command.
    """

    def start(*words: object, folder: Path | None = None, before: str = "", err: str = "") -> Fork:
        files = tmp_path_factory.mktemp("fork")
        out, notes = files / "out", Path(err or files / "err")
        request = [*map(str, words)], str(folder or files), before, [str(out), str(notes)]

        return Fork(forks(request), forks, out, notes)

    return start


Stores = tuple[Path, list[Path]]


@pytest.fixture
def kill_ten_times(fork: StartFork, tmp_path: Path) -> Callable[..., Stores]:
    """Returns what runs a command to its end, then kills and repeats it until it has ended, too.

    It takes the command without its store, and lines of Python to run before. It returns the
    undisturbed store, and those in which ten kills fell.
    """

    def run(*words: object, before: str) -> Stores:
        whole, stores, kills = tmp_path / "whole", [tmp_path / "store-0"], 0
        rng = random.Random(3)
        process = fork(*words, "-o", whole, before=before)
        began = time.monotonic()  # not before: what forks may have been loading
        assert process.end().code == 0
        seconds = time.monotonic() - began
        while kills < 10:
            process = fork(*words, "-o", stores[-1], before=before)
            time.sleep(rng.uniform(0, seconds))
            os.kill(process.pid, signal.SIGKILL)
            if process.end().code == 0:  # it was faster: the others are killed on a new store
                stores.append(tmp_path / f"store-{len(stores)}")
            else:
                kills += 1
        assert fork(*words, "-o", stores[-1], before=before).end().code == 0

        return whole, stores

    return run
