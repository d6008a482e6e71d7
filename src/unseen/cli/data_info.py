"""``unseen data info``: what a data set holds."""

__all__ = ["info"]

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from unseen.cli.console import note, print_json, results

if TYPE_CHECKING:
    from unseen.data.dataset import ZeroShotData


def info(data: str, /, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> None:
    """Show shapes, classes, splits, class tables and origin of a data set.

    Arguments:
        data: A folder with rows.csv and classes.csv, or with res101.mat and att_splits.mat, an npz
            or safetensors file, or "digits", which is embedded.
        as_json: Print the results as JSON.
    """
    from unseen.data.load import attribute_tables, load
    from unseen.data.notes import notes_on

    loaded = load(data)
    further = {name: table.shape[1] for name, table in attribute_tables(data).items()}
    summary = summarize(loaded, further)
    if as_json:
        print_json(summary | {"notes": notes_on(loaded)})
        return

    show(summary)
    for text in notes_on(loaded):
        note(text)


def summarize(data: "ZeroShotData", further: dict[str, int]) -> dict[str, Any]:
    """Returns what JSON and the table show.

    Arguments:
        data: The data set.
        further: The number of attributes of each class table that can be asked for by name.
    """
    from unseen.data.dataset import SPLITS

    seen = int(data.seen.sum())
    attributes = data.class_attributes

    return {
        "name": data.source.name,
        "path": data.source.path,
        "rows": len(data.features),
        "features": data.features.shape[1],
        "feature_type": str(data.features.dtype),
        "feature_range": feature_range(data),
        "image_shape": data.image_shape,
        "classes": len(attributes),
        "seen_classes": seen,
        "unseen_classes": len(attributes) - seen,
        "attributes": attributes.shape[1],
        "attribute_range": [float(attributes.min()), float(attributes.max())],
        "attribute_tables": further,
        "splits": {split: len(getattr(data, split)) for split in SPLITS},
        "validation_splits": len(data.validation),
        "licence": data.source.licence,
        "split_version": data.source.split_version,
        "sha256": data.source.sha256,
    }


def feature_range(data: "ZeroShotData") -> list[float]:
    """Returns the least and the greatest feature, a block of rows at a time."""
    from unseen.data.encoding import decoded_blocks

    bounds = [(float(block.min()), float(block.max())) for block in decoded_blocks(data)]

    return [min(low for low, _ in bounds), max(high for _, high in bounds)]


def show(summary: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")

    table.add_row("name", summary["name"])
    if summary["path"]:
        table.add_row("path", summary["path"])
    table.add_row(
        "features",
        f"{summary['rows']:,} x {summary['features']:,} {summary['feature_type']}, "
        + spread(summary["feature_range"]),
    )
    if summary["image_shape"]:
        height, width, channels = summary["image_shape"]
        table.add_row("images", f"{height} x {width} pixels, channels: {channels}")
    table.add_row(
        "classes",
        f"{summary['classes']:,}: {summary['seen_classes']:,} seen, "
        f"{summary['unseen_classes']:,} unseen",
    )
    table.add_row("attributes", f"{summary['attributes']:,}, " + spread(summary["attribute_range"]))
    for name, width in summary["attribute_tables"].items():
        table.add_row("", f"{width:,} with --attributes {name}")
    for split, rows in summary["splits"].items():
        table.add_row(split, f"{rows:,} rows")
    table.add_row("validation", f"{summary['validation_splits']} splits of its own")
    table.add_row("licence", summary["licence"])
    table.add_row("split version", summary["split_version"])
    for name, digest in summary["sha256"].items():
        table.add_row("sha256", f"{digest} {name}")

    results().print(table)


def spread(bounds: list[float]) -> str:
    return f"from {bounds[0]:.4g} to {bounds[1]:.4g}"
