"""A policy as one predicate, for the data plane and for filtering catalogs: the answer of `evaluate`, without its trace.

Each condition becomes a pair of tests: `must` (it holds for certain) decides permissions, `may` (it is not refuted)
decides prohibitions. Together they are three-valued logic in two-valued steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from connector.policy import actions, activity, terms
from connector.policy.model import Constraint, constraints
from connector.policy.operands import DATE_TIME, IN_FORCE_DATE, PARTICIPANT, TIME_SINCE_AGREEMENT
from connector.policy.operators import OPERATORS
from connector.policy.state import state
from connector.policy.values import identity
from connector.policy.world import Facts, Request, World

if TYPE_CHECKING:
    from connector.policy.model import Condition, LogicalConstraint, Policy, Rule, Subject
    from connector.policy.values import Typed

Test = Callable[[Request, Facts], bool]
Tests = tuple[Test, Test]
"""(must, may) of one thing."""

_covers = lru_cache(maxsize=4096)(lambda rule, asked: actions.covers(rule, terms.vocabulary(asked)))
_identity = lru_cache(maxsize=4096)(identity)
_name = lru_cache(maxsize=4096)(lambda asked: identity(terms.expand(asked)))
_absolute = lru_cache(maxsize=4096)(terms.absolute)
_MOST_ANSWERS = 10_000
_TIMELY = frozenset({"dateTime", "duration"})
_TIMED: dict[str, Callable[[float], Tests]] = {
    "eq": lambda end: (lambda request, _: request.now == end, lambda request, _: not abs(request.now - end) > 0),
    "neq": lambda end: (lambda request, _: abs(request.now - end) > 0, lambda request, _: request.now != end),
    "lt": lambda end: (lambda request, _: request.now < end, lambda request, _: not request.now >= end),
    "lteq": lambda end: (lambda request, _: request.now <= end, lambda request, _: not request.now > end),
    "gt": lambda end: (lambda request, _: request.now > end, lambda request, _: not request.now <= end),
    "gteq": lambda end: (lambda request, _: request.now >= end, lambda request, _: not request.now < end),
}


def compile_policy(policy: Policy) -> Test:
    """Return a predicate that answers as `evaluate(policy, request, facts).permits` does."""
    if activity.stops(policy):
        return _never
    decided = _decided(policy)
    if policy.kind != "Offer" or not _since_agreement(policy):
        return decided
    return lambda request, facts: decided(request, activity.as_agreement(policy, request, facts))


def _decided(policy: Policy) -> Test:
    permits = tuple(_granting(rule) for rule in policy.permissions)
    applies = tuple(_applying(rule) for rule in policy.prohibitions)
    strategy = activity.strategy(policy)
    if not applies or strategy == "perm":
        return _one_of(permits)
    clashes = _clashes(policy) if strategy == "invalid" else ()
    return _without(_one_of(permits), _one_of(applies + clashes))


def _since_agreement(policy: Policy) -> bool:
    """Tell whether an answer may hang on when the agreement was made."""
    return any(constraint.left in (TIME_SINCE_AGREEMENT, IN_FORCE_DATE) for constraint in constraints(policy))


def _never(_request: Request, _facts: Facts) -> bool:
    return False


def _always(_request: Request, _facts: Facts) -> bool:
    return True


def _one_of(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def found(request: Request, facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs as much as the tests
            if test(request, facts):
                return True
        return False

    return found


def _all_of(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def held(request: Request, facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - as above
            if not test(request, facts):
                return False
        return True

    return held


def _without(granted: Test, refused: Test) -> Test:
    return lambda request, facts: granted(request, facts) and not refused(request, facts)


def _clashes(policy: Policy) -> tuple[Test, ...]:
    """Return a test for each permission and prohibition that conflict somewhere while both may be active."""
    active = {id(rule): _active_may(rule) for rule in (*policy.permissions, *policy.prohibitions)}
    return tuple(
        _all_of((active[id(permission)], active[id(prohibition)]))
        for permission in policy.permissions
        for prohibition in policy.prohibitions
        if activity.overlap(permission, prohibition)
    )


def _granting(rule: Rule) -> Test:
    tests = [_action(rule)[0], _target(rule)[0], _assignee(rule)[0]]
    tests += [_never] if rule.unknown else [_tests(each, promise=True)[0] for each in rule.constraints]
    tests += [_settled(duty) for duty in rule.then]
    return _all_of(tuple(test for test in tests if test is not _always))


def _applying(rule: Rule) -> Test:
    tests = [_action(rule)[1], _target(rule)[1], _assignee(rule)[1], _active_may(rule)]
    return _all_of(tuple(test for test in tests if test is not _always))


def _active_may(rule: Rule) -> Test:
    promise = rule.kind == "permission"
    tests = [_tests(each, promise=promise)[1] for each in rule.constraints]
    if promise:
        tests += [_settled(duty) for duty in rule.then]
    return _all_of(tuple(tests)) if tests else _always


def _settled(duty: Rule) -> Test:
    return lambda request, facts: activity.settled(duty, World(request, facts, promise=False))


def _action(rule: Rule) -> Tests:
    action = rule.action
    if action.refinements or action.unknown or not action.iri:
        return _slow(lambda world: activity.about_action(action, world), promise=rule.kind == "permission")
    iri = action.iri
    return (
        lambda request, _: _covers(iri, request.action) is True,
        lambda request, _: _covers(iri, request.action) is not False,
    )


def _target(rule: Rule) -> Tests:
    return _subject(rule, rule.target, lambda request: request.target)


def _assignee(rule: Rule) -> Tests:
    return _subject(rule, rule.assignee, lambda request: request.assignee)


def _subject(rule: Rule, subject: Subject | None, asked: Callable[[Request], str]) -> Tests:
    if subject is None:
        return _always, _always
    must, may = _slow(
        lambda world: activity.about_subject(subject, asked(world.request), world), promise=rule.kind == "permission"
    )
    if subject.refinements or subject.unknown:
        return must, may
    name = identity(subject.iri)

    def apart(request: Request, facts: Facts) -> bool:
        return not subject.collection and not facts.part_of and asked(request) != ""

    return (
        lambda request, facts: _name(asked(request)) == name or (not apart(request, facts) and must(request, facts)),
        lambda request, facts: _name(asked(request)) == name or (not apart(request, facts) and may(request, facts)),
    )


def _slow(answer: Callable[[World], bool | None], *, promise: bool) -> Tests:
    return (
        lambda request, facts: answer(World(request, facts, promise)) is True,
        lambda request, facts: answer(World(request, facts, promise)) is not False,
    )


def _tests(condition: Condition, *, promise: bool) -> Tests:
    if isinstance(condition, Constraint):
        return _fast(condition) or _lasting(condition, promise=promise)
    if condition.unknown or not condition.operands:
        return _never, _always
    if condition.kind == "andSequence":
        return _slow(lambda world: state(condition, world), promise=promise)
    return _logical(condition, promise=promise)


def _logical(condition: LogicalConstraint, *, promise: bool) -> Tests:
    inner = [_tests(each, promise=promise and condition.kind != "xone") for each in condition.operands]
    musts, mays = tuple(must for must, _ in inner), tuple(may for _, may in inner)
    if condition.kind == "and":
        return _all_of(musts), _all_of(mays)
    if condition.kind == "or":
        return _one_of(musts), _one_of(mays)
    return (
        lambda request, facts: _count(musts, request, facts) == 1 and _count(mays, request, facts) == 1,
        lambda request, facts: _count(musts, request, facts) <= 1 and _count(mays, request, facts) >= 1,
    )


def _count(tests: tuple[Test, ...], request: Request, facts: Facts) -> int:
    return sum(test(request, facts) for test in tests)


def _fast(constraint: Constraint) -> Tests | None:
    """Return the tests of the two operands that nearly every policy uses; `None` for the general way."""
    operand = constraint.operand
    if operand is None or constraint.operator not in OPERATORS or constraint.unit:
        return None
    if operand.iri == DATE_TIME:
        return _fast_time(constraint)
    return _fast_participant(constraint) if operand.iri == PARTICIPANT else None


def _lasting(constraint: Constraint, *, promise: bool) -> Tests:
    """Return tests that ask once for the same facts where time does not count: a catalogue's offers say much the same."""
    operand, key = constraint.operand, (constraint.left, constraint.operator, constraint.values, promise)
    must, may = _slow(lambda world: state(constraint, world), promise=promise)
    if operand is None or operand.kind in _TIMELY or constraint.unit or constraint.values is None:
        return must, may

    def answer(request: Request, facts: Facts) -> tuple[bool, bool]:
        answers = _seen(request, facts).answers
        found = answers.get(key)
        if found is None:
            found = must(request, facts), may(request, facts)
            if len(answers) < _MOST_ANSWERS:
                answers[key] = found
        return found

    return (lambda request, facts: answer(request, facts)[0]), (lambda request, facts: answer(request, facts)[1])


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found out about one assignee under one set of facts: all that it belongs to, and answers to constraints."""

    facts: Facts
    assignee: str
    above: frozenset[str]
    answers: dict[Any, tuple[bool, bool]]


_last = [_Seen(Facts(), "", frozenset(), {})]
"""Of the last facts alone: filtering a catalogue asks of the same ones again and again."""


def _seen(request: Request, facts: Facts) -> _Seen:
    seen = _last[0]
    if seen.facts is not facts or seen.assignee != request.assignee:
        seen = _last[0] = _Seen(facts, request.assignee, _above(facts, _identity(request.assignee)), {})
    return seen


def _above(facts: Facts, one: str) -> frozenset[str]:
    """Return everything that an IRI belongs to, through any number of steps."""
    found, waiting = set[str](), [one]
    while waiting:
        fresh = set(facts.part_of.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return frozenset(found)


def _fast_time(constraint: Constraint) -> Tests | None:
    ends = constraint.values
    if ends is None or len(ends) != 1 or not isinstance(ends[0], float) or constraint.operator not in _TIMED:
        return None
    return _TIMED[constraint.operator](ends[0])


def _fast_participant(constraint: Constraint) -> Tests | None:
    """Return tests that know at once a participant who is named, and go the general way for everyone else."""
    named = constraint.values
    if not named or (constraint.operator not in ("isAnyOf", "isNoneOf") and len(named) != 1):
        return None
    must, may = _slow(lambda world: state(constraint, world), promise=False)
    alone = _always if constraint.operator in ("eq", "neq") else _alone(frozenset(map(str, named)))
    known = _known(alone, strangers=all(map(terms.absolute, map(str, named))))
    if constraint.operator in ("eq", "isAnyOf"):
        return _among(frozenset(named), must, may, alone, known)
    if constraint.operator in ("neq", "isNoneOf"):
        return _apart(frozenset(named), must, may, known)
    return None


def _among(named: frozenset[Typed], must: Test, may: Test, alone: Test, known: Test) -> Tests:
    return (
        lambda request, facts: (
            _identity(request.assignee) in named or (not alone(request, facts) and must(request, facts))
        ),
        lambda request, facts: (
            _identity(request.assignee) in named or (not known(request, facts) and may(request, facts))
        ),
    )


def _apart(named: frozenset[Typed], must: Test, may: Test, known: Test) -> Tests:
    return (
        lambda request, facts: (
            _identity(request.assignee) not in named and (known(request, facts) or must(request, facts))
        ),
        lambda request, facts: (
            _identity(request.assignee) not in named and (known(request, facts) or may(request, facts))
        ),
    )


def _alone(named: frozenset[str]) -> Test:
    """Return whether somebody belongs to none of those named, as far as is known."""
    return lambda request, facts: not facts.part_of or _seen(request, facts).above.isdisjoint(named)


def _known(alone: Test, *, strangers: bool) -> Test:
    """Return whether somebody who is not named is certainly none of those named: all are absolute, it belongs to none."""
    return lambda request, facts: strangers and _absolute(request.assignee) and alone(request, facts)
