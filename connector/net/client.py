"""The one outbound HTTP client of the server: checked addresses, no redirects, no proxy environment, limits everywhere."""

from __future__ import annotations

import contextlib
import errno
import ssl
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from connector import clock
from connector.errors import Unreachable
from connector.net.dial import CONNECTIONS_PER_PEER, AddressRefusedError, Resolver, connector
from connector.net.egress import Reach, check_url
from connector.net.tls import ANYBODY, Contexts, Expected, connecting_code, refuses_ours

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from aiohttp.abc import AbstractResolver
    from yarl import URL

USER_AGENT = "municipal-dataspace-connector"
ANSWER_BYTES = 256 * 1024
ANSWER_SECONDS = 10.0
IDLE_SECONDS = 30.0
CONNECT_SECONDS = 10.0
READ_BUFFER_BYTES = 256 * 1024
_HUNG_UP = frozenset({errno.ECONNRESET, errno.EPIPE})
_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
_ANY_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: the status, the headers (names in any case) and the whole decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer under way: `chunks` yields the body as it was sent, not decoded, and may raise `Unreachable`."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class _Pool:
    """Connections that may stand in for each other. Downloads have their own, so that they never hold up messages."""

    reach: Reach
    expected: Expected
    streaming: bool


class Client:
    """Calls peers and upstreams; made once per process and closed at its end.

    Args:
        loopback: whether the installation itself is a loopback one (`egress.loopback_host` of its own host).
        resolver: name look-ups; by default the system's, in threads of their own.
        tls: the long-lived contexts of https calls; by default the system's certificate authorities.
        secure: whether we have a certificate, and so speak https with loopback hosts too (`participant.Place.secure`).
    """

    def __init__(
        self,
        *,
        loopback: bool,
        resolver: AbstractResolver | None = None,
        tls: Contexts | None = None,
        secure: bool = False,
    ) -> None:
        self.secure = secure
        self._loopback = loopback
        self._resolver = resolver
        self._tls = tls or Contexts(clock.now)
        self._sessions: dict[_Pool, aiohttp.ClientSession] = {}

    async def request(  # noqa: PLR0913 - a request has this many parts
        self,
        method: str,
        url: str,
        *,
        reach: Reach,
        expected: Expected = ANYBODY,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = ANSWER_BYTES,
        timeout_seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """Send one request and return the whole answer; sent once at most, so a one-time token is spent once.

        Args:
            method: the HTTP method.
            url: where to; see `egress.check_url`.
            reach: who named the address.
            expected: what the other side's certificate must be.
            headers: sent as they are.
            body: sent as it is.
            limit: the most bytes of the answer's body, before and after decoding.
            timeout_seconds: for everything, from the look-up of the name to the last byte.

        Raises:
            Unreachable: `url_refused`, `address_refused`, `header_refused`, `peer_unreachable`, a code of
                `tls.connecting_code`, `peer_without_tls`, `peer_timeout`, `peer_redirected`, `peer_answer_too_large`,
                `peer_answer_encoding`, `peer_answer_broken`.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=timeout_seconds)
        sent = {"Accept-Encoding": "gzip"} | _checked(headers)
        with _translated(url):
            call = self._session(_Pool(reach, expected, streaming=False)).request(
                method,
                self._checked_url(url, expected),
                headers=sent,
                data=body,
                timeout=timeout,
                allow_redirects=False,
            )
            async with call as response:
                _refuse_redirect(response)
                raw = await _read(response, limit)
                return Answer(response.status, response.headers, _decoded(raw, response.headers, limit))

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        reach: Reach,
        expected: Expected = ANYBODY,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> AsyncIterator[Streamed]:
        """Send one request and give its answer while it arrives, in constant memory whatever its size.

        No content coding is asked for unless `headers` does, and none is undone. Leaving the block before the end
        closes the connection. The time limit is on silence, not on the whole. Raises as `request` does.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
        sent = {"Accept-Encoding": "identity"} | _checked(headers)
        with _translated(url):
            response = await self._session(_Pool(reach, expected, streaming=True)).request(
                method,
                self._checked_url(url, expected),
                headers=sent,
                data=body,
                timeout=timeout,
                allow_redirects=False,
            )
        try:
            _refuse_redirect(response)
            yield Streamed(response.status, response.headers, _chunks(response, url))
        finally:
            response.release() if response.content.at_eof() else response.close()

    async def close(self) -> None:
        """Close every connection; the client is not used after it."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        if self._resolver is not None:
            await self._resolver.close()

    async def forget(self, expected: Expected) -> None:
        """Close the connections that were opened under a trust which has ended."""
        self._tls.forget(expected)
        for pool in [pool for pool in self._sessions if pool.expected == expected and expected.strict]:
            await self._sessions.pop(pool).close()

    @property
    def resolver(self) -> AbstractResolver:
        """How names are looked up."""
        if self._resolver is None:
            self._resolver = Resolver()
        return self._resolver

    @property
    def loopback(self) -> bool:
        """Whether loopback addresses may be called."""
        return self._loopback

    def _checked_url(self, url: str, expected: Expected) -> URL:
        found = check_url(url, loopback=self._loopback)
        if expected.strict and found.scheme != "https":
            raise Unreachable("peer_without_tls", host=found.host or "")
        return found

    def _session(self, pool: _Pool) -> aiohttp.ClientSession:
        """Return the session of a pool; a new pair of ours is shown from its next connection on."""
        context = self._tls.of(pool.expected)
        session = self._sessions.get(pool)
        if session is None:
            session = self._sessions[pool] = self._open(pool, context)
        return session

    def _open(self, pool: _Pool, context: ssl.SSLContext) -> aiohttp.ClientSession:
        per_peer = 0 if pool.streaming else CONNECTIONS_PER_PEER
        session = aiohttp.ClientSession(
            connector=connector(
                pool.reach, loopback=self._loopback, resolver=self.resolver, tls=context, per_peer=per_peer
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            skip_auto_headers=("Content-Type",),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=READ_BUFFER_BYTES,
        )
        # aiohttp sends a GET again when a kept-alive connection dies: the peer would see a spent token.
        session._retry_connection = pool.streaming  # noqa: SLF001 - there is no public switch
        return session


def _checked(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return headers that cannot break out of their line; some values come from peers (a grant's token)."""
    checked = dict(headers or {})
    for name, value in checked.items():
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            raise Unreachable("header_refused")
    return checked


def _refuse_redirect(response: aiohttp.ClientResponse) -> None:
    if response.status in _REDIRECTS:
        raise Unreachable("peer_redirected", status=response.status)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.method != "HEAD" and (response.content_length or 0) > limit:
        raise Unreachable("peer_answer_too_large", limit_bytes=limit, status=response.status)
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Unreachable("peer_answer_too_large", limit_bytes=limit, status=response.status)
    return bytes(body)


def _decoded(raw: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    coding = headers.get("Content-Encoding", "identity").strip().lower()
    if coding in {"", "identity"} or not raw:
        return raw
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise Unreachable("peer_answer_encoding")
    unpacker = zlib.decompressobj(_ANY_GZIP_OR_ZLIB)
    try:
        body = unpacker.decompress(raw, limit + 1)
    except zlib.error:
        raise Unreachable("peer_answer_encoding") from None
    if len(body) > limit:
        raise Unreachable("peer_answer_too_large", limit_bytes=limit)
    if not unpacker.eof:
        raise Unreachable("peer_answer_encoding")
    return body


async def _chunks(response: aiohttp.ClientResponse, url: str) -> AsyncIterator[bytes]:
    with _translated(url):
        async for chunk in response.content.iter_any():
            yield chunk


@contextlib.contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn every way that a call can fail into `Unreachable`; only the host is named, never path, query or headers."""
    host = url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2][:255]
    try:
        yield
    except TimeoutError:
        raise Unreachable("peer_timeout", host=host) from None
    except aiohttp.ClientConnectorError as error:
        raise Unreachable(_connecting(error), host=host) from None
    except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError, aiohttp.InvalidURL):
        raise Unreachable("peer_answer_broken", host=host) from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(_lost(error) if url.startswith("https:") else "peer_unreachable", host=host) from None


def _lost(error: Exception) -> str:
    """Return the code of a connection that was lost after its handshake."""
    if any(refuses_ours(one) for one in (error, error.__cause__, error.__context__)):
        return "peer_refuses_certificate"
    # A server that refuses a certificate may just hang up, without the alert that would say so.
    hung_up = isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionResetError))
    return "peer_closed" if hung_up or getattr(error, "errno", None) in _HUNG_UP else "peer_unreachable"


def _connecting(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return connecting_code(getattr(error, "certificate_error", None) or error.os_error)
    if isinstance(error.os_error, ConnectionResetError) and error.ssl:
        return "peer_closed"
    return "address_refused" if isinstance(error.os_error, AddressRefusedError) else "peer_unreachable"
