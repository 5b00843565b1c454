"""Both parties' records of a contract, compared: nothing differs of itself, and what somebody changed in one database is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, text, update

from connector.cli.session import TOKEN_FILE
from connector.errors import WrongState
from connector.services import reconcile
from connector.services.speak import speak
from connector.store.tables import Message, table
from tests.acceptance import towns
from tests.unit.cli.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.conftest import Founding
    from tests.acceptance.towns import Town

MESSAGES = table(Message)


async def _command(town: Town, *arguments: str | Path) -> Any:
    (town.home / TOKEN_FILE).write_text(town.token, encoding="ascii")
    return await asyncio.to_thread(run, "--home", town.home, "--lang", "en", *arguments)


async def _codes(town: Town, contract: str) -> list[str]:
    return [each.code for each in (await reconcile.reconcile(town.house, town.did, contract)).differences]


async def test_both_parties_records_fit_together_until_somebody_changes_one(found: Founding, tmp_path: Path) -> None:
    provider, consumer, third = await found("ekby"), await found("sjoby"), await found("tredje")
    async with provider.running(), consumer.running(), third.running():
        for town, peer in ((provider, consumer), (consumer, provider), (third, provider), (provider, third)):
            await town.pin(peer.did)
        (tmp_path / "levels.csv").write_text("a,b\n1,2\n", encoding="ascii")
        await provider.publish("levels", f"file:{tmp_path / 'levels.csv'}")
        contract = await consumer.agree(provider, "levels")
        await consumer.begin(contract)
        fetched = await _command(consumer, "fetch", contract, "-o", tmp_path / "fetched.csv")
        assert fetched.code == 0, fetched.err
        mirror = (await provider.mirror(contract)).pid

        # Records of reads follow the answer within a second, on each side by itself.
        for town in (provider, consumer):
            assert await towns.eventually(lambda town=town: _read(town))  # type: ignore[misc]
        assert await _codes(consumer, contract) == []
        assert await _codes(provider, mirror) == []
        done = await _command(consumer, "contracts", "reconcile", contract)
        assert (done.code, provider.did in done.out) == (0, True)

        # Nobody but the other party is told anything.
        base = f"{provider.house.member(provider.did).base}/journal/contracts"
        assert (await speak(third.house, third.did, provider.did, "GET", f"{base}/{mirror}")).status == 404
        assert (await speak(consumer.house, consumer.did, provider.did, "GET", f"{base}/urn:other")).status == 404

        row = (await provider.unit(lambda unit: unit.messages.of(mirror)))[0]
        change = update(MESSAGES).where(MESSAGES.c.number == row["number"])
        await provider.house.store.write(lambda unit: unit.conn.execute(change.values(body="{}")))
        assert await _codes(consumer, contract) == ["message_never_received_here", "message_never_sent_there"]
        assert sorted(await _codes(provider, mirror)) == ["message_never_received_there", "message_never_sent_here"]
        await provider.house.store.write(lambda unit: unit.conn.execute(change.values(body=row["body"])))

        await provider.house.store.write(
            lambda unit: unit.conn.execute(text("DELETE FROM seal WHERE type = 'verification'"))
        )
        await provider.house.store.write(
            lambda unit: unit.conn.execute(text("UPDATE journal SET contract = 'x' WHERE kind = 'data.read'"))
        )
        done = await _command(consumer, "--json", "contracts", "reconcile", contract)
        assert (done.code, [each["code"] for each in done.json["differences"]]) == (1, ["seal", "reads"])
        assert all(each["text"] for each in done.json["differences"])
        told = await _command(consumer, "contracts", "reconcile", contract)
        assert "do not fit together" in told.out

        await provider.house.store.write(lambda unit: unit.conn.execute(delete(MESSAGES)))
        await provider.house.store.write(lambda unit: unit.conn.execute(text("DELETE FROM exchange")))
        assert await _codes(consumer, contract) == ["unknown_there"]


async def _read(town: Town) -> bool:
    kinds = await town.unit(lambda unit: unit.conn.execute(text("SELECT kind FROM journal")).scalars().all())
    return bool({"data.read", "data.fetched"} & set(kinds))


async def test_a_plain_peer_has_no_way_to_compare(found: Founding) -> None:
    provider, consumer = await found("ekby"), await found("sjoby")
    async with provider.running(), consumer.running():
        await provider.pin(consumer.did)
        await consumer.pin(provider.did)
        await provider.publish("levels", f"file:{provider.home / 'connector.toml'}")
        contract = await consumer.agree(provider, "levels")
        plain = {"id": provider.did}
        await consumer.house.store.write(lambda unit: unit.peers.change(consumer.did, provider.did, document=plain))
        consumer.house.forget(consumer.did, provider.did)
        with pytest.raises(WrongState, match="reconcile_plain_peer"):
            await reconcile.reconcile(consumer.house, consumer.did, contract)
