"""The OpenAPI document is what is served: a valid one, with every route, and answers that match it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import jsonschema_rs
import orjson
import pytest
from aiohttp import web

from connector.http import openapi
from connector.http.management import EVIDENCE, GATEWAY, ROUTES, add_management
from connector.http.management_route import Route
from connector.http.streams import Streams
from tests.acceptance.towns import OPEN
from tests.unit.http.asking import Operator
from tests.unit.services.neighbours import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.services.house import House

ROOT = Path(__file__).parents[3]
SCHEMA = orjson.loads((ROOT / "tests/data/openapi/schema-3.1.json").read_bytes())
DOCUMENT: dict[str, Any] = orjson.loads(orjson.dumps(openapi.document(ROUTES)))
PAGE = ROOT / "docs/reference/management-api.md"


def test_the_document_is_a_valid_openapi_document() -> None:
    jsonschema_rs.Draft202012Validator(SCHEMA).validate(DOCUMENT)


def test_every_schema_in_it_is_a_valid_json_schema_whose_references_lead_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    for reference in _references(DOCUMENT):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_it_has_exactly_the_routes_that_are_served() -> None:
    app = web.Application()
    add_management(app, cast("House", None), Streams())  # nothing is asked
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/v1") and route.method != "OPTIONS"
    }
    said = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }
    assert served == said
    assert {("GET", GATEWAY), ("HEAD", GATEWAY), ("GET", GATEWAY + "/{path}")} <= said


def test_no_two_operations_share_an_id_and_each_says_what_it_does() -> None:
    ids = [operation["operationId"] for operation in _operations()]
    assert len(set(ids)) == len(ids)
    assert [operation["operationId"] for operation in _operations() if not operation["summary"].endswith(".")] == []


def test_the_reference_page_names_every_route_with_its_scope() -> None:
    rows = re.findall(
        r"^\| (GET|POST|DELETE|GET, HEAD) \| `(/[^`]*)` \| (read|write|approve) \|", PAGE.read_text(), re.MULTILINE
    )
    assert set(rows) == {(route.method, _short(route.path), route.scope) for route in ROUTES} | {
        ("GET, HEAD", _short(GATEWAY) + "[/{path}]", "read"),
        ("GET", _short(EVIDENCE), "read"),
    }


async def test_answers_are_as_the_document_says(tmp_path: Path, sqlite_template: Path) -> None:
    async with aiohttp.ClientSession() as session, running(tmp_path, sqlite_template, "ekby", "sjoby") as (town, other):
        ekby = Operator(town, session)
        (tmp_path / "x.csv").write_text("a\n")
        await town.pin(other.did)
        await other.pin(town.did)
        await town.publish("x", f"file:{tmp_path / 'x.csv'}", access=OPEN)
        duty = {"permission": [{"action": "use"}], "obligation": [{"action": "odrl:delete"}]}
        await other.publish("y", f"file:{tmp_path / 'x.csv'}", {"@type": "Offer", **duty})
        contract = await town.agree(other, "y")
        transfer = await town.begin(contract)
        owed = (await ekby.get(ekby.under("duties"))).json["items"][0]["id"]
        policy = (await ekby.get(ekby.under("policies"))).json["items"][0]["id"]
        names = {
            "participant": town.did, "peer": other.did, "policy": policy, "dataset": "x", "contract": contract,
            "transfer": transfer, "number": "1", "duty": owed,
        }  # fmt: skip
        for route in ROUTES:
            if route.method == "GET":
                path = ekby.at(*(names.get(part.strip("{}"), part) for part in route.path.split("/")[3:]))
                reply = await ekby.get(path)
                assert reply.status == 200, route
                _validator(route).validate(reply.json)
        problem = await ekby.get(ekby.under("datasets", "none"))
        _checker(
            DOCUMENT["components"]["responses"]["Problem"]["content"]["application/problem+json"]["schema"]
        ).validate(problem.json)


@pytest.mark.parametrize("name", ["NewDataset", "NewPeer", "NewContract"])
def test_bodies_are_described_as_closed(name: str) -> None:
    assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def _short(path: str) -> str:
    return path.replace("/api/v1/participants/{participant}/", "/…/")


def _operations() -> Iterator[dict[str, Any]]:
    for item in DOCUMENT["paths"].values():
        yield from (operation for method, operation in item.items() if method != "parameters")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _validator(route: Route) -> jsonschema_rs.Draft202012Validator:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    return _checker(operation["responses"][str(route.status)]["content"]["application/json"]["schema"])


def _checker(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema | {"components": DOCUMENT["components"]})
