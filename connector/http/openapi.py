"""The OpenAPI 3.1 document of the management API, made from the route table and the models that serve it.

Source: OpenAPI Specification 3.1.0. Schemas are JSON Schema 2020-12, as pydantic writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from connector import __version__
from connector.http.management_route import Route
from connector.http.problems import PROBLEM
from connector.http.resources import Resource

_SCHEMAS: Final = "#/components/schemas/{model}"
_JSON: Final = "application/json"
_DATA: Final = "/api/v1/participants/{participant}/contracts/{contract}/data"
_DESCRIPTION: Final = (
    "The management API of the Municipal Dataspace Connector, on the private listener. `x-scope` is what the operator's "
    "token must allow: read, write (includes read) or approve (includes both). Identifiers in paths are percent-encoded."
)


class Problem(Resource):
    """A problem document (RFC 9457). `code` is stable; `detail` and `next` are in the language asked for."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    next: str
    field: str | None = None


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of a route table."""
    table = list(routes)
    names, components = _schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Management API", "version": __version__, "description": _DESCRIPTION},
        "security": [{"operator": []}],
        "paths": paths | _gateway() | _evidence(),
        "components": {
            "schemas": components,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {
                    "description": "What went wrong, and what to do.",
                    "content": _content(names["problem"], PROBLEM),
                }
            },
        },
    }


def _schemas(routes: list[Route]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of every body, query and answer by its name here, and the components they refer to."""
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [("problem", "serialization", TypeAdapter(Problem))]
    for route in routes:
        key = _key(route)
        wanted.append((f"{key} answer", "serialization", route.answer))
        for part, model in (("body", route.body), ("query", route.query)):
            if model is not None:
                wanted.append((f"{key} {part}", "validation", TypeAdapter(model)))
    found, shared = TypeAdapter.json_schemas(wanted, ref_template=_SCHEMAS, schema_generator=GenerateJsonSchema)
    return {name: schema for (name, _), schema in found.items()}, shared.get("$defs", {})


def _operation(route: Route, names: dict[str, Any]) -> dict[str, Any]:
    key = _key(route)
    operation: dict[str, Any] = {
        "operationId": route.call.__name__.strip("_"),
        "summary": route.summary,
        "x-scope": route.scope,
        "parameters": [*map(_in_path, route.parameters), *_in_query(route), *_headers(route)],
        "responses": {
            str(route.status): {"description": "Done.", "content": _content(names[f"{key} answer"])},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.body is not None:
        required = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": _content(names[f"{key} body"])}
    return operation


def _key(route: Route) -> str:
    return f"{route.method} {route.path}"


def _content(schema: Any, kind: str = _JSON) -> dict[str, Any]:
    return {kind: {"schema": schema}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    members = TypeAdapter(route.query).json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in members.items()]


def _headers(route: Route) -> list[dict[str, Any]]:
    if route.method != "POST":
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key with the same request gets the same answer, and has one effect.",
            "schema": {"type": "string", "maxLength": 200},
        }
    ]


def _gateway() -> dict[str, Any]:
    """Return the consumer's gateway, which streams and so has no model."""
    answers = {str(status): {"description": text} for status, text in ((200, "The data."), (206, "A range of it."))}
    operation = {
        "x-scope": "read",
        "responses": answers | {"default": {"$ref": "#/components/responses/Problem"}},
    }
    names = [_in_path(name) for name in ("participant", "contract", "path")]
    told = {"get": "Read {} through this connector.", "head": "Ask what {} is like."}

    def methods(suffix: str, what: str) -> dict[str, Any]:
        return {
            method: {"operationId": f"{method}_data{suffix}", "summary": summary.format(what), **operation}
            for method, summary in told.items()
        }

    whole = {"parameters": names[:2], **methods("", "a contract's data, or the list of what it holds,")}
    below = {"parameters": names, **methods("_below", "a part of a contract's data")}
    return {_DATA: whole, _DATA + "/{path}": below}


def _evidence() -> dict[str, Any]:
    """Return the endpoint that gives a contract's bundle, which is a file and so has no model."""
    file = {
        "description": "The bundle.",
        "content": _content({"type": "string", "format": "binary"}, "application/zip"),
    }
    operation = {
        "operationId": "export_contract",
        "summary": "Give a concluded contract with all its evidence as one file.",
        "x-scope": "read",
        "parameters": [_in_path(name) for name in ("participant", "contract")],
        "responses": {"200": file, "default": {"$ref": "#/components/responses/Problem"}},
    }
    return {"/api/v1/participants/{participant}/contracts/{contract}/evidence": {"get": operation}}
