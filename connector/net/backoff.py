"""When to try a delivery again (pure).

Source: the architecture, "Delivery": 1 s doubling with jitter, at most 60 s apart in the first hour and 15 minutes
after it, for 5 days.
"""

from __future__ import annotations

FIRST_SECONDS = 1.0
EAGER_SECONDS = 3600.0
EAGER_MOST_SECONDS = 60.0
PATIENT_MOST_SECONDS = 900.0
LIFETIME_SECONDS = 5 * 86400.0
_LEAST_JITTER = 0.5
_MOST_JITTER = 1.5
_MOST_DOUBLINGS = 20


def next_attempt(attempts: int, first: float, now: float, chance: float) -> float | None:
    """Return when to send again, or None when the message has been tried for five days.

    The wait is never longer than the limit of its phase, jitter included, so peers that failed together spread over
    the last two thirds of it instead of meeting at its end.

    Args:
        attempts: how many attempts have been made, at least 1.
        first: when the first attempt was made, in seconds.
        now: the time now, in seconds.
        chance: a number from 0 to 1, drawn anew for each attempt; it becomes a jitter of 0.5 to 1.5.

    Returns:
        A time in seconds after `now`; the last one is the end of the five days.
    """
    age = now - first
    if age >= LIFETIME_SECONDS:
        return None
    most = EAGER_MOST_SECONDS if age < EAGER_SECONDS else PATIENT_MOST_SECONDS
    doubled = FIRST_SECONDS * 2.0 ** min(max(attempts, 1) - 1, _MOST_DOUBLINGS)
    jitter = _LEAST_JITTER + (_MOST_JITTER - _LEAST_JITTER) * min(max(chance, 0.0), 1.0)
    return min(now + min(doubled, most / _MOST_JITTER) * jitter, first + LIFETIME_SECONDS)
