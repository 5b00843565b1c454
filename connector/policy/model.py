"""A policy as values: what a document says after reading, before anybody asks anything of it.

Source: ODRL Information Model 2.2. Rules are atomic (2.7.1): one action, one target, one assigner, one assignee; the
compact form was expanded on reading, and rules that came from one member of a document share its JSON pointer. Pointers
tell where a thing stood and take no part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from connector.policy.operands import Operand
from connector.policy.values import Typed, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

RuleKind = Literal["permission", "prohibition", "obligation", "duty", "remedy", "consequence"]
PolicyKind = Literal["Set", "Offer", "Agreement", "Assertion", "Privacy", "Request", "Ticket", "unknown"]
LogicalKind = Literal["and", "or", "xone", "andSequence"]
Extras = tuple[tuple[str, Any], ...]
"""Members that we do not understand, by name as written, kept for writing; in a rule they make it unknown."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One comparison. `left` is a full IRI; `operator` is a bare ODRL name where it is one of ODRL's.

    `reference` tells that the right side is only referred to: that is never fetched, so the constraint is unknown.
    `operand` and `values` are what the registry makes of left and right, worked out once on reading; without an operand
    the constraint is unknown, and so it is with values (`None`) that do not fit its type.
    """

    pointer: str = field(compare=False)
    left: str
    operator: str
    right: tuple[Value, ...]
    data_type: str = ""
    unit: str = ""
    status: tuple[Value, ...] = ()
    uid: str = ""
    reference: str = ""
    unknown: Extras = ()
    operand: Operand | None = field(default=None, compare=False, repr=False)
    values: tuple[Typed, ...] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LogicalConstraint:
    """Several conditions under one logical operand; an empty one is unknown."""

    pointer: str = field(compare=False)
    kind: LogicalKind
    operands: tuple[Condition, ...]
    uid: str = ""
    unknown: Extras = ()


Condition = Constraint | LogicalConstraint


@dataclass(frozen=True, slots=True)
class Action:
    """An action by full IRI, narrowed by refinements."""

    iri: str
    refinements: tuple[Condition, ...] = ()
    unknown: Extras = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """An asset or a party by IRI; `collection` when any member is meant, narrowed by refinements."""

    iri: str
    collection: bool = False
    refinements: tuple[Condition, ...] = ()
    unknown: Extras = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """An atomic rule.

    `then` holds what hangs on the rule: the duties of a permission (pre-conditions), the remedies of a prohibition, the
    consequences of a duty or obligation. `parties` are functions other than assigner and assignee, such as
    `informedParty`.
    """

    kind: RuleKind
    pointer: str = field(compare=False)
    action: Action
    target: Subject | None = None
    assigner: Subject | None = None
    assignee: Subject | None = None
    constraints: tuple[Condition, ...] = ()
    then: tuple[Rule, ...] = ()
    uid: str = ""
    parties: tuple[tuple[str, str], ...] = ()
    unknown: Extras = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy: its kind, its atomic rules, and what governs them.

    `conflict` holds every strategy stated, as bare names; `inherits` the policies whose rules are still missing;
    `replaced_by` the policy that makes this one void.
    """

    kind: PolicyKind
    uid: str = ""
    profiles: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
    permissions: tuple[Rule, ...] = ()
    prohibitions: tuple[Rule, ...] = ()
    obligations: tuple[Rule, ...] = ()
    inherits: tuple[str, ...] = ()
    replaced_by: str = ""
    timestamp: str = ""
    unknown: Extras = ()


def conditions(rule: Rule) -> tuple[Condition, ...]:
    """Return what a rule hangs on: its constraints, then what narrows its action, its target and its assignee."""
    narrowed = [subject.refinements for subject in (rule.target, rule.assignee) if subject is not None]
    return (*rule.constraints, *rule.action.refinements, *(each for refinements in narrowed for each in refinements))


def constraints(policy: Policy) -> Iterator[Constraint]:
    """Give every constraint on which the answer to a request may hang, in the rules, their duties and refinements."""
    rules = [*policy.permissions, *policy.prohibitions]
    while rules:
        rule = rules.pop()
        rules += rule.then
        waiting = [*conditions(rule)]
        while waiting:
            condition = waiting.pop()
            if isinstance(condition, Constraint):
                yield condition
            else:
                waiting += condition.operands
