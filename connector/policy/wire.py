"""What an Offer may look like on the wire (DSP 2025-1, contract-schema and JSON-LD context), stricter than `parse`.

The schema takes no numbers, no prefixed operators, no single objects for arrays; a JSON-LD peer loses every bare name
that DSP's context does not define. A policy that breaks either would not say to the peer what it says here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.errors import Invalid
from connector.ids import NS
from connector.policy import bounds
from connector.policy.node import escape
from connector.policy.terms import WIRE_PREFIXES, XSD, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPERATORS = words("eq gt gteq hasPart isA isAllOf isAnyOf isNoneOf isPartOf lt lteq neq")
_LOGICAL = ("and", "or", "xone", "andSequence")
_RULES = ("permission", "prohibition", "obligation")
_POLICY = frozenset({"@context", "@id", "@type", "profile", "target", "assigner", "assignee", "timestamp", *_RULES})
_RULE = frozenset({"@id", "@type", "action", "constraint", "duty"})
_CONSTRAINT = frozenset({"@id", "@type", "leftOperand", "operator", "rightOperand"})
_SCHEMES = frozenset({"http", "https", "urn", "did", "tag", "ni", "data", "mailto", "ark", "info", "oid"})
_OURS = ("odrl:", "kom:")
_MINTED = re.compile(r"kom:\S+")
_TEXT_TYPES = (None, "@id", "xsd:anyURI", XSD + "anyURI")


def expand_terms(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with every `kom:` term of its rules, profile and member names as a full IRI.

    Free text at policy level and text typed as something else than an IRI stay as they are.
    """
    bounds.check(document)
    return {
        _minted(key): _expanded(value) if key in _RULES or key == "profile" or key.startswith(_OURS) else value
        for key, value in document.items()
    }


def _expanded(value: Any) -> Any:
    if isinstance(value, str):
        return _minted(value)
    if isinstance(value, list):
        return [_expanded(item) for item in value]
    if isinstance(value, dict):
        literal = "@value" in value and value.get("@type") not in _TEXT_TYPES
        return {
            _minted(key): item if key == "@value" and (literal or "@type" not in value) else _expanded(item)
            for key, item in value.items()
        }
    return value


def _minted(text: str) -> str:
    return NS + text.removeprefix("kom:") if _MINTED.fullmatch(text) else text


def check_wire(document: Mapping[str, Any], *, message: bool = False) -> None:
    """Check that a document can travel as a DSP Offer: in a catalog, or (`message`) with its target in a message.

    Call it on what `expand_terms` gave. `@id` and `@type` may be absent: they are written when the offer is made.

    Raises:
        Invalid: a `policy_` code with the JSON pointer in `field`.
    """
    bounds.check(document)
    for fault in faults(document, message=message):
        raise fault


def faults(document: Mapping[str, Any], *, message: bool = False) -> Iterator[Invalid]:
    """Yield everything that keeps a document from travelling, in the order in which it is found."""
    if document.get("@type", "Offer") != "Offer":
        yield Invalid("policy_wire_type", field="/@type")
    if ("target" in document) != message:
        yield Invalid("policy_wire_target", field="/target")
    yield from _names(document, "", _POLICY)
    yield from _texts(document)
    if not any(document.get(name) for name in ("permission", "prohibition")):
        yield Invalid("policy_wire_rules", field="")
    for name in _RULES:
        if name in document:
            yield from _rules(document[name], f"/{name}")


def _texts(document: Mapping[str, Any]) -> Iterator[Invalid]:
    for name in ("@id", "target", "assigner", "assignee", "timestamp"):
        if not isinstance(document.get(name, ""), str):
            yield Invalid("policy_text", field=f"/{name}")
    profile = document.get("profile", [])
    if isinstance(profile, list):
        for index, item in enumerate(profile):
            yield from _iri(item, f"/profile/{index}")
    else:
        yield from _iri(profile, "/profile")


def _rules(rules: Any, pointer: str) -> Iterator[Invalid]:
    if not isinstance(rules, list) or not rules:
        yield Invalid("policy_wire_array", field=pointer)
        return
    for index, rule in enumerate(rules):
        at = f"{pointer}/{index}"
        if not isinstance(rule, dict):
            yield Invalid("policy_object", field=at)
        else:
            yield from _rule(rule, at)


def _rule(rule: Mapping[str, Any], at: str) -> Iterator[Invalid]:
    for name in ("target", "odrl:target"):
        if name in rule:
            yield Invalid("policy_wire_target", field=f"{at}/{name}")
    yield from _names(rule, at, _RULE | {"target"})
    if isinstance(rule.get("action"), str):
        yield from _term(rule["action"], f"{at}/action", ("use",))
    else:
        yield Invalid("policy_wire_action", field=f"{at}/action")
    yield from _constraints(rule.get("constraint", []), f"{at}/constraint")
    if "duty" in rule:
        yield from _rules(rule["duty"], f"{at}/duty")


def _constraints(conditions: Any, pointer: str) -> Iterator[Invalid]:
    if not isinstance(conditions, list):
        yield Invalid("policy_wire_array", field=pointer)
        return
    for index, condition in enumerate(conditions):
        at = f"{pointer}/{index}"
        if isinstance(condition, dict):
            yield from _condition(condition, at)
        else:
            yield Invalid("policy_object", field=at)


def _condition(condition: Mapping[str, Any], at: str) -> Iterator[Invalid]:
    kinds = [name for name in _LOGICAL if name in condition]
    if len(kinds) > 1 or (kinds and condition.keys() & _CONSTRAINT - {"@id", "@type"}):
        yield Invalid("policy_logical", field=at)
    elif kinds:
        yield from _names(condition, at, {"@id", "@type", *kinds})
        yield from _constraints(condition[kinds[0]], f"{at}/{kinds[0]}")
    else:
        yield from _constraint(condition, at)


def _constraint(constraint: Mapping[str, Any], pointer: str) -> Iterator[Invalid]:
    for name in ("leftOperand", "operator", "rightOperand"):
        if name not in constraint:
            yield Invalid("policy_constraint", field=pointer, member=name)
    yield from _names(constraint, pointer, _CONSTRAINT)
    operator = constraint.get("operator", "eq")
    if not isinstance(operator, str) or operator not in OPERATORS:
        yield Invalid("policy_wire_operator", field=f"{pointer}/operator")
    if "leftOperand" in constraint:
        yield from _iri(constraint["leftOperand"], f"{pointer}/leftOperand")
    right = constraint.get("rightOperand", [])
    for index, item in enumerate(right if isinstance(right, list) else [right]):
        yield from _value(item, f"{pointer}/rightOperand" + (f"/{index}" if isinstance(right, list) else ""))


def _value(value: Any, pointer: str) -> Iterator[Invalid]:
    if isinstance(value, str):
        return
    if not isinstance(value, dict):
        yield Invalid("policy_wire_value", field=pointer)
        return
    for keyword in ("@id", "@type"):
        if keyword in value:
            yield from _iri(value[keyword], f"{pointer}/{keyword}")


def _iri(value: Any, pointer: str) -> Iterator[Invalid]:
    if isinstance(value, str):
        yield from _term(value, pointer, ())
    else:
        yield Invalid("policy_text", field=pointer)


def _names(found: Mapping[str, Any], pointer: str, known: frozenset[str] | set[str]) -> Iterator[Invalid]:
    for name in found:
        if name not in known:
            yield from _term(name, f"{pointer}/{escape(name)}", ())


def _term(term: str, pointer: str, bare: tuple[str, ...]) -> Iterator[Invalid]:
    """Yield a fault unless a name survives: one of the bare ones, a prefix of DSP's context, or a full IRI."""
    prefix, colon, rest = term.partition(":")
    if not colon:
        if term not in bare:
            yield Invalid("policy_wire_term", field=pointer)
    elif not rest or (prefix not in WIRE_PREFIXES and prefix not in _SCHEMES):
        yield Invalid("policy_wire_prefix", field=pointer)
