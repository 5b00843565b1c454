"""Rules about the file as a whole and the dataset that it says it is for (P701 to P707).

A policy file may say so with `dct:accessRights`, `dct:license` and `dpv:hasPersonalData`, as the dataset's metadata do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.policy.lint.finding import Draft, Findings, comparisons, info, rules, warning
from connector.policy.operands import PARTICIPANT
from connector.policy.terms import DCT, ODRL, expand

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from connector.policy.model import Rule

_DPV = "https://w3id.org/dpv#"
_OPEN_LICENCES = ("http://creativecommons.org/licenses/by/", "http://creativecommons.org/publicdomain/")


def check(draft: Draft) -> Findings:
    """Yield what the file lacks for people, and where its terms do not fit the dataset it is for."""
    described = {expand(name): value for name, value in draft.document.items()}
    languages = {each.get("@language") for each in _each(described.get(DCT + "title")) if isinstance(each, dict)}
    if not {"sv", "en"} <= languages:
        yield info(703, "")
    rights = " ".join(_names(described.get(DCT + "accessRights")))
    lefts = {each.left for rule in rules(draft.policy) for each in comparisons(rule)}
    if rights.endswith(("/RESTRICTED", "/NON_PUBLIC")):
        if ODRL + "purpose" not in lefts:
            yield warning(704, "")
        yield from (warning(706, rule.pointer) for rule in draft.policy.permissions if _unbounded(rule))
    if _names(described.get(_DPV + "hasPersonalData")) and _DPV + "hasLegalBasis" not in lefts:
        yield warning(705, "")
    licence = " ".join(_names(described.get(DCT + "license"))).replace("https:", "http:")
    if licence.startswith(_OPEN_LICENCES):
        yield from (warning(707, rule.pointer) for rule in draft.policy.permissions if rule.constraints)


def _unbounded(rule: Rule) -> bool:
    """Tell whether anybody at all gets what a permission grants."""
    who = {PARTICIPANT, ODRL + "recipient"}
    return rule.assignee is None and not any(
        each.left in who or each.left.endswith("#memberOf") for each in comparisons(rule)
    )


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(value: Any) -> list[str]:
    found = [_name(each) for each in _each(value)]
    return [name for name in found if name]


def _name(value: str | Mapping[str, Any] | None) -> str:
    if isinstance(value, dict):
        value = value.get("@id", value.get("@value"))
    return expand(value) if isinstance(value, str) else ""
