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
    from collections.abc import Mapping

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
    if document.get("@type", "Offer") != "Offer":
        raise Invalid("policy_wire_type", field="/@type")
    if ("target" in document) != message:
        raise Invalid("policy_wire_target", field="/target")
    _check_names(document, "", _POLICY)
    _check_texts(document)
    if not any(document.get(name) for name in ("permission", "prohibition")):
        raise Invalid("policy_wire_rules", field="")
    for name in _RULES:
        if name in document:
            _check_rules(document[name], f"/{name}")


def _check_texts(document: Mapping[str, Any]) -> None:
    for name in ("@id", "target", "assigner", "assignee", "timestamp"):
        if not isinstance(document.get(name, ""), str):
            raise Invalid("policy_text", field=f"/{name}")
    profile = document.get("profile", [])
    if isinstance(profile, list):
        for index, item in enumerate(profile):
            _check_iri(item, f"/profile/{index}")
    else:
        _check_iri(profile, "/profile")


def _check_rules(rules: Any, pointer: str) -> None:
    if not isinstance(rules, list) or not rules:
        raise Invalid("policy_wire_array", field=pointer)
    for index, rule in enumerate(rules):
        at = f"{pointer}/{index}"
        if not isinstance(rule, dict):
            raise Invalid("policy_object", field=at)
        if "target" in rule or "odrl:target" in rule:
            raise Invalid("policy_wire_target", field=f"{at}/target")
        _check_names(rule, at, _RULE)
        if not isinstance(rule.get("action"), str):
            raise Invalid("policy_wire_action", field=f"{at}/action")
        _check_term(rule["action"], f"{at}/action", ("use",))
        _check_constraints(rule.get("constraint", []), f"{at}/constraint")
        if "duty" in rule:
            _check_rules(rule["duty"], f"{at}/duty")


def _check_constraints(conditions: Any, pointer: str) -> None:
    if not isinstance(conditions, list):
        raise Invalid("policy_wire_array", field=pointer)
    for index, condition in enumerate(conditions):
        at = f"{pointer}/{index}"
        if not isinstance(condition, dict):
            raise Invalid("policy_object", field=at)
        kinds = [name for name in _LOGICAL if name in condition]
        if len(kinds) > 1 or (kinds and condition.keys() & _CONSTRAINT - {"@id", "@type"}):
            raise Invalid("policy_logical", field=at)
        if kinds:
            _check_names(condition, at, {"@id", "@type", *kinds})
            _check_constraints(condition[kinds[0]], f"{at}/{kinds[0]}")
        else:
            _check_constraint(condition, at)


def _check_constraint(constraint: Mapping[str, Any], pointer: str) -> None:
    for name in ("leftOperand", "operator", "rightOperand"):
        if name not in constraint:
            raise Invalid("policy_constraint", field=pointer, member=name)
    _check_names(constraint, pointer, _CONSTRAINT)
    if not isinstance(constraint["operator"], str) or constraint["operator"] not in OPERATORS:
        raise Invalid("policy_wire_operator", field=f"{pointer}/operator")
    _check_iri(constraint["leftOperand"], f"{pointer}/leftOperand")
    right = constraint["rightOperand"]
    for index, item in enumerate(right if isinstance(right, list) else [right]):
        _check_value(item, f"{pointer}/rightOperand" + (f"/{index}" if isinstance(right, list) else ""))


def _check_value(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, dict):
        raise Invalid("policy_wire_value", field=pointer)
    for keyword in ("@id", "@type"):
        if keyword in value:
            _check_iri(value[keyword], f"{pointer}/{keyword}")


def _check_iri(value: Any, pointer: str) -> None:
    if not isinstance(value, str):
        raise Invalid("policy_text", field=pointer)
    _check_term(value, pointer, ())


def _check_names(found: Mapping[str, Any], pointer: str, known: frozenset[str] | set[str]) -> None:
    for name in found:
        if name not in known:
            _check_term(name, f"{pointer}/{escape(name)}", ())


def _check_term(term: str, pointer: str, bare: tuple[str, ...]) -> None:
    """Check that a name survives: one of the bare ones, a prefix of DSP's context, or a full IRI."""
    prefix, colon, rest = term.partition(":")
    if not colon:
        if term not in bare:
            raise Invalid("policy_wire_term", field=pointer)
    elif not rest or (prefix not in WIRE_PREFIXES and prefix not in _SCHEMES):
        raise Invalid("policy_wire_prefix", field=pointer)
