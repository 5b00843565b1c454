"""The size of a policy document, counted before anything else looks at it."""

from __future__ import annotations

from typing import Any

from connector.errors import Invalid

DEPTH = 16
NODES = 500
"""The most values (objects, arrays and scalars) in a document from a peer.

Half as many atomic rules, and as many conditions in them, may come of its compact form.
"""

LOCAL_NODES = 20_000
"""The most values in a file of our own."""


def check(document: Any, limit: int = NODES) -> None:
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
        if nodes > limit:
            raise Invalid("policy_too_large", field="", limit=limit)


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []
