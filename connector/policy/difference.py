"""`difference`: which of two policies is the stricter, with a case that they answer differently, and what changed in what.

A policy is stricter when it permits nothing that the other refuses and less of the rest, or binds to more obligations. A
verdict is never rounded: what cannot be analysed exactly is `unknown`, and a case is given only when the engine itself
answers it differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from connector.policy import compare, operands
from connector.policy.boxes import Box, Boxes, Unclear, lowest
from connector.policy.case import read_case
from connector.policy.evaluate import evaluate
from connector.policy.model import Constraint
from connector.policy.points import Point, stated
from connector.policy.region import ACTION, AGO, ASSIGNEE, NOW, TARGET, Reading, Worlds, duty_name, worlds
from connector.policy.terms import shorten

if TYPE_CHECKING:
    from connector.policy.model import Condition, Policy, Rule

Verdict = Literal["equal", "a-stricter", "b-stricter", "incomparable", "unknown"]
Change = dict[str, Any]
Readings = tuple[Reading, Reading]
_TRIES = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """The verdict, the changes from A to B, and a case answered differently (`None` where there is none, or none found)."""

    verdict: Verdict
    changes: tuple[Change, ...]
    witness: dict[str, Any] | None


def difference(a: Policy, b: Policy) -> Difference:
    """Return how two policies differ."""
    try:
        known = worlds([a, b])
        readings = (Reading(known, a), Reading(known, b))
        mine, other = (each.permitted() for each in readings)
        only_a, only_b = known.space.less(mine, other), known.space.less(other, mine)
        changes = tuple(_changes(a, b, readings))
    except Unclear:
        same = _same(a, b) and compare.time_zone(a) == compare.time_zone(b)
        return Difference("equal" if same else "unknown", tuple(_changes(a, b, None)), None)
    if compare.time_zone(a) != compare.time_zone(b):
        # Whether a day of one zone leaves more than a day of another depends on what was read when.
        return Difference("unknown", changes, None)
    more_a, more_b = _more(a.obligations, b.obligations), _more(b.obligations, a.obligations)
    case = _witness(known, [*only_a[:_TRIES], *only_b[:_TRIES]], a, b)
    if (only_a or only_b) and case is None:
        return Difference("unknown", changes, None)
    stricter_a, stricter_b = bool(only_b) or more_a, bool(only_a) or more_b
    return Difference(_verdict(a=stricter_a, b=stricter_b), changes, case)


def _verdict(*, a: bool, b: bool) -> Verdict:
    if a and b:
        return "incomparable"
    return "a-stricter" if a else "b-stricter" if b else "equal"


def _same(a: Policy, b: Policy) -> bool:
    """Tell whether two policies say the same, word for word."""
    return (a.permissions, a.prohibitions, a.obligations, a.conflict, a.profiles, a.inherits) == (
        b.permissions,
        b.prohibitions,
        b.obligations,
        b.conflict,
        b.profiles,
        b.inherits,
    )


def _more(ours: Sequence[Rule], theirs: Sequence[Rule]) -> bool:
    return not {compare.form(rule) for rule in ours} <= {compare.form(rule) for rule in theirs}


def _witness(known: Worlds, boxes: Boxes, a: Policy, b: Policy) -> dict[str, Any] | None:
    """Return a case that the two policies answer differently, as the engine says."""
    for box in boxes:
        case = _case(known, box, (a, b))
        answers = [evaluate(policy, *read_case(case, policy, 0.0)).permits for policy in (a, b)]
        if answers[0] != answers[1]:
            return case
    return None


def _case(known: Worlds, box: Box, policies: Iterable[Policy]) -> dict[str, Any]:
    chosen = {
        name: choices[lowest(box.get(name, known.space.full[name]))] for name, choices in known.dimensions.items()
    }
    case: dict[str, Any] = {
        "action": chosen[ACTION].value,
        "time": stated(chosen[NOW].value),
        "target": chosen[TARGET].value,
    }
    if chosen[ASSIGNEE].value is not None:
        case["assignee"] = chosen[ASSIGNEE].value
    facts = {} if chosen[AGO].value is None else {operands.TIME_SINCE_AGREEMENT: chosen[AGO].value}
    kept = {ACTION, NOW, TARGET, ASSIGNEE, AGO}
    facts |= {
        name: point.value
        for name, point in chosen.items()
        if name not in kept and not name.startswith("duty ") and point.value is not None
    }
    part_of: dict[str, list[str]] = {}
    for point in chosen.values():
        for name, groups in point.part_of.items():
            part_of[name] = [*dict.fromkeys([*part_of.get(name, []), *groups])]
    more = {"facts": facts, "partOf": part_of, "duties": dict(_duties(chosen, policies))}
    return {**case, **{name: value for name, value in more.items() if value}}


def _duties(chosen: Mapping[str, Point], policies: Iterable[Policy]) -> Iterator[tuple[str, str]]:
    for policy in policies:
        for rule in policy.permissions:
            yield from ((duty.uid or duty.pointer, chosen[duty_name(duty)].value) for duty in rule.then)


def _changes(a: Policy, b: Policy, readings: Readings | None) -> Iterator[Change]:
    """Yield what changed: for rules about the same act, each operand; else whole rules."""
    for name in ("conflict", "profiles"):
        before, after = getattr(a, name), getattr(b, name)
        if set(before) != set(after):
            yield {"operand": f"odrl:{name.removesuffix('s')}", "change": "changed", "a": [*before], "b": [*after]}
    for kind in ("permissions", "prohibitions", "obligations"):
        pairs, gone, new = _matched(getattr(a, kind), getattr(b, kind))
        yield from (_whole(rule, "removed") for rule in gone)
        for rule, match in pairs:
            yield from _operands(rule, match, readings)
        yield from (_whole(rule, "added") for rule in new)


def _matched(ours: Sequence[Rule], theirs: Sequence[Rule]) -> tuple[list[tuple[Rule, Rule]], list[Rule], list[Rule]]:
    """Return the pairs of rules about the same act, and the rules that only one side has."""
    pairs, gone, new = [], [], [*theirs]
    for rule in ours:
        match = next((each for each in new if compare.head(each) == compare.head(rule)), None)
        if match is None:
            gone.append(rule)
        else:
            new.remove(match)
            pairs.append((rule, match))
    return pairs, gone, new


def _whole(rule: Rule, change: str) -> Change:
    found = {"kind": rule.kind, "action": shorten(rule.action.iri), "operand": None}
    return {**found, "change": change, "rule": rule.uid or rule.pointer}


def _operands(rule: Rule, match: Rule, readings: Readings | None) -> Iterator[Change]:
    ours, theirs = _grouped(rule.constraints), _grouped(match.constraints)
    head = {"kind": rule.kind, "action": shorten(rule.action.iri)}
    for name in dict.fromkeys([*ours, *theirs]):
        before, after = ours.get(name, []), theirs.get(name, [])
        forms = [sorted(map(repr, map(compare.condition_form, each))) for each in (before, after)]
        if forms[0] != forms[1]:
            texts = {"a": [_text(each) for each in before], "b": [_text(each) for each in after]}
            yield {**head, "operand": name, "change": _change(before, after, readings), **texts}
    pairs, gone, new = _matched(rule.then, match.then)
    yield from (_whole(duty, "removed") for duty in gone)
    yield from (_whole(duty, "changed") for duty, known in pairs if compare.form(duty) != compare.form(known))
    yield from (_whole(duty, "added") for duty in new)


def _grouped(conditions: Sequence[Condition]) -> dict[str, list[Condition]]:
    """Return conditions by operand, those that must all hold taken apart; other combinations by their kind."""
    found: dict[str, list[Condition]] = {}
    for condition in conditions:
        if isinstance(condition, Constraint):
            found.setdefault(shorten(condition.left), []).append(condition)
        elif condition.kind == "and" and not condition.unknown and condition.operands:
            for name, inner in _grouped(condition.operands).items():
                found.setdefault(name, []).extend(inner)
        else:
            found.setdefault(condition.kind, []).append(condition)
    return found


def _text(condition: Condition) -> str:
    if isinstance(condition, Constraint):
        right = condition.reference or ", ".join(shorten(value.text) for value in condition.right)
        return f"{shorten(condition.left)} {condition.operator} {right}"
    return f"{condition.kind}({'; '.join(map(_text, condition.operands))})"


def _change(before: Sequence[Condition], after: Sequence[Condition], readings: Readings | None) -> str:
    """Return what became of an operand: a condition on it added, removed, tightened, relaxed, or otherwise changed."""
    if not before or not after:
        return "removed" if before else "added"
    if readings is None:
        return "changed"
    one, other = readings
    space = one.worlds.space
    was = space.all_of(one.condition(each, must=True) for each in before)
    now = space.all_of(other.condition(each, must=True) for each in after)
    less, more = space.less(was, now), space.less(now, was)
    if less and more:
        return "changed"
    return "tightened" if less else "relaxed" if more else "rewritten"
