"""Seals and keys as stored: one seal of each type, keys that are closed and never removed, messages that took effect."""

from __future__ import annotations

from dataclasses import replace

from connector.store.seals import HeldKey, Seal
from connector.store.session import Store
from connector.store.unit import Unit
from tests.store.units import ME, PEER

SEAL = Seal("c1", "agreement", ME, PEER, "kid", "a.b.c", 1.5)
KEY = HeldKey(ME, PEER, "seal", "kid", 1.0, {"kty": "EC"})


async def test_a_seal_takes_the_place_of_the_one_before_it(store: Store) -> None:
    await store.write(lambda unit: unit.seals.put(SEAL))
    await store.write(lambda unit: unit.seals.put(replace(SEAL, jws="d.e.f", at=2.0)))
    await store.write(lambda unit: unit.seals.put(replace(SEAL, type="verification")))
    assert await store.read(lambda unit: unit.seals.get("c1", "agreement")) == replace(SEAL, jws="d.e.f", at=2.0)
    assert await store.read(lambda unit: unit.seals.get("c1", "verification")) == replace(SEAL, type="verification")
    assert await store.read(lambda unit: unit.seals.get("c2", "agreement")) is None


async def test_a_key_is_closed_and_may_come_back(store: Store) -> None:
    later = replace(KEY, since=9.0, used=9.0, endorsement="x.y.z")

    def put(unit: Unit) -> None:
        unit.keys.add(later)
        unit.keys.add(KEY)
        unit.keys.close(KEY, until=5.0, listed=7.0)

    await store.write(put)
    assert await store.read(lambda unit: unit.keys.of(ME, PEER)) == [replace(KEY, until=5.0, listed=7.0), later]
    assert await store.read(lambda unit: unit.keys.of(ME, ME)) == []


async def test_messages_that_were_withdrawn_did_not_take_effect(store: Store) -> None:
    def put(unit: Unit) -> None:
        for number, direction in enumerate(("out", "in", "out", "out"), 1):
            unit.messages.add(
                participant=ME, process="c1", direction=direction, message_id=f"m{number}", seq=number, move="offer",
                digest="sha256:1", body=f'{{"n":{number}}}', at=1.0,
            )  # fmt: skip
        unit.messages.withdraw("c1", "m3", 2.0)
        unit.messages.withdraw("c1", "m2", 2.0)

    await store.write(put)
    assert await store.read(lambda unit: unit.messages.applied("c1")) == ['{"n":1}', '{"n":2}', '{"n":4}']
