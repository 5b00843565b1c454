"""Endpoints of ours beside the Dataspace Protocol's, for pinned peers: signed heads of journals, and the record of a contract.

`<base>/journal/heads?after=N` gives our heads, `<base>/journal/witnessed?after=N` those of the caller's that we hold,
`<base>/journal/contracts/<our pid>` what we have recorded of a contract with the caller.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from connector.errors import BadMessage
from connector.http.bodies import json_answer
from connector.http.dsp import BASE, HOUSE, admit, hidden
from connector.services import receive, reconcile, witness

_MOST_DIGITS: Final = 9


def routes() -> list[web.RouteDef]:
    """Return the routes; the application carries the house as `app[dsp.HOUSE]`."""
    return [
        web.get(f"{BASE}/journal/heads", _heads),
        web.get(f"{BASE}/journal/witnessed", _witnessed),
        web.get(f"{BASE}/journal/contracts/{{pid}}", _contract),
    ]


async def _heads(request: web.Request) -> web.Response:
    speaker = await admit(request)
    return json_answer(await witness.ours(request.app[HOUSE], speaker, await _after(request, speaker)))


async def _witnessed(request: web.Request) -> web.Response:
    speaker = await admit(request)
    return json_answer(await witness.theirs(request.app[HOUSE], speaker, await _after(request, speaker)))


@hidden
async def _contract(request: web.Request) -> web.Response:
    speaker = await admit(request)
    return json_answer(await reconcile.ours(request.app[HOUSE], speaker, request.match_info["pid"]))


async def _after(request: web.Request, speaker: receive.Speaker) -> int:
    """Return the number after which heads are wanted; whoever asks otherwise has spent the token all the same."""
    text = request.query.get("after", "0")
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return int(text)
    await receive.spend_alone(request.app[HOUSE], speaker)
    raise BadMessage("query_invalid", field="?after")
