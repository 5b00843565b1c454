"""From a JSON document to a Policy: DSP's offer form and full ODRL 2.2 JSON-LD in compact form.

Source: ODRL Information Model 2.2; DSP 2025-1, contract-schema. Structure that is wrong is refused with its place;
terms that are unknown are kept, and evaluate to unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from connector.errors import Invalid
from connector.policy import bounds, rules, terms
from connector.policy.model import Policy, PolicyKind
from connector.policy.node import Node, Source, node
from connector.policy.wire import check_wire, expand_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_wire", "expand_terms", "parse"]

_KNOWN = terms.words(
    "uid type @context profile conflict inheritFrom isReplacedBy permission prohibition obligation target assigner "
    "assignee action timestamp"
)
_KINDS = frozenset(get_args(PolicyKind)) - {"unknown"}


def parse(document: Mapping[str, Any], *, nodes: int = bounds.NODES) -> Policy:
    """Return the policy in a document.

    Args:
        document: a JSON object.
        nodes: the most values in it; more than the default only for files of our own.

    Raises:
        Invalid: a `policy_` code with the JSON pointer in `field`; nothing else, whatever the JSON value is.
    """
    bounds.check(document, nodes)
    prefixes = terms.context_prefixes(document.get("@context"))
    limit = max(nodes // 2, 1)
    root = node(("", document), Source(document, prefixes, rules=limit, conditions=nodes))
    policy = Policy(
        kind=_kind(root),
        uid=root.one_iri("uid"),
        profiles=root.iris("profile"),
        conflict=tuple(terms.local(found, prefixes) for found in root.iris("conflict", term=True)),
        permissions=rules.read(root, "permission"),
        prohibitions=rules.read(root, "prohibition"),
        obligations=rules.read(root, "obligation"),
        inherits=root.iris("inheritFrom"),
        replaced_by=root.one_iri("isReplacedBy"),
        timestamp=_timestamp(root),
        unknown=root.unknown(_KNOWN),
    )
    if not (policy.permissions or policy.prohibitions or policy.obligations or policy.inherits):
        raise Invalid("policy_empty", field="")
    return policy


def _kind(root: Node) -> PolicyKind:
    names = {terms.local(found, root.prefixes) for found in root.iris("type", term=True)} - {"Policy"}
    if not names:
        return "Set"
    for kind in get_args(PolicyKind):
        if names == {kind} and kind in _KINDS:
            return kind  # type: ignore[no-any-return]
    return "unknown"


def _timestamp(root: Node) -> str:
    found = root.values("timestamp")
    return found[0].text if found else ""
