"""`lint`: every finding about one policy file, from its bytes, with line and column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector import loader
from connector.errors import ConnectorError, Invalid
from connector.policy.inherit import inherit
from connector.policy.lint import dataset, duties, logic, vocabulary
from connector.policy.lint.finding import Draft, Finding, error, info
from connector.policy.wire import expand_terms, faults

if TYPE_CHECKING:
    from connector.policy.inherit import Load

_WIRE = (
    "policy_wire_type policy_wire_target policy_wire_rules policy_wire_array policy_wire_action policy_wire_operator "
    "policy_wire_value policy_wire_term policy_wire_prefix policy_text policy_object policy_logical policy_constraint"
).split()
_RULES: tuple[Callable[[Draft], Any], ...] = (vocabulary.check, logic.check, duties.check, dataset.check)


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding with the line and column that it is about, both from 1."""

    finding: Finding
    line: int
    column: int


def lint(data: bytes, now: float, load: Load) -> list[Placed]:
    """Return the findings about a policy file, by place.

    Args:
        data: the file's bytes; any bytes at all.
        now: seconds since 1970, for periods that are over.
        load: gives the document of a policy that it inherits from, or `None`.
    """
    try:
        value = loader.loads(data, limit=loader.OPERATOR_BYTES)
    except ConnectorError as fault:
        return [_malformed(data, fault)]
    found: dict[tuple[str, str], Finding] = {}
    for each in _found(value, now, load):
        found.setdefault((each.rule, each.pointer), each)
    if not found:
        return []
    places = loader.positions(data)
    placed = [Placed(each, *places.nearest(each.pointer, name=each.name)) for each in found.values()]
    return sorted(placed, key=lambda each: (each.line, each.column, each.finding.rule))


def _malformed(data: bytes, fault: ConnectorError) -> Placed:
    """Return where a text stops being JSON, or which member is there twice."""
    if fault.code == "json_duplicate_key":
        twice = loader.positions(data).twice
        return Placed(Finding("P103", "error", next(iter(twice)), fault.code), *next(iter(twice.values())))
    stated = fault.values.get("position")
    offset = stated if isinstance(stated, int) else loader.surprise(data, fault.code)
    line, column = loader.line_of(data.decode(errors="replace"), offset)
    return Placed(Finding("P101", "error", "", fault.code, dict(fault.values)), line, column)


def _found(value: Any, now: float, load: Load) -> list[Finding]:
    if not isinstance(value, dict):
        return [Finding("P102", "error", "", "policy_not_object")]
    try:
        wire = _wire(value)
    except Invalid as fault:
        return [_unread(fault)]
    try:
        policy = inherit(value, load)
    except Invalid as fault:
        return [*wire, _unread(fault)]
    draft = Draft(value, policy, now)
    missing = [error(701, draft.at("inheritFrom"), name=name) for name in policy.inherits]
    return [*missing, *wire, *(each for check in _RULES for each in check(draft))]


def _unread(fault: Invalid) -> Finding:
    return Finding("P102", "error", fault.field or "", fault.code, dict(fault.values))


def _wire(value: dict[str, Any]) -> list[Finding]:
    """Return what keeps a policy from travelling: each an error in an offer; that there is something, in any other policy."""
    found = list(faults(expand_terms(value)))
    if _offered(value):
        return [_travel(fault) for fault in found]
    return [info(200, found[0].field or "")] if found else []


def _offered(document: dict[str, Any]) -> bool:
    """Tell whether a file is meant to be offered: an Offer, or one that neither says a type nor has ODRL's own context."""
    if "@type" in document or "type" in document:
        return document.get("@type", document.get("type")) in ("Offer", "odrl:Offer")
    return "@context" not in document


def _travel(fault: Invalid) -> Finding:
    rule = f"P{201 + _WIRE.index(fault.code)}"
    named = fault.code in ("policy_wire_term", "policy_wire_prefix", "policy_wire_target")
    return Finding(rule, "error", fault.field or "", fault.code, dict(fault.values), named)
