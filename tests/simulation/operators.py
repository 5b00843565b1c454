"""Operators of ours who do at random what they may, and sometimes what they may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.protocol import negotiation, transfer
from connector.protocol.machine import CONSUMER, PROVIDER, Role
from connector.services import contracts, peers, transfers
from connector.store.exchanges import Exchange
from tests.simulation.ours import Ours

Verb = Callable[[Ours, Exchange], Any]
POLICIES = ("p1", "p2", "p3")


def _counter(party: Ours, exchange: Exchange) -> None:
    party.act(contracts.counter, exchange.pid, party.world.rng.choice(POLICIES))


def _plain(verb: Callable[..., Any], *args: Any) -> Verb:
    return lambda party, exchange: party.act(verb, exchange.pid, *args)


def _fetch(party: Ours, exchange: Exchange) -> None:
    party.fetch(exchange.pid)


_APPROVE, _ACCEPT = _plain(contracts.approve), _plain(contracts.accept)
_TERMINATE_CONTRACT, _TERMINATE_TRANSFER = _plain(contracts.terminate, "enough"), _plain(transfers.terminate, "enough")
_SUSPEND, _RESUME, _COMPLETE = _plain(transfers.suspend), _plain(transfers.resume), _plain(transfers.complete)

_ANY: dict[str, tuple[Verb, ...]] = {
    "negotiation": (_APPROVE, _ACCEPT, _counter, _TERMINATE_CONTRACT),
    "transfer": (_SUSPEND, _RESUME, _COMPLETE, _TERMINATE_TRANSFER, _fetch),
}
_LEGAL: dict[tuple[str, Role, str], tuple[Verb, ...]] = {
    ("negotiation", PROVIDER, negotiation.REQUESTED): (_APPROVE, _APPROVE, _counter, _counter),
    ("negotiation", PROVIDER, negotiation.ACCEPTED): (_APPROVE,),
    ("negotiation", CONSUMER, negotiation.OFFERED): (_ACCEPT, _ACCEPT, _counter, _counter),
    ("transfer", PROVIDER, transfer.STARTED): (_SUSPEND, _SUSPEND, _SUSPEND, _COMPLETE),
    ("transfer", CONSUMER, transfer.STARTED): (_SUSPEND, _SUSPEND, _fetch, _fetch, _COMPLETE),
    ("transfer", PROVIDER, transfer.SUSPENDED): (_RESUME, _RESUME, _RESUME),
    ("transfer", CONSUMER, transfer.SUSPENDED): (_RESUME, _RESUME, _RESUME),
}


def act(party: Ours) -> None:
    """Do something with one of the processes, or start a transfer under a final contract."""
    if not party.up:
        return
    rng = party.world.rng
    found = exchanges(party)
    live = [exchange for exchange in found if not exchange.turn.ended]
    final = [exchange for exchange in found if _may_transfer(exchange)]
    if final and sum(exchange.protocol == "transfer" for exchange in found) < 2 and rng.random() < 0.6:
        party.act(transfers.start, rng.choice(final).pid)
    elif live:
        exchange = rng.choice(live)
        _verb(party, exchange)(party, exchange)


def _may_transfer(exchange: Exchange) -> bool:
    return exchange.turn.state == "FINALIZED" and exchange.turn.role == CONSUMER


def _verb(party: Ours, exchange: Exchange) -> Verb:
    rng = party.world.rng
    if rng.random() < 0.12:
        return _TERMINATE_CONTRACT if exchange.protocol == "negotiation" else _TERMINATE_TRANSFER
    if rng.random() < 0.2:
        return rng.choice(_ANY[exchange.protocol])
    legal = _LEGAL.get((exchange.protocol, exchange.turn.role, exchange.turn.shown))
    return rng.choice(legal or _ANY[exchange.protocol])


def exchanges(party: Ours) -> list[Exchange]:
    """Return the party's processes, the oldest first."""
    return party.read(lambda unit: [unit.exchanges.load(party.did, pid) for pid in party.pids])


def open_negotiation(party: Ours, role: Role, offer: dict[str, Any], dataset: str) -> None:
    """Ask for a contract, or offer one."""
    if not party.up:
        return
    if role == CONSUMER:
        party.act(contracts.request_offer, party.peer_did, dataset, offer)
    else:
        party.act(contracts.offer, party.peer_did, dataset, offer["@id"])


def expire(party: Ours) -> None:
    """End what no policy permits any more, as the upkeep does."""
    if party.up:
        party.expire()
    else:
        party.world.at(party.world.now + 1.0, expire, party)


def remove_peer(party: Ours) -> None:
    """Remove the peer; every process with it is terminated in the same transaction."""
    if party.up and party.pinned:
        party.act(peers.remove, party.peer_did)
