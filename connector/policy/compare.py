"""Whether two policy documents in DSP's form bind the same, and where they do not.

What counts is what binds: rules, profile and conflict strategy. Order, wrapping, spelling of terms and identifiers do not
count; a member of a rule that we do not understand always does, for it may mean anything.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from connector.errors import Invalid
from connector.ids import NS
from connector.policy import terms
from connector.policy.model import Constraint
from connector.policy.node import escape
from connector.policy.operands import OPERANDS
from connector.policy.parse import parse
from connector.policy.values import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from connector.policy.model import Action, Condition, Policy, Rule, Subject
    from connector.policy.values import Value

Form = tuple[Any, ...]
"""What a thing says, in one canonical, hashable shape."""

TIME_ZONE = NS + "timeZone"
"""The member of a policy that names the time zone whose days and months its quotas count by."""
SWEDEN = "Europe/Stockholm"
_REMEMBERED_BYTES = 4096
_PARTIES = {"target", "assigner", "assignee", "timestamp", "uid", "type"}


@dataclass(frozen=True, slots=True)
class _Said:
    """What binds of a document, known by its text."""

    text: bytes
    document: dict[str, Any] = field(compare=False)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the JSON pointers at which two policies differ, sorted; nothing when they bind the same.

    A pointer is into `theirs`, or into `ours` for what only we have. A document that cannot be read differs where it is
    wrong.
    """
    found: set[str] = set()
    policies = [policy for document in (ours, theirs) if (policy := _read(document, found)) is not None]
    if len(policies) == 2:  # noqa: PLR2004 - ours and theirs
        found.update(_policies(*policies))
    return tuple(sorted(found))


def time_zone(policy: Policy) -> Any:
    """Return the time zone that a policy's quotas count by, as it is written; Sweden's where none is."""
    return next((value for name, value in policy.unknown if terms.expand(name) == TIME_ZONE), SWEDEN)


def _read(document: Any, found: set[str]) -> Policy | None:
    """Return the policy with its parties and identifiers left out, or note where it cannot be read."""
    if not isinstance(document, dict):
        found.add("")
        return None
    binding = {key: value for key, value in document.items() if terms.member(key) not in _PARTIES}
    binding.pop("@context", None)
    policy, wrong = _binding(binding)
    found.update(wrong)
    return policy


def _binding(binding: dict[str, Any]) -> tuple[Policy | None, frozenset[str]]:
    """Return what binds of a document, and where it cannot be understood; small ones are remembered by their bytes.

    What is compared in one negotiation is compared again in the next one on the same offer.
    """
    try:
        said = _Said(orjson.dumps(binding), binding)
    except TypeError:
        return _understood(binding)
    return _remembered(said) if len(said.text) <= _REMEMBERED_BYTES else _understood(binding)


@lru_cache(maxsize=512)
def _remembered(said: _Said) -> tuple[Policy | None, frozenset[str]]:
    return _understood(said.document)


def _understood(binding: dict[str, Any]) -> tuple[Policy | None, frozenset[str]]:
    try:
        policy = parse(binding)
    except Invalid as error:
        return None, frozenset({error.field or ""})
    rules = (*policy.permissions, *policy.prohibitions, *policy.obligations)
    return policy, frozenset(place for rule in rules for place in _unknown(rule))


def _policies(ours: Policy, theirs: Policy) -> Iterator[str]:
    if set(ours.profiles) != set(theirs.profiles):
        yield "/profile"
    if set(ours.conflict) != set(theirs.conflict):
        yield "/conflict"
    if (set(ours.inherits), ours.replaced_by) != (set(theirs.inherits), theirs.replaced_by):
        yield "/inheritFrom"
    if time_zone(ours) != time_zone(theirs):
        yield f"/{escape(TIME_ZONE)}"
    yield from _rules(ours.permissions, theirs.permissions)
    yield from _rules(ours.prohibitions, theirs.prohibitions)
    yield from _rules(ours.obligations, theirs.obligations)


def _rules(ours: Sequence[Rule], theirs: Sequence[Rule]) -> Iterator[str]:
    """Name the rules that only one side has; of a single pair about the same act, what differs inside."""
    mine, other = _unmatched(ours, theirs, form), _unmatched(theirs, ours, form)
    if len(mine) == len(other) == 1 and head(mine[0]) == head(other[0]):
        yield from _conditions(mine[0].constraints, other[0].constraints)
        yield from _rules(mine[0].then, other[0].then)
    else:
        yield from (rule.pointer for rule in (*mine, *other))


def _conditions(ours: Sequence[Condition], theirs: Sequence[Condition]) -> Iterator[str]:
    mine, other = _unmatched(ours, theirs, condition_form), _unmatched(theirs, ours, condition_form)
    missing = mine[len(other) :]
    yield from (condition.pointer for condition in (*missing, *other))


def _unmatched(these: Sequence[Any], those: Sequence[Any], shape: Any) -> list[Any]:
    there = Counter(shape(each) for each in those)
    found = []
    for each in these:
        if there[shape(each)]:
            there[shape(each)] -= 1
        else:
            found.append(each)
    return found


def form(rule: Rule) -> Form:
    """Return what a rule says, whatever its identifiers and the order of its parts."""
    return (*head(rule), _bag(map(condition_form, rule.constraints)), _bag(map(form, rule.then)))


def head(rule: Rule) -> Form:
    """Return what act a rule is about."""
    subjects = (_subject(subject) for subject in (rule.target, rule.assigner, rule.assignee))
    return (rule.kind, _action(rule.action), *subjects, rule.parties)


def _action(action: Action) -> Form:
    return (action.iri, _bag(map(condition_form, action.refinements)))


def _subject(subject: Subject | None) -> Form:
    if subject is None:
        return ()
    return (subject.iri, subject.collection, _bag(map(condition_form, subject.refinements)))


def condition_form(condition: Condition) -> Form:
    """Return what a condition says."""
    if not isinstance(condition, Constraint):
        operands = [condition_form(each) for each in condition.operands]
        return (condition.kind, tuple(operands) if condition.kind == "andSequence" else _bag(operands))
    return (
        condition.left,
        condition.operator,
        _bag({_value(value, condition) for value in condition.right}),
        _bag({_value(value, condition) for value in condition.status}),
        condition.data_type,
        condition.unit,
        condition.reference,
    )


def _value(value: Value, constraint: Constraint) -> Form:
    """Return a value's text, with its datatype only where the operand's own type does not settle it."""
    operand = OPERANDS.get(constraint.left)
    settled = operand is not None and fits(value, operand.kind)
    iri = value.datatype == "@id" or (operand is not None and operand.kind == "iri")
    return (terms.expand(value.text) if iri else value.text, "" if settled else value.datatype)


def _bag(forms: Iterable[Form]) -> Form:
    return tuple(sorted(forms, key=repr))


def _unknown(rule: Rule) -> Iterator[str]:
    """Name the members inside a rule that we do not understand."""
    holders: list[Any] = [rule.action, rule.target, rule.assigner, rule.assignee]
    refined = [each for holder in holders if holder is not None for each in holder.refinements]
    for holder in holders:
        yield from (f"{rule.pointer}/{escape(name)}" for name, _ in (holder.unknown if holder is not None else ()))
    yield from (f"{rule.pointer}/{escape(name)}" for name, _ in rule.unknown)
    for condition in (*rule.constraints, *refined):
        yield from _unknown_in(condition)
    for duty in rule.then:
        yield from _unknown(duty)


def _unknown_in(condition: Condition) -> Iterator[str]:
    yield from (f"{condition.pointer}/{escape(name)}" for name, _ in condition.unknown)
    if not isinstance(condition, Constraint):
        for each in condition.operands:
            yield from _unknown_in(each)
    elif not condition.left:
        yield condition.pointer
