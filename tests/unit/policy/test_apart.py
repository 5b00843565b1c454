"""Two policies side by side: each sentence that both say is left out once for each time that both say it."""

from __future__ import annotations

from connector.policy.explain.apart import apart
from connector.policy.parse import parse
from tests.unit.policy.documents import constraint, offer, rule

EARLY, LATE = (constraint("odrl:dateTime", "lt", f"{year}-01-01T00:00:00Z") for year in (2027, 2028))


def test_only_what_differs_is_said_with_its_grades() -> None:
    a, b = parse(offer(rule(EARLY), rule(action="odrl:read"))), parse(offer(rule(LATE), rule(action="odrl:read")))
    for language in ("sv", "en"):
        (one,), (other,) = apart(a, b, language)
        assert ("2027" in one, "2028" in other) == (True, True)
        assert one.endswith("]")
    assert apart(a, a, "en") == ([], [])


def test_what_is_said_twice_by_one_is_left_once() -> None:
    twice, once = parse(offer(rule(EARLY), rule(EARLY))), parse(offer(rule(EARLY)))
    assert len(apart(twice, once, "en")[0]) == 1
