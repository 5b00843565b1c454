"""What a policy demands of data, and whether the data plane can do it: asked when something is published and when it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.dataplane.shape import offer
from connector.dataplane.shape.declared import declaration
from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.recipe import Recipe, recipe
from connector.errors import Denied, Invalid
from connector.policy.decision import Transform
from connector.policy.model import Condition, Constraint, Policy, conditions
from connector.policy.parse import parse
from connector.policy.terms import shorten
from connector.policy.world import Facts, Request
from connector.services import permission


async def check(document: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Make sure that every constraint of a policy that shapes data can be made true for a source (a checked spec).

    Raises:
        Invalid: `shape_missing`, `shape_media_type`, or the `shape_` code of what is wrong with a file.
    """
    demanded = list(demands(parse(document)))
    if not demanded:
        return
    try:
        wanted = recipe(demanded, declaration(spec))
        await asyncio.to_thread(offer.trial, spec, wanted)
    except Unshapable as fault:
        raise Invalid(fault.code, field="/source", **fault.values) from None
    except Denied as error:
        raise Invalid(error.code, field="/source", **_shortened(error)) from None


def demands(policy: Policy) -> Iterator[Transform]:
    """Give every constraint of a policy's permissions that shapes data, in whatever branch it stands."""
    for rule in policy.permissions:
        yield from _shaping(conditions(rule))


def _shaping(found: Sequence[Condition]) -> Iterator[Transform]:
    waiting = list(found)
    while waiting:
        condition = waiting.pop()
        if not isinstance(condition, Constraint):
            waiting += condition.operands
        elif condition.operand is not None and condition.operand.role == "shape":
            right = tuple(value.text for value in condition.right)
            yield Transform(condition.pointer, condition.left, condition.operator, right)


def required(document: Mapping[str, Any], request: Request, known: Facts, spec: Mapping[str, Any]) -> Recipe | None:
    """Return what must be done to the data under a policy that permits; None where nothing must.

    Raises:
        Denied: `shape_missing`: the data plane cannot do it; `policy_denies`: the policy does not permit after all.
    """
    found = permission.read(document)
    if found is not None and not any(demands(found.policy)):
        return None
    decision = permission.decide(document, request, known)
    if decision is None or not decision.permits:
        raise permission.refusal(permission.Verdict(permits=False, until=None))
    return recipe(decision.transforms, declaration(spec)) if decision.transforms else None


def _shortened(error: Denied) -> dict[str, Any]:
    return {name: shorten(value) if isinstance(value, str) else value for name, value in error.values.items()}
