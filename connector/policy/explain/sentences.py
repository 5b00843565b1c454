"""A policy as numbered sentences, one for each rule and duty, with a summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector import texts
from connector.ids import NS
from connector.policy import activity, registry
from connector.policy.actions import SAME
from connector.policy.explain import words
from connector.policy.explain.clauses import clause, comparisons, due, grade_name, grades
from connector.policy.model import Constraint, conditions
from connector.policy.operands import DATE_TIME, TIME_SINCE_AGREEMENT, TRANSFORMED, TRIGGER
from connector.policy.terms import ODRL, shorten
from connector.policy.values import order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.policy.model import Condition, Extras, Policy, Rule, Subject

_ENDS = frozenset({"lt", "lteq"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """One rule in words. `grades` maps a grade to the parts that have it; none are named when it holds for the whole."""

    number: int
    rule: str
    kind: str
    text: str
    grades: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A policy in words."""

    summary: str
    sentences: tuple[Sentence, ...]
    notes: tuple[str, ...]


def explain(policy: Policy, language: str) -> Explanation:
    """Return a policy in words, in `sv` or `en`."""
    sentences = tuple(_numbered(policy, language))
    return Explanation(_summary(policy, language), sentences, tuple(_notes(policy, sentences, language)))


def graded(sentence: Sentence, language: str) -> str:
    """Return the grades of a sentence in words: `enforced technically: the purpose; attested: ...`."""
    parts = [
        grade_name(grade, language) + (f": {words.listed(terms, language, every=True)}" if terms else "")
        for grade, terms in sentence.grades.items()
    ]
    return "; ".join(parts)


def _numbered(policy: Policy, language: str) -> Iterator[Sentence]:
    waiting = [(rule, 0) for rule in (*policy.permissions, *policy.prohibitions, *policy.obligations)]
    number = 0
    while waiting:
        rule, parent = waiting.pop(0)
        number += 1
        yield Sentence(
            number, rule.uid or rule.pointer, rule.kind, _text(rule, parent, language), _grades(rule, language)
        )
        waiting[:0] = [(each, number) for each in rule.then]


def _text(rule: Rule, parent: int, language: str) -> str:
    if not rule.action.iri:
        return texts.say("explain_rule_unknown", language, rule=rule.uid)
    timed = rule.kind not in ("permission", "prohibition")
    when = {
        each: text
        for each in rule.constraints
        if timed and isinstance(each, Constraint) and (text := due(each, language))
    }
    clauses = [clause(each, language) for each in conditions(rule) if each not in when]
    sentence = texts.say(
        f"explain_{rule.kind}",
        language,
        who=_party(rule.assignee, language),
        action=_action(rule, language),
        due=f" {', '.join(when.values())}" if when else "",
        conditions=_conditions(clauses, rule.kind, language),
        number=parent,
    )
    unknown = [name for name, _ in _unknown(rule)]
    more = [texts.say("explain_not_read", language, names=", ".join(map(shorten, unknown)))] if unknown else []
    return " ".join([_beginning(sentence), *more])


def _beginning(sentence: str) -> str:
    """Return a sentence with a capital first, unless it begins with an identifier, which has to stay as it is."""
    return sentence if ":" in sentence.split(" ", 1)[0] else sentence[0].upper() + sentence[1:]


def _unknown(rule: Rule) -> Extras:
    """Return the members of a rule, its action, target and assignee that we do not understand."""
    holders = [each for each in (rule.action, rule.target, rule.assignee) if each is not None]
    return (*rule.unknown, *(each for holder in holders for each in holder.unknown))


def _conditions(clauses: Sequence[str], kind: str, language: str) -> str:
    if not clauses:
        return ""
    joined = f" {texts.say('explain_and', language)} ".join(clauses)
    return texts.say("explain_when" if kind == "prohibition" else "explain_if", language, clauses=joined)


def _party(subject: Subject | None, language: str) -> str:
    if subject is None:
        return texts.say("explain_recipient", language)
    name = words.name(subject.iri, language)
    return texts.say("explain_member", language, group=name) if subject.collection else name


def _action(rule: Rule, language: str) -> str:
    iri = SAME.get(rule.action.iri, rule.action.iri)
    entry: dict[str, Any] = registry.table("actions").get(iri, {})
    if not entry:
        text = texts.say("explain_not_understood", language, term=shorten(iri))
    else:
        text = (
            entry["prohibited"][language]
            if rule.kind == "prohibition" and "prohibited" in entry
            else entry["label"][language]
        )
    for function, party in rule.parties:
        named = function in ("informedParty", "attributedParty")
        code = f"explain_{function}" if named else "explain_other_party"
        text += " " + texts.say(code, language, party=words.name(party, language), function=function)
    if rule.target is not None:
        text += f" {words.name(rule.target.iri, language)}"
    return text


def _grades(rule: Rule, language: str) -> dict[str, list[str]]:
    """Return how far a rule is kept: what it hangs on decides, or what it is about where it hangs on nothing."""
    if not rule.action.iri or _unknown(rule):
        return {"unknown": []}
    entry = registry.table("actions").get(SAME.get(rule.action.iri, rule.action.iri))
    if entry is None:
        return {"unknown": []}
    if rule.kind == "duty":
        return {"attested": []}
    if rule.kind not in ("permission", "prohibition") or entry["grade"] != "enforced":
        return {"recorded": []}
    return grades(conditions(rule), language) or {"enforced": []}


def _notes(policy: Policy, sentences: Sequence[Sentence], language: str) -> Iterator[str]:
    if any("shaped" in sentence.grades for sentence in sentences):
        yield texts.say("explain_shaping", language)
    if missing := _untransformed(policy):
        terms = [str(registry.table("operands")[iri]["label"][language]) for iri in missing]
        yield texts.say("explain_no_transform", language, terms=words.listed(terms, language, every=True))
    if policy.prohibitions and policy.permissions:
        yield texts.say(f"explain_conflict_{activity.strategy(policy)}", language)
    if policy.inherits:
        yield texts.say("explain_inherits", language, names=", ".join(policy.inherits))


def _untransformed(policy: Policy) -> dict[str, None]:
    """Return the operands of permissions that shape data and for which no transform is built."""
    found = (each for rule in policy.permissions for each in comparisons(conditions(rule)))
    return {
        each.left: None
        for each in found
        if each.operand and each.operand.role == "shape" and each.left not in TRANSFORMED
    }


def _summary(policy: Policy, language: str) -> str:
    if activity.stops(policy) or not policy.permissions:
        return texts.say("explain_summary_nothing", language)
    done = dict.fromkeys(_action(rule, language) for rule in policy.permissions if rule.action.iri)
    acts = words.listed([*done] or ["–"], language, every=True)
    until = _until(policy, language)
    code = "explain_summary_until" if until else "explain_summary" if _conditional(policy) else "explain_summary_freely"
    after = [_action(rule, language) for rule in policy.obligations if _afterwards(rule)]
    parts = [texts.say(code, language, actions=acts, until=until)]
    if after:
        parts.append(texts.say("explain_summary_then", language, actions=words.listed(after, language, every=True)))
    return " ".join(parts)


def _conditional(policy: Policy) -> bool:
    """Tell whether anything but the action itself decides what is permitted, so that there are conditions to speak of."""
    plain = all(
        rule.assignee is None and not (conditions(rule) or rule.then or _unknown(rule)) for rule in policy.permissions
    )
    return bool(not plain or policy.prohibitions or policy.obligations or policy.inherits)


def _afterwards(rule: Rule) -> bool:
    """Tell whether an obligation is about what happens with the data in the end."""
    ended = any(
        each.left == TRIGGER and any(value.text == NS + "agreementEnded" for value in each.right)
        for each in comparisons(rule.constraints)
    )
    return ended or rule.action.iri == ODRL + "delete"


def _until(policy: Policy, language: str) -> str:
    """Return when the last permission ends, in words; "" when one has no end."""
    ends = [[*_bounds(rule.constraints)] for rule in policy.permissions]
    if not all(ends):
        return ""
    kinds = [{each.left for each in found} for found in ends]
    if any(found != kinds[0] for found in kinds) or (len(ends) > 1 and len(kinds[0]) > 1):
        return texts.say("explain_until_stated", language)
    parts = []
    for left, kind in ((DATE_TIME, "dateTime"), (TIME_SINCE_AGREEMENT, "duration")):
        if left in kinds[0]:
            last = _extreme([_extreme([each for each in found if each.left == left], -1) for found in ends], 1)
            value = words.value(last.right[0].text, "dateTime" if kind == "dateTime" else "duration", language)
            parts.append(texts.say(f"explain_until_{kind}", language, value=value))
    return f" {texts.say('explain_until_and', language)} ".join(parts)


def _bounds(conditions: Sequence[Condition]) -> Iterator[Constraint]:
    """Yield the ends of a permission's time: constraints that must all hold."""
    for each in conditions:
        if not isinstance(each, Constraint):
            if each.kind == "and":
                yield from _bounds(each.operands)
        elif each.operator in _ENDS and each.left in (DATE_TIME, TIME_SINCE_AGREEMENT) and each.values:
            yield each


def _extreme(ends: Sequence[Constraint], sign: int) -> Constraint:
    """Return the earliest (-1) or the latest (1) end; the first of two that only a calendar could compare."""
    best = ends[0]
    for each in ends[1:]:
        if order((each.values or ())[0], (best.values or ())[0]) == sign:
            best = each
    return best
