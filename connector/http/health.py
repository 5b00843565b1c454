"""Whether the connector lives, and whether it can do its work now, for supervisors and load balancers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import orjson
from aiohttp import web

from connector.http.problems import RETRY_SECONDS

Readiness = Callable[[], Awaitable[Sequence[str]]]


def add_health(app: web.Application, readiness: Readiness) -> None:
    """Serve `/health/live` and `/health/ready`.

    Args:
        app: an application; the answers name no peer and hold no data, yet belong on the private listener.
        readiness: returns the codes of what keeps the connector from its work; empty means ready.
    """

    async def live(_request: web.Request) -> web.Response:
        return _answer(200, {"status": "live"})

    async def ready(_request: web.Request) -> web.Response:
        problems = list(await readiness())
        if problems:
            return _answer(503, {"status": "unready", "problems": problems})
        return _answer(200, {"status": "ready"})

    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", ready)


def _answer(status: int, body: dict[str, object]) -> web.Response:
    headers = {} if status < 500 else {"Retry-After": str(RETRY_SECONDS)}  # noqa: PLR2004 - the classes of statuses
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)
