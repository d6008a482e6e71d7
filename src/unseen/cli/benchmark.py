"""``unseen benchmark``: methods x data x seeds, into a run store; resumable."""

__all__ = ["benchmark"]

import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from unseen.cli.benchmark_table import Scoreboard, watching
from unseen.cli.console import note, notes, print_json, results, show_next
from unseen.cli.data_notes import show_notes
from unseen.cli.errors import UserError, naming_users
from unseen.cli.outputs import check_store
from unseen.cli.regions import check_regions
from unseen.cli.settings import Whole, WholeOrNone, find_recipe
from unseen.cli.table_names import split_table

if TYPE_CHECKING:
    from unseen.benchmark.runs import Unit
    from unseen.benchmark.store import RunStore
    from unseen.data.dataset import ZeroShotData

Selection = Literal["hidden", "last", "oracle"]

ALL = "all"
FAILED = 1


def benchmark(
    data: tuple[str, ...],
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    method: Annotated[str, Parameter(alias="-m")] = ALL,
    seeds: Whole = 5,
    selection: Selection = "hidden",
    workers: WholeOrNone = None,
    trials: WholeOrNone = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Compare methods on data sets, over seeds, each run recorded in OUTPUT/runs.jsonl.

    Settings and the penalty on seen classes are chosen once per method and data set, on hidden
    seen classes, and serve all seeds; recipes keep their settings. The same command goes on where
    an interrupted one stopped.

    Arguments:
        data: Folders or files of data, as "unseen train" takes them; FILE:NAME takes the class
            table NAME.
        output: The folder of the run store; several benchmarks may share one.
        method: Methods or recipes, with commas between; "all" is every method, but for one whose
            solution is another's (recursive-ridge, of eszsl).
        seeds: The number of seeds of each method, from 0.
        selection: How settings are chosen: on hidden seen classes; not at all, "last"; or on the
            test classes, "oracle", which is a bound and no result.
        workers: The number of processes; by default one per core, four at most.
        trials: The number of settings that Optuna draws instead of the search space's own; recipes
            keep theirs.
        as_json: Print the results as JSON.
    """
    if selection == "last" and trials is not None:
        raise UserError("`--trials` needs a choice to make: leave out `--selection last`.")
    for name, number in (("seeds", seeds), ("workers", workers), ("trials", trials)):
        if number is not None and number < 1:
            raise UserError(f"`--{name}` must be a whole number from 1; got {number}.")
    check_store(output)

    from unseen.benchmark.store import RunStore

    names = method_names(method)
    words = ["unseen", "benchmark", *data, "-m", method, "--seeds", str(seeds), "-o", str(output)]
    words += ["--selection", selection] if selection != "hidden" else []
    words += ["--trials", str(trials)] if trials is not None else []
    units = list(make_units(data, names, seeds, selection, trials, shlex.join(words)))
    with naming_users():
        check(units)

    board = Scoreboard(units)
    with naming_users():
        store = RunStore(output)
    run(board, store, workers)

    if as_json:
        print_json({"store": str(store.path), **board.to_json()})
    else:
        console = results()
        console.print(board.table(width=console.width))
    for failure in board.failures():
        notes().print(f"failed: {failure}", soft_wrap=True, style="red")
    if board.done and not as_json:
        show_next("report", output)

    return FAILED if board.failures() else 0


def method_names(text: str) -> list[str]:
    """Returns the methods that ``-m`` names, each once."""
    names = [name for part in text.split(",") if (name := part.strip())]
    if not names:
        raise UserError("`-m` names no method; `unseen methods` lists them.")
    listed = [each for name in names for each in (different_methods() if name == ALL else (name,))]

    return list(dict.fromkeys(listed))


def different_methods() -> list[str]:
    """Returns every method but those whose solution is another's."""
    from unseen.methods import METHODS

    return [name for name, kind in METHODS.items() if kind.same_as is None]


def check_case(name: str) -> str:
    """Returns a name, unless it is that of a method or recipe but for its capitals."""
    from unseen.benchmark.recipes import RECIPES
    from unseen.methods import METHODS

    lower, known = name.lower(), {*METHODS, *RECIPES}
    if name not in known and lower in known:
        raise UserError(f"There is no method or recipe {name!r}. Did you mean {lower!r}?")

    return name


def make_units(
    data: Sequence[str],
    names: Sequence[str],
    seeds: int,
    selection: Selection,
    trials: int | None,
    command: str,
) -> Iterator["Unit"]:
    """Yields every method on every data set, each once."""
    recipes = {name: find_recipe(check_case(name)) for name in names}  # before any data are read

    from unseen.benchmark.runs import Unit, describe_data
    from unseen.data.load import load

    known: set[str] = set()
    for text in data:
        path, attributes = split_table(text)
        loaded = load(path, attributes)
        check_splits(loaded, text, selection)
        show_notes(loaded)
        for name, recipe in recipes.items():
            check_regions(recipe.method, loaded)
            unit = Unit(
                name=name,
                recipe=recipe,
                path=path,
                attributes=attributes,
                data=describe_data(loaded, path, attributes),
                seeds=tuple(range(seeds)),
                selection=selection,
                trials=trials,
                command=command,
            )
            if unit.key() not in known:
                known.add(unit.key())
                yield unit


def check_splits(data: "ZeroShotData", text: str, selection: Selection) -> None:
    """Raises where there is nothing to choose on."""
    from unseen.benchmark.selection import FOLDS
    from unseen.data.splits import HiddenClassFolds
    from unseen.rehearsal import rehearsals

    if selection == "hidden":
        try:
            rehearsals(data, HiddenClassFolds(folds=FOLDS))
        except ValueError as error:  # too few seen classes, or rows of them
            raise UserError(
                f"{text}: {error} Without a choice it can be compared with `--selection last`."
            ) from error
    if selection == "oracle" and not (len(data.test_seen) and len(data.test_unseen)):
        raise UserError(f"{text} has no test rows of both seen and unseen classes for an oracle.")


def check(units: Sequence["Unit"]) -> None:
    """Raises for settings of no use, before anything starts."""
    for unit in units:
        for candidate in unit.candidates():
            candidate.check_settings()
    if units[0].trials is not None:
        kept = dict.fromkeys(unit.name for unit in units if not unit.space)
        if kept:
            note(f"`--trials` leaves {', '.join(kept)} as they are: no settings to choose from.")
        from unseen.benchmark.wider_search import check_optuna

        check_optuna()


def run(board: Scoreboard, store: "RunStore", workers: int | None) -> None:
    """Runs what the store lacks, and shows how it goes."""
    from unseen.benchmark.comparison import compare, left_to_do
    from unseen.benchmark.map_runs import default_workers

    done = store.records()
    board.take(done)
    tell_versions(board)
    left = [unit for unit in board.units if left_to_do(unit, done) is not None]
    if not left:
        note(f"all runs are in {store.path} already.")
        return

    board.workers = min(workers or default_workers(), len(left))
    try:
        with watching(board) as see, closing(compare(left, store, board.workers)) as outcomes:
            for unit, outcome in outcomes:
                see(unit, outcome)
    except KeyboardInterrupt:
        board.take(store.records())  # one may be recorded and not yet shown
        raise KeyboardInterrupt(
            f"{board.done} of {board.all} runs are in {store.path}; the same command goes on. A "
            "choice of settings that was under way is made again."
        ) from None
    board.take(store.records())  # those of another process on the same store, too


def tell_versions(board: Scoreboard) -> None:
    """Notes where runs are of another version of unseen, whose methods may differ."""
    from unseen.benchmark.machine import versions

    runs = [run for row in board.rows.values() for run in row.runs.values()]
    others = {run.get("versions", {}).get("unseen", "unknown") for run in runs}
    others.discard(versions()["unseen"])
    if others:
        note(
            f"some runs are of unseen {', '.join(sorted(others))}, this is "
            f"{versions()['unseen']}; to compare like with like, take a new folder."
        )
