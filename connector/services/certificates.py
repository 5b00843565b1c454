"""Certificates of peers: the one that is shown now, and following one that is renewed with its key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography import x509

from connector import clock
from connector.identity import trust as trusts
from connector.identity.trust import TOKEN, Trust
from connector.net import certificates, probe
from connector.net.egress import Reach
from connector.services.house import House
from connector.store.parties import Peer
from connector.store.unit import Unit


async def shown(house: House, base: str) -> x509.Certificate | None:
    """Return the certificate that the server of a base URL shows; None over http, or where it cannot be looked at."""
    if not base.startswith("https:"):
        return None
    looked = await probe.look(house.client, base, reach=Reach.OPERATOR)
    return looked.chain[0] if looked.chain else None


def told(trust: Trust) -> dict[str, Any]:
    """Return what the journal says of a trust: nothing where the token key alone counts."""
    if trust.mode == TOKEN:
        return {}
    return {"trust": {"mode": trust.mode, "keys": sorted(trust.keys), "name": trust.name}}


async def renewed(house: House, key: str, der: bytes) -> None:
    """Know a certificate that was renewed with its pinned key, for every peer whose key it is."""
    found = certificates.read(der)

    def work(unit: Unit) -> None:
        for participant, did in house.trusts.with_key(key):
            row = unit.peers.get(participant, did)
            if row is not None:
                _renew(house, unit, row, found)

    await house.store.write(work)


def _renew(house: House, unit: Unit, row: Peer, found: x509.Certificate) -> None:
    before = trusts.load(row.trust)
    after = before.with_certificate(found)
    if after == before:
        return
    unit.peers.change(row.participant, row.id, trust=trusts.dump(after))
    until = clock.iso(certificates.times(found)[1])
    unit.record(row.participant, "peer.certificate-renewed", row.id, key=certificates.spki(found), until=until)
    unit.after_commit(lambda: house.trusts.put(replace(row, trust=trusts.dump(after))))
    unit.after_commit(lambda: house.forget(row.participant, row.id))


async def look_again(house: House) -> None:
    """Look at what every peer with a pinned certificate key shows: one that it has renewed with that key is then known.

    Called when a client's certificate was refused in the handshake, since nobody can tell whose that was.
    """
    await house.load_trusts(list(house.members))
    for participant, did in house.trusts.pinned():
        known = await house.peer(participant, did)
        if known is None:
            continue
        found = await shown(house, known.row.base)
        if (
            found is not None
            and certificates.spki(found) in known.trust.keys
            and certificates.valid_at(found, house.now())
        ):
            await renewed(house, certificates.spki(found), certificates.der(found))
