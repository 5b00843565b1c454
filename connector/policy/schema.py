"""The JSON Schema of a policy file, for completion and hints in editors (draft-07, which editors know best).

It is made from the registry and says what a new policy should look like; `lint` says what is wrong and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.policy import registry
from connector.policy.terms import PREFIXES, PROFILE, XSD, shorten, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FILE_PREFIXES = words("odrl dct dcat kom")
"""The prefixes that a policy file may use for terms: DSP's own, and `kom:`, which is written out on publishing."""

_TYPES = {"dateTime": "xsd:dateTime", "duration": "xsd:duration", "number": "xsd:integer", "boolean": "xsd:boolean"}


def schema(language: str = "en") -> dict[str, Any]:
    """Return the JSON Schema with titles in a language."""
    rules = {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/rule"}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": PROFILE + "/policy.schema.json",
        "title": registry.read("registry")["label"][language],
        "type": "object",
        "anyOf": [{"required": ["permission"]}, {"required": ["prohibition"]}],
        "properties": {
            "$schema": {"type": "string"},
            "@type": {"const": "Offer"},
            "profile": {"const": PROFILE},
            "odrl:conflict": {"const": {"@id": "odrl:prohibit"}},
            "dct:title": {"$ref": "#/definitions/title"},
            "permission": rules,
            "prohibition": rules,
            "obligation": rules,
        },
        "definitions": {
            "title": _title(),
            "rule": _rule(language),
            "condition": _condition(),
            "constraint": _constraint(language),
            **{f"value-{kind}": _value(kind) for kind in ("dateTime", "duration", "number", "boolean", "string")},
            **{f"value-{name}": _iris(_titled(name, language)) for name in (*registry.CONCEPTS, "areas")},
            "value-iri": _iris(()),
        },
    }


def term(iri: str) -> str:
    """Return a term as it is written in a policy file: with a prefix that may stand there, else in full."""
    short = shorten(iri)
    return short if short.partition(":")[0] in _FILE_PREFIXES else iri


def _title() -> dict[str, Any]:
    texts = {"@language": {"enum": ["sv", "en"]}, "@value": {"type": "string", "minLength": 1}}
    item = {"type": "object", "properties": texts, "required": [*texts], "additionalProperties": False}
    return {"type": "array", "items": item}


def _rule(language: str) -> dict[str, Any]:
    actions = [{"const": "use", "title": registry.table("actions")[PREFIXES["odrl"] + "use"]["label"][language]}]
    actions += _choices((iri, entry["label"][language]) for iri, entry in registry.table("actions").items())
    return {
        "type": "object",
        "required": ["action"],
        "properties": {
            "@id": {"type": "string"},
            "action": {"anyOf": actions},
            "constraint": {"type": "array", "items": {"$ref": "#/definitions/condition"}},
            "duty": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/rule"}},
        },
    }


def _condition() -> dict[str, Any]:
    inner = {"type": "array", "minItems": 2, "items": {"$ref": "#/definitions/condition"}}
    logical = [
        {"type": "object", "required": [kind], "properties": {"@id": {"type": "string"}, kind: inner}}
        for kind in ("and", "or", "xone")
    ]
    return {"anyOf": [*logical, {"$ref": "#/definitions/constraint"}]}


def _constraint(language: str) -> dict[str, Any]:
    operands = registry.table("operands")
    return {
        "type": "object",
        "required": ["leftOperand", "operator", "rightOperand"],
        "properties": {
            "@id": {"type": "string"},
            "leftOperand": {"anyOf": _choices((iri, entry["label"][language]) for iri, entry in operands.items())},
            "operator": {"enum": [*registry.read("registry")["operators"]]},
        },
        "allOf": [_typed(iri, entry) for iri, entry in operands.items()],
    }


def _typed(iri: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the other members of a constraint must be, given its left operand."""
    value = {"$ref": f"#/definitions/value-{entry.get('values', entry['kind'])}"}
    return {
        "if": {"properties": {"leftOperand": {"const": term(iri)}}},
        "then": {
            "properties": {
                "operator": {"enum": entry["operators"]},
                "rightOperand": {"anyOf": [value, {"type": "array", "items": value}]},
            }
        },
    }


def _value(kind: str) -> dict[str, Any]:
    text = {"type": "string"}
    if kind == "string":
        return text
    known = [_TYPES[kind], XSD + _TYPES[kind].removeprefix("xsd:")]
    if kind == "number":
        known += ["xsd:decimal", XSD + "decimal"]
    properties = {"@value": text, "@type": {"enum": known}}
    return {"anyOf": [text, {"type": "object", "properties": properties, "required": [*properties]}]}


def _iris(known: Iterable[tuple[str, str]]) -> dict[str, Any]:
    name = {"anyOf": [*_choices(known), {"type": "string", "pattern": ":"}]}
    return {"type": "object", "properties": {"@id": name}, "required": ["@id"], "additionalProperties": False}


def _titled(name: str, language: str) -> list[tuple[str, str]]:
    if name == "areas":
        return [*registry.areas().items()]
    return [(iri, entry["label"][language]) for iri, entry in registry.table(name).items()]


def _choices(known: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"const": term(iri), "title": title} for iri, title in known]
