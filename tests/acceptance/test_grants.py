"""What opens data, and what does not: the state of the transfer, the agreement, the right token (invariant I7, A.2 row 29)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from connector import clock, ids
from connector.protocol import negotiation, transfer
from connector.protocol.context import message
from connector.services import contracts, journal, peers, transfers
from connector.services.decide import NOTHING, Decide, Decision, Situation, automatic
from connector.services.house import grant_token
from connector.services.speak import speak
from connector.store.journal import Search
from tests.acceptance import readers, towns
from tests.acceptance.towns import BY, Town

if TYPE_CHECKING:
    from connector.peer.call import Reply
    from tests.acceptance.conftest import Founding

DATA = b"time;level\n" * 100


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Give the source of a small file."""
    (tmp_path / "data.csv").write_bytes(DATA)
    return f"file:{tmp_path / 'data.csv'}"


def _without(*held: str) -> Decide:
    """Return the product's decisions, but for moves that are never made."""

    def decide(situation: Situation) -> Decision:
        decided = automatic(situation)
        return NOTHING if decided.move in held else decided

    return decide


async def _ask_for_data(consumer: Town, provider: Town, agreement: str) -> Reply:
    """Send a TransferRequestMessage, whatever our own connector thinks of it."""
    base = consumer.house.member(consumer.did).base
    body = message(
        "TransferRequestMessage", agreementId=agreement, format="HttpData-PULL", callbackAddress=base,
        consumerPid=ids.new(),
    )  # fmt: skip
    url = provider.house.member(provider.did).base + "/transfers/request"
    return await speak(consumer.house, consumer.did, provider.did, "POST", url, body=orjson.dumps(body))


async def test_i7_no_transfer_before_the_contract_is_final(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(decide=_without(negotiation.FINALIZED_EVENT)), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source)
        contract = await b.request(a, "flow")
        view = await b.contract(contract, "VERIFIED")
        assert view.agreement_id is not None
        reply = await _ask_for_data(b, a, view.agreement_id)
        assert reply.status == 400
        assert reply.body["code"] == "contract_not_final"
        reply = await _ask_for_data(b, a, ids.new())
        assert reply.status == 404
        assert (await transfers.listing(a.house, a.did))[0] == []


async def test_i7_no_data_before_the_transfer_is_started(found: Founding, source: str) -> None:
    a, b = await found("strangnas"), await found("trosa")
    async with a.running(decide=_without(transfer.START)), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source)
        asked = (await transfers.start(b.house, b.did, await b.agree(a, "flow"), by=BY)).id
        await b.transfer(asked, "REQUESTED")
        await towns.eventually(lambda: _knows(b, asked))
        pid = (await a.mirror(asked, "transfer")).pid
        assert await a.unit(lambda unit: unit.grants.of_transfer(pid)) is None
        for token in (grant_token(a.house.grant_key, ids.new(), 1), "", "x", ids.secret()):
            address = readers.Address(f"{a.house.member(a.did).row.root}/data/{pid}", token)
            status, body = await readers.ask(address)
            assert status == 401
            assert DATA[:10] not in body


async def _knows(town: Town, pid: str) -> bool:
    return (await town.transfer(pid)).peer_pid is not None


@pytest.mark.parametrize("verb", ["suspend", "complete", "terminate"])
@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_i7_no_data_once_the_transfer_is_not_started(
    found_on_sqlite: Founding, source: str, verb: str, side: str
) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source)
        asked = await b.begin(await b.agree(a, "flow"))
        address = await readers.address_of(b, asked)
        assert await readers.ask(address) == (200, DATA)
        theirs = (await a.mirror(asked, "transfer")).pid
        town, pid = (a, theirs) if side == "provider" else (b, asked)
        await getattr(transfers, verb)(town.house, town.did, pid, by=BY)
        await b.transfer(asked, "SUSPENDED", "COMPLETED", "TERMINATED")
        await a.transfer(theirs, "SUSPENDED", "COMPLETED", "TERMINATED")
        assert (await readers.ask(address))[0] == 403
        assert (await readers.ask(address))[0] == 403
        page, _ = await journal.page(a.house, a.did, search=Search(peer=b.did))
        refused = [entry for entry in page if entry.kind == "data.refused"]
        # However often it asks again: once a day.
        assert [entry.payload and entry.payload["code"] for entry in refused] == ["grant_closed"]
        assert refused[0].payload is not None
        assert refused[0].payload["transfer"] == theirs
        assert address.token not in str(refused[0].payload)
        if verb != "suspend":
            return
        await transfers.resume(a.house, a.did, theirs, by=BY)
        await b.transfer(asked, "STARTED")
        await towns.eventually(lambda: _renewed(b, asked, address))
        assert (await readers.ask(address))[0] in (200, 403)
        assert await readers.ask(await readers.address_of(b, asked)) == (200, DATA)


async def _renewed(town: Town, pid: str, old: readers.Address) -> bool:
    found = await town.unit(lambda unit: unit.transfers.get(pid))
    return found is not None and found.token not in (None, old.token)


async def test_a2_29_nobodys_grant_opens_anothers_data(found_on_sqlite: Founding, source: str, tmp_path: Path) -> None:
    a, b, c = [await found_on_sqlite(name) for name in ("strangnas", "trosa", "nykoping")]
    (tmp_path / "other.csv").write_bytes(b"secret\n")
    async with a.running(), b.running(), c.running():
        for neighbour in (b, c):
            await towns.befriend(a, neighbour)
        await a.publish("flow", source)
        await a.publish("other", f"file:{tmp_path / 'other.csv'}")
        bs = await readers.address_of(b, await b.begin(await b.agree(a, "flow")))
        second = await readers.address_of(b, await b.begin(await b.agree(a, "other")))
        cs = await readers.address_of(c, await c.begin(await c.agree(a, "flow")))
        own_identity = b.house.member(b.did).authenticators["pinned"].authorization(a.did, now=b.house.now(), jti="j1")
        for token in (second.token, cs.token, own_identity.removeprefix("Bearer "), bs.token + "0", bs.token[:-1]):
            assert (await readers.ask(readers.Address(bs.endpoint, token)))[0] == 401
        assert await readers.ask(bs) == (200, DATA)
        assert await readers.ask(second) == (200, b"secret\n")


async def test_i7_a_policy_that_has_ended_opens_nothing_new(found_on_sqlite: Founding, source: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    policy = {
        "@type": "Offer",
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {
                        "leftOperand": "odrl:dateTime",
                        "operator": "lt",
                        "rightOperand": {"@value": "2020-01-01T00:00:00Z", "@type": "xsd:dateTime"},
                    }
                ],
            }
        ],
    }
    async with a.running(), b.running():
        await towns.befriend(a, b)
        await a.publish("flow", source, policy)
        view = await b.contract(await b.request(a, "flow"), "TERMINATED")
        assert view.reasons
        assert (await contracts.listing(a.house, a.did))[0][0].agreement is None


async def _ending(a: Town, b: Town, source: str, seconds: float) -> str:
    """Start a transfer from a to b under a policy that ends in so many seconds; return b's id of it."""
    end = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": clock.iso(clock.now() + seconds)}
    await towns.befriend(a, b)
    await a.publish("flow", source, {"@type": "Offer", "permission": [{"action": "use", "constraint": [end]}]})
    return await b.begin(await b.agree(a, "flow"))


async def test_a_token_is_not_renewed_once_the_policy_has_ended(found_on_sqlite: Founding, source: str) -> None:
    a, b, later = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa"), [0.0]
    async with a.running(now=lambda: clock.now() + later[0]), b.running():
        asked = await _ending(a, b, source, 14.0)
        mine = await b.unit(lambda unit: unit.transfers.get(asked))
        assert mine is not None
        url = str(mine.renewal)
        assert (await speak(b.house, b.did, a.did, "POST", url)).status == 200
        later[0] = 20.0
        reply = await speak(b.house, b.did, a.did, "POST", url)
        assert (reply.status, reply.body["code"]) == (403, "policy_denies")
        theirs = (await b.transfer(asked, "TERMINATED")).peer_pid
        grant = await a.unit(lambda unit: unit.grants.of_transfer(str(theirs)))
        assert grant is not None
        assert grant.closed is not None
        entries = (await journal.page(a.house, a.did, search=Search(subject=grant.transfer)))[0]
        told = [(entry.kind, entry.by, (entry.payload or {})["peer"]) for entry in entries if "grant" in entry.kind]
        assert told == [
            ("grant.opened", "automation", b.did),
            ("grant.renewed", "peer", b.did),
            ("grant.closed", "policy", b.did),
        ]


@pytest.mark.parametrize(("ends", "by"), [("suspend", BY), ("peer", "peer"), ("remove", BY)])
async def test_the_journal_tells_who_closed_a_grant(found_on_sqlite: Founding, source: str, ends: str, by: str) -> None:
    a, b = await found_on_sqlite("strangnas"), await found_on_sqlite("trosa")
    async with a.running(), b.running():
        asked = await _ending(a, b, source, 1000.0)
        pid = (await a.mirror(asked, "transfer")).pid
        if ends == "suspend":
            await transfers.suspend(a.house, a.did, pid, by=BY)
        elif ends == "peer":
            await transfers.terminate(b.house, b.did, asked, by=BY)
            await a.transfer(pid, "TERMINATED")
        else:
            await peers.remove(a.house, a.did, b.did, by=BY)
        entries = (await journal.page(a.house, a.did, search=Search(subject=pid)))[0]
        closed = [entry for entry in entries if entry.kind == "grant.closed"]
        assert [(entry.by, (entry.payload or {})["peer"]) for entry in closed] == [(by, b.did)]
