"""Unions of boxes, against the sets of points that they stand for."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.policy import boxes as module
from connector.policy.boxes import Boxes, Space, Unclear, bits, lowest

FULL = {"x": 7, "y": 3, "z": 1}
SPACE = Space(FULL)
EVERY = [*product(range(3), range(2), range(1))]

unions: st.SearchStrategy[Boxes] = st.lists(
    st.fixed_dictionaries({}, optional={name: st.integers(1, points) for name, points in FULL.items()}), max_size=4
)


def points(boxes: Boxes) -> set[tuple[int, ...]]:
    return {
        point
        for point in EVERY
        for box in boxes
        if all(box.get(name, full) >> place & 1 for (name, full), place in zip(FULL.items(), point, strict=True))
    }


@given(unions, unions)
def test_boxes_are_sets(one: Boxes, other: Boxes) -> None:
    assert points(SPACE.both(one, other)) == points(one) & points(other)
    assert points(SPACE.less(one, other)) == points(one) - points(other)
    assert points(SPACE.outside(one)) == set(EVERY) - points(one)
    assert points(SPACE.all_of([one, other, one])) == points(one) & points(other)


def test_a_dimension_is_named_only_where_it_limits() -> None:
    assert (SPACE.box("x", 7), SPACE.box("x", 2), SPACE.box("x", 0)) == ([{}], [{"x": 2}], [])


def test_flags_are_bits() -> None:
    assert bits([True, False, True]) == 5
    assert lowest(4) == 2


def test_too_many_boxes_are_not_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    with pytest.raises(Unclear):
        SPACE.less([{}], [{"x": 1, "y": 1}])
