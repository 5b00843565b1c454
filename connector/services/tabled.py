"""The offer on the table after a counter of ours that the peer did not take: the last one that both sides know."""

from __future__ import annotations

from typing import Any, Final

from connector import loader
from connector.protocol import negotiation
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.unit import Unit

_OFFERING: Final = frozenset({negotiation.REQUEST, negotiation.OFFER})
_BYTES: Final = 8 * 1024 * 1024


def before(unit: Unit, exchange: Exchange, contract: Contract) -> tuple[dict[str, Any], str] | None:
    """Return the offer of the last message that took effect and the role that sent it, None where that is on the table.

    What was refused, or never answered, is in no seal's list of messages: an agreement on it would be one on rules that the
    peer has never had before it.
    """
    applied = [row for row in unit.messages.of(exchange.pid) if row["withdrawn"] is None and row["move"] in _OFFERING]
    if not applied:
        return None
    last, turn = applied[-1], exchange.turn
    offer = loader.load_object(last["body"].encode(), limit=_BYTES)["offer"]
    by = turn.peer if last["direction"] == "in" else turn.role
    return None if (offer, by) == (contract.offer, contract.offer_by) else (offer, by)
