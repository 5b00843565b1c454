from __future__ import annotations

from typing import Any

import pytest

from connector.ids import NS
from connector.policy.compare import TIME_ZONE, differences
from connector.policy.difference import difference
from connector.policy.parse import parse
from connector.policy.terms import ODRL
from tests.unit.policy.documents import EKBY, REGION, constraint, offer, rule

PERIOD = [
    constraint("odrl:dateTime", "gteq", {"@value": "2026-01-01T00:00:00Z", "@type": "xsd:dateTime"}),
    constraint("odrl:dateTime", "lt", {"@value": "2027-01-01T00:00:00Z", "@type": "xsd:dateTime"}),
]
NAMED = constraint("kom:participant", "isAnyOf", [EKBY, REGION])
OURS = offer(rule(*PERIOD, NAMED), rule(action="odrl:print"), prohibition=[rule(action="odrl:distribute")])


@pytest.mark.parametrize(
    "theirs",
    [
        OURS,
        {**OURS, "@id": "urn:x", "@context": "urn:c", "target": "urn:t", "assigner": "urn:a", "assignee": "urn:b"},
        {**OURS, "@type": "Agreement", "timestamp": "2026-06-01T00:00:00Z", "ours": {"only": 1}},
        {**OURS, "permission": OURS["permission"][::-1]},
        {**OURS, "permission": [rule(NAMED, *PERIOD[::-1]), {"action": "odrl:print", "constraint": []}]},
        {**OURS, "prohibition": rule(action=[ODRL + "distribute"])},
        {**OURS, "obligation": []},
        offer(
            rule(
                constraint(ODRL + "dateTime", "odrl:gteq", "2026-01-01T00:00:00Z"),
                constraint(
                    {"@id": "dateTime"},
                    {"@id": ODRL + "lt"},
                    [{"@value": "2027-01-01T00:00:00Z", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}],
                ),
                constraint(NS + "participant", "isAnyOf", [{"@id": REGION}, EKBY, EKBY]),
                action=ODRL + "use",
                **{"@id": "_:b0", "@type": "Permission"},
            ),
            rule(action={"@id": "odrl:print"}),
            prohibition=[rule(action="distribute")],
            conflict="prohibit",
        ),
    ],
)
def test_spellings_of_one_policy_do_not_differ(theirs: Any) -> None:
    assert differences(OURS, theirs) == ()
    assert differences(theirs, OURS) == ()


def changed(*constraints: Any, **more: Any) -> Any:
    """Return our policy with other constraints in its first permission."""
    return {**OURS, "permission": [rule(*constraints, **more), rule(action="odrl:print")]}


@pytest.mark.parametrize(
    ("theirs", "pointers"),
    [
        (changed(*PERIOD), ("/permission/0/constraint/2",)),
        (changed(*PERIOD, NAMED, NAMED), ("/permission/0/constraint/3",)),
        (changed(*PERIOD, {**NAMED, "operator": "isNoneOf"}), ("/permission/0/constraint/2",)),
        (changed(*PERIOD, {**NAMED, "rightOperand": [EKBY]}), ("/permission/0/constraint/2",)),
        (changed(*PERIOD, {**NAMED, "note": 1}), ("/permission/0/constraint/2/note",)),
        (changed(*PERIOD, {"and": [NAMED]}), ("/permission/0/constraint/2",)),
        (
            changed(*PERIOD, {"and": [NAMED], "note": 1}),
            ("/permission/0/constraint/2", "/permission/0/constraint/2/note"),
        ),
        (changed(*PERIOD, NAMED, note=1), ("/permission/0/note",)),
        (changed(*PERIOD, NAMED, duty=[rule()]), ("/permission/0/duty/0",)),
        (changed(*PERIOD, NAMED, duty=[rule(note=1)]), ("/permission/0/duty/0", "/permission/0/duty/0/note")),
        (changed(*PERIOD, NAMED, target="urn:t"), ("/permission/0",)),
        (changed(*PERIOD, NAMED, target={"uid": "urn:t", "x": 1}), ("/permission/0", "/permission/0/x")),
        (changed(*PERIOD, NAMED, informedParty="urn:t"), ("/permission/0",)),
        (changed(*PERIOD, NAMED, action="odrl:read"), ("/permission/0",)),
        (
            changed(*PERIOD, NAMED, action=[{"rdf:value": {"@id": "odrl:use"}, "refinement": [{**NAMED, "y": 1}]}]),
            ("/permission/0", "/permission/0/action/0/refinement/0/y"),
        ),
        ({**OURS, "permission": OURS["permission"][:1]}, ("/permission/1",)),
        ({**OURS, "prohibition": []}, ("/prohibition/0",)),
        ({**OURS, "prohibition": [rule(action="odrl:sell")]}, ("/prohibition/0",)),
        ({**OURS, "obligation": [rule(action="odrl:delete")]}, ("/obligation/0",)),
        ({**OURS, "profile": "urn:profile"}, ("/profile",)),
        ({**OURS, "odrl:conflict": {"@id": "odrl:perm"}}, ("/conflict",)),
        ({**OURS, "odrl:inheritFrom": "urn:parent"}, ("/inheritFrom",)),
        ({**OURS, "permission": [5]}, ("/permission/0",)),
        (None, ("",)),
    ],
)
def test_a_difference_is_named_by_its_place(theirs: Any, pointers: tuple[str, ...]) -> None:
    assert differences(OURS, theirs) == pointers
    assert differences(theirs, OURS) != ()


def test_a_member_that_neither_understands_differs_even_when_both_have_it() -> None:
    both = offer(rule(note=1))
    assert differences(both, both) == ("/permission/0/note",)
    referred = offer(rule({"@id": "urn:c"}))
    assert differences(referred, referred) == ("/permission/0/constraint/0",)


def test_the_order_of_a_sequence_counts_and_that_of_other_operands_does_not() -> None:
    for kind, differing in (("or", ()), ("andSequence", ("/permission/0/constraint/0",))):
        one, other = offer(rule({kind: PERIOD})), offer(rule({kind: PERIOD[::-1]}))
        assert differences(one, other) == differing


def test_the_type_of_a_value_counts_where_the_operand_does_not_settle_it() -> None:
    text, number = {"@value": "1", "@type": "xsd:string"}, {"@value": "1", "@type": "xsd:integer"}
    for left, differing in (("odrl:count", ()), ("urn:foreign", ("/permission/0/constraint/0",))):
        one, other = offer(rule(constraint(left, "eq", text))), offer(rule(constraint(left, "eq", number)))
        assert differences(one, other) == differing
    collection = {"@type": "AssetCollection", "source": "urn:t"}
    assert differences(offer(rule(target=collection)), offer(rule(target="urn:t"))) == ("/permission/0",)


def test_a_policy_that_is_too_large_differs() -> None:
    assert differences(OURS, {**OURS, "more": [0] * 600}) == ("",)


def test_a_document_is_remembered_by_what_it_says_alone() -> None:
    """Asked again, as itself, changed in one member, or too large to be remembered, the answers are the same."""
    other = {**OURS, "permission": [*OURS["permission"], rule(action="odrl:modify")]}
    large = offer(rule(constraint("kom:participant", "isAnyOf", [f"{EKBY}:{number:060}" for number in range(100)])))
    for _ in range(2):
        assert differences(OURS, OURS) == ()
        assert differences(OURS, other) == ("/permission/2",)
        assert differences(large, large) == ()
        assert differences(OURS, {**OURS, "permission": 2**70}) == ("/permission",)


@pytest.mark.parametrize("name", [TIME_ZONE, "kom:timeZone"])
def test_the_time_zone_of_quotas_binds(name: str) -> None:
    plain = {"@type": "Offer", "permission": [{"action": "use"}]}
    utc = plain | {name: "UTC"}
    assert (
        differences(plain, utc) == differences(utc, plain) == ("/https:~1~1w3id.org~1municipal-dataspace~1v1#timeZone",)
    )
    assert differences(plain, plain | {name: "Europe/Stockholm"}) == ()
    assert difference(parse(plain), parse(utc)).verdict == "unknown"
    assert difference(parse(utc), parse(utc)).verdict == "equal"


def test_the_time_zone_binds_also_where_nothing_else_can_be_compared() -> None:
    odd = {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint("urn:odd", "eq", "x")]}]}
    assert difference(parse(odd), parse(odd)).verdict == "equal"
    assert difference(parse(odd), parse(odd | {TIME_ZONE: "UTC"})).verdict == "unknown"
