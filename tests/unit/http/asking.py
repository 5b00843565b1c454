"""An operator's client of the management API of a running town, for the tests of this room."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.acceptance.towns import Town


@dataclass
class Reply:
    """An answer: its status, JSON and headers."""

    status: int
    json: Any
    headers: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")

    @property
    def code(self) -> str | None:
        """The code of a problem."""
        return self.json.get("code") if isinstance(self.json, dict) else None


@dataclass
class Operator:
    """Asks a town's private listener."""

    town: Town
    session: aiohttp.ClientSession
    token: str | None = None

    def under(self, *segments: str, participant: str | None = None) -> str:
        """Return a path of a participant's resources."""
        return self.at("participants", participant or self.town.did, *segments)

    def at(self, *segments: str) -> str:
        """Return a path of the API."""
        return "/".join(("/api/v1", *(quote(segment, safe="") for segment in segments)))

    async def ask(
        self, method: str, path: str, body: Any = None, *, data: bytes | io.BytesIO | None = None, **headers: Any
    ) -> Reply:
        """Send a request and return the answer."""
        token = self.token or self.town.token
        sent = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        data = orjson.dumps(body) if data is None and body is not None else data
        url = URL(f"http://127.0.0.1:{self.town.admin}{path}", encoded=True)
        async with self.session.request(method, url, data=data, headers=sent) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Reply(response.status, orjson.loads(raw) if raw and is_json else None, response.headers, raw)

    async def get(self, path: str, **headers: Any) -> Reply:
        """Ask for what is at a path."""
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: Any) -> Reply:
        """Send a JSON value."""
        return await self.ask("POST", path, body, **headers)

    async def delete(self, path: str) -> Reply:
        """Remove what is at a path."""
        return await self.ask("DELETE", path)
