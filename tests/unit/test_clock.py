from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import clock


def test_the_clock_is_the_systems() -> None:
    assert abs(clock.now() - time.time()) < 5
    assert clock.monotonic() <= clock.monotonic()


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert clock.iso(0) == "1970-01-01T00:00:00.000Z"
    assert clock.iso(1786689300.25) == "2026-08-14T06:35:00.250Z"


@given(st.integers(0, 253_402_300_799_999))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert clock.seconds(clock.iso(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=0.002)


@pytest.mark.parametrize(
    "text", ["2026-08-14T08:35:00+02:00", "2026-08-14T06:35:00Z", "2026-08-14T06:35:00.000000000Z"]
)
def test_the_same_moment_can_be_written_in_several_ways(text: str) -> None:
    assert clock.seconds(text) == 1786689300


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-08-14",
        "2026-08-14T06:35:00",
        "2026-08-14 06:35:00Z",
        "20260814T063500Z",
        "2026-W33-5T06:35:00Z",
        "2026-08-14T06:35Z",
        "2026-02-30T00:00:00Z",
        "2026-08-14T06:35:00Z\n",
        "٢٠٢٦-08-14T06:35:00Z",
    ],
)
def test_anything_else_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        clock.seconds(text)
