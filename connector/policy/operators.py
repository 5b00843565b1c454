"""The twelve operators of ODRL, three-valued: `True`, `False`, or `None` when the answer is unknown.

Source: ODRL Vocabulary 2.2, "Constraint Operators"; where its text is open, the reading chosen here is written at each
function. Left and right are sets of values of one kind; a larger set than an operator can use is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connector.policy.values import Kind, Typed, absolute_pair, order

Narrower = Callable[[str, str], bool | None]
"""Tells whether one IRI is another, or narrower than it (part of it, an instance of it), by the facts given; `None` when
they say nothing about the first."""

Truth = bool | None
Values = tuple[Any, ...]
_ORDERED: frozenset[Kind] = frozenset({"dateTime", "duration", "number"})


def every(states: Iterable[bool | None]) -> bool | None:
    """Return whether all hold (Kleene's strong conjunction)."""
    answer: bool | None = True
    for state in states:
        if state is False:
            return False
        if state is None:
            answer = None
    return answer


def some(states: Iterable[bool | None]) -> bool | None:
    """Return whether any holds (Kleene's strong disjunction)."""
    answer: bool | None = False
    for state in states:
        if state is True:
            return True
        if state is None:
            answer = None
    return answer


def exactly_one(states: Iterable[bool | None]) -> bool | None:
    """Return whether exactly one holds; two that hold refute it whatever the others are."""
    found = list(states)
    holding = found.count(True)
    if holding > 1:
        return False
    return None if None in found else holding == 1


def negate(state: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return None if state is None else not state


def apply(operator: str, kind: Kind, left: Values, right: Values, narrower: Narrower) -> bool | None:
    """Return what an operator says of the values of a left operand and the right values, both of one kind.

    An empty side, an unknown operator, or one that does not fit the kind gives `None`.
    """
    if not left or not right:
        return None
    if operator in _COMPARISONS:
        return _compare(operator, kind, left, right)
    if operator in _SETS:
        return _SETS[operator](left, right, _same(kind, narrower))
    if kind == "iri" and operator in _PARTS:
        return _PARTS[operator](left, right, _member(narrower))
    return None


def _equal(one: Typed, other: Typed) -> bool | None:
    if isinstance(one, str) and isinstance(other, str):
        return True if one == other else absolute_pair(one, other)
    found = order(one, other)
    return None if found is None else found == 0


def _compare(operator: str, kind: Kind, left: Values, right: Values) -> bool | None:
    """Compare one value with one value; ordering needs a kind that has a total order or a comparable pair."""
    if len(left) != 1 or len(right) != 1:
        return None
    if operator in ("eq", "neq"):
        same = (left[0] == right[0]) if kind == "string" else _equal(left[0], right[0])
        return same if operator == "eq" else negate(same)
    found = order(left[0], right[0]) if kind in _ORDERED else None
    return None if found is None else found in _COMPARISONS[operator]


_COMPARISONS: dict[str, frozenset[int]] = {
    "eq": frozenset({0}),
    "neq": frozenset({-1, 1}),
    "lt": frozenset({-1}),
    "lteq": frozenset({-1, 0}),
    "gt": frozenset({1}),
    "gteq": frozenset({0, 1}),
}


Same = Callable[[Any, Any], bool | None]


def _same(kind: Kind, narrower: Narrower) -> Same:
    """Return how a left value meets a right one: as the same value, or for IRIs as a narrower one.

    An IRI of which no membership is stated is no member.
    """
    if kind == "iri":
        return lambda one, other: True if narrower(one, other) else absolute_pair(one, other)
    return (lambda one, other: one == other) if kind == "string" else _equal


def _member(narrower: Narrower) -> Same:
    """Return how an IRI is part of another: unknown when nothing is stated about what it is part of."""
    return lambda one, other: narrower(one, other) if absolute_pair(one, other) is False else (one == other) or None


def _any_of(left: Values, right: Values, same: Same) -> bool | None:
    return some(same(one, other) for one in left for other in right)


def _none_of(left: Values, right: Values, same: Same) -> bool | None:
    return negate(_any_of(left, right, same))


def _all_of(left: Values, right: Values, same: Same) -> bool | None:
    """Return whether every right value is among the left ones (L is a superset of R)."""
    return every(some(same(one, other) for one in left) for other in right)


def _is_part_of(left: Values, right: Values, same: Same) -> bool | None:
    """Return whether every left value is contained in some right one."""
    return every(some(same(one, other) for other in right) for one in left)


def _has_part(left: Values, right: Values, same: Same) -> bool | None:
    """Return whether every right value is contained in some left one."""
    return every(some(same(other, one) for one in left) for other in right)


_SETS: dict[str, Callable[[Values, Values, Same], bool | None]] = {
    "isAnyOf": _any_of,
    "isNoneOf": _none_of,
    "isAllOf": _all_of,
}
_PARTS: dict[str, Callable[[Values, Values, Same], bool | None]] = {
    "isA": _any_of,
    "isPartOf": _is_part_of,
    "hasPart": _has_part,
}

OPERATORS = frozenset({*_COMPARISONS, *_SETS, *_PARTS})
"""Every operator, by its bare ODRL name."""
