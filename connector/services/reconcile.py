"""Two-sided reconciliation: what both parties recorded of a contract, compared through an endpoint for the other party alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector import canonical, loader
from connector.errors import Missing, Unknown, Unreachable, WrongState
from connector.evidence import reconcile as pure
from connector.evidence.reconcile import Difference, Reads, Spoken, Statement
from connector.peer.call import ANSWER_BYTES, expect
from connector.services import witness
from connector.services.house import House
from connector.services.receive import Speaker, with_token
from connector.services.speak import known, speak
from connector.store import journal
from connector.store.exchanges import Exchange
from connector.store.unit import Unit

_NOT_FOUND = 404
_PAYLOAD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What differs between both parties' records of a contract."""

    contract: str
    peer: str
    differences: list[Difference]


async def reconcile(house: House, participant: str, contract: str) -> Reconciliation:
    """Ask a contract's other party what it has recorded of it, and compare.

    Raises:
        Missing: `contract_unknown`. WrongState: `reconcile_plain_peer`, `reconcile_unanswered`.
        Unreachable: as `speak`, `reconcile_unreadable`.
    """
    house.member(participant)
    exchange, ours = await house.store.read(lambda unit: _own(unit, participant, contract))
    peer = await known(house, participant, exchange.peer)
    if not witness.announces(peer.row):
        raise WrongState("reconcile_plain_peer", peer=exchange.peer)
    if exchange.peer_pid is None:
        raise WrongState("reconcile_unanswered", peer=exchange.peer)
    url = f"{peer.row.base}/journal/contracts/{exchange.peer_pid}"
    reply = await speak(house, participant, exchange.peer, "GET", url, limit=ANSWER_BYTES)
    if reply.status == _NOT_FOUND:
        return Reconciliation(contract, exchange.peer, [Difference("unknown_there", "")])
    try:
        theirs = pure.read(expect(reply))
    except ValueError:
        raise Unreachable("reconcile_unreadable", peer=exchange.peer) from None
    return Reconciliation(contract, exchange.peer, pure.differences(ours, theirs))


async def ours(house: House, speaker: Speaker, pid: str) -> dict[str, Any]:
    """Return what we have recorded of a contract, for its other party. Raises Unknown `process_unknown`."""

    def work(unit: Unit) -> dict[str, Any]:
        exchange = unit.exchanges.load(speaker.member.id, pid, speaker.caller.peer)
        if exchange is None or exchange.protocol != "negotiation":
            raise Unknown("process_unknown")
        return pure.write(_statement(unit, exchange))

    return await with_token(house, speaker, work)


def _own(unit: Unit, participant: str, contract: str) -> tuple[Exchange, Statement]:
    exchange = unit.exchanges.load(participant, contract)
    if exchange is None or exchange.protocol != "negotiation":
        raise Missing("contract_unknown")
    return exchange, _statement(unit, exchange)


def _statement(unit: Unit, exchange: Exchange) -> Statement:
    contract = unit.contracts.get(exchange.pid)
    seals = {kind: unit.seals.get(exchange.pid, kind) for kind in ("agreement", "verification")}
    states, reads = _journalled(unit, exchange)
    return Statement(
        state=exchange.turn.shown,
        states=tuple(states),
        agreement=canonical.digest(contract.agreement) if contract and contract.agreement else None,
        messages=tuple(map(_spoken, unit.messages.of(exchange.pid))),
        seals={kind: canonical.of_bytes(seal.jws.encode()) for kind, seal in seals.items() if seal},
        transfers=_transfers(unit, exchange),
        reads=reads,
    )


def _spoken(row: dict[str, Any]) -> Spoken:
    digest = canonical.of_bytes(row["body"].encode())
    return Spoken(row["direction"], row["move"], digest, row["withdrawn"] is not None)


def _transfers(unit: Unit, exchange: Exchange) -> dict[tuple[str, str], str]:
    found = {}
    for transfer in unit.transfers.of_contract(exchange.pid):
        process = unit.exchanges.load(exchange.participant, transfer.id)
        if process is not None and process.peer_pid is not None:
            found[process.provider_pid or "", process.consumer_pid or ""] = process.turn.shown
    return found


def _journalled(unit: Unit, exchange: Exchange) -> tuple[list[str], Reads]:
    """Return the states that the journal says a contract went through, and its reads of data."""
    states: list[str] = []
    count = complete = size = 0
    removed = False
    last, _ = journal.head(unit.conn, exchange.participant)
    of_contract = journal.Search(contract=exchange.pid)
    for row in journal.rows(unit.conn, exchange.participant, through=last, search=of_contract):
        if row["kind"] not in ("negotiation.state", "data.read", "data.fetched"):
            continue
        said = None if row["payload"] is None else loader.load_object(row["payload"].encode(), limit=_PAYLOAD_BYTES)
        if row["kind"] == "negotiation.state":
            states += [str(said["state"])] if said else []
        elif said is None:
            removed = True
        else:
            count, complete, size = count + 1, complete + bool(said["complete"]), size + int(said["bytes"])
    return states, Reads(count, complete, size, removed)
