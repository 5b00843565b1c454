from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from connector import texts
from connector.identity import participant as places
from connector.services import doctor, peers
from connector.services.house import key_folder
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connector.services.check import Check
    from tests.acceptance.towns import Town

Pair = tuple["Town", "Town"]


@pytest.fixture
async def towns(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Pair]:
    async with running(tmp_path, sqlite_template, "ekby", "sjoby") as (ekby, sjoby):
        await ekby.pin(sjoby.did)
        yield ekby, sjoby


async def _found(town: Town) -> dict[str, Check]:
    return {check.id: check for check in await doctor.checks(town.house, town.did)}


async def test_all_is_well_where_nothing_is_wrong(towns: Pair) -> None:
    ekby, sjoby = towns
    found = await _found(ekby)
    assert {name for name, check in found.items() if not check.ok} == set()
    ours = {
        "database",
        "disk",
        "keys",
        "address",
        "processes",
        "outbox",
        "heads",
        "duties",
        "policy-watch",
        "policy-files",
        "clock",
    }
    assert set(found) == {*ours, f"peer {sjoby.did}"}
    for check in found.values():
        assert "{" not in texts.say(check.code, "sv", "text", **check.values)


async def test_a_key_file_that_others_can_read_is_found(towns: Pair) -> None:
    ekby, _ = towns
    (key_folder(ekby.home, ekby.did) / "seal.pem").chmod(0o644)
    assert (await _found(ekby))["keys"].code == "key_file_open_to_others"
    (ekby.home / "keys" / "grants.key").unlink()
    (key_folder(ekby.home, ekby.did) / "seal.pem").chmod(0o600)
    assert (await _found(ekby))["keys"].code == "key_file_unreadable"


async def test_a_token_file_that_others_can_read_is_found(towns: Pair) -> None:
    ekby, _ = towns
    path = ekby.home / "operator.token"
    path.write_text("secret\n")
    path.chmod(0o644)
    assert (await _found(ekby))["token-file"].code == "doctor_token_file_open"
    path.chmod(0o600)
    assert (await _found(ekby))["token-file"].ok


async def test_a_peer_that_cannot_be_reached_is_found_with_its_clock_unknown(towns: Pair) -> None:
    ekby, sjoby = towns
    await sjoby.stop()
    found = await _found(ekby)
    assert found[f"peer {sjoby.did}"].code == "doctor_peer_unreachable"
    assert found["clock"].code == "doctor_clock_unknown"


async def test_a_peer_that_shows_other_keys_is_found(towns: Pair) -> None:
    ekby, sjoby = towns
    values = {"state": "key-changed"}
    await ekby.house.store.write(lambda unit: unit.peers.change(ekby.did, sjoby.did, **values))
    assert (await _found(ekby))[f"peer {sjoby.did}"].code == "doctor_peer_key_changed"


async def test_a2_38_a_clock_that_differs_from_the_neighbours_is_found(towns: Pair) -> None:
    ekby, _ = towns
    ekby.house.now = lambda: time.time() - 3600
    check = (await _found(ekby))["clock"]
    assert (check.ok, check.code) == (False, "doctor_clock_off")
    assert check.values["seconds"] == pytest.approx(3600, abs=5)


async def test_an_address_where_somebody_else_answers_is_found(towns: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ekby, sjoby = towns
    usual: Callable[..., dict[str, Any]] = places.document

    def document(did: str, **keys: Any) -> dict[str, Any]:
        stranger = sjoby.house.member(sjoby.did).token.public
        return usual(did, **(keys | {"token": [stranger], "seal": [stranger]}))

    monkeypatch.setattr(places, "document", document)
    assert (await _found(ekby))["address"].code == "doctor_address_foreign"


async def test_the_disk_is_found_full_before_it_is(towns: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ekby, _ = towns
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**62)
    assert (await _found(ekby))["disk"].code == "doctor_disk_low"


async def test_a_message_that_waits_for_long_is_found(towns: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ekby, sjoby = towns
    await sjoby.pin(ekby.did)
    await sjoby.stop()
    monkeypatch.setattr(doctor, "OUTBOX_SECONDS", -1.0)
    assert (await _found(ekby))["outbox"].code == "doctor_outbox_old"


async def test_a_laboratory_peer_is_not_asked_for_a_document(towns: Pair) -> None:
    ekby, _ = towns
    url = "http://localhost:1/dsp"
    await peers.add(ekby.house, ekby.did, "edc", fingerprints=[], by="tester", endpoint=url, auth="mock")
    assert "peer edc" not in await _found(ekby)
