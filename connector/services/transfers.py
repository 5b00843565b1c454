"""An operator's verbs on transfers: start, suspend, resume, complete, terminate, look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.errors import Missing, WrongState
from connector.protocol import negotiation, transfer
from connector.protocol.machine import CONSUMER, TERMINATION, Process
from connector.services import cursors
from connector.services.house import House
from connector.services.speak import known
from connector.services.transfer import PULL
from connector.services.views import TransferView, transfer_view
from connector.store.contracts import Contract, Transfer
from connector.store.exchanges import Exchange
from connector.store.unit import Unit


async def start(house: House, participant: str, contract: str, *, by: str) -> TransferView:
    """Ask the provider of a finalized contract of ours for its data.

    Raises:
        Missing: `contract_unknown`, `peer_unknown`.
        WrongState: `contract_not_final`, `contract_ours` (we are the provider).
    """
    house.member(participant)
    peer = await house.store.read(lambda unit: _consumers(unit, participant, contract).peer)
    base = (await known(house, participant, peer)).row.base

    def work(unit: Unit) -> TransferView:
        found = _consumers(unit, participant, contract)
        pid, turn = house.office.new_id(), Process(transfer.TRANSFER, CONSUMER)
        exchange = Exchange(pid, participant, found.peer, None, base, turn, created=unit.now)
        unit.transfers.add(Transfer(pid, participant, contract, found.agreement_id or "", PULL, renewable=True))
        house.exchanging.initiate(unit, exchange, transfer.REQUEST, by=by)
        return _view(unit, participant, pid)

    return await house.store.write(work)


def _consumers(unit: Unit, participant: str, contract: str) -> Contract:
    """Return a contract under which we may ask for data."""
    exchange, found = unit.exchanges.load(participant, contract), unit.contracts.get(contract)
    if exchange is None or found is None:
        raise Missing("contract_unknown")
    if found.role != CONSUMER:
        raise WrongState("contract_ours")
    if exchange.turn.state != negotiation.FINALIZED or found.agreement_id is None:
        raise WrongState("contract_not_final", state=exchange.turn.shown)
    return found


async def listing(
    house: House, participant: str, cursor: str | None = None, limit: int = 50
) -> tuple[list[TransferView], str | None]:
    """Return transfers, newest first, and the next cursor. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    before = cursors.read(cursor)

    def work(unit: Unit) -> tuple[list[TransferView], Exchange | None]:
        page = unit.exchanges.page(participant, "transfer", before=before, limit=limit + 1)
        views = [_view_of(unit, exchange) for exchange in page[:limit]]
        return views, page[limit - 1] if len(page) > limit else None

    views, last = await house.store.read(work)
    return views, cursors.write(last.created, last.pid) if last else None


async def show(house: House, participant: str, pid: str) -> TransferView:
    """Return a transfer. Raises Missing `transfer_unknown`."""
    house.member(participant)
    return await house.store.read(lambda unit: _view(unit, participant, pid))


async def suspend(house: House, participant: str, pid: str, *, by: str) -> TransferView:
    """Suspend a transfer; as provider, access closes at once. Raises Missing, WrongState."""
    return await _move(house, participant, pid, transfer.SUSPENSION, by=by, code="operator", reasons=("operator",))


async def resume(house: House, participant: str, pid: str, *, by: str) -> TransferView:
    """Start a suspended transfer again. Raises Missing, WrongState."""

    def check(exchange: Exchange) -> None:
        if exchange.turn.state != transfer.SUSPENDED:
            raise WrongState("transfer_state", state=exchange.turn.shown)

    return await _move(house, participant, pid, transfer.START, by=by, check=check)


async def complete(house: House, participant: str, pid: str, *, by: str) -> TransferView:
    """Complete a transfer; as provider, access closes at once. Raises Missing, WrongState."""
    return await _move(house, participant, pid, transfer.COMPLETION, by=by)


async def terminate(house: House, participant: str, pid: str, reason: str = "", *, by: str) -> TransferView:
    """End a transfer; as provider, access closes at once. Raises Missing, WrongState."""
    reasons = (reason,) if reason else ()
    return await _move(house, participant, pid, TERMINATION, by=by, code="operator", reasons=reasons)


async def _move(
    house: House,
    participant: str,
    pid: str,
    move: str,
    *,
    by: str,
    check: Callable[[Exchange], None] = lambda _exchange: None,
    **told: Any,
) -> TransferView:
    house.member(participant)

    def work(unit: Unit) -> TransferView:
        exchange = _load(unit, participant, pid)
        check(exchange)
        house.exchanging.move(unit, exchange, move, by=by, **told)
        return _view(unit, participant, pid)

    return await house.store.write(work)


def _load(unit: Unit, participant: str, pid: str) -> Exchange:
    exchange = unit.exchanges.load(participant, pid)
    if exchange is None or exchange.protocol != "transfer":
        raise Missing("transfer_unknown")
    return exchange


def _view(unit: Unit, participant: str, pid: str) -> TransferView:
    return _view_of(unit, _load(unit, participant, pid))


def _view_of(unit: Unit, exchange: Exchange) -> TransferView:
    found = unit.transfers.get(exchange.pid)
    contract = unit.contracts.get(found.contract) if found else None
    if found is None or contract is None:
        raise Missing("transfer_unknown")
    return transfer_view(exchange, found, contract.dataset)
