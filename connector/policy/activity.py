"""Whether a rule is about a request, whether it is active, and whether two rules conflict.

Sources: ODRL Information Model 2.2, 2.6 (rules), 2.10 (conflict); the W3C draft ODRL Formal Semantics for activation (a
duty whose constraints do not hold is inactive and does not block).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.policy import actions, terms
from connector.policy.operators import every
from connector.policy.state import state
from connector.policy.values import identity

if TYPE_CHECKING:
    from connector.policy.decision import DutyState
    from connector.policy.model import Action, Policy, Rule, Subject
    from connector.policy.world import Facts, Request, World

_STATES: dict[str, DutyState] = {"fulfilled": "fulfilled", "violated": "violated"}
_PROFILES = frozenset({terms.PROFILE, terms.PROFILE + "#", terms.ODRL + "core", terms.ODRL})
_STRATEGIES = frozenset({"perm", "prohibit", "invalid"})
EVALUATED = frozenset({"Set", "Offer", "Agreement"})


def stops(policy: Policy) -> tuple[str, ...]:
    """Return why a policy cannot be evaluated at all, as short machine texts; nothing when it can."""
    found = []
    if policy.kind not in EVALUATED:
        found.append("/@type kind-not-evaluated")
    if not _PROFILES.issuperset(policy.profiles):
        found.append("/profile unknown-profile")
    if policy.inherits:
        found.append("/inheritFrom not-resolved")
    if policy.replaced_by:
        found.append("/isReplacedBy replaced")
    if not _STRATEGIES.issuperset(policy.conflict):
        found.append("/conflict unknown-strategy")
    return tuple(found)


def strategy(policy: Policy) -> str:
    """Return the one conflict strategy of a policy: `invalid` when none or several are stated."""
    stated = set(policy.conflict)
    return stated.pop() if len(stated) == 1 else "invalid"


def as_agreement(policy: Policy, request: Request, facts: Facts) -> Facts:
    """Return the facts under which an Offer is the agreement it would become: one made now, unless they say when."""
    if policy.kind != "Offer" or facts.agreed_at is not None or math.isnan(request.now):
        return facts
    return replace(facts, agreed_at=request.now)


def about(rule: Rule, world: World) -> bool | None:
    """Return whether a rule is about the request: its action, target, assignee and their refinements."""
    return every(
        (
            about_action(rule.action, world),
            about_subject(rule.target, world.request.target, world),
            about_subject(rule.assignee, world.request.assignee, world),
        )
    )


def about_action(action: Action, world: World) -> bool | None:
    """Return whether a rule's action includes the one asked for, refinements met."""
    covered = actions.covers(action.iri, terms.vocabulary(world.request.action)) if action.iri else None
    if covered is False:
        return False
    return every((covered, None if action.unknown else True, *(state(each, world) for each in action.refinements)))


def about_subject(subject: Subject | None, asked: str, world: World) -> bool | None:
    """Return whether an asset or party is the one meant or a member of it; every one is when the rule names none."""
    if subject is None:
        return True
    found = same(subject, asked, world)
    if found is False:
        return False
    return every((found, None if subject.unknown else True, *(state(each, world) for each in subject.refinements)))


def same(subject: Subject, asked: str, world: World) -> bool | None:
    """Return whether an asset or party is the one meant or a member of it, refinements aside."""
    if not asked:
        return None
    name = terms.expand(asked)
    if identity(name) == identity(subject.iri):
        return True
    member = world.narrower(name, subject.iri)
    return bool(member) if member is not None or not subject.collection else None


def holds(rule: Rule, world: World) -> bool | None:
    """Return whether a rule's constraints hold; a rule with a member that we do not understand is unknown."""
    return every((None if rule.unknown else True, *(state(each, world) for each in rule.constraints)))


def duty_state(duty: Rule, world: World) -> DutyState:
    """Return the recorded state of a duty; `not-set` when there is none."""
    return _STATES.get(world.facts.duties.get(duty.uid or duty.pointer, ""), "not-set")


def settled(duty: Rule, world: World) -> bool:
    """Return whether a permission's duty leaves the permission free.

    It does when fulfilled (and so are the consequences that arose), or when it is inactive. Otherwise it blocks; with
    lenient duties only when it is violated.
    """
    if holds(duty, world) is False:
        return True
    found = duty_state(duty, world)
    if found == "fulfilled":
        return all(_consequence_done(each, world) for each in duty.then)
    return world.facts.lenient and found != "violated"


def _consequence_done(consequence: Rule, world: World) -> bool:
    key = consequence.uid or consequence.pointer
    return key not in world.facts.duties or duty_state(consequence, world) == "fulfilled"


def overlap(permission: Rule, prohibition: Rule) -> bool:
    """Tell whether a permission and a prohibition could speak of the same act; in doubt they do."""
    if actions.overlap(permission.action.iri, prohibition.action.iri) is False:
        return False
    return _meet(permission.target, prohibition.target) and _meet(permission.assignee, prohibition.assignee)


def _meet(one: Subject | None, other: Subject | None) -> bool:
    if one is None or other is None or one.collection or other.collection:
        return True
    return identity(one.iri) == identity(other.iri)
