"""Policy files that change under a running connector, in the ways in which editors and people change files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.services import doctor, journal, policyfiles, publish
from connector.store.offers import RETIRED
from connector.worker import watch
from connector.worker.watch import Changes, policy_of
from tests.acceptance.towns import BY, eventually
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connector.store.offers import Offer
    from tests.acceptance.towns import Town


@pytest.mark.parametrize(
    ("name", "policy"),
    [("a.json", "a.json"), ("a.cases.toml", "a.json"), ("a.json~", None), (".a.json.swp", None), ("a.toml", None)],
)
def test_a_file_belongs_to_a_policy(name: str, policy: str | None) -> None:
    assert policy_of(name) == policy


def test_a_file_that_is_being_written_is_left_alone_with_its_cases() -> None:
    changes = Changes()
    changes.note("a.json", written=True)
    changes.note("a.cases.toml", written=False)
    changes.note("b.json", written=True)
    assert changes.take() == {"b.json"}
    changes.note("a.cases.toml", written=True)
    assert changes.take() == {"a.json"}
    assert changes.take() == set()


def test_a_link_that_is_moved_is_a_change_of_everything() -> None:
    changes = Changes()
    changes.note("..data", written=True)
    assert changes.everything


def until(year: int) -> dict[str, Any]:
    end = {"@value": f"{year}-01-01T00:00:00Z", "@type": "xsd:dateTime"}
    constraint = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    (tmp_path / "x.csv").write_text("a,b\n")
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        assert await eventually(lambda: _watched(only))
        yield only


async def _watched(town: Town) -> bool:
    return town.house.files.unwatched is None


@pytest.fixture
def file(town: Town) -> Path:
    return town.home / "policies" / "mine.json"


async def _published(
    town: Town, file: Path, tmp_path: Path, dataset: str = "x", *, own: str = "", **more: Any
) -> Offer:
    file.write_text(json.dumps(until(2050)))
    own = own or town.did
    digest = (await publish.put(town.house, own, file.name, file.read_bytes(), by=BY)).digest
    wanted = publish.Wanted(digest, files={"policy": file.name}, **more)
    new = publish.New(dataset, dataset, f"file:{tmp_path / 'x.csv'}", [wanted])
    return (await publish.add_dataset(town.house, own, new, by=BY)).offers[0]


async def _offers(town: Town, own: str = "") -> list[Offer]:
    return (await publish.offers(town.house, own or town.did))[0]


async def _replaced(town: Town, year: int, own: str = "") -> bool:
    async def look() -> bool:
        found = await _offers(town, own)
        return len(found) == 1 and str(year) in json.dumps(found[0].document)

    return await eventually(look, seconds=3)


async def _refused(town: Town, name: str, code: str) -> bool:
    async def look() -> bool:
        fault = town.house.files.faults.get(name)
        return fault is not None and fault.code == code

    return await eventually(look, seconds=3)


def _rename_over(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text)
    beside.replace(file)


def _keep_a_backup(file: Path, text: str) -> None:
    file.rename(file.with_name(file.name + "~"))
    file.write_text(text)


def _empty_and_write(file: Path, text: str) -> None:
    with file.open("w") as open_file:
        open_file.flush()
        os.fsync(open_file.fileno())
        for part in (text[:40], text[40:]):
            open_file.write(part)
            open_file.flush()


def _write_twice(file: Path, text: str) -> None:
    file.write_text("{")
    file.write_text(text)


@pytest.mark.parametrize("save", [_rename_over, _keep_a_backup, _empty_and_write, _write_twice])
async def test_however_a_file_is_saved_one_new_offer_takes_the_place_of_the_old(
    town: Town, file: Path, tmp_path: Path, save: Callable[[Path, str], None]
) -> None:
    old = await _published(town, file, tmp_path)
    save(file, json.dumps(until(2060)))
    assert await _replaced(town, 2060)
    (new,) = await _offers(town)
    assert (new.dataset, new.files) == (old.dataset, old.files)
    kept = await town.unit(lambda unit: unit.offers.get(town.did, old.id))
    assert kept is not None
    assert (kept.origin, kept.document) == (RETIRED, old.document)
    records, _ = await journal.page(town.house, town.did, limit=100)
    (reloaded,) = [entry.payload for entry in records if entry.kind == "policy.reloaded"]
    assert reloaded is not None
    assert reloaded["offers"] == [{"old": old.id, "new": new.id}]


BROKEN = {
    "half of it": '{"@type": "Offer", "permis',
    "nothing": "",
    "what cannot travel": json.dumps({**until(2060), "@type": "Set", "target": "x"}),
    "too much": " " * (9 * 1024 * 1024),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_file_never_takes_the_place_of_a_good_one(
    town: Town, file: Path, tmp_path: Path, case: str
) -> None:
    old = await _published(town, file, tmp_path)
    file.write_text(BROKEN[case])

    async def broken() -> bool:
        return "mine.json" in town.house.files.faults

    assert await eventually(broken, seconds=3)
    assert await _offers(town) == [old]
    (shown,) = await policyfiles.listing(town.house, town.did)
    assert (shown.state, shown.offers) == ("broken", [old.id])
    found = {check.id: check for check in doctor._files(town.house)}
    assert found["policy-watch"].ok
    assert (found["policy-files"].ok, found["policy-files"].values["files"]) == (False, "mine.json")
    records, _ = await journal.page(town.house, town.did, limit=100)
    assert sum(entry.kind == "policy.refused" for entry in records) == 1
    file.write_text(json.dumps(until(2060)))
    assert await _replaced(town, 2060)
    assert town.house.files.faults == {}


async def test_a_file_whose_cases_fail_is_not_taken_before_they_pass(town: Town, file: Path, tmp_path: Path) -> None:
    old = await _published(town, file, tmp_path)
    cases = file.with_name("mine.cases.toml")
    cases.write_text('[[case]]\nname = "late"\ntime = "2055-01-01T00:00:00Z"\nexpect = "deny"\n')
    file.write_text(json.dumps(until(2060)))
    assert await _refused(town, "mine.json", "policy_cases_failed")
    assert await _offers(town) == [old]
    cases.write_text('[[case]]\nname = "late"\ntime = "2065-01-01T00:00:00Z"\nexpect = "deny"\n')
    assert await _replaced(town, 2060)


async def test_a_file_that_is_removed_takes_nothing_away_and_comes_back(town: Town, file: Path, tmp_path: Path) -> None:
    old = await _published(town, file, tmp_path)
    file.unlink()
    assert await _refused(town, "mine.json", "policy_file_missing")
    assert await _offers(town) == [old]
    assert [shown.state for shown in await policyfiles.listing(town.house, town.did)] == ["missing"]
    file.write_text(json.dumps(until(2060)))
    assert await _replaced(town, 2060)


async def test_a_file_that_no_offer_uses_is_only_shown(town: Town, file: Path, tmp_path: Path) -> None:
    old = await _published(town, file, tmp_path)
    file.with_name("other.json").write_text("{")

    async def broken() -> bool:
        return "other.json" in town.house.files.faults

    assert await eventually(broken, seconds=3)
    file.with_name("other.json").write_text(json.dumps(until(2030)))

    async def well() -> bool:
        return not town.house.files.faults

    assert await eventually(well, seconds=3)
    shown = {each.name: each.state for each in await policyfiles.listing(town.house, town.did)}
    assert shown == {"mine.json": "published", "other.json": "unused"}
    assert await _offers(town) == [old]


async def test_each_participant_gets_new_offers_of_the_file_that_it_used(
    town: Town, file: Path, tmp_path: Path
) -> None:
    other = await town.add_participant("va")
    await _published(town, file, tmp_path)
    await _published(town, file, tmp_path, "y", own=other)
    file.write_text(json.dumps(until(2060)))
    assert await _replaced(town, 2060)
    assert await _replaced(town, 2060, other)
    assert {offer.participant for offer in await _offers(town, other)} == {other}


async def test_a_limit_and_an_access_policy_follow_their_files(town: Town, file: Path, tmp_path: Path) -> None:
    who = file.with_name("who.json")
    who.write_text(json.dumps(until(2051)))
    digest = (await publish.put(town.house, town.did, "who.json", who.read_bytes(), by=BY)).digest
    file.write_text(json.dumps(until(2050)))
    policy = (await publish.put(town.house, town.did, "mine.json", file.read_bytes(), by=BY)).digest
    files = {"policy": "mine.json", "access": "who.json", "limit": "who.json"}
    wanted = publish.Wanted(policy, digest, limit=digest, files=files)
    new = publish.New("x", "x", f"file:{tmp_path / 'x.csv'}", [wanted])
    (old,) = (await publish.add_dataset(town.house, town.did, new, by=BY)).offers
    who.write_text(json.dumps(until(2061)))
    changed = (await publish.put(town.house, town.did, "who.json", orjson.dumps(until(2061)), by=BY)).digest

    async def look() -> bool:
        (found,) = await _offers(town)
        return (found.policy, found.access, found.limit_policy) == (policy, changed, changed) and found.id != old.id

    assert await eventually(look, seconds=3)


async def test_what_changed_while_nobody_watched_is_taken_at_the_next_start(
    town: Town, file: Path, tmp_path: Path
) -> None:
    await _published(town, file, tmp_path)
    await town.stop()
    file.write_text(json.dumps(until(2060)))
    await town.start()
    assert await _replaced(town, 2060)


async def test_terms_that_the_data_cannot_keep_are_not_taken(town: Town, file: Path, tmp_path: Path) -> None:
    old = await _published(town, file, tmp_path)
    hourly = {"leftOperand": "dcat:temporalResolution", "operator": "gteq", "rightOperand": "PT1H"}
    file.write_text(json.dumps({"@type": "Offer", "permission": [{"action": "use", "constraint": [hourly]}]}))
    assert await _refused(town, "mine.json", "shape_missing")
    assert await _offers(town) == [old]


async def test_a_folder_that_goes_away_is_told(town: Town, file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))

    async def told() -> bool:
        return town.house.files.unwatched == "folder_gone"

    assert await eventually(told, seconds=3)
    assert not doctor._files(town.house)[0].ok


async def test_a_connector_that_cannot_watch_serves_and_says_so(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_folder: Path) -> None:
        raise OSError(28, "no space for watches")

    monkeypatch.setattr(watch, "_open", full)
    async with running(tmp_path, sqlite_template, "ekby") as (town,):

        async def told() -> bool:
            return town.house.files.unwatched == "ENOSPC"

        assert await eventually(told, seconds=3)
        check = doctor._files(town.house)[0]
        assert (check.ok, check.values["reason"]) == (False, "ENOSPC")


async def test_one_dataset_that_cannot_keep_the_new_terms_keeps_all_offers_as_they_are(
    town: Town, file: Path, tmp_path: Path
) -> None:
    other = await town.add_participant("va")
    old = [await _published(town, file, tmp_path), await _published(town, file, tmp_path, "y", own=other)]
    (tmp_path / "z.csv").write_text("time,level\n2026-08-14T05:10,1\n")
    spec = {"kind": "file", "path": str(tmp_path / "z.csv"), "shape": {"time": ["time"]}}
    wanted = publish.Wanted(old[0].policy, files={"policy": "mine.json"})
    made = await publish.add_dataset(town.house, town.did, publish.New("z", "z", spec, [wanted]), by=BY)
    hourly = {"leftOperand": "dcat:temporalResolution", "operator": "gteq", "rightOperand": "PT1H"}
    file.write_text(json.dumps({"@type": "Offer", "permission": [{"action": "use", "constraint": [hourly]}]}))
    assert await _refused(town, "mine.json", "shape_missing")
    assert {offer.id for offer in await _offers(town)} == {old[0].id, made.offers[0].id}
    assert await _offers(town, other) == [old[1]]
