"""Calendar periods where people live: midnights, months and the two days a year in which the clocks are changed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from connector.ids import NS
from connector.policy.compare import SWEDEN, TIME_ZONE
from connector.services.periods import ALWAYS, LONGEST_SECONDS, Period, period, zone_of

STOCKHOLM = ZoneInfo(SWEDEN)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("operand", "now", "start", "end"),
    [
        ("requestsPerDay", "2027-06-01T23:30:00Z", "2027-06-02T00:00:00+02:00", "2027-06-03T00:00:00+02:00"),
        ("requestsPerDay", "2027-06-01T21:59:59Z", "2027-06-01T00:00:00+02:00", "2027-06-02T00:00:00+02:00"),
        ("bytesPerDay", "2027-03-28T12:00:00Z", "2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00"),
        ("bytesPerDay", "2027-10-31T12:00:00Z", "2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00"),
        ("requestsPerMonth", "2027-12-31T23:30:00+01:00", "2027-12-01T00:00:00+01:00", "2028-01-01T00:00:00+01:00"),
        ("requestsPerMonth", "2027-02-14T00:00:00Z", "2027-02-01T00:00:00+01:00", "2027-03-01T00:00:00+01:00"),
        ("requestsPerHour", "2027-10-31T00:30:00Z", "2027-10-31T02:00:00+02:00", "2027-10-31T01:00:00Z"),
        ("requestsPerHour", "2027-10-31T01:30:00Z", "2027-10-31T01:00:00Z", "2027-10-31T02:00:00Z"),
    ],
)
def test_a_period_is_of_the_calendar_in_sweden(operand: str, now: str, start: str, end: str) -> None:
    found = period(NS + operand, _at(now), STOCKHOLM)
    assert found == Period(_at(start), _at(end))
    assert found.end is not None
    assert found.start <= _at(now) < found.end
    assert found.end - found.start <= LONGEST_SECONDS


def test_what_has_no_period_is_counted_for_ever() -> None:
    assert period("http://www.w3.org/ns/odrl/2/count", 2e9, STOCKHOLM) == ALWAYS


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", 7, "Europe"])
def test_a_zone_that_does_not_exist_is_none(name: object) -> None:
    assert zone_of({TIME_ZONE: name}) is None


def test_the_policy_may_name_another_zone() -> None:
    assert zone_of({}) == STOCKHOLM
    helsinki = zone_of({TIME_ZONE: "Europe/Helsinki"})
    assert helsinki == ZoneInfo("Europe/Helsinki")
    assert period(NS + "requestsPerDay", _at("2027-06-01T21:30:00Z"), helsinki).start == _at(
        "2027-06-02T00:00:00+03:00"
    )
