"""``unseen train``: learns from a data set, chooses the seen penalty, saves a model."""

__all__ = ["train"]

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from unseen.cli.console import note, print_json, progress, results, show_next
from unseen.cli.data_notes import show_notes
from unseen.cli.errors import UserError, naming_users
from unseen.cli.lock import locking
from unseen.cli.outputs import check_folder, check_parent
from unseen.cli.regions import check_regions, show_unused_regions
from unseen.cli.settings import Whole, apply_settings, check_once, check_seed, find_recipe

if TYPE_CHECKING:
    from rich.progress import Progress

    from unseen.benchmark.recipes import Recipe
    from unseen.data.dataset import ZeroShotData
    from unseen.decide import SeenPenalty
    from unseen.training.loop import EpochReport

Penalty = Literal["hidden", "none"]


def train(
    data: str,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    method: Annotated[str, Parameter(alias="-m")] = "class-norm",
    attributes: str | None = None,
    seed: Whole = 0,
    settings: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    penalty: Penalty = "hidden",
    resume: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Train a method on a data set and save it, with a penalty on seen classes.

    While it trains, a checkpoint stands beside OUTPUT; it is removed at the end. A second
    training that would write there is refused.

    Arguments:
        data: A folder with rows.csv and classes.csv, or with res101.mat and att_splits.mat, an npz
            or safetensors file, or "digits", which is embedded.
        output: The folder of the model; a model that stands there is replaced.
        method: A method or a recipe; "unseen methods" lists them.
        attributes: The class table to take, where there are several.
        seed: The seed of initial weights and batches.
        settings: A setting of the method, as name=value; repeat it for more.
        penalty: Whether the penalty on seen classes is chosen on hidden seen classes (a recipe
            may bring its own), or none is used.
        resume: Go on from the checkpoint of an interrupted training.
        as_json: Print the results as JSON.
    """
    recipe = prepare(method, settings, seed)
    check_output(output)

    from unseen.data.load import load

    with locking(output):
        loaded = load(data, attributes)
        check_regions(recipe.method, loaded)
        show_notes(loaded)
        show_unused_regions(recipe.method, loaded)
        checkpoint = start_checkpoint(output, resume)
        with mentioning(checkpoint), progress() as bar:
            run = fit(recipe, loaded, checkpoint, bar)
            recipe.method.seen_penalty_ = choose_penalty(recipe, loaded, penalty, bar)
            recipe.method.source_ = loaded.source
            recipe.method.save_pretrained(output)
        checkpoint.unlink(missing_ok=True)

    summary = summarize(method, recipe, loaded, run, output)
    if as_json:
        print_json(summary)
    else:
        show(summary)
        table = () if attributes is None else ("--attributes", attributes)
        show_next("evaluate", output, data, *table)


@dataclass
class Run:
    """What a training run shows of itself.

    Arguments:
        seconds: The time of the training, in seconds, without the choice of the penalty.
        first_epoch: The epoch that the run began with, from 1; later than 1 if it was resumed.
        last: What the last epoch reported; ``None`` if every epoch had run before.
    """

    seconds: float = 0.0
    first_epoch: int = 1
    last: "EpochReport | None" = None


def prepare(method: str, settings: Sequence[str], seed: int) -> "Recipe":
    """Returns a recipe with the user's settings, before any data are read."""
    from unseen.methods.base import with_seed

    check_once(settings)
    recipe = find_recipe(method)
    apply_settings(recipe.method, settings)
    check_seed(seed)
    recipe = replace(recipe, method=with_seed(recipe.method, seed))
    with naming_users():
        recipe.method.check_settings()
    if recipe.oracle_epoch:
        note(
            f"the published numbers of {method} are of the epoch that is best on the test rows; "
            "here the last epoch is kept."
        )

    return recipe


def check_output(output: Path) -> None:
    """Raises before a training that could not be saved."""
    from unseen.methods.saving import is_model_folder

    if output.name in ("", ".."):
        raise UserError(f"`--output` must name a new folder or a model folder; got '{output}'.")
    check_folder(output)
    if output.is_dir() and any(output.iterdir()) and not is_model_folder(output):
        raise UserError(
            f"{output} exists and is not a model folder, or holds more than a model. Choose "
            "another name."
        )
    check_parent(output)
    try:
        TemporaryFile(dir=output.parent).close()
    except OSError as error:
        raise UserError(
            f"The folder {output.parent} cannot be written to ({error.strerror}). Mend its "
            "permissions, or save elsewhere."
        ) from error


def fit(recipe: "Recipe", data: "ZeroShotData", checkpoint: Path, bar: "Progress") -> Run:
    """Trains, with a checkpoint after each epoch."""
    from unseen.training.loop import Monitor, TrainingError

    run, start = Run(), time.perf_counter()
    rows = data.subset("train", data.compact_type)
    task = bar.add_task("training", total=None, detail="")

    def show_epoch(report: "EpochReport") -> None:
        run.first_epoch = report.epoch if run.last is None else run.first_epoch
        run.last = report
        detail = f"{report.epoch}/{report.epochs}, loss {report.loss:.3f}"
        bar.update(task, total=report.epochs, completed=report.epoch, detail=detail)

    try:
        with naming_users():
            recipe.method.fit(
                rows.features,
                rows.labels,
                data.class_attributes,
                class_names=data.class_names,
                monitor=Monitor(show_epoch, checkpoint, fingerprint(data)),
            )
    except TrainingError:
        checkpoint.unlink(missing_ok=True)  # it leads there again
        raise
    run.seconds = time.perf_counter() - start

    return run


def start_checkpoint(output: Path, resume: bool) -> Path:
    """Returns the place of the checkpoint; without ``resume``, an old one is removed."""
    checkpoint = output.with_name(f"{output.name}.checkpoint.safetensors")
    for half in output.parent.glob(f"{checkpoint.name}.*.tmp"):  # of a killed process
        half.unlink(missing_ok=True)
    if resume and not checkpoint.exists():
        finished = f": the training of {output} has finished" if output.exists() else ""
        note(f"there is no checkpoint {checkpoint}{finished}; it starts anew.")
    if not resume and checkpoint.exists():
        note(f"{checkpoint} was of an interrupted training; it is replaced.")
        checkpoint.unlink()

    return checkpoint


@contextmanager
def mentioning(checkpoint: Path) -> Iterator[None]:
    """Says that the epochs done are kept, where a run ends before its model is saved."""
    from unseen.methods.saving import ModelError

    kept = f"{checkpoint} has the training so far; the same command with --resume goes on from it."
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(kept if checkpoint.exists() else "nothing is saved.") from None
    except ModelError:
        if checkpoint.exists():
            note(kept)
        raise


def fingerprint(data: "ZeroShotData") -> str:
    """Returns a hash of what is learned from: the files, the rows, their classes."""
    digest = hashlib.sha256(json.dumps(sorted(data.source.sha256.values())).encode())
    for array in (data.labels, data.train, data.class_attributes):
        digest.update(array.tobytes())

    return digest.hexdigest()


def choose_penalty(
    recipe: "Recipe", data: "ZeroShotData", penalty: Penalty, bar: "Progress"
) -> "SeenPenalty | None":
    """Returns the penalty to store, chosen without a look at test rows or unseen classes."""
    from unseen.decide import choose_seen_penalty
    from unseen.rehearsal import rehearsals

    if penalty == "none":
        return None
    if recipe.seen_penalty is not None:
        return recipe.seen_penalty
    try:
        rehearsals(data)
    except ValueError as error:  # too few seen classes, or rows of them
        note(f"no penalty on seen classes was chosen. {error}")
        return None

    task = bar.add_task("choosing the penalty", total=None, detail="")

    def show_fold(done: int, folds: int) -> None:
        bar.update(task, total=folds, completed=done, detail=f"{done}/{folds}")

    with naming_users():
        chosen = choose_seen_penalty(recipe.method, data, progress=show_fold)
    if not chosen.value:
        note(
            "the penalty on seen classes is 0: on hidden seen classes no other gains for sure. "
            '"unseen evaluate" shows what the oracle, chosen on test rows, would give.'
        )

    return chosen


def summarize(
    method: str, recipe: "Recipe", data: "ZeroShotData", run: Run, output: Path
) -> dict[str, Any]:
    penalty = recipe.method.seen_penalty_

    return {
        "method": method,
        "setting": recipe.method.setting,
        "data": data.source.name,
        "seconds": round(run.seconds, 3),
        "first_epoch": run.first_epoch,
        "epochs": None if run.last is None else run.last.epochs,
        "loss": None if run.last is None else run.last.loss,
        "penalty": "none" if penalty is None else str(penalty),
        "selection": "none" if penalty is None else penalty.selection,
        "model": str(output),
    }


def show(summary: dict[str, Any]) -> None:
    from rich.table import Table

    loss, first = summary["loss"], summary["first_epoch"]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("method", f"{summary['method']} ({summary['setting']})")
    table.add_row("data", summary["data"])
    table.add_row("seconds", f"{summary['seconds']:.1f}")
    if loss is not None:
        epochs = f"{summary['epochs']}" + (f", resumed at {first}" if first > 1 else "")
        table.add_row("epochs", epochs)
        table.add_row("loss", f"{loss:.4f}")
    table.add_row("seen penalty", summary["penalty"])
    table.add_row("saved to", summary["model"])
    results().print(table)
