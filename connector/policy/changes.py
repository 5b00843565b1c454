"""When time alone changes a decision: the next instant at which a bound of a policy is crossed and the answer flips."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.policy.compile import compile_policy
from connector.policy.model import constraints
from connector.policy.state import deadlines
from connector.policy.world import World

if TYPE_CHECKING:
    from connector.policy.compile import Test
    from connector.policy.model import Constraint, Policy
    from connector.policy.world import Facts, Request

STEPS = 5_000
"""The most right values that the search for a change may compare; beyond it the next bound is given, flip or not."""


def next_change(policy: Policy, request: Request, facts: Facts, test: Test | None = None) -> float | None:
    """Return the earliest instant after `request.now` at which the answer flips if nothing but time changes.

    A bound that includes its instant flips just after it, so the instant given is always later than now. `test` is the
    compiled policy, where the caller has it.
    """
    conditions = [*constraints(policy)]
    world = World(request, facts, promise=False)
    bounds = {
        moment for each in conditions for end in _ends(each, world) for moment in (end, math.nextafter(end, math.inf))
    }
    candidates = sorted(moment for moment in bounds if moment > request.now)
    if not candidates:
        return None
    permits = test or compile_policy(policy)
    now = permits(request, facts)
    affordable = max(1, STEPS // sum((len(each.right) + 1 for each in conditions), 1))
    for moment in candidates[:affordable]:
        if permits(replace(request, now=moment), facts) != now:
            return moment
    return candidates[affordable] if len(candidates) > affordable else None


def _ends(constraint: Constraint, world: World) -> tuple[float, ...]:
    """Return the instants at which a constraint can change by time: its dates, or the ends of its durations."""
    operand = constraint.operand
    values = world.right(constraint) if operand else None
    if operand is None or not values:
        return ()
    if operand.kind == "dateTime":
        return tuple(value for value in values if isinstance(value, float))
    start = world.start(operand)
    return () if start is None else deadlines(start, values)
