"""Peers: looking at one, pinning its keys after a person has compared them, following its changes, parting from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cryptography import x509

from connector import ids, loader
from connector.errors import ConnectorError, Invalid, Missing, Unreachable, WrongState
from connector.identity import did as dids
from connector.identity import participant as places
from connector.identity import pinned
from connector.identity import trust as trusts
from connector.identity.authenticator import MOCK, PINNED
from connector.identity.document import Document
from connector.identity.trust import Trust
from connector.net import egress
from connector.net.egress import Reach
from connector.protocol import context, versions
from connector.services import certificates, cursors, keyring, pages
from connector.services.exchange import cancel
from connector.services.house import House
from connector.services.transfer import close
from connector.store.exchanges import Exchange
from connector.store.parties import KEY_CHANGED, Peer
from connector.store.parties import PINNED as STATE_PINNED
from connector.store.parties import REMOVED as GONE
from connector.store.unit import Unit

REMOVED: Final = "peer_removed"
_OK: Final = 200
_BATCH: Final = 500
_ANY: Final = Trust()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A peer as it shows itself now: nothing of it is believed before a person has compared the fingerprints.

    `keys` are {"thumbprint", "purpose", "kid"}; a key for two purposes is listed twice. `certificate` is its server's.
    """

    did: str
    auth: str
    base: str
    keys: list[dict[str, str]]
    document: Document | None
    trust: Trust = field(default_factory=Trust)
    certificate: x509.Certificate | None = None

    @property
    def fingerprints(self) -> frozenset[str]:
        """The thumbprints to compare."""
        return frozenset(key["thumbprint"] for key in self.keys)


async def preview(
    house: House, participant: str, did: str, *, endpoint: str | None = None, auth: str = PINNED, trust: Trust = _ANY
) -> Sighting:
    """Look at a peer: its DID document, its keys, and where it speaks DSP. Nothing is stored.

    Args:
        house: the installation.
        participant: ours, for whom it is looked at.
        did: the peer's id.
        endpoint: the base URL of its DSP endpoints, where its version document is not to be asked.
        auth: `pinned`, or `mock` for a laboratory peer without keys (then `endpoint` is needed).
        trust: what its certificate must be.

    Raises:
        Invalid: `did_invalid`, `peer_is_self`, `peer_endpoint`, `peer_endpoint_needed`, `peer_auth_unknown`.
        Unreachable: the document or the version document cannot be had, `peer_version_foreign`.
    """
    if auth not in house.member(participant).authenticators:
        raise Invalid("peer_auth_unknown", field="/auth", allowed=", ".join(house.member(participant).authenticators))
    if did == participant:
        raise Invalid("peer_is_self", field="/id")
    if endpoint is not None:
        endpoint = _checked_endpoint(participant, endpoint)
    if auth == MOCK:
        return _laboratory(did, endpoint)
    document = await dids.resolve(house.client, did, reach=Reach.OPERATOR, expected=trust.expected(show=False))
    keys, base = _keys(document), endpoint or await _base(house, document, trust)
    shown = await certificates.shown(house, base)
    return Sighting(did, auth, base, keys, document, trust.with_certificate(shown) if shown else trust, shown)


async def add(  # noqa: PLR0913 - what a person says of a peer
    house: House,
    participant: str,
    did: str,
    *,
    fingerprints: Iterable[str],
    by: str,
    endpoint: str | None = None,
    auth: str = PINNED,
    trust: Trust = _ANY,
) -> Peer:
    """Pin a peer whose fingerprints a person has compared; they must be exactly those that it shows now.

    Raises:
        WrongState: `peer_exists`, `peer_fingerprints_differ`. Others: as `preview`.
    """
    seen = await preview(house, participant, did, endpoint=endpoint, auth=auth, trust=trust)
    _compare(seen, fingerprints)

    def work(unit: Unit) -> Peer:
        earlier = unit.peers.get(participant, did)
        if earlier is not None and earlier.state != GONE:
            raise WrongState("peer_exists")
        unit.peers.remove(participant, did)
        peer = Peer(
            participant, did, auth, seen.base, STATE_PINNED, _pins(seen), _raw(seen.document), unit.now, by, unit.now,
            unit.now if _seals(seen.document) else None, trust=trusts.dump(seen.trust),
        )  # fmt: skip
        keyring.learn(unit, replace(peer, pins=[]), pinned.load(peer.pins), None)
        unit.peers.add(peer)
        _record(unit, peer, "peer.added", by=by, base=peer.base, auth=auth, **certificates.told(seen.trust))
        _changed(house, unit, peer)
        return peer

    return await house.store.write(work)


async def listing(
    house: House, participant: str, cursor: str | None = None, limit: int = 100
) -> tuple[list[Peer], str | None]:
    """Return a participant's peers by id. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    after = cursors.name(cursor)
    rows = await house.store.read(lambda unit: unit.peers.page(participant, after=after, limit=limit + 1))
    return pages.part(rows, lambda row: (0.0, row.id), limit)


async def get(house: House, participant: str, did: str) -> Peer:
    """Return a peer. Raises Missing `peer_unknown`."""
    house.member(participant)
    return await house.store.read(lambda unit: _known(unit, participant, did))


async def confirm(
    house: House, participant: str, did: str, *, fingerprints: Iterable[str], by: str, trust: Trust | None = None
) -> Peer:
    """Pin the keys that a peer shows now in the place of those pinned before; with `trust`, believe other certificates too.

    Raises:
        Missing: `peer_unknown`. WrongState: `peer_fingerprints_differ`. Others: as `preview`.
    """
    row = await get(house, participant, did)
    wanted = trusts.load(row.trust) if trust is None else trust
    seen = await preview(house, participant, did, endpoint=row.base, auth=row.auth, trust=wanted)
    _compare(seen, fingerprints)

    def work(unit: Unit) -> Peer:
        earlier = _known(unit, participant, did)
        values = {"state": STATE_PINNED, "pins": _pins(seen), "document": _raw(seen.document), "checked": unit.now}
        keyring.learn(unit, earlier, pinned.load(_pins(seen)), None)
        seals = (earlier.seals or unit.now) if _seals(seen.document) else None
        unit.peers.change(participant, did, **values, seals=seals, trust=trusts.dump(seen.trust))
        peer = _known(unit, participant, did)
        _record(unit, peer, "peer.confirmed", by=by, **certificates.told(seen.trust))
        _changed(house, unit, peer)
        return peer

    return await house.store.write(work)


async def remove(house: House, participant: str, did: str, *, by: str) -> Peer:
    """Part from a peer: its open processes are terminated and its access ends, all in one transaction.

    Nothing is accepted from it any more. Its row stays, hidden, so that it can still be told what has ended; not so for one whose
    keys have changed, which is sent nothing.

    Raises:
        Missing: `peer_unknown`.
    """
    house.member(participant)

    def work(unit: Unit) -> Peer:
        peer = _known(unit, participant, did)
        ended = [exchange.pid for exchange in _open(unit, participant, did)]
        for pid in ended:
            exchange = unit.exchanges.load(participant, pid, did)
            if exchange is not None:
                cancel(house.exchanging, unit, exchange, by=by, code=REMOVED, reasons=())
        for grant in unit.grants.open_of(participant):
            if grant.peer == did:
                close(unit, house.office, grant, REMOVED, by=by)
        keyring.learn(unit, peer, frozenset(), None)
        if peer.state == KEY_CHANGED:
            unit.peers.remove(participant, did)
        else:
            unit.peers.change(participant, did, state=GONE)
        _record(unit, peer, "peer.removed", by=by, ended=ended)
        unit.after_commit(lambda: house.forget(participant, did))
        unit.after_commit(lambda: house.trusts.put(replace(peer, state=GONE)))
        return peer

    return await house.store.write(work)


async def refresh(house: House, participant: str, did: str) -> Peer:
    """Look at a peer again and follow what its document says by the rules of `identity.pinned`.

    Keys that a pinned key names join; on anything else the peer is marked key-changed until a person confirms it. A peer that is
    already so marked stays as it is, whatever it shows.

    Raises:
        Missing: `peer_unknown`. Unreachable: the document cannot be had; nothing is changed.
    """
    row = await get(house, participant, did)
    if row.document is None or row.state == KEY_CHANGED:
        return row
    expected = trusts.load(row.trust).expected(show=False)
    document = await dids.resolve(house.client, did, reach=Reach.OPERATOR, expected=expected)
    outcome = pinned.compare(pinned.load(row.pins), document)

    def work(unit: Unit) -> Peer:
        now = _known(unit, participant, did)
        if now.pins == row.pins and now.state == row.state:
            _follow(unit, now, document, outcome)
            unit.after_commit(lambda: house.forget(participant, did))
            unit.after_commit(house.office.watch)
        return _known(unit, participant, did)

    return await house.store.write(work)


def _follow(unit: Unit, row: Peer, document: Document, outcome: pinned.Same | pinned.Joined | pinned.Changed) -> None:
    values: dict[str, Any] = {"checked": unit.now}
    if isinstance(outcome, pinned.Changed):
        values["state"] = KEY_CHANGED
        unit.record(
            row.participant,
            "peer.key-changed",
            row.id,
            unknown=_thumbprints(outcome.unknown),
            gone=_thumbprints(outcome.gone),
        )
    else:
        values["document"] = dict(document.raw)
        if row.seals is None and _seals(document):
            values["seals"] = unit.now
            unit.record(row.participant, "peer.seals", row.id)
    if isinstance(outcome, pinned.Joined):
        values["pins"] = pinned.dump(outcome.pin)
        keyring.learn(unit, row, outcome.pin, document)
        unit.record(
            row.participant,
            "peer.key-joined",
            row.id,
            joined=_thumbprints(outcome.joined),
            left=_thumbprints(outcome.left),
        )
    unit.peers.change(row.participant, row.id, **values)


def _laboratory(did: str, endpoint: str | None) -> Sighting:
    if endpoint is None:
        raise Invalid("peer_endpoint_needed", field="/endpoint")
    if not ids.acceptable(did):
        raise Invalid("did_invalid", field="/id")
    return Sighting(did, MOCK, endpoint, [], None)


def _checked_endpoint(participant: str, endpoint: str) -> str:
    try:
        egress.check_url(endpoint, loopback=places.place(participant).loopback)
    except Unreachable:
        raise Invalid("peer_endpoint", field="/endpoint") from None
    return endpoint.rstrip("/")


def _keys(document: Document) -> list[dict[str, str]]:
    """Return the keys that a person compares. Raises Unreachable `did_no_token_key`."""
    pinned.pin_of(document)
    return [
        {"thumbprint": method.key.thumbprint, "purpose": purpose, "kid": method.kid}
        for method in document.methods
        for purpose in sorted(method.purposes, reverse=True)
    ]


async def _base(house: House, document: Document, trust: Trust) -> str:
    """Ask the version document, which must lie under the DID's root, where the peer speaks DSP 2025-1."""
    place = places.place(document.did, secure=house.client.secure)
    url = document.version_url or place.version_url
    if not egress.within(url, place.root):
        raise Unreachable("peer_version_foreign")
    expected, headers = trust.expected(show=False), {"Accept": "application/json"}
    answer = await house.client.request("GET", url, reach=Reach.OPERATOR, expected=expected, headers=headers)
    if answer.status != _OK:
        raise Unreachable("peer_version_missing", status=answer.status)
    try:
        response = loader.loads(answer.body)
    except ConnectorError:
        raise Unreachable("peer_version_unreadable") from None
    base = versions.base_url(url, response)
    if not egress.within(base, place.root):
        raise Unreachable("peer_version_foreign")
    return base


def _compare(seen: Sighting, fingerprints: Iterable[str]) -> None:
    if frozenset(fingerprints) != seen.fingerprints:
        raise WrongState("peer_fingerprints_differ", field="/fingerprints", seen=", ".join(sorted(seen.fingerprints)))


def _pins(seen: Sighting) -> list[dict[str, Any]]:
    return [] if seen.document is None else pinned.dump(pinned.pin_of(seen.document))


def _seals(document: Document | None) -> bool:
    """Tell whether a document says that its participant seals contracts, and with which key.

    A later one that does not say so takes nothing back: who controls a web server could else make a peer plain again.
    """
    if document is None or context.SEAL not in document.announces:
        return False
    return any("seal" in method.purposes for method in document.methods)


def _raw(document: Document | None) -> dict[str, Any] | None:
    return None if document is None else dict(document.raw)


def _known(unit: Unit, participant: str, did: str) -> Peer:
    found = unit.peers.get(participant, did)
    if found is None or found.state == GONE:
        raise Missing("peer_unknown")
    return found


def _open(unit: Unit, participant: str, did: str) -> Sequence[Exchange]:
    """Return the processes with a peer that have not ended: transfers first, so that access ends with its own record."""
    found: list[Exchange] = []
    for protocol in ("transfer", "negotiation"):
        before = None
        while page := unit.exchanges.page(participant, protocol, before=before, limit=_BATCH, peer=did):
            found += [exchange for exchange in page if not exchange.turn.ended]
            before = (page[-1].created, page[-1].pid)
    return found


def _changed(house: House, unit: Unit, peer: Peer) -> None:
    """Let what waits for a peer go on with its new keys."""
    unit.after_commit(lambda: house.forget(peer.participant, peer.id))
    unit.after_commit(lambda: house.trusts.put(peer))
    unit.after_commit(lambda: house.office.heard(peer.participant, peer.id))


def _record(unit: Unit, peer: Peer, kind: str, **payload: Any) -> None:
    keys = [{"thumbprint": pin["thumbprint"], "purpose": pin["purpose"]} for pin in peer.pins]
    unit.record(peer.participant, kind, peer.id, keys=keys, **payload)


def _thumbprints(pin: pinned.Pin) -> list[str]:
    return sorted({entry.thumbprint for entry in pin})
