"""RFC 9110, section 14: range requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dataplane import ranges
from connector.dataplane.ranges import Span, Unsatisfiable


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-", Span(0, 10)),
        ("bytes=3-5", Span(3, 3)),
        ("bytes=3-99", Span(3, 7)),
        ("bytes=9-9", Span(9, 1)),
        ("bytes=-3", Span(7, 3)),
        ("bytes=-99", Span(0, 10)),
        ("Bytes=1-2", Span(1, 2)),
        (None, None),
        ("bytes=0-1,3-4", None),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=+1-2", None),
        ("bytes=٣-٥", None),
        ("bytes=1-2-3", None),
        ("bytes 1-2", None),
        ("items=0-1", None),
        ("bytes=" + "9" * 25 + "-", None),
    ],
)
def test_one_range_is_selected_and_anything_else_is_the_whole(header: str | None, span: Span | None) -> None:
    assert ranges.select(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-11", "bytes=99-", "bytes=-0"])
def test_a_range_beyond_the_end_is_unsatisfiable(header: str) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        ranges.select(header, 10)
    assert (caught.value.size, caught.value.status) == (10, 416)


def test_the_end_of_nothing_is_nothing() -> None:
    assert ranges.select("bytes=-5", 0) is None
    with pytest.raises(Unsatisfiable):
        ranges.select("bytes=0-", 0)


def test_a_content_range_is_written() -> None:
    assert Span(3, 3).content_range(10) == "bytes 3-5/10"


@given(st.integers(1, 1000), st.text(alphabet="0123456789-,", max_size=12))
def test_a_selected_range_lies_inside(size: int, spec: str) -> None:
    try:
        span = ranges.select("bytes=" + spec, size)
    except Unsatisfiable:
        return
    assert span is None or (0 <= span.start < size and 0 < span.count <= size - span.start)
