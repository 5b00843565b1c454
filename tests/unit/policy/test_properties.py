"""What holds for every policy, request and state of the facts."""

from __future__ import annotations

import math
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.errors import Invalid
from connector.policy.compare import differences
from connector.policy.compile import compile_policy
from connector.policy.evaluate import Facts, Request, evaluate
from connector.policy.parse import check_wire, expand_terms, parse
from connector.policy.write import write
from tests.unit.policy.documents import (
    asked,
    conditions,
    facts,
    nonsense,
    policies,
    requests,
    rules,
    spoiled,
    timed_policies,
)

MANY = settings(max_examples=100)


@MANY
@given(nonsense)
def test_nonsense_is_refused_or_read_and_never_permits_without_a_permission(document: Any) -> None:
    for function in (parse, check_wire, expand_terms):
        with suppress(Invalid):
            function(document)
    differences(document, document)
    try:
        policy = parse(document)
    except Invalid:
        return
    decision = evaluate(policy, asked(), Facts())
    assert not decision.permits or policy.permissions


@MANY
@given(spoiled(), requests, facts)
def test_a_policy_with_nonsense_anywhere_is_refused_or_evaluated(document: Any, request: Request, known: Facts) -> None:
    for function in (parse, check_wire, expand_terms):
        with suppress(Invalid):
            function(document)
    differences(document, document)
    with suppress(Invalid):
        policy = parse(document)
        decision = evaluate(policy, request, known)
        assert compile_policy(policy)(request, known) is decision.permits
        assert parse(write(policy), nodes=10_000) == policy


@MANY
@given(policies(), nonsense, requests, facts)
def test_nonsense_inside_a_rule_never_permits_more(document: Any, value: Any, request: Request, known: Facts) -> None:
    before = evaluate(parse(document), request, known).permits
    spoiled = deepcopy(document)
    for permission in spoiled["permission"]:
        permission["constraint"] = [*permission.get("constraint", []), value]
    try:
        policy = parse(spoiled)
    except Invalid:
        return
    assert before or not evaluate(policy, request, known).permits


@MANY
@given(st.one_of(policies(), timed_policies()), requests, facts)
def test_the_compiled_form_answers_as_the_explaining_one(document: Any, request: Request, known: Facts) -> None:
    policy = parse(document)
    assert compile_policy(policy)(request, known) is evaluate(policy, request, known).permits


@MANY
@given(policies(), conditions, requests, facts)
def test_a_constraint_added_to_a_permission_never_permits_more(
    document: Any, added: Any, request: Request, known: Facts
) -> None:
    assume(document["odrl:conflict"] != {"@id": "odrl:invalid"})
    before = evaluate(parse(document), request, known)
    longer = deepcopy(document)
    first = longer["permission"][0]
    first["constraint"] = [*first.get("constraint", []), added]
    assert before.permits or not evaluate(parse(longer), request, known).permits


@MANY
@given(policies(), rules(permission=False), requests, facts)
def test_a_prohibition_added_never_permits_more(document: Any, added: Any, request: Request, known: Facts) -> None:
    before = evaluate(parse(document), request, known)
    longer = {**document, "prohibition": [*document.get("prohibition", []), added]}
    assert before.permits or not evaluate(parse(longer), request, known).permits


@MANY
@given(policies(), requests, facts)
def test_lenient_duties_never_permit_less(document: Any, request: Request, known: Facts) -> None:
    policy = parse({**document, "odrl:conflict": {"@id": "odrl:prohibit"}})
    strict = evaluate(policy, request, replace(known, lenient=False)).permits
    assert not strict or evaluate(policy, request, replace(known, lenient=True)).permits


@MANY
@given(st.one_of(timed_policies(), policies()), requests, facts)
def test_nothing_flips_before_the_next_change_and_something_does_at_it(
    document: Any, request: Request, known: Facts
) -> None:
    policy = parse(document)
    decision = evaluate(policy, request, known)
    if decision.next_change is None:
        later = replace(request, now=request.now + 10 * 366 * 86400)
    else:
        assert decision.next_change > request.now
        assert evaluate(policy, replace(request, now=decision.next_change), known).permits is not decision.permits
        later = replace(request, now=math.nextafter(decision.next_change, -math.inf))
    assert evaluate(policy, later, known).permits is decision.permits


@MANY
@given(policies())
def test_what_is_written_reads_as_the_same_policy(document: Any) -> None:
    policy = parse(document)
    assert parse(write(policy)) == policy
    assert write(parse(write(policy))) == write(policy)


@MANY
@given(nonsense)
def test_nonsense_that_can_be_read_is_written_unchanged(document: Any) -> None:
    try:
        policy = parse(document)
    except Invalid:
        return
    assert parse(write(policy), nodes=10_000) == policy


@MANY
@given(policies(), policies())
def test_a_policy_differs_from_none_of_its_spellings(document: Any, other: Any) -> None:
    known = not any("surprise" in str(rule) for rule in document["permission"] + document.get("prohibition", []))
    turned = {
        name: list(reversed(value)) if isinstance(value, list) else value for name, value in reversed(document.items())
    }
    assert bool(differences(document, turned)) is not known
    assert bool(differences(document, other)) == bool(differences(other, document))
