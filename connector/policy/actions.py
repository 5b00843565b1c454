"""The actions of ODRL and of our profile, and which action includes which.

Source: ODRL Vocabulary & Expression 2.2, "Actions for Rules" (`odrl:includedIn`, transitive; deprecated terms by their
`skos:exactMatch`). `use` does not include `give` and `sell`: those are under `transfer`.
"""

from __future__ import annotations

from functools import cache

from connector.policy.registry import table
from connector.policy.terms import expand

PARENT: dict[str, str | None] = {
    iri: expand(entry["includedIn"]) if entry["includedIn"] else None for iri, entry in table("actions").items()
}
"""Every known action and the action that includes it."""

SAME: dict[str, str] = {old: expand(new) for old, new in table("deprecatedActions").items()}
"""Deprecated actions and the action that they mean."""


@cache
def ancestors(action: str) -> tuple[str, ...]:
    """Return an action and every action that includes it, the nearest first; only itself when it is unknown."""
    current: str | None = SAME.get(action, action)
    chain: list[str] = []
    while current is not None:
        chain.append(current)
        current = PARENT.get(current)
    return tuple(chain)


def known(action: str) -> bool:
    """Tell whether the action belongs to ODRL or to our profile."""
    return SAME.get(action, action) in PARENT


def covers(rule: str, asked: str) -> bool | None:
    """Tell whether a rule about one action is about another: `None` when the rule's action is unknown."""
    if SAME.get(rule, rule) in ancestors(asked):
        return True
    return False if known(rule) and known(asked) else None


def overlap(one: str, other: str) -> bool | None:
    """Tell whether two actions can be the same act: `None` when either is unknown."""
    either = (covers(one, other), covers(other, one))
    if True in either:
        return True
    return None if None in either else False
