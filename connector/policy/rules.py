"""Reading rules: the compact form of a document becomes atomic rules (ODRL Information Model 2.2, 2.7.1)."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from connector.errors import Invalid
from connector.policy import terms
from connector.policy.conditions import read_all
from connector.policy.model import Action, Rule, Subject
from connector.policy.node import Item, Node, iri, is_reference, node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.policy.model import RuleKind

PARTY_FUNCTIONS = terms.words(
    "attributedParty attributingParty compensatedParty compensatingParty consentingParty consentedParty "
    "contractingParty contractedParty informedParty informingParty trackingParty trackedParty output"
)
THEN: Mapping[RuleKind, tuple[str, RuleKind]] = {
    "permission": ("duty", "duty"),
    "prohibition": ("remedy", "remedy"),
    "obligation": ("consequence", "consequence"),
    "duty": ("consequence", "consequence"),
}
"""What may hang on a rule: the member, and the kind of rule in it. Consequences and remedies carry nothing."""

_TYPES: Mapping[RuleKind, str] = {"permission": "Permission", "prohibition": "Prohibition"}
_VALUE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#value"
_COMMON = terms.words("uid type action target assigner assignee constraint")
_SUBJECT = terms.words("uid type source partOf hasPolicy refinement")
_ACTION = terms.words("uid type value refinement") | {_VALUE}
_COLLECTIONS = {"AssetCollection", "PartyCollection"}


def read(parent: Node, member: RuleKind) -> tuple[Rule, ...]:
    """Return the atomic rules in a policy's member.

    Raises:
        Invalid: a `policy_` code with the place.
    """
    return tuple(rule for item in parent.items(member) for rule in _rules(item, member, parent))


def _rules(item: Item, kind: RuleKind, parent: Node) -> list[Rule]:
    if not is_reference(item[1]):
        return _atomic(item, kind, parent)
    with parent.source.definition(item) as defined:
        if defined is not None and isinstance(defined[1], dict):
            return _atomic(defined, kind, parent)
    parent.source.spend(item[0], rules=1)
    name = iri(item, parent.prefixes)
    return [Rule(kind, item[0], Action(""), uid=name, unknown=(("@id", name),))]


def _atomic(item: Item, kind: RuleKind, parent: Node) -> list[Rule]:
    found = node(item, parent.source)
    actions = _actions(found, parent)
    if not actions:
        raise Invalid("policy_action_missing", field=found.pointer)
    targets, assigners, assignees = (_subjects(found, parent, name) for name in ("target", "assigner", "assignee"))
    atomic = []
    for parts in product(actions, targets, assigners, assignees):
        parent.source.spend(found.pointer, rules=1)
        atomic.append(_rule(found, kind, parts))
    return atomic


def _rule(found: Node, kind: RuleKind, parts: tuple[Action, Subject | None, Subject | None, Subject | None]) -> Rule:
    action, target, assigner, assignee = parts
    member, inner = THEN.get(kind, ("", kind))
    return Rule(
        kind=kind,
        pointer=found.pointer,
        action=action,
        target=target,
        assigner=assigner,
        assignee=assignee,
        constraints=read_all(found, "constraint"),
        then=tuple(rule for item in found.items(member) for rule in _rules(item, inner, _bare(found))),
        uid=found.one_iri("uid"),
        parties=tuple((name, party) for name in sorted(PARTY_FUNCTIONS) for party in _names(found, name)),
        unknown=found.unknown(_COMMON | PARTY_FUNCTIONS | {member}) + _wrong_type(found, kind),
    )


def _bare(found: Node) -> Node:
    """Return a parent that lends nothing: a duty does not take over its rule's action, target or parties."""
    return Node(found.pointer, {}, found.source)


def _wrong_type(found: Node, kind: RuleKind) -> tuple[tuple[str, str], ...]:
    names = {terms.local(name, found.prefixes) for name in found.iris("type", term=True)} - {"Rule"}
    return tuple(("@type", name) for name in sorted(names - {_TYPES.get(kind, "Duty")}))


def _actions(found: Node, parent: Node) -> list[Action]:
    source = found if "action" in found.members else parent
    return [_action(item, source) for item in source.items("action")]


def _action(item: Item, source: Node) -> Action:
    pointer, value = item
    if isinstance(value, str) or (isinstance(value, dict) and len(value) == 1):
        return Action(_term(item, source))
    found = node(item, source.source)
    name = next((name for name in ("value", _VALUE, "uid") if name in found.members), "")
    if not name:
        raise Invalid("policy_action_missing", field=pointer)
    return Action(found.one_iri(name, term=True), read_all(found, "refinement"), found.unknown(_ACTION))


def _term(item: Item, source: Node) -> str:
    pointer, value = item
    if isinstance(value, dict):
        found = node(item, source.source)
        name = next(iter(found.members))
        if name in ("value", _VALUE):
            return found.one_iri(name, term=True)
    return iri((pointer, value), source.prefixes, term=True)


def _subjects(found: Node, parent: Node, name: str) -> Sequence[Subject | None]:
    source = found if name in found.members else parent
    return [_subject(item, source) for item in source.items(name)] or [None]


def _subject(item: Item, source: Node) -> Subject:
    if isinstance(item[1], str):
        return Subject(iri(item, source.prefixes))
    found = node(item, source.source)
    name = "source" if "source" in found.members else "uid"
    types = {terms.local(kind, found.prefixes) for kind in found.iris("type", term=True)}
    reference = found.one_iri(name)
    if not reference:
        raise Invalid("policy_subject", field=found.pointer)
    return Subject(
        iri=reference,
        collection=name == "source" or bool(types & _COLLECTIONS),
        refinements=read_all(found, "refinement"),
        unknown=found.unknown(_SUBJECT | {name for name in found.members if terms.descriptive(name)}),
    )


def _names(found: Node, name: str) -> list[str]:
    return [_subject(item, found).iri for item in found.items(name)]
