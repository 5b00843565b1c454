from __future__ import annotations

from typing import Any

import pytest

from connector.errors import Invalid
from connector.ids import NS
from connector.policy import bounds
from connector.policy.model import Action, Constraint, LogicalConstraint, Policy, Rule, Subject
from connector.policy.parse import parse
from connector.policy.terms import ODRL, XSD
from connector.policy.values import Value
from tests.unit.policy.documents import EKBY, constraint, offer, rule


def refused(document: Any) -> tuple[str, str | None]:
    """Return the code and the place of a refusal."""
    with pytest.raises(Invalid) as caught:
        parse(document)
    return caught.value.code, caught.value.field


def test_an_offer_in_dsps_form_is_read() -> None:
    found = parse(offer(rule(constraint("odrl:dateTime", "lteq", "2026-12-31")), **{"@id": "urn:offer"}))
    assert found == Policy(
        kind="Offer",
        uid="urn:offer",
        conflict=("prohibit",),
        permissions=(
            Rule(
                kind="permission",
                pointer="/permission/0",
                action=Action(ODRL + "use"),
                constraints=(
                    Constraint("/permission/0/constraint/0", ODRL + "dateTime", "lteq", (Value("2026-12-31"),)),
                ),
            ),
        ),
    )
    assert found.permissions[0].pointer == "/permission/0"
    assert found.permissions[0].constraints[0].pointer == "/permission/0/constraint/0"


@pytest.mark.parametrize(
    "document",
    [
        {"@type": "Offer", "permission": [{"action": "use"}]},
        {"@type": "odrl:Offer", "odrl:permission": {"odrl:action": {"@id": "odrl:use"}}},
        {"type": ODRL + "Offer", ODRL + "permission": {"@set": [{"action": [ODRL + "use"]}]}},
        {"@type": ["Offer", "Policy"], "permission": [{"@type": "Permission", "action": "odrl:use"}]},
        {"@type": "Offer", "action": "use", "permission": {}},
    ],
)
def test_spellings_of_one_policy_are_one_policy(document: Any) -> None:
    assert parse(document) == parse({"@type": "Offer", "permission": [{"action": "use"}]})


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ({}, "Set"),
        ({"@type": "Policy"}, "Set"),
        ({"@type": "Agreement"}, "Agreement"),
        ({"@type": "Privacy"}, "Privacy"),
        ({"@type": "unknown"}, "unknown"),
        ({"@type": "Licence"}, "unknown"),
        ({"@type": ["Offer", "Agreement"]}, "unknown"),
    ],
)
def test_the_kind_of_policy_is_read(stated: Any, kind: str) -> None:
    assert parse({**stated, "permission": [{"action": "use"}]}).kind == kind


def test_the_compact_form_becomes_atomic_rules() -> None:
    document = {
        "@type": "Set",
        "target": ["urn:a", "urn:b"],
        "assigner": "urn:town",
        "permission": [{"action": ["odrl:read", "odrl:print"], "assignee": EKBY}, {"action": "use", "target": "urn:c"}],
    }
    found = [(rule.action.iri, rule.target, rule.assignee, rule.pointer) for rule in parse(document).permissions]
    ekby = Subject(EKBY)
    assert found == [
        (ODRL + "read", Subject("urn:a"), ekby, "/permission/0"),
        (ODRL + "read", Subject("urn:b"), ekby, "/permission/0"),
        (ODRL + "print", Subject("urn:a"), ekby, "/permission/0"),
        (ODRL + "print", Subject("urn:b"), ekby, "/permission/0"),
        (ODRL + "use", Subject("urn:c"), None, "/permission/1"),
    ]
    assert {rule.assigner for rule in parse(document).permissions} == {Subject("urn:town")}


def test_refinements_of_actions_and_collections_are_read() -> None:
    refinement = constraint("odrl:percentage", "lteq", "50")
    document = {
        "permission": {
            "action": {"rdf:value": {"@id": "odrl:print"}, "refinement": refinement},
            "target": {"@type": "AssetCollection", "source": "urn:all", "refinement": [refinement], "dct:title": "All"},
            "assignee": {"@type": "PartyCollection", "uid": "urn:towns"},
        },
        "prohibition": {"action": {"rdf:value": {"@id": "odrl:sell"}}},
        "obligation": {"action": [{"@id": "odrl:delete", "refinement": [refinement]}]},
    }
    found = parse(document)
    read = Constraint("", ODRL + "percentage", "lteq", (Value("50"),))
    assert found.permissions[0].action == Action(ODRL + "print", (read,))
    assert found.permissions[0].target == Subject("urn:all", collection=True, refinements=(read,))
    assert found.permissions[0].assignee == Subject("urn:towns", collection=True)
    assert found.prohibitions[0].action == Action(ODRL + "sell")
    assert found.obligations[0].action == Action(ODRL + "delete", (read,))
    assert found.permissions[0].action.refinements[0].pointer == "/permission/action/refinement"


def test_what_hangs_on_a_rule_is_read() -> None:
    consequence = {"action": "odrl:compensate", "odrl:compensatedParty": {"uid": "urn:town"}}
    document = {
        "permission": [{"action": "use", "duty": [{"action": "odrl:inform", "consequence": [consequence]}]}],
        "prohibition": [{"action": "odrl:sell", "remedy": {"action": "odrl:delete", "uid": "urn:remedy"}}],
        "obligation": [{"action": "odrl:attribute", "informedParty": ["urn:a", "urn:b"]}],
    }
    found = parse(document)
    duty = found.permissions[0].then[0]
    assert (duty.kind, duty.then[0].kind, duty.then[0].parties) == (
        "duty",
        "consequence",
        (("compensatedParty", "urn:town"),),
    )
    assert (found.prohibitions[0].then[0].kind, found.prohibitions[0].then[0].uid) == ("remedy", "urn:remedy")
    assert found.obligations[0].parties == (("informedParty", "urn:a"), ("informedParty", "urn:b"))
    assert duty.target is None


def test_a_duty_does_not_take_over_the_action_of_the_policy() -> None:
    document = {"action": "use", "permission": [{"duty": [{"uid": "urn:duty", "constraint": []}]}]}
    assert refused(document) == ("policy_action_missing", "/permission/0/duty/0")


def test_logical_constraints_nest_and_keep_their_order() -> None:
    inner = [constraint("odrl:count", "eq", str(number), uid=f"urn:{number}") for number in range(3)]
    document = offer(rule({"uid": "urn:l", "or": [{"andSequence": {"@list": inner}}, {"xone": inner[:1]}]}))
    found = parse(document).permissions[0].constraints[0]
    assert isinstance(found, LogicalConstraint)
    assert (found.kind, found.uid, found.pointer) == ("or", "urn:l", "/permission/0/constraint/0")
    assert [each.uid for each in found.operands[0].operands] == ["urn:0", "urn:1", "urn:2"]  # type: ignore[union-attr]
    first = found.operands[0].operands[0]  # type: ignore[union-attr]
    assert first.pointer == "/permission/0/constraint/0/or/0/andSequence/@list/0"


def test_every_part_of_a_constraint_is_read() -> None:
    document = offer(
        rule(
            constraint(
                {"@id": "kom:field"},
                {"@id": "odrl:isAnyOf"},
                ["a", {"@value": "1", "@type": "xsd:integer"}, {"@id": "kom:b"}],
                dataType="xsd:string",
                unit="urn:unit",
                status="3",
                uid="urn:c",
            )
        )
    )
    assert parse(document).permissions[0].constraints == (
        Constraint(
            pointer="",
            left=NS + "field",
            operator="isAnyOf",
            right=(Value("a"), Value("1", XSD + "integer"), Value(NS + "b", "@id")),
            data_type=XSD + "string",
            unit="urn:unit",
            status=(Value("3"),),
            uid="urn:c",
        ),
    )


def test_a_reference_to_the_right_operand_is_kept_and_marked() -> None:
    document = offer(
        rule({"leftOperand": "odrl:count", "operator": "eq", "rightOperandReference": "https://x.example"})
    )
    assert parse(document).permissions[0].constraints[0].reference == "https://x.example"  # type: ignore[union-attr]


def test_unknown_members_are_kept_where_they_stand() -> None:
    document = offer(
        rule({**constraint("odrl:count", "eq", "1"), "x": 1}, {"or": [], "y": 2}, z=3, target={"uid": "urn:t", "w": 4}),
        title="Fine",
    )
    found = parse(document)
    permission = found.permissions[0]
    assert found.unknown == (("title", "Fine"),)
    assert permission.unknown == (("z", 3),)
    assert [each.unknown for each in permission.constraints] == [(("x", 1),), (("y", 2),)]
    assert permission.target == Subject("urn:t", unknown=(("w", 4),))


def test_a_rule_of_the_wrong_type_is_unknown() -> None:
    found = parse({"permission": [{"@type": ["Rule", "Prohibition"], "action": "use"}]})
    assert found.permissions[0].unknown == (("@type", "Prohibition"),)


def test_a_rule_or_constraint_defined_in_the_same_document_is_found_by_its_identifier() -> None:
    document = {
        "permission": [
            {"action": "odrl:read", "duty": {"uid": "urn:duty", "action": "odrl:inform"}, "constraint": "urn:c"},
            {"action": "odrl:print", "duty": "urn:duty", "constraint": [{"@id": "urn:c"}]},
        ],
        "dct:references": [constraint("odrl:count", "lteq", "5", **{"@id": "urn:c"})],
    }
    first, second = parse(document).permissions
    assert first.then == second.then
    assert first.constraints == second.constraints
    assert isinstance(first.constraints[0], Constraint)
    assert (first.constraints[0].left, first.constraints[0].pointer) == (ODRL + "count", "/dct:references/0")


def test_what_is_only_referred_to_is_unknown() -> None:
    found = parse({"permission": ["urn:rule", {"action": "use", "constraint": [{"@id": "urn:c"}]}]})
    assert found.permissions[0].unknown == (("@id", "urn:rule"),)
    assert found.permissions[1].constraints[0].reference == "urn:c"  # type: ignore[union-attr]


def test_definitions_that_name_each_other_in_a_circle_end() -> None:
    document = {
        "permission": [{"action": "use", "constraint": [{"uid": "urn:a", "and": ["urn:b"]}]}],
        "x": {"uid": "urn:b", "or": ["urn:a"]},
    }
    assert parse(document).permissions[0].constraints[0].uid == "urn:a"


def test_definitions_that_multiply_are_counted() -> None:
    document = {
        "permission": [{"action": "use", "constraint": ["urn:0"]}],
        "x": [{"uid": f"urn:{n}", "and": [f"urn:{n + 1}"] * 4} for n in range(12)],
    }
    assert refused(document)[0] == "policy_too_many_rules"


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({}, "policy_empty", ""),
        ({"permission": []}, "policy_empty", ""),
        ({"permission": 5}, "policy_object", "/permission"),
        ({"permission": [None]}, "policy_object", "/permission/0"),
        ({"permission": [{}]}, "policy_action_missing", "/permission/0"),
        ({"permission": [{"action": {"refinement": [], "x": 1}}]}, "policy_action_missing", "/permission/0/action"),
        ({"permission": [{"action": 5}]}, "policy_object", "/permission/0/action"),
        ({"permission": [{"action": {"x": 1}}]}, "policy_text", "/permission/0/action"),
        ({"permission": [{"action": ""}]}, "policy_text", "/permission/0/action"),
        ({"permission": [{"action": "use", "target": {"@type": "Asset"}}]}, "policy_subject", "/permission/0/target"),
        ({"permission": [{"action": "use", "uid": ["a", "b"]}]}, "policy_single", "/permission/0/uid"),
        ({"permission": [{"action": "use", "constraint": [5]}]}, "policy_object", "/permission/0/constraint/0"),
        ({"@type": 5, "permission": [{"action": "use"}]}, "policy_text", "/@type"),
        ({"permission": [{"action": "use"}], "odrl:permission": []}, "policy_member_twice", "/odrl:permission"),
        (
            {"permission": [{"action": "use", "a/b~c": 1, "constraint": {"and": [], "or": []}}]},
            "policy_logical",
            "/permission/0/constraint",
        ),
        (
            offer(rule({"and": [], "leftOperand": "odrl:count"})),
            "policy_logical",
            "/permission/0/constraint/0",
        ),
        (offer(rule({"operator": "eq", "rightOperand": "1"})), "policy_constraint", "/permission/0/constraint/0"),
        (
            offer(rule({"leftOperand": [], "operator": "eq", "rightOperand": "1"})),
            "policy_constraint",
            "/permission/0/constraint/0",
        ),
        (
            offer(rule({"leftOperand": "odrl:count", "operator": "eq"})),
            "policy_constraint",
            "/permission/0/constraint/0",
        ),
        (
            offer(rule(constraint("odrl:count", "eq", "1", rightOperandReference="urn:x"))),
            "policy_constraint",
            "/permission/0/constraint/0",
        ),
        (
            offer(rule(constraint("odrl:count", "eq", ["1", None]))),
            "policy_value",
            "/permission/0/constraint/0/rightOperand/1",
        ),
    ],
)
def test_a_malformed_policy_is_refused_with_its_place(document: Any, code: str, field: str) -> None:
    assert refused(document) == (code, field)


def nested(levels: int) -> Any:
    """Return a policy whose objects and arrays nest so deep."""
    value: Any = []
    for _ in range(levels - 4):
        value = [value]
    return {"permission": [{"action": "use", "x": value}]}


def test_a_policy_may_be_sixteen_levels_deep_and_no_more() -> None:
    parse(nested(16))
    assert refused(nested(17)) == ("policy_too_deep", "")


def test_a_policy_may_hold_five_hundred_values_and_no_more() -> None:
    document = offer(rule(x=[]))
    used = 8
    document["permission"][0]["x"] = [0] * (bounds.NODES - used)
    parse(document)
    document["permission"][0]["x"].append(0)
    assert refused(document) == ("policy_too_large", "")
    parse(document, nodes=bounds.LOCAL_NODES)


def test_a_context_is_not_counted() -> None:
    parse({"@context": [{str(number): "urn:x" for number in range(900)}], "permission": [{"action": "use"}]})


def test_combinations_are_counted() -> None:
    many = [f"urn:{number}" for number in range(16)]
    document = {"permission": [{"action": many, "target": many}]}
    assert refused(document) == ("policy_too_many_rules", "/permission/0")


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", [], [{}]])
def test_a_document_that_is_no_object_is_refused(value: Any) -> None:
    assert refused(value) == ("policy_not_object", "")
