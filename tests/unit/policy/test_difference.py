"""The semantic difference: never a wrong verdict, and a witness that really gets different answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.policy.case import read_case
from connector.policy.difference import Difference, difference
from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.policy.registry import part_of
from connector.policy.terms import DCAT, ODRL
from tests.unit.policy.documents import EKBY, NOW, REGION, VENDOR, at, constraint, offer, policies, requests, rule

EARLY, LATE = ("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z")
BEFORE_EARLY, BEFORE_LATE = (constraint("odrl:dateTime", "lt", moment) for moment in (EARLY, LATE))
ONE, TWO = (
    constraint("kom:participant", "isAnyOf", [{"@id": name} for name in names]) for names in ([EKBY], [EKBY, REGION])
)
FLOOD, BENEFIT = (
    constraint("odrl:purpose", "isA", {"@id": name}) for name in ("kom:FloodPrevention", "dpv:PublicBenefit")
)
IN_FORCE = "https://w3id.org/edc/v0.0.1/ns/inForceDate"
PASS_ON = [rule(action="odrl:distribute")]
INFORM = rule(action="odrl:inform", uid="urn:duty")


def compared(a: Any, b: Any) -> Difference:
    first, second = parse(a), parse(b)
    found = difference(first, second)
    if found.witness is not None:
        answers = [evaluate(policy, *read_case(found.witness, policy, at(NOW))).permits for policy in (first, second)]
        assert answers[0] != answers[1]
    return found


def agreement(*rules: Any, **more: Any) -> Any:
    return {**offer(*rules, **more), "@type": "Agreement"}


CASES = [
    ("equal", offer(rule(BEFORE_EARLY, ONE)), offer(rule({"and": [ONE, BEFORE_EARLY]}))),
    ("equal", offer(rule(BEFORE_EARLY, BEFORE_LATE)), offer(rule(BEFORE_EARLY))),
    ("equal", offer(rule({"or": [BEFORE_EARLY, BEFORE_LATE]})), offer(rule(BEFORE_LATE))),
    ("equal", offer(rule(TWO)), offer(rule(ONE), rule(constraint("kom:participant", "isAnyOf", {"@id": REGION})))),
    ("equal", offer(rule({"xone": [ONE, ONE]})), offer(rule(), prohibition=[rule()])),
    ("a-stricter", offer(rule({"xone": [ONE, BEFORE_EARLY]})), offer(rule({"or": [ONE, BEFORE_EARLY]}))),
    ("a-stricter", offer(rule(BEFORE_EARLY)), offer(rule(BEFORE_LATE))),
    ("b-stricter", offer(rule(TWO)), offer(rule(ONE))),
    ("a-stricter", offer(rule(FLOOD)), offer(rule(BENEFIT))),
    ("incomparable", offer(rule(BEFORE_EARLY)), offer(rule(ONE))),
    ("a-stricter", offer(rule(action="odrl:read")), offer(rule())),
    ("a-stricter", offer(rule(), prohibition=[rule(action="odrl:distribute")]), offer(rule())),
    ("equal", offer(rule(), prohibition=[rule()], conflict="perm"), offer(rule())),
    ("a-stricter", offer(rule(), prohibition=PASS_ON, conflict="invalid"), offer(rule(), prohibition=PASS_ON)),
    ("equal", offer(rule(action="odrl:read"), prohibition=[rule(action="odrl:sell")], conflict="invalid"),
     offer(rule(action="odrl:read"))),
    ("a-stricter", offer(rule(duty=[INFORM])), offer(rule())),
    ("equal", offer(rule(duty=[INFORM])), offer(rule(duty=[{**INFORM, "uid": "urn:duty"}]))),
    ("a-stricter", offer(rule(), obligation=[rule(action="odrl:delete")]), offer(rule())),
    ("b-stricter", offer(rule(), obligation=[rule(action="odrl:delete")]),
     offer(rule(), obligation=[rule(action="odrl:delete"), rule(action="odrl:inform")])),
    ("a-stricter", offer(rule(assignee=EKBY)), offer(rule())),
    ("b-stricter", offer(rule()), offer(rule(target="urn:dataset"))),
    ("a-stricter", offer(rule(surprise=1)), offer(rule())),
    ("equal", offer(rule(), profile="urn:x"), offer(rule(), prohibition=[rule()])),
    ("a-stricter", agreement(rule(constraint("kom:timeSinceAgreement", "lteq", "P10D"))),
     agreement(rule(constraint("kom:timeSinceAgreement", "lteq", "P30D")))),
    ("b-stricter", agreement(rule(constraint("kom:timeSinceAgreement", "lteq", "P1Y"))),
     agreement(rule(constraint("kom:timeSinceAgreement", "lteq", "P1M")))),
    ("equal", agreement(rule(constraint("kom:timeSinceAgreement", "lteq", "P30D"))),
     agreement(rule(constraint(IN_FORCE, "lteq", "contractAgreement+30d")))),
    ("equal", offer(rule(constraint(IN_FORCE, "lt", EARLY))), offer(rule(BEFORE_EARLY))),
    ("a-stricter", offer(rule(constraint("kom:requestsPerDay", "lteq", "10"))),
     offer(rule(constraint("kom:requestsPerDay", "lteq", "20")))),
    ("a-stricter", offer(rule(constraint("kom:pseudonymised", "eq", "true"))),
     offer(rule(constraint("kom:pseudonymised", "isAnyOf", ["true", "false"])))),
    ("a-stricter", offer(rule(constraint("kom:field", "isNoneOf", ["name", "level"]))),
     offer(rule(constraint("kom:field", "isNoneOf", ["name"])))),
    ("b-stricter", offer(rule(constraint("odrl:elapsedTime", "lt", "PT2H"))),
     offer(rule(constraint("odrl:elapsedTime", "lt", "PT1H")))),
    ("equal", offer(rule({"or": []})), offer(rule(constraint("urn:x", "eq", {"@id": "urn:y"}, surprise=1)))),
    ("equal", offer(rule(action=[{"rdf:value": "odrl:read", "refinement": [ONE]}])), offer(rule(ONE, action="odrl:read"))),
    ("a-stricter", offer(rule(assignee={"@type": "PartyCollection", "source": "urn:g", "refinement": [FLOOD], "x": 1})),
     offer(rule())),
    ("unknown", offer(rule(constraint("odrl:elapsedTime", "lt", "P1M"))),
     offer(rule(constraint("odrl:elapsedTime", "lt", "P30D")))),
    ("unknown", offer(rule(constraint("odrl:elapsedTime", "lt", "P1M"))),
     offer(rule(constraint("odrl:elapsedTime", "lt", "P31DT0.5S")))),
    ("unknown", offer(rule({"andSequence": [ONE, FLOOD]})), offer(rule(ONE))),
    ("equal", offer(rule({"andSequence": [ONE, FLOOD]})), offer(rule({"andSequence": [ONE, FLOOD]}))),
    ("unknown", offer(rule(constraint("odrl:spatial", "hasPart", {"@id": "urn:a"}))), offer(rule())),
    ("unknown", offer(rule(constraint("kom:field", "isAllOf", [*"abcdef"]))), offer(rule())),
    ("unknown", offer(rule(constraint("kom:memberOf", "isAllOf", [{"@id": f"urn:{n}"} for n in range(6)]))), offer(rule())),
    ("unknown", offer(rule(constraint("urn:x", "eq", "1"), constraint("urn:x", "eq", {"@id": "urn:y"}))), offer(rule())),
    ("unknown", offer(rule(constraint(IN_FORCE, "isAnyOf", [EARLY, "contractAgreement+1d"]))), offer(rule())),
    ("unknown", offer(rule(duty=[rule(action="odrl:inform")])), offer(rule(duty=[rule(action="odrl:compensate")]))),
]  # fmt: skip


@pytest.mark.parametrize(("verdict", "a", "b"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)])
def test_a_verdict(verdict: str, a: Any, b: Any) -> None:
    turned = {"a-stricter": "b-stricter", "b-stricter": "a-stricter"}.get(verdict, verdict)
    assert compared(a, b).verdict == verdict
    assert compared(b, a).verdict == turned


def test_a_difference_has_a_witness() -> None:
    found = compared(offer(rule(BEFORE_EARLY)), offer(rule(BEFORE_LATE)))
    assert found.witness is not None
    assert EARLY <= found.witness["time"] < LATE
    assert compared(offer(rule()), offer(rule())).witness is None


def test_a_witness_may_be_nobody_in_particular() -> None:
    nobody = rule(constraint("kom:participant", "isNoneOf", {"@id": EKBY}), assignee=EKBY)
    found = compared(offer(rule(), prohibition=[nobody]), offer(rule()))
    assert (found.verdict, "assignee" in (found.witness or {})) == ("a-stricter", False)


def test_a_witness_may_be_a_member() -> None:
    member = [constraint("odrl:recipient", operator, {"@id": "urn:group"}) for operator in ("isPartOf", "neq")]
    found = compared(offer(rule(*member)), offer(rule(), prohibition=[rule()]))
    assert found.verdict == "b-stricter"
    assert ["urn:group"] in (found.witness or {})["partOf"].values()


def test_changes_are_named_for_each_operand() -> None:
    a = offer(rule(BEFORE_EARLY, TWO, FLOOD, constraint("odrl:count", "lteq", "5"), {"or": [ONE, FLOOD]}))
    b = offer(rule({"and": [BEFORE_LATE, ONE]}, constraint("odrl:version", "eq", "2"), constraint("odrl:count", "lt", "6"),
                   {"xone": [ONE]}))  # fmt: skip
    changes = {each["operand"]: each["change"] for each in compared(a, b).changes}
    assert changes == {
        "odrl:dateTime": "relaxed",
        "kom:participant": "tightened",
        "odrl:purpose": "removed",
        "odrl:count": "relaxed",
        "or": "removed",
        "xone": "added",
        "odrl:version": "added",
    }
    rewritten = compared(
        offer(rule(constraint("odrl:count", "lteq", "5"))), offer(rule(constraint("odrl:count", "lteq", "5.0")))
    )
    assert [each["change"] for each in rewritten.changes] == ["rewritten"]
    other = offer(rule(constraint("kom:participant", "isAnyOf", [{"@id": VENDOR}])))
    assert [each["change"] for each in compared(offer(rule(ONE)), other).changes] == ["changed"]


def test_changes_name_whole_rules_duties_and_strategies() -> None:
    a = offer(rule(duty=[INFORM]), rule(action="odrl:sell"), obligation=[rule(action="odrl:delete")])
    b = offer(rule(duty=[{**INFORM, "constraint": [ONE]}, rule(action="odrl:compensate")]), conflict="perm")
    found = [(each["change"], each.get("kind"), each.get("action")) for each in compared(a, b).changes]
    assert found == [
        ("changed", None, None),
        ("removed", "permission", "odrl:sell"),
        ("changed", "duty", "odrl:inform"),
        ("added", "duty", "odrl:compensate"),
        ("removed", "obligation", "odrl:delete"),
    ]
    gone = [
        each["change"] for each in compared(offer(rule(duty=[INFORM])), offer(rule(), rule(action="odrl:sell"))).changes
    ]
    assert gone == ["removed", "added"]


def test_what_cannot_be_analysed_still_lists_its_changes() -> None:
    found = compared(offer(rule({"andSequence": [ONE, FLOOD]}, ONE)), offer(rule(TWO)))
    assert [(each["operand"], each["change"]) for each in found.changes] == [
        ("andSequence", "removed"),
        ("kom:participant", "changed"),
    ]


facts = st.builds(
    Facts,
    values=st.dictionaries(
        st.sampled_from([ODRL + "purpose", ODRL + "count", DCAT + "temporalResolution", "urn:foreign"]),
        st.sampled_from(["urn:purpose:flood", 3, "5", "P1D", ["a", "b"], ["urn:purpose:flood", "urn:x"], None]),
        max_size=3,
    ),
    part_of=st.sampled_from(
        [{}, {EKBY: ["urn:group:neighbours"]}, {"urn:purpose:flood": ["urn:purpose:water"], VENDOR: ["urn:a"]}]
    ),
    duties=st.sampled_from(["fulfilled", "violated"]).map(lambda state: {f"urn:duty:{n}": state for n in (1, 2, 3)}),
    agreed_at=st.sampled_from([None, at("2026-05-15T00:00:00Z")]),
)  # fmt: skip


@given(policies(), policies(), st.lists(requests, min_size=5, max_size=5), facts)
def test_a_verdict_is_never_contradicted(a: Any, b: Any, asked: list[Request], known: Facts) -> None:
    first, second = parse(a), parse(b)
    verdict = compared(a, b).verdict
    world = Facts(known.values, {**part_of(), **known.part_of}, known.duties, agreed_at=known.agreed_at)
    for request in asked:
        mine, other = (evaluate(policy, request, world).permits for policy in (first, second))
        assert verdict != "equal" or mine == other
        assert verdict != "a-stricter" or mine <= other
        assert verdict != "b-stricter" or other <= mine


@given(policies())
def test_a_policy_is_equal_to_itself(document: Any) -> None:
    assert compared(document, document).verdict == "equal"
