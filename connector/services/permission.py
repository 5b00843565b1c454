"""What a policy says now: documents are parsed once, evaluated each time. A document that cannot be read permits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from connector.errors import Invalid
from connector.policy.evaluate import Decision, Facts, Request, evaluate
from connector.policy.model import Policy
from connector.policy.parse import parse

READ = "odrl:read"


def decide(document: Mapping[str, Any], *, target: str, peer: str, now: float) -> Decision | None:
    """Return what a policy document says about a peer reading a dataset now; None when it cannot be read (which refuses)."""
    try:
        policy = _parsed(orjson.dumps(document))
    except Invalid:
        return None
    return evaluate(policy, Request(action=READ, target=target, assignee=peer, now=now), Facts())


def permits(document: Mapping[str, Any], *, target: str, peer: str, now: float) -> tuple[bool, tuple[str, ...]]:
    """Return whether a peer may read a dataset now, and the rules that refuse."""
    decision = decide(document, target=target, peer=peer, now=now)
    if decision is None:
        return False, ("policy_unreadable",)
    return decision.permits, decision.reasons


@lru_cache(maxsize=1024)
def _parsed(document: bytes) -> Policy:
    return parse(orjson.loads(document))
