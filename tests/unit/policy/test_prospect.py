"""What somebody could do: an "only if" comes true when what it needs is so, and a "no" stays one whatever else is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.policy.prospect import pointers, prospect
from connector.policy.terms import ODRL
from tests.unit.policy.documents import EKBY, REGION, asked, at, constraint, offer, policies, requests, rule

SOON, LATER, OVER = (
    constraint("odrl:dateTime", operator, f"{year}-01-01T00:00:00Z")
    for operator, year in (("lt", 2027), ("gteq", 2028), ("lt", 2025))
)
FLOOD = constraint("odrl:purpose", "eq", {"@id": "urn:purpose:flood"})
AREA = constraint("odrl:spatial", "eq", {"@id": "urn:area"})
OURS, THEIRS = (constraint("kom:participant", "eq", {"@id": name}) for name in (EKBY, REGION))
SELL = rule(action="odrl:sell")
DUTY = rule(action="odrl:inform", uid="urn:duty")
P = "/permission/0/constraint"
CASES = {
    "nothing is asked": (offer(rule()), "yes", []),
    "another party": (offer(rule(THEIRS)), "no", []),
    "over": (offer(rule(OVER)), "no", []),
    "a purpose": (offer(rule(SOON, FLOOD)), "only-if", [("purpose", f"{P}/1")]),
    "a purpose and a fact": (offer(rule(FLOOD, AREA)), "only-if", [("purpose", f"{P}/0"), ("fact", f"{P}/1")]),
    "a time": (offer(rule(LATER)), "only-if", [("time", f"{P}/0")]),
    "a duty": (offer(rule(duty=[DUTY])), "only-if", [("duty", "/permission/0/duty/0")]),
    "the easier of two": (offer(rule(FLOOD, AREA), rule(AREA)), "only-if", [("fact", "/permission/1/constraint/0")]),
    "the possible of two": (offer(rule(THEIRS), rule(AREA)), "only-if", [("fact", "/permission/1/constraint/0")]),
    "all of": (offer(rule({"and": [OURS, FLOOD, AREA]})), "only-if", [("purpose", f"{P}/0/and/1"), ("fact", f"{P}/0/and/2")]),
    "all of, one refuted": (offer(rule({"and": [THEIRS, FLOOD]})), "no", []),
    "nothing of": (offer(rule({"and": []})), "no", []),
    "any of": (offer(rule({"or": [THEIRS, FLOOD]})), "only-if", [("purpose", f"{P}/0/or/1")]),
    "any of, all refuted": (offer(rule({"or": [THEIRS, OVER]})), "no", []),
    "one of": (offer(rule({"xone": [THEIRS, FLOOD]})), "only-if", [("fact", f"{P}/0")]),
    "one of, refuted": (offer(rule({"xone": [THEIRS, OVER]})), "no", []),
    "a collection": (offer(rule(assignee={"@type": "PartyCollection", "source": "urn:group"})), "only-if",
                     [("fact", "/permission/0")]),
    "a prohibition": (offer(rule(), prohibition=[rule()]), "no", []),
    "a prohibition that is not clear": (offer(rule(FLOOD), prohibition=[rule(AREA)]), "only-if",
                                        [("purpose", f"{P}/0"), ("prohibition", "/prohibition/0")]),
    "a prohibition that gives way": (offer(rule(FLOOD), prohibition=[rule()], conflict="perm"), "only-if",
                                     [("purpose", f"{P}/0")]),
    "a void policy": (offer(rule(FLOOD), prohibition=[rule(AREA)], conflict="invalid"), "no", []),
    "another act": (offer(SELL), "no", []),
    "an unknown profile": (offer(rule(), profile="urn:other"), "no", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_prospect(case: str) -> None:
    document, answer, needs = CASES[case]
    found = prospect(parse(document), asked(), Facts())
    assert (found.answer, [(each.kind, each.pointer) for each in found.needs]) == (answer, needs)


def test_a_yes_says_until_when_and_a_no_which_rules() -> None:
    assert prospect(parse(offer(rule(SOON))), asked(), Facts()).until == at("2027-01-01T00:00:00Z")
    assert prospect(parse(offer(rule(OVER), rule(THEIRS))), asked(), Facts()).rules == (
        "/permission/0",
        "/permission/1",
    )
    both = offer(rule(), prohibition=[SELL, rule()])
    assert prospect(parse(both), asked(), Facts()).rules == ("/prohibition/1",)
    assert prospect(parse(offer(SELL)), asked(), Facts()).rules == ()


def test_duties_that_are_done_or_broken_or_not_due() -> None:
    policy = parse(offer(rule(FLOOD, duty=[DUTY, rule(OVER, action="odrl:inform")])))
    done = prospect(policy, asked(), Facts(duties={"urn:duty": "fulfilled"}))
    assert [each.kind for each in done.needs] == ["purpose"]
    assert prospect(policy, asked(), Facts(duties={"urn:duty": "violated"})).answer == "no"


def test_every_pointer_of_a_need_leads_somewhere() -> None:
    for document, _, _ in CASES.values():
        policy = parse(document)
        found = prospect(policy, asked(), Facts())
        assert {*found.rules, *(each.pointer for each in found.needs)} <= pointers(policy).keys()


@given(policies(), requests)
def test_an_answer_agrees_with_the_engine(document: Any, request: Request) -> None:
    policy = parse(document)
    found = prospect(policy, request, Facts())
    assert (found.answer == "yes") == evaluate(policy, request, Facts()).permits
    assert (found.answer == "only-if") == bool(found.needs)


@given(policies(), requests)
def test_a_no_stays_one_whatever_purpose_is_declared(document: Any, request: Request) -> None:
    policy = parse(document)
    if prospect(policy, request, Facts()).answer == "no":
        for purpose in ("urn:purpose:flood", "urn:purpose:water"):
            known = replace(Facts(), values={ODRL + "purpose": purpose})
            assert not evaluate(policy, request, known).permits
