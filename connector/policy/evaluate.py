"""`evaluate`: may this request be granted, why, and until when.

Source: ODRL Information Model 2.2, 2.6 and 2.10, and the W3C draft ODRL Formal Semantics, read fail-closed: a permission
needs to be about the request and active for certain, a prohibition applies unless that is refuted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.policy import activity
from connector.policy.changes import next_change
from connector.policy.decision import Decision, DutyReport, Outcome, RuleReport, Transform
from connector.policy.reasons import of_stops, of_verdict
from connector.policy.trace import duty_report, rule_report, transforms
from connector.policy.world import Facts, Request, World

if TYPE_CHECKING:
    from connector.policy.model import Policy

__all__ = ["Decision", "DutyReport", "Facts", "Request", "RuleReport", "Transform", "evaluate"]


def evaluate(policy: Policy, request: Request, facts: Facts) -> Decision:
    """Return the decision on a request. Same inputs, same answer; it never raises.

    An Offer is evaluated as the agreement it would become with this assignee on this target.
    """
    stops = activity.stops(policy)
    if stops:
        return Decision("deny", reasons=of_stops(stops), as_agreement=policy.kind == "Offer")
    known = activity.as_agreement(policy, request, facts)
    granting, refusing = World(request, known, promise=True), World(request, known, promise=False)
    permissions = [rule_report(rule, granting) for rule in policy.permissions]
    prohibitions = [rule_report(rule, refusing) for rule in policy.prohibitions]
    conflict = _conflict(policy, permissions, prohibitions)
    outcome = _outcome(policy, permissions, prohibitions, conflict=conflict)
    return Decision(
        outcome=outcome,
        rules=(*permissions, *prohibitions),
        next_change=next_change(policy, request, facts),
        reasons=() if outcome == "permit" else of_verdict(permissions, prohibitions, conflict=conflict),
        obligations=tuple(duty_report(rule, refusing) for rule in policy.obligations),
        transforms=transforms(policy, permissions, granting) if outcome == "permit" else (),
        as_agreement=policy.kind == "Offer",
    )


def _conflict(policy: Policy, permissions: list[RuleReport], prohibitions: list[RuleReport]) -> bool:
    """Return whether the policy is void: under `invalid`, when any two rules that may be active conflict (2.10)."""
    if activity.strategy(policy) != "invalid":
        return False
    forbids = [
        rule for rule, report in zip(policy.prohibitions, prohibitions, strict=True) if report.active is not False
    ]
    allows = [rule for rule, report in zip(policy.permissions, permissions, strict=True) if report.active is not False]
    return any(activity.overlap(permission, prohibition) for permission in allows for prohibition in forbids)


def _outcome(
    policy: Policy, permissions: list[RuleReport], prohibitions: list[RuleReport], *, conflict: bool
) -> Outcome:
    granted = any(report.about and report.active for report in permissions)
    applied = any(report.about is not False and report.active is not False for report in prohibitions)
    if conflict or (applied and activity.strategy(policy) != "perm"):
        return "deny"
    if granted:
        return "permit"
    concerned = applied or any(report.about is not False for report in permissions)
    return "deny" if concerned else "not-applicable"
