"""A decision as programs and people read it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from connector import clock, texts
from connector.errors import Invalid
from connector.policy import report
from connector.policy.terms import ODRL, shorten

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.policy.decision import Decision

_DATE_TIME = ODRL + "dateTime"


def decision(found: Decision) -> dict[str, Any]:
    """Return a decision for programs; a rule is active when it is also about the request."""
    return report.decision(found, clock.iso)


def lines(found: Decision, language: str) -> Iterator[str]:
    """Yield the lines that tell people a decision: each rule and what it was compared with."""
    yield from told(decision(found), language)


def told(found: Mapping[str, Any], language: str) -> Iterator[str]:
    """Yield the lines that tell people a decision as programs read it; rules may come with their sentence and its grade."""
    yield texts.say(f"cli_decision_{found['decision']}", language)
    if found["next_change"] is not None:
        yield texts.say("cli_decision_next", language, time=found["next_change"])
    if found["as_agreement"]:
        yield texts.say("cli_decision_offer", language)
    for rule in found["rules"]:
        active = texts.say(f"cli_active_{str(rule['active']).lower()}", language)
        yield f"{rule['rule']} ({texts.say(_kind(rule['kind']), language)}): {active}"
        if rule.get("sentence"):
            yield f"    {rule['sentence']} [{rule['grade']}]"
        for each in rule["constraints"]:
            value = each["value"] if each["value"] is not None else "–"
            right = each["rightOperand"] if isinstance(each["rightOperand"], str) else ", ".join(each["rightOperand"])
            state = texts.say(f"cli_state_{each['state']}", language)
            yield f"    {shorten(each['leftOperand'])} {each['operator']} {right} [{value}]: {state}"


def terms(document: Mapping[str, Any], language: str) -> Iterator[str]:
    """Yield the terms of an offer or agreement in numbered sentences, each with its grade; nothing of one that cannot be read."""
    from connector.policy.explain.sentences import explain, graded  # noqa: PLC0415 - the other answers have no need of it
    from connector.policy.parse import parse  # noqa: PLC0415 - as above

    try:
        found = explain(parse(document), language)
    except Invalid:
        return
    yield found.summary
    yield from (f"{each.number}. {each.text} [{graded(each, language)}]" for each in found.sentences)
    yield from found.notes


TEMPLATE: tuple[Column, ...] = (
    ("id", lambda row: row["id"]),
    ("title", lambda row: row["title"]),
    ("parameters", lambda row: ", ".join(f"{each['name']} ({each['label']})" for each in row["parameters"])),
)


def template(name: str, found: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a template as it is listed."""
    parameters = [
        {"name": each, "type": entry["type"], "default": entry["default"], "label": entry["label"][language]}
        for each, entry in found["parameters"].items()
    ]
    return {"id": name, "title": found["title"][language], "parameters": parameters}


def change(found: Mapping[str, Any], language: str) -> str:
    """Return one change between two policies as a line: what about, what became of it, before and after."""
    what = " ".join(filter(None, (found.get("kind"), found.get("action"), found.get("operand"), found.get("rule"))))
    became = texts.say(f"cli_change_{found['change']}", language)
    sides = [", ".join(found[side]) or "–" for side in ("a", "b") if side in found]
    return f"{what}: {became}" + (f" ({' -> '.join(sides)})" if sides else "")


def difference(found: Mapping[str, Any], language: str) -> Iterator[str]:
    """Yield the lines that tell what a consumer asks for beside what it was offered, and how that stands to the limit."""
    yield texts.say(f"cli_difference_{found['verdict']}", language, offer=found["offer"])
    for side in ("offered", "asked"):
        yield from (texts.say(f"cli_difference_{side}", language, sentence=each) for each in found[f"only_{side}"])
    yield from (f"    {change(each, language)}" for each in found["changes"])
    if found["limit"] is not None:
        yield texts.say(f"cli_limit_{found['limit']}", language)


def candidate(found: Mapping[str, Any], language: str) -> Iterator[str]:
    """Yield the lines that tell what a peer could get of a dataset, offer by offer."""
    yield f"{found['id']}: {texts.say('cli_who_' + found['answer'], language)}"
    if found["state"] != "pinned":
        yield f"    {texts.say('peer_key_changed', language)}"
    for under in found["offers"]:
        until = texts.say("cli_who_until", language, time=under["until"]) if under["until"] else ""
        said = texts.say(f"cli_who_{under['answer']}", language)
        yield f"    {under['offer']}: {said}{until}"
        yield from (f"        {text}" for text in under["because"])
        for need in under["needs"]:
            yield "        " + texts.say(f"cli_who_needs_{need['kind']}", language, text=need["text"])
        if under["approval"]:
            yield "        " + texts.say("cli_who_approval", language)


def _kind(kind: str) -> str:
    return f"cli_kind_{kind}"
