"""What a run has left in the connector's database: the kit sees answers, this sees what they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from connector.store import engine, verification
from connector.store.tables import Message, table
from connector.store.unit import Unit
from tests import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator


def faults(database: str) -> tuple[int, list[str]]:
    """Return how many messages the connector sent, and what is wrong after a run, a line each.

    Every message sent must be valid by the protocol's final schemas and acknowledged; no process may be stalled, or have ended
    without the peer knowing; every journal must be whole.
    """
    found = engine.create(database)
    try:
        with found.connect() as conn:
            unit = Unit(conn, 0.0, reading=True)
            sent = [orjson.loads(row.body) for row in conn.execute(_sent)]
            return len(sent), [*_invalid(sent), *_pending(unit), *_processes(unit), *_journals(unit)]
    finally:
        found.dispose()


_messages = table(Message)
_sent = select(_messages.c.body).where(_messages.c.direction == "out").order_by(_messages.c.number)


def _invalid(sent: list[dict[str, Any]]) -> Iterator[str]:
    for body in sent:
        for fault in schemas.faults(body["@type"], body):
            yield f"{body['@type']} {body['@id']} is not valid: {fault}"


def _pending(unit: Unit) -> Iterator[str]:
    for parcel in unit.outbox.all():
        yield f"{parcel.move} of {parcel.process} was never acknowledged: {parcel.last_error}"


def _processes(unit: Unit) -> Iterator[str]:
    for participant in unit.participants.list():
        for protocol in ("negotiation", "transfer"):
            for exchange in unit.exchanges.page(participant.id, protocol, limit=10_000):
                if exchange.turn.stalled or not exchange.turn.confirmed:
                    yield f"{protocol} {exchange.pid} is {exchange.turn.stalled or 'unconfirmed'}: {exchange.reasons}"


def _journals(unit: Unit) -> Iterator[str]:
    for participant in unit.participants.list():
        for fault in verification.verify(unit.conn, participant.id, []).faults:
            yield f"record {fault.number} of the journal of {participant.id} is wrong: {fault.code}"
