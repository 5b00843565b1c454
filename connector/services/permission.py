"""What a policy says now: documents are read once, evaluated each time. A document that cannot be read permits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from connector import clock, texts
from connector.errors import Denied, Invalid
from connector.policy.changes import next_change
from connector.policy.compile import Test, compile_policy
from connector.policy.evaluate import Decision, evaluate
from connector.policy.explain import words
from connector.policy.explain.sentences import explain
from connector.policy.model import Policy, constraints
from connector.policy.parse import parse
from connector.policy.world import Facts, Request
from connector.services.facts import COUNTED

UNREADABLE = "policy_unreadable"
_MOST_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Read:
    """A document as it was read: the policy, its compiled form, and which of its left operands are counted."""

    policy: Policy
    test: Test
    counted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of a request now.

    Attributes:
        permits: whether it may be done.
        until: when time alone changes that, or None.
        reasons: of a refusal: machine texts, which name no values.
        sentences: of a refusal: the failing rules in words, by language.
        recovers: of a refusal: whether time alone, or a duty that can still be done, can turn it into a permission.
    """

    permits: bool
    until: float | None
    reasons: tuple[str, ...] = ()
    sentences: Mapping[str, tuple[str, ...]] | None = None
    recovers: bool = False

    @property
    def told(self) -> tuple[str, ...]:
        """What a peer is told of a refusal: the machine texts, then the failing rules in both languages."""
        said = self.sentences or {}
        return (*self.reasons, *said.get("sv", ()), *said.get("en", ()))


def read(document: Mapping[str, Any]) -> Read | None:
    """Return a policy document as it was read; None when it cannot be."""
    try:
        return _read(orjson.dumps(document))
    except Invalid:
        return None


def permits(document: Mapping[str, Any], request: Request, facts: Facts) -> bool:
    """Return whether a policy document permits a request: the quick answer, for catalogues and data."""
    found = read(document)
    return found is not None and found.test(request, facts)


def verdict(document: Mapping[str, Any], request: Request, facts: Facts) -> Verdict:
    """Return what a policy document says of a request; only a refusal is explained."""
    found = read(document)
    if found is None:
        return Verdict(permits=False, until=None, reasons=(UNREADABLE,))
    if found.test(request, facts):
        return Verdict(permits=True, until=next_change(found.policy, request, facts, found.test))
    return explained(found, request, facts)


def explained(found: Read, request: Request, facts: Facts) -> Verdict:
    """Return a refusal with its reasons."""
    decision = evaluate(found.policy, request, facts)
    said = {
        language: (*_sentences(found.policy, decision, language), *_again(decision, language))
        for language in ("sv", "en")
    }
    recovers = decision.next_change is not None or _dutiful(found, decision, request, facts)
    return Verdict(
        permits=False, until=decision.next_change, reasons=decision.reasons, sentences=said, recovers=recovers
    )


def counting(facts: Facts, counted: Mapping[str, int]) -> Facts:
    """Return the facts with other totals of what is counted."""
    return replace(facts, values={**facts.values, **counted})


def decide(document: Mapping[str, Any], request: Request, facts: Facts) -> Decision | None:
    """Return the whole decision with its trace; None when the document cannot be read (which refuses)."""
    found = read(document)
    return None if found is None else evaluate(found.policy, request, facts)


def refusal(verdict: Verdict) -> Denied:
    """Return the answer to a data request that a policy refuses: the failing rules in words, and no more."""
    if verdict.sentences is None:
        return Denied("policy_holds")
    return Denied("policy_denies", **rules(verdict))


def rules(verdict: Verdict) -> dict[str, str]:
    """Return the failing rules as the values of an error's sentence, in both languages."""
    said = verdict.sentences or {}
    return {f"rules_{language}": " ".join(said.get(language, ())) for language in ("sv", "en")}


def _dutiful(found: Read, decision: Decision, request: Request, facts: Facts) -> bool:
    """Tell whether a refused request would be permitted if the duties that can still be done were done."""
    doable = {duty.uid or duty.pointer: "fulfilled" for duty in decision.pending if duty.state == "not-set"}
    return bool(doable) and found.test(request, replace(facts, duties={**facts.duties, **doable}))


def _sentences(policy: Policy, decision: Decision, language: str) -> tuple[str, ...]:
    """Return the rules that refuse in words: the prohibitions that apply, else the permissions that lack something."""
    concerned = [rule for rule in decision.rules if rule.about is not False]
    applied = [rule for rule in concerned if rule.kind == "prohibition" and rule.active is not False]
    lacking = [rule for rule in concerned if rule.kind == "permission" and rule.active is not True]
    failing = {rule.rule for rule in (applied or lacking)[:_MOST_SENTENCES]}
    told = explain(policy, language)
    return tuple(each.text for each in told.sentences if each.rule in failing) or (told.summary,)


def _again(decision: Decision, language: str) -> tuple[str, ...]:
    """Return when it is worth asking again, where time alone may change a refusal."""
    if decision.next_change is None:
        return ()
    moment = words.moment(clock.iso(decision.next_change), language)
    return (texts.say("policy_again", language, time=moment),)


@lru_cache(maxsize=1024)
def _read(document: bytes) -> Read:
    policy = parse(orjson.loads(document))
    counted = frozenset(each.left for each in constraints(policy)) & COUNTED
    return Read(policy, compile_policy(policy), counted)
