"""The size of a policy document, counted before anything else looks at it."""

from __future__ import annotations

from typing import Any

from connector.errors import Invalid

DEPTH = 16
NODES = 500
ATOMIC_RULES = 250
"""The most atomic rules that the compact form of one document may expand to."""
CONDITIONS = 1000
"""The most conditions that all its atomic rules may have together."""


def check(document: Any) -> None:
    """Count a document's levels and values (its `@context` aside).

    Raises:
        Invalid: `policy_not_object`, `policy_too_deep`, `policy_too_large`.
    """
    if not isinstance(document, dict):
        raise Invalid("policy_not_object", field="")
    level: list[Any] = [value for key, value in document.items() if key != "@context"]
    depth, nodes = 1, 1 + len(level)
    while level:
        depth += 1
        if depth > DEPTH and any(isinstance(item, (dict, list)) for item in level):
            raise Invalid("policy_too_deep", field="", limit=DEPTH)
        level = [child for item in level for child in _children(item)]
        nodes += len(level)
        if nodes > NODES:
            raise Invalid("policy_too_large", field="", limit=NODES)


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []
