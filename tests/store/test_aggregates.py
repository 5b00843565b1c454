"""Rows come back as they were put in: unknown members, their order, every letter; final rows stay as they are (I6)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from sqlalchemy import exc, insert, text

from connector.errors import ConnectorError
from connector.protocol.machine import Process
from connector.store.contracts import Contract, Grant, Transfer
from connector.store.exchanges import STATES, Exchange
from connector.store.offers import Dataset, Offer, Policy
from connector.store.parties import Operator, Participant, Peer
from connector.store.session import Store
from connector.store.tables import Dataset as DatasetRow
from connector.store.tables import Offer as OfferRow
from connector.store.tables import columns, table
from connector.store.unit import Unit
from tests.store.units import BASE, ME, OTHER, PEER, begin, exchange, parcel, receive

COUNT = 100_000
DOCUMENT: dict[str, Any] = {
    "z": 1,
    "a": [{"ö": "åäö ÅÄÖ", "b": None, "@id": "x"}, 1.5, True, -(2**53), [], {}],
    "https://example.org/ns#okänd": {"y": {"x": {"w": '😀 \\ " \n \u2028'}}},
    "ordning": ["c", "b", "a"],
    "tal": 1e-7,
}


def same(found: Any, expected: Any) -> None:
    """Compare values with the order of their members."""
    assert found == expected
    assert orjson.dumps(found) == orjson.dumps(expected)


async def test_documents_keep_unknown_members_their_order_and_every_letter(store: Store) -> None:
    policy = Policy(ME, "sha256:1", "öppen.json", DOCUMENT, 1.25, "Åsa")
    peer = Peer(ME, PEER, "pinned", BASE, "pinned", [DOCUMENT], DOCUMENT, 1.0, "Åsa", 2.0)
    dataset = Dataset(ME, "d1", "Badplatser i Strängnäs", DOCUMENT, DOCUMENT, '{"a":"å"', 1.0, "Åsa")
    offer = Offer(ME, "o1", "d1", "catalog", "sha256:1", DOCUMENT, '{"ö":1}', 1.0, "Åsa")
    contract = Contract("c1", ME, PEER, "provider", "d1", DOCUMENT, "consumer", 1.0, agreement=DOCUMENT)

    def put(unit: Unit) -> None:
        unit.policies.put(policy)
        unit.policies.put(policy)
        unit.peers.add(peer)
        unit.datasets.add(dataset)
        unit.offers.add(offer)
        unit.contracts.add(contract)

    await store.write(put)
    same((await store.read(lambda unit: unit.policies.get(ME, "sha256:1"))), policy)
    same((await store.read(lambda unit: unit.peers.get(ME, PEER))), peer)
    found = await store.read(lambda unit: unit.datasets.get(ME, "d1"))
    assert found is not None
    same(replace(found, position=None), dataset)
    same((await store.read(lambda unit: unit.offers.get(ME, "o1"))), offer)
    same((await store.read(lambda unit: unit.contracts.get("c1"))), contract)


async def test_an_absent_document_is_absent_in_the_database_too(store: Store) -> None:
    def put(unit: Unit) -> list[Any]:
        unit.contracts.add(Contract("c1", ME, PEER, "provider", "d1", {}, "consumer", 1.0))
        unit.peers.add(Peer(ME, PEER, "pinned", BASE, "pinned", [], None, 1.0, "Åsa", 2.0))
        unit.exchanges.add(exchange("p1"))
        queries = ("agreement FROM contract", "document FROM peer", "reasons FROM exchange")
        return [unit.conn.execute(text(f"SELECT {query}")).scalar() for query in queries]

    assert await store.write(put) == [None, None, None]


async def test_a_process_comes_back_with_everything_that_turn_taking_needs(store: Store) -> None:
    turn = Process(
        STATES["transfer"], "consumer", state="STARTED", wanted="suspension", seq=7, acked=6, last_digest="sha256:7",
        moved=True, adopted=True, stalled="peer_refused", confirmed=False,
    )  # fmt: skip
    full = Exchange(
        "p1", ME, PEER, "theirs", BASE, turn, heard=None, waits="person", reasons=("för sent", "b"), check_at=9.5,
        created=1.5, updated=2.5,
    )  # fmt: skip
    bare = Exchange("p2", ME, PEER, None, BASE, Process(STATES["negotiation"], "consumer"))

    def put(unit: Unit) -> None:
        unit.exchanges.add(full)
        unit.exchanges.add(bare)

    await store.write(put)
    assert await store.read(lambda unit: unit.exchanges.load(ME, "p1", PEER)) == full
    assert await store.write(lambda unit: unit.exchanges.load(ME, "p2")) == bare
    assert await store.read(lambda unit: unit.exchanges.of_peer(ME, PEER, "transfer", "consumer", "theirs")) == full


async def test_a_process_is_loaded_by_participant_pid_and_peer_only(store: Store) -> None:
    await store.write(begin("p1"))
    assert await store.read(lambda unit: unit.exchanges.load(OTHER, "p1", PEER)) is None
    assert await store.read(lambda unit: unit.exchanges.load(ME, "p1", OTHER)) is None
    assert await store.read(lambda unit: unit.exchanges.load(ME, "p2", PEER)) is None
    assert (
        await store.read(lambda unit: unit.exchanges.of_peer(OTHER, PEER, "negotiation", "provider", "their-p1"))
        is None
    )


async def test_a_peers_first_message_makes_one_process_only(store: Store) -> None:
    await store.write(begin("p1"))
    with pytest.raises(exc.IntegrityError):
        await store.write(lambda unit: unit.exchanges.add(replace(exchange("p2"), peer_pid="their-p1")))


async def test_processes_are_paged_newest_first_and_counted_while_open(store: Store) -> None:
    def put(unit: Unit) -> None:
        for number in range(7):
            state = "TERMINATED" if number == 3 else "REQUESTED"
            unit.exchanges.add(exchange(f"p{number}", state=state, created=float(number // 2)))

    await store.write(put)
    seen: list[str] = []
    before: tuple[float, str] | None = None
    while page := await store.read(
        lambda unit, before=before: unit.exchanges.page(ME, "negotiation", before=before, limit=3)  # type: ignore[misc]
    ):
        seen += [item.pid for item in page]
        before = page[-1].created, page[-1].pid
    assert seen == ["p6", "p5", "p4", "p3", "p2", "p1", "p0"]
    assert await store.read(lambda unit: unit.exchanges.open_count(ME, PEER, "negotiation")) == 6
    assert await store.read(lambda unit: unit.exchanges.open_count(ME, PEER, "transfer")) == 0
    assert await store.read(lambda unit: unit.exchanges.with_peer(ME, PEER)) == ["p0", "p1", "p2", "p4", "p5", "p6"]
    assert await store.read(lambda unit: unit.exchanges.page(ME, "negotiation", peer=OTHER)) == []


async def test_silent_and_stalled_processes_are_found(store: Store) -> None:
    def put(unit: Unit) -> None:
        for number, check_at in enumerate((30.0, 10.0, None)):
            stored = replace(exchange(f"p{number}"), check_at=check_at)
            stalled = "peer_refused" if number == 2 else None
            unit.exchanges.add(replace(stored, turn=replace(stored.turn, stalled=stalled)))

    await store.write(put)
    assert await store.read(lambda unit: unit.exchanges.next_check()) == 10.0
    assert [item.pid for item in await store.read(lambda unit: unit.exchanges.due(20.0))] == ["p1"]
    assert await store.read(lambda unit: unit.exchanges.stalled_count()) == 1


@pytest.mark.parametrize("state", ["FINALIZED", "TERMINATED"])
async def test_i6_a_final_state_never_changes(store: Store, state: str) -> None:
    await store.write(lambda unit: unit.exchanges.add(exchange("p1", state=state)))
    for other in ("REQUESTED", "FINALIZED", "TERMINATED"):
        if other != state:
            with pytest.raises(ConnectorError) as caught:
                await store.write(lambda unit, other=other: unit.exchanges.save(exchange("p1", state=other), 5.0))  # type: ignore[misc]
            assert caught.value.code == "process_final"
    noted = replace(exchange("p1", state=state), reasons=("noted",))
    await store.write(lambda unit: unit.exchanges.save(noted, 5.0))
    stored = await store.read(lambda unit: unit.exchanges.load(ME, "p1"))
    assert stored is not None
    assert (stored.turn.state, stored.reasons, stored.updated) == (state, ("noted",), 5.0)


async def test_i6_an_agreement_is_final_with_its_negotiation(store: Store) -> None:
    def put(unit: Unit) -> None:
        unit.exchanges.add(exchange("p1", state="AGREED"))
        unit.contracts.add(Contract("p1", ME, PEER, "provider", "d1", DOCUMENT, "consumer", 1.0))
        unit.contracts.change("p1", agreement_id="a1", agreement=DOCUMENT, agreed=2.0)
        unit.exchanges.save(exchange("p1", state="FINALIZED"), 3.0)

    await store.write(put)
    with pytest.raises(ConnectorError) as caught:
        await store.write(lambda unit: unit.contracts.change("p1", agreement={}))
    assert caught.value.code == "contract_final"
    stored = await store.read(lambda unit: unit.contracts.by_agreement(ME, PEER, "a1", "provider"))
    assert stored is not None
    same(stored.agreement, DOCUMENT)
    assert await store.read(lambda unit: unit.contracts.many(["p1", "p2"])) == {"p1": stored}


async def test_i4_a_message_is_known_by_its_identifier_in_its_process(store: Store) -> None:
    def put(unit: Unit) -> None:
        receive("p1", "m1", body='{"b":1,"a":"å"}')(unit)
        unit.messages.add(
            participant=ME, process="p1", direction="out", message_id="m2", seq=4, move="offer", digest="sha256:m2",
            body="{}", at=1.0,
        )  # fmt: skip

    await store.write(put)
    assert await store.read(lambda unit: unit.messages.known_digest("p1", "m1")) == "sha256:m1"
    assert await store.read(lambda unit: unit.messages.known_digest("p2", "m1")) is None
    assert await store.read(lambda unit: unit.messages.known_digest("p1", "m2")) is None
    assert await store.read(lambda unit: unit.messages.seq("p1", "m2")) == 4
    assert await store.read(lambda unit: unit.messages.seq("p1", "m1")) is None
    bodies = await store.read(lambda unit: [message["body"] for message in unit.messages.of("p1")])
    assert bodies == ['{"b":1,"a":"å"}', "{}"]
    with pytest.raises(exc.IntegrityError):
        await store.write(receive("p1", "m1"))


async def test_transfers_and_grants_come_back_and_change(store: Store) -> None:
    transfer = Transfer("t1", ME, "c1", "a1", "HttpData-PULL", endpoint="https://peer.example/data", token="secret")
    grant = Grant("g1", ME, PEER, "t1", "c1", "d1", 1, renewable=True, since=1.0)

    def put(unit: Unit) -> None:
        unit.transfers.add(transfer)
        unit.grants.add(grant)

    await store.write(put)
    assert await store.read(lambda unit: unit.transfers.get("t1")) == transfer
    assert await store.read(lambda unit: unit.transfers.of_contract("c1")) == [transfer]
    assert "secret" not in repr(transfer)
    assert await store.read(lambda unit: unit.grants.get("g1")) == grant
    assert await store.read(lambda unit: unit.grants.open_of(ME)) == [grant]
    await store.write(lambda unit: unit.transfers.change("t1", token=None))
    await store.write(lambda unit: unit.grants.change("g1", closed=2.0, closed_by="revoked"))
    assert await store.read(lambda unit: unit.transfers.get("t1")) == replace(transfer, token=None)
    closed = replace(grant, closed=2.0, closed_by="revoked")
    assert await store.read(lambda unit: unit.grants.of_transfer("t1")) == closed
    assert await store.read(lambda unit: unit.grants.open_of(ME)) == []


async def test_a_catalogue_shows_a_peer_what_it_may_see_in_pages(store: Store) -> None:
    def put(unit: Unit) -> None:
        for number in range(6):
            unit.datasets.add(Dataset(ME, f"d{number}", f"D{number}", {}, {}, f'{{"@id":"d{number}"', 1.0, "Åsa"))
        unit.datasets.add(Dataset(OTHER, "d0", "Deras", {}, {}, '{"@id":"d0"', 1.0, "Åsa"))
        for number in range(1, 6):
            access = "sha256:few" if number % 2 else None
            unit.offers.add(
                Offer(
                    ME, f"o{number}", f"d{number}", "catalog", "sha256:1", {}, f'{{"@id":"o{number}"}}', 1.0, "", access
                )
            )
        unit.offers.add(Offer(ME, "sent", "d0", "negotiation", "sha256:1", {}, "{}", 1.0, ""))

    await store.write(put)
    first = await store.read(lambda unit: unit.datasets.entries(ME, ["sha256:few"], limit=3))
    rest = await store.read(lambda unit: unit.datasets.entries(ME, ["sha256:few"], after=first[-1].position, limit=9))
    shown = [orjson.loads(entry.text) for entry in (*first, *rest)]
    assert [entry["@id"] for entry in shown] == ["d1", "d2", "d3", "d4", "d5"]
    assert shown[0]["hasPolicy"] == [{"@id": "o1"}]
    others = await store.read(lambda unit: unit.datasets.entries(ME, [], limit=9))
    assert [orjson.loads(entry.text)["@id"] for entry in others] == ["d2", "d4"]
    assert await store.read(lambda unit: unit.datasets.entries(ME, [], limit=9, dataset="d1")) == []
    await store.write(lambda unit: unit.datasets.remove(ME, "d2"))
    assert [item.id for item in await store.read(lambda unit: unit.offers.list(ME))] == ["o1", "o3", "o4", "o5"]
    await store.write(lambda unit: unit.offers.remove(ME, "o4"))
    assert await store.read(lambda unit: unit.datasets.entries(ME, [], limit=9)) == []


async def test_lists_are_read_in_parts_and_every_row_is_in_one(store: Store) -> None:
    """Rows of the same moment go by their id; those of others, and those that are not shown, are in no part."""
    names = [f"{name}{number}" for number in range(3) for name in ("å", "B", "a")]

    def put(unit: Unit) -> None:
        for at, name in enumerate(names):
            for owner in (ME, OTHER):
                unit.policies.put(Policy(owner, name, name, {}, float(at // 4), ""))
                unit.offers.add(Offer(owner, name, f"d{at % 2}", "catalog", "s", {}, "{}", float(at // 4), ""))
                state = "removed" if name == "a1" else "pinned"
                unit.peers.add(Peer(owner, name, "pinned", BASE, state, [], None, 1.0, "", 1.0))
            unit.operators.add(Operator(name, "read" if at else "approve", name, 1.0, ""))
        unit.offers.add(Offer(ME, "sent", "d0", "negotiation", "s", {}, "{}", 1.0, ""))

    async def walk(part: Callable[[Unit, Any], Sequence[Any]], key: Callable[[Any], Any]) -> list[Any]:
        after, found = None, list[Any]()
        while rows := await store.read(lambda unit: part(unit, after)):  # noqa: B023 - awaited here
            assert len(rows) <= 2
            found += [key(row) for row in rows]
            after = key(rows[-1])
        return found

    await store.write(put)
    policies = await walk(lambda unit, at: unit.policies.page(ME, after=at, limit=2), lambda r: (r.created, r.digest))
    offers = await walk(lambda unit, at: unit.offers.page(ME, after=at, limit=2), lambda r: (r.created, r.id))
    one = await walk(lambda unit, at: unit.offers.page(ME, "d1", after=at, limit=2), lambda r: (r.created, r.id))
    peers = await walk(lambda unit, at: unit.peers.page(ME, after=at, limit=2), lambda r: r.id)
    operators = await walk(lambda unit, at: unit.operators.page(after=at, limit=2), lambda r: r.name)
    assert sorted(name for _, name in policies) == sorted(name for _, name in offers) == sorted(names)
    assert [moment for moment, _ in policies] == [float(at // 4) for at in range(len(names))]
    assert sorted(name for _, name in one) == sorted(names[1::2])
    assert sorted(peers) == sorted(set(names) - {"a1"})
    assert sorted(operators) == sorted(names)
    assert await store.read(lambda unit: (unit.operators.count(), unit.operators.count(scope="approve"))) == (9, 1)


@pytest.mark.slow
async def test_a_page_deep_in_a_large_catalogue_costs_at_most_twice_the_first(on_sqlite: Store) -> None:
    def put(unit: Unit) -> None:
        datasets = [Dataset(ME, f"d{number}", "D", {}, {}, f'{{"@id":"d{number}"', 1.0, "") for number in range(COUNT)]
        offers = [Offer(ME, f"o{number}", f"d{number}", "catalog", "s", {}, "{}", 1.0, "") for number in range(COUNT)]
        rows = [columns(dataset) | {"position": position} for position, dataset in enumerate(datasets, 1)]
        unit.conn.execute(insert(table(DatasetRow)), rows)
        unit.conn.execute(insert(table(OfferRow)), list(map(columns, offers)))

    async def seconds(after: int) -> float:
        start = time.perf_counter()
        page = await on_sqlite.read(lambda unit: unit.datasets.entries(ME, [], after=after, limit=100))
        assert len(page) == 100
        return time.perf_counter() - start

    await on_sqlite.write(put)
    first = min([await seconds(0) for _ in range(15)])
    last = min([await seconds(COUNT - 200) for _ in range(15)])
    assert last <= 2 * first


async def test_participants_operators_and_peers_come_back(store: Store) -> None:
    one, two = (
        Participant(ME, "Strängnäs kommun", "https://a", 1.0),
        Participant(OTHER, "Strängnäs VA AB", "https://b", 2.0),
    )
    operator = Operator("Åsa", "approve", "sha256:å", 1.0, "init")
    peer = Peer(ME, PEER, "pinned", BASE, "pinned", [], None, 1.0, "Åsa", 1.0)

    def put(unit: Unit) -> None:
        unit.participants.add(two)
        unit.participants.add(one)
        unit.operators.add(operator)
        unit.peers.add(peer)
        unit.operators.keep_answer("Åsa", "key", digest="sha256:d", status=201, body="{}", at=1.0)

    await store.write(put)
    assert await store.read(lambda unit: unit.participants.list()) == [one, two]
    assert await store.read(lambda unit: unit.operators.by_token("sha256:å")) == operator
    assert await store.read(lambda unit: unit.operators.page()) == [operator]
    assert await store.read(lambda unit: unit.operators.answered("Åsa", "key")) == ("sha256:d", 201, "{}")
    await store.write(lambda unit: unit.operators.forget_answers(2.0))
    assert await store.read(lambda unit: unit.operators.answered("Åsa", "key")) is None
    await store.write(lambda unit: unit.operators.remove("Åsa"))
    assert await store.read(lambda unit: unit.operators.get("Åsa")) is None
    await store.write(lambda unit: unit.peers.change(ME, PEER, state="key-changed", document=DOCUMENT))
    assert await store.read(lambda unit: unit.peers.list(ME)) == [replace(peer, state="key-changed", document=DOCUMENT)]
    assert await store.read(lambda unit: unit.peers.list(OTHER)) == []
    await store.write(lambda unit: unit.peers.remove(ME, PEER))
    assert await store.read(lambda unit: unit.peers.get(ME, PEER)) is None


async def test_a2_09_a_token_is_spent_once_per_participant_and_issuer(store: Store) -> None:
    await store.write(lambda unit: unit.spent.spend(ME, PEER, "j1", 100.0))
    await store.write(lambda unit: unit.spent.spend(OTHER, PEER, "j1", 100.0))
    with pytest.raises(exc.IntegrityError):
        await store.write(lambda unit: unit.spent.spend(ME, PEER, "j1", 100.0))
    await store.write(lambda unit: unit.spent.forget(101.0))
    await store.write(lambda unit: unit.spent.spend(ME, PEER, "j1", 200.0))


def test_a_row_is_taken_without_copying_its_documents() -> None:
    item = parcel("m1", "p1")
    assert columns(item) == {field.name: getattr(item, field.name) for field in fields(item)}
    contract = Contract("c1", ME, PEER, "provider", "d1", DOCUMENT, "consumer", 1.0)
    assert columns(contract)["offer"] is DOCUMENT


async def test_what_a_unit_has_read_of_a_peer_follows_its_own_changes(store: Store) -> None:
    peer = Peer(ME, PEER, "pinned", BASE, "pinned", [], None, 1.0, "Åsa", 1.0)

    def work(unit: Unit) -> list[str | None]:
        def state() -> str | None:
            found = unit.peers.get(ME, PEER)
            return found.state if found else None

        seen = [state()]
        unit.peers.add(peer)
        seen += [state(), state()]
        unit.peers.change(ME, PEER, state="key-changed")
        seen.append(state())
        unit.peers.remove(ME, PEER)
        return [*seen, state()]

    assert await store.write(work) == [None, "pinned", "pinned", "key-changed", None]
