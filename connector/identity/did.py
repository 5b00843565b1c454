"""Resolving `did:web`: one GET through the one client, then the strict reader. Caching is the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.errors import Unreachable
from connector.identity.document import DOCUMENT_BYTES, Document, parse
from connector.identity.participant import place
from connector.net.egress import Reach
from connector.net.tls import ANYBODY, Expected

if TYPE_CHECKING:
    from connector.net.client import Client

RESOLVE_SECONDS = 3.0
_OK = 200


async def resolve(client: Client, did: str, *, reach: Reach = Reach.PEER, expected: Expected = ANYBODY) -> Document:
    """Fetch and check the DID document of a `did:web` id: 64 KiB and 3 seconds at most, https (http for loopback without TLS).

    Args:
        client: the server's client.
        did: the id to resolve.
        reach: OPERATOR when a person named the id, so that it may lie on a private network.
        expected: what the certificate must be.

    Raises:
        Invalid: `did_invalid`.
        Unreachable: `did_not_found` with the `status`, `did_document_invalid`, or a code of `net.client`.
    """
    answer = await client.request(
        "GET",
        place(did, secure=client.secure).document_url,
        reach=reach,
        expected=expected,
        headers={"Accept": "application/did+json, application/did+ld+json;q=0.9, application/json;q=0.8"},
        limit=DOCUMENT_BYTES,
        timeout_seconds=RESOLVE_SECONDS,
    )
    if answer.status != _OK:
        raise Unreachable("did_not_found", status=answer.status)
    return parse(did, answer.body)
