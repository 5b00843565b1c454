from __future__ import annotations

import math
from typing import Any

import pytest

from connector.policy.evaluate import Facts
from connector.policy.terms import ODRL
from tests.unit.policy.documents import EKBY, PARTICIPANT, VENDOR, asked, at, constraint, decide, offer, rule

START, END = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
PERIOD = offer(rule(constraint("odrl:dateTime", "gteq", START), constraint("odrl:dateTime", "lt", END)))


@pytest.mark.parametrize(("now", "change"), [("2025-06-01", START), (START, END), ("2026-06-01", END), (END, None)])
def test_a_period_begins_and_ends_at_its_instants(now: str, change: str | None) -> None:
    assert decide(PERIOD, asked(now=now)).next_change == (None if change is None else at(change))


def test_a_bound_that_includes_its_instant_flips_just_after_it() -> None:
    document = offer(rule(constraint("odrl:dateTime", "lteq", END)))
    just_after = math.nextafter(at(END), math.inf)
    assert decide(document).next_change == just_after
    assert decide(document, asked(now=END)).next_change == just_after


def test_a_bound_that_changes_nothing_is_no_change() -> None:
    never = constraint(PARTICIPANT, "eq", VENDOR)
    assert decide(offer(rule(never, constraint("odrl:dateTime", "lt", END)))).next_change is None
    both = offer(rule(constraint("odrl:dateTime", "lt", END)), rule(constraint("odrl:dateTime", "gteq", END)))
    assert decide(both).next_change is None
    assert decide(offer(rule(constraint("odrl:dateTime", "lt", "soon")))).next_change is None


@pytest.mark.parametrize(
    "document",
    [
        offer(rule(), prohibition=[rule(constraint("odrl:dateTime", "gteq", END))]),
        offer(rule(duty=[rule(constraint("odrl:dateTime", "gteq", END), action="odrl:inform")])),
        offer(rule(assignee={"uid": EKBY, "refinement": [constraint("odrl:dateTime", "lt", END)]})),
        offer(rule(action={"@id": "use", "refinement": {"or": [constraint("odrl:dateTime", "lt", END)]}})),
        offer(rule(constraint("edc:inForceDate", "lt", END))),
    ],
)
def test_bounds_are_found_wherever_they_stand(document: Any) -> None:
    assert decide(document).next_change == at(END)


def test_the_end_of_a_measured_time_is_a_change() -> None:
    document = offer(rule(constraint("odrl:elapsedTime", "lt", "P1D")))
    facts = Facts(since={ODRL + "elapsedTime": at("2026-06-01T00:00:00Z")})
    assert decide(document, facts=facts).next_change == at("2026-06-02T00:00:00Z")
    assert decide(document).next_change is None


def test_beyond_the_steps_allowed_the_next_bound_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.policy.changes.STEPS", 1)
    several = [constraint("odrl:dateTime", "neq", f"2026-0{month}-01") for month in (7, 8)]
    found = decide(offer(rule(constraint(PARTICIPANT, "eq", VENDOR), *several))).next_change
    assert found is not None
    assert at("2026-07-01") <= found < at("2026-08-01")
