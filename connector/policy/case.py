"""A case: who asks for what, when, and what is known, as one JSON object (the same for `check`, `test` and `diff`).

    {"assignee": IRI, "action": IRI, "target": IRI, "time": ISO, "purpose": IRI, "facts": {operand IRI: value},
     "partOf": {IRI: [collection IRIs]}, "duties": {duty uid: "fulfilled" | "violated" | "not-set"}}

All members are optional; terms may be prefixed or in full. What the registry knows about purposes, kinds of recipient and
areas is known in every case.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, get_args

from connector.errors import Invalid
from connector.policy import purposes
from connector.policy.decision import DutyState
from connector.policy.operands import OPERANDS, TIME_SINCE_AGREEMENT
from connector.policy.registry import part_of
from connector.policy.terms import ODRL, expand, vocabulary, words
from connector.policy.values import after, duration, instant
from connector.policy.world import Facts, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connector.policy.model import Policy

READ = ODRL + "read"
PURPOSE = ODRL + "purpose"
_IDENTIFIER = re.compile(r"""[^\s\x00-\x1f<>"{}|\\^`]+""")
"""What an IRI may be made of (RFC 3987, section 2.2): an empty word, such as a variable that was never set, is none."""
MEMBERS = words("assignee action target time purpose facts partOf duties")


def read_case(case: Mapping[str, Any], policy: Policy, now: float, *, lenient: bool = False) -> tuple[Request, Facts]:
    """Return the request and the facts of a case.

    Without an action it is `odrl:read`, without a time it is now, without a target it is the policy's own, where it has one.

    Raises:
        Invalid: `case_member`, `case_text`, `case_identifier`, `case_time`, `case_object`, `case_duty`.
    """
    for name in case:
        if name not in MEMBERS:
            raise Invalid("case_member", field=name, name=name)
    moment = _time(case, now)
    request = Request(
        action=vocabulary(_text(case, "action") or READ),
        target=expand(_text(case, "target")) or _own_target(policy),
        assignee=expand(_text(case, "assignee")),
        now=moment,
    )
    values = {vocabulary(name): value for name, value in _object(case, "facts").items()}
    if purpose := _text(case, "purpose"):
        values[PURPOSE] = purposes.purpose(purpose) or expand(purpose)
    return request, Facts(
        values={name: _full(name, value) for name, value in values.items()},
        part_of={**part_of(), **_collections(case)},
        duties=_duties(case),
        agreed_at=_agreed_at(values.get(TIME_SINCE_AGREEMENT), moment),
        lenient=lenient,
    )


def _text(case: Mapping[str, Any], name: str) -> str:
    found = case.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Invalid("case_text", field=name)
    if name != "time" and not _IDENTIFIER.fullmatch(found):
        raise Invalid("case_identifier", field=name)
    return found


def _object(case: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = case.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Invalid("case_object", field=name)
    return found


def _time(case: Mapping[str, Any], now: float) -> float:
    if case.get("time") is None:
        return now
    found = instant(_text(case, "time"))
    if found is None:
        raise Invalid("case_time", field="time")
    return found


def _own_target(policy: Policy) -> str:
    """Return the only target that the policy speaks of, or "" when there is none or several."""
    rules = (*policy.permissions, *policy.prohibitions, *policy.obligations)
    found = {rule.target.iri for rule in rules if rule.target is not None and not rule.target.collection}
    return found.pop() if len(found) == 1 else ""


def _full(name: str, value: Any) -> Any:
    """Return a fact with its IRIs in full where the operand's values are IRIs."""
    operand = OPERANDS.get(name)
    if operand is None or operand.kind != "iri":
        return value
    if isinstance(value, list):
        return [expand(item) if isinstance(item, str) else item for item in value]
    return expand(value) if isinstance(value, str) else value


def _collections(case: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    for name, groups in _object(case, "partOf").items():
        listed = [groups] if isinstance(groups, str) else groups
        if not isinstance(listed, list) or not all(isinstance(group, str) for group in listed):
            raise Invalid("case_text", field="partOf")
        full = expand(name)
        found[full] = tuple(dict.fromkeys([*part_of().get(full, ()), *map(expand, listed)]))
    return found


def _duties(case: Mapping[str, Any]) -> dict[str, str]:
    found = _object(case, "duties")
    if not all(isinstance(state, str) and state in get_args(DutyState) for state in found.values()):
        raise Invalid("case_duty", field="duties")
    return {expand(name): state for name, state in found.items()}


def _agreed_at(since: Any, now: float) -> float | None:
    """Return when the agreement was made, given how long ago that is."""
    length = duration(since) if isinstance(since, str) else None
    if length is None or math.isnan(now):
        return None
    return after(now, (-length[0], -length[1]))
