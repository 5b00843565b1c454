"""Catalogues: ours, as one peer may see it, and a peer's."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

import orjson

from connector import ids
from connector.errors import BadMessage, Invalid, Missing, Unknown, Unreachable
from connector.net.egress import within
from connector.peer.call import ANSWER_BYTES, Reply, expect, next_link
from connector.policy.world import Request
from connector.protocol import catalog, context
from connector.services import cursors, facts, filters, permission
from connector.services.house import House
from connector.services.receive import Speaker, with_token
from connector.services.speak import known, speak
from connector.store.unit import Unit

MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of our catalogue as JSON bytes, and the cursor of the next one."""

    body: bytes
    cursor: str | None


async def ours(house: House, speaker: Speaker, cursor: str | None, body: dict[str, Any] | None) -> Shown:
    """Return a page of our catalogue as a peer may see it.

    `cursor` is of an earlier page, and `body` the CatalogRequestMessage; it is None where a link is followed.

    Raises:
        BadMessage: `filter_unsupported`, `cursor_invalid`, `context_unknown`, `message_type`.
    """

    def work(unit: Unit) -> Shown:
        wanted = None if body is None else _asked(body)
        after, size = _position(cursor), min(house.page_size, wanted or house.page_size)
        entries = unit.datasets.entries(speaker.member.id, _permitted(unit, speaker, "*"), after=after, limit=size + 1)
        page = entries[:size]
        text = catalog.root(speaker.member.id, speaker.member.base, (entry.text for entry in page))
        return Shown(text, _cursor(page[-1].position) if len(entries) > size else None)

    return await with_token(house, speaker, work)


async def dataset(house: House, speaker: Speaker, dataset_id: str) -> bytes:
    """Return one dataset as a peer may see it. Raises Unknown `dataset_unknown`, also for what it may not see."""

    def work(unit: Unit) -> bytes:
        permitted = _permitted(unit, speaker, dataset_id)
        entries = unit.datasets.entries(speaker.member.id, permitted, limit=1, dataset=dataset_id)
        if not entries:
            raise Unknown("dataset_unknown")
        return catalog.single(entries[0].text)

    return await with_token(house, speaker, work)


def _asked(body: dict[str, Any]) -> int | None:
    """Return how many datasets a CatalogRequestMessage wants at most, where it says so."""
    if not context.check_context(body.get("@context")):
        raise BadMessage("context_unknown", field="/@context")
    kind = body.get("@type")
    if not isinstance(kind, str) or kind.rsplit("/", 1)[-1].rsplit(":", 1)[-1] != "CatalogRequestMessage":
        raise BadMessage("message_type", field="/@type")
    return filters.most(body.get("filter"))


def _permitted(unit: Unit, speaker: Speaker, target: str) -> list[str]:
    """Return the digests of the access policies that permit the peer: each distinct policy is asked once."""
    request = Request(facts.READ, target, speaker.caller.peer, unit.now)
    known = facts.of_peer(unit, speaker.member.id, speaker.caller.peer)
    return [
        policy.digest
        for policy in unit.policies.access_in_use(speaker.member.id)
        if permission.permits(policy.document, request, known)
    ]


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError, ValueError):
        text = ""
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or int(text) > cursors.MOST_POSITION:  # noqa: PLR2004
        raise BadMessage("cursor_invalid", field="continuationToken")
    return int(text)


@dataclass(frozen=True, slots=True)
class Page:
    """Datasets of a peer's catalogue, and the cursor (an opaque URL of the peer's) of the next page."""

    datasets: list[dict[str, Any]]
    next: str | None


async def fetch(
    house: House, participant: str, peer: str, dataset: str | None = None, cursor: str | None = None
) -> Page:
    """Return a page of a peer's catalogue, or one dataset of it.

    Raises:
        Missing: `peer_unknown`, `dataset_unknown`. Invalid: `cursor_invalid`.
        Unreachable: the peer cannot be reached, or refused.
    """
    base = (await known(house, participant, peer)).row.base
    if dataset is not None:
        return Page([await one(house, participant, peer, dataset)], None)
    if cursor is not None and not within(cursor, base, query=True):
        raise Invalid("cursor_invalid", field="cursor")
    url = cursor or f"{base}/catalog/request"
    reply = await _ask(house, participant, peer, url, again=cursor is not None)
    link = next_link(reply.headers.get("link"))
    following = urljoin(url, link) if link else None
    if following is not None and not within(following, base, query=True):
        raise Unreachable("catalog_unreadable")
    return Page(catalog.datasets_in(expect(reply)), following)


async def one(house: House, participant: str, peer: str, dataset: str) -> dict[str, Any]:
    """Return one dataset of a peer's catalogue. Raises as `fetch`."""
    base = (await known(house, participant, peer)).row.base
    url = f"{base}/catalog/datasets/{quote(dataset, safe=':')}"
    reply = await speak(house, participant, peer, "GET", url, limit=ANSWER_BYTES)
    if reply.status == 404:  # noqa: PLR2004 - Not Found
        raise Missing("dataset_unknown")
    found = expect(reply)
    if not isinstance(found, dict) or not ids.acceptable(found.get("@id")):
        raise Unreachable("catalog_unreadable")
    return found


async def _ask(house: House, participant: str, peer: str, url: str, *, again: bool) -> Reply:
    """Ask for a page: DSP follows a link with GET; a peer that knows no such path is asked as for the first page."""
    if again:
        reply = await speak(house, participant, peer, "GET", url, limit=ANSWER_BYTES)
        if reply.status not in (404, 405):
            return reply
    body = orjson.dumps(context.message("CatalogRequestMessage"))
    return await speak(house, participant, peer, "POST", url, body=body, limit=ANSWER_BYTES)
