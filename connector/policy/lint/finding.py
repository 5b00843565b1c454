"""A finding: which rule of the linter, how grave, where, and the values that its sentence names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from connector.policy import terms
from connector.policy.node import escape

if TYPE_CHECKING:
    from connector.policy.model import Condition, Constraint, Policy, Rule

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding at a JSON pointer; `name` when it is about the member's name, not its value.

    The sentence and the fix are the texts `text` and `next` of `code`.
    """

    rule: str
    severity: Severity
    pointer: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    name: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What the rules look at: the document with `kom:` terms in full, the policy read from it, and the time (seconds)."""

    document: Mapping[str, Any]
    policy: Policy
    now: float

    def at(self, member: str) -> str:
        """Return the pointer to a member of the document, however its name is spelled."""
        return next((f"/{escape(name)}" for name in self.document if terms.member(name) == member), "")


Findings = Iterator[Finding]


def error(number: int, pointer: str, **values: Any) -> Finding:
    """Return a finding that must be put right: the policy does not mean what it says, or cannot be used."""
    return Finding(f"P{number}", "error", pointer, f"lint_{number}", values)


def warning(number: int, pointer: str, **values: Any) -> Finding:
    """Return a finding that is probably not meant."""
    return Finding(f"P{number}", "warning", pointer, f"lint_{number}", values)


def info(number: int, pointer: str, **values: Any) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(f"P{number}", "info", pointer, f"lint_{number}", values)


def rules(policy: Policy) -> Iterator[Rule]:
    """Yield every rule of a policy: permissions, prohibitions, obligations, and what hangs on them."""
    waiting = [*policy.obligations[::-1], *policy.prohibitions[::-1], *policy.permissions[::-1]]
    while waiting:
        rule = waiting.pop()
        yield rule
        waiting += rule.then[::-1]


def conditions(rule: Rule) -> Iterator[Condition]:
    """Yield every condition of one rule, the logical ones before their operands, and the refinements."""
    waiting = [*rule.constraints]
    for holder in (rule.action, rule.target, rule.assignee):
        waiting += holder.refinements if holder is not None else ()
    while waiting:
        condition = waiting.pop(0)
        yield condition
        waiting += getattr(condition, "operands", ())


def comparisons(rule: Rule) -> Iterator[Constraint]:
    """Yield every atomic constraint of one rule that was stated where it is used."""
    for condition in conditions(rule):
        if not hasattr(condition, "operands") and condition.left:
            yield condition
