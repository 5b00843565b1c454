"""What an operator should look at: each check with a code, its values, and whether all is well."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from connector.errors import ConfigError, ConnectorError, Unreachable, Value
from connector.identity import document as documents
from connector.identity import keyfile, pinned, trust
from connector.identity import participant as places
from connector.identity.authenticator import PINNED
from connector.identity.did import RESOLVE_SECONDS
from connector.identity.document import DOCUMENT_BYTES, Document
from connector.net.egress import Reach
from connector.net.tls import ANYBODY, Expected
from connector.services import keyring
from connector.services.check import Check
from connector.services.filestate import STARTING
from connector.services.house import House
from connector.services.owncertificates import own_certificates
from connector.store.exchanges import Exchange
from connector.store.parties import KEY_CHANGED, Peer
from connector.store.unit import Unit

TOKEN_FILE: Final = "operator.token"  # noqa: S105 - a file name
GRANTS_KEY: Final = "grants.key"
LEAST_FREE_BYTES: Final = 1024**3
CLOCK_SECONDS: Final = 60.0
OUTBOX_SECONDS: Final = 3600.0
_MOST_PEERS: Final = 200
_AT_ONCE: Final = 20
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """A DID document that was fetched, and by how many seconds the other side's clock is ahead of ours."""

    document: Document
    ahead: float | None


async def checks(house: House, participant: str) -> list[Check]:
    """Check the installation and what concerns one of its participants. Asks every peer for its DID document once."""
    house.member(participant)
    local = [
        await _database(house),
        await asyncio.to_thread(_disk, house.home),
        *await asyncio.to_thread(_keys, house),
        *await asyncio.to_thread(own_certificates, house, participant),
        await _address(house, participant),
        await _processes(house, participant),
        await _outbox(house, participant),
        await _duties(house, participant),
        *_files(house),
        await _heads(house, participant),
    ]
    return local + await _peers(house, participant)


async def _database(house: House) -> Check:
    if await house.store.probe():
        return Check("database", ok=True, code="doctor_database_ok")
    return Check(
        "database", ok=False, code="doctor_database_failed", values={"reason": house.store.failure or "timeout"}
    )


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(home).free
    code = "doctor_disk_ok" if free >= LEAST_FREE_BYTES else "doctor_disk_low"
    return Check("disk", ok=free >= LEAST_FREE_BYTES, code=code, values={"free_mb": free // 1024**2, "path": str(home)})


def _keys(house: House) -> list[Check]:
    """Load every key file again: it is there, readable, of the right kind, and closed to others."""
    try:
        for participant, member in house.members.items():
            for path in keyring.paths(house.home, participant, member.ring, house.now()):
                at = keyfile.located(path, house.credentials)
                keyfile.load_key(at.path, credential=at.credential)
        at = keyfile.located(house.home / "keys" / GRANTS_KEY, house.credentials)
        keyfile.load_secret(at.path, credential=at.credential)
    except ConfigError as error:
        return [Check("keys", ok=False, code=error.code, values=dict(error.values)), *_token_file(house.home)]
    return [Check("keys", ok=True, code="doctor_keys_ok"), *_token_file(house.home)]


def _token_file(home: Path) -> list[Check]:
    path = home / TOKEN_FILE
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return []
    closed = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    code = "doctor_token_file_ok" if closed else "doctor_token_file_open"
    return [Check("token-file", ok=closed, code=code, values={"path": str(path)})]


async def _address(house: House, participant: str) -> Check:
    """Fetch our own DID document as a neighbour does."""
    url = places.place(participant, secure=house.client.secure).document_url
    try:
        seen = await visit(house, participant, _own_certificate(house))
    except ConnectorError as error:
        values: dict[str, Value] = {"url": url, "reason": error.code}
        return Check("address", ok=False, code="doctor_address_unreachable", values=values)
    own = house.member(participant).token.public
    ours = any(method.key == own for method in seen.document.methods)
    return Check(
        "address", ok=ours, code="doctor_address_ok" if ours else "doctor_address_foreign", values={"url": url}
    )


async def _processes(house: House, participant: str) -> Check:
    def work(unit: Unit) -> tuple[int, Exchange | None]:
        return unit.exchanges.stalled_count(participant), unit.exchanges.stalled(participant)

    count, example = await house.store.read(work)
    if example is None:
        return Check("processes", ok=True, code="doctor_processes_ok")
    values: dict[str, Value] = {"count": count, "example": example.pid, "protocol": example.protocol}
    return Check("processes", ok=False, code="doctor_processes_stalled", values=values)


async def _outbox(house: House, participant: str) -> Check:
    def work(unit: Unit) -> list[float]:
        return [
            unit.now - parcel.first_attempt
            for parcel in unit.outbox.all()
            if parcel.participant == participant and parcel.first_attempt is not None
        ]

    ages = await house.store.read(work)
    oldest = max(ages, default=0.0)
    code = "doctor_outbox_ok" if oldest < OUTBOX_SECONDS else "doctor_outbox_old"
    values: dict[str, Value] = {"count": len(ages), "minutes": int(oldest // 60)}
    return Check("outbox", ok=oldest < OUTBOX_SECONDS, code=code, values=values)


def _files(house: House) -> list[Check]:
    """Tell whether changes of policy files are noticed, and which files are not taken."""
    reason, faults = house.files.unwatched, house.files.faults
    watched = Check("policy-watch", ok=True, code="doctor_policies_watched")
    if reason not in (None, STARTING):
        watched = Check("policy-watch", ok=False, code="doctor_policies_unwatched", values={"reason": str(reason)})
    if not faults:
        return [watched, Check("policy-files", ok=True, code="doctor_policies_ok")]
    values: dict[str, Value] = {"count": len(faults), "files": ", ".join(sorted(faults)[:10])}
    return [watched, Check("policy-files", ok=False, code="doctor_policies_broken", values=values)]


async def _heads(house: House, participant: str) -> Check:
    found = await house.store.read(lambda unit: unit.heads.contradictions(participant))
    if not found:
        return Check("heads", ok=True, code="doctor_heads_ok")
    values: dict[str, Value] = {"count": len(found), "peer": found[0].peer, "number": found[0].number}
    return Check("heads", ok=False, code="doctor_heads_contradict", values=values)


async def _duties(house: House, participant: str) -> Check:
    """Count the duties that were not done in time: ours, and those of our peers."""
    late = await house.store.read(
        lambda unit: [(row, unit.contracts.get(row.contract)) for row in unit.duties.late(participant)]
    )
    if not late:
        return Check("duties", ok=True, code="doctor_duties_ok")
    ours = sum(contract is not None and contract.role == row.obliged for row, contract in late)
    values: dict[str, Value] = {"ours": ours, "theirs": len(late) - ours, "example": late[0][0].id}
    return Check("duties", ok=False, code="doctor_duties_late", values=values)


async def _peers(house: House, participant: str) -> list[Check]:
    rows = await house.store.read(lambda unit: unit.peers.list(participant))
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(row: Peer) -> tuple[Check, float | None]:
        async with turns:
            return await _peer(house, row)

    found = await asyncio.gather(*(one(row) for row in rows[:_MOST_PEERS] if row.auth == PINNED))
    return [_clock([ahead for _, ahead in found if ahead is not None]), *(check for check, _ in found)]


async def _peer(house: House, row: Peer) -> tuple[Check, float | None]:
    name, values = f"peer {row.id}", dict[str, Value](peer=row.id)
    try:
        seen = await visit(house, row.id, trust.load(row.trust).expected(show=False))
    except ConnectorError as error:
        return Check(name, ok=False, code="doctor_peer_unreachable", values=values | {"reason": error.code}), None
    changed = isinstance(pinned.compare(pinned.load(row.pins), seen.document), pinned.Changed)
    if row.state == KEY_CHANGED or changed:
        return Check(name, ok=False, code="doctor_peer_key_changed", values=values), seen.ahead
    return Check(name, ok=True, code="doctor_peer_ok", values=values), seen.ahead


def _clock(ahead: Sequence[float]) -> Check:
    """Compare our clock with the median of our neighbours'."""
    if not ahead:
        return Check("clock", ok=True, code="doctor_clock_unknown")
    middle = sorted(ahead)[len(ahead) // 2]
    good = abs(middle) <= CLOCK_SECONDS
    return Check(
        "clock", ok=good, code="doctor_clock_ok" if good else "doctor_clock_off", values={"seconds": round(middle)}
    )


def _own_certificate(house: House) -> Expected:
    """Return what we expect of our own public listener: the certificate that we gave it, whoever else believes it."""
    own = house.tls.public
    return ANYBODY if own is None else Expected(keys=frozenset({own.loaded.spki}))


async def visit(house: House, did: str, expected: Expected) -> Visit:
    """Fetch a DID document. Raises Unreachable `did_not_found`, `did_document_invalid`, or a code of `net.client`."""
    answer = await house.client.request(
        "GET", places.place(did, secure=house.client.secure).document_url,
        reach=Reach.OPERATOR, expected=expected, headers={"Accept": "application/did+json, application/json;q=0.9"},
        limit=DOCUMENT_BYTES, timeout_seconds=RESOLVE_SECONDS,
    )  # fmt: skip
    if answer.status != _OK:
        raise Unreachable("did_not_found", status=answer.status)
    return Visit(documents.parse(did, answer.body), _ahead(answer.headers.get("Date"), house.now()))


def _ahead(date: str | None, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now if date else None
    except ValueError:
        return None
