"""From a Policy back to a document, in one normal form: the one that DSP takes, as far as the policy fits in it.

Every rule is atomic, every list an array, terms bear the prefixes of DSP's context or are full IRIs, members that were not
understood are kept. Reading what is written gives the same policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.policy.model import Constraint
from connector.policy.rules import THEN
from connector.policy.terms import ODRL, WIRE_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.policy.model import Action, Condition, Extras, Policy, Rule, Subject
    from connector.policy.values import Value


def write(policy: Policy) -> dict[str, Any]:
    """Return the document of a policy."""
    return _present(
        {
            "@type": policy.kind,
            "@id": policy.uid,
            "profile": [*policy.profiles],
            "odrl:conflict": [{"@id": name if ":" in name else f"odrl:{name}"} for name in policy.conflict],
            "odrl:inheritFrom": [*policy.inherits],
            "dct:isReplacedBy": policy.replaced_by,
            "timestamp": policy.timestamp,
            "permission": [_rule(rule) for rule in policy.permissions],
            "prohibition": [_rule(rule) for rule in policy.prohibitions],
            "obligation": [_rule(rule) for rule in policy.obligations],
        },
        policy.unknown,
    )


def _present(members: Mapping[str, Any], unknown: Extras = ()) -> dict[str, Any]:
    """Return the members that say something, and those that were not understood; wrong types are one member again."""
    types = [value for name, value in unknown if name == "@type"]
    extras = {**dict(unknown), "@type": types} if types else dict(unknown)
    return {**{name: value for name, value in members.items() if value not in ("", [], None)}, **extras}


def _term(iri: str) -> str:
    for prefix, base in WIRE_PREFIXES.items():
        if iri.startswith(base):
            return f"{prefix}:{iri.removeprefix(base)}"
    return iri


def _rule(rule: Rule) -> Any:
    if not rule.action.iri:
        return rule.uid
    member, _ = THEN.get(rule.kind, ("", rule.kind))
    return _present(
        {
            "@id": rule.uid,
            "action": _action(rule.action),
            "target": _subject(rule.target),
            "assigner": _subject(rule.assigner),
            "assignee": _subject(rule.assignee),
            **_functions(rule.parties),
            "constraint": [_condition(each) for each in rule.constraints],
            ("duty" if member == "duty" else f"odrl:{member}"): [_rule(each) for each in rule.then],
        },
        rule.unknown,
    )


def _functions(parties: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, party in parties:
        found.setdefault(f"odrl:{name}", []).append(party)
    return found


def _action(action: Action) -> Any:
    name = "use" if action.iri == ODRL + "use" else _term(action.iri)
    if not action.refinements and not action.unknown:
        return name
    refinements = [_condition(each) for each in action.refinements]
    return [_present({"rdf:value": {"@id": name}, "odrl:refinement": refinements}, action.unknown)]


def _subject(subject: Subject | None) -> Any:
    if subject is None:
        return None
    if not subject.collection and not subject.refinements and not subject.unknown:
        return subject.iri
    refinements = [_condition(each) for each in subject.refinements]
    identity = {"odrl:source": subject.iri} if subject.collection else {"@id": subject.iri}
    return _present({**identity, "odrl:refinement": refinements}, subject.unknown)


def _condition(condition: Condition) -> Any:
    if isinstance(condition, Constraint):
        return _constraint(condition) if condition.left or condition.operator else condition.reference
    operands = [_condition(each) for each in condition.operands]
    found = _present({"@id": condition.uid}, condition.unknown)
    return {**found, condition.kind: operands}


def _constraint(constraint: Constraint) -> dict[str, Any]:
    operator = constraint.operator
    found = _present(
        {
            "@id": constraint.uid,
            "leftOperand": _term(constraint.left),
            "operator": operator if operator.isalpha() else _term(operator),
            "odrl:dataType": _term(constraint.data_type),
            "odrl:unit": constraint.unit,
            "odrl:status": [_value(value) for value in constraint.status],
        },
        constraint.unknown,
    )
    if constraint.reference:
        return {**found, "odrl:rightOperandReference": constraint.reference.split()}
    values = [_value(value) for value in constraint.right]
    return {**found, "rightOperand": values[0] if len(values) == 1 else values}


def _value(value: Value) -> Any:
    if not value.datatype:
        return value.text
    if value.datatype == "@id":
        return {"@id": value.text}
    return {"@value": value.text, "@type": _term(value.datatype)}
