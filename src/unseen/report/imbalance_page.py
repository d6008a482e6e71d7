"""A page that shows on which classes and attributes the error of predictions falls."""

__all__ = ["imbalance_numbers", "render_imbalance"]

import math
from dataclasses import dataclass

import numpy as np

from unseen.inspection.imbalance import Baseline, ImbalanceReport
from unseen.metrics.imbalance import Imbalance, worst_attributes
from unseen.metrics.misclassification import unit_rows
from unseen.report.imbalance_drawings import worst_class
from unseen.report.imbalance_plots import (
    chart_class,
    chart_error_matrix,
    chart_label_errors,
    chart_seen_unseen,
    chart_worst_attributes,
)
from unseen.report.pages import NOTHING, render
from unseen.report.weight_plots import chart_weight_history, chart_weights

TEMPLATE = "imbalance.html.j2"
WORST = 20  # attributes, and classes of each side that are shown one by one
EACH = 8  # attributes of such a class
THOUSAND = 1000.0  # squared errors of unit vectors are thousandths


@dataclass(frozen=True)
class ClassErrors:
    """The attributes of greatest error of one class.

    Arguments:
        name: The name of the class.
        group: ``"seen"`` or ``"unseen"``.
        error: Its mean error, in thousandths.
        rows: Name, label value, error in thousandths, and its share of the greatest, for each.
    """

    name: str
    group: str
    error: float
    rows: tuple[tuple[str, float, float, float], ...]


def render_imbalance(report: ImbalanceReport, command: str, seed: int) -> str:
    """Returns the page that shows the imbalance of one model.

    Arguments:
        report: What was found.
        command: The command that makes the page.
        seed: The seed of the read-out.

    Returns:
        The page, which asks for nothing from anywhere.
    """
    weights = report.weights
    sides = [group for group in ("seen", "unseen") if group in report.groups]
    context = {
        "report": report,
        "numbers": {
            name: imbalance_numbers(found, report.baselines[name])
            for name, found in report.groups.items()
        },
        "nothing": NOTHING,
        "count_correlation": _hundredths(report.count_correlation),
        "matrix": chart_error_matrix(report, "matrix"),
        "attributes": chart_worst_attributes(report, "attributes"),
        "labels": chart_label_errors(report, "labels"),
        "curve": chart_seen_unseen(report, "curve") if report.curve is not None else "",
        "worst_classes": {
            group: chart_class(report, worst_class(report, group), f"worst-{group}")
            for group in sides
        },
        "weights": chart_weights(report, "weights") if weights is not None else "",
        "history": chart_weight_history(report, "history")
        if weights is not None and weights.history
        else "",
        "worst": _worst_rows(report),
        "classes": _class_errors(report),
        "names": report.class_names,
        "worst_class": worst_class,
        "command": command,
        "seed": seed,
    }

    return render(TEMPLATE, context, filters={})


def imbalance_numbers(found: Imbalance, baseline: Baseline) -> dict[str, str]:
    """Returns the numbers of one side as a person reads them, by what they are.

    Arguments:
        found: The imbalance on some test rows.
        baseline: What the mean description reaches on the same rows.

    Example:
        >>> from unseen.metrics.imbalance import measure_imbalance
        >>> table = np.array([[0.1, 0.5, 0.9], [0.8, 0.2, 0.5]])
        >>> found = measure_imbalance(table, np.arange(2), np.array([0, 0]), table)
        >>> imbalance_numbers(found, Baseline(0.5, 0.1))["wrongly classified (%)"]
        '50.0'
    """
    theil, wrong = found.theil, found.misclassification

    return {
        "classes": f"{len(found.classes):,}",
        "examples": f"{wrong.examples:,}",
        "mean error (1/1000)": _shown(THOUSAND * found.spread.mean),
        "mean error of the mean description (1/1000)": _shown(THOUSAND * baseline.mean),
        "deviation over attributes (1/1000)": _shown(THOUSAND * found.spread.deviation),
        "coefficient of variation": _shown(found.spread.variation),
        "label and error, over attributes (r × 100)": _hundredths(found.class_correlation),
        "label and error of the mean description (r × 100)": _hundredths(
            baseline.class_correlation
        ),
        "label and error, over classes (r × 100)": _hundredths(found.attribute_correlation),
        "Theil index, all entries": _shown(theil.total),
        "Theil index, within classes": _shown(theil.within_classes),
        "Theil index, within attributes": _shown(theil.within_attributes),
        "Theil index, between classes": _shown(theil.between_classes),
        "Theil index, between attributes": _shown(theil.between_attributes),
        "wrongly classified (%)": _hundredths(wrong.wrong / wrong.examples),
        "cosine of prediction and true class": _shown(wrong.predicted_to_true),
        "cosine of prediction and chosen class": _shown(wrong.predicted_to_chosen),
        "gap of these two": _shown(wrong.gap),
        "cosine of true and chosen class": _shown(wrong.true_to_chosen),
        "cosine of true class and the one most like it": _shown(wrong.true_to_nearest),
        "chosen is the one most like it (%)": _hundredths(wrong.chosen_is_nearest),
    }


def _worst_rows(report: ImbalanceReport) -> list[tuple[str, list[str]]]:
    """Returns the worst attributes over all classes, with the mean error of each group."""
    means = {
        group: dict(zip(report.attribute_names, found.matrix.mean(axis=0), strict=True))
        for group, found in report.groups.items()
    }
    names = [name for name, _ in worst_attributes(report.whole.matrix, report.attribute_names)]

    return [
        (name, [_shown(THOUSAND * of_group[name]) for of_group in means.values()])
        for name in names[:WORST]
    ]


def _class_errors(report: ImbalanceReport) -> list[ClassErrors]:
    """Returns the worst classes, each with its worst attributes; unseen classes come first."""
    greatest = THOUSAND * float(report.whole.matrix.max()) or 1.0
    classes = []
    for group in ("unseen", "seen"):
        if group not in report.groups:
            continue
        found = report.groups[group]
        values = unit_rows(report.class_attributes[found.classes])
        for row in np.argsort(-found.matrix.mean(axis=1), kind="stable")[:WORST]:
            errors = THOUSAND * found.matrix[row]
            rows = tuple(
                (
                    report.attribute_names[column],
                    float(values[row, column]),
                    float(errors[column]),
                    float(errors[column] / greatest),
                )
                for column in np.argsort(-errors, kind="stable")[:EACH]
            )
            name = report.class_names[found.classes[row]]
            classes.append(ClassErrors(name, group, float(errors.mean()), rows))

    return classes


def _shown(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.3f}"


def _hundredths(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{100 * value:.1f}"
