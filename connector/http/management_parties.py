"""The management API's endpoints for operators, participants and peers."""

from __future__ import annotations

from typing import Any, Final

from connector.http import resources
from connector.http.management_requests import (
    Attestation,
    KeyRotation,
    NewOperator,
    NewParticipant,
    NewPeer,
    Paging,
    PeerConfirmation,
    PeerLook,
    PeerTrust,
)
from connector.http.management_route import Ask, Route
from connector.identity.trust import Trust, chosen
from connector.services import attest, keys, operators, participants, peercheck, peers
from connector.services.check import Check
from connector.services.operators import APPROVE, READ, WRITE
from connector.store.parties import Operator, Peer

_ROOT: Final = "/api/v1"
_PEERS: Final = "/api/v1/participants/{participant}/peers"


async def _operators(ask: Ask, query: Paging) -> tuple[list[Operator], str | None]:
    """List the operators."""
    return await operators.listing(ask.house, query.cursor, ask.most(query))


async def _add_operator(ask: Ask, body: NewOperator) -> tuple[Operator, str]:
    """Make an operator; its token is in this answer and nowhere else."""
    return await operators.add(ask.house, body.name, body.scope, by=ask.by)


async def _remove_operator(ask: Ask) -> Operator:
    """Remove an operator; the token opens nothing any more."""
    return await operators.remove(ask.house, ask.path["operator"], by=ask.by)


async def _participants(ask: Ask, query: Paging) -> tuple[list[participants.Own], str | None]:
    """List the participants that live here, the first made first."""
    return await participants.listing(ask.house, query.cursor, ask.most(query))


async def _participant(ask: Ask) -> participants.Own:
    """Show a participant that lives here."""
    return participants.own(ask.house.member(ask.participant))


async def _add_participant(ask: Ask, body: NewParticipant) -> participants.Own:
    """Make a further participant, with keys of its own, at the same host under a path of its own."""
    return await participants.add(ask.house, body.id, body.name, by=ask.by)


async def _keys(ask: Ask) -> tuple[list[keys.Shown], None]:
    """List the keys of a participant that lives here, the oldest first."""
    return await keys.listing(ask.house, ask.participant), None


async def _rotate_key(ask: Ask, body: KeyRotation) -> keys.Shown:
    """Replace a key: the new one is announced at once, endorsed by the present one, and used after the overlap."""
    overlap = body.overlapSeconds
    return await keys.rotate(ask.house, ask.participant, body.purpose, overlap_seconds=overlap, by=ask.by)


async def _peers(ask: Ask, query: Paging) -> tuple[list[Peer], str | None]:
    """List the peers of a participant."""
    return await peers.listing(ask.house, ask.participant, query.cursor, ask.most(query))


async def _peer(ask: Ask) -> Peer:
    """Show a peer."""
    return await peers.get(ask.house, ask.participant, ask.path["peer"])


async def _preview(ask: Ask, body: PeerLook) -> peers.Sighting:
    """Look at a peer before it is pinned or confirmed: its keys and its address. Nothing is stored."""
    named: dict[str, Any] = {"endpoint": body.endpoint, "auth": body.auth}
    return await peers.preview(ask.house, ask.participant, body.id, trust=_trust(body.trust), **named)


async def _add_peer(ask: Ask, body: NewPeer) -> Peer:
    """Pin a peer whose fingerprints a person has compared."""
    named: dict[str, Any] = {"endpoint": body.endpoint, "auth": body.auth}
    named["trust"] = _trust(body.trust)
    return await peers.add(ask.house, ask.participant, body.id, fingerprints=body.fingerprints, by=ask.by, **named)


async def _confirm_peer(ask: Ask, body: PeerConfirmation) -> Peer:
    """Pin the keys that a peer shows now in the place of those pinned before."""
    trust = None if body.trust is None else _trust(body.trust)
    named: dict[str, Any] = {"fingerprints": body.fingerprints, "trust": trust}
    return await peers.confirm(ask.house, ask.participant, ask.path["peer"], by=ask.by, **named)


async def _attest_peer(ask: Ask, body: Attestation) -> Peer:
    """Vouch for what a peer is and belongs to, so that policies can ask for it; this replaces what was vouched for before."""
    told: dict[str, Any] = {"facts": body.facts, "part_of": body.part_of}
    return await attest.attest(ask.house, ask.participant, ask.path["peer"], by=ask.by, **told)


async def _check_peer(ask: Ask) -> tuple[list[Check], None]:
    """Check everything between us and a peer, from both sides where it can be asked."""
    return await peercheck.check(ask.house, ask.participant, ask.path["peer"]), None


async def _remove_peer(ask: Ask) -> Peer:
    """Part from a peer: its open processes are terminated and its access ends at once."""
    return await peers.remove(ask.house, ask.participant, ask.path["peer"], by=ask.by)


def _trust(asked: PeerTrust | None) -> Trust:
    """Return the trust that a request means. Raises Invalid as `trust.chosen`."""
    if asked is None:
        return Trust()
    return chosen(certificate=asked.certificate, keys=asked.keys, authority=asked.authority, name=asked.name)


ROUTES: Final = (
    Route("GET", f"{_ROOT}/operators", READ, _operators, resources.operator, many=True),
    Route("POST", f"{_ROOT}/operators", APPROVE, _add_operator, resources.operator, 201),
    Route("DELETE", f"{_ROOT}/operators/{{operator}}", APPROVE, _remove_operator, resources.operator),
    Route("GET", f"{_ROOT}/participants", READ, _participants, resources.participant, many=True),
    Route("POST", f"{_ROOT}/participants", APPROVE, _add_participant, resources.participant, 201),
    Route("GET", f"{_ROOT}/participants/{{participant}}", READ, _participant, resources.participant),
    Route("GET", f"{_ROOT}/participants/{{participant}}/keys", READ, _keys, resources.key, many=True),
    Route("POST", f"{_ROOT}/participants/{{participant}}/keys", APPROVE, _rotate_key, resources.key, 201),
    Route("GET", _PEERS, READ, _peers, resources.peer, many=True),
    Route("POST", _PEERS, APPROVE, _add_peer, resources.peer, 201),
    Route("POST", f"{_PEERS}/preview", WRITE, _preview, resources.sighting),
    Route("GET", f"{_PEERS}/{{peer}}", READ, _peer, resources.peer),
    Route("GET", f"{_PEERS}/{{peer}}/check", READ, _check_peer, resources.check, many=True),
    Route("POST", f"{_PEERS}/{{peer}}/confirm", APPROVE, _confirm_peer, resources.peer),
    Route("POST", f"{_PEERS}/{{peer}}/attest", APPROVE, _attest_peer, resources.peer),
    Route("DELETE", f"{_PEERS}/{{peer}}", WRITE, _remove_peer, resources.peer),
)
