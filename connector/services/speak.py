"""Speaking to a peer as one of ours: with a fresh token each time, and only while its keys are as a person confirmed them."""

from __future__ import annotations

from connector import ids
from connector.errors import ConnectorError, Missing, Unreachable, WrongState
from connector.identity import participant as places
from connector.net import egress
from connector.net.egress import Reach
from connector.net.tls import ANYBODY, Expected
from connector.peer.call import Reply, call
from connector.services.house import House, Known
from connector.store.parties import KEY_CHANGED, REMOVED


async def known(house: House, participant: str, peer: str, *, parting: bool = False) -> Known:
    """Return a peer that may be spoken to; with `parting` also one that was removed.

    Raises:
        Missing: `peer_unknown`. WrongState: `peer_key_changed`.
    """
    found = await house.peer(participant, peer)
    if found is None or (found.row.state == REMOVED and not parting):
        raise Missing("peer_unknown")
    if found.row.state == KEY_CHANGED:
        raise WrongState("peer_key_changed")
    return found


async def speak(  # noqa: PLR0913 - a request has this many parts
    house: House,
    participant: str,
    peer: str,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    limit: int = 256 * 1024,
    parting: bool = False,
) -> Reply:
    """Send one authenticated request to a peer; with `parting` also to one that was removed.

    Raises:
        Missing, WrongState: as `known`. Unreachable: the peer cannot be reached.
    """
    found = await known(house, participant, peer, parting=parting)
    member = await house.find(participant)
    authenticator = member.authenticators.get(found.row.auth)
    if authenticator is None:
        raise Unreachable("peer_auth_unavailable")
    authorization = authenticator.authorization(peer, now=house.now(), jti=ids.new())
    reach, expected = reach_of(found, url), expected_of(found, url)
    return await call(house.client, method, url, authorization, reach=reach, expected=expected, body=body, limit=limit)


def expected_of(found: Known, url: str) -> Expected:
    """Return what the certificate at an address must be: the peer's own where the address is the peer's; ours is shown there."""
    return found.trust.expected(show=True) if reach_of(found, url) is Reach.OPERATOR else ANYBODY


def reach_of(found: Known, url: str) -> Reach:
    """Return how far an address may reach: as the operator's when it lies where the peer's DID or pinned base says."""
    if egress.within(url, found.row.base, query=True):
        return Reach.OPERATOR
    try:
        root = places.place(found.row.id, secure=found.row.base.startswith("https:")).root
    except ConnectorError:
        return Reach.PEER
    return Reach.OPERATOR if egress.within(url, root, query=True) else Reach.PEER
