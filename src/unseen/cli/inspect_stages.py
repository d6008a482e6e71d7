"""``unseen inspect --what variance`` and the like: a network before and after its training."""

__all__ = ["check_family", "inspect_stages"]

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unseen.cli.console import note, print_json, progress, results
from unseen.cli.errors import UserError, naming_users
from unseen.cli.inspect_imbalance import finite

if TYPE_CHECKING:
    from rich.progress import Progress

    from unseen.data.dataset import ZeroShotData
    from unseen.inspection.probe import Probe
    from unseen.methods.base import ZeroShotClassifier
    from unseen.methods.class_norm import ClassNorm

Measure = Literal["variance", "gradients", "curvature"]

BEFORE, AFTER = "before training", "after training"
ROWS: dict[Measure, int] = {"variance": 256, "gradients": 128, "curvature": 128}


def inspect_stages(
    model: "ClassNorm",
    data: "ZeroShotData",
    what: Measure,
    output: Path | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Measures, shows and draws a network as it is, and as it was before training.

    Arguments:
        model: The fitted model.
        data: The data it was trained on.
        what: What to measure.
        output: The SVG or PNG file to write.
        seed: The seed of the start and of the rows; by default that of the training.
        as_json: Whether to print JSON instead of a table.
    """
    from unseen.inspection.probe import draw_probe
    from unseen.inspection.stages import initial_embedder, scaled_cosine
    from unseen.methods.saving import method_name

    seed = start_seed(model) if seed is None else seed
    network = scaled_cosine(model)
    stages = {BEFORE: initial_embedder(model, seed), AFTER: network.embedder}
    with naming_users(), progress() as bar:
        probe = draw_probe(data, network, model.scale, ROWS[what], seed)
        found = {
            stage: MEASURES[what](embedder, probe, seed, reporting(bar, stage))
            for stage, embedder in stages.items()
        }

    title = f"{method_name(model)} on {data.source.name}"
    if output is not None:
        draw(what, found, output, title)
    if as_json:
        print_json(
            {
                "what": what,
                "method": method_name(model),
                "data": data.source.name,
                "seed": seed,
                "rows": len(probe.features),
                **{stage.replace(" ", "_"): finite(asdict_all(found[stage])) for stage in stages},
            }
        )
        return

    show(what, found, title, probe)
    if output is not None:
        note(f"the figure is {output}")


def check_family(model: "ZeroShotClassifier") -> "ClassNorm":
    """Returns a model that learns an attribute embedder; raises for any other."""
    from unseen.methods import METHODS
    from unseen.methods.class_norm import ClassNorm
    from unseen.methods.saving import method_name

    if isinstance(model, ClassNorm):
        return model

    fitting = [name for name, method in METHODS.items() if issubclass(method, ClassNorm)]
    raise UserError(
        f"A model of {method_name(model)} has no attribute embedder to look into; those of "
        f"{' and '.join(fitting)}, and of their recipes, have one. `--what imbalance` is for all."
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
