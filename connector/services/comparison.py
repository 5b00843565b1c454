"""What a consumer asks for beside what was offered: which is the stricter, what differs in words, and the owner's limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector import loader
from connector.errors import Invalid
from connector.policy.difference import Difference, difference
from connector.policy.explain.apart import apart
from connector.policy.limit import Standing
from connector.policy.parse import parse
from connector.protocol import negotiation
from connector.protocol.machine import CONSUMER, PROVIDER
from connector.services.limits import Asked, stored_form
from connector.store.contracts import Contract
from connector.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, for whoever decides.

    Attributes:
        verdict: `equal`, `offer-stricter`, `asked-stricter`, `incomparable` or `unknown`.
        limit: how what is asked for stands to the owner's limit; None where there is none.
        offer: the id of the offer that it is compared with.
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


@dataclass(frozen=True, slots=True)
class Answered:
    """What a provider answered us, its consumer, with: the id and the rules of its offer, and the rules that we asked for."""

    offer: str
    offered: Mapping[str, Any]
    rules: Mapping[str, Any]


def answered(unit: Unit, contract: Contract) -> Answered | None:
    """Return the provider's own offer on the table with what we asked for last; None where there is no such."""
    if contract.role != CONSUMER or contract.offer_by != PROVIDER:
        return None
    sent = [row["body"] for row in unit.messages.of(contract.id) if _asks(row)]
    wanted = loader.load_object(sent[-1].encode()).get("offer") if sent else None
    if not isinstance(wanted, dict):
        return None
    return Answered(str(contract.offer.get("@id")), stored_form(contract.offer), stored_form(wanted))


def _asks(row: Mapping[str, Any]) -> bool:
    return (row["direction"], row["move"], row["withdrawn"]) == ("out", negotiation.REQUEST, None)


def comparison(found: Asked | Answered, language: str) -> Comparison:
    """Return what differs, in `sv` or `en`. It may take some time: call it outside of units."""
    if isinstance(found, Answered):
        return _compared(found.offer, found.offered, found.rules, None, language)
    limit = (found.proof.known or found.proof.find()) if found.proof else "unknown" if found.limited else None
    return _compared(found.ours.id, found.ours.document, found.rules, limit, language)


def _compared(
    offer: str, offered: Mapping[str, Any], asked: Mapping[str, Any], limit: Standing | None, language: str
) -> Comparison:
    try:
        one, other = (parse({**document, "@type": "Agreement"}) for document in (offered, asked))
    except Invalid:
        return Comparison("unknown", limit, offer, [], [], [])
    found: Difference = difference(one, other)
    verdict = _VERDICTS.get(found.verdict, found.verdict)
    return Comparison(verdict, limit, offer, *apart(one, other, language), changes=[*found.changes])
