"""The consumer's reading: one request to a provider's data endpoint, streamed back.

What the provider answers with 200, 204, 206, 304, 412 or 416 is passed on with allow-listed headers. Everything else
becomes an error of ours:

    provider's answer        error
    401, 403                 Denied data_denied (`status`; `reason`: the provider's code, if it gave one)
    404, 410                 Unknown data_unknown
    400, 422                 BadMessage data_refused
    429                      TooMany data_busy, or data_quota where it says that a quota is used up
    anything else, nothing   Unreachable data_provider, or what the client found
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connector import loader
from connector.dataplane import answers, headers, paths
from connector.dataplane.ports import Read, StreamContent
from connector.errors import BadMessage, ConnectorError, Denied, PeerError, TooMany, Unreachable
from connector.net.egress import Reach
from connector.net.tls import ANYBODY, Expected

if TYPE_CHECKING:
    from connector.net.client import Client, Streamed

_DENIED = frozenset({401, 403})
QUOTA = "quota_used"
_MONTH_SECONDS = 32 * 86400
_ERROR_BYTES = 16 * 1024
_CODE = re.compile(r"[a-z0-9_]{1,64}")
_QUERY = re.compile(r"[!$&-;=?-Z_a-z~%\[\]]{0,4096}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a grant's data is: the endpoint and the whole value of the `Authorization` header to send there.

    `reach` is `OPERATOR` only when the endpoint lies under a base URL that the operator named. `expected` is what its certificate
    must be.
    """

    endpoint: str
    authorization: str | None = field(default=None, repr=False)
    reach: Reach = Reach.PEER
    expected: Expected = ANYBODY


@asynccontextmanager
async def read(client: Client, address: Address, wanted: Read) -> AsyncIterator[StreamContent]:
    """Ask the provider once and give its answer while it arrives; nothing is asked again or renewed here.

    Raises:
        BadMessage, Denied, Unknown, TooMany, Unreachable: see the module.
    """
    sent = headers.forwarded(wanted.headers)
    if address.authorization is not None:
        sent["Authorization"] = address.authorization
    url = joined(address.endpoint, wanted.path, wanted.query)
    async with client.stream(
        wanted.method, url, reach=address.reach, expected=address.expected, headers=sent
    ) as answer:
        if answer.status not in answers.PASSED_ON:
            raise await _refusal(answer)
        if answers.unasked(answer.status, wanted):
            raise Unreachable("data_provider", status=answer.status)
        yield StreamContent(answer.status, headers.relayed(answer.headers), answer.chunks)


def joined(endpoint: str, path: str, query: str = "") -> str:
    """Return the URL of a path below an endpoint; host and path of the endpoint always stay in front.

    Args:
        endpoint: the absolute URL that the provider gave; its own query is kept.
        path: what follows it, percent-encoded; empty for the endpoint itself.
        query: a raw query string, percent-encoded.

    Raises:
        BadMessage: `data_path`, `data_query`.
        Unreachable: `data_provider`: the endpoint is no http or https URL.
    """
    if not _QUERY.fullmatch(query):
        raise BadMessage("data_query", allowed="-")
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        raise Unreachable("data_provider") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment or "\\" in endpoint:
        raise Unreachable("data_provider")
    return parts._replace(path=_below(parts.path, path), query="&".join(filter(None, (parts.query, query)))).geturl()


def _below(base: str, path: str) -> str:
    below = paths.encoded(paths.segments(path))
    if not below:
        return base
    return base.removesuffix("/") + below + ("/" if path.endswith("/") else "")


async def _refusal(answer: Streamed) -> ConnectorError:
    if answer.status in _DENIED:
        return Denied("data_denied", status=answer.status, reason=await _reason(answer.chunks))
    if answer.status == answers.TOO_MANY and await _reason(answer.chunks) == QUOTA:
        seconds = answers.retry_after(answer.headers.get("Retry-After", ""), most=_MONTH_SECONDS)
        return TooMany("data_quota", retry_after_seconds=seconds)
    return answers.refusal(answer.status, answer.headers) or Unreachable("data_provider", status=answer.status)


async def _reason(chunks: AsyncIterator[bytes]) -> str:
    """Return the code in a problem document (RFC 9457), which is a word and nothing else; `-` without one."""
    body = b""
    try:
        async for chunk in chunks:
            body += chunk
            if len(body) > _ERROR_BYTES:
                return "-"
        code = loader.load_object(body, limit=_ERROR_BYTES).get("code")
    except (PeerError, Unreachable):
        return "-"
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "-"
