"""``unseen inspect --what imbalance``: on which classes and attributes the error falls."""

__all__ = ["finite", "inspect_imbalance", "read_names"]

import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.console import note, print_json, progress, results
from unseen.cli.errors import UserError, naming_users

if TYPE_CHECKING:
    from unseen.data.dataset import ZeroShotData
    from unseen.inspection.imbalance import ImbalanceReport
    from unseen.methods.base import ZeroShotClassifier

NUMBER = re.compile(r"^\d+[\s.:,;]+(?=\S)")  # as lists of attributes are often numbered
WORST = 10
PAGES = (".html", ".htm")


def inspect_imbalance(
    model: "ZeroShotClassifier",
    data: "ZeroShotData",
    output: Path | None,
    names: Path | None,
    seed: int,
    as_json: bool,
    command: str,
) -> None:
    """Measures, shows and writes the imbalance of a model.

    Arguments:
        model: The fitted model.
        data: The data it was trained on.
        output: The HTML, SVG, PNG or JSON file to write.
        names: The file of names of attributes.
        seed: The seed of the read-out.
        as_json: Whether to print JSON instead of a table.
        command: The command, for the page.
    """
    from unseen.inspection.imbalance import inspect_imbalance as measure

    told = None if names is None else read_names(names, data.class_attributes.shape[1])
    with naming_users(), progress() as bar:
        bar.add_task("measuring", total=None, detail="")
        report = measure(model, data, told, random_state=seed)

    if output is not None:
        write(report, output, command, seed)
    if as_json:
        print_json(to_json(report, seed))
        return

    show(report)
    if output is not None:
        note(f"{output} shows more")


def read_names(path: Path, attributes: int) -> list[str]:
    """Returns the names of attributes in a file, one a line; numbers before them are left out.

    Arguments:
        path: The text file.
        attributes: How many names there must be.

    Raises:
        UserError: If it is no text, or has another number of names.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8; write one name a line.") from error
    names = [NUMBER.sub("", line.strip()) for line in lines if line.strip()]
    if len(names) != attributes:
        raise UserError(
            f"{path} has {len(names):,} names, and the class table has {attributes:,} attributes; "
            "write one name a line, in the order of the columns."
        )

    return names


def write(report: "ImbalanceReport", output: Path, command: str, seed: int) -> None:
    """Writes a page, a figure or JSON, as the ending of the file says."""
    if output.suffix.lower() in PAGES:
        from unseen.report.imbalance_page import render_imbalance

        text = render_imbalance(report, command, seed)
    elif output.suffix.lower() == ".json":
        text = json.dumps(to_json(report, seed), indent=2, allow_nan=False)
    else:
        from unseen.report.imbalance_plots import plot_imbalance

        plot_imbalance(report, output, f"Imbalance: {report.method} on {report.data}")
        return

    from unseen.data.atomic import writing

    with writing(output) as file:
        file.write(text.encode())


def to_json(report: "ImbalanceReport", seed: int) -> dict[str, Any]:
    """Returns the report as JSON knows it: fractions, ``None`` where nothing was measured."""
    curve = report.curve

    return finite(
        {
            "what": "imbalance",
            "method": report.method,
            "data": report.data,
            "prediction": report.prediction,
            "seed": seed,
            "groups": {name: group_json(report, name) for name in report.groups},
            "count_correlation": report.count_correlation,
            "ausuc": None if curve is None else curve.area,
            "attribute_names": list(report.attribute_names),
            "weights": None if report.weights is None else weights_json(report),
        }
    )


def group_json(report: "ImbalanceReport", group: str) -> dict[str, Any]:
    """Returns what was found on some test rows, with the whole error matrix."""
    from unseen.metrics.imbalance import worst_attributes

    found = report.groups[group]

    return {
        "spread": asdict(found.spread) | {"variation": found.spread.variation},
        "label_error_correlation": {
            "class": found.class_correlation,
            "attribute": found.attribute_correlation,
        },
        "mean_description": asdict(report.baselines[group]),
        "theil": asdict(found.theil),
        "misclassification": asdict(found.misclassification) | {"gap": found.misclassification.gap},
        "worst_attributes": [
            {"name": name, "error": error}
            for name, error in worst_attributes(found.matrix, report.attribute_names)
        ],
        "classes": [report.class_names[label] for label in found.classes],
        "error_matrix": found.matrix.tolist(),
    }


def weights_json(report: "ImbalanceReport") -> dict[str, Any]:
    """Returns the weights of the loss, for a report that has them; ``NaN`` are for ``finite``."""
    weights = report.weights
    assert weights is not None  # for the type checker

    return {
        "mean": weights.mean,
        "greatest": weights.greatest,
        "mean_normalized": weights.mean_normalized,
        "classes": [report.class_names[label] for label in weights.classes],
        "matrix": weights.matrix.tolist(),
        "history": [epoch._asdict() for epoch in weights.history],
    }


def show(report: "ImbalanceReport") -> None:
    from rich.table import Table

    from unseen.metrics.imbalance import worst_attributes
    from unseen.report.imbalance_page import imbalance_numbers

    title = f"imbalance: {report.method} on {report.data}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("test rows of", overflow="fold")
    for group in report.groups:
        table.add_column(group, justify="right", overflow="fold")
    numbers = [
        imbalance_numbers(found, report.baselines[name]) for name, found in report.groups.items()
    ]
    for name in numbers[0]:
        table.add_row(name, *(shown[name] for shown in numbers))

    console = results()
    console.print(table)
    worst = worst_attributes(report.whole.matrix, report.attribute_names, WORST)
    console.print(f"worst attributes: {', '.join(name for name, _ in worst)}")
    if report.weights is not None:
        told = report.weights
        console.print(
            f"weights of the loss, after its last batch: mean {told.mean:.2f}, "
            f"greatest {told.greatest:.2f} ({told.known.sum()} of {len(told.classes)} seen classes)"
        )
    console.print(f"attributes are {report.prediction}")
    console.print("this has seen the test rows: choose nothing by it")


def finite(value: Any) -> Any:
    """Puts ``None`` in the place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]

    return None if isinstance(value, float) and not math.isfinite(value) else value
