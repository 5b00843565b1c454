from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.protocol import messages
from connector.protocol.machine import CONSUMER, Process
from connector.protocol.negotiation import AGREED, NEGOTIATION, VERIFICATION, VERIFIED
from connector.store.exchanges import Exchange
from connector.store.outbox import Parcel
from connector.store.parties import Participant
from connector.store.session import Store
from connector.store.unit import Unit
from tests.conformance import aftermath

DID = "did:web:localhost%3A9101"
BODY = messages.build(NEGOTIATION, VERIFICATION, message_id="urn:uuid:1", provider_pid="p", consumer_pid="c")


def _after(unit: Unit, body: dict[str, Any], *, stalled: str | None, pending: bool) -> None:
    unit.participants.add(Participant(DID, "Town", "http://localhost:9101", unit.now))
    unit.record(DID, "participant.added", DID)
    unit.messages.add(
        participant=DID, process="c", direction="out", message_id="urn:uuid:1", seq=1, move=VERIFICATION,
        digest="sha256:0", body=orjson.dumps(body).decode(), at=unit.now,
    )  # fmt: skip
    turn = Process(NEGOTIATION, CONSUMER, AGREED, stalled=stalled)
    unit.exchanges.add(Exchange("c", DID, "peer", "p", "http://localhost:1", turn, created=unit.now))
    if pending:
        unit.outbox.add(Parcel("urn:uuid:1", "c", DID, "peer", 1, VERIFICATION, VERIFIED, "{}", unit.now))


@pytest.mark.parametrize(
    ("body", "stalled", "pending", "fault"),
    [
        (BODY, None, False, None),
        (BODY | {"providerPid": 7}, None, False, "is not valid"),
        (BODY, "peer_refused", False, "peer_refused"),
        (BODY, None, True, "never acknowledged"),
    ],
)
async def test_what_a_run_leaves_is_looked_through(
    migrated_url: str,
    body: dict[str, Any],
    stalled: str | None,
    pending: bool,  # noqa: FBT001 - a parameter of the cases
    fault: str | None,
) -> None:
    store = Store(migrated_url, durable=False)
    await store.write(lambda unit: _after(unit, body, stalled=stalled, pending=pending))
    await store.close()
    sent, found = aftermath.faults(migrated_url)
    assert sent == 1
    assert len(found) == (fault is not None), found
    assert fault is None or fault in found[0]


async def test_a_broken_journal_is_a_fault(migrated_sqlite_url: str) -> None:
    store = Store(migrated_sqlite_url, durable=False)
    await store.write(lambda unit: _after(unit, BODY, stalled=None, pending=False))
    await store.write(lambda unit: unit.conn.exec_driver_sql("UPDATE journal SET kind = 'other'"))
    await store.close()
    assert "journal" in aftermath.faults(migrated_sqlite_url)[1][0]
