from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from connector.errors import Invalid
from connector.ids import NS
from connector.policy.parse import check_wire, expand_terms, parse
from tests.unit.policy.documents import EKBY, constraint, offer, rule


def test_an_offer_in_the_protocols_form_may_travel() -> None:
    document = offer(
        rule(
            {"and": [constraint("odrl:dateTime", "gteq", {"@value": "2026-01-01", "@type": "xsd:date"})]},
            constraint(NS + "participant", "isAnyOf", [EKBY, {"@id": EKBY}]),
            constraint("https://w3id.org/dpv#hasPurpose", "eq", "urn:x", **{"odrl:unit": "urn:unit"}),
            duty=[rule(action="odrl:inform")],
        ),
        prohibition=[rule(action="odrl:distribute")],
        obligation=[rule(action="odrl:delete")],
        **{"@context": "https://w3id.org/dspace/2025/1/context.jsonld", "dct:title": "Ours", "@id": "urn:offer"},
    )
    check_wire(document)
    check_wire({**document, "target": "urn:dataset"}, message=True)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"@type": "Set"}, "policy_wire_type", "/@type"),
        ({"target": "urn:dataset"}, "policy_wire_target", "/target"),
        ({"conflict": "odrl:prohibit"}, "policy_wire_term", "/conflict"),
        ({"uid": "urn:offer"}, "policy_wire_term", "/uid"),
        ({"kom:note": "x"}, "policy_wire_prefix", "/kom:note"),
        ({"@id": 5}, "policy_text", "/@id"),
        ({"assigner": {"@id": "urn:x"}}, "policy_text", "/assigner"),
        ({"profile": 5}, "policy_text", "/profile"),
        ({"profile": "kom:x"}, "policy_wire_prefix", "/profile"),
        ({"profile": ["urn:x", {}]}, "policy_text", "/profile/1"),
        (
            {"permission": [rule(constraint("odrl:count", ["eq"], "1"))]},
            "policy_wire_operator",
            "/permission/0/constraint/0/operator",
        ),
        (
            {"permission": [rule(constraint("odrl:purpose", "eq", {"@id": "kom:x"}))]},
            "policy_wire_prefix",
            "/permission/0/constraint/0/rightOperand/@id",
        ),
        (
            {"permission": [rule(constraint("odrl:count", "eq", [{"@value": "1", "@type": "integer"}]))]},
            "policy_wire_term",
            "/permission/0/constraint/0/rightOperand/0/@type",
        ),
        ({"permission": []}, "policy_wire_rules", ""),
        ({"permission": [], "prohibition": [rule()]}, "policy_wire_array", "/permission"),
        ({"permission": rule()}, "policy_wire_array", "/permission"),
        ({"permission": ["urn:rule"]}, "policy_object", "/permission/0"),
        ({"permission": [rule(target="urn:dataset")]}, "policy_wire_target", "/permission/0/target"),
        ({"permission": [rule(**{"odrl:target": "urn:dataset"})]}, "policy_wire_target", "/permission/0/odrl:target"),
        ({"permission": [rule(consequence=[])]}, "policy_wire_term", "/permission/0/consequence"),
        ({"permission": [rule(**{"a/b": 1})]}, "policy_wire_term", "/permission/0/a~1b"),
        ({"permission": [{}]}, "policy_wire_action", "/permission/0/action"),
        ({"permission": [rule(action={"@id": "odrl:use"})]}, "policy_wire_action", "/permission/0/action"),
        ({"permission": [rule(action="distribute")]}, "policy_wire_term", "/permission/0/action"),
        ({"permission": [rule(action="kom:log")]}, "policy_wire_prefix", "/permission/0/action"),
        ({"permission": [rule(action="odrl:")]}, "policy_wire_prefix", "/permission/0/action"),
        ({"permission": [rule(duty=rule())]}, "policy_wire_array", "/permission/0/duty"),
        ({"permission": [{"action": "use", "constraint": {}}]}, "policy_wire_array", "/permission/0/constraint"),
        ({"permission": [rule("urn:c")]}, "policy_object", "/permission/0/constraint/0"),
        ({"permission": [rule({"and": [], "or": []})]}, "policy_logical", "/permission/0/constraint/0"),
        ({"permission": [rule({"and": [], "operator": "eq"})]}, "policy_logical", "/permission/0/constraint/0"),
        ({"permission": [rule({"and": {}})]}, "policy_wire_array", "/permission/0/constraint/0/and"),
        ({"permission": [rule({"and": [], "x": 1})]}, "policy_wire_term", "/permission/0/constraint/0/x"),
        ({"permission": [rule({"leftOperand": "odrl:count"})]}, "policy_constraint", "/permission/0/constraint/0"),
        (
            {"permission": [rule(constraint("odrl:count", "odrl:eq", "1"))]},
            "policy_wire_operator",
            "/permission/0/constraint/0/operator",
        ),
        (
            {"permission": [rule(constraint("dateTime", "eq", "1"))]},
            "policy_wire_term",
            "/permission/0/constraint/0/leftOperand",
        ),
        (
            {"permission": [rule(constraint({"@id": "odrl:count"}, "eq", "1"))]},
            "policy_text",
            "/permission/0/constraint/0/leftOperand",
        ),
        (
            {"permission": [rule(constraint("odrl:count", "eq", 1000))]},
            "policy_wire_value",
            "/permission/0/constraint/0/rightOperand",
        ),
        (
            {"permission": [rule(constraint("odrl:count", "isAnyOf", ["1", True]))]},
            "policy_wire_value",
            "/permission/0/constraint/0/rightOperand/1",
        ),
        (
            {"permission": [rule(constraint("odrl:count", "eq", "1", unit="urn:x"))]},
            "policy_wire_term",
            "/permission/0/constraint/0/unit",
        ),
    ],
)
def test_what_cannot_travel_is_refused_with_its_place(change: Any, code: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_wire({**offer(rule()), **change})
    assert (caught.value.code, caught.value.field) == (code, field)


def test_an_offer_of_obligations_alone_is_refused() -> None:
    with pytest.raises(Invalid, match="policy_wire_rules"):
        check_wire(offer(obligation=[rule()]))


def test_an_offer_in_a_message_needs_its_target() -> None:
    with pytest.raises(Invalid, match="policy_wire_target"):
        check_wire(offer(rule()), message=True)


def test_our_prefix_becomes_full_iris_wherever_a_term_can_stand() -> None:
    document = offer(
        rule(
            constraint("kom:participant", "isAnyOf", ["kom:x", {"@id": "kom:y"}]),
            constraint("odrl:purpose", "eq", {"@value": "kom:z", "@type": "xsd:anyURI"}),
            constraint("odrl:version", "eq", {"@value": "kom:z", "@type": "xsd:string"}),
            constraint("odrl:version", "eq", {"@value": "kom:z"}),
            action="kom:log",
            **{"kom:note": 1},
        ),
        profile="kom:profile",
        **{"kom:extra": ["kom:a"], "dct:title": "kom:mun", "note": "kom:b"},
    )
    before = deepcopy(document)
    found = expand_terms(document)
    assert document == before
    permission = found["permission"][0]
    assert permission["action"] == NS + "log"
    assert permission[NS + "note"] == 1
    assert [each["rightOperand"] for each in permission["constraint"]] == [
        [NS + "x", {"@id": NS + "y"}],
        {"@value": NS + "z", "@type": "xsd:anyURI"},
        {"@value": "kom:z", "@type": "xsd:string"},
        {"@value": "kom:z"},
    ]
    assert found["profile"] == NS + "profile"
    assert found[NS + "extra"] == [NS + "a"]
    assert found["note"] == "kom:b"
    assert found["dct:title"] == "kom:mun"
    assert parse(found) == parse(expand_terms(found))
