"""What is looked up for every message or page is found by an index, however much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from connector.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.store.session import Store
    from connector.store.unit import Unit

TABLES = set(tables.table(tables.Participant).metadata.tables)
ME, PEER = "did:web:me", "did:web:peer"
LOOK_UPS: dict[str, Callable[[Unit], Any]] = {
    "open processes": lambda unit: unit.exchanges.open_count(ME, PEER, "negotiation"),
    "offers in open negotiations": lambda unit: unit.contracts.offered_bytes(ME, PEER),
    "a process by its pid": lambda unit: unit.exchanges.load(ME, "p1", PEER),
    "a process by the peer's pid": lambda unit: unit.exchanges.of_peer(ME, PEER, "negotiation", "provider", "p1"),
    "a contract by its agreement": lambda unit: unit.contracts.by_agreement(ME, PEER, "a1", "provider"),
    "a message by its id": lambda unit: unit.messages.known_digest("p1", "m1"),
    "access policies in use": lambda unit: unit.policies.access_in_use(ME),
    "policies": lambda unit: unit.policies.page(ME, after=(1.0, "sha256:a")),
    "offers": lambda unit: unit.offers.page(ME, after=(1.0, "o1")),
    "peers": lambda unit: unit.peers.page(ME, after=PEER),
    "operators": lambda unit: unit.operators.page(after="a"),
    "a page of the catalogue": lambda unit: unit.datasets.entries(ME, ["sha256:a"], after=10, limit=100),
}
BY_INDEX = {
    "open processes": "ix_exchange_open",
    "access policies in use": "ix_offer_access",
    "policies": "ix_policy_page",
    "offers": "ix_offer_page",
}


@pytest.mark.parametrize("name", LOOK_UPS)
async def test_a_look_up_scans_no_table(on_sqlite: Store, name: str) -> None:
    plan = await on_sqlite.read(lambda unit: _plan(unit, LOOK_UPS[name]))
    assert not TABLES & {line.split()[1] for line in plan if line.startswith("SCAN")}, plan
    assert any(BY_INDEX.get(name, "") in line for line in plan), plan


def _plan(unit: Unit, look_up: Callable[[Unit], Any]) -> list[str]:
    """Return how SQLite carries out the statements of a look-up (SQLite documentation, "EXPLAIN QUERY PLAN")."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(unit.conn, "before_cursor_execute", note)
    look_up(unit)
    event.remove(unit.conn, "before_cursor_execute", note)
    explained = [unit.conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).all() for text, given in seen]
    return [row[3] for rows in explained for row in rows]
