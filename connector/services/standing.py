"""Whether a contract may be used now, and what becomes of its transfers when that changes.

A transfer that its policy refuses is suspended where time alone, a duty that can still be done or a confirmed key can make it
right again, and goes on by itself then; else it is terminated. What an operator or the peer suspended is left alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from connector.protocol import transfer
from connector.protocol.machine import PROVIDER, TERMINATION
from connector.services import facts, permission
from connector.services.decide import POLICY
from connector.services.exchange import Exchanging, cancel
from connector.services.permission import Verdict
from connector.store.contracts import Contract, Grant
from connector.store.exchanges import Exchange
from connector.store.parties import KEY_CHANGED, REMOVED
from connector.store.unit import Unit

KEY: Final = "peer_key_changed"
GONE: Final = "peer_parted"
CODES: Final = frozenset({KEY, GONE})
"""What holds access up beside the policy."""

_REFUSES: Final = "policy_refuses"
_LEAVING: Final = frozenset({transfer.SUSPENSION, transfer.COMPLETION, TERMINATION})


def verdict(unit: Unit, contract: Contract) -> Verdict:
    """Return what a contract's policy and its peer's standing say of reading under it now."""
    if contract.agreement is None:
        return Verdict(permits=False, until=None)
    peer = unit.peers.get(contract.participant, contract.peer) if contract.role == PROVIDER else None
    if peer is not None and peer.state == KEY_CHANGED:
        return Verdict(permits=False, until=None, reasons=(KEY,), recovers=True)
    if peer is not None and peer.state == REMOVED:
        return Verdict(permits=False, until=None, reasons=(GONE,))
    request = facts.request_for(contract, unit.now)
    return permission.verdict(contract.agreement, request, facts.of_contract(unit, contract))


def of_grant(unit: Unit, grant: Grant) -> Verdict:
    """Return what is said of a grant's reading now."""
    contract = unit.contracts.get(grant.contract)
    return Verdict(permits=False, until=None) if contract is None else verdict(unit, contract)


def refuse(exchanging: Exchanging, unit: Unit, grant: Grant, said: Verdict) -> None:
    """Suspend or end a transfer that is not permitted any more; its grant closes in the same transaction."""
    exchange = unit.exchanges.load(grant.participant, grant.transfer, grant.peer)
    if exchange is None:
        return
    if not said.recovers:
        cancel(exchanging, unit, exchange, by=POLICY, code=_REFUSES, reasons=said.told)
        return
    turn = exchange.turn
    pending = turn.pending.move if turn.pending else None
    if turn.ended or {turn.wanted, pending} & _LEAVING or transfer.STARTED not in (turn.state, _target(exchange)):
        return
    moved = exchanging.move(unit, exchange, transfer.SUSPENSION, by=POLICY, code=_REFUSES, reasons=said.told)
    unit.exchanges.save(replace(moved, waits=POLICY), unit.now)


def go_on(exchanging: Exchanging, unit: Unit, grant: Grant) -> None:
    """Start a transfer again that only its policy held up, or end it where the policy will not permit it any more."""
    exchange = unit.exchanges.load(grant.participant, grant.transfer, grant.peer)
    if exchange is None or not paused(exchange):
        return
    said = of_grant(unit, grant)
    if said.permits:
        exchanging.move(unit, exchange, transfer.START, by=POLICY)
    elif not said.recovers:
        cancel(exchanging, unit, exchange, by=POLICY, code=_REFUSES, reasons=said.told)


def paused(exchange: Exchange) -> bool:
    """Tell whether a transfer of ours is suspended because its policy refused, and both sides know."""
    turn = exchange.turn
    return exchange.waits == POLICY and turn.state == transfer.SUSPENDED and turn.pending is None


def _target(exchange: Exchange) -> str | None:
    return exchange.turn.pending.target if exchange.turn.pending else None
