"""Conditions as clauses ("if the purpose is ..."), and how far each is kept by technology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector import texts
from connector.policy import registry
from connector.policy.explain import words
from connector.policy.model import Constraint
from connector.policy.operands import OPERANDS
from connector.policy.terms import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from connector.policy.model import Condition
    from connector.policy.operands import Operand

_DEADLINES = frozenset({"lt", "lteq", "eq", "gteq", "gt"})


def clause(condition: Condition, language: str, *, nested: bool = False) -> str:
    """Return a condition as a clause that can follow "if"."""
    if isinstance(condition, Constraint):
        return _comparison(condition, language)
    parts = [clause(each, language, nested=True) for each in condition.operands]
    if condition.unknown or not parts:
        return texts.say("explain_not_understood", language, term=condition.kind)
    if len(parts) == 1:
        return parts[0]
    if condition.kind in ("and", "or"):
        joined = f" {texts.say(f'explain_{condition.kind}', language)} ".join(parts)
        return f"({joined})" if nested else joined
    return f"({texts.say(f'explain_{condition.kind}', language, parts='; '.join(parts))})"


def _comparison(constraint: Constraint, language: str) -> str:
    operand = OPERANDS.get(constraint.left)
    if (
        operand is None
        or constraint.operand is None
        or constraint.operator not in registry.read("registry")["operators"]
    ):
        return texts.say("explain_not_understood", language, term=_stated(constraint))
    entry = registry.table("operands")[operand.iri]
    own = entry.get("clause", {}).get(constraint.operator)
    template = own or registry.read("registry")["operators"][constraint.operator]
    return str(template[language]).format(
        operand=entry["label"][language], value=_values(constraint, operand, language)
    )


def _stated(constraint: Constraint) -> str:
    right = constraint.reference or ", ".join(each.text for each in constraint.right)
    return " ".join(part for part in (shorten(constraint.left), constraint.operator, right) if part)


def _values(constraint: Constraint, operand: Operand, language: str) -> str:
    found = [words.value(each.text, operand.kind, language) for each in constraint.right]
    every = operand.kind == "string" or constraint.operator in ("isAllOf", "hasPart")
    listed = words.listed(found or ["–"], language, every=every)
    return f"{listed} {shorten(constraint.unit)}" if constraint.unit else listed


def due(constraint: Constraint, language: str) -> str | None:
    """Return by when a duty is due, as its constraint says in words; `None` for a constraint that sets no time."""
    operand = OPERANDS.get(constraint.left)
    entry = registry.table("operands").get(constraint.left, {})
    if operand is None or constraint.operand is None or "due" not in entry or constraint.operator not in _DEADLINES:
        return None
    if operand.kind == "dateTime" and constraint.operator not in ("lt", "lteq"):
        return None
    return str(entry["due"][language]).format(value=_values(constraint, operand, language))


def comparisons(conditions: Iterable[Condition]) -> Iterator[Constraint]:
    """Yield every comparison in conditions."""
    for condition in conditions:
        if isinstance(condition, Constraint):
            yield condition
        else:
            yield from comparisons(condition.operands)


def grades(conditions: Sequence[Condition], language: str) -> dict[str, list[str]]:
    """Return the operands of conditions in words, by their grade, the strongest first; `unknown` for those not understood."""
    found: dict[str, list[str]] = {grade: [] for grade in (*registry.GRADES, "unknown")}
    for constraint in comparisons(conditions):
        operand = OPERANDS.get(constraint.left)
        if operand is None or constraint.operand is None:
            grade, term = "unknown", shorten(constraint.left) or constraint.reference
        else:
            grade, term = operand.grade, str(registry.table("operands")[operand.iri]["label"][language])
        if term not in found[grade]:
            found[grade].append(term)
    return {grade: terms for grade, terms in found.items() if terms}


def grade_name(grade: str, language: str) -> str:
    """Return what people call a grade."""
    if grade == "unknown":
        return texts.say("explain_unknown", language)
    return str(registry.read("registry")["grades"][grade][language])
