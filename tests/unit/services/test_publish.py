from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from connector.errors import BadMessage, ConnectorError, Invalid, Missing, TooLarge, WrongState
from connector.ids import NS
from connector.services import journal, publish
from connector.services.publish import New, Wanted
from connector.store.journal import Search
from tests.acceptance.towns import OPEN
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from connector.store.offers import Policy
    from tests.acceptance.towns import Town


@pytest.fixture
async def town(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Town]:
    (tmp_path / "x.csv").write_text("a,b\n")
    async with running(tmp_path, sqlite_template, "ekby") as (only,):
        yield only


@pytest.fixture
async def policy(town: Town) -> str:
    return (await publish.put(town.house, town.did, "open.json", orjson.dumps(OPEN), by="tester")).digest


@pytest.fixture
def source(tmp_path: Path) -> str:
    return f"file:{tmp_path / 'x.csv'}"


async def _put(town: Town, document: Any) -> Policy:
    return await publish.put(town.house, town.did, "a.json", orjson.dumps(document), by="tester")


async def test_the_same_content_is_one_policy_whatever_its_layout(town: Town) -> None:
    first = await publish.put(
        town.house, town.did, "a.json", b'{"@type":"Offer","permission":[{"action":"use"}]}', by="x"
    )
    same = b'{ "permission" : [ {"action": "use"} ],\n "@type": "Offer" }'
    again = await publish.put(town.house, town.did, "b.json", same, by="y")
    assert again == replace(first, name="b.json")
    assert (await publish.policies(town.house, town.did))[0] == [again]


async def test_known_content_from_somebody_else_or_by_another_name_is_in_the_journal(town: Town) -> None:
    async def put(name: str, by: str) -> Policy:
        return await publish.put(town.house, town.did, name, orjson.dumps(OPEN), by=by)

    for name, by in (("a.json", "x"), ("a.json", "x"), ("a.json", "y"), ("b.json", "x")):
        made = await put(name, by)
    entries = (await journal.page(town.house, town.did, search=Search(subject=made.digest)))[0]
    told = [(entry.kind, (entry.payload or {})["name"], entry.by) for entry in entries]
    assert told == [("policy.stored", name, by) for name, by in (("a.json", "x"), ("a.json", "y"), ("b.json", "x"))]


async def test_short_terms_are_stored_as_the_full_ones_that_travel(town: Town) -> None:
    constraint = {"leftOperand": "kom:participant", "operator": "eq", "rightOperand": {"@id": "did:web:a.example"}}
    row = await _put(town, {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]})
    assert row.document["permission"][0]["constraint"][0]["leftOperand"] == NS + "participant"


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"@type":"Offer","permission":[{"action":"use","x":NaN}]}', b"\xff"],
)
async def test_what_is_no_json_object_is_no_policy(town: Town, data: bytes) -> None:
    with pytest.raises(BadMessage):
        await publish.put(town.house, town.did, "a.json", data, by="tester")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"@type": "Set", "permission": [{"action": "use"}]},
        {"@type": "Offer", "permission": []},
        {"@type": "Offer", "permission": [{"action": 1}]},
        {"@type": "Offer", "target": "x", "permission": [{"action": "use"}]},
        {"@type": "Offer", "permission": [{"action": "use", "unknown": 1}]},
        {"@type": "Offer", "permission": [{"action": "use", "constraint": [{"leftOperand": "x"}]}]},
    ],
)
async def test_what_cannot_travel_is_no_policy(town: Town, document: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="policy_"):
        await _put(town, document)


async def test_a_number_without_one_form_is_refused(town: Town) -> None:
    with pytest.raises(BadMessage, match="json_number"):
        await _put(town, {**OPEN, "dct:x": 2**60})


async def test_a_policy_too_large_for_an_offer_is_refused(town: Town) -> None:
    with pytest.raises(ConnectorError):
        await _put(town, {**OPEN, "dct:description": "x" * 70_000})


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb"])
async def test_a_policys_name_can_be_read(town: Town, name: str) -> None:
    with pytest.raises(Invalid, match="policy_name"):
        await publish.put(town.house, town.did, name, orjson.dumps(OPEN), by="tester")


# Datasets


async def test_a_dataset_is_published_with_its_offers(town: Town, policy: str, source: str) -> None:
    offers = [Wanted(policy), Wanted(policy, policy, "person")]
    description = {"dct:description": [{"@value": "Flöden", "@language": "sv"}], "dcat:keyword": ["vatten"]}
    new = New("urn:x:flow", "Flows", source, offers, description)
    made = await publish.add_dataset(town.house, town.did, new, by="tester")
    assert made.dataset.description == {"dct:title": "Flows", **description}
    assert made.dataset.source["kind"] == "file"
    assert [(offer.policy, offer.access, offer.approval) for offer in made.offers] == [
        (policy, None, None),
        (policy, policy, "person"),
    ]
    shown = await publish.dataset(town.house, town.did, "urn:x:flow")
    assert shown.dataset.id == made.dataset.id
    assert {offer.id for offer in shown.offers} == {offer.id for offer in made.offers}
    assert made.offers[0].document["permission"] == OPEN["permission"]


async def test_a_dataset_id_is_used_once(town: Town, policy: str, source: str) -> None:
    new = New("x", "X", source, [Wanted(policy)])
    await publish.add_dataset(town.house, town.did, new, by="tester")
    with pytest.raises(WrongState, match="dataset_exists"):
        await publish.add_dataset(town.house, town.did, new, by="tester")


async def test_a_dataset_of_one_participant_is_nobody_elses(town: Town, policy: str, source: str) -> None:
    other = await town.add_participant("va")
    await publish.add_dataset(town.house, town.did, New("x", "X", source, [Wanted(policy)]), by="tester")
    with pytest.raises(Missing, match="dataset_unknown"):
        await publish.dataset(town.house, other, "x")
    with pytest.raises(Missing, match="policy_unknown"):
        await publish.add_dataset(town.house, other, New("x", "X", source, [Wanted(policy)]), by="tester")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": ""}, "dataset_id"),
        ({"id": "x" * 257}, "dataset_id"),
        ({"id": "a\nb"}, "dataset_id"),
        ({"title": " "}, "dataset_title"),
        ({"title": "a\nb"}, "dataset_title"),
        ({"offers": []}, "offer_needed"),
        ({"source": "nothing"}, "source_form"),
        ({"source": {"kind": "tape"}}, "source_kind"),
        ({"source": "file:/does/not/exist"}, "source_missing"),
        ({"description": {"title": "x"}}, "dataset_member"),
        ({"description": {"dct:publisher": "did:web:other.example"}}, "dataset_member"),
        ({"description": {"@id": "other"}}, "dataset_member"),
        ({"description": {"dct:description": "x" * 70_000}}, "dataset_description"),
    ],
)
async def test_a_dataset_that_cannot_be_published_is_refused(
    town: Town, policy: str, source: str, change: dict[str, Any], code: str
) -> None:
    values: dict[str, Any] = {"id": "x", "title": "X", "source": source, "offers": [Wanted(policy)], **change}
    with pytest.raises((Invalid, TooLarge), match=code):
        await publish.add_dataset(town.house, town.did, New(**values), by="tester")


async def test_an_offer_of_a_policy_that_is_not_there_is_refused(town: Town, policy: str, source: str) -> None:
    for wanted in (Wanted("sha256:0"), Wanted(policy, "sha256:0")):
        with pytest.raises(Missing, match="policy_unknown"):
            await publish.add_dataset(town.house, town.did, New("x", "X", source, [wanted]), by="tester")
    new = New("x", "X", source, [Wanted(policy, approval="robot")])
    with pytest.raises(Invalid, match="offer_approval"):
        await publish.add_dataset(town.house, town.did, new, by="tester")


async def test_offers_come_and_go(town: Town, policy: str, source: str) -> None:
    await publish.add_dataset(town.house, town.did, New("x", "X", source, [Wanted(policy)]), by="tester")
    made = await publish.add_offer(town.house, town.did, "x", Wanted(policy, approval="person"), by="tester")
    assert len((await publish.offers(town.house, town.did, dataset="x"))[0]) == 2
    await publish.remove_offer(town.house, town.did, made.id, by="tester")
    with pytest.raises(Missing, match="offer_unknown"):
        await publish.remove_offer(town.house, town.did, made.id, by="tester")
    with pytest.raises(Missing, match="dataset_unknown"):
        await publish.add_offer(town.house, town.did, "y", Wanted(policy), by="tester")
    await publish.remove_dataset(town.house, town.did, "x", by="tester")
    assert await publish.offers(town.house, town.did) == ([], None)
    with pytest.raises(Missing, match="dataset_unknown"):
        await publish.remove_dataset(town.house, town.did, "x", by="tester")


async def test_lists_come_in_parts(town: Town, policy: str, source: str) -> None:
    for name in "abc":
        new = New(name, name, source, [Wanted(policy), Wanted(policy)])
        await publish.add_dataset(town.house, town.did, new, by="tester")
    first, cursor = await publish.datasets(town.house, town.did, limit=2)
    rest, end = await publish.datasets(town.house, town.did, cursor, limit=2)
    assert ([found.dataset.id for found in first + rest], end) == (["a", "b", "c"], None)
    some, cursor = await publish.offers(town.house, town.did, limit=4)
    more, end = await publish.offers(town.house, town.did, cursor, limit=4)
    assert (len({offer.id for offer in some + more}), end) == (6, None)


def _shaping(operand: str, operator: str, *right: str) -> dict[str, Any]:
    constraint = {"leftOperand": operand, "operator": operator, "rightOperand": list(right)}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}


HOURLY = _shaping("dcat:temporalResolution", "gteq", "PT1H")
SHAPE = {"time": ["time"], "keys": ["id"]}


async def _publish(town: Town, path: Path, document: Any, shape: Any = SHAPE, content: str = "") -> None:
    if content:
        path.write_text(content)
    digest = (await _put(town, document)).digest
    spec = {"kind": "directory" if path.is_dir() else "file", "path": str(path), "shape": shape}
    await publish.add_dataset(town.house, town.did, New("levels", "Levels", spec, [Wanted(digest)]), by="tester")


async def test_terms_that_shape_data_are_published_where_the_data_can_be_shaped(town: Town, tmp_path: Path) -> None:
    await _publish(town, tmp_path / "levels.csv", HOURLY, SHAPE, "time;id;level\n2026-08-14T05:10;a;1,5\n")
    found = await publish.dataset(town.house, town.did, "levels")
    assert found.dataset.source["shape"] == SHAPE
    fields = (await _put(town, _shaping("kom:field", "isAnyOf", "level"))).digest
    await publish.add_offer(town.house, town.did, "levels", Wanted(fields), by="tester")


@pytest.mark.parametrize(
    ("name", "document", "shape", "content", "code"),
    [
        ("levels.txt", HOURLY, SHAPE, "time,id,level\n", "shape_media_type"),
        ("levels.geojson", _shaping("kom:field", "isAnyOf", "a"), {}, "{}", "shape_media_type"),
        ("levels.csv", HOURLY, {}, "time,id,level\n", "shape_missing"),
        ("levels.csv", _shaping("dcat:temporalResolution", "gteq", "P1M"), SHAPE, "time,id,level\n", "shape_missing"),
        ("levels.csv", _shaping("kom:minAge", "gteq", "P1D"), SHAPE, "time,id,level\n", "shape_missing"),
        ("levels.csv", HOURLY, SHAPE, "tid,id,level\n", "shape_columns"),
        ("levels.csv", HOURLY, SHAPE, "time,id,level\n2026-08-14T05:10,a,high\n", "shape_number"),
        ("levels.json", HOURLY, SHAPE, '{"items": []}', "shape_list"),
        ("levels.csv", _shaping("kom:field", "isNoneOf", "name"), {}, "time,id\n", "shape_column"),
        ("levels.csv", HOURLY, {"time": "x" * 300}, "time,id,level\n", "shape_declared"),
    ],
)
async def test_terms_that_shape_data_are_not_published_where_that_cannot_be_done(
    town: Town, tmp_path: Path, name: str, document: Any, shape: Any, content: str, code: str
) -> None:
    with pytest.raises(Invalid, match=code):
        await _publish(town, tmp_path / name, document, shape, content)


async def test_an_offer_that_shapes_data_is_refused_for_a_dataset_that_cannot_be_shaped(
    town: Town, tmp_path: Path, policy: str
) -> None:
    (tmp_path / "a.pdf").write_text("x")
    new = New("report", "Report", f"file:{tmp_path / 'a.pdf'}", [Wanted(policy)])
    await publish.add_dataset(town.house, town.did, new, by="tester")
    fields = (await _put(town, _shaping("kom:field", "isAnyOf", "level"))).digest
    with pytest.raises(Invalid, match="shape_media_type"):
        await publish.add_offer(town.house, town.did, "report", Wanted(fields), by="tester")


async def test_a_folder_is_published_for_shaping_when_every_file_can_be_shaped(town: Town, tmp_path: Path) -> None:
    folder = tmp_path / "levels"
    folder.mkdir()
    (folder / "2026.csv").write_text("x")
    (folder / "about.pdf").write_text("x")
    with pytest.raises(Invalid, match="shape_media_type"):
        await _publish(town, folder, HOURLY)
    (folder / "about.pdf").unlink()
    await _publish(town, folder, HOURLY)


# Cases and limits


async def _records(town: Town, kind: str) -> list[Any]:
    entries, _ = await journal.page(town.house, town.did, limit=1000)
    return [entry.payload for entry in entries if entry.kind == kind]


GOOD = '[[case]]\nname = "anybody"\nexpect = "permit"\n'
BAD = '[[case]]\nname = "nobody"\nexpect = "deny"\n'


async def _with_cases(town: Town, cases: str, *, force: bool = False) -> Policy:
    return await publish.put(town.house, town.did, "a.json", orjson.dumps(OPEN), by="Anna", cases=cases, force=force)


async def test_a_policy_that_fails_its_cases_is_not_stored(town: Town) -> None:
    with pytest.raises(WrongState, match="policy_cases_failed") as refused:
        await _with_cases(town, GOOD + BAD)
    assert refused.value.values["cases"] == "nobody"
    assert (await publish.policies(town.house, town.did))[0] == []


async def test_a_policy_known_without_cases_is_refused_with_cases_that_fail(town: Town, policy: str) -> None:
    assert (await _with_cases(town, GOOD)).digest == policy
    with pytest.raises(WrongState, match="policy_cases_failed"):
        await _with_cases(town, BAD)


async def test_what_is_forced_is_stored_and_recorded_with_who_and_which_cases(town: Town) -> None:
    await _with_cases(town, GOOD + BAD, force=True)
    await _with_cases(town, BAD, force=True)
    assert await _records(town, "policy.forced") == [{"name": "a.json", "cases": ["nobody"], "by": "Anna"}] * 2


async def test_force_leaves_no_trace_where_nothing_fails(town: Town) -> None:
    await _with_cases(town, GOOD, force=True)
    assert await _records(town, "policy.forced") == []


@pytest.mark.parametrize(
    ("cases", "code"),
    [("[[case]", "cases_toml"), ("case = 1", "cases_toml"), ("case = [1]", "cases_toml"), ("[[case]]", "case_expect")],
)
async def test_cases_that_cannot_be_read_are_refused(town: Town, cases: str, code: str) -> None:
    with pytest.raises(Invalid, match=code):
        await _with_cases(town, cases, force=True)


async def test_an_offer_keeps_its_limit_and_its_files(town: Town, policy: str, source: str) -> None:
    files = {"policy": "a.json", "limit": "b.json"}
    new = New("x", "X", source, [Wanted(policy, limit=policy, files=files)])
    made = (await publish.add_dataset(town.house, town.did, new, by="tester")).offers[0]
    assert (made.limit_policy, made.files) == (policy, files)
    assert (await publish.offers(town.house, town.did))[0] == [made]
    with pytest.raises(Missing, match="policy_unknown"):
        await publish.add_offer(town.house, town.did, "x", Wanted(policy, limit="sha256:0"), by="tester")
