from __future__ import annotations

from typing import Any

import pytest

from connector.ids import NS
from connector.policy.decision import Outcome, Transform
from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.policy.terms import DCAT, ODRL
from tests.unit.policy.documents import (
    DATASET,
    EKBY,
    NOW,
    PARTICIPANT,
    REGION,
    VENDOR,
    asked,
    at,
    constraint,
    decide,
    offer,
    rule,
    stated,
)

BEFORE = constraint("odrl:dateTime", "lt", {"@value": "2027-01-01T00:00:00Z", "@type": "xsd:dateTime"})
NAMED = constraint("kom:participant", "isAnyOf", [EKBY, REGION])


def test_use_permits_reading() -> None:
    decision = decide(offer(rule()))
    assert decision.permits
    assert (decision.outcome, decision.reasons, decision.next_change) == ("permit", (), None)
    assert decision.as_agreement
    assert not decide({"@type": "Agreement", "permission": [rule()]}).as_agreement


@pytest.mark.parametrize("action", ["odrl:read", "read", ODRL + "read"])
def test_every_spelling_of_the_action_is_understood(action: str) -> None:
    assert decide(offer(rule()), asked(action=action)).permits


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (offer(rule(action="odrl:distribute")), "not-applicable"),
        (offer(rule(action="odrl:transfer")), "not-applicable"),
        (offer(rule(action="urn:dance")), "deny"),
        (offer(rule(target=DATASET)), "permit"),
        (offer(rule(target="urn:other")), "not-applicable"),
        (offer(rule(assignee=EKBY)), "permit"),
        (offer(rule(assignee="did:web:EKBY.example")), "permit"),
        (offer(rule(assignee=REGION)), "not-applicable"),
        (offer(rule(NAMED)), "permit"),
        (offer(rule(NAMED, BEFORE)), "permit"),
        (offer(rule(constraint("kom:participant", "eq", {"@id": REGION}))), "deny"),
        (offer(rule(constraint("kom:participant", "neq", {"@id": REGION}))), "permit"),
        (offer(rule(constraint("kom:participant", "isNoneOf", [EKBY]))), "deny"),
        (offer(rule(constraint("kom:participant", "isNoneOf", [VENDOR]))), "permit"),
        (offer(rule(constraint("kom:participant", "isPartOf", ["urn:group"]))), "deny"),
        (offer(rule(constraint("odrl:dateTime", "gteq", "2026-07-01T00:00:00Z"))), "deny"),
        (offer(rule(constraint("odrl:dateTime", "gteq", "yesterday"))), "deny"),
        (offer(rule(constraint("odrl:dateTime", "gteq", ["2026-01-01", "2026-01-02"]))), "deny"),
        (offer(rule({"or": [constraint(PARTICIPANT, "eq", REGION), BEFORE]})), "permit"),
        (offer(rule({"and": [constraint(PARTICIPANT, "eq", REGION), BEFORE]})), "deny"),
        (offer(rule({"xone": [NAMED, BEFORE]})), "deny"),
        (offer(rule({"xone": [constraint(PARTICIPANT, "eq", REGION), {"and": [NAMED, BEFORE]}]})), "permit"),
        (offer(rule({"and": []})), "deny"),
        (offer(rule({"or": [BEFORE], "surprise": 1})), "deny"),
        (offer(rule({**BEFORE, "surprise": 1})), "deny"),
        (offer(rule(surprise=1)), "deny"),
        (offer(rule(constraint("odrl:unheardOf", "eq", "1"))), "deny"),
        (offer(rule(constraint("odrl:dateTime", "before", "2027-01-01"))), "deny"),
        (offer(rule(constraint("odrl:dateTime", "term-lteq", "2027-01-01"))), "deny"),
        (offer(rule(constraint("odrl:dateTime", "lt", "2027-01-01", unit="urn:year"))), "deny"),
        (offer(rule({"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperandReference": "urn:x"})), "deny"),
        (offer(rule({"@id": "urn:elsewhere"})), "deny"),
        ({"permission": ["urn:elsewhere"]}, "deny"),
        (offer(rule(), prohibition=[rule()]), "deny"),
        (offer(rule(), prohibition=[rule(action="odrl:distribute")]), "permit"),
        (offer(rule(), prohibition=[rule(action="urn:dance")]), "deny"),
        (offer(rule(), prohibition=[rule(assignee=VENDOR)]), "permit"),
        (offer(rule(), prohibition=[rule(constraint(PARTICIPANT, "eq", VENDOR))]), "permit"),
        (offer(rule(), prohibition=[rule(constraint(PARTICIPANT, "eq", EKBY))]), "deny"),
        (offer(rule(), prohibition=[rule(constraint("odrl:purpose", "eq", "urn:sale"))]), "deny"),
        (offer(rule(), prohibition=[rule(BEFORE, surprise=1)]), "deny"),
        (offer(rule(), prohibition=[{**rule(constraint(PARTICIPANT, "eq", VENDOR)), "surprise": 1}]), "permit"),
        (offer(prohibition=[rule(assignee=VENDOR)]), "not-applicable"),
        (offer(prohibition=[rule()]), "deny"),
    ],
)
def test_the_decision_follows_from_the_rules_and_what_is_unknown_refuses(document: Any, outcome: Outcome) -> None:
    assert decide(document).outcome == outcome


@pytest.mark.parametrize(
    "change",
    [
        {"@type": "Ticket"},
        {"@type": "Licence"},
        {"profile": "urn:unknown"},
        {"profile": ["https://w3id.org/municipal-dataspace/v1", "urn:unknown"]},
        {"inheritFrom": "urn:parent"},
        {"dct:isReplacedBy": "urn:newer"},
        {"odrl:conflict": "urn:strategy"},
    ],
)
def test_what_governs_the_whole_policy_and_is_unknown_stops_it(change: Any) -> None:
    decision = decide({**offer(rule()), **change})
    assert decision.outcome == "deny"
    assert len(decision.reasons) == 1
    assert decision.rules == ()


@pytest.mark.parametrize("profile", ["https://w3id.org/municipal-dataspace/v1", ODRL + "core"])
def test_our_profile_and_the_core_are_known(profile: str) -> None:
    assert decide(offer(rule(), profile=profile)).permits


# --- Conflict strategies (ODRL Information Model 2.2, 2.10) -----------------------------------------------------------

FORBID = [rule(action="odrl:read")]


@pytest.mark.parametrize(
    ("conflict", "outcome"),
    [("perm", "permit"), ("prohibit", "deny"), ("invalid", "deny")],
)
def test_a_conflict_is_settled_by_the_strategy(conflict: str, outcome: str) -> None:
    assert decide(offer(rule(), prohibition=FORBID, conflict=conflict)).outcome == outcome


def test_without_a_strategy_or_with_several_a_conflict_voids_the_policy() -> None:
    for stated_strategies in ([], ["odrl:perm", "odrl:prohibit"]):
        decision = decide({**offer(rule(), prohibition=FORBID), "odrl:conflict": stated_strategies})
        assert (decision.outcome, decision.reasons) == ("deny", ("/conflict void", "/prohibition/0 prohibited"))


@pytest.mark.parametrize(
    ("prohibition", "outcome"),
    [
        (rule(action="odrl:distribute"), "deny"),
        (rule(action="odrl:sell"), "permit"),
        (rule(action="odrl:distribute", assignee=VENDOR), "deny"),
        (rule(action="odrl:distribute", target="urn:other"), "permit"),
        (rule(action="odrl:distribute", target={"@type": "AssetCollection", "uid": "urn:all"}), "deny"),
        (rule(constraint("odrl:dateTime", "lt", "2026-01-01"), action="odrl:distribute"), "permit"),
        (rule(constraint("odrl:purpose", "eq", "urn:x"), action="odrl:distribute"), "deny"),
    ],
)
def test_under_invalid_a_conflict_about_another_act_voids_the_whole_policy(prohibition: Any, outcome: str) -> None:
    assert decide(offer(rule(target=DATASET), prohibition=[prohibition], conflict="invalid")).outcome == outcome


def test_a_permission_that_cannot_be_active_conflicts_with_nothing() -> None:
    late = rule(constraint("odrl:dateTime", "gteq", "2027-01-01"), action="odrl:distribute")
    document = offer(rule(action="odrl:read"), late, prohibition=[rule(action="odrl:distribute")], conflict="invalid")
    assert decide(document).permits


# --- Parties, assets, refinements -------------------------------------------------------------------------------------

TOWNS = {"@type": "PartyCollection", "source": "urn:towns"}


def test_a_member_of_a_collection_is_meant_through_any_number_of_steps() -> None:
    document = offer(rule(assignee=TOWNS, target={"@type": "AssetCollection", "uid": "urn:water"}))
    facts = Facts(part_of={EKBY: ["urn:small", "urn:other"], "urn:small": ["urn:towns", EKBY], DATASET: ["urn:water"]})
    assert decide(document, facts=facts).permits
    assert decide(document, asked(assignee="urn:towns"), facts).permits
    assert decide(document, asked(assignee="urn:other"), facts).outcome == "deny"
    assert decide(offer(rule(assignee="urn:elsewhere")), facts=facts).outcome == "not-applicable"


def test_a_prefixed_name_in_the_request_is_the_one_in_the_rule() -> None:
    assert decide(offer(rule(target="kom:levels")), asked(target="kom:levels")).permits
    assert decide(offer(rule(target="kom:levels")), asked(target=NS + "levels")).permits


def test_of_whom_nothing_is_known_may_be_a_member_and_is_refused_either_way() -> None:
    assert decide(offer(rule(assignee=TOWNS))).reasons == ("/permission/0 scope-unknown",)
    assert decide(offer(rule(), prohibition=[rule(assignee=TOWNS)])).outcome == "deny"
    known = Facts(part_of={EKBY: ["urn:region"]})
    assert decide(offer(rule(assignee=TOWNS)), facts=known).outcome == "not-applicable"
    assert decide(offer(rule(), prohibition=[rule(assignee=TOWNS)]), facts=known).permits


def test_a_plain_name_may_also_be_a_group_when_the_facts_say_so() -> None:
    assert decide(offer(rule(assignee="urn:towns")), facts=Facts(part_of={EKBY: ["urn:towns"]})).permits
    assert decide(offer(rule(assignee="urn:towns"))).outcome == "not-applicable"


def test_a_group_among_named_participants_counts_its_members() -> None:
    facts = Facts(part_of={EKBY: ["urn:towns"]})
    assert decide(offer(rule(constraint(PARTICIPANT, "isAnyOf", ["urn:towns"]))), facts=facts).permits
    assert not decide(offer(rule(constraint(PARTICIPANT, "isNoneOf", ["urn:towns"]))), facts=facts).permits


def test_a_request_that_does_not_say_who_or_what_is_refused_by_a_rule_that_asks() -> None:
    assert decide(offer(rule(target=DATASET)), asked(target="")).outcome == "deny"
    assert decide(offer(rule(NAMED)), asked(assignee="")).outcome == "deny"
    assert decide(offer(rule(), prohibition=[rule(NAMED)]), asked(assignee="")).outcome == "deny"
    unstated = Request("odrl:read", DATASET, EKBY, float("nan"))
    assert evaluate(parse(offer(rule(BEFORE))), unstated, Facts()).outcome == "deny"
    assert evaluate(parse(offer(rule(), prohibition=[rule(BEFORE)])), unstated, Facts()).outcome == "deny"


def refined(action: str, *constraints: Any) -> Any:
    """Return a refined action."""
    return [{"rdf:value": {"@id": action}, "refinement": [*constraints]}]


def test_a_refinement_of_the_action_must_be_met_by_the_request() -> None:
    half = offer(rule(action=refined("odrl:read", constraint("odrl:percentage", "lteq", "50"))))
    assert decide(half, facts=stated(percentage=50)).permits
    assert decide(half, facts=stated(percentage="50.1")).outcome == "not-applicable"
    assert decide(half).outcome == "deny"
    assert decide(offer(rule(action=[{"@id": "use", "surprise": 1}]))).outcome == "deny"


def test_a_refinement_of_a_collection_is_tested_for_the_member() -> None:
    water = {"source": "urn:all", "refinement": [constraint("odrl:version", "eq", "2")]}
    document = offer(rule(target=water))
    member = Facts(part_of={DATASET: ["urn:all"]}, values={ODRL + "version": "2"})
    assert decide(document, facts=member).permits
    assert (
        decide(document, facts=Facts(part_of={DATASET: ["urn:all"]}, values={ODRL + "version": "1"})).outcome
        != "permit"
    )
    assert decide(offer(rule(target={"uid": DATASET, "surprise": 1}))).outcome == "deny"
    assert decide(offer(rule(target={"uid": DATASET, "dct:title": "Levels"}))).permits


# --- Facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated_value", "permitted"),
    [("urn:flood", True), ({"@id": "urn:flood"}, True), (["urn:flood"], True), ("urn:sale", False), (5, False)],
)
def test_a_purpose_is_compared_as_an_iri(stated_value: Any, permitted: Any) -> None:
    document = offer(rule(constraint("odrl:purpose", "eq", "urn:flood")))
    assert decide(document, facts=stated(purpose=stated_value)).permits is permitted


def test_a_narrower_purpose_is_an_instance_of_a_wider_one() -> None:
    facts = Facts(values={ODRL + "purpose": "urn:flood"}, part_of={"urn:flood": ["urn:water"]})
    assert decide(offer(rule(constraint("odrl:purpose", "isA", "urn:water"))), facts=facts).permits
    assert not decide(offer(rule(constraint("odrl:purpose", "isA", "urn:roads"))), facts=facts).permits


@pytest.mark.parametrize(
    ("count", "permitted"),
    [(9, True), (10, True), ("10.0", True), (11, False), ("many", False), ([1, 2], False), (None, False)],
)
def test_numbers_are_compared_by_value(count: Any, permitted: Any) -> None:
    document = offer(rule(constraint("odrl:count", "lteq", {"@value": "10", "@type": "xsd:integer"})))
    assert decide(document, facts=stated(count=count)).permits is permitted


def test_a_datatype_stated_apart_counts_for_the_value() -> None:
    assert decide(
        offer(rule(constraint("odrl:count", "lteq", "10", dataType="xsd:integer"))), facts=stated(count=1)
    ).permits
    assert not decide(
        offer(rule(constraint("odrl:count", "lteq", "10", dataType="xsd:date"))), facts=stated(count=1)
    ).permits
    typed = {"@value": "10", "@type": "xsd:integer"}
    for data_type, permitted in (("xsd:integer", True), ("xsd:decimal", False)):
        document = offer(rule(constraint("odrl:count", "lteq", typed, dataType=data_type)))
        assert decide(document, facts=stated(count=1)).permits is permitted


def test_a_unit_that_differs_is_unknown() -> None:
    document = offer(rule(constraint("odrl:payAmount", "gteq", "100", unit="urn:SEK")))
    known = {ODRL + "payAmount": 100}
    assert decide(document, facts=Facts(values=known)).permits
    assert decide(document, facts=Facts(values=known, units={ODRL + "payAmount": "urn:SEK"})).permits
    assert not decide(document, facts=Facts(values=known, units={ODRL + "payAmount": "urn:EUR"})).permits


def test_a_foreign_operand_is_known_only_by_a_fact() -> None:
    sunday = offer(rule(constraint("urn:dayOfWeek", "eq", {"@value": "Sunday", "@type": "xsd:string"})))
    assert not decide(sunday).permits
    assert decide(sunday, facts=Facts(values={"urn:dayOfWeek": "Sunday"})).permits
    assert not decide(sunday, facts=Facts(values={"urn:dayOfWeek": "Monday"})).permits
    mixed = offer(rule(constraint("urn:x", "isAnyOf", ["a", {"@value": "1", "@type": "xsd:integer"}])))
    assert not decide(mixed, facts=Facts(values={"urn:x": "a"})).permits
    odd = offer(rule(constraint("urn:x", "eq", {"@value": "a", "@type": "urn:own"})))
    assert not decide(odd, facts=Facts(values={"urn:x": "a"})).permits


def test_a_recorded_status_is_no_fact() -> None:
    assert not decide(offer(rule(constraint("odrl:count", "lteq", "10", status="1")))).permits


def test_time_since_the_agreement_is_measured_by_the_calendar() -> None:
    month = offer(rule(constraint(NS + "timeSinceAgreement", "lteq", "P1M")), **{"@type": "Agreement"})
    facts = Facts(agreed_at=at("2026-05-01T12:00:00Z"))
    decision = decide(month, facts=facts)
    assert decision.permits
    assert decision.next_change is not None
    assert decision.next_change == pytest.approx(at("2026-06-01T12:00:00Z"))
    assert decision.next_change > at("2026-06-01T12:00:00Z")
    assert not decide(month, asked(now="2026-06-01T12:00:01Z"), facts).permits
    assert not decide(month).permits
    assert decide(month, facts=Facts(values={NS + "timeSinceAgreement": "P20D"})).permits
    assert not decide(month, facts=Facts(values={NS + "timeSinceAgreement": "P30D"})).permits


def test_a_time_measured_from_a_known_start_is_compared_with_the_end() -> None:
    hour = offer(rule(constraint("odrl:elapsedTime", "lteq", "PT1H")))
    facts = Facts(since={ODRL + "elapsedTime": at("2026-06-01T11:30:00Z")})
    assert decide(hour, facts=facts).permits
    unstated = Request("odrl:read", DATASET, EKBY, float("nan"))
    assert not evaluate(parse(hour), unstated, facts).permits
    endless = offer(rule(constraint("odrl:elapsedTime", "lteq", "P99999Y")))
    assert not decide(endless, facts=facts).permits


@pytest.mark.parametrize(
    ("text", "permitted"),
    [
        ("contractAgreement+30d", True),
        ("contractAgreement+1d", False),
        (NOW, True),
        ("2026-01-01", False),
        ("x", False),
    ],
)
def test_edcs_in_force_date_is_understood(text: str, permitted: Any) -> None:
    document = offer(rule(constraint("edc:inForceDate", "lteq", text)), **{"@type": "Agreement"})
    assert decide(document, facts=Facts(agreed_at=at("2026-05-15T00:00:00Z"))).permits is permitted
    assert decide(document).permits is (permitted and "+" not in text)


def test_an_offer_is_evaluated_as_an_agreement_made_now() -> None:
    for wait in (
        constraint(NS + "timeSinceAgreement", "lteq", "P1M"),
        constraint("edc:inForceDate", "lt", "contractAgreement+30d"),
    ):
        decision = decide(offer(rule(wait)))
        assert (decision.permits, decision.as_agreement, decision.next_change) == (True, True, None)
        assert not decide(offer(rule(wait)), facts=Facts(agreed_at=at("2026-04-01"))).permits
        unstated = Request("odrl:read", DATASET, EKBY, float("nan"))
        assert not evaluate(parse(offer(rule(wait))), unstated, Facts()).permits


def test_a_sequence_holds_when_its_parts_were_satisfied_in_order() -> None:
    parts = [constraint("odrl:purpose", "eq", "urn:flood", uid=f"urn:{name}") for name in "ab"]
    document = offer(rule({"andSequence": {"@list": parts}}))
    values = {ODRL + "purpose": "urn:flood"}
    moments = [({"urn:a": 1.0, "urn:b": 2.0}, True), ({"urn:a": 2.0, "urn:b": 1.0}, False), ({"urn:a": 1.0}, False)]
    for satisfied_at, permitted in moments:
        assert decide(document, facts=Facts(values=values, satisfied_at=satisfied_at)).permits is permitted
    assert not decide(document, facts=Facts(satisfied_at={"urn:a": 1.0, "urn:b": 2.0})).permits


# --- Transforms -------------------------------------------------------------------------------------------------------

HOURLY = constraint(DCAT + "temporalResolution", "gteq", "PT1H")
OFFERED = Facts(transforms=frozenset({DCAT + "temporalResolution", NS + "field"}))


def test_a_constraint_that_a_transform_can_meet_asks_for_it() -> None:
    decision = decide(offer(rule(HOURLY)), facts=OFFERED)
    transform = Transform("/permission/0/constraint/0", DCAT + "temporalResolution", "gteq", ("PT1H",))
    assert (decision.outcome, decision.transforms) == ("permit", (transform,))


def test_data_that_already_meet_it_need_no_transform() -> None:
    facts = Facts(values={DCAT + "temporalResolution": "P1D"}, transforms=OFFERED.transforms)
    decision = decide(offer(rule(HOURLY)), facts=facts)
    assert (decision.outcome, decision.transforms) == ("permit", ())


@pytest.mark.parametrize(
    "condition",
    [
        constraint(DCAT + "temporalResolution", "lteq", "PT1H"),
        constraint(DCAT + "temporalResolution", "gteq", "hourly"),
        constraint(DCAT + "temporalResolution", "gteq", "PT1H", unit="urn:x"),
        {**HOURLY, "surprise": 1},
        {"xone": [HOURLY, constraint(PARTICIPANT, "eq", VENDOR)]},
        constraint(NS + "area", "isPartOf", "urn:area"),
    ],
)
def test_a_transform_is_promised_only_where_it_makes_the_constraint_true(condition: Any) -> None:
    assert not decide(offer(rule(condition)), facts=OFFERED).permits


def test_a_refinement_that_a_transform_can_meet_asks_for_it_too() -> None:
    fields = constraint(NS + "field", "isAnyOf", ["level"])
    group = {"source": "urn:all", "refinement": [fields]}
    document = offer(rule(action=refined("odrl:read", HOURLY), target=group))
    facts = Facts(part_of={DATASET: ["urn:all"]}, transforms=OFFERED.transforms)
    wanted = decide(document, facts=facts).transforms
    assert [(each.pointer, each.operand) for each in wanted] == [
        ("/permission/0/action/0/refinement/0", DCAT + "temporalResolution"),
        ("/permission/0/target/refinement/0", NS + "field"),
    ]
    assert decide(document, facts=Facts(part_of={DATASET: ["urn:all"]})).outcome == "deny"


def test_the_permission_that_asks_for_least_counts_its_refinements() -> None:
    narrowed, plain = rule(action=refined("odrl:read", HOURLY)), rule(NAMED)
    assert decide(offer(narrowed, plain), facts=OFFERED).transforms == ()


def test_without_the_transform_the_data_are_refused() -> None:
    assert decide(offer(rule(HOURLY))).reasons == ("/permission/0/constraint/0 dcat:temporalResolution unknown",)


def test_a_prohibition_is_not_lifted_by_a_promise() -> None:
    raw = offer(rule(), prohibition=[rule(constraint(DCAT + "temporalResolution", "lt", "PT1H"))])
    assert decide(raw, facts=OFFERED).outcome == "deny"


def test_the_permission_that_asks_for_least_decides_the_transforms() -> None:
    fields = constraint(NS + "field", "isAnyOf", ["level", "time"])
    both, one = rule({"and": [HOURLY, fields]}), rule({"or": [fields, {"and": [fields, HOURLY]}]})
    assert [found.operand for found in decide(offer(both, one), facts=OFFERED).transforms] == [NS + "field"]
    assert len(decide(offer(both), facts=OFFERED).transforms) == 2
    assert decide(offer(both, rule(NAMED)), facts=OFFERED).transforms == ()
    named_or_hourly = rule({"or": [HOURLY, {"xone": [NAMED, constraint(PARTICIPANT, "eq", VENDOR)]}]})
    assert decide(offer(named_or_hourly), facts=OFFERED).transforms == ()


# --- Reports and reasons ----------------------------------------------------------------------------------------------


def test_every_condition_is_reported_with_the_values_compared() -> None:
    decision = decide(offer(rule(NAMED, {"and": [BEFORE, constraint("odrl:purpose", "eq", "urn:x")]}, uid="urn:r")))
    (report,) = decision.rules
    named, logical = report.conditions
    assert (report.rule, report.about, report.active) == ("urn:r", True, None)
    assert (named.left, named.operator, named.right, named.value, named.state) == (
        PARTICIPANT,
        "isAnyOf",
        (EKBY, REGION),
        (EKBY,),
        "satisfied",
    )
    assert (logical.operator, logical.state) == ("and", "unknown")
    before, purpose = logical.operands
    assert (before.value, before.state) == ((repr(at(NOW)),), "satisfied")
    assert (purpose.value, purpose.state) == (None, "unknown")
    assert decide(offer(rule())).rules[0].rule == "/permission/0"
    known = decide(offer(rule(constraint("odrl:purpose", "eq", "urn:x"))), facts=stated(purpose=["urn:x", "urn:y"]))
    assert known.rules[0].conditions[0].value == ("urn:x", "urn:y")
    nobody = decide(offer(rule(NAMED)), asked(assignee=""))
    assert nobody.rules[0].conditions[0].value is None


@pytest.mark.parametrize(
    ("document", "reasons"),
    [
        (offer(rule(NAMED, BEFORE)), ("/permission/0/constraint/0 kom:participant not-satisfied",)),
        (
            offer(rule({"or": [NAMED, {"xone": [BEFORE, BEFORE]}]})),
            (
                "/permission/0/constraint/0/or/0 kom:participant not-satisfied",
                "/permission/0/constraint/0/or/1 xone not-satisfied",
            ),
        ),
        (offer(rule({"and": []})), ("/permission/0/constraint/0 and unknown",)),
        (offer(rule(constraint("urn:secret", "eq", "1"))), ("/permission/0/constraint/0 unknown-operand unknown",)),
        (offer(rule(surprise="secret")), ("/permission/0 member-unknown",)),
        (offer(rule(action="urn:secret")), ("/permission/0 scope-unknown",)),
        (offer(rule(action="odrl:print")), ("no-rule-applies",)),
        (
            offer(rule(), prohibition=[rule(constraint("odrl:purpose", "eq", "urn:secret"))]),
            ("/prohibition/0 prohibited", "/prohibition/0/constraint/0 odrl:purpose unknown"),
        ),
        (
            offer(rule(duty=[rule(action="odrl:inform"), rule(BEFORE, action="odrl:delete")])),
            ("/permission/0/duty/0 duty-unfulfilled", "/permission/0/duty/1 duty-unfulfilled"),
        ),
        (offer(rule(), "profile", profile="urn:secret"), ("/profile unknown-profile",)),
    ],
)
def test_reasons_name_rules_and_operands_and_never_values(document: Any, reasons: tuple[str, ...]) -> None:
    found = decide(document, asked(assignee=VENDOR)).reasons
    assert found == reasons
    assert not any("secret" in reason or "did:" in reason for reason in found)


def test_the_number_of_reasons_is_limited() -> None:
    assert len(decide(offer(*[rule(constraint(PARTICIPANT, "eq", VENDOR))] * 30)).reasons) == 10
