"""The schedule of retries, as the architecture states it under "Delivery"."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.net.backoff import LIFETIME_SECONDS, next_attempt

HOUR = 3600.0
DAY = 86400.0
chances = st.floats(0, 1)


def times(chance: float) -> list[float]:
    """Return every attempt of a message that is never accepted, the first at 0."""
    attempts, now = [0.0], 0.0
    for count in itertools.count(1):
        following = next_attempt(count, 0.0, now, chance)
        if following is None:
            return attempts
        attempts.append(now := following)
    raise AssertionError


@pytest.mark.parametrize(("attempts", "wait"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 40), (60, 40)])
def test_waits_double_up_to_their_limit(attempts: int, wait: float) -> None:
    assert next_attempt(attempts, 0.0, 100.0, 0.5) == 100.0 + wait


@given(st.integers(1, 10_000), st.floats(0, LIFETIME_SECONDS - 1), chances)
def test_a_wait_is_never_longer_than_its_phase_allows(attempts: int, age: float, chance: float) -> None:
    following = next_attempt(attempts, 0.0, age, chance)
    assert following is not None
    assert 0 < following - age <= (60.0 if age < HOUR else 900.0) + 1e-6


@given(chances)
def test_it_goes_on_for_five_days_and_then_stops(chance: float) -> None:
    attempts = times(chance)
    assert attempts[-1] == 5 * DAY
    assert 500 < len(attempts) < 2000


def test_jitter_is_half_to_one_and_a_half() -> None:
    assert [next_attempt(1, 0.0, 0.0, chance) for chance in (0.0, 0.5, 1.0)] == [0.5, 1.0, 1.5]
    assert [next_attempt(1, 0.0, 0.0, chance) for chance in (-1.0, 9.0)] == [0.5, 1.5]


def test_after_five_days_there_is_no_next_attempt() -> None:
    assert next_attempt(700, 0.0, 5 * DAY, 0.5) is None
    assert next_attempt(700, 0.0, 5 * DAY - 1, 0.5) == 5 * DAY


def test_a_clock_set_back_is_no_reason_to_give_up() -> None:
    assert next_attempt(1, 1000.0, 0.0, 0.5) == 1.0
