from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.errors import Invalid, Missing, Unreachable, WrongState
from connector.identity import keyfile, pinned
from connector.identity import participant as places
from connector.services import contracts, participants, peers, transfers
from connector.services.house import key_folder
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connector.identity.keys import KeyPair, Signer
    from connector.services.house import Member
    from tests.acceptance.towns import Town

Pair = tuple["Town", "Town"]


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Pair]:
    async with running(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        yield ekby, sjoby


async def test_a_look_at_a_peer_shows_its_keys_and_stores_nothing(towns: Pair) -> None:
    ekby, sjoby = towns
    seen = await peers.preview(ekby.house, ekby.did, sjoby.did)
    own = participants.own(sjoby.house.member(sjoby.did))
    assert {(key["purpose"], key["thumbprint"]) for key in seen.keys} == {("token", own.token), ("seal", own.seal)}
    assert seen.base == sjoby.house.member(sjoby.did).base
    assert await peers.listing(ekby.house, ekby.did) == ([], None)


async def test_a_peer_is_pinned_with_its_document_as_it_was_seen(towns: Pair) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    row = await peers.get(ekby.house, ekby.did, sjoby.did)
    assert (row.state, row.auth, row.created_by) == ("pinned", "pinned", "operator")
    assert row.document == participants.did_document(sjoby.house.member(sjoby.did))
    assert len(pinned.load(row.pins)) == 2


@pytest.mark.parametrize("change", ["none", "one less", "one more", "another"])
async def test_a_peer_is_pinned_only_with_exactly_the_fingerprints_it_shows(towns: Pair, change: str) -> None:
    ekby, sjoby = towns
    shown = sorted((await peers.preview(ekby.house, ekby.did, sjoby.did)).fingerprints)
    given = {"none": [], "one less": shown[:1], "one more": [*shown, "x"], "another": [shown[0], "x"]}[change]
    with pytest.raises(WrongState, match="peer_fingerprints_differ"):
        await peers.add(ekby.house, ekby.did, sjoby.did, fingerprints=given, by="tester")
    with pytest.raises(Missing):
        await peers.get(ekby.house, ekby.did, sjoby.did)


async def test_a_peer_is_added_once(towns: Pair) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    with pytest.raises(WrongState, match="peer_exists"):
        await ekby.pin(sjoby.did)


async def test_a_participant_is_not_its_own_peer(towns: Pair) -> None:
    ekby, _ = towns
    with pytest.raises(Invalid, match="peer_is_self"):
        await peers.preview(ekby.house, ekby.did, ekby.did)


async def test_two_under_one_roof_pin_each_other_like_any_peers(towns: Pair) -> None:
    ekby, _ = towns
    other = await ekby.add_participant("va")
    await ekby.pin(other)
    await ekby.pin(ekby.did, own=other)
    assert [row.id for row in (await peers.listing(ekby.house, other))[0]] == [ekby.did]


async def test_a_peer_without_a_document_cannot_be_looked_at(towns: Pair) -> None:
    ekby, sjoby = towns
    await sjoby.stop()
    with pytest.raises(Unreachable, match="peer_unreachable"):
        await peers.preview(ekby.house, ekby.did, sjoby.did)


async def test_a_version_document_outside_the_peers_did_is_refused(
    towns: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ekby, sjoby = towns
    usual = participants.did_document

    def elsewhere(member: Member) -> dict[str, Any]:
        document = usual(member)
        document["service"][0]["serviceEndpoint"] = f"{ekby.house.member(ekby.did).row.root}/.well-known/dspace-version"
        return document

    monkeypatch.setattr(participants, "did_document", elsewhere)
    with pytest.raises(Unreachable, match="peer_version_foreign"):
        await peers.preview(ekby.house, ekby.did, sjoby.did)


async def test_a_laboratory_peer_needs_an_address_and_has_no_keys(towns: Pair) -> None:
    ekby, _ = towns
    with pytest.raises(Invalid, match="peer_endpoint_needed"):
        await peers.preview(ekby.house, ekby.did, "edc", auth="mock")
    url = "http://localhost:1/api/dsp/2025-1/"
    row = await peers.add(ekby.house, ekby.did, "edc", fingerprints=[], by="tester", endpoint=url, auth="mock")
    assert (row.base, row.pins, row.document) == (url.rstrip("/"), [], None)
    assert await peers.refresh(ekby.house, ekby.did, "edc") == row


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://localhost/", "https://user@example.com/", "x", "https://"]
)
async def test_an_address_that_cannot_be_used_is_refused(towns: Pair, url: str) -> None:
    ekby, sjoby = towns
    with pytest.raises(Invalid, match="peer_endpoint"):
        await peers.preview(ekby.house, ekby.did, sjoby.did, endpoint=url)


# Keys that change


async def test_a_key_that_nobody_vouches_for_stops_the_peer_until_a_person_confirms(towns: Pair) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    await sjoby.pin(ekby.did)
    assert (await peers.refresh(ekby.house, ekby.did, sjoby.did)).state == "pinned"

    await _with_new_keys(sjoby)
    assert (await peers.refresh(ekby.house, ekby.did, sjoby.did)).state == "key-changed"
    with pytest.raises(WrongState, match="peer_key_changed"):
        await ekby.request(sjoby, "any")
    with pytest.raises(Unreachable, match="peer_refused_request"):
        await sjoby.request(ekby, "any")

    seen = await peers.preview(ekby.house, ekby.did, sjoby.did)
    row = await peers.confirm(ekby.house, ekby.did, sjoby.did, fingerprints=seen.fingerprints, by="tester")
    assert (row.state, frozenset(pin["thumbprint"] for pin in row.pins)) == ("pinned", seen.fingerprints)
    with pytest.raises(Missing, match="dataset_unknown"):
        await ekby.request(sjoby, "any")
    with pytest.raises(Missing, match="dataset_unknown"):
        await sjoby.request(ekby, "any")


async def test_a_changed_peer_is_not_taken_back_by_showing_the_old_keys(towns: Pair) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    kept = sjoby.home / "kept"
    shutil.copytree(key_folder(sjoby.home, sjoby.did), kept)
    await _with_new_keys(sjoby)
    await peers.refresh(ekby.house, ekby.did, sjoby.did)
    await sjoby.stop()
    shutil.copytree(kept, key_folder(sjoby.home, sjoby.did), dirs_exist_ok=True)
    await sjoby.start()
    assert (await peers.refresh(ekby.house, ekby.did, sjoby.did)).state == "key-changed"


async def test_a_key_that_a_pinned_key_names_joins_without_a_person(
    towns: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    old = sjoby.house.member(sjoby.did).token
    new = keyfile.create_key(sjoby.home / "new.pem")
    _rotated(monkeypatch, sjoby.did, old, new)
    row = await peers.refresh(ekby.house, ekby.did, sjoby.did)
    assert row.state == "pinned"
    assert {pin["thumbprint"] for pin in row.pins if pin["purpose"] == "token"} == {new.kid}
    kinds = [record["kind"] for record in await _journal(ekby)]
    assert kinds[-2:] == ["peer.added", "peer.key-joined"]


async def test_confirming_takes_only_the_fingerprints_shown_now(towns: Pair) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    before = (await peers.preview(ekby.house, ekby.did, sjoby.did)).fingerprints
    await _with_new_keys(sjoby)
    await peers.refresh(ekby.house, ekby.did, sjoby.did)
    with pytest.raises(WrongState, match="peer_fingerprints_differ"):
        await peers.confirm(ekby.house, ekby.did, sjoby.did, fingerprints=before, by="tester")
    assert (await peers.get(ekby.house, ekby.did, sjoby.did)).state == "key-changed"


# Parting


async def test_parting_ends_processes_and_access_in_one_transaction(towns: Pair, tmp_path: Path) -> None:
    ekby, sjoby = towns
    await ekby.pin(sjoby.did)
    await sjoby.pin(ekby.did)
    (tmp_path / "x.csv").write_text("a,b\n")
    await ekby.publish("x", f"file:{tmp_path / 'x.csv'}")
    await ekby.publish("y", f"file:{tmp_path / 'x.csv'}", approval="person")
    contract = await sjoby.agree(ekby, "x")
    transfer = await sjoby.begin(contract)
    waiting = await sjoby.request(ekby, "y")
    await sjoby.contract(waiting, "REQUESTED")
    grant = await ekby.grant(transfer)

    await peers.remove(ekby.house, ekby.did, sjoby.did, by="tester")
    assert (await ekby.unit(lambda unit: unit.grants.get(grant.id))).closed is not None  # type: ignore[union-attr]
    await sjoby.contract(waiting, "TERMINATED")  # it is still told, though it is known no more
    for _ in range(200):
        (ended,) = (await transfers.listing(sjoby.house, sjoby.did))[0]
        if ended.state == "TERMINATED":
            break
        await asyncio.sleep(0.02)
    assert ended.state == "TERMINATED"
    assert {view.dataset: view.state for view in (await contracts.listing(sjoby.house, sjoby.did))[0]} == {
        "x": "FINALIZED",
        "y": "TERMINATED",
    }
    with pytest.raises(Missing, match="peer_unknown"):
        await peers.get(ekby.house, ekby.did, sjoby.did)
    (record,) = [record for record in await _journal(ekby) if record["kind"] == "peer.removed"]
    assert orjson.loads(record["payload"])["by"] == "tester"


async def test_a_peer_that_is_not_there_cannot_be_removed_or_confirmed(towns: Pair) -> None:
    ekby, sjoby = towns
    for verb in (peers.get, peers.refresh):
        with pytest.raises(Missing, match="peer_unknown"):
            await verb(ekby.house, ekby.did, sjoby.did)
    with pytest.raises(Missing, match="peer_unknown"):
        await peers.remove(ekby.house, ekby.did, sjoby.did, by="tester")
    with pytest.raises(Missing, match="peer_unknown"):
        await peers.confirm(ekby.house, ekby.did, sjoby.did, fingerprints=[], by="tester")


async def _with_new_keys(town: Town) -> None:
    """Run a town again with other keys, as somebody does who has lost them."""
    await town.stop()
    folder = key_folder(town.home, town.did)
    for file in folder.iterdir():
        file.unlink()
        keyfile.create_key(file)
    await town.start()


def _rotated(monkeypatch: pytest.MonkeyPatch, did: str, old: Signer, new: KeyPair) -> None:
    """Have a participant show a new token key in the place of its old one, which names it."""
    usual: Callable[..., dict[str, Any]] = places.document
    rotation = pinned.endorse(old, did, new.kid, "token", 1_700_000_000)

    def document(owner: str, **keys: Any) -> dict[str, Any]:
        if owner == did:
            keys |= {"token": [new.public], "retired": [old.public], "rotations": [rotation]}
        return usual(owner, **keys)

    monkeypatch.setattr(places, "document", document)


async def _journal(town: Town) -> list[dict[str, Any]]:
    from connector.store import journal  # noqa: PLC0415 - the rows as stored

    return await town.unit(lambda unit: journal.page(unit.conn, town.did, limit=1000))
