"""Whether what somebody asks for is provably within the limit that the owner has set.

Within means: between these parties, on this dataset, it permits nothing that the limit does not permit, and binds to
everything that the limit binds to. Nothing is ever rounded: what cannot be proved is `unknown`, and a person looks at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from connector.errors import Invalid
from connector.policy import compare, terms
from connector.policy.difference import difference
from connector.policy.model import Constraint, Subject
from connector.policy.operands import OPERANDS
from connector.policy.parse import parse
from connector.policy.wire import check_wire

if TYPE_CHECKING:
    from connector.policy.model import Condition, Policy, Rule

Standing = Literal["within", "beyond", "unknown"]

MOST_CONDITIONS, MOST_BOUNDS = 24, 8
"""The most conditions of a policy by a peer that are analysed, and the most bounds on one operand in it and the limit."""

_STANDINGS: Mapping[str, Standing] = {
    "equal": "within", "a-stricter": "within", "b-stricter": "beyond", "incomparable": "beyond", "unknown": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deal:
    """Between whom, and about which dataset."""

    target: str
    assigner: str
    assignee: str


def standing(asked: Mapping[str, Any], limit: Mapping[str, Any], deal: Deal) -> Standing:
    """Return whether a policy that is asked for lies within a limit.

    Args:
        asked: the rules as they would be stored: an offer's, without `@context` and without a policy's `target`.
        limit: the owner's limit, in the same form.
        deal: the dataset and the two parties; a rule about any other is never within.
    """
    try:
        check_wire({name: value for name, value in asked.items() if name not in ("@id", "@type")})
        theirs, ours = (parse({**document, "@type": "Agreement"}) for document in (asked, limit))
    except Invalid:
        return "unknown"
    if not all(_between(rule, deal) for rule in _rules(theirs)):
        return "beyond"
    if not _readable(theirs, ours):
        return "unknown"
    found = _STANDINGS[difference(_bound(theirs, deal), _bound(ours, deal)).verdict]
    return "unknown" if found == "within" and not _remedies(ours, deal) <= _remedies(theirs, deal) else found


def _rules(policy: Policy) -> tuple[Rule, ...]:
    return (*policy.permissions, *policy.prohibitions, *policy.obligations)


def _between(rule: Rule, deal: Deal) -> bool:
    """Tell whether a rule, and all that hangs on it, is about the dataset and binds the two parties as they stand."""
    named = ((rule.target, deal.target), (rule.assigner, deal.assigner), (rule.assignee, deal.assignee))
    return all(
        subject is None or subject in (Subject(name), Subject(terms.expand(name))) for subject, name in named
    ) and (all(_between(each, deal) for each in rule.then))


def _readable(theirs: Policy, ours: Policy) -> bool:
    """Tell whether we understand all of it, and whether it says nothing in prose or of others that the limit does not."""
    rules = [*_every(theirs)]
    if _too_much(theirs, ours):
        return False
    if any(extra not in ours.unknown for extra in theirs.unknown) or theirs.inherits or theirs.replaced_by:
        return False
    known = {party for rule in _every(ours) for party in rule.parties}
    return all(_understood(rule) and known.issuperset(rule.parties) for rule in rules)


def _too_much(theirs: Policy, ours: Policy) -> bool:
    """Tell whether the analysis could take longer than anybody should wait for: it grows with the cube of the bounds."""
    asked = [each for rule in _every(theirs) for each in _conditions(rule)]
    bounds: Counter[str] = Counter()
    for each in (*asked, *(each for rule in _every(ours) for each in _conditions(rule))):
        if isinstance(each, Constraint) and each.operand is not None and each.operand.kind != "iri":
            bounds[each.left] += len(each.right)
    return len(asked) > MOST_CONDITIONS or max(bounds.values(), default=0) > MOST_BOUNDS


def _every(policy: Policy) -> Iterator[Rule]:
    waiting = [*_rules(policy)]
    while waiting:
        rule = waiting.pop()
        waiting += rule.then
        yield rule


def _conditions(rule: Rule) -> Iterator[Condition]:
    waiting: list[Condition] = [*rule.constraints, *rule.action.refinements]
    while waiting:
        condition = waiting.pop()
        if not isinstance(condition, Constraint):
            waiting += condition.operands
        yield condition


def _understood(rule: Rule) -> bool:
    if not rule.action.iri or rule.unknown or rule.action.unknown:
        return False
    return not any(
        each.unknown or (isinstance(each, Constraint) and (each.left not in OPERANDS or each.values is None))
        for each in _conditions(rule)
    )


def _bound(policy: Policy, deal: Deal) -> Policy:
    """Return a policy whose rules all name the dataset and the parties, as those of the agreement would."""
    target, assigner, assignee = (Subject(name) for name in (deal.target, deal.assigner, deal.assignee))

    def named(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(replace(rule, target=target, assigner=assigner, assignee=assignee) for rule in rules)

    return replace(
        policy,
        permissions=named(policy.permissions),
        prohibitions=named(policy.prohibitions),
        obligations=named(policy.obligations),
    )


def _remedies(policy: Policy, deal: Deal) -> set[Any]:
    """Return the prohibitions that say what a breach leads to: the region of what is permitted does not show that."""
    return {compare.form(rule) for rule in _bound(policy, deal).prohibitions if rule.then}
