"""From an offer to the agreement it becomes: the same rules, the two parties, the dataset, the time.

Sources: Dataspace Protocol 2025-1, "Contract Agreement Message"; A.2 row 26 of the threat table (an agreement is only what both
sides accepted).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from connector.policy.compare import differences
from connector.policy.node import escape
from connector.protocol.context import PURPOSE

TOLERANCE_SECONDS: Final = 300.0
_OF_THE_OFFER: Final = frozenset({"@id", "@type", "@context", "target", "assigner", "assignee", "timestamp", PURPOSE})


def agreement(
    offer: Mapping[str, Any],
    *,
    agreement_id: str,
    target: str,
    assigner: str,
    assignee: str,
    timestamp: str,
    purpose: str | None = None,
) -> dict[str, Any]:
    """Return the Agreement an offer becomes: its rules and every other member verbatim, in their order.

    `purpose` is what the assignee declared with its request; it stands in the agreement as `NS purpose`.
    """
    rules = {name: value for name, value in offer.items() if name not in _OF_THE_OFFER}
    named = {"@id": agreement_id, "@type": "Agreement", "target": target, "assigner": assigner, "assignee": assignee}
    declared = {} if purpose is None else {PURPOSE: purpose}
    return named | {"timestamp": timestamp} | declared | rules


def faults(  # noqa: PLR0913 - what an agreement has more than its offer
    found: Mapping[str, Any],
    offer: Mapping[str, Any],
    *,
    target: str,
    assigner: str,
    assignee: str,
    asked: float,
    now: float,
    purpose: str | None = None,
) -> tuple[str, ...]:
    """Return the JSON pointers at which a received agreement is not what the offer becomes between these parties.

    `asked` is when we asked for the contract and `now` the time of receipt, in seconds since 1970: the agreement's timestamp is
    not before the one and at most five minutes after the other. Of `NS purpose` it says what we declared, or nothing: a plain
    peer does not know the member (see `copied`).
    """
    wrong = list(differences(offer, found))
    wrong += [f"/{name}" for name, value in _parties(target, assigner, assignee).items() if found.get(name) != value]
    kind = found.get("@type", "Agreement")
    if not isinstance(kind, str) or kind.rsplit("/", 1)[-1].rsplit(":", 1)[-1] != "Agreement":
        wrong.append("/@type")
    if not isinstance(found.get("@id"), str) or not found["@id"]:
        wrong.append("/@id")
    if found.get(PURPOSE) not in (None, purpose):
        wrong.append(f"/{escape(PURPOSE)}")
    if not _timely(found.get("timestamp"), asked, now):
        wrong.append("/timestamp")
    return tuple(wrong)


def copied(found: Mapping[str, Any], purpose: str | None) -> bool:
    """Tell whether an agreement says what purpose was declared."""
    return found.get(PURPOSE) == purpose


def _parties(target: str, assigner: str, assignee: str) -> dict[str, str]:
    return {"target": target, "assigner": assigner, "assignee": assignee}


def _timely(timestamp: Any, asked: float, now: float) -> bool:
    if not isinstance(timestamp, str):
        return False
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    if moment.tzinfo is None:
        return False
    # Whole seconds are common on the wire, so the fraction of our request's time must not count against the peer.
    return int(asked) <= moment.timestamp() <= now + TOLERANCE_SECONDS
