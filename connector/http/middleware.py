"""What every request passes: an identity for the log, limits, and the turning of errors into answers."""

from __future__ import annotations

import logging
import traceback
from typing import Final, Literal

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from connector import ids, texts
from connector.errors import ConnectorError, Unknown
from connector.http.access import REQUEST_ID
from connector.http.limits import LIMITER, Limiter
from connector.http.metrics import Metrics, route_of
from connector.http.problems import PIDS, HttpError, Pids, UnexpectedError, dsp_error, dsp_type, problem, status_of

log = logging.getLogger(__name__)

Name = Literal["public", "private"]

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    hdrs.CACHE_CONTROL: "no-store",
}


def protect(app: web.Application, name: Name, *, language: str, limiter: Limiter, metrics: Metrics) -> None:
    """Put a listener's application behind the middlewares; call it once, before the application serves.

    Args:
        app: the root application of the listener.
        name: `public` (DSP paths get DSP errors) or `private`.
        language: of problem documents when a request asks for none.
        limiter: the listener's buckets, found by routes as `app[LIMITER]`.
        metrics: where answers are counted.
    """
    app[LIMITER] = limiter
    app.middlewares.insert(0, _limits(limiter))
    app.middlewares.insert(0, _answers(name, language, metrics))
    app.on_response_prepare.append(_harden)


def _answers(name: Name, language: str, metrics: Metrics) -> Middleware:
    @web.middleware
    async def answers(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = ids.new()
        try:
            _nameable(request)
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:  # noqa: PLR2004 - the classes of HTTP statuses
                raise
            response = _answer(request, HttpError(error), language)
        except ConnectorError as error:
            response = _answer(request, error, language)
        except Exception as error:  # noqa: BLE001 - the outermost layer: a fault of ours must not show itself
            response = _answer(request, _unexpected(request, error), language)
        metrics.answered(name, request.method, route_of(request), response.status)
        return response

    return answers


def _nameable(request: web.Request) -> None:
    """Refuse a path with a NUL, which no name holds and which PostgreSQL does not even look for."""
    if "%00" in request.rel_url.raw_path:
        raise Unknown("http_path")


def _limits(limiter: Limiter) -> Middleware:
    @web.middleware
    async def limits(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ConnectorError as error:
            if _refuses(status_of(error)):
                limiter.refused(request)
            raise
        except web.HTTPException as error:
            if _refuses(error.status):
                limiter.refused(request)
            raise
        if _refuses(response.status) and not response.prepared:
            limiter.refused(request)
        return response

    return limits


def _refuses(status: int) -> bool:
    return 400 <= status < 500 and status != 429  # noqa: PLR2004 - the classes of HTTP statuses


def _answer(request: web.Request, error: ConnectorError, language: str) -> web.Response:
    _may_still_answer(request)
    if status_of(error) >= 500 and not isinstance(error, UnexpectedError):  # noqa: PLR2004 - the classes of HTTP statuses
        log.warning("request failed: code=%s id=%s", error.code, request[REQUEST_ID])
    type_name = dsp_type(request.path)
    if type_name is not None:
        return dsp_error(error, type_name, request.get(PIDS) or _named(request)).response()
    return problem(error, texts.choose(request.headers.get(hdrs.ACCEPT_LANGUAGE), language)).response()


def _named(request: web.Request) -> Pids:
    """Return the identifier in the path as both, since nothing tells which of the two it is."""
    pid = request.match_info.get("pid")
    return Pids(pid, pid) if ids.acceptable(pid) else Pids()


def _may_still_answer(request: web.Request) -> None:
    """End the connection when part of another answer has left: whatever followed would be taken for its rest."""
    if request.writer.output_size > 0:
        raise ConnectionError


def _unexpected(request: web.Request, error: Exception) -> UnexpectedError:
    """Log where an error came from, and its words, which may quote a client, only at level debug."""
    transport = request.transport
    if isinstance(error, ConnectionError) and (transport is None or transport.is_closing()):
        raise error
    reference = request[REQUEST_ID]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(traceback.extract_tb(error.__traceback__)))
    log.error("unexpected error: type=%s id=%s at=%s", type(error).__name__, reference, places)
    log.debug("unexpected error: id=%s", reference, exc_info=error)
    return UnexpectedError(reference)


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers.popall(hdrs.SERVER, None)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if REQUEST_ID in request:
        headers["X-Request-Id"] = request[REQUEST_ID]
