"""Every check of a data set in order: one sentence for each thing that is wrong."""

__all__ = ["check_data"]

from collections.abc import Callable
from dataclasses import dataclass

from unseen.data.check_arrays import (
    check_feature_scale,
    check_feature_type,
    check_features,
    check_finite_features,
    check_image_shape,
    check_labels,
    check_region_count,
    check_row_counts,
)
from unseen.data.check_classes import (
    check_descriptions,
    check_label_range,
    check_name_count,
    check_name_types,
    check_names,
    check_table,
    check_table_type,
)
from unseen.data.check_splits import (
    check_empty_splits,
    check_overlaps,
    check_seen_count,
    check_split_range,
    check_split_repeats,
    check_splits,
    check_test_seen_classes,
    check_test_unseen_classes,
    check_untested_classes,
    check_validation,
    check_validation_classes,
    check_validation_range,
    check_validation_repeats,
    check_validation_rows,
)
from unseen.data.dataset import ZeroShotData


@dataclass(frozen=True)
class Check:
    """Says what a check speaks about, and what must be sound before it can run.

    Arguments:
        run: Returns one sentence per problem.
        about: What is unusable for the checks below if this one finds a problem.
        needs: What must be sound.
    """

    run: Callable[[ZeroShotData], list[str]]
    about: str
    needs: tuple[str, ...] = ()


def check_data(data: ZeroShotData) -> list[str]:
    """Returns everything that is wrong with a data set, one sentence each.

    A check that rests on something broken is left out; all others run.

    Arguments:
        data: The data set; its arrays may be of any type and shape.

    Returns:
        The problems; empty if the data set is sound.

    Example:
        >>> from unseen.data.digits import load_digits
        >>> check_data(load_digits())
        []
    """
    problems: list[str] = []
    broken: set[str] = set()

    for check in CHECKS:
        sound = broken.isdisjoint(check.needs)
        found = check.run(data) if sound else []
        problems += found
        if found or not sound:
            broken.add(check.about)

    return problems


CHECKS = (
    Check(check_features, "features"),
    Check(check_feature_type, "feature type", needs=("features",)),
    Check(check_feature_scale, "feature_scale", needs=("features",)),
    Check(check_image_shape, "image_shape", needs=("features",)),
    Check(check_region_count, "region_count", needs=("features",)),
    Check(check_labels, "labels"),
    Check(check_table, "class_attributes"),
    Check(check_table_type, "table type", needs=("class_attributes",)),
    Check(check_name_types, "class_names"),
    Check(check_splits, "splits"),
    Check(check_validation, "validation"),
    Check(check_row_counts, "rows", needs=("features", "labels")),
    Check(check_finite_features, "values", needs=("features",)),
    Check(check_label_range, "classes", needs=("labels", "class_attributes")),
    Check(check_name_count, "names", needs=("class_names", "class_attributes")),
    Check(check_names, "names", needs=("class_names",)),
    Check(check_descriptions, "descriptions", needs=("class_attributes",)),
    Check(check_empty_splits, "filling", needs=("splits",)),
    Check(check_split_range, "members", needs=("splits", "rows", "labels")),
    Check(check_split_repeats, "repeats", needs=("splits",)),
    Check(check_overlaps, "overlaps", needs=("splits",)),
    Check(check_seen_count, "seen", needs=("members", "classes")),
    Check(check_test_seen_classes, "test_seen", needs=("members", "classes")),
    Check(check_test_unseen_classes, "test_unseen", needs=("members", "classes")),
    Check(check_untested_classes, "test_unseen", needs=("members", "classes")),
    Check(check_validation_range, "validation members", needs=("validation", "rows", "labels")),
    Check(check_validation_repeats, "validation repeats", needs=("validation",)),
    Check(check_validation_rows, "validation rows", needs=("validation", "splits")),
    Check(check_validation_classes, "validation classes", needs=("validation members", "classes")),
)
