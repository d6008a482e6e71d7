"""``unseen continual`` from end to end: tables, errors, resuming, kills."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from unseen.benchmark.store import RunStore, read_records
from unseen.cli import main
from unseen.cli.continual import Protocol as OfferedProtocol
from unseen.continual import STRATEGIES
from unseen.continual.heads import EXACT, HEADS
from unseen.continual.learner import ContinualLearner
from unseen.continual.streams import Protocol, make_stream
from unseen.continual.units import LEARNING_RATES, StreamUnit, tune
from unseen.data.load import save
from unseen.data.simulate import simulate_toy
from unseen.training.loop import TrainingError

Command = Callable[..., Any]
NOT_REPEATED = ("seconds", "peak_memory_mb", "finished", "command", "machine")
TINY = ("--set", "hidden=8", "--set", "epochs=2", "--set", "lr=0.05")
TUNED = (*TINY[:4], "--set", "tune=3")  # which chooses the rate


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unseen.benchmark.map_runs.default_workers", lambda: 1)


@pytest.fixture
def run(command: Command, toys: Path, tmp_path: Path) -> Command:
    def start(*words: object, data: str = "toy.npz") -> Any:
        return command("continual", toys / data, "-o", tmp_path / "runs", *words)

    return start


def comparable(records: list[dict]) -> list[dict]:
    kept = [{k: v for k, v in each.items() if k not in NOT_REPEATED} for each in records]

    return sorted(kept, key=lambda each: each["key"])


def test_all_heads_and_strategies(run: Command, tmp_path: Path) -> None:
    done = run("-m", "all", "-s", "all", "--tasks", 3, "--seeds", 2, *TINY)
    assert done.code == 0, done.err
    records = read_records(tmp_path / "runs")

    assert len(records) == 2 * (len(HEADS) * len(STRATEGIES) + len(EXACT))
    assert {each["seed"] for each in records} == {1, 2}
    for name in (*STRATEGIES, *EXACT):
        assert name in done.out
    assert "mAUC" in done.out
    assert "±" in done.out
    assert f"next: unseen report {tmp_path / 'runs'}" in done.err
    assert not list((tmp_path / "runs" / "streams").iterdir())  # nothing is left to go on with
    record = records[0]
    assert record["stream"]["protocol"] == "class_norm"
    assert record["stream"]["classes_per_task"] == [4, 4, 4]
    assert record["setting"] == "inductive"
    assert len(record["memory_bytes"]) == len(record["steps"]) == 3
    assert record["selection"] == "last"
    json.dumps(record, allow_nan=False)


def test_data_of_one_name_are_told_apart_and_data_given_twice_run_once(
    command: Command, toys: Path, tmp_path: Path
) -> None:
    save(simulate_toy(random_state=5), tmp_path / "toy.npz")
    words = (toys / "toy.npz", tmp_path / "toy.npz", toys / "toy.npz", "-m", "recursive-ridge")
    words += ("--tasks", 3, "--seeds", 2, "-o", tmp_path / "runs")
    done = command("continual", *words, "--json")
    shown = command("continual", *words)

    assert [(one["data"], one["seeds"]) for one in json.loads(done.out)["results"]] == [
        (str(toys / "toy.npz"), [1, 2]),
        (str(tmp_path / "toy.npz"), [1, 2]),
    ]
    assert len(read_records(tmp_path / "runs")) == 4
    assert shown.out.count("recursive-ridge") == 2
    for path in (toys, tmp_path):
        assert f"{path / 'toy.npz'}: recursive-ridge, seed 2" in done.err


def test_the_same_command_repeats_nothing(run: Command, tmp_path: Path) -> None:
    words = ("-s", "sequential,joint", "--tasks", 3, "--seeds", 1, *TINY)
    assert run(*words).code == 0
    content = (tmp_path / "runs" / "runs.jsonl").read_bytes()
    again = run(*words)

    assert "all runs are in" in again.err
    assert (tmp_path / "runs" / "runs.jsonl").read_bytes() == content
    assert run(*words[:4], "--seeds", 2, *TINY).code == 0
    assert len(read_records(tmp_path / "runs")) == 4


@pytest.mark.parametrize("protocol", ["class_norm", "fixed", "dynamic", "online"])
def test_protocols(run: Command, tmp_path: Path, protocol: str) -> None:
    done = run("--protocol", protocol, "--tasks", 3, "--seeds", 1, *TINY)
    assert done.code == 0, done.err
    (record,) = read_records(tmp_path / "runs")
    assert record["stream"]["protocol"] == protocol


def test_a_tuned_run_leaves_the_first_tasks_out(run: Command, tmp_path: Path) -> None:
    done = run("--tasks", 6, "--seeds", 1, *TUNED)
    assert done.code == 0, done.err
    (record,) = read_records(tmp_path / "runs")

    assert record["selection"] == "first 3 tasks"
    assert record["chosen"]["lr"] in LEARNING_RATES
    assert record["settings"]["method"]["settings"]["lr"] == record["chosen"]["lr"]
    assert record["stream"]["tasks_left_out"] == {"before": 3, "after": 0}
    assert len(record["classes"]) == 3


def test_strategies_of_a_head_share_the_rate(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unseen.continual import units

    calls = []
    monkeypatch.setattr(units, "LEARNING_RATES", (0.01, 0.05))
    original = units.tune

    def counting(model: object, *words: object) -> object:
        calls.append(model)
        return original(model, *words)

    monkeypatch.setattr(units, "tune", counting)
    words = ("-m", "class-norm,mlp", "-s", "joint,ewc", "--tasks", 6, "--seeds", 2)
    assert run(*words, *TUNED).code == 0
    records = read_records(tmp_path / "runs")

    assert len(calls) == 4  # two heads, two orders
    assert len(records) == 8
    rates = {}
    for each in records:
        rates.setdefault((each["method"], each["seed"]), []).append(each["chosen"])
    assert all(one == two for one, two in rates.values())


def test_settings_reach_what_they_belong_to(run: Command, tmp_path: Path) -> None:
    words = ("--set", "joint.budget=full", "--set", "stream.order=natural", "--set", "device=cpu")
    done = run("-m", "mlp", "-s", "joint", "--tasks", 3, "--seeds", 1, *TINY, *words)
    assert done.code == 0, done.err
    (record,) = read_records(tmp_path / "runs")

    assert record["settings"]["strategy"] == {"name": "joint", "settings": {"budget": "full"}}
    assert record["settings"]["method"]["settings"]["hidden"] == 8
    assert record["settings"]["method"]["settings"]["norm"] is None
    assert record["settings"]["device"] == "cpu"
    assert record["settings"]["method"]["settings"]["device"] == "auto"
    assert record["stream"]["order"] == "natural"


def test_settings_reach_an_exact_method(run: Command, tmp_path: Path) -> None:
    words = ("--set", "recursive-ridge.feature_penalty=10", "--tasks", 3, "--seeds", 1)
    done = run("-m", "recursive-ridge,class-norm", *words, *TINY)
    assert done.code == 0, done.err
    records = {each["method"]: each for each in read_records(tmp_path / "runs")}

    assert records["recursive-ridge"]["settings"]["feature_penalty"] == 10
    assert records["class-norm"]["settings"]["method"]["settings"]["hidden"] == 8


def test_a_memory_as_large_as_the_classes_of_the_run_will_do(run: Command) -> None:
    """The first tasks, on which the rate is chosen, are trained without the strategy."""
    words = ("-m", "class-norm", "-s", "icarl", "--tasks", 6, "--seeds", 1, *TUNED)
    assert run(*words, "--set", "icarl.capacity=6").code == 0


def test_every_protocol_is_offered() -> None:
    assert get_args(OfferedProtocol) == get_args(Protocol)


def test_help_shows_defaults_that_say_something(capsys: pytest.CaptureFixture[str]) -> None:
    from unseen.cli import main

    def shown(command: str) -> str:
        assert main([command, "--help"]) == 0

        return " ".join(capsys.readouterr().out.replace("│", "").split())  # as if never wrapped

    assert "()" not in (text := shown("continual"))
    assert "[default: 5]" in text
    assert "[default: 0]" in shown("train")


def test_json(run: Command) -> None:
    done = run("--tasks", 3, "--seeds", 2, *TINY, "--json")
    (row,) = json.loads(done.out)["results"]

    assert row["seeds"] == [1, 2]
    assert 0 <= row["mean_joint_accuracy"]["mean"] <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-m", "clas-norm"), "There is no method 'clas-norm'. Did you mean 'class-norm'?"),
        (("-m", "sae"), "'sae' does not learn task by task; class-norm, mlp, recursive-ridge, "),
        (("-m", ","), "No method is named"),
        (("-s", "ewcc"), "There is no strategy 'ewcc'. Did you mean 'ewc'?"),
        (("--set", "hiden=3"), "There is no setting 'hiden'. Did you mean 'hidden'?"),
        (("--set", "joint.budget=full"), "'joint' does not run here"),
        (("--set", "stream.ordr=x"), "There is no setting 'ordr'. Did you mean 'order'?"),
        (("--set", "stream.order=x"), "`order` must be one of 'random'"),
        (("--set", "tune=5"), "`tune` must be from 0 to 4 in a stream of 5 tasks; got 5."),
        (("--set", "tune=x"), "`tune` must be a whole number"),
        (("--set", "tune=3", "--set", "lr=0.1"), "`--set lr=...` and `--set tune=...`, which"),
        (("--set", "backbone_lr=0.1"), "`--set backbone_lr=...` is of a backbone, and none runs"),
        (("--set", "freeze_norm=true"), "`--set freeze_norm=...` is of a backbone, and none"),
        (("--protocol", "dynamic", "--set", "stream.held_out=0.5"), "`stream.held_out` does noth"),
        (("--set", "stream.seed=3"), "`seed` is set by `--seed`, or by `--seeds` where a command"),
        (("--set", "backbone=rsnet"), "`backbone` must be one of"),
        (("--set", "backbone=resnet"), "takes square pictures in colour"),
        (("--set", "device=nonsense"), '`device` must be "auto", "cpu" or "cuda"'),
        (("--set", "smoothing=0.5"), "`smoothing=0.5` of the head does nothing along a stream"),
        (("--set", "precision=bfloat16"), "leave it at 'auto' or 'float32'"),
        (("-s", "icarl", "--set", "icarl.capacity=7"), "at least the number of classes seen, by"),
        (
            ("-s", "replay", "--set", "replay.balanced=true", "--set", "replay.capacity=7"),
            "at least the number of classes seen, by now 12",
        ),
        (("-m", "recursive-ridge", "--set", "lr=1"), "`--set lr=1` belongs to a head, and none"),
        (("-m", "recursive-ridge", "--set", "old_classes=1"), "`--set old_classes=1` belongs to a"),
        (("-m", "recursive-ridge", "-s", "ewc"), "exact methods (recursive-ridge) take no"),
        (("-m", "recursive-ridge", "--set", "sequential.x=1"), "'sequential' does not run here"),
        (("--set", "recursive-ridge.feature_penalty=1"), "'recursive-ridge' does not run here"),
        (
            ("-m", "recursive-ridge", "--set", "recursive-ridge.feature_penalt=1"),
            "Did you mean 'feature_penalty'?",
        ),
        (
            ("-m", "recursive-ridge", "--set", "recursive-ridge.feature_penalty=0"),
            "`feature_penalty` must be",
        ),
        (("--set", "lr=-1"), "`lr` must be a number greater than 0"),
        (("--tasks", 99), "`--tasks` must be from 1 to 12, one class of "),
        (("--tasks", 1.5), 'whole number; got "1.5"'),
        (("--set", "stream.ordr=x"), "There are: order, split, held_out, weighting, seen_mean."),
        (("--set", "hiden=3"), "`unseen methods class-norm` lists those"),
        (("--set", "lr=1", "--set", "lr=2"), "`--set lr` is given twice, as lr=1 and as lr=2"),
        (("--tasks", 0), "`--tasks` must be a whole number from 1"),
        (("--seeds", 0), "`--seeds` must be a whole number from 1"),
        (("--protocol", "cn"), "protocol"),
    ],
)
def test_bad_input(run: Command, tmp_path: Path, words: tuple, message: str) -> None:
    done = run(*words)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "runs" / "runs.jsonl").exists()


def test_a_failed_run_does_not_stop_the_others(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unseen.continual.joint import Joint

    with monkeypatch.context() as patch:
        patch.setattr(Joint, "after_task", lambda *_: 1 / 0)
        done = run("-s", "joint,sequential", "--tasks", 3, "--seeds", 1, *TINY)
    assert done.code == 1
    assert "failed: toy: class-norm + joint, seed 1" in done.err
    assert len(read_records(tmp_path / "runs")) == 1
    assert run("-s", "joint,sequential", "--tasks", 3, "--seeds", 1, *TINY).code == 0
    assert len(read_records(tmp_path / "runs")) == 2


def test_if_every_run_fails_there_is_no_table(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unseen.continual.joint import Joint

    def fail(*_: object) -> None:
        raise ValueError("no reason")

    monkeypatch.setattr(Joint, "after_task", fail)
    done = run("-s", "joint", "--tasks", 3, "--seeds", 1, *TINY)

    assert done.code == 1
    assert "failed: toy: class-norm + joint, seed 1: no reason" in done.err
    assert "Traceback" not in done.err
    assert "mAUC" not in done.out
    assert "next:" not in done.err


def test_a_run_that_was_not_stored_goes_on(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "runs.jsonl")

    words = ("--tasks", 6, "--seeds", 1, *TUNED)
    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "append", full)
        patch.setattr("unseen.continual.units.LEARNING_RATES", LEARNING_RATES[-2:])
        assert run(*words).code == 2
        folders = [each for each in (tmp_path / "runs" / "streams").iterdir() if each.is_dir()]
        assert len(folders) == 1

        patch.undo()
        patch.setattr("unseen.continual.units.LEARNING_RATES", LEARNING_RATES[-2:])
        patch.setattr(ContinualLearner, "_train", lambda *_: 1 / 0)  # nothing is trained again
        done = run(*words)
        assert done.code == 0, done.err
    left = [each.name for each in (tmp_path / "runs" / "streams").iterdir()]
    assert len(left) == 1
    assert left[0].startswith("tuned-")  # for the strategies of a later command


def test_a_folder_that_a_kill_left_is_removed(run: Command, tmp_path: Path) -> None:
    words = ("--tasks", 3, "--seeds", 1, *TINY)
    assert run(*words).code == 0
    (record,) = read_records(tmp_path / "runs")
    left = tmp_path / "runs" / "streams" / record["key"][:16]
    left.mkdir()
    assert run(*words).code == 0
    assert not left.exists()


def test_only_one_at_a_time(run: Command, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "streams.lock").write_text(f"{os.getppid()} {os.uname().nodename}")
    done = run("--tasks", 3, "--seeds", 1, *TINY)

    assert done.code == 2
    assert f"Another training writes to {tmp_path / 'runs'} (" in done.err


def test_ten_kills_leave_the_store_of_an_undisturbed_run(
    toys: Path, kill_ten_times: Callable[..., tuple[Path, list[Path]]]
) -> None:
    """Kills fall between tasks and within them; a stream goes on from its last epoch."""
    words = "-s sequential,joint,replay --tasks 4 --seeds 1 --set hidden=8 --set epochs=20"
    undisturbed, stores = kill_ten_times(
        *("continual", toys / "toy.npz", *words.split(), "--set", "lr=0.05"),
        before="import unseen.benchmark.map_runs as runs; runs.default_workers = lambda: 1",
    )

    whole = comparable(read_records(undisturbed))
    assert len(whole) == 3
    for store in stores:
        assert comparable(read_records(store)) == whole


def test_a_saved_learner_serves_the_other_commands(
    command: Command, toys: Path, toy: Any, tmp_path: Path
) -> None:
    from unseen.continual.learner import ContinualLearner

    train = toy.subset("train")
    model = ContinualLearner(random_state=0)
    model.partial_fit(train.features, train.labels, toy.class_attributes)
    model.save_pretrained(tmp_path / "model")
    done = command("evaluate", tmp_path / "model", toys / "toy.npz", "--json")

    assert done.code == 0, done.err
    assert json.loads(done.out)["method"] == "continual"
    assert main(["evaluate", str(tmp_path / "model"), str(toys / "toy.npz")]) == 0


def test_a_rate_that_diverges_is_lowered(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unseen.continual import units

    original = units.run_stream

    def stiff(model: Any, stream: Any, *words: Any, **more: Any) -> Any:
        if model.strategy_name() == "ewc" and model.head().lr > 0.02:
            raise TrainingError("The loss became nan.")
        return original(model, stream, *words, **more)

    monkeypatch.setattr(units, "LEARNING_RATES", (0.01, 0.02, 0.05, 0.1))
    monkeypatch.setattr(units, "run_stream", stiff)
    monkeypatch.setattr(units, "_first_accuracy", lambda model, *_: model.head().lr)
    words = ("-s", "sequential,ewc", "--tasks", 6, "--seeds", 1, *TUNED)
    done = run(*words)
    assert done.code == 0, done.err
    chosen = {each["strategy"]: each["chosen"] for each in read_records(tmp_path / "runs")}

    assert chosen["sequential"]["lr"] == 0.1
    assert "lowered_from" not in chosen["sequential"]
    assert (chosen["ewc"]["lowered_from"], chosen["ewc"]["lr"]) == (0.1, 0.02)


def test_the_rate_of_the_backbone_stays_where_that_of_the_head_is_lowered(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unseen.continual import units

    original = units.run_stream

    def stiff(model: Any, *words: Any, **more: Any) -> Any:
        if model.head().lr > 0.02:
            raise TrainingError("The loss became nan.")
        return original(model, *words, **more)

    chosen = {"lr": 0.1, "tried": {"0.01": 0.2, "0.1": 0.3}, "backbone_lr": 0.07}
    monkeypatch.setattr(units, "run_stream", stiff)
    monkeypatch.setattr(units, "tune", lambda *_: dict(chosen))
    words = ("-s", "ewc", "--tasks", 6, "--seeds", 1, *TUNED)
    assert run(*words).code == 0
    (record,) = read_records(tmp_path / "runs")

    assert record["settings"]["method"]["settings"]["lr"] == 0.01
    assert record["settings"]["backbone_lr"] == 0.07


def test_a_rate_whose_last_step_overflows_is_of_no_use(toy: Any) -> None:
    head = HEADS["class-norm"]().set_params(hidden=8, epochs=1, batch_size=1000)
    first = make_stream(toy, tasks=6).first(1)  # one step in all: no loss shows what it did
    chosen = tune(ContinualLearner(head, random_state=0), first, toy, rates=(1e38, 1e-2))

    assert chosen["tried"]["1e+38"] == 0
    assert chosen["lr"] == 1e-2


def test_rates_to_choose_from_identify_a_run(toys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unseen.continual import units

    def key(backbone: str | None, tuned: int = 3) -> str:
        model, path = ContinualLearner(backbone=backbone), str(toys / "toy.npz")
        data = {"name": "toy", "sha256": {}}
        return StreamUnit("class-norm", None, model, path, None, data, seed=1, tuned=tuned).key()

    plain, pictures, as_given = key(None), key("resnet"), key("resnet", tuned=0)
    monkeypatch.setattr(units, "RATES_WITH_BACKBONE", (1e-3,))
    assert key(None) == plain
    assert key("resnet") != pictures
    assert key("resnet", tuned=0) == as_given
    monkeypatch.undo()
    monkeypatch.setattr(units, "BACKBONE_RATES", (1e-3,))
    assert key("resnet") != pictures
    monkeypatch.undo()
    monkeypatch.setattr(units, "LEARNING_RATES", (1e-3,))
    assert key("resnet") == pictures
    assert key(None) != plain
