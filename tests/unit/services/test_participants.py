from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from connector.errors import Invalid, Missing, WrongState
from connector.identity import document
from connector.services import house, participants
from connector.services.house import House, key_folder
from connector.store.session import Store
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.acceptance.towns import Town


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        yield only


async def test_a_further_participant_has_keys_of_its_own_and_is_served_at_once(town: Town) -> None:
    made = await participants.add(town.house, f"{town.did}:va", "Ekby VA AB", by="tester")
    first = participants.own(town.house.member(town.did))
    assert len({made.token, made.seal, first.token, first.seal}) == 4
    assert town.house.at("/va") is town.house.member(made.row.id)


async def test_its_did_document_holds_both_keys_each_for_its_purpose(town: Town) -> None:
    member = town.house.member(town.did)
    read = document.read(town.did, participants.did_document(member))
    assert {(method.key, *method.purposes) for method in read.methods} == {
        (member.token.public, "token"),
        (member.seal.public, "seal"),
    }
    assert read.version_url == f"{member.row.root}/.well-known/dspace-version"


async def test_key_files_are_closed_to_others(town: Town) -> None:
    folder = key_folder(town.home, town.did)
    assert folder.stat().st_mode & 0o077 == 0
    assert {file.name: file.stat().st_mode & 0o077 for file in folder.iterdir()} == {"token.pem": 0, "seal.pem": 0}


async def test_what_an_interrupted_attempt_left_is_taken_up_again(town: Town) -> None:
    did = f"{town.did}:va"
    token, _ = participants._keys(key_folder(town.home, did))
    made = await participants.add(town.house, did, "Ekby VA AB", by="tester")
    assert made.token == token.public.thumbprint


@pytest.mark.parametrize("did", ["did:web:other.example:va", "did:web:localhost%3A1:va", "did:web:localhost:va"])
async def test_a_participant_of_another_host_is_refused(town: Town, did: str) -> None:
    with pytest.raises(Invalid, match="participant_host"):
        await participants.add(town.house, did, "x", by="tester")


@pytest.mark.parametrize("path", ["dsp", "data", "a:dsp", "did.json", ".well-known"])
async def test_a_path_of_the_connectors_own_is_refused(town: Town, path: str) -> None:
    with pytest.raises(Invalid, match="participant_path"):
        await participants.add(town.house, f"{town.did}:{path}", "x", by="tester")


async def test_a_participant_lives_here_once(town: Town) -> None:
    await participants.add(town.house, f"{town.did}:va", "x", by="tester")
    with pytest.raises(WrongState, match="participant_exists"):
        await participants.add(town.house, f"{town.did}:va", "x", by="tester")


async def test_two_participants_never_share_a_folder_of_keys(town: Town) -> None:
    await participants.add(town.house, f"{town.did}:a:b", "x", by="tester")
    with pytest.raises(WrongState, match="participant_exists"):
        await participants.add(town.house, f"{town.did}:a_b", "x", by="tester")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb"])
async def test_a_name_that_cannot_be_read_is_refused(town: Town, name: str) -> None:
    with pytest.raises(Invalid, match="participant_name"):
        await participants.add(town.house, f"{town.did}:va", name, by="tester")


async def _elsewhere(town: Town, name: str) -> str:
    """Make a participant as another process of the installation does: the running one is told nothing."""
    store = Store(town.url)
    try:
        return (await participants.create(town.home, store, f"{town.did}:{name}", name)).row.id
    finally:
        await store.close()


async def test_a_participant_that_another_process_made_is_served_within_a_second(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await _elsewhere(town, "va")
    assert town.house.at("/va") is None
    url = f"http://127.0.0.1:{town.listen}/va"
    async with aiohttp.ClientSession() as session, session.get(f"{url}/.well-known/dspace-version") as answer:
        assert answer.status == 200
    second = await _elsewhere(town, "skola")
    with pytest.raises(Missing, match="participant_unknown"):
        await town.house.find(second)
    monkeypatch.setattr(house, "MEMORY_SECONDS", 0.0)
    assert (await town.house.find(second)).id == second
    assert [found.row.id for found in (await participants.listing(town.house))[0]] == [town.did, made, second]


async def test_asking_for_what_is_not_there_reads_the_participants_once_a_second(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, times = House.load, list[House]()

    async def counted(found: House) -> None:
        times.append(found)
        await load(found)

    monkeypatch.setattr(House, "load", counted)
    for number in range(50):
        assert await town.house.find_at(f"/none-{number}") is None
    assert 1 <= len(times) <= 2


async def test_a_participant_whose_keys_cannot_be_read_keeps_no_other_from_being_served(town: Town) -> None:
    made = await _elsewhere(town, "va")
    for file in key_folder(town.home, made).iterdir():
        file.unlink()
    with pytest.raises(Missing, match="participant_unknown"):
        await town.house.find(made)
    assert (await town.house.find(town.did)).id == town.did
