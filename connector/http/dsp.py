"""The Dataspace Protocol's endpoints, for every participant of the installation, on the public listener.

Bindings: DSP 2025-1, "HTTPS Binding" of the catalog, negotiation and transfer protocols. One base serves both roles.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from connector.errors import PeerError, Unauthenticated, Unknown
from connector.http.bodies import json_answer, read_json
from connector.http.certificate import CERTIFICATES
from connector.http.limits import LIMITER
from connector.http.problems import PIDS, Pids
from connector.identity import participant as places
from connector.protocol import messages, versions
from connector.protocol.machine import Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from connector.services import catalog, duties, grants, participants, peercheck, receive
from connector.services.decide import PERSON
from connector.services.house import House, Member
from connector.services.receive import Speaker
from connector.store.exchanges import Exchange

HOUSE: Final = web.AppKey("house", House)
PLACE: Final = r"{place:(?:[A-Za-z0-9._~-]+/)*}"
BASE: Final = f"/{PLACE}dsp/2025-1"
_TABLES: Final[dict[str, Table]] = {"negotiations": NEGOTIATION, "transfers": TRANSFER}


def routes() -> list[web.RouteDef]:
    """Return the routes; the application carries the house as `app[HOUSE]`."""
    kinds, pid = "{kind:negotiations|transfers}", "{pid}"
    endings = "|".join(sorted({suffix for found in messages.SUFFIXES.values() for suffix in found}))
    return [
        web.get(f"/{PLACE}.well-known/dspace-version", _version),
        web.get("/.well-known/did.json", _did_document),
        web.get(f"/{PLACE}did.json", _did_document),
        web.post(f"{BASE}/catalog/request", _catalog),
        web.get(f"{BASE}/catalog/request", _catalog_page),
        web.get(f"{BASE}/catalog/datasets/{{dataset:.+}}", _dataset),
        web.post(f"{BASE}/{kinds}/{{suffix:request|offers}}", _begin),
        web.post(f"{BASE}/transfers/{pid}/renewal", _renew),
        web.post(f"{BASE}/negotiations/{pid}/duties", _duty),
        web.post(BASE + peercheck.CALLBACK_PATH, _callback_check),
        web.post(f"{BASE}/{kinds}/{pid}/{{suffix:{endings}}}", _receive),
        web.get(f"{BASE}/{kinds}/{pid}", _state),
    ]


async def member_of(request: web.Request) -> Member:
    """Return the participant whose root the path lies under. Raises Unknown `http_path`."""
    place = request.match_info.get("place", "")
    found = await request.app[HOUSE].find_at("/" + place.rstrip("/") if place else "")
    if found is None:
        raise Unknown("http_path")
    return found


async def _version(request: web.Request) -> web.Response:
    return json_answer(
        versions.document((await member_of(request)).id), headers={hdrs.CACHE_CONTROL: "public, max-age=300"}
    )


async def _did_document(request: web.Request) -> web.Response:
    member = await member_of(request)
    if not member.row.root or request.path != _path(places.place(member.id).document_url):
        raise Unknown("http_path")
    return json_answer(participants.did_document(member), headers={hdrs.CACHE_CONTROL: "public, max-age=60"})


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


async def admit(request: web.Request) -> Speaker:
    """Return the pinned peer that sent a request. Raises Unauthenticated, Unknown."""
    member = await member_of(request)
    speaker = await receive.admit(request.app[HOUSE], member, request.headers.get(hdrs.AUTHORIZATION))
    await request.app[CERTIFICATES].demand(request, member.id, speaker.caller.peer)
    request.app[LIMITER].identified(request, member.id, speaker.caller.peer)
    return speaker


def hidden(handler: Handler) -> Handler:
    """Give a path with a pid: whoever is nobody here, or brings a token that was used, learns nothing but 404.

    Who proved to be a peer, but with the wrong certificate, is told so: that says nothing of the path.
    """

    @wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Unauthenticated as error:
            if error.code.startswith("client_certificate_"):
                raise
            raise Unknown("process_unknown") from None

    return answer


async def _read(request: web.Request, speaker: Speaker) -> tuple[dict[str, Any], bytes]:
    """Read the body of an admitted request; one that cannot be read has spent its token all the same."""
    try:
        return await read_json(request)
    except PeerError:
        await receive.spend_alone(request.app[HOUSE], speaker)
        raise


async def _catalog(request: web.Request) -> web.Response:
    speaker = await admit(request)
    body, _ = await _read(request, speaker)
    return await _page(request, speaker, body)


async def _catalog_page(request: web.Request) -> web.Response:
    return await _page(request, await admit(request), None)


async def _page(request: web.Request, speaker: Speaker, body: dict[str, object] | None) -> web.Response:
    shown = await catalog.ours(request.app[HOUSE], speaker, request.query.get("continuationToken"), body)
    headers: dict[str, str] = {}
    if shown.cursor is not None:
        url = f"{speaker.member.base}/catalog/request?{urlencode({'continuationToken': shown.cursor})}"
        headers[hdrs.LINK] = f'<{url}>; rel="next"'
    return json_answer(shown.body, headers=headers)


async def _dataset(request: web.Request) -> web.Response:
    speaker = await admit(request)
    return json_answer(await catalog.dataset(request.app[HOUSE], speaker, request.match_info["dataset"]))


async def _begin(request: web.Request) -> web.Response:
    table, suffix = _TABLES[request.match_info["kind"]], request.match_info["suffix"]
    if suffix not in messages.SUFFIXES[table.name]:
        raise Unknown("http_path")
    speaker = await admit(request)
    body, raw = await _read(request, speaker)
    request[PIDS] = Pids(_text(body, "providerPid"), _text(body, "consumerPid"))
    exchange, _ = await receive.begin(request.app[HOUSE], speaker, table, suffix, body, raw.decode())
    return _answer(exchange, status=201)


@hidden
async def _receive(request: web.Request) -> web.Response:
    table, suffix = _TABLES[request.match_info["kind"]], request.match_info["suffix"]
    if suffix not in messages.SUFFIXES[table.name]:
        raise Unknown("http_path")
    speaker = await admit(request)
    body, raw = await _read(request, speaker)
    pid = request.match_info["pid"]
    exchange = await receive.receive(request.app[HOUSE], speaker, table, suffix, pid, body, raw.decode())
    return _answer(exchange)


@hidden
async def _state(request: web.Request) -> web.Response:
    speaker = await admit(request)
    table = _TABLES[request.match_info["kind"]]
    return _answer(await receive.state(request.app[HOUSE], speaker, table, request.match_info["pid"]))


@hidden
async def _renew(request: web.Request) -> web.Response:
    speaker = await admit(request)
    return json_answer(await grants.renew(request.app[HOUSE], speaker, request.match_info["pid"]))


@hidden
async def _duty(request: web.Request) -> web.Response:
    """Take a peer's word that it did a duty (an extension of ours)."""
    speaker = await admit(request)
    body, _ = await _read(request, speaker)
    return _answer(await duties.receive(request.app[HOUSE], speaker, request.match_info["pid"], body))


async def _callback_check(request: web.Request) -> web.Response:
    speaker = await admit(request)
    return json_answer(await peercheck.visit_back(request.app[HOUSE], speaker))


def _answer(exchange: Exchange, status: int = 200) -> web.Response:
    provider, consumer = exchange.provider_pid or "", exchange.consumer_pid or ""
    waits = "person" if exchange.waits == PERSON else None
    body = messages.acknowledgement(exchange.protocol, provider, consumer, exchange.turn.shown, waits=waits)
    return json_answer(body, status)


def _text(body: dict[str, object], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 256 else None  # noqa: PLR2004
