"""What a consumer asks for beside what we offered: which is the stricter, what differs in words, and the owner's limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.errors import Invalid
from connector.policy.difference import Difference, difference
from connector.policy.explain.apart import apart
from connector.policy.limit import Standing
from connector.policy.parse import parse
from connector.services.limits import Asked


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, for whoever decides.

    Attributes:
        verdict: `equal`, `offer-stricter`, `asked-stricter`, `incomparable` or `unknown`.
        limit: how what is asked for stands to the owner's limit; None where there is none.
        offer: the id of the offer of ours that it is compared with.
        only_offered, only_asked: the sentences that only the one or the other says.
        changes: from the offer to what is asked for, for each operand.
    """

    verdict: str
    limit: Standing | None
    offer: str
    only_offered: list[str]
    only_asked: list[str]
    changes: list[dict[str, Any]]


_VERDICTS = {"a-stricter": "offer-stricter", "b-stricter": "asked-stricter"}


def comparison(asked: Asked, language: str) -> Comparison:
    """Return what differs, in `sv` or `en`. It may take some time: call it outside of units."""
    limit = (asked.proof.known or asked.proof.find()) if asked.proof else "unknown" if asked.limited else None
    try:
        offered, wanted = (parse({**document, "@type": "Agreement"}) for document in (asked.ours.document, asked.rules))
    except Invalid:
        return Comparison("unknown", limit, asked.ours.id, [], [], [])
    found: Difference = difference(offered, wanted)
    verdict = _VERDICTS.get(found.verdict, found.verdict)
    return Comparison(verdict, limit, asked.ours.id, *apart(offered, wanted, language), changes=[*found.changes])
