from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from connector.http.management import ROUTES
from tests.acceptance.towns import OPEN
from tests.unit.http.asking import Operator, Reply
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

UNTIL = {
    "leftOperand": "odrl:dateTime",
    "operator": "lt",
    "rightOperand": {"@value": "2999-01-01T00:00:00Z", "@type": "xsd:dateTime"},
}
DATA = b"time,level\n1,2\n" * 100


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def ekby(tmp_path: Path, sqlite_template: Path, session: aiohttp.ClientSession) -> AsyncIterator[Operator]:
    async with running(tmp_path, sqlite_template, "ekby") as (town,):
        yield Operator(town, session)


@pytest.fixture
async def pair(
    tmp_path: Path, sqlite_template: Path, session: aiohttp.ClientSession
) -> AsyncIterator[tuple[Operator, Operator]]:
    async with running(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        yield Operator(ekby, session), Operator(sjoby, session)


# Who may do what


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", "Basic abc", "bearer \xff", "Bearer " + "x" * 5000]
)
async def test_without_a_known_token_nothing_is_shown(ekby: Operator, authorization: str) -> None:
    reply = await ekby.get(ekby.at("participants"), Authorization=authorization)
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_every_route_asks_for_a_token_and_for_its_scope(ekby: Operator) -> None:
    tokens = {}
    for scope in ("read", "write"):
        tokens[scope] = (await ekby.post(ekby.at("operators"), {"name": scope, "scope": scope})).json["token"]
    lower = {"write": tokens["read"], "approve": tokens["write"]}
    for route in ROUTES:
        path = route.path.replace("{participant}", ekby.under().rsplit("/", 1)[1]).replace("{", "x").replace("}", "x")
        assert (await ekby.ask(route.method, path, Authorization="Bearer x")).status == 401, route
        if route.scope in lower:
            reply = await ekby.ask(route.method, path, Authorization=f"Bearer {lower[route.scope]}")
            assert (reply.status, reply.code) == (403, "operator_scope"), route


async def test_a_removed_operator_is_shut_out_at_once(ekby: Operator) -> None:
    token = (await ekby.post(ekby.at("operators"), {"name": "asa", "scope": "approve"})).json["token"]
    asa = Operator(ekby.town, ekby.session, token)
    assert (await asa.get(asa.at("operators"))).status == 200
    assert (await ekby.delete(ekby.at("operators", "asa"))).json["id"] == "asa"
    assert (await asa.get(asa.at("operators"))).code == "operator_token_unknown"


async def test_a_token_is_shown_only_where_it_is_made(ekby: Operator) -> None:
    made = await ekby.post(ekby.at("operators"), {"name": "asa", "scope": "read"})
    assert (made.status, made.json["id"], len(made.json["token"])) == (201, "asa", 43)
    listed = await ekby.get(ekby.at("operators"))
    assert {item["token"] for item in listed.json["items"]} == {None}


async def test_a2_39_the_public_listener_knows_no_management_paths(ekby: Operator) -> None:
    headers = {"Authorization": f"Bearer {ekby.town.token}"}
    for path in ("/api/openapi.json", "/metrics", "/health/ready", "/api/v1/operators", ekby.under("contracts")):
        url = URL(f"http://127.0.0.1:{ekby.town.port}{path}", encoded=True)
        async with ekby.session.get(url, headers=headers) as reply:
            assert reply.status == 404, path


async def test_a2_43_no_operators_token_reaches_the_log(ekby: Operator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    made = await ekby.post(ekby.at("operators"), {"name": "asa", "scope": "read"}, Idempotency_Key="k")
    canaries = [made.json["token"], ekby.town.token, "canary-wrong-token"]
    for token in canaries:
        who = Operator(ekby.town, ekby.session, token)
        await who.get(who.at("operators"))
        await who.get(who.under("contracts", "x", "data") + f"?x={token}")
        await who.post(who.at("operators"), {"name": token, "scope": token})
    assert caplog.text
    assert [token for token in canaries if token in caplog.text] == []


async def test_problems_speak_the_language_asked_for(ekby: Operator) -> None:
    english = await ekby.get(ekby.under(participant="did:web:nobody.example"))
    swedish = await ekby.get(ekby.under(participant="did:web:nobody.example"), Accept_Language="sv")
    assert (english.status, swedish.status) == (404, 404)
    assert english.code == swedish.code == "participant_unknown"
    assert english.json["detail"] != swedish.json["detail"]
    assert english.json["next"]


# Idempotency


async def test_the_same_key_and_request_gets_the_same_answer_and_one_effect(ekby: Operator) -> None:
    body = {"name": "open.json", "document": OPEN}
    first = await ekby.post(ekby.under("policies"), body, Idempotency_Key="a")
    policy = {"policy": first.json["id"]}
    dataset = await _dataset(ekby, [policy])
    assert dataset.status == 201
    offer = {"dataset": "x", **policy}
    replies = [await ekby.post(ekby.under("offers"), offer, Idempotency_Key="b") for _ in range(3)]
    assert [(reply.status, reply.json) for reply in replies] == [(201, replies[0].json)] * 3
    assert len((await ekby.get(ekby.under("offers"))).json["items"]) == 2


async def test_requests_with_one_key_at_the_same_moment_have_one_effect(ekby: Operator) -> None:
    policy = (await ekby.post(ekby.under("policies"), {"name": "open.json", "document": OPEN})).json["id"]
    await _dataset(ekby, [{"policy": policy}])
    offer = {"dataset": "x", "policy": policy}
    replies = await asyncio.gather(*(ekby.post(ekby.under("offers"), offer, Idempotency_Key="k") for _ in range(12)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json["id"] for reply in replies}) == 1
    assert len((await ekby.get(ekby.under("offers"))).json["items"]) == 2


async def test_a_key_used_for_another_request_is_refused(ekby: Operator) -> None:
    await ekby.post(ekby.under("policies"), {"name": "a.json", "document": OPEN}, Idempotency_Key="a")
    for path, body in ((ekby.under("policies"), {"name": "b.json", "document": OPEN}), (ekby.under("offers"), {})):
        reply = await ekby.post(path, body or {"dataset": "x", "policy": "y"}, Idempotency_Key="a")
        assert (reply.status, reply.code) == (409, "idempotency_key_reused")


async def test_a_refused_request_may_be_sent_again_with_its_key(ekby: Operator) -> None:
    policy = (await ekby.post(ekby.under("policies"), {"name": "open.json", "document": OPEN})).json["id"]
    offer = {"dataset": "x", "policy": policy}
    assert (await ekby.post(ekby.under("offers"), offer, Idempotency_Key="k")).code == "dataset_unknown"
    await _dataset(ekby, [{"policy": policy}])
    assert (await ekby.post(ekby.under("offers"), offer, Idempotency_Key="k")).status == 201


async def test_keys_of_two_operators_are_apart(ekby: Operator) -> None:
    token = (await ekby.post(ekby.at("operators"), {"name": "asa", "scope": "write"})).json["token"]
    asa = Operator(ekby.town, ekby.session, token)
    for who, name in ((ekby, "a.json"), (asa, "b.json")):
        reply = await who.post(who.under("policies"), {"name": name, "document": OPEN}, Idempotency_Key="k")
        assert reply.status == 201


async def test_a_token_is_not_kept_for_a_repeated_answer(ekby: Operator) -> None:
    body = {"name": "asa", "scope": "read"}
    first = await ekby.post(ekby.at("operators"), body, Idempotency_Key="k")
    again = await ekby.post(ekby.at("operators"), body, Idempotency_Key="k")
    assert again.json == first.json | {"token": None}


@pytest.mark.parametrize("key", ["", "x" * 201, "å"])
async def test_a_key_that_cannot_be_used_is_refused(ekby: Operator, key: str) -> None:
    reply = await ekby.post(ekby.under("policies"), {"name": "a", "document": OPEN}, Idempotency_Key=key)
    assert (reply.status, reply.code) == (400, "idempotency_key")


# What operators do, from end to end


async def test_two_towns_share_a_dataset_through_their_apis(pair: tuple[Operator, Operator], tmp_path: Path) -> None:
    ekby, sjoby = pair
    await _befriend(ekby, sjoby)
    (tmp_path / "levels.csv").write_bytes(DATA)
    policy = (await ekby.post(ekby.under("policies"), {"name": "open.json", "document": OPEN})).json["id"]
    source = f"file:{tmp_path / 'levels.csv'}"
    dataset = await _dataset(ekby, [{"policy": policy}], source=source)
    assert dataset.json["offers"][0]["policy"] == policy

    catalog = await sjoby.get(sjoby.under("peers", ekby.town.did, "catalog"))
    (entry,) = catalog.json["items"]
    assert (entry["id"], entry["title"], entry["offers"]) == ("x", "X", [dataset.json["offers"][0]["id"]])
    single = await sjoby.get(sjoby.under("peers", ekby.town.did, "catalog") + "?dataset=x")
    assert single.json["items"][0]["id"] == "x"

    wanted = {"peer": ekby.town.did, "dataset": "x"}
    made = await sjoby.post(sjoby.under("contracts"), wanted, Idempotency_Key="c")
    assert (made.status, made.json["role"]) == (201, "consumer")
    assert (await sjoby.post(sjoby.under("contracts"), wanted, Idempotency_Key="c")).json == made.json
    contract = await _reach(sjoby, sjoby.under("contracts", made.json["id"]), "FINALIZED")
    assert contract["waiting"]["final"]
    wanted = {"contract": made.json["id"]}
    started = await sjoby.post(sjoby.under("transfers"), wanted, Idempotency_Key="t")
    assert (await sjoby.post(sjoby.under("transfers"), wanted, Idempotency_Key="t")).json == started.json
    await _reach(sjoby, sjoby.under("transfers", started.json["id"]), "STARTED")

    data = sjoby.under("contracts", made.json["id"], "data")
    assert (await sjoby.get(data)).body == DATA
    part = await sjoby.get(data + "/levels.csv", Range="bytes=5-9")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, DATA[5:10], f"bytes 5-9/{len(DATA)}")
    head = await sjoby.ask("HEAD", data)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(DATA)), b"")
    for path in ("/..%2f..%2fetc/passwd", "/nothing", "/%2e%2e/x"):
        assert (await sjoby.get(data + path)).status in (400, 404)

    ended = await sjoby.post(sjoby.under("transfers", started.json["id"], "terminate"), {"reason": "enough"})
    assert ended.status == 200
    await _reach(sjoby, sjoby.under("transfers", started.json["id"]), "TERMINATED")
    assert (await sjoby.get(data)).code == "transfer_not_started"
    verdict = await ekby.get(ekby.under("journal", "verify"))
    assert verdict.json["ok"]


async def test_a_person_approves_refuses_and_counters(pair: tuple[Operator, Operator], tmp_path: Path) -> None:
    ekby, sjoby = pair
    await _befriend(ekby, sjoby)
    (tmp_path / "levels.csv").write_bytes(DATA)
    policy = (await ekby.post(ekby.under("policies"), {"name": "open.json", "document": OPEN})).json["id"]
    document = {**OPEN, "permission": [{"action": "use", "constraint": [UNTIL]}]}
    other = (await ekby.post(ekby.under("policies"), {"name": "until.json", "document": document})).json["id"]
    await _dataset(ekby, [{"policy": policy, "approval": "person"}], source=f"file:{tmp_path / 'levels.csv'}")
    ids, theirs = [], []
    for _ in range(3):
        made = await sjoby.post(sjoby.under("contracts"), {"peer": ekby.town.did, "dataset": "x"})
        ids.append(made.json["id"])
        asked = await _see(sjoby, sjoby.under("contracts", made.json["id"]), lambda found: found["peer_pid"])
        theirs.append(asked["peer_pid"])
    first, second, third = theirs
    listed = await ekby.get(ekby.under("contracts"))
    assert [item["id"] for item in listed.json["items"]] == [third, second, first]
    shown = await ekby.get(ekby.under("contracts", first))
    assert shown.json["waiting"]["waits_for"] == "person"
    assert (await ekby.post(ekby.under("contracts", first, "approve"))).status == 200
    assert (await ekby.post(ekby.under("contracts", second, "terminate"), {"reason": "no"})).status == 200
    assert (await ekby.post(ekby.under("contracts", third, "counter"), {"policy": other})).status == 200
    states = {}
    for pid, wanted in zip(ids, ("FINALIZED", "TERMINATED", "OFFERED"), strict=True):
        states[wanted] = await _reach(sjoby, sjoby.under("contracts", pid), wanted)
    assert states["TERMINATED"]["reasons"] == ["no"]
    accepted = await sjoby.post(sjoby.under("contracts", ids[2], "accept"))
    assert accepted.status == 200
    await _reach(sjoby, sjoby.under("contracts", ids[2]), "FINALIZED")
    assert (await sjoby.post(sjoby.under("contracts", ids[2], "accept"))).status == 409


async def test_the_gateway_never_starts_a_transfer_by_itself_but_says_how(
    pair: tuple[Operator, Operator], tmp_path: Path
) -> None:
    ekby, sjoby = pair
    await _befriend(ekby, sjoby)
    (tmp_path / "levels.csv").write_bytes(DATA)
    await ekby.town.publish("x", f"file:{tmp_path / 'levels.csv'}")
    contract = await sjoby.town.agree(ekby.town, "x")
    reply = await sjoby.get(sjoby.under("contracts", contract, "data"))
    assert (reply.status, reply.code) == (409, "transfer_not_started")
    assert "transfers start" in reply.json["next"]
    assert (await sjoby.get(sjoby.under("contracts", "urn:uuid:none", "data"))).code == "contract_unknown"
    assert (await sjoby.get(sjoby.under("transfers"))).json["items"] == []


async def test_nothing_of_one_participant_is_visible_to_another(ekby: Operator) -> None:
    va = f"{ekby.town.did}:va"
    made = await ekby.post(ekby.at("participants"), {"id": va, "name": "Ekby VA AB"})
    assert (made.status, made.json["root"].endswith("/va")) == (201, True)
    policy = (await ekby.post(ekby.under("policies"), {"name": "open.json", "document": OPEN})).json["id"]
    await _dataset(ekby, [{"policy": policy}])
    for path in (("policies",), ("datasets",), ("offers",), ("peers",), ("contracts",), ("transfers",)):
        assert (await ekby.get(ekby.under(*path, participant=va))).json == {"items": [], "next": None}
    for single in (("policies", policy), ("datasets", "x"), ("journal", "2")):
        assert (await ekby.get(ekby.under(*single, participant=va))).status == 404


async def test_lists_are_walked_by_their_cursors(ekby: Operator) -> None:
    for number in range(5):
        document = {**OPEN, "dct:title": str(number)}
        await ekby.post(ekby.under("policies"), {"name": f"{number}.json", "document": document})
    names, query = [], "?limit=2"
    while query:
        page = (await ekby.get(ekby.under("policies") + query)).json
        names += [item["name"] for item in page["items"]]
        query = f"?limit=2&cursor={page['next']}" if page["next"] else ""
    assert names == [f"{number}.json" for number in range(5)]


async def test_the_doctor_speaks_the_language_asked_for(ekby: Operator) -> None:
    english = await ekby.get(ekby.under("doctor"))
    swedish = await ekby.get(ekby.under("doctor"), Accept_Language="sv")
    assert english.json["items"][0]["text"] == "The database can be written to."
    assert swedish.json["items"][0]["text"] == "Databasen går att skriva i."


async def _dataset(who: Operator, offers: list[dict[str, Any]], source: str | None = None) -> Reply:
    if source is None:
        path = who.town.home / "x.csv"
        path.write_bytes(DATA)
        source = f"file:{path}"
    return await who.post(who.under("datasets"), {"id": "x", "title": "X", "source": source, "offers": offers})


async def _befriend(one: Operator, other: Operator) -> None:
    for who, peer in ((one, other), (other, one)):
        seen = await who.post(who.under("peers", "preview"), {"id": peer.town.did})
        body = {"id": peer.town.did, "fingerprints": seen.json["fingerprints"]}
        added = await who.post(who.under("peers"), body)
        assert (added.status, added.json["state"]) == (201, "pinned")


async def _reach(who: Operator, path: str, state: str) -> Any:
    return await _see(who, path, lambda found: found["state"] == state)


async def _see(who: Operator, path: str, wanted: Callable[[Any], Any]) -> Any:
    async with asyncio.timeout(10):
        while True:
            found = (await who.get(path)).json
            if wanted(found):
                return found
            await asyncio.sleep(0.02)
