"""The owner's limit: within only what is proved to be, and never what permits more at any point."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.limit import MOST_BOUNDS, MOST_CONDITIONS, Deal, standing
from connector.policy.parse import parse
from connector.policy.registry import part_of
from connector.policy.terms import ODRL
from tests.unit.policy.documents import DATASET, EKBY, NOW, REGION, VENDOR, at, constraint, policies, rule

DEAL = Deal(DATASET, REGION, EKBY)


def before(year: int) -> dict[str, Any]:
    return constraint("odrl:dateTime", "lt", {"@value": f"{year}-01-01T00:00:00Z", "@type": "xsd:dateTime"})


def wire(*permissions: Any, **more: Any) -> dict[str, Any]:
    return {"permission": [*permissions], **more}


LIMIT = wire(rule(before(2060)))
DELETE = rule(action="odrl:delete")
FLOOD = constraint("odrl:purpose", "isA", {"@id": "https://w3id.org/municipal-dataspace/v1#FloodPrevention"})
SELL = {"prohibition": [rule(action="odrl:sell")]}
REMEDIED = {"prohibition": [rule(action="odrl:sell", **{"odrl:remedy": [DELETE]})]}
TOLD = rule(action="odrl:inform", **{"odrl:informedParty": VENDOR})
FOREIGN = constraint("urn:foreign", "eq", "1")
CASES = {
    "the same": ("within", LIMIT, LIMIT),
    "shorter": ("within", wire(rule(before(2050))), LIMIT),
    "longer": ("beyond", wire(rule(before(2070))), LIMIT),
    "a purpose more": ("within", wire(rule(before(2060), FLOOD)), LIMIT),
    "without end": ("beyond", wire(rule()), LIMIT),
    "another action": ("beyond", wire(rule(before(2050), action="odrl:sell")), wire(rule(before(2060), action="odrl:read"))),
    "stricter and more": ("beyond", wire(rule(before(2050)), rule(FLOOD)), LIMIT),
    "a prohibition more": ("within", {**LIMIT, **SELL, "odrl:conflict": {"@id": "odrl:prohibit"}}, LIMIT),
    "an obligation more": ("within", {**LIMIT, "obligation": [DELETE]}, LIMIT),
    "an obligation less": ("beyond", LIMIT, {**LIMIT, "obligation": [DELETE]}),
    "an obligation of ours": ("beyond", {**LIMIT, "obligation": [{**DELETE, "odrl:assignee": REGION}]}, LIMIT),
    "a duty of ours": ("beyond", wire(rule(before(2060), duty=[{**DELETE, "odrl:assignee": REGION}])), LIMIT),
    "a duty less": ("beyond", LIMIT, wire(rule(before(2060), duty=[DELETE]))),
    "another assigner": ("beyond", {**LIMIT, "assigner": VENDOR}, LIMIT),
    "another assignee": ("beyond", {**LIMIT, "assignee": VENDOR}, LIMIT),
    "the parties as they are": ("within", {**LIMIT, "assigner": REGION, "assignee": EKBY}, LIMIT),
    "another dataset in a duty": ("unknown", wire(rule(before(2050), duty=[{**DELETE, "target": "urn:other"}])), LIMIT),
    "what nobody understands": ("unknown", wire(rule(before(2050), FOREIGN)), LIMIT),
    "a value that does not fit": ("unknown", wire(rule(before(2050), constraint("odrl:count", "lteq", "few"))), LIMIT),
    "a member that nobody understands": ("unknown", wire(rule(before(2050), **{"odrl:surprise": "1"})), LIMIT),
    "words besides the rules": ("unknown", {**LIMIT, "dct:description": "and a gift"}, LIMIT),
    "the same words": ("within", {**LIMIT, "dct:description": "x"}, {**LIMIT, "dct:description": "x"}),
    "somebody else informed": ("unknown", wire(rule(before(2050), duty=[TOLD])), LIMIT),
    "what is beyond analysis": ("unknown", wire(rule(before(2050), {"andSequence": [before(2040), FLOOD]})), LIMIT),
    "in the form of no offer": ("unknown", {"permission": rule(before(2050))}, LIMIT),
    "an own dataset": ("unknown", {**LIMIT, "target": DATASET}, LIMIT),
    "nothing that can be read": ("unknown", {"permission": [{"action": []}]}, LIMIT),
    "under another policy": ("unknown", {**LIMIT, "odrl:inheritFrom": "urn:x"}, LIMIT),
    "too much to look at": ("unknown", wire(rule(*[FLOOD] * (MOST_CONDITIONS + 1))), LIMIT),
    "too many bounds": ("unknown", wire(rule(*[before(2030 + year) for year in range(MOST_BOUNDS)])), LIMIT),
    "a part that nobody understands": ("unknown", wire(rule(before(2050), {"or": [{"and": [FLOOD]}, FOREIGN]})), LIMIT),
    "a breach without its remedy": ("unknown", {**LIMIT, **SELL}, {**LIMIT, **REMEDIED}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_standing(case: str) -> None:
    expected, asked, limit = CASES[case]
    assert standing(asked, limit, DEAL) == expected


def test_an_action_without_a_name_is_not_understood() -> None:
    named = {"permission": [{"@id": "urn:rule", "action": "use", "constraint": [before(2050)]}, "urn:elsewhere"]}
    assert standing(named, LIMIT, DEAL) == "unknown"


def _agreement(document: Any) -> Any:
    return parse({**document, "@type": "Agreement", "target": DATASET, "assigner": REGION, "assignee": EKBY})


moments = st.sampled_from(
    ["2024-01-01T00:00:00Z", NOW, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]
)
facts = st.builds(
    Facts,
    values=st.dictionaries(
        st.sampled_from([ODRL + "purpose", ODRL + "count", "urn:foreign"]),
        st.sampled_from(["urn:purpose:flood", 3, "5", ["a", "b"]]),
        max_size=3,
    ),
    part_of=st.just({**part_of(), "urn:purpose:flood": ["urn:purpose:water"]}),
    agreed_at=st.sampled_from([None, at("2026-05-15T00:00:00Z")]),
)


@given(
    policies(), policies(), st.sampled_from(["odrl:read", "odrl:use", "odrl:distribute", "odrl:sell"]), moments, facts
)
def test_what_is_within_is_permitted_by_the_limit_too(
    asked: Any, limit: Any, action: str, moment: str, known: Facts
) -> None:
    asked, limit = ({k: v for k, v in each.items() if k not in ("@id", "@type", "target")} for each in (asked, limit))
    for wanted in (asked, {**limit, "permission": [*limit.get("permission", []), *asked.get("permission", [])]}, limit):
        if standing(wanted, limit, DEAL) == "within":
            request = Request(action, DATASET, EKBY, at(moment))
            if evaluate(_agreement(wanted), request, known).permits:
                assert evaluate(_agreement(limit), request, known).permits
