from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.policy.operators import OPERATORS, Truth, apply, every, exactly_one, negate, some
from connector.policy.values import Kind

A, B, C, GROUP = "urn:a", "urn:b", "urn:c", "urn:group"
PARTS = {A: {GROUP}, B: {"urn:elsewhere"}}


def narrower(one: str, other: str) -> bool | None:
    if one == other:
        return True
    return other in PARTS[one] if one in PARTS else None


@pytest.mark.parametrize(
    ("states", "all_hold", "any_holds", "one_holds"),
    [
        ([], True, False, False),
        ([True], True, True, True),
        ([True, None], None, True, None),
        ([False, None], False, None, None),
        ([True, True], True, True, False),
        ([True, True, None], None, True, False),
        ([True, False], False, True, True),
        ([False, False], False, False, False),
        ([None], None, None, None),
    ],
)
def test_logic_is_kleenes(states: list[Truth], all_hold: Truth, any_holds: Truth, one_holds: Truth) -> None:
    assert every(states) is all_hold
    assert some(states) is any_holds
    assert exactly_one(states) is one_holds


def test_the_opposite_of_unknown_is_unknown() -> None:
    assert [negate(state) for state in (True, False, None)] == [False, True, None]


ONE, TWO = Decimal(1), Decimal(2)
MONTH, THIRTY_DAYS = (1, Decimal(0)), (0, Decimal(30 * 86400))


@pytest.mark.parametrize(
    ("operator", "kind", "left", "right", "found"),
    [
        ("eq", "number", [ONE], [Decimal("1.0")], True),
        ("eq", "number", [ONE], [TWO], False),
        ("neq", "number", [ONE], [TWO], True),
        ("lt", "number", [ONE], [TWO], True),
        ("lt", "number", [ONE], [ONE], False),
        ("lteq", "number", [ONE], [ONE], True),
        ("gt", "number", [TWO], [ONE], True),
        ("gteq", "number", [ONE], [TWO], False),
        ("eq", "number", [ONE, TWO], [ONE], None),
        ("eq", "number", [ONE], [ONE, TWO], None),
        ("eq", "number", [], [ONE], None),
        ("isNoneOf", "number", [ONE], [], None),
        ("eq", "duration", [MONTH], [THIRTY_DAYS], None),
        ("neq", "duration", [MONTH], [THIRTY_DAYS], None),
        ("lt", "duration", [MONTH], [THIRTY_DAYS], None),
        ("eq", "string", ["a"], ["a"], True),
        ("eq", "string", ["a"], ["b"], False),
        ("lt", "string", ["a"], ["b"], None),
        ("isAnyOf", "string", ["a"], ["b", "a"], True),
        ("isNoneOf", "string", ["a"], ["b"], True),
        ("isAllOf", "string", ["a", "b", "c"], ["a", "b"], True),
        ("isAllOf", "string", ["a"], ["a", "b"], False),
        ("isA", "string", ["a"], ["a"], None),
        ("eq", "iri", [A], [A], True),
        ("eq", "iri", [A], [B], False),
        ("eq", "iri", [A], [GROUP], False),
        ("eq", "iri", ["flood"], ["flood"], True),
        ("eq", "iri", ["flood"], [A], None),
        ("neq", "iri", ["flood"], [A], None),
        ("lt", "iri", [A], [B], None),
        ("isAnyOf", "iri", [A], [B, GROUP], True),
        ("isAnyOf", "iri", [C], [B, GROUP], False),
        ("isAnyOf", "iri", ["flood"], [B], None),
        ("isNoneOf", "iri", [C], [B], True),
        ("isNoneOf", "iri", [A], [GROUP], False),
        ("isNoneOf", "iri", ["flood"], [B], None),
        ("isAllOf", "iri", [A, B], [GROUP, B], True),
        ("isA", "iri", [A], [GROUP], True),
        ("isA", "iri", [B], [GROUP], False),
        ("isA", "iri", [C], [GROUP], None),
        ("isA", "iri", ["flood"], ["flood"], True),
        ("isA", "iri", ["flood"], [GROUP], None),
        ("isPartOf", "iri", [A], [GROUP], True),
        ("isPartOf", "iri", [A, B], [GROUP], False),
        ("isPartOf", "iri", [A, C], [GROUP], None),
        ("hasPart", "iri", [GROUP], [A], True),
        ("hasPart", "iri", [GROUP], [A, B], False),
        ("hasPart", "iri", [GROUP], [C], None),
        ("eq", "boolean", [True], [True], True),
        ("eq", "boolean", [True], [False], False),
        ("isAnyOf", "dateTime", [1.0], [2.0, 1.0], True),
        ("odd", "iri", [A], [A], None),
    ],
)
def test_an_operator_says_yes_no_or_unknown(
    operator: str, kind: Kind, left: list[Any], right: list[Any], found: Truth
) -> None:
    assert apply(operator, kind, tuple(left), tuple(right), narrower) is found


def test_all_twelve_operators_are_there() -> None:
    assert len(OPERATORS) == 12
