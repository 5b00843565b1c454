"""The management API's endpoints for duties."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from connector.errors import Invalid
from connector.http import resources
from connector.http.management_requests import DutyPaging, EvidenceFile, Fulfilment
from connector.http.management_route import Ask, Route
from connector.services import duties
from connector.services.duties import KEPT_BYTES, Evidence, Shown
from connector.services.operators import READ, WRITE

_DUTIES: Final = "/api/v1/participants/{participant}/duties"


async def _listing(ask: Ask, query: DutyPaging) -> tuple[list[Shown], str | None]:
    """List the duties of contracts, ours and our peers', the first made first."""
    rows, following = await duties.listing(ask.house, ask.participant, query.cursor, ask.most(query), query.contract)
    return await duties.shown(ask.house, rows), following


async def _duty(ask: Ask) -> Shown:
    """Show a duty."""
    row = await duties.show(ask.house, ask.participant, ask.path["duty"])
    return (await duties.shown(ask.house, [row]))[0]


async def _fulfil(ask: Ask, body: Fulfilment) -> Shown:
    """Record that a duty was done, with what shows it, and tell the other party where it is ours."""
    evidence = _evidence(body.evidence)
    return await duties.fulfil(ask.house, ask.participant, ask.path["duty"], evidence, body.note, by=ask.by)


def _evidence(given: EvidenceFile) -> Evidence:
    if given.content is None:
        if given.sha256 is None or given.bytes is None:
            raise Invalid("evidence_missing", field="/evidence")
        return Evidence(given.sha256, given.bytes)
    try:
        found = duties.evidence_of(base64.b64decode(given.content, validate=True))
    except (binascii.Error, ValueError):
        raise Invalid("evidence_unreadable", field="/evidence/content") from None
    if found.size > KEPT_BYTES:
        raise Invalid("evidence_large", field="/evidence/content", limit_bytes=KEPT_BYTES)
    if given.sha256 not in (None, found.sha256) or given.bytes not in (None, found.size):
        raise Invalid("evidence_unreadable", field="/evidence/sha256")
    return found


ROUTES: Final = (
    Route("GET", _DUTIES, READ, _listing, resources.duty, many=True),
    Route("GET", f"{_DUTIES}/{{duty}}", READ, _duty, resources.duty),
    Route("POST", f"{_DUTIES}/{{duty}}/fulfil", WRITE, _fulfil, resources.duty),
)
