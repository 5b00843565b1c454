from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from connector.policy import compile as compiling
from connector.policy.compile import compile_policy
from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import parse
from connector.policy.state import state
from connector.policy.terms import ODRL
from connector.policy.world import World
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
    offer,
    rule,
)

NAN = float("nan")
ASKERS = [EKBY, "did:web:EKBY.example", VENDOR, "nobody", "", "urn:group"]
KNOWN = [Facts(), Facts(part_of={VENDOR: ["urn:group"], EKBY: []})]


@pytest.mark.parametrize("operator", ["eq", "neq", "isAnyOf", "isNoneOf", "isPartOf", "isA", "lt", "odd"])
@pytest.mark.parametrize(
    "right", [EKBY, [EKBY, REGION], "urn:group", "nobody", [], {"@value": "1", "@type": "xsd:date"}]
)
def test_the_quick_tests_of_participants_answer_as_the_slow_ones(operator: str, right: Any) -> None:
    named = rule(constraint(PARTICIPANT, operator, right))
    for document in (offer(named), offer(rule(), prohibition=[named])):
        policy = parse(document)
        quick = compile_policy(policy)
        for asker in ASKERS:
            for facts in KNOWN:
                request = asked(assignee=asker)
                assert quick(request, facts) is evaluate(policy, request, facts).permits


@pytest.mark.parametrize("operator", ["lt", "lteq", "gt", "gteq", "eq", "neq", "isAnyOf"])
@pytest.mark.parametrize("right", ["2026-06-01", "2026-06-01T12:00:00Z", ["2026-06-01", "2027-01-01"], "soon"])
def test_the_quick_tests_of_time_answer_as_the_slow_ones(operator: str, right: Any) -> None:
    timed = rule(constraint("odrl:dateTime", operator, right))
    for document in (offer(timed), offer(rule(), prohibition=[timed])):
        policy = parse(document)
        quick = compile_policy(policy)
        for now in (at("2026-05-31"), at("2026-06-01"), at("2026-06-01T12:00:00Z"), at("2027-01-01"), NAN):
            request = Request("odrl:read", DATASET, EKBY, now)
            assert quick(request, Facts()) is evaluate(policy, request, Facts()).permits


def test_a_policy_that_cannot_be_evaluated_permits_nothing() -> None:
    assert not compile_policy(parse(offer(rule(), profile="urn:unknown")))(asked(), Facts())


@pytest.mark.parametrize("kind", ["and", "or", "xone", "andSequence"])
def test_an_empty_or_spoiled_logical_constraint_is_unknown(kind: str) -> None:
    doubtful: list[Any] = [{kind: []}, {kind: [constraint(PARTICIPANT, "eq", VENDOR)], "surprise": 1}]
    for spoiled in doubtful:
        for document in (offer(rule(spoiled)), offer(rule(), prohibition=[rule(spoiled)])):
            policy = parse(document)
            assert not compile_policy(policy)(asked(), Facts())
            assert not evaluate(policy, asked(), Facts()).permits


@pytest.mark.parametrize("kind", ["and", "or", "xone", "andSequence"])
def test_logical_constraints_answer_as_the_slow_ones(kind: str) -> None:
    for asker in (EKBY, VENDOR, ""):
        both = {kind: [constraint(PARTICIPANT, "eq", EKBY), constraint("odrl:dateTime", "lt", "2026-06-02")]}
        for document in (offer(rule(both)), offer(rule(), prohibition=[rule(both)])):
            policy, request = parse(document), asked(assignee=asker)
            assert compile_policy(policy)(request, Facts()) is evaluate(policy, request, Facts()).permits


def test_several_rules_and_refinements_are_compiled() -> None:
    refined = rule(action=[{"rdf:value": {"@id": "use"}, "refinement": [constraint("odrl:version", "eq", "1")]}])
    document = offer(
        refined,
        rule(assignee={"source": "urn:group", "refinement": [constraint("odrl:version", "eq", "1")]}),
        rule(target=DATASET, assignee=VENDOR),
        prohibition=[rule(assignee="urn:group"), rule(action="odrl:sell")],
    )
    quick = compile_policy(parse(document))
    assert quick(asked(assignee=VENDOR), Facts())
    assert not quick(asked(assignee=EKBY), Facts())
    assert not quick(asked(assignee=VENDOR), KNOWN[1])


def test_the_compiled_form_is_much_quicker_than_the_explaining_one() -> None:
    period = [
        constraint("odrl:dateTime", "gteq", {"@value": "2026-01-01T00:00:00Z", "@type": "xsd:dateTime"}),
        constraint("odrl:dateTime", "lt", {"@value": "2028-01-01T00:00:00Z", "@type": "xsd:dateTime"}),
    ]
    named = constraint(PARTICIPANT, "isAnyOf", [EKBY, REGION])
    policy = parse(offer(rule(*period, named), prohibition=[rule(assignee=VENDOR)]))
    quick = compile_policy(policy)
    for asker in (EKBY, VENDOR, "did:web:stranger.example"):
        request, facts = asked(assignee=asker), Facts()
        compiled = min(_seconds(partial(quick, request, facts)) for _ in range(5))
        explained = min(_seconds(partial(evaluate, policy, request, facts)) for _ in range(5))
        assert compiled * 5 < explained


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(200):
        run()
    return time.perf_counter() - start


def test_offers_that_say_the_same_are_asked_once_of_the_same_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(condition: Any, world: World) -> bool | None:
        asked.append(condition.pointer)
        return state(condition, world)

    monkeypatch.setattr(compiling, "state", counted)
    purpose = constraint("odrl:purpose", "isA", {"@id": "urn:floods"})
    tests = [compile_policy(parse(offer(rule(purpose)))) for _ in range(50)]
    floods = Facts(values={ODRL + "purpose": "urn:dykes"}, part_of={"urn:dykes": ["urn:floods"]})
    roads = Facts(values={ODRL + "purpose": "urn:roads"}, part_of={"urn:roads": []})
    request = Request("odrl:read", DATASET, EKBY, at(NOW))
    assert [all(test(request, facts) for test in tests) for facts in (floods, roads, floods)] == [True, False, True]
    assert len(asked) == 2 * 3, "must and may, for each change of facts"


def test_answers_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_MOST_ANSWERS", 1)
    facts, request = Facts(values={ODRL + "version": "2"}), Request("odrl:read", DATASET, EKBY, at(NOW))
    tests = [compile_policy(parse(offer(rule(constraint("odrl:version", "eq", str(each)))))) for each in range(4)]
    assert [test(request, facts) for test in tests] == [False, False, True, False]
    assert len(compiling._last[0].answers) == 1


@pytest.mark.parametrize("operator", ["eq", "neq", "isAnyOf", "isNoneOf"])
@pytest.mark.parametrize("groups", [["urn:towns"], ["urn:shire"], []])
def test_a_member_of_something_named_is_found_through_every_step(operator: str, groups: list[str]) -> None:
    policy = parse(offer(rule(constraint(PARTICIPANT, operator, {"@id": "urn:towns"}))))
    facts = Facts(part_of={EKBY: groups, "urn:shire": ["urn:county"], "urn:county": ["urn:towns", "urn:shire"]})
    request = Request("odrl:read", DATASET, EKBY, at(NOW))
    assert compile_policy(policy)(request, facts) is evaluate(policy, request, facts).permits
