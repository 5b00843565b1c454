"""Whether a condition holds in a world: `True`, `False`, or `None` when that is unknown."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from connector.policy.model import Constraint
from connector.policy.operators import apply, every, exactly_one, some
from connector.policy.values import after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.policy.model import Condition, LogicalConstraint
    from connector.policy.operands import Operand
    from connector.policy.values import Typed
    from connector.policy.world import World


def state(condition: Condition, world: World) -> bool | None:
    """Return whether a condition holds."""
    if isinstance(condition, Constraint):
        found = compared(condition, world)
        return True if not found and promised(condition, world) else found
    inner = operands_world(condition, world)
    return combine(condition, [state(operand, inner) for operand in condition.operands], world)


def operands_world(condition: LogicalConstraint, world: World) -> World:
    """Return the world for a logical constraint's operands: where one more truth may refute, no promise counts."""
    return world if condition.kind in ("and", "or") or not world.promise else replace(world, promise=False)


def combine(condition: LogicalConstraint, states: Sequence[bool | None], world: World) -> bool | None:
    """Return what the states of a logical constraint's operands amount to; without operands it is unknown."""
    if condition.unknown or not states:
        return None
    if condition.kind == "or":
        return some(states)
    if condition.kind == "xone":
        return exactly_one(states)
    holding = every(states)
    return _in_order(condition, world) if holding and condition.kind == "andSequence" else holding


def _in_order(condition: LogicalConstraint, world: World) -> bool | None:
    """Return whether the operands were satisfied one after the other, as far as that was recorded."""
    recorded = world.facts.satisfied_at
    moments = [recorded.get(operand.uid or operand.pointer) for operand in condition.operands]
    known = [moment for moment in moments if moment is not None]
    if any(one > other for one, other in pairwise(known)):
        return False
    return True if len(known) == len(moments) else None


def compared(constraint: Constraint, world: World) -> bool | None:
    """Return what the comparison of a constraint with the facts gives."""
    operand = constraint.operand
    if operand is None or not _same_unit(constraint, operand, world):
        return None
    right = world.right(constraint)
    if right is None:
        return None
    start = world.start(operand)
    if start is not None:
        return _measured(constraint, start, right, world)
    left = world.left(operand)
    return None if left is None else apply(constraint.operator, operand.kind, left, right, world.narrower)


def _same_unit(constraint: Constraint, operand: Operand, world: World) -> bool:
    """Tell whether both sides are in one unit; a fact that states none is in the constraint's."""
    if operand.kind != "number":
        return not constraint.unit
    return world.facts.units.get(operand.iri, constraint.unit) == constraint.unit


def _measured(constraint: Constraint, start: float, right: tuple[Typed, ...], world: World) -> bool | None:
    """Compare the time passed since an instant with durations, by comparing instants."""
    now = world.request.now
    if math.isnan(now):
        return None
    return apply(constraint.operator, "dateTime", (now,), deadlines(start, right), world.narrower)


def deadlines(start: float, lengths: tuple[Typed, ...]) -> tuple[float, ...]:
    """Return the instants at which durations from an instant end; none when one is beyond the calendar."""
    ends = [after(start, length) for length in lengths if isinstance(length, tuple)]
    return () if None in ends else tuple(end for end in ends if end is not None)


def promised(constraint: Constraint, world: World) -> bool:
    """Tell whether a transform that the data plane offers would make a constraint true."""
    if not world.promise or constraint.left not in world.facts.transforms:
        return False
    operand = constraint.operand
    if operand is None or constraint.unit or constraint.operator not in operand.shaped_by:
        return False
    return bool(world.right(constraint))
