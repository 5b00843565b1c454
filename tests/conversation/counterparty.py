"""A counterparty in memory: a peer with a key and a DID document of its own that may say anything.

It speaks plain DSP over real HTTP, keeps what was said as a dialogue that failures print, and holds everything that a
town sends or answers against the official schemas.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import hdrs, web
from yarl import URL

from connector import clock, ids
from connector.identity import keys, participant, tokens
from connector.identity.keys import KeyPair, PublicKey
from connector.protocol import versions
from connector.protocol.context import DSPACE
from tests import schemas
from tests.acceptance.towns import Town

DSP: Final = "/dsp/2025-1"
_FIRST: Final = {
    "/negotiations/request": ("ContractNegotiation", "providerPid", "REQUESTED"),
    "/negotiations/offers": ("ContractNegotiation", "consumerPid", "OFFERED"),
    "/transfers/request": ("TransferProcess", "providerPid", "REQUESTED"),
}
_ERRORS: Final = {
    "catalog": "CatalogError",
    "negotiations": "ContractNegotiationError",
    "transfers": "TransferError",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a town asked of the counterparty. `path` is the one under its DSP base, where it lies there."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Said:
    """What a town answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str | None:
        """The error's code."""
        return self.body.get("code") if isinstance(self.body, dict) else None


Answer = Callable[[Heard], web.Response | None]


def silent(_heard: Heard) -> web.Response | None:
    """Leave the answer to the counterparty's habit: 201 to first messages, an empty 200 to the rest, 404 to a GET."""
    return None


@dataclass(slots=True)
class Counterparty:
    """See the module.

    Attributes:
        answer: replaces its habit where it returns a response.
        authorization: makes the Authorization header of its requests, in the place of a token.
        refuses: what is answered to posts, by their path.
        late: seconds before it answers.
        announce, retired, rotations: of its DID document.
    """

    port: int
    key: KeyPair = field(default_factory=keys.generate)
    seal: KeyPair = field(default_factory=keys.generate)
    answer: Answer = silent
    heard: list[Heard] = field(default_factory=list)
    dialogue: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    authorization: Callable[[Counterparty, str], str] | None = None
    refuses: dict[str, tuple[int, Any]] = field(default_factory=dict)
    late: float = 0.0
    announce: tuple[str, ...] = ()
    retired: tuple[PublicKey, ...] = ()
    rotations: tuple[str, ...] = ()
    _given: dict[str, str] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    # Who it is

    @property
    def did(self) -> str:
        """Its id."""
        return f"did:web:localhost%3A{self.port}"

    @property
    def base(self) -> str:
        """The base of its DSP endpoints."""
        return participant.place(self.did).base

    @property
    def document(self) -> dict[str, Any]:
        """Its DID document."""
        return participant.document(
            self.did, token=[self.key.public], seal=[self.seal.public], retired=self.retired, announce=self.announce,
            rotations=self.rotations,
        )  # fmt: skip

    def token(self, audience: str, *, jti: str | None = None, now: float | None = None) -> str:
        """Return a request token, without a scheme."""
        return tokens.mint(self.key, self.did, audience, clock.now() if now is None else now, jti or ids.new())

    # What it says

    async def says(self, town: Town, path: str, body: Any = None, *, expect: int | None = None, **options: Any) -> Said:
        """Post a body (GET without one) to a path under a town's DSP base; see `ask` for the options."""
        said = await self.ask(town, "GET" if body is None else "POST", DSP + "/" + path.lstrip("/"), body, **options)
        assert expect is None or said.status == expect, self.told(f"expected {expect}")
        return said

    async def ask(
        self,
        town: Town,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        own: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """Ask anything of a town's public listener.

        `body` is a JSON value, or bytes that go as they are. `token` replaces the whole Authorization header. A header that is
        "" does not leave.
        """
        spoken: dict[str, str] = {hdrs.AUTHORIZATION: self._speak(own or town.did) if token is None else token}
        spoken |= {hdrs.CONTENT_TYPE: "application/json"} | dict(headers or {})
        said = {name: value for name, value in spoken.items() if value}
        data = body if isinstance(body, (bytes, type(None))) else orjson.dumps(body)
        url = URL(f"http://127.0.0.1:{town.listen}{path}", encoded=True)
        assert self._session is not None
        async with self._session.request(method, url, data=data, headers=said, allow_redirects=False) as answer:
            content = await answer.read()
        found = Said(answer.status, {k.lower(): v for k, v in answer.headers.items()}, _json(content))
        kind = body.get("@type", body) if isinstance(body, dict) else body
        self.dialogue.append(f"--> {method} {path} {_short(kind)}\n    {found.status} {_short(found.body)}")
        self._judge_answer(path, found)
        return found

    def _speak(self, audience: str) -> str:
        return self.authorization(self, audience) if self.authorization else f"Bearer {self.token(audience)}"

    # What it hears

    async def hears(self, kind: str, seconds: float = 15.0) -> dict[str, Any]:
        """Return the next message of a type that a town sends, once it is there; each is returned once."""
        deadline = clock.monotonic() + seconds
        while True:
            for number, heard in enumerate(self.heard):
                if number not in self._taken and isinstance(heard.body, dict) and heard.body.get("@type") == kind:
                    self._taken.add(number)
                    found: dict[str, Any] = heard.body
                    return found
            assert clock.monotonic() < deadline, self.told(f"no {kind}")
            await asyncio.sleep(0.005)

    def posts(self) -> list[Heard]:
        """Return the messages that were sent to it."""
        return [heard for heard in self.heard if heard.method == "POST"]

    def told(self, what: str) -> str:
        """Return the dialogue, for a failure."""
        return "\n".join((what, *self.dialogue))

    # Its server

    @asynccontextmanager
    async def standing(self, listening: socket.socket) -> AsyncIterator[Counterparty]:
        """Listen until the end of the block."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        self._session = aiohttp.ClientSession(
            auto_decompress=False, connector=aiohttp.TCPConnector(limit=0), skip_auto_headers=[hdrs.CONTENT_TYPE]
        )
        try:
            yield self
        finally:
            await self._session.close()
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        if request.path == "/.well-known/did.json":
            return web.json_response(self.document)
        if request.path == versions.WELL_KNOWN:
            return web.json_response(versions.document(self.did))
        body = _json(await request.read())
        heard = Heard(request.method, request.raw_path.removeprefix(DSP), dict(request.headers), body)
        self.heard.append(heard)
        self._judge_message(heard)
        response = self.answer(heard) or self._habit(heard)
        await asyncio.sleep(self.late)
        shown = body.get("@type") if isinstance(body, dict) else body
        self.dialogue.append(f"<-- {heard.method} {heard.path} {_short(shown)}\n    {response.status}")
        return response

    def _habit(self, heard: Heard) -> web.Response:
        if heard.method != "POST":
            return web.Response(status=404)
        if heard.path in self.refuses:
            status, body = self.refuses[heard.path]
            return web.json_response(body, status=status)
        if heard.path not in _FIRST:
            return web.Response()
        kind, mine, state = _FIRST[heard.path]
        pids = {name: heard.body.get(name) for name in ("providerPid", "consumerPid")} | {mine: self.pid_of(heard.body)}
        return web.json_response(say(kind, **pids, state=state), status=201)

    def pid_of(self, message: Mapping[str, Any]) -> str:
        """Return the pid that it gives to the process that a first message asks for."""
        return self._given.setdefault(str(message.get("consumerPid") or message.get("providerPid")), ids.new())

    # What the specification says of it

    def _judge_message(self, heard: Heard) -> None:
        if heard.method == "POST" and isinstance(heard.body, dict):
            kind = str(heard.body.get("@type"))
            self.faults += [f"{kind}: {fault}" for fault in schemas.faults(kind, heard.body)]

    def _judge_answer(self, path: str, said: Said) -> None:
        """Note a 5xx, and a body that is not of the type that the specification wants there."""
        if said.status >= 500:
            self.faults.append(f"{path} answered {said.status} {said.body}")
        kind = said.body.get("@type") if isinstance(said.body, dict) else None
        if kind is not None and kind != "DataAddress":
            self.faults += [f"{path}: {kind}: {fault}" for fault in schemas.faults(kind, said.body)]
        place = path.removeprefix(DSP + "/").split("/")[0].split("?")[0]
        if path.startswith(DSP) and place in _ERRORS and said.status >= 400 and kind != _ERRORS[place]:
            self.faults.append(f"{path}: {said.status} with a body of type {kind}")


def say(kind: str, **members: Any) -> dict[str, Any]:
    """Return a message as a plain peer sends it: no `@id`, none of our members; those that are None are left out."""
    return {"@context": [DSPACE], "@type": kind} | {k: v for k, v in members.items() if v is not None}


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        return data


def _short(value: Any) -> str:
    return ("" if value is None else str(value))[:300]


@asynccontextmanager
async def counterparty(**options: Any) -> AsyncIterator[Counterparty]:
    """Give a counterparty that listens on a port of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        made = Counterparty(listening.getsockname()[1], **options)
        async with made.standing(listening):
            yield made
