"""Labels beside points: none covers another where there is room."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.report.labels import Box, place_labels

FRAME = Box(0, 0, 400, 300)


@given(
    points=st.lists(
        st.tuples(st.floats(20, 380), st.floats(20, 280)), min_size=1, max_size=15, unique=True
    )
)
def test_no_label_covers_another_or_leaves_the_frame(points: list[tuple[float, float]]) -> None:
    boxes = place_labels(points, [(60, 11)] * len(points), FRAME, radius=4)

    assert all(first.overlap(second) == 0 for first, second in combinations(boxes, 2))
    assert all(box.outside(FRAME) == pytest.approx(0, abs=1e-6) for box in boxes)


def test_a_lonely_label_stands_to_the_right() -> None:
    (box,) = place_labels([(100, 100)], [(40, 10)], FRAME, radius=4)

    assert box == Box(106, 95, 146, 105)


def test_at_the_right_edge_it_stands_to_the_left() -> None:
    (box,) = place_labels([(395, 100)], [(40, 10)], FRAME, radius=4)

    assert box.right <= 391


def test_without_room_the_least_is_covered() -> None:
    boxes = place_labels([(5, 5), (5, 6)], [(10, 10)] * 2, Box(0, 0, 10, 10), radius=1)

    assert len(boxes) == 2
    assert np.isfinite([box.left for box in boxes]).all()
