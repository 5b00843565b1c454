from __future__ import annotations

from typing import Any

import pytest

from connector.ids import NS
from connector.policy.parse import check_wire, parse
from connector.policy.write import write
from tests.unit.policy.documents import EKBY, constraint, offer, rule

REFINEMENT = constraint("odrl:percentage", "lteq", {"@value": "50", "@type": "xsd:decimal"})

NORMAL = {
    "@type": "Offer",
    "@id": "urn:offer",
    "profile": ["https://w3id.org/municipal-dataspace/v1"],
    "odrl:conflict": [{"@id": "odrl:prohibit"}],
    "dct:title": "Ours",
    "permission": [
        rule(
            constraint(NS + "participant", "isAnyOf", [{"@id": EKBY}, "urn:plain"]),
            {"@id": "urn:l", "or": [constraint("odrl:count", "eq", "1")]},
            **{"@id": "urn:rule", "duty": [rule(action="odrl:inform", **{"odrl:informedParty": ["urn:a", "urn:b"]})]},
        )
    ],
    "prohibition": [rule(action="odrl:distribute")],
}


def test_the_normal_form_is_written_as_it_was_read() -> None:
    assert write(parse(NORMAL)) == NORMAL
    check_wire(NORMAL)


def test_a_prefix_of_the_documents_own_is_written_in_full() -> None:
    document = {
        "@context": {"ex": "http://example.com/"},
        "permission": [rule(constraint("odrl:purpose", "eq", "ex:flood"), target="ex:levels")],
    }
    written = write(parse(document))["permission"][0]
    assert written["target"] == "http://example.com/levels"
    assert written["constraint"][0]["rightOperand"] == "http://example.com/flood"


@pytest.mark.parametrize(
    "document",
    [
        {**NORMAL, "odrl:inheritFrom": "urn:parent", "dct:isReplacedBy": "urn:newer", "timestamp": "2026-01-01"},
        {**NORMAL, "odrl:conflict": "urn:own"},
        offer(rule(action={"rdf:value": {"@id": "use"}, "refinement": [REFINEMENT], "x": None})),
        offer(rule(target={"@type": "AssetCollection", "source": "urn:all", "refinement": [REFINEMENT]})),
        offer(rule(target={"uid": "urn:one", "x": ""}, assigner="urn:town", assignee=EKBY)),
        offer(rule(constraint("odrl:payAmount", "eq", "5", unit="urn:SEK", dataType="xsd:decimal", status=["1", "2"]))),
        offer(rule({"leftOperand": "odrl:count", "operator": "urn:near", "rightOperandReference": ["urn:a", "urn:b"]})),
        offer(rule({"@id": "urn:elsewhere"}, constraint("urn:x", "isAnyOf", []), {"xone": []})),
        offer(rule({**constraint("urn:x", "term-lteq", 1.5), "y": []})),
        offer(rule(**{"@type": ["Permission", "Duty", "urn:other"], "z": None})),
        {"permission": "urn:elsewhere", "obligation": [rule(consequence=[rule(action="odrl:pay")])]},
        {"prohibition": [rule(remedy=[rule(action="odrl:delete")])]},
    ],
)
def test_what_is_written_reads_as_the_same_policy(document: Any) -> None:
    policy = parse(document)
    assert parse(write(policy)) == policy
