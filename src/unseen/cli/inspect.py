"""``unseen inspect``: what is large, steep, curved and unequal in a model."""

__all__ = ["inspect"]

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from unseen.cli.data_notes import show_notes
from unseen.cli.errors import UserError
from unseen.cli.inspect_imbalance import PAGES, inspect_imbalance
from unseen.cli.inspect_stages import check_family, inspect_stages
from unseen.cli.matching import check_data, compare_sources
from unseen.cli.models import read_model
from unseen.cli.outputs import check_apart, check_parent
from unseen.cli.settings import WholeOrNone, check_seed

What = Literal["variance", "gradients", "curvature", "imbalance"]

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
        data: A folder with rows.csv and classes.csv, or with res101.mat and att_splits.mat, an npz
            or safetensors file, or "digits", which is embedded.
        what: What to look at.
        output: The SVG or PNG file of a figure; of imbalance also an HTML page or JSON.
        attributes: The class table to take, where there are several.
        attribute_names: A text file with the name of each attribute, one a line, for imbalance; by
            default the names of the columns, where the class table is of CSV or parquet.
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

    fitted = read_model(model, data)
    if what != "imbalance":
        check_family(fitted)  # before the data, which may be large
    loaded = load(data, attributes)
    check_data(fitted, model, loaded, data)
    compare_sources(fitted, loaded)
    show_notes(loaded)
    if what != "imbalance":
        inspect_stages(check_family(fitted), loaded, what, output, seed, as_json)
        return

    command = shown_command(model, data, output, attributes, attribute_names, seed)
    inspect_imbalance(fitted, loaded, output, attribute_names, seed or 0, as_json, command)


def check_figure(output: Path | None, endings: Sequence[str]) -> None:
    """Raises before work whose figure could not be written."""
    if output is None:
        return
    if output.suffix.lower() not in endings:
        *others, last = endings
        raise UserError(f"`--output` must end in {', '.join(others)} or {last}; got {output}.")
    check_parent(output)


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
