"""What two towns' databases say afterwards: the invariants of messages, effects, agreements and journals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import orjson

from connector import canonical
from connector.evidence import chain
from connector.protocol.machine import Role, Table
from connector.store import journal, verification
from connector.store.contracts import Contract, Grant
from connector.store.exchanges import STATES, Exchange
from connector.store.outbox import Parcel
from connector.store.session import Store
from connector.store.unit import Unit
from tests.acceptance.towns import Town

_PAGE = 1000
_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything of one participant that the checks look at. `messages` and `records` are by process."""

    did: str
    exchanges: dict[str, Exchange]
    contracts: dict[str, Contract]
    grants: dict[str, Grant]
    messages: dict[str, list[dict[str, Any]]]
    records: dict[str, list[tuple[str, dict[str, Any]]]]
    outbox: list[Parcel]
    faults: list[chain.Fault]
    length: int


async def ledger(town: Town, did: str | None = None) -> Ledger:
    """Read a town's database; nobody else needs to be running."""
    store = Store(town.url)
    try:
        return await store.read(lambda unit: _read(unit, did or town.did))
    finally:
        await store.close()


def _read(unit: Unit, did: str) -> Ledger:
    exchanges = {exchange.pid: exchange for name in STATES for exchange in _all(unit, did, name)}
    number, last = journal.head(unit.conn, did)
    links = list(journal.rows(unit.conn, did, through=number))
    faults = verification.verify(unit.conn, did, []).faults
    assert (links[-1]["number"], links[-1]["hash"]) == (number, last)
    records: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for row in links:
        assert row["payload"] is not None
        records.setdefault(row["subject"], []).append((row["kind"], orjson.loads(row["payload"])))
    grants = [unit.grants.of_transfer(pid) for pid, exchange in exchanges.items() if exchange.protocol == "transfer"]
    return Ledger(
        did, exchanges, unit.contracts.many(list(exchanges)), {grant.transfer: grant for grant in grants if grant},
        {pid: unit.messages.of(pid) for pid in exchanges}, records,
        [parcel for parcel in unit.outbox.all() if parcel.participant == did], faults, len(links),
    )  # fmt: skip


def _all(unit: Unit, did: str, protocol: str) -> list[Exchange]:
    found: list[Exchange] = []
    before = None
    while page := unit.exchanges.page(did, protocol, before=before, limit=_PAGE):
        found += page
        before = (page[-1].created, page[-1].pid)
    return found


def unsettled(one: Ledger, other: Ledger) -> list[str]:
    """Return what has not converged (I5): pending moves, stalled or unconfirmed processes, unequal or missing pairs."""
    found = [f"{book.did} still sends {parcel.move}" for book in (one, other) for parcel in book.outbox]
    for ours, theirs in ((one, other), (other, one)):
        mirrored = {exchange.peer_pid: exchange for exchange in theirs.exchanges.values()}
        for pid, exchange in ours.exchanges.items():
            mirror = mirrored.get(pid)
            if mirror is None or exchange.turn.state != mirror.turn.state:
                found.append(f"{pid}: {exchange.turn.shown} and {mirror.turn.shown if mirror else 'nothing'}")
            if exchange.turn.stalled or not exchange.turn.confirmed or exchange.turn.wanted:
                found.append(f"{pid}: {exchange.turn.stalled} {exchange.turn.confirmed} {exchange.turn.wanted}")
    return found


def check_messages(book: Ledger, acknowledged: set[str]) -> None:
    """Check I2 and I3: what was acknowledged is stored, and each message had exactly one effect."""
    received = Counter(row["message_id"] for rows in book.messages.values() for row in rows if row["direction"] == "in")
    assert acknowledged <= set(received), f"acknowledged and lost: {acknowledged - set(received)}"
    assert set(received.values()) <= {1}, received.most_common(3)
    for pid, rows in book.messages.items():
        applied = Counter(
            told["message"] for kind, told in book.records[pid] if kind.endswith(".state") and told["by"] == "peer"
        )
        assert applied == Counter(row["digest"] for row in rows if row["direction"] == "in"), pid


def check_histories(book: Ledger) -> None:
    """Check I6: every process moved along its table, one effect at a time, and stayed where it ended."""
    for pid, exchange in book.exchanges.items():
        table, role, state = exchange.turn.table, exchange.turn.role, None
        for kind, told in book.records[pid]:
            if not kind.endswith(".state"):
                continue
            assert _legal(table, role, state, told), (pid, state, told, book.records[pid])
            state = told["state"]
        ended_here = [told for kind, told in book.records[pid] if kind.endswith(".ended")]
        assert state == exchange.turn.state or ended_here or exchange.turn.state == "TERMINATED", pid


def _legal(table: Table, role: Role, state: str | None, told: dict[str, str]) -> bool:
    if state in table.terminal:
        return False
    if str(told.get("how", "")).startswith("GET"):
        return True
    mover: Role = role if told["by"] == "us" else "provider" if role == "consumer" else "consumer"
    return table.target(state, told["move"], mover) == told["state"]


def check_chain(book: Ledger) -> None:
    """Check I10 as far as it goes here: every link and payload fits."""
    assert book.faults == []


def check_agreements(one: Ledger, other: Ledger) -> int:
    """Check I1 as far as it goes without seals: one agreement, the same at both; return how many there were."""
    mirrored = {
        exchange.peer_pid: other.contracts[pid] for pid, exchange in other.exchanges.items() if pid in other.contracts
    }
    finals = 0
    for pid, contract in one.contracts.items():
        if one.exchanges[pid].turn.state != "FINALIZED":
            continue
        finals += 1
        theirs = mirrored[pid]
        assert contract.agreement is not None
        assert theirs.agreement is not None
        assert contract.agreement_id == theirs.agreement_id == contract.agreement["@id"]
        assert canonical.canonical(contract.agreement) == canonical.canonical(theirs.agreement)
    names = [contract.agreement_id for contract in one.contracts.values() if contract.agreement_id]
    assert len(names) == len(set(names))
    return finals


def check_grants(book: Ledger) -> None:
    """Check I7 at rest: a grant is open exactly while its transfer is STARTED."""
    for transfer, grant in book.grants.items():
        assert (grant.closed is None) == (book.exchanges[transfer].turn.state == "STARTED"), transfer
