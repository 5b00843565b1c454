"""Policy inheritance: a child takes over what its parents say (ODRL Information Model 2.2, 2.9).

Parents are documents that the caller has at hand (files beside the policy); nothing is fetched.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connector.errors import Invalid
from connector.policy import bounds, terms
from connector.policy.model import Constraint
from connector.policy.node import Source, node
from connector.policy.parse import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.policy.model import Condition, Policy, Rule

    Load = Callable[[str], Mapping[str, Any] | None]

MOST = 32
"""The most ancestors that one policy may have."""

_LENT = ("target", "assigner", "assignee", "action")


def inherit(document: Mapping[str, Any], load: Load, *, nodes: int = bounds.NODES) -> Policy:
    """Return the policy in a document with the rules of all its ancestors.

    A parent that `load` does not know stays in `inherits`, so that the policy is not evaluated. Pointers of inherited
    rules are led by the parent's identifier and `#`; a constraint's recorded `status` is not inherited.

    Args:
        document: a JSON object.
        load: gives the document of a policy by its identifier, or `None`.
        nodes: as for `parse`, for each document.

    Raises:
        Invalid: a `policy_` code; `policy_inherit_cycle` and `policy_inherit_many` besides those of `parse`.
    """
    return _inherit(document, load, nodes, (), [0])


def _inherit(
    document: Mapping[str, Any], load: Load, nodes: int, children: tuple[str, ...], count: list[int]
) -> Policy:
    policy = parse(document, nodes=nodes)
    path = (*children, policy.uid) if policy.uid else children
    missing = []
    lent: dict[str, Any] = {}
    parents: list[tuple[str, Policy]] = []
    for name in policy.inherits:
        if name in path:
            raise Invalid("policy_inherit_cycle", field="/inheritFrom")
        count[0] += 1
        if count[0] > MOST:
            raise Invalid("policy_inherit_many", field="/inheritFrom", limit=MOST)
        parent = load(name)
        if parent is None:
            missing.append(name)
        else:
            parents.append((name, _inherit(parent, load, nodes, (*path, name), count)))
            _lend(parent, lent)
    child = parse(_with(document, lent), nodes=2 * nodes) if lent else policy
    return _joined(replace(child, inherits=tuple(missing)), parents)


def _lend(parent: Mapping[str, Any], lent: dict[str, Any]) -> None:
    """Collect the parent's policy-level parties, assets and actions."""
    prefixes = terms.context_prefixes(parent.get("@context"))
    found = node(("", parent), Source(parent, prefixes, 0, 0))
    for name in _LENT:
        if name in found.members:
            lent.setdefault(name, []).extend(value for _, value in found.items(name))


def _with(document: Mapping[str, Any], lent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with what it inherits at policy level added to what it has."""
    written = {terms.member(key): key for key in document}
    result = dict(document)
    for name, values in lent.items():
        own = document.get(written.get(name, ""), [])
        result[written.get(name, name)] = [*(own if isinstance(own, list) else [own]), *values]
    return result


def _joined(child: Policy, parents: list[tuple[str, Policy]]) -> Policy:
    for name, parent in parents:
        child = replace(
            child,
            profiles=_union(child.profiles, parent.profiles),
            conflict=_union(child.conflict, parent.conflict),
            permissions=child.permissions + _taken(parent.permissions, name),
            prohibitions=child.prohibitions + _taken(parent.prohibitions, name),
            obligations=child.obligations + _taken(parent.obligations, name),
            inherits=_union(child.inherits, parent.inherits),
            replaced_by=child.replaced_by or parent.replaced_by,
        )
    return child


def _union(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*ours, *theirs)))


def _taken(rules: tuple[Rule, ...], name: str) -> tuple[Rule, ...]:
    return tuple(
        replace(
            rule,
            pointer=f"{name}#{rule.pointer}",
            constraints=tuple(_reset(each, name) for each in rule.constraints),
            then=_taken(rule.then, name),
        )
        for rule in rules
    )


def _reset(condition: Condition, name: str) -> Condition:
    pointer = f"{name}#{condition.pointer}"
    if isinstance(condition, Constraint):
        return replace(condition, pointer=pointer, status=())
    return replace(condition, pointer=pointer, operands=tuple(_reset(each, name) for each in condition.operands))
