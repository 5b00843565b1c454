"""Terms that shape data: what a neighbour really gets over the wire, from the demo's real files and its live API."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector.dataplane.ports import Read
from connector.errors import ConnectorError
from connector.policy import templates
from connector.services import reading
from demo import stormwater
from tests.acceptance.towns import Town, befriend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.conftest import Founding

TEMPERATURES = Path("demo/data/statistics/uppsala_air_temperature.csv").absolute()


def _fields(operator: str, *names: str) -> dict[str, Any]:
    constraint = {"leftOperand": "kom:field", "operator": operator, "rightOperand": list(names)}
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}


async def _answer(consumer: Town, contract: str, wanted: Read) -> tuple[int, dict[str, str], bytes]:
    async with reading.open_data(consumer.house, consumer.did, contract, wanted) as content:
        body = b"".join([chunk async for chunk in content.chunks])
        return content.status, dict(content.headers), body


async def _agreed(provider: Town, consumer: Town, dataset: str) -> str:
    contract = await consumer.agree(provider, dataset)
    await consumer.begin(contract)
    return contract


@pytest.mark.slow
async def test_hourly_values_are_all_that_a_neighbour_gets(found: Founding) -> None:
    region, ekby = await found("region"), await found("ekby")
    async with region.running(), ekby.running():
        await befriend(region, ekby)
        policy, _ = templates.make("hourly-values", {})
        source = {"kind": "file", "path": str(TEMPERATURES), "shape": {"time": ["date", "time_utc"]}}
        await region.publish("air", source, policy)
        contract = await _agreed(region, ekby, "air")
        status, headers, body = await _answer(ekby, contract, Read())
        assert (status, "Content-Length" in headers, headers["Accept-Ranges"]) == (200, False, "none")
        lines = body.decode().splitlines()
        assert lines[:2] == ["date,time_utc,air_temperature_celsius", "1780-01-01,07:00:00,-0.5"]
        assert all(line.split(",")[1].endswith(":00:00") for line in lines[1:])
        ranged = await _answer(ekby, contract, Read(headers={"range": "bytes=0-9"}))
        assert (ranged[0], hashlib.sha256(ranged[2]).digest()) == (200, hashlib.sha256(body).digest())
        known = await _answer(ekby, contract, Read(headers={"if-none-match": headers["ETag"]}))
        assert (known[0], known[2]) == (304, b"")
        head = await _answer(ekby, contract, Read("HEAD"))
        assert (head[0], head[2]) == (200, b"")
        assert {name: head[1][name] for name in headers} == headers


@pytest.mark.slow
async def test_daily_values_of_few_fields_are_small_and_are_served_like_a_file(found_on_sqlite: Founding) -> None:
    region, ekby = await found_on_sqlite("region"), await found_on_sqlite("ekby")
    async with region.running(), ekby.running():
        await befriend(region, ekby)
        policy = _fields("isAnyOf", "date", "air_temperature_celsius")
        policy["permission"][0]["constraint"].append(
            {"leftOperand": "dcat:temporalResolution", "operator": "gteq", "rightOperand": "P1D"}
        )
        source = {"kind": "file", "path": str(TEMPERATURES), "shape": {"time": ["date", "time_utc"]}}
        await region.publish("air", source, policy)
        contract = await _agreed(region, ekby, "air")
        status, headers, body = await _answer(ekby, contract, Read())
        assert body.decode().splitlines()[:2] == ["date,air_temperature_celsius", "1780-01-01,0.433"]
        assert (status, headers["Content-Length"]) == (200, str(len(body)))
        asked = Read(headers={"range": "bytes=5-14", "if-range": headers["ETag"]})
        status, headers, piece = await _answer(ekby, contract, asked)
        assert (status, piece, headers["Content-Range"]) == (206, body[5:15], f"bytes 5-14/{len(body)}")
        records = await region.unit(lambda unit: unit.conn.exec_driver_sql("select payload from journalpayload").all())
        told = [json.loads(row[0]) for row in records if '"shaped"' in row[0]]
        assert told[-1]["shaped"] == ["mean per day", "only air_temperature_celsius, date"]


@pytest.fixture
def wells() -> Iterator[str]:
    simulation = stormwater.Simulation(17, 300)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(stormwater.Answer, simulation))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_live_stormwater_api_is_shaped_where_it_answers_with_a_list(
    found_on_sqlite: Founding, wells: str
) -> None:
    provider, ekby = await found_on_sqlite("va"), await found_on_sqlite("ekby")
    async with provider.running(), ekby.running():
        await befriend(provider, ekby)
        shape = {"time": ["dateObserved"], "keys": ["refDevice"], "values": ["waterLevel"]}
        source = {
            "kind": "http", "url": f"{wells}/v1/wells", "paths": ["", "/{id}", "/{id}/readings"], "query": [], "shape": shape,
        }  # fmt: skip
        policy, _ = templates.make("hourly-values", {})
        await provider.publish("wells", source, policy)
        contract = await _agreed(provider, ekby, "wells")
        well = next(iter(stormwater.Simulation(17, 1).wells))
        _, _, body = await _answer(ekby, contract, Read(path=f"/{well}/readings"))
        shaped = json.loads(body)
        assert shaped
        assert {tuple(item) for item in shaped} == {("dateObserved", "refDevice", "waterLevel")}
        assert all(item["dateObserved"].endswith(":00:00Z") for item in shaped)
        for path in (f"/{well}", ""):  # one object; a list whose time stamps have another name
            with pytest.raises(ConnectorError) as raised:
                await _answer(ekby, contract, Read(path=path))
            assert raised.value.code == "data_provider"


async def test_data_that_no_longer_fits_is_not_served(found_on_sqlite: Founding, tmp_path: Path) -> None:
    provider, ekby = await found_on_sqlite("va"), await found_on_sqlite("ekby")
    path = tmp_path / "levels.csv"
    path.write_text("time,name,level\n2026-08-14T05:10,Eva,1\n")
    async with provider.running(), ekby.running():
        await befriend(provider, ekby)
        await provider.publish("levels", f"file:{path}", _fields("isNoneOf", "name"))
        contract = await _agreed(provider, ekby, "levels")
        assert (await _answer(ekby, contract, Read()))[2] == b"time,level\n2026-08-14T05:10,1\n"
        path.write_text("time,names,level\n2026-08-14T05:10,Eva,1\n")
        await asyncio.sleep(0)
        with pytest.raises(ConnectorError) as raised:
            await _answer(ekby, contract, Read())
        assert (raised.value.code, raised.value.values.get("status")) == ("data_provider", 502)
