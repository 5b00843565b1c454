"""Whose keys were whose: our own from their files, peers' from their pins; a change is kept for good (table `key_history`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from connector.errors import ConfigError
from connector.identity import keyfile, pinned
from connector.identity.document import Document
from connector.identity.keys import PURPOSES, KeyPair, Purpose, Signer, public_key
from connector.identity.periods import KeyPeriod
from connector.identity.pinned import Pin
from connector.identity.ring import OwnKey, Ring
from connector.store.parties import Participant, Peer
from connector.store.seals import HeldKey
from connector.store.session import Store
from connector.store.unit import Unit

FILES: Final[dict[Purpose, str]] = {"token": "token.pem", "seal": "seal.pem"}


def key_folder(home: Path, participant: str) -> Path:
    """Return where a participant's keys are."""
    return home / "keys" / participant.replace(":", "_").replace("%", "_")


def key_path(folder: Path, purpose: Purpose, kid: str | None = None) -> Path:
    """Return the file of a participant's first key for a purpose, or of a later one with that thumbprint."""
    return folder / (FILES[purpose] if kid is None else f"{purpose}-{kid}.pem")


async def load(
    home: Path, store: Store, row: Participant, held: Ring | None = None, credentials: Path | None = None
) -> Ring:
    """Return a participant's keys; the private halves that are `held` are not read from their files again.

    A key that was put in the place of the first one by hand, while nothing ran, is taken as it is: the other one's time is over.

    Raises:
        ConfigError: a key file is missing, unreadable, open to others or of another kind.
    """
    rows = await store.read(lambda unit: unit.keys.of(row.id, row.id))
    signers = {key.signer.kid: key.signer for key in held.keys if key.signer} if held else {}
    read = partial(_read, key_folder(home, row.id), rows, store.now(), signers, credentials)
    found, strange = await asyncio.to_thread(read)
    if strange:
        rows = await store.write(partial(_take, row, strange))
    return Ring(tuple(_own(key, found.get(key.kid)) for key in rows))


def _read(
    folder: Path, rows: Sequence[HeldKey], now: float, held: Mapping[str, Signer], credentials: Path | None
) -> tuple[dict[str, Signer], list[tuple[Purpose, KeyPair]]]:
    """Return the private keys that may sign from now on, and those whose public halves are not known as in use."""
    found, strange = dict(held), []
    for purpose in PURPOSES:
        first = key_path(folder, purpose)
        wanted = {key.kid for key in rows if key.purpose == purpose and (key.until is None or key.until > now)}
        if wanted and wanted <= found.keys():
            continue
        named = {path if (path := key_path(folder, purpose, kid)).exists() else first for kid in wanted}
        for path in sorted(named or {first}):
            at = keyfile.located(path, credentials)
            pair = keyfile.load_key(at.path, credential=at.credential)
            found[pair.kid] = pair
            if pair.kid not in wanted and path != first:
                raise ConfigError("key_file_wrong_kind", path=str(path))
            strange += [] if pair.kid in wanted else [(purpose, pair)]
    return found, strange


def _take(row: Participant, strange: Iterable[tuple[Purpose, KeyPair]], unit: Unit) -> Sequence[HeldKey]:
    for purpose, pair in strange:
        earlier = [key for key in unit.keys.of(row.id, row.id) if key.purpose == purpose]
        if any(key.kid == pair.kid and key.until is None for key in earlier):
            continue
        for key in earlier:
            if key.until is None:
                unit.keys.close(key, until=unit.now)
        since = unit.now if earlier else row.created
        unit.keys.add(HeldKey(row.id, row.id, purpose, pair.kid, since, pair.public.jwk, used=since))
        if earlier:
            unit.record(row.id, "keys.replaced", row.id, purpose=purpose, kid=pair.kid, by="the key file")
    return unit.keys.of(row.id, row.id)


def paths(home: Path, participant: str, ring: Ring, now: float) -> list[Path]:
    """Return the files of the private keys that sign now or will."""
    folder = key_folder(home, participant)
    wanted = [(key.purpose, key.public.thumbprint) for key in ring.keys if key.until is None or key.until > now]
    named = [(purpose, key_path(folder, purpose, kid)) for purpose, kid in wanted]
    return [path if path.exists() else key_path(folder, purpose) for purpose, path in named]


def _own(key: HeldKey, signer: Signer | None) -> OwnKey:
    purpose: Purpose = "token" if key.purpose == "token" else "seal"
    used = key.since if key.used is None else key.used
    return OwnKey(
        purpose, public_key(key.jwk), key.since, used, key.until, key.listed, key.endorsement, signer,
    )  # fmt: skip


def periods(unit: Unit, participant: str, party: str) -> list[KeyPeriod]:
    """Return the keys of a party, one of ours or a peer as one of ours knows it, with their times; none is ever left out."""
    rows = unit.keys.of(participant, party) or _pinned(unit, participant, party)
    return [
        KeyPeriod("token" if row.purpose == "token" else "seal", public_key(row.jwk), row.since, row.until)
        for row in rows
    ]


def learn(unit: Unit, peer: Peer, after: Pin, document: Document | None) -> None:
    """Keep what a change of a peer's pin means for its keys: the peer as it was before, and its new pin.

    A key that an endorsement names is the peer's from the time on that this states, at the latest from now on; any other key
    from now on. A key that left is so no more.
    """
    before = pinned.load(peer.pins)
    rows = list(unit.keys.of(peer.participant, peer.id))
    if not rows:
        for row in _pinned(unit, peer.participant, peer.id):
            unit.keys.add(row)
            rows.append(row)
    for entry in sorted(after - before, key=lambda found: found.thumbprint):
        stated = pinned.endorsed_at(document, entry) if document is not None else None
        since = unit.now if stated is None else min(stated, unit.now)
        held = HeldKey(peer.participant, peer.id, entry.purpose, entry.thumbprint, since, entry.key.jwk)
        if not any((row.purpose, row.kid, row.until) == (held.purpose, held.kid, None) for row in rows):
            unit.keys.add(held)
    gone = {(entry.purpose, entry.thumbprint) for entry in before - after}
    for row in rows:
        if row.until is None and (row.purpose, row.kid) in gone:
            unit.keys.close(row, until=unit.now)


def _pinned(unit: Unit, participant: str, party: str) -> list[HeldKey]:
    """Return the keys that a peer's pin holds, for a peer that was pinned before histories were kept."""
    peer = unit.peers.get(participant, party)
    if peer is None:
        return []
    return [
        HeldKey(participant, party, pin["purpose"], pin["thumbprint"], peer.created, pin["jwk"]) for pin in peer.pins
    ]
