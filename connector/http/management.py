"""The management API on the private listener: who asks, what they may do, one answer per `Idempotency-Key`.

The endpoints are in `management_*.py`, one table each; all of them together are `ROUTES`.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from sqlalchemy import exc

from connector import canonical, loader, texts
from connector.errors import Forbidden, Invalid, Missing, WrongState
from connector.http import (
    management_duties,
    management_exchanges,
    management_parties,
    management_policies,
    management_publishing,
    management_watch,
    openapi,
)
from connector.http.bodies import JSON, read_bytes, static_document
from connector.http.data import deliver, read_of, tail
from connector.http.limits import PEER
from connector.http.management_route import Ask, Route, read
from connector.http.streams import Streams
from connector.ids import acceptable
from connector.services import evidence, operators, reading
from connector.services.house import House
from connector.services.once import Answered, Asked, once

ROUTES: Final = (
    *management_parties.ROUTES,
    *management_publishing.ROUTES,
    *management_policies.ROUTES,
    *management_exchanges.ROUTES,
    *management_duties.ROUTES,
    *management_watch.ROUTES,
)
GATEWAY: Final = "/api/v1/participants/{participant}/contracts/{contract}/data"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_KEY_CHARACTERS: Final = 200
EVIDENCE: Final = "/api/v1/participants/{participant}/contracts/{contract}/evidence"
_GATEWAY_SEGMENTS: Final = GATEWAY.count("/") + 1


def add_management(app: web.Application, house: House, streams: Streams, *, language: str = "sv") -> None:
    """Serve the management API.

    Args:
        app: the private listener's application.
        house: the installation.
        streams: where answers of the gateway are registered while they run, by the id of the transfer.
        language: of texts in answers when a request asks for none.
    """
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _serve(house, route, language))
    gateway = _gateway(house, streams, language)
    for method in (hdrs.METH_GET, hdrs.METH_HEAD):
        for path in (GATEWAY, f"{GATEWAY}/{{path:.*}}"):
            app.router.add_route(method, path, gateway)
    app.router.add_route(hdrs.METH_GET, EVIDENCE, _evidence(house, language))
    app.router.add_get("/api/openapi.json", _openapi)


@functools.cache
def _document() -> Handler:
    return static_document(orjson.dumps(openapi.document(ROUTES)))


async def _openapi(request: web.Request) -> web.StreamResponse:
    """Serve the OpenAPI document; it is made when somebody asks, since few do and a start should be quick."""
    return await _document()(request)


def _serve(house: House, route: Route, language: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        ask = await _admit(house, request, route.scope, language)
        told = await _told(request, route)

        def run(there: House) -> Awaitable[Any]:
            return route.call(replace(ask, house=there), **told)

        def answer(result: Any) -> Answered:
            return Answered(route.status, route.write(result, ask.language).decode())

        asked = _asked(request, ask.by, told) if route.method == hdrs.METH_POST else None
        return _response(await _run(house, asked, run, answer), answer)

    return handle


async def _run(
    house: House, asked: Asked | None, run: Callable[[House], Awaitable[Any]], answer: Callable[[Any], Answered]
) -> Any:
    try:
        return await (run(house) if asked is None else once(house, asked, run, answer))
    except exc.IntegrityError:
        # Another process of this installation was faster with the same name.
        raise WrongState("request_conflict") from None


def _response(result: Any, answer: Callable[[Any], Answered]) -> web.Response:
    answered = result if isinstance(result, Answered) else answer(result)
    return web.Response(status=answered.status, body=answered.body.encode(), content_type=JSON)


async def _admit(house: House, request: web.Request, scope: str, language: str) -> Ask:
    """Return the request of an operator whose scope allows it."""
    operator = await operators.who(house, _token(request.headers.get(hdrs.AUTHORIZATION)))
    request[PEER] = operator.name
    if not operators.includes(operator.scope, scope):
        raise Forbidden("operator_scope", needed=scope, scope=operator.scope)
    path = dict(request.match_info)
    if not all(acceptable(value) for name, value in path.items() if name != "path"):
        raise Missing("http_path")
    if "participant" in path:
        await house.find(path["participant"])
    chosen = texts.choose(request.headers.get(hdrs.ACCEPT_LANGUAGE), language)
    return Ask(house, operator.name, operator.scope, chosen, path, request)


async def _told(request: web.Request, route: Route) -> dict[str, Any]:
    """Return what the route's function takes: the models of the body and of the query parameters."""
    told: dict[str, Any] = {}
    if route.query is not None:
        told["query"] = read(route.query, dict(request.query), "?")
    elif request.query:
        name = next(iter(request.query))[:64]
        raise Invalid("request_unknown", field=f"?{name}", member=f"?{name}")
    data = await read_bytes(request, loader.OPERATOR_BYTES)
    if route.body is not None:
        value = loader.load_object(data, limit=loader.OPERATOR_BYTES) if data.strip() else {}
        told["body"] = read(route.body, value, "/")
    elif data.strip() and loader.load_object(data, limit=loader.OPERATOR_BYTES):
        raise Invalid("request_unknown", field="/", member="/")
    return told


def _asked(request: web.Request, operator: str, told: dict[str, Any]) -> Asked | None:
    """Return what an `Idempotency-Key` stands for, or None where there is none."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not 0 < len(key) <= _KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise Invalid("idempotency_key", field=IDEMPOTENCY_KEY, most=_KEY_CHARACTERS)
    body = told["body"].model_dump_json() if "body" in told else ""
    said = f"{request.method}\n{request.rel_url.raw_path}\n{body}"
    return Asked(operator, key, canonical.of_bytes(said.encode()))


def _gateway(house: House, streams: Streams, language: str) -> Handler:
    """Return the handler of the consumer's gateway: the provider's data, through our own connector."""

    async def handle(request: web.Request) -> web.StreamResponse:
        ask = await _admit(house, request, operators.READ, language)
        prefix = "/".join(request.rel_url.raw_path.split("/")[:_GATEWAY_SEGMENTS])
        wanted = read_of(request, tail(request, prefix))
        contract = ask.path["contract"]
        transfer = await reading.started(house, ask.participant, contract)

        def still() -> Awaitable[bool]:
            return reading.still_started(house, ask.participant, contract, transfer)

        async with streams.running(transfer, request.transport, still) as running:
            # Looked up again in here: from now on whatever ends the transfer also cuts this answer.
            opened = reading.open_data(house, ask.participant, contract, wanted, transfer=transfer)
            complete = False
            try:
                response = await deliver(request, opened, running)
                complete = True
            finally:
                if running.status:
                    fetched = reading.Fetched(
                        transfer, wanted.method, wanted.path, running.status, running.sent, complete
                    )
                    await reading.fetched(house, ask.participant, contract, fetched, by=ask.by)
            return response

    return handle


def _evidence(house: House, language: str) -> Handler:
    """Return the handler that gives a contract's bundle."""

    async def handle(request: web.Request) -> web.StreamResponse:
        ask = await _admit(house, request, operators.READ, language)
        made = await evidence.export(house, ask.participant, ask.path["contract"], by=ask.by)
        headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{made.name}"', hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=made.data, content_type="application/zip", headers=headers)

    return handle


def _token(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
