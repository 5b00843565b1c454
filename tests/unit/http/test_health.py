from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connector.http.health import add_health


async def test_live_is_always_and_ready_only_without_problems() -> None:
    problems: list[str] = []

    async def readiness() -> list[str]:
        return problems

    app = web.Application()
    add_health(app, readiness)
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/health/ready")).json() == {"status": "ready"}
        problems.append("store_unavailable")
        answer = await client.get("/health/ready")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert await answer.json() == {"status": "unready", "problems": ["store_unavailable"]}
        assert await (await client.get("/health/live")).json() == {"status": "live"}
        problems.clear()
        assert (await client.get("/health/ready")).status == 200
