"""The actions of ODRL and of our profile, and which action includes which.

Source: ODRL Vocabulary & Expression 2.2, "Actions for Rules" (`odrl:includedIn`, transitive; deprecated terms by their
`skos:exactMatch`). `use` does not include `give` and `sell`: those are under `transfer`.
"""

from __future__ import annotations

from functools import cache

from connector.ids import NS
from connector.policy.terms import CC, ODRL, words

_UNDER_USE = words(
    "acceptTracking aggregate annotate anonymize archive attribute compensate concurrentUse delete derive digitize "
    "distribute ensureExclusivity execute grantUse include index inform install modify move nextPolicy obtainConsent "
    "play present print read reproduce reviewPolicy stream synchronize textToSpeech transform translate uninstall "
    "watermark"
)
_CC_UNDER_USE = words(
    "Attribution CommericalUse CommercialUse DerivativeWorks Distribution Notice Reproduction ShareAlike Sharing "
    "SourceCode"
)
_MINTED_UNDER_USE = ("reidentify", "combineWithPersonalData", "trainModel", "log")

PARENT: dict[str, str | None] = {
    ODRL + "use": None,
    ODRL + "transfer": None,
    **{ODRL + name: ODRL + "use" for name in _UNDER_USE},
    ODRL + "display": ODRL + "play",
    ODRL + "extract": ODRL + "reproduce",
    ODRL + "give": ODRL + "transfer",
    ODRL + "sell": ODRL + "transfer",
    **{CC + name: ODRL + "use" for name in _CC_UNDER_USE},
    **{NS + name: ODRL + "use" for name in _MINTED_UNDER_USE},
}
"""Every known action and the action that includes it."""

SAME: dict[str, str] = {
    ODRL + old: ODRL + new
    for old, new in {
        "append": "modify",
        "appendTo": "modify",
        "write": "modify",
        "writeTo": "modify",
        "copy": "reproduce",
        "export": "transform",
        "license": "grantUse",
        "pay": "compensate",
        "extractChar": "extract",
        "extractPage": "extract",
        "extractWord": "extract",
    }.items()
}
"""Deprecated actions and the action that they mean."""


@cache
def ancestors(action: str) -> tuple[str, ...]:
    """Return an action and every action that includes it, the nearest first; only itself when it is unknown."""
    current: str | None = SAME.get(action, action)
    chain: list[str] = []
    while current is not None:
        chain.append(current)
        current = PARENT.get(current)
    return tuple(chain)


def known(action: str) -> bool:
    """Tell whether the action belongs to ODRL or to our profile."""
    return SAME.get(action, action) in PARENT


def covers(rule: str, asked: str) -> bool | None:
    """Tell whether a rule about one action is about another: `None` when the rule's action is unknown."""
    if SAME.get(rule, rule) in ancestors(asked):
        return True
    return False if known(rule) and known(asked) else None


def overlap(one: str, other: str) -> bool | None:
    """Tell whether two actions can be the same act: `None` when either is unknown."""
    either = (covers(one, other), covers(other, one))
    if True in either:
        return True
    return None if None in either else False
