"""``unseen inspect``: what is large, steep, curved and unequal in a model."""

__all__ = ["inspect"]

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from unseen.cli.console import note, print_json, progress, results
from unseen.cli.data_notes import show_notes
from unseen.cli.errors import UserError, naming_users
from unseen.cli.evaluate import check_descriptions, check_width, compare_sources
from unseen.cli.inspect_imbalance import PAGES, finite, inspect_imbalance
from unseen.cli.models import read_model
from unseen.cli.outputs import check_apart
from unseen.cli.settings import WholeOrNone, check_seed

if TYPE_CHECKING:
    from rich.progress import Progress

    from unseen.inspection.probe import Probe
    from unseen.methods.base import ZeroShotClassifier
    from unseen.methods.class_norm import ClassNorm

Measure = Literal["variance", "gradients", "curvature"]
What = Literal["variance", "gradients", "curvature", "imbalance"]

BEFORE, AFTER = "before training", "after training"
ROWS: dict[Measure, int] = {"variance": 256, "gradients": 128, "curvature": 128}
FIGURES = (".svg", ".png")
ALL = (*PAGES, *FIGURES, ".json")


def inspect(
    model: Path,
    data: str,
    /,
    *,
    what: What = "variance",
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    attributes: str | None = None,
    attribute_names: Path | None = None,
    seed: WholeOrNone = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Look into a model: as it is, and, of class-norm and mlp, as it was before training.

    variance: of hidden activations and logits. gradients: how much those of single examples differ,
    and what loss and gradient do on the way down. curvature: top eigenvalue and trace of the
    Hessian. All over seen classes, on training rows drawn at random.

    imbalance, of any method: on which classes and attributes the error of attribute predictions
    falls, on the test rows.

    Arguments:
        model: The folder that "unseen train" wrote.
        data: A folder or file of data, or "digits".
        what: What to look at.
        output: The SVG or PNG file of a figure; of imbalance also an HTML page or JSON.
        attributes: The class table to take, where there are several.
        attribute_names: A text file with the name of each attribute, one a line, for imbalance.
        seed: The seed of the start and of the rows, by default that of the training; for imbalance
            that of the read-out, by default 0.
        as_json: Print the results as JSON.
    """
    check_figure(output, ALL if what == "imbalance" else FIGURES)
    if attribute_names is not None and what != "imbalance":
        raise UserError("`--attribute-names` is for `--what imbalance`.")
    if seed is not None:
        check_seed(seed)
    if output is not None:
        check_apart(output, model, attribute_names)

    from unseen.data.load import load
    from unseen.inspection.probe import draw_probe
    from unseen.inspection.stages import initial_embedder, scaled_cosine
    from unseen.methods.saving import method_name

    fitted = read_model(model, data)
    if what != "imbalance":
        check_family(fitted)  # before the data, which may be large
    loaded = load(data, attributes)
    check_width(fitted, model, loaded.features.shape[1], data)
    check_descriptions(fitted, loaded, data)
    compare_sources(fitted, loaded)
    show_notes(loaded)
    if what == "imbalance":
        command = shown_command(model, data, output, attributes, attribute_names, seed)
        inspect_imbalance(fitted, loaded, output, attribute_names, seed or 0, as_json, command)
        return

    fitted = check_family(fitted)
    seed = start_seed(fitted) if seed is None else seed
    network = scaled_cosine(fitted)
    stages = {BEFORE: initial_embedder(fitted, seed), AFTER: network.embedder}
    with naming_users(), progress() as bar:
        probe = draw_probe(loaded, network, fitted.scale, ROWS[what], seed)
        found = {
            stage: MEASURES[what](embedder, probe, seed, reporting(bar, stage))
            for stage, embedder in stages.items()
        }

    title = f"{method_name(fitted)} on {loaded.source.name}"
    if output is not None:
        draw(what, found, output, title)
    if as_json:
        print_json(
            {
                "what": what,
                "method": method_name(fitted),
                "data": loaded.source.name,
                "seed": seed,
                "rows": len(probe.features),
                **{stage.replace(" ", "_"): finite(asdict_all(found[stage])) for stage in stages},
            }
        )
        return

    show(what, found, title, probe)
    if output is not None:
        note(f"the figure is {output}")


def check_figure(output: Path | None, endings: Sequence[str]) -> None:
    """Raises before work whose figure could not be written."""
    if output is None:
        return
    if output.suffix.lower() not in endings:
        *others, last = endings
        raise UserError(f"`--output` must end in {', '.join(others)} or {last}; got {output}.")
    if not output.parent.is_dir():
        raise UserError(
            f"The folder {output.parent} does not exist; make it first: "
            f"mkdir -p {shlex.quote(str(output.parent))}"
        )


def shown_command(
    model: Path,
    data: str,
    output: Path | None,
    attributes: str | None,
    names: Path | None,
    seed: int | None,
) -> str:
    """Returns the command that finds the imbalance again."""
    options = {"-o": output, "--attributes": attributes, "--attribute-names": names, "--seed": seed}
    given = [word for flag, value in options.items() if value is not None for word in (flag, value)]
    words = ["unseen", "inspect", model, data, "--what", "imbalance", *given]

    return shlex.join(map(str, words))


def check_family(model: "ZeroShotClassifier") -> "ClassNorm":
    """Returns a model that learns an attribute embedder; raises for any other."""
    from unseen.methods import METHODS
    from unseen.methods.class_norm import ClassNorm
    from unseen.methods.saving import method_name

    if isinstance(model, ClassNorm):
        return model

    fitting = [name for name, method in METHODS.items() if issubclass(method, ClassNorm)]
    raise UserError(
        f"`unseen inspect` looks into attribute embedders, the models of {' and '.join(fitting)} "
        f"and their recipes; this one is of {method_name(model)}."
    )


def start_seed(model: "ClassNorm") -> int:
    """Returns the seed of the training; 0, with a note, where it is not known."""
    if isinstance(model.random_state, int):
        return model.random_state
    note("the model was trained without a seed: its start is one like it, drawn with seed 0.")

    return 0


def reporting(bar: "Progress", stage: str) -> Callable[[int, int], None]:
    """Adds a bar for a stage, and returns what moves it."""
    task = bar.add_task(stage, total=None, detail="")

    def report(done: int, whole: int) -> None:
        bar.update(task, total=whole, completed=done, detail=f"{done}/{whole}")

    return report


def measure_variance(embedder: Any, probe: "Probe", *_: object) -> dict[str, Any]:
    from unseen.inspection.variance import measure_variances

    return {"variances": measure_variances(embedder, probe)}


def measure_gradients(
    embedder: Any, probe: "Probe", _: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    from unseen.inspection.gradients import measure_descent, measure_gradient_noise

    return {
        "noise": measure_gradient_noise(embedder, probe, progress),
        "descent": measure_descent(embedder, probe),
    }


def measure_curvature(
    embedder: Any, probe: "Probe", seed: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    from unseen.inspection.curvature import measure_curvature

    return {"curvature": measure_curvature(embedder, probe, seed, progress)}


MEASURES: dict[Measure, Callable[..., dict[str, Any]]] = {
    "variance": measure_variance,
    "gradients": measure_gradients,
    "curvature": measure_curvature,
}


def rows_of(what: Measure, found: dict[str, Any]) -> dict[str, float]:
    """Returns the numbers of one stage, by name."""
    if what == "variance":
        values = found["variances"]
        rows = {layer.name: layer.class_variance for layer in values.layers}
        rows["z · p"] = values.pre_logits.class_variance
        return rows | {"logits": values.logits.class_variance}

    if what == "gradients":
        rows = {}
        for noise in found["noise"]:
            rows[f"norm of the mean gradient, {noise.weight} weights"] = noise.mean_norm
            rows[f"norm of the deviation, {noise.weight} weights"] = noise.std_norm
            rows[f"noise to signal, {noise.weight} weights"] = noise.noise_to_signal
        line = found["descent"]
        return rows | {
            "loss on the way down, at the start": line.losses[0],
            "loss on the way down, range": line.loss_range,
            "gradient norm on the way, least": min(line.gradient_norms),
            "gradient norm on the way, greatest": max(line.gradient_norms),
            "change of the gradient per distance": line.smoothness,
        }

    values = found["curvature"]
    return {
        "loss": values.loss,
        "gradient norm": values.gradient_norm,
        "top eigenvalue": values.top.value,
        "its residual": values.top.residual,
        "trace": values.trace.value,
        "its standard error": values.trace.standard_error,
    }


HEADINGS: dict[Measure, str] = {
    "variance": "variance over classes",
    "gradients": "gradients",
    "curvature": "curvature of the loss",
}


def show(what: Measure, found: dict[str, dict[str, Any]], title: str, probe: "Probe") -> None:
    from rich.table import Table

    from unseen.inspection.variance import predicted_logit_variance

    heading = f"{HEADINGS[what]}: {title}"
    table = Table(title=heading, title_justify="left", box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for stage in found:
        table.add_column(stage, justify="right", overflow="fold")
    stages = [rows_of(what, values) for values in found.values()]
    for name in stages[0]:
        table.add_row(name, *(f"{stage[name]:.4g}" for stage in stages))

    console = results()
    console.print(table)
    n, d = probe.features.shape
    console.print(f"{n} training rows, {len(probe.descriptions)} seen classes")
    if what == "variance" and probe.scale is not None:
        predicted = predicted_logit_variance(probe.scale, d)
        console.print(f"logits of independent Gaussian vectors: {predicted:.4g}")


def draw(what: Measure, found: dict[str, dict[str, Any]], output: Path, title: str) -> None:
    from unseen.report.variance_plots import plot_descent, plot_stages

    title = f"{HEADINGS[what].capitalize()}: {title}"
    if what == "gradients":
        plot_descent({stage: values["descent"] for stage, values in found.items()}, output, title)
        return

    stages = [rows_of(what, values) for values in found.values()]
    shown = [name for name in stages[0] if not name.startswith("its ")]
    rows = {name: [stage[name] for stage in stages] for name in shown}
    label = HEADINGS[what] if what == "variance" else ""
    plot_stages(rows, list(found), output, title, label)


def asdict_all(found: dict[str, Any]) -> dict[str, Any]:
    """Returns the dataclasses of one stage as plain values, with what is computed from them."""
    plain: dict[str, Any] = {}
    for name, value in found.items():
        many = isinstance(value, tuple)
        plain[name] = [asdict_with(one) for one in value] if many else asdict_with(value)

    return plain


def asdict_with(value: Any) -> dict[str, Any]:
    computed = {
        name: getattr(value, name)
        for name, member in vars(type(value)).items()
        if isinstance(member, property)
    }

    return asdict(value) | computed
