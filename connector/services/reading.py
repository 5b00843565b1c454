"""The consumer's gateway: reading a contract's data through our own connector, which holds and renews the token.

It never starts a transfer by itself; where none is started it says how to start one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from connector.dataplane import pull
from connector.dataplane.ports import Read, StreamContent
from connector.errors import ConnectorError, Denied, Invalid, Missing, Unavailable, Unreachable, WrongState
from connector.peer.call import expect
from connector.protocol.machine import CONSUMER
from connector.services import ledger
from connector.services.house import House
from connector.services.speak import expected_of, known, reach_of, speak
from connector.services.transfer import readable
from connector.store.contracts import Transfer
from connector.store.unit import Unit

log = logging.getLogger(__name__)
_RENEW_BEFORE_SECONDS = 60.0
_ADDRESS_SECONDS = 2.0
_DATA = frozenset({200, 206})


@asynccontextmanager
async def open_data(
    house: House, participant: str, contract: str, wanted: Read, *, transfer: str | None = None
) -> AsyncIterator[StreamContent]:
    """Read under a contract's started transfer (that one, where it is named) and give the provider's answer while it arrives.

    Raises:
        Missing: `contract_unknown`. WrongState: `transfer_not_started`, `transfer_without_address`.
        Denied, Unknown, BadMessage, TooMany, Unreachable: as `dataplane.pull.read`.
    """
    house.member(participant)
    peer, found = await _started(house, participant, contract, transfer)
    found = await _fresh(house, participant, peer, found)
    opened = pull.read(house.client, await _address(house, participant, peer, found), wanted)
    try:
        content = await opened.__aenter__()
    except Denied:
        if found.renewal is None:
            raise
        found = await _renewed(house, participant, peer, found)
        opened = pull.read(house.client, await _address(house, participant, peer, found), wanted)
        content = await opened.__aenter__()
    try:
        if wanted.method == "GET" and content.status in _DATA:
            await _received(house, contract)
        yield content
    finally:
        await opened.__aexit__(None, None, None)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a read through the gateway; `sent` is the bytes of the body that we handed on."""

    transfer: str
    method: str
    path: str
    status: int
    sent: int
    complete: bool


async def fetched(house: House, participant: str, contract: str, what: Fetched, *, by: str) -> None:
    """Leave the record of a read through the gateway: who read what, and how much of it."""

    def work(unit: Unit) -> None:
        unit.record(
            participant, "data.fetched", contract,
            by=by, transfer=what.transfer, method=what.method, path=what.path,
            status=what.status, bytes=what.sent, complete=what.complete,
        )  # fmt: skip

    try:
        await house.store.write(work)
    except Unavailable:
        log.warning("an access record was lost with the store: contract=%s", contract)


async def _received(house: House, contract: str) -> None:
    """Let the duties begin that wait for the first data under a contract."""
    rows = await house.store.read(lambda unit: unit.duties.of_contract(contract))
    if any(row.since is None and row.trigger == ledger.RECEIVED for row in rows):
        await house.store.write(lambda unit: ledger.triggered(unit, house.office, contract, ledger.RECEIVED))


async def started(house: House, participant: str, contract: str) -> str:
    """Return the id of a contract's started transfer. Raises Missing `contract_unknown`, WrongState `transfer_not_started`."""
    house.member(participant)
    _, found = await house.store.read(lambda unit: _find(unit, participant, contract, None))
    return found.id


async def still_started(house: House, participant: str, contract: str, transfer: str) -> bool:
    """Tell whether a contract's transfer may still be read."""
    try:
        await house.store.read(lambda unit: _find(unit, participant, contract, transfer))
    except Invalid:
        return False
    return True


async def _started(house: House, participant: str, contract: str, transfer: str | None) -> tuple[str, Transfer]:
    """Return the provider and the started transfer; an address on its way after a resumption is waited for briefly."""
    deadline = house.now() + _ADDRESS_SECONDS
    while True:
        peer, found = await house.store.read(lambda unit: _find(unit, participant, contract, transfer))
        if found.endpoint is not None and found.token is not None:
            return peer, found
        if house.now() > deadline:
            raise WrongState("transfer_without_address", id=found.id)
        await asyncio.sleep(0.05)


def _find(unit: Unit, participant: str, contract: str, transfer: str | None) -> tuple[str, Transfer]:
    held = unit.contracts.get(contract)
    if held is None or held.participant != participant or held.role != CONSUMER:
        raise Missing("contract_unknown")
    for found in reversed(unit.transfers.of_contract(contract)):
        exchange = unit.exchanges.load(participant, found.id)
        if transfer in (None, found.id) and exchange is not None and readable(exchange.turn):
            return held.peer, found
    raise WrongState("transfer_not_started", contract=contract)


async def _fresh(house: House, participant: str, peer: str, found: Transfer) -> Transfer:
    """Renew a token that is about to run out, where the provider lets us."""
    if found.renewal is None:
        return found
    if found.token_until is not None and found.token_until - _RENEW_BEFORE_SECONDS > house.now():
        return found
    try:
        return await _renewed(house, participant, peer, found)
    except ConnectorError:
        # The present token may still be good; if not, the provider's answer says why.
        return found


async def _renewed(house: House, participant: str, peer: str, found: Transfer) -> Transfer:
    reply = await speak(house, participant, peer, "POST", str(found.renewal))
    body: Any = expect(reply)
    token = body.get("authorization") if isinstance(body, dict) else None
    seconds = body.get("expiresIn") if isinstance(body, dict) else None
    if not isinstance(token, str):
        raise Unreachable("renewal_unreadable")
    until = house.now() + (seconds if isinstance(seconds, (int, float)) else 0)
    await house.store.write(lambda unit: unit.transfers.change(found.id, token=token, token_until=until))
    return replace(found, token=token, token_until=until)


async def _address(house: House, participant: str, peer: str, found: Transfer) -> pull.Address:
    row = await known(house, participant, peer)
    endpoint = str(found.endpoint)
    # DSP's own address type is bearer; Eclipse EDC sends the raw token and wants it raw.
    bearer = found.renewal is not None or not str(found.token).startswith("eyJ")
    authorization = f"Bearer {found.token}" if bearer else str(found.token)
    return pull.Address(endpoint, authorization, reach_of(row, endpoint), expected_of(row, endpoint))
