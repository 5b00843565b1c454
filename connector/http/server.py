"""Start and stop a listener: aiohttp's server with our connections, deadlines and access log."""

from __future__ import annotations

import asyncio
import functools
import logging
import resource
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from connector.config import Config
from connector.errors import ConfigError
from connector.http.access import AccessLog
from connector.http.bodies import BODY_SECONDS
from connector.http.census import Census
from connector.http.connection import Connection, Limits
from connector.http.limits import networks
from connector.http.problems import plain_answer

log = logging.getLogger(__name__)

_BACKLOG: Final = 512
_OTHER_FILES: Final = 256


def limits_of(config: Config) -> Limits:
    """Return what the settings say a client may cost a listener."""
    return Limits(
        header_seconds=config.header_seconds,
        body_seconds=config.body_seconds,
        idle_seconds=config.idle_seconds,
        stop_seconds=config.stop_seconds,
        connections_per_address=config.connections_per_address,
        connections_total=config.connections_total,
        trusted=networks(config.trusted_proxies),
    )


class Listener:
    """A started listener: where it is bound, and how to stop it."""

    def __init__(self, runner: web.AppRunner, server: asyncio.Server) -> None:
        self._runner = runner
        self._server = server
        self.host, self.port = server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Accept nobody more, let running requests end within the limit, then close what is left."""
        self._server.close()
        await self._runner.cleanup()


async def start_listener(
    app: web.Application,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Listener:
    """Serve an application; port 0 lets the system choose.

    Raises:
        OSError: the address cannot be bound.
    """
    allow_connections(limits.connections_total)
    app[BODY_SECONDS] = limits.body_seconds
    runner = _Runner(app, limits)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - setup has made it
    try:
        server = await asyncio.get_running_loop().create_server(
            runner.server,
            host,
            port,
            ssl=ssl_context,
            ssl_handshake_timeout=None if ssl_context is None else limits.header_seconds,
            backlog=_BACKLOG,
            reuse_address=True,
        )
    except OSError:
        await runner.cleanup()
        raise
    listener = Listener(runner, server)
    log.info("listening: host=%s port=%d https=%s", listener.host, listener.port, ssl_context is not None)
    return listener


def admin_tls(config: Config) -> ssl.SSLContext | None:
    """Return the private listener's https as the settings say, or None for http (on loopback only).

    Raises:
        ConfigError: `config_tls_unusable`, the certificate or key cannot be read or do not belong together.
    """
    files = config.admin_tls()
    if files is None:
        return None
    certificate, key = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except OSError:
        raise ConfigError("config_tls_unusable", field="admin_tls_key_file", path=str(certificate)) from None
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking on the terminal: a key with a password is refused."""
    return ""


def allow_connections(connections: int) -> None:
    """Raise this process's limit of open files, as far as it may, so that both listeners can be full at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("few open files are allowed: allowed=%d wanted=%d", allowed, wanted)


class _Runner(web.AppRunner):
    """aiohttp's runner, but every connection is one of ours."""

    def __init__(self, app: web.Application, limits: Limits) -> None:
        super().__init__(app, shutdown_timeout=limits.stop_seconds)
        self._limits = limits

    async def _make_server(self) -> web.Server:
        usual = await super()._make_server()
        return _Server(usual, self._limits)


class _Server(web.Server):
    def __init__(self, usual: web.Server, limits: Limits) -> None:
        super().__init__(functools.partial(_serve, usual.request_handler), request_factory=usual.request_factory)
        census = Census(limits.connections_per_address, limits.connections_total)
        logs = {"access_log": logging.getLogger("connector.http.access"), "access_log_class": AccessLog}
        self._connect = functools.partial(Connection, self, loop=self._loop, limits=limits, census=census, **logs)

    def __call__(self) -> web.RequestHandler:
        return self._connect()


async def _serve(
    application: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], request: web.BaseRequest
) -> web.StreamResponse:
    """Hand a request to the application; aiohttp refuses an unknown expectation before any middleware sees it."""
    try:
        return await application(request)
    except web.HTTPExpectationFailed:
        return plain_answer(417, "http_expectation")
