"""One call to a peer: an authenticated request, and its answer as a status with JSON, whatever its content type says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector import loader
from connector.errors import ConnectorError, Unreachable
from connector.net.client import Client
from connector.net.egress import Reach
from connector.net.tls import ANYBODY, Expected

ANSWER_BYTES = 8 * 1024 * 1024
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A peer's answer: the status, the JSON body (None where there is none or it cannot be read), and the headers."""

    status: int
    body: Any
    headers: dict[str, str]


async def call(  # noqa: PLR0913 - a request has this many parts
    client: Client,
    method: str,
    url: str,
    authorization: str,
    *,
    reach: Reach,
    expected: Expected = ANYBODY,
    body: bytes | None = None,
    limit: int = 256 * 1024,
) -> Reply:
    """Send one request to a peer.

    Raises:
        Unreachable: as `net.client.Client.request`.
    """
    headers = _JSON | {"Authorization": authorization}
    answer = await client.request(method, url, reach=reach, expected=expected, headers=headers, body=body, limit=limit)
    try:
        value = loader.loads(answer.body, limit=limit) if answer.body.strip() else None
    except ConnectorError:
        value = None
    return Reply(answer.status, value, {name.lower(): text for name, text in answer.headers.items()})


def next_link(header: str | None) -> str | None:
    """Return the URL of `rel="next"` in a Link header (RFC 8288), or None."""
    for part in (header or "").split(","):
        target, _, parameters = part.strip().partition(">")
        if target.startswith("<") and any(_is_next(text) for text in parameters.split(";")):
            return target[1:]
    return None


def _is_next(parameter: str) -> bool:
    name, _, value = parameter.strip().partition("=")
    return name.strip().lower() == "rel" and "next" in value.strip().strip('"').split()


def expect(reply: Reply) -> Any:
    """Return a 2xx answer's body.

    Raises:
        Unreachable: `peer_refused_request` with the peer's status.
    """
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - HTTP's success class
        raise Unreachable("peer_refused_request", status=reply.status)
    return reply.body
