"""What is asked and what is known: the request, the facts, and the values that they give to left operands."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.policy.operands import (
    DATE_TIME,
    IN_FORCE_DATE,
    PARTICIPANT,
    TIME_SINCE_AGREEMENT,
    Operand,
)
from connector.policy.values import Typed, all_typed, identity, instant, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.policy.model import Constraint

_AFTER_AGREEMENT = re.compile(r"contractAgreement\+(\d{1,9})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Request:
    """One act that somebody asks to do.

    Args:
        action: a full IRI, a prefixed or a bare ODRL term, such as `odrl:read`.
        target: the asset's IRI; "" when it is not stated.
        assignee: the verified identifier of the peer; "" when it is not stated.
        now: seconds since 1970; NaN when it is not stated.
    """

    action: str
    target: str
    assignee: str
    now: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beyond the request. Everything left out is unknown.

    Args:
        values: operand IRI to a JSON value, or a list of them.
        part_of: IRI to the collections, areas, groups or broader terms that it directly belongs to.
        duties: a duty's `uid` (its JSON pointer where it has none) to `fulfilled`, `violated` or `not-set`.
        since: operand IRI of a duration to the instant from which it is measured.
        due_from: a duty's `uid` or pointer to the instant of its trigger.
        satisfied_at: a constraint's `uid` or pointer to the instant at which it was first satisfied.
        units: operand IRI to the unit IRI in which its value is stated.
        transforms: the operands that the data plane can make true for this dataset.
        agreed_at: when the agreement was made.
        lenient: whether only violated duties block their permission.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    part_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    duties: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, float] = field(default_factory=dict)
    due_from: Mapping[str, float] = field(default_factory=dict)
    satisfied_at: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    transforms: frozenset[str] = frozenset()
    agreed_at: float | None = None
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """A request with its facts; `promise` lets transforms count (in a permission, never in a prohibition)."""

    request: Request
    facts: Facts
    promise: bool

    def left(self, operand: Operand) -> tuple[Typed, ...] | None:
        """Return the values of a left operand; `None` when they are not known or do not fit its type."""
        if operand.iri in (DATE_TIME, IN_FORCE_DATE):
            return None if math.isnan(self.request.now) else (self.request.now,)
        if operand.iri == PARTICIPANT:
            return (identity(self.request.assignee),) if self.request.assignee else None
        stated = self.facts.values.get(operand.iri)
        items = stated if isinstance(stated, (list, tuple)) else [stated]
        return all_typed([read_value(item) for item in items], operand.kind)

    def right(self, constraint: Constraint) -> tuple[Typed, ...] | None:
        """Return a constraint's right values as its operand's type; `None` when one does not fit."""
        return self._in_force(constraint) if constraint.left == IN_FORCE_DATE else constraint.values

    def start(self, operand: Operand) -> float | None:
        """Return the instant from which a duration operand is measured, if one is known."""
        if operand.kind != "duration":
            return None
        if operand.iri == TIME_SINCE_AGREEMENT and self.facts.agreed_at is not None:
            return self.facts.agreed_at
        return self.facts.since.get(operand.iri)

    def narrower(self, one: str, other: str) -> bool | None:
        """Tell whether an IRI is another or belongs to it, through any number of steps."""
        if one == other:
            return True
        part_of = self.facts.part_of
        if one not in part_of:
            return None
        seen, waiting = {one}, [one]
        while waiting:
            for broader in part_of.get(waiting.pop(), ()):
                if broader == other:
                    return True
                if broader not in seen:
                    seen.add(broader)
                    waiting.append(broader)
        return False

    def _in_force(self, constraint: Constraint) -> tuple[Typed, ...] | None:
        found = [_in_force(value.text, self.facts.agreed_at) for value in constraint.right]
        return None if None in found else tuple(moment for moment in found if moment is not None)


def after_agreement(text: str) -> int | None:
    """Return the seconds after the agreement that EDC's `contractAgreement+30d` speaks of; `None` for any other text."""
    match = _AFTER_AGREEMENT.fullmatch(text)
    return None if match is None else int(match[1]) * _SECONDS[match[2]]


def _in_force(text: str, agreed_at: float | None) -> float | None:
    """Return the instant that EDC's `inForceDate` speaks of: an xsd:dateTime or `contractAgreement+30d`."""
    seconds = after_agreement(text)
    if seconds is None:
        return instant(text)
    return None if agreed_at is None else agreed_at + seconds
