"""``unseen continual``: heads x strategies x class orders along a stream, into a run store."""

__all__ = ["continual"]

import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from unseen.cli.console import note, notes, print_json, progress, results, show_next
from unseen.cli.continual_settings import (
    DEFAULT_STRATEGY,
    make_models,
    stream_settings,
    tuned_tasks,
)
from unseen.cli.continual_table import label, measures, table, to_json
from unseen.cli.data_notes import show_notes
from unseen.cli.errors import UserError, naming_users
from unseen.cli.lock import locking
from unseen.cli.outputs import check_store
from unseen.cli.settings import Whole, WholeOrNone, check_once
from unseen.cli.table_names import name_data, split_table

if TYPE_CHECKING:
    from unseen.benchmark.store import RunStore
    from unseen.continual.units import StreamUnit
    from unseen.methods.continual import ContinualClassifier

Protocol = Literal["class_norm", "fixed", "dynamic", "online"]

STREAMS = "streams"  # of the store: what runs that were killed need to go on
FAILED = 1
FIRST_SEED = 1  # as in the paper


def continual(
    data: tuple[str, ...],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    method: Annotated[str, Parameter(alias="-m")] = "class-norm",
    strategy: Annotated[str, Parameter(alias="-s")] = DEFAULT_STRATEGY,
    protocol: Protocol = "class_norm",
    tasks: WholeOrNone = None,
    seeds: Whole = 5,
    settings: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Train along streams of tasks, each run recorded in OUTPUT/runs.jsonl.

    Each seed is an order of the classes. The same command goes on where an interrupted one
    stopped, also within a task.

    Arguments:
        data: Folders or files of data, as "unseen train" takes them; FILE:NAME takes the class
            table NAME.
        output: The folder of the run store; benchmarks may share it.
        method: Heads, "class-norm" or "mlp", and exact methods, "recursive-ridge" or
            "tied-gaussian", with commas between; "all" is each of them.
        strategy: Strategies against forgetting, with commas between; "all" is every one. Exact
            methods need none.
        protocol: What counts as unseen: the classes of later tasks ("class_norm" averages over
            rows, "fixed" over classes), or those that the data hold out ("dynamic"; in "online"
            also a class of each task, until the next one).
        tasks: The number of tasks; by default the published cut, if there is one, or five.
        seeds: The number of orders of the classes, from 1.
        settings: name=value: a setting of the head (lr=0.01), of a strategy (ewc.weight=5), of an
            exact method (recursive-ridge.feature_penalty=10), of the stream (stream.order=natural),
            "tune=3" (the learning rate is chosen on the first three tasks, and the run has the
            others), "backbone=resnet" for pictures, "device=cpu".
        as_json: Print the results as JSON.
    """
    for name, number in (("tasks", tasks), ("seeds", seeds)):
        if number is not None and number < 1:
            raise UserError(f"`--{name}` must be a whole number from 1; got {number}.")
    check_store(output)
    check_once(settings)

    from unseen.benchmark.store import RunStore

    words = ["unseen", "continual", *data, "-m", method, "-s", strategy, "-o", str(output)]
    words += ["--protocol", protocol, "--seeds", str(seeds)]
    words += [] if tasks is None else ["--tasks", str(tasks)]
    words += [word for setting in settings for word in ("--set", setting)]
    with naming_users():
        models = list(make_models(method, strategy, settings))
        stream = {"protocol": protocol, "tasks": tasks, **stream_settings(settings)}
        made = make_units(data, models, stream, seeds, settings, output, shlex.join(words))
        units = list({unit.key(): unit for unit in made}.values())  # data may be named twice
        store = RunStore(output)
    with locking(output / STREAMS, named=output):
        failures = run(units, store)

    records = store.records()
    found = [records[unit.key()] for unit in units if unit.key() in records]
    if as_json:
        print_json({"store": str(store.path), "results": to_json(found), "failures": failures})
    elif found:
        console = results()
        console.print(table(found, console.width))
    for failure in failures:
        notes().print(f"failed: {failure}", soft_wrap=True, style="red")
    if found and not as_json:
        show_next("report", output)

    return FAILED if failures else 0


def make_units(
    data: Sequence[str],
    models: Sequence[tuple[str, str | None, "ContinualClassifier"]],
    stream: dict[str, Any],
    seeds: int,
    settings: Sequence[str],
    output: Path,
    command: str,
) -> Iterator["StreamUnit"]:
    """Yields every model on every data set and order; streams are made once, to find errors.

    Raises:
        UserError: If there are no such first tasks to choose the learning rate on.
        ValueError: If a model cannot run along the stream.
    """
    from unseen.benchmark.runs import describe_data
    from unseen.continual.streams import make_stream
    from unseen.continual.units import StreamUnit, check_model
    from unseen.data.load import load

    tuned = tuned_tasks(settings)
    for text in data:
        path, attributes = split_table(text)
        loaded = load(path, attributes)
        classes = len(loaded.class_attributes)
        if (stream["tasks"] or 1) > classes:
            raise UserError(
                f"`--tasks` must be from 1 to {classes}, one class of {text} a task at least; got "
                f"{stream['tasks']}."
            )
        made = make_stream(loaded, seed=FIRST_SEED, **stream)
        if "held_out" in stream and made.held_out is None:
            raise UserError(
                "`stream.held_out` does nothing here: the split gives each class that is learned "
                "its test rows; leave it out."
            )
        if not 0 <= tuned < len(made):
            raise UserError(
                f"`tune` must be from 0 to {len(made) - 1} in a stream of {len(made)} tasks; got "
                f"{tuned}."
            )
        for _, _, model in models:
            check_model(model, made.after(tuned) if tuned else made, loaded.features.shape[1])
        show_notes(loaded)
        described = describe_data(loaded, path, attributes)
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            for name, strategy, model in models:
                yield StreamUnit(
                    name=name,
                    strategy=strategy,
                    model=model,
                    path=path,
                    attributes=attributes,
                    data=described,
                    seed=seed,
                    stream=stream,
                    tuned=tuned,
                    folder=output / STREAMS,
                    command=command,
                )


def run(units: Sequence["StreamUnit"], store: "RunStore") -> list[str]:
    """Runs what the store lacks, with a progress bar, and returns what failed."""
    from unseen.benchmark.map_runs import default_workers, map_runs
    from unseen.benchmark.runs import Failure

    done = store.records()
    left = [unit for unit in units if unit.key() not in done]
    for unit in units:
        if unit.key() in done:
            unit.forget()
    if not left:
        note(f"all runs are in {store.path} already.")
    names = dict(
        zip([unit.key() for unit in units], name_data([u.data for u in units]), strict=True)
    )
    failures, finished = [], len(units) - len(left)
    workers = min(default_workers(), len(left)) or 1
    try:
        with progress(lines=False) as bar, closing(map_runs(left, workers)) as outcomes:
            shown = bar.add_task("runs", total=len(units), completed=finished, detail="")
            for unit, outcome in outcomes:
                name = label(names[unit.key()], unit.name, unit.strategy)
                if isinstance(outcome, Failure):
                    failures.append(f"{name}, seed {unit.seed}: {outcome.message}")
                    continue
                store.append(outcome)
                unit.forget()  # only now: a kill before would cost the whole run
                finished += 1
                bar.update(shown, completed=finished, detail=f"{finished}/{len(units)} {name}")
                if not bar.console.is_terminal:
                    seconds = sum(outcome["seconds"]["fit"])
                    bar.console.print(
                        f"{name}, seed {unit.seed}: {measures(outcome)}  {seconds:.1f} s  "
                        f"({finished}/{len(units)})",
                        soft_wrap=True,
                    )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{finished} of {len(units)} runs are in {store.path}; the same command goes on."
        ) from None

    return failures
